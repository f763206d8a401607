#!/usr/bin/env perl
# Loads the parameters that train_with_dataloader.pl has saved, and predicts. Without them it trains first.
# ignore-lines: ^(29 batches|epoch|parameters|final)
# tolerance: 0.03 0.001
# time-limit: 120
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/lib";
use AI::MXNet qw(mx nd);
use AI::MXNet::Gluon::NN qw(nn);
use Digits;

my $file = "$Bin/../demo_output/net.params";
system($^X, (map {"-I$_"} @INC), "$Bin/train_with_dataloader.pl") == 0 or die "the training failed\n" unless -e $file;

# The same network; its parameters come from the file.
my $net = nn->HybridSequential(prefix => 'again_');
$net->name_scope(sub {
    $net->add(
        nn->Conv2D(channels => 6, kernel_size => 5, activation => 'relu'), nn->MaxPool2D(2, 2),
        nn->Conv2D(channels => 16, kernel_size => 3, activation => 'relu'), nn->MaxPool2D(2, 2),
        nn->Flatten, nn->Dense(120, activation => 'relu'), nn->Dense(84, activation => 'relu'), nn->Dense(10),
    );
});
$net->load_parameters($file);

my ($images, $labels) = map { nd->array($_) } Digits->load('t10k');
my $scores = $net->($images->reshape([-1, 1, 28, 28]));
my $predicted = $scores->argmax(axis => 1);
my $right = $predicted == $labels;
printf "%d images, %.3f of them right\n", $labels->size, $right->mean->asscalar;

# The first five, with the probability of what was predicted.
my $probabilities = $scores->softmax(axis => 1);
my $certain = $probabilities->max(axis => 1)->aspdl;
my ($what, $truth) = map { $_->aspdl } $predicted, $labels;
print "image $_: ", $truth->at($_), ', predicted ', $what->at($_), ($certain->at($_) > 0.5 ? ', sure' : ', not sure'), "\n" for 0 .. 4;
