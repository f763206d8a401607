#!/usr/bin/env perl
# A language model over sentences of different lengths: for each length a symbol of its own, all with the same parameters.
# Saves a checkpoint, goes on from it, and completes lines of the poem.
# ignore-lines: ^Epoch|^   |^Saved
# tolerance: 0.1 0.1
# time-limit: 120
use strict;
use warnings;
use FindBin qw($Bin);
use File::Temp qw(tempdir);
use AI::MXNet qw(mx nd);

mx->random->seed(3);
CORE::srand(3);
my ($batch_size, $hidden, $embedding, $layers) = (4, 48, 32, 2);
my @buckets = (6, 7, 8, 9);
my ($start, $invalid) = (1, 0);

# Each line of the poem is a sentence, which ends with a word of its own.
open my $file, '<', "$Bin/data/poem.txt" or die "poem.txt: $!\n";
my @lines = map { [(map {lc} /\w+/g), '.'] } grep {/\w/} <$file>;
my ($sentences, $vocabulary) = mx->rnn->encode_sentences(\@lines, start_label => $start, invalid_label => $invalid);
my $words = keys %$vocabulary;
my %count;
$count{ scalar @$_ }++ for @lines;
printf "%d lines, %d words; lengths: %s\n", scalar @lines, $words - 1, join ', ', map {"$count{$_} of $_"} sort { $a <=> $b } keys %count;

my $train = mx->rnn->BucketSentenceIter($sentences, $batch_size, buckets => \@buckets, invalid_label => $invalid);

my $stack = mx->rnn->SequentialRNNCell;
$stack->add(mx->rnn->LSTMCell(num_hidden => $hidden, prefix => "lstm_l${_}_")) for 0 .. $layers - 1;

sub network
{
    my ($length) = @_;
    my $embed = mx->sym->Embedding(mx->sym->Variable('data'), input_dim => $words, output_dim => $embedding, name => 'embed');
    $stack->reset;
    my ($outputs) = $stack->unroll($length, inputs => $embed, merge_outputs => 1);
    my $scores = mx->sym->FullyConnected(mx->sym->Reshape($outputs, shape => [-1, $hidden]), num_hidden => $words, name => 'pred');
    my $label  = mx->sym->Reshape(mx->sym->Variable('softmax_label'), shape => [-1]);
    return (mx->sym->SoftmaxOutput($scores, $label, use_ignore => 1, ignore_label => $invalid, name => 'softmax'), ['data'], ['softmax_label']);
}

my $prefix = tempdir(CLEANUP => 1) . '/poem';
my %training = (
    eval_metric        => mx->metric->Perplexity($invalid),
    optimizer          => 'adam',
    optimizer_params   => { learning_rate => 0.01 },
    batch_end_callback => mx->callback->Speedometer($batch_size, 4),
    epoch_end_callback => mx->rnn->do_rnn_checkpoint($stack, $prefix, 10),
);
local $SIG{__WARN__} = sub { print $_[0] };    # the log
my $module = mx->mod->BucketingModule(sym_gen => \&network, default_bucket_key => $train->default_bucket_key);
$module->fit($train, num_epoch => 20, initializer => mx->init->Xavier(factor_type => 'in', magnitude => 2.34), %training);

# The weights of the gates lie apart in the file, so that other cells can read them, too.
my ($symbol, $args, $aux) = mx->rnn->load_rnn_checkpoint($stack, $prefix, 20);
print 'checkpoint: ', join(', ', map { "$_ " . join 'x', @{ $args->{$_}->shape } } grep {/l0.*weight|embed/} sort keys %$args), "\n";
my $later = mx->mod->BucketingModule(sym_gen => \&network, default_bucket_key => $train->default_bucket_key);
$later->fit($train, begin_epoch => 20, num_epoch => 40, arg_params => $args, aux_params => $aux, %training);

my $perplexity = $later->score($train, mx->metric->Perplexity($invalid))->{Perplexity};
printf "perplexity below 3: %s\n", $perplexity < 3 ? 'yes' : "no, $perplexity";

# One word after another, always the likeliest.
my @word;
$word[ $vocabulary->{$_} ] = $_ for keys %$vocabulary;
for my $begin (['a', 'river'], ['it', 'meets'], ['the', 'mill']) {
    my @sentence = @$begin;
    while (@sentence < 9 and $sentence[-1] ne '.') {
        my $length = @sentence <= 6 ? 6 : @sentence;
        my @codes = ((map { $vocabulary->{$_} } @sentence), ($invalid) x ($length - @sentence));
        $later->forward(AI::MXNet::DataBatch->new(
            data => [nd->array([(\@codes) x $batch_size])], label => [nd->zeros([$batch_size, $length])], bucket_key => $length,
            provide_data  => [mx->io->DataDesc('data',          [$batch_size, $length])],
            provide_label => [mx->io->DataDesc('softmax_label', [$batch_size, $length])]), is_train => 0);
        push @sentence, $word[ $later->get_outputs->[0]->at($#sentence)->argmax(axis => 0)->asscalar ];
    }
    print "   @sentence\n";
}
