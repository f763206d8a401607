#!/usr/bin/env perl
# Trains a convolutional network on images in the format of MNIST and FashionMNIST, and saves its parameters.
# predict.pl goes on from there. For FashionMNIST itself, put its four files into a folder and name that.
# ignore-lines: ^epoch
# tolerance: 0.03 0.001
# time-limit: 120
use strict;
use warnings;
use FindBin qw($Bin);
use Time::HiRes qw(time);
use AI::MXNet qw(mx nd autograd);
use AI::MXNet::Gluon qw(gluon);
use AI::MXNet::Gluon::NN qw(nn);

my $folder = shift // "$Bin/data";
my $output = "$Bin/../demo_output";
my ($batch_size, $epochs) = (50, 6);
mx->random->seed(42);
CORE::srand(42);

# Pixels are bytes [28, 28, 1]; the network takes floats from 0 to 1, [1, 28, 28].
my $transform = sub {
    my ($image, $label) = @_;
    return ($image->astype('float32')->transpose(axes => [2, 0, 1]) / 255, $label);
};
local $SIG{__WARN__} = sub { warn @_ unless $_[0] =~ /SHA-1/ };    # it need not be the published files
my ($train, $valid) = map {
    my $set = gluon->data->vision->FashionMNIST($folder, train => $_, transform => $transform);
    gluon->data->DataLoader($set, batch_size => $batch_size, shuffle => $_, num_workers => 0);
} 1, 0;
printf "%d batches of %d images to train on, %d to check\n", $train->len, $batch_size, $valid->len;

my $net = nn->HybridSequential(prefix => 'fashion_');
$net->name_scope(sub {
    $net->add(
        nn->Conv2D(channels => 6, kernel_size => 5, activation => 'relu'), nn->MaxPool2D(2, 2),
        nn->Conv2D(channels => 16, kernel_size => 3, activation => 'relu'), nn->MaxPool2D(2, 2),
        nn->Flatten, nn->Dense(120, activation => 'relu'), nn->Dense(84, activation => 'relu'), nn->Dense(10),
    );
});
$net->initialize(mx->init->Xavier);
$net->hybridize;

my $loss_of = gluon->loss->SoftmaxCrossEntropyLoss;
my $trainer = gluon->Trainer($net->collect_params, 'sgd', { learning_rate => 0.05, momentum => 0.5 });

my $accuracy;
for my $epoch (1 .. $epochs) {
    my $start = time;
    my ($total, $count) = (nd->zeros([1]), 0);
    while (my $batch = <$train>) {
        my ($data, $label) = @$batch;
        my $loss;
        autograd->record(sub { $loss = $loss_of->($net->($data), $label) });
        $loss->backward;
        $trainer->step($batch_size);
        $total += $loss->sum;
        $count += $batch_size;
    }
    my $metric = mx->metric->Accuracy;
    while (my $batch = <$valid>) {
        my ($data, $label) = @$batch;
        $metric->update([$label], [$net->($data)]);
    }
    (undef, $accuracy) = $metric->get;
    printf "epoch %d  loss %.3f  accuracy %.3f  %.1f s\n", $epoch, $total->asscalar / $count, $accuracy, time - $start;
}
mkdir($output) || die "$output: $!\n" unless -d $output;
$net->save_parameters("$output/net.params");
print "parameters: demo_output/net.params\n";
printf "final accuracy %.3f\n", $accuracy;
