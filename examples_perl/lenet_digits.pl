#!/usr/bin/env perl
# LeNet on real handwritten digits, by gluon->fit: progress, early stopping, checkpoints and curves.
# ignore-lines: ^epoch
# tolerance: 0.012 0.001
# time-limit: 180
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/lib";
use AI::MXNet qw(mx nd);
use AI::MXNet::Gluon qw(gluon);
use AI::MXNet::Gluon::NN qw(nn);
use Digits;

mx->random->seed(7);
my ($train, $test) = map {
    my ($images, $labels) = map { nd->array($_) } Digits->load($_);
    gluon->data->DataLoader(gluon->data->ArrayDataset($images->reshape([-1, 1, 28, 28]), $labels), batch_size => 50, shuffle => $_ eq 'train');
} 'train', 't10k';

my $net = nn->HybridSequential;
$net->name_scope(sub {
    $net->add(
        nn->Conv2D(channels => 20, kernel_size => 5, activation => 'relu'), nn->MaxPool2D(2, 2),
        nn->Conv2D(channels => 50, kernel_size => 5, activation => 'relu'), nn->MaxPool2D(2, 2),
        nn->Flatten, nn->Dense(200, activation => 'relu'), nn->Dropout(0.3), nn->Dense(10),
    );
});
$net->initialize(mx->init->Xavier(magnitude => 2.24));
$net->hybridize;

my $folder = "$Bin/../demo_output";
mkdir($folder) || die "$folder: $!\n" unless -d $folder;
my $fit = gluon->fit(
    net => $net, loss => gluon->loss->SoftmaxCrossEntropyLoss, train_data => $train, val_data => $test, epochs => 6, seed => 7,
    metrics => ['acc'], optimizer => 'adam', optimizer_params => { learning_rate => 0.002 },
    callbacks => [
        gluon->callbacks->LRSchedule(sub { my ($epoch) = @_; return 0.002 * 0.7**$epoch }),
        gluon->callbacks->Curves("$folder/lenet.svg"),
    ],
);
my $last = $fit->history->[-1];
printf "epoch %d  loss %.4f  accuracy %.4f\n", @$_{qw(epoch loss val_accuracy)} for @{ $fit->history };
print "curves: demo_output/lenet.svg\n";
printf "test accuracy %.3f, %s\n", $last->{val_accuracy}, $last->{val_accuracy} >= 0.975 ? 'as good as it should be' : 'less than 0.975';
