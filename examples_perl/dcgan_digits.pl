#!/usr/bin/env perl
# Two networks against each other: one draws digits, the other tells them from real ones.
# ignore-lines: ^epoch
# tolerance: 0.5 0.5
# time-limit: 240
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/lib";
use List::Util qw(shuffle);
use PDL;
use AI::MXNet qw(mx nd autograd);
use AI::MXNet::Gluon qw(gluon);
use AI::MXNet::Gluon::NN qw(nn);
use Digits;

mx->random->seed(21);
CORE::srand(21);
my ($noise, $width, $batch_size, $epochs) = (32, 16, 64, shift // 10);

# Images of 28 x 28 pixels, from -1 to 1.
my ($pixels) = Digits->load('train');
my $images = nd->array($pixels)->reshape([-1, 1, 28, 28]) * 2 - 1;

my $generator = nn->HybridSequential(prefix => 'generator_');
$generator->name_scope(sub {
    $generator->add(
        nn->Conv2DTranspose($width * 4, kernel_size => 7, use_bias => 0), nn->BatchNorm, nn->Activation('relu'),
        nn->Conv2DTranspose($width * 2, kernel_size => 4, strides => 2, padding => 1, use_bias => 0), nn->BatchNorm, nn->Activation('relu'),
        nn->Conv2DTranspose(1, kernel_size => 4, strides => 2, padding => 1, use_bias => 0), nn->Activation('tanh'),
    );
});
my $discriminator = nn->HybridSequential(prefix => 'discriminator_');
$discriminator->name_scope(sub {
    $discriminator->add(
        nn->Conv2D($width, kernel_size => 4, strides => 2, padding => 1), nn->LeakyReLU(0.2),
        nn->Conv2D($width * 2, kernel_size => 4, strides => 2, padding => 1, use_bias => 0), nn->BatchNorm, nn->LeakyReLU(0.2),
        nn->Flatten, nn->Dense(1),
    );
});
$_->initialize(mx->init->Normal(0.05)), $_->hybridize for $generator, $discriminator;
my ($g_trainer, $d_trainer) = map { gluon->Trainer($_->collect_params, 'adam', { learning_rate => 0.002, beta1 => 0.5 }) } $generator, $discriminator;
my $loss_of = gluon->loss->SigmoidBCELoss;
my ($real, $fake) = (nd->ones([$batch_size]), nd->zeros([$batch_size]));
my $draw = sub { return nd->random->normal(shape => [$_[0], $noise, 1, 1]) };

my @kept;
for my $epoch (1 .. $epochs) {
    my @order = shuffle 0 .. $images->shape->[0] - 1;
    my ($d_total, $g_total, $fooled, $steps) = (nd->zeros([1]), nd->zeros([1]), nd->zeros([1]), 0);
    while (@order >= $batch_size) {
        my $batch = nd->take($images, nd->array([splice @order, 0, $batch_size]));
        my ($d_loss, $g_loss, $drawn, $scores);
        autograd->record(sub {
            $drawn = $generator->($draw->($batch_size));
            $d_loss = $loss_of->($discriminator->($batch), $real) + $loss_of->($discriminator->($drawn->detach), $fake);
        });
        $d_loss->backward;
        $d_trainer->step($batch_size);
        autograd->record(sub {
            $scores = $discriminator->($generator->($draw->($batch_size)));
            $g_loss = $loss_of->($scores, $real);
        });
        $g_loss->backward;
        $g_trainer->step($batch_size);
        $fooled  += ($scores > 0)->mean;
        $d_total += $d_loss->mean;
        $g_total += $g_loss->mean;
        $steps++;
    }
    printf "epoch %d  discriminator %.3f  generator %.3f  taken for real %.2f\n", $epoch, map { $_->asscalar / $steps } $d_total, $g_total, $fooled;
}

# 6 x 6 of its drawings as one picture, in the simplest of file formats, which needs no library.
my $sheet = $generator->($draw->(36))->reshape([6, 6, 28, 28])->transpose(axes => [0, 2, 1, 3])->reshape([168, 168]);
my $bytes = (($sheet + 1) * 127.5)->round->astype('uint8')->aspdl;
my $folder = "$Bin/../demo_output";
mkdir($folder) || die "$folder: $!\n" unless -d $folder;
open my $picture, '>:raw', "$folder/dcgan.pgm" or die "dcgan.pgm: $!\n";
print {$picture} "P5\n168 168\n255\n", ${ $bytes->get_dataref };
close $picture or die "dcgan.pgm: $!\n";
print "drawings: demo_output/dcgan.pgm\n";

# Strokes are white on black, in about as many pixels as those of real digits.
my ($white, $wanted) = map { ($_ > 0)->mean->asscalar } $sheet, $images;
printf "share of white pixels %s\n", abs($white - $wanted) < 0.1 ? 'as in real digits' : sprintf '%.2f, in real digits %.2f', $white, $wanted;
