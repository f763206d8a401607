#!/usr/bin/env perl
# A recurrent network learns a text by its characters, then writes some of its own.
# ignore-lines: ^epoch|^    
# tolerance: 0.2 0.1
# time-limit: 180
use strict;
use warnings;
use FindBin qw($Bin);
use AI::MXNet qw(mx nd autograd);
use AI::MXNet::Gluon qw(gluon);
use AI::MXNet::Gluon::NN qw(nn);

mx->random->seed(5);
CORE::srand(5);
my ($hidden, $batch_size, $steps, $epochs) = (96, 8, 24, 60);

open my $file, '<', "$Bin/data/poem.txt" or die "poem.txt: $!\n";
my $text = do { local $/; readline $file };
my @vocabulary = do { my %seen; sort grep { !$seen{$_}++ } split //, $text };
my %number = map { $vocabulary[$_] => $_ } 0 .. $#vocabulary;
my @codes = map { $number{$_} } split //, $text;
printf "%d characters, %d different ones\n", scalar @codes, scalar @vocabulary;

# The text in $batch_size strands, which the batches go along; the states of one batch are the first of the next.
my $length = int($#codes / $batch_size);
my $strands = sub { my ($shift) = @_; nd->array([map { my $strand = $_; [map { $codes[$strand * $length + $_ + $shift] } 0 .. $length - 1] } 0 .. $batch_size - 1])->T };
my ($inputs, $targets) = ($strands->(0), $strands->(1));

package Model {
    use AI::MXNet::Gluon::Mouse;
    extends 'AI::MXNet::Gluon::Block';

    has [qw(embedding lstm dense)] => (is => 'rw');

    sub BUILD
    {
        my ($self) = @_;
        $self->name_scope(sub {
            $self->embedding(nn->Embedding(scalar @vocabulary, 32));
            $self->lstm(gluon->rnn->LSTM($hidden, input_size => 32));
            $self->dense(nn->Dense(scalar @vocabulary, flatten => 0, in_units => $hidden));
        });
    }

    # (steps, batch) of characters and the states => scores (steps, batch, characters) and the new states.
    sub forward
    {
        my ($self, $x, $states) = @_;
        my ($outputs, $new) = @{ $self->lstm->(scalar $self->embedding->($x), $states) };
        return (scalar $self->dense->($outputs), $new);
    }
}

my $model = Model->new;
$model->initialize(mx->init->Xavier);
my $trainer = gluon->Trainer($model->collect_params, 'adam', { learning_rate => 0.01 });
my $loss_of = gluon->loss->SoftmaxCrossEntropyLoss;
my $perplexity;
for my $epoch (1 .. $epochs) {
    my $states = $model->lstm->begin_state($batch_size);
    my ($total, $count) = (nd->zeros([1]), 0);
    for (my $at = 0; $at + $steps <= $length; $at += $steps) {
        my ($x, $y) = map { $_->slice_axis(axis => 0, begin => $at, end => $at + $steps) } $inputs, $targets;
        $_ = $_->detach for @$states;
        my $loss;
        autograd->record(sub {
            (my $scores, $states) = $model->($x, $states);
            $loss = $loss_of->($scores->reshape([-1, scalar @vocabulary]), $y->reshape([-1]))->mean;
        });
        $loss->backward;
        gluon->utils->clip_global_norm([map { $_->grad } $model->collect_params->values], 1);
        $trainer->step(1);
        $total += $loss;
        $count++;
    }
    $perplexity = exp($total->asscalar / $count);
    printf "epoch %2d  perplexity %.2f\n", $epoch, $perplexity if $epoch % 10 == 0;
}

# It writes on: each character is drawn as the model finds it likely, given those before.
my $states = $model->lstm->begin_state(1);
my $written = 'A river ';
my @start = map { $number{$_} } split //, $written;
my $x = nd->array(\@start)->reshape([-1, 1]);
for (1 .. 120) {
    (my $scores, $states) = $model->($x, $states);
    my $last = $scores->slice_axis(axis => 0, begin => -1, end => undef)->reshape([-1]);
    my $next = nd->random->multinomial(($last * 2)->softmax)->asscalar;
    $written .= $vocabulary[$next];
    $x = nd->array([[$next]]);
}
print "    $_\n" for split /\n/, $written;
printf "perplexity %s\n", $perplexity < 1.6 ? 'below 1.6: it knows the text' : sprintf '%.2f', $perplexity;
