# Models that MXNet 1.9.1 saved, from Perl.
use strict;
use warnings;
use File::Copy qw(copy);
use File::Temp qw(tempdir);
use FindBin qw($Bin);
use Test::More;
use AI::MXNet qw(mx);
use AI::MXNet::Gluon qw(gluon);

my $models = "$Bin/../../tests/data/models";
plan skip_all => 'the models are not part of the distribution' if !-d $models;

for my $name (qw(multilayer convolutional recurrent)) {
    my %known = %{ mx->nd->load("$models/$name-run.params") };
    my $parameters = mx->nd->load("$models/$name-0001.params");
    $known{ s/^\w+://r } = $parameters->{$_} for keys %$parameters;
    for my $kind (qw(symbol 0800)) {
        my $net = mx->sym->load("$models/$name-$kind.json");
        my $executor = $net->bind(ctx => mx->cpu, args => \%known, aux_states => \%known);
        my $predicts = sub {
            my ($output, $means) = @_;
            my $difference = ($output->reshape($known{output0}->shape) - $known{output0})->abs->max->asscalar;
            cmp_ok $difference, '<', 1e-5, "$name, $kind: $means";
        };
        $predicts->($executor->forward->[0], 'an executor');

        my $folder = tempdir(CLEANUP => 1);
        copy("$models/$name-$kind.json", "$folder/net-symbol.json") && copy("$models/$name-0001.params", "$folder/net-0001.params") or die "copy: $!";
        my $loaded = mx->mod->Module->load("$folder/net", 1);
        my @label = [softmax_label => $known{softmax_label}->shape];
        $loaded->bind(data_shapes => [[data => $known{data}->shape]], label_shapes => \@label, for_training => 0);
        my $data = mx->io->NDArrayIter(data => $known{data}, label => $known{softmax_label}, batch_size => $known{data}->len);
        $predicts->($loaded->predict($data), 'a module');
        my ($symbol, $args, $aux) = mx->mod->load_checkpoint("$folder/net", 1);
        is_deeply [sort keys %$args, keys %$aux], [sort map {s/^\w+://r} keys %$parameters], "$name, $kind: a checkpoint";

        my $block = gluon->SymbolBlock->imports("$folder/net-symbol.json", ['data', 'softmax_label'], "$folder/net-0001.params");
        $predicts->($block->($known{data}, $known{softmax_label}), 'a block');
    }
}

done_testing;
