#!/usr/bin/env perl
# A convolutional network learns to read digits: Gluon's layers, images in batches made by a second process, a training that
# can be interrupted. Run it again after Ctrl-C, and it goes on. --new begins again.
# ignore-lines: ^epoch|confus
# tolerance: 0.02 0.001
use strict;
use warnings;
use File::Path qw(make_path remove_tree);
use FindBin qw($Bin);
use AI::MXNet qw(mx nd);
use AI::MXNet::Gluon qw(gluon);
use AI::MXNet::Gluon::NN qw(nn);

my $folder = "$Bin/../demo_output/fit_digits";
remove_tree($folder) if !-t STDIN or grep { $_ eq '--new' } @ARGV;
make_path($folder);
mx->random->seed(1);

# The digits have MNIST's format, so its dataset reads them.
local $AI::MXNet::Logging::silent = 1;    # it would tell that they are not those of MNIST
my $transforms = gluon->data->vision->transforms;
my $prepare = $transforms->Compose([$transforms->ToTensor, $transforms->Normalize(0.13, 0.31)]);
my ($train, $test) = map { gluon->data->vision->MNIST("$Bin/data", train => $_)->transform_first($prepare) } 1, 0;
printf "%d training and %d test images\n", $train->len, $test->len;

my $net = nn->HybridSequential;
$net->name_scope(sub {
    $net->add(nn->Conv2D(channels => 8, kernel_size => 5, activation => 'relu'), nn->MaxPool2D(pool_size => 2));
    $net->add(nn->Conv2D(channels => 16, kernel_size => 3, activation => 'relu'), nn->MaxPool2D(pool_size => 2));
    $net->add(nn->Dense(64, activation => 'relu'), nn->Dropout(0.3), nn->Dense(10));
});
$net->initialize(mx->init->Xavier);
$net->hybridize;

my $callbacks = gluon->callbacks;
my $confusion = mx->metric->ConfusionMatrix(10);
my $fit = gluon->fit(
    net        => $net,
    loss       => gluon->loss->SoftmaxCrossEntropyLoss,
    train_data => gluon->data->DataLoader($train, batch_size => 32, shuffle => 1, num_workers => 1),
    val_data   => gluon->data->DataLoader($test, batch_size => 128),
    epochs     => 6,
    metrics    => [$confusion],
    optimizer  => 'adam', optimizer_params => { learning_rate => 0.003 },
    seed       => 1,
    callbacks  => [
        $callbacks->Checkpoint($folder),
        $callbacks->EarlyStopping('val_loss', 3),
        $callbacks->CSVLog("$folder/log.csv"),
        $callbacks->Curves("$folder/curves.svg", 'Digits'),
        sub { my ($fit, $values) = @_; printf "epoch %d  loss %.3f  test accuracy %.3f\n", @$values{qw(epoch loss val_confusion)} },
    ],
    resume => $folder,
);

$fit->evaluate($fit->val_data);
my ($matrix, $count, $worst) = ($confusion->matrix->copy, 0, '');
$matrix->diagonal(0, 1) .= 0;
for my $digit (0 .. 9) {
    for my $read (grep { $matrix->at($_, $digit) > $count } 0 .. 9) { ($count, $worst) = ($matrix->at($read, $digit), "$digit read as $read") }
}
print "most often confused: $worst, $count times\n" if $count;
print "log and curves: demo_output/fit_digits\n";
printf "test accuracy %.3f\n", ($confusion->get)[1];
