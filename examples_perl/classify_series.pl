#!/usr/bin/env perl
# An LSTM tells two kinds of series from a CSV file apart; ROC curve and confusion matrix of those it has not seen.
# ignore-lines: ^epoch|^truth
# tolerance: 0.06 0.02
# time-limit: 120
use strict;
use warnings;
use FindBin qw($Bin);
use AI::MXNet qw(mx nd autograd);
use AI::MXNet::Chart;
use AI::MXNet::Gluon qw(gluon);
use AI::MXNet::Gluon::NN qw(nn);

mx->random->seed(3);

# kind,v0,v1,...: a line for each series
open my $file, '<', "$Bin/data/series.csv" or die "series.csv: $!\n";
my (undef, @lines) = map { chomp; [split /,/] } <$file>;
my @labels = map { $_->[0] eq 'wave' ? 1 : 0 } @lines;
my $series = nd->array([map { [@$_[1 .. $#$_]] } @lines]);
my $steps = $series->shape->[1];
my $x = $series->reshape([-1, $steps, 1]);
my $y = nd->array(\@labels);
my $split = 240;
my %part = (
    train => [$x->slice_axis(axis => 0, begin => 0, end => $split), $y->slice_axis(axis => 0, begin => 0, end => $split)],
    test  => [$x->slice_axis(axis => 0, begin => $split, end => undef), $y->slice_axis(axis => 0, begin => $split, end => undef)],
);
printf "%d series of %d values to train on, %d to test\n", $split, $steps, @lines - $split;

package Classifier {
    use AI::MXNet::Gluon::Mouse;
    extends 'AI::MXNet::Gluon::Block';

    has [qw(lstm dense)] => (is => 'rw');

    sub BUILD
    {
        my ($self) = @_;
        $self->name_scope(sub {
            $self->lstm(gluon->rnn->LSTM(24, layout => 'NTC', bidirectional => 1, input_size => 1));
            $self->dense(nn->Dense(2));
        });
    }

    # What the LSTM says of all steps, averaged, decides.
    sub forward
    {
        my ($self, $x) = @_;
        return $self->dense->($self->lstm->($x)->mean(axis => 1));
    }
}

my $net = Classifier->new;
$net->initialize(mx->init->Xavier);
my $data = gluon->data->DataLoader(gluon->data->ArrayDataset(@{ $part{train} }), batch_size => 24, shuffle => 1);
my $fit = gluon->fit(net => $net, loss => gluon->loss->SoftmaxCrossEntropyLoss, train_data => $data, epochs => 25, seed => 3,
    metrics => ['acc'], optimizer => 'adam', optimizer_params => { learning_rate => 0.01 });
printf "epoch %d  loss %.3f  accuracy %.3f\n", @$_{qw(epoch loss accuracy)} for @{ $fit->history };

# The probability of a wave for each series of the test, and how many of both kinds lie above each threshold.
my ($test_x, $test_y) = @{ $part{test} };
my $scores = $net->($test_x)->softmax(axis => 1)->slice_axis(axis => 1, begin => 1, end => 2)->reshape([-1])->aspdl;
my @truth = $test_y->aspdl->list;
my @ranked = sort { $scores->at($b) <=> $scores->at($a) } 0 .. $#truth;
my ($waves, $drifts) = (scalar(grep { $_ } @truth), scalar(grep { !$_ } @truth));
my ($hits, $alarms, $area, @hit_rate, @alarm_rate) = (0, 0, 0);
for my $i (@ranked) {
    if ($truth[$i]) { $hits++ }
    else { $alarms++; $area += $hits / $waves / $drifts }
    push @hit_rate,   $hits / $waves;
    push @alarm_rate, $alarms / $drifts;
}
my $folder = "$Bin/../demo_output";
mkdir($folder) || die "$folder: $!\n" unless -d $folder;
AI::MXNet::Chart->write("$folder/roc.svg", title => 'Waves and drifts, by falling score', x => 'series taken for waves',
    lines => [['found waves' => \@hit_rate], ['false alarms' => \@alarm_rate]]);

my @confusion = ([0, 0], [0, 0]);
$confusion[ $truth[$_] ][ $scores->at($_) > 0.5 ? 1 : 0 ]++ for 0 .. $#truth;
print "            predicted: drift  wave\n";
printf "truth %5s:          %3d   %3d\n", ('drift', 'wave')[$_], @{ $confusion[$_] } for 0, 1;
print "curve: demo_output/roc.svg\n";
printf "area under the ROC curve %.2f\n", $area;
printf "test accuracy %.2f\n", ($confusion[0][0] + $confusion[1][1]) / @truth;
