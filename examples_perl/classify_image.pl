#!/usr/bin/env perl
# A network of the model zoo with weights from a local file names what is on a picture.
# tolerance: 0.06 0.01
# ignore-lines: ^epoch|^guess
# time-limit: 240
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/lib";
use AI::MXNet qw(mx nd autograd);
use AI::MXNet::Gluon qw(gluon);
use AI::MXNet::Gluon::ModelZoo qw(get_model);
use Digits;

my $name   = 'mobilenet0.25';
my $folder = "$Bin/../demo_output";
mkdir($folder) || die "$folder: $!\n" unless -d $folder;

# Pictures as the network wants them: three colours, 32 x 32.
sub as_input
{
    my ($images) = @_;    # (n, 1, 28, 28), from 0 to 1
    my $padded = nd->pad($images, mode => 'constant', pad_width => [0, 0, 0, 0, 2, 2, 2, 2]);
    return nd->concat((map { $padded - 0.3 } 1 .. 3), dim => 1);
}

# Weights for digits, since those that the world knows are of photographs: trained here, unless they are there already.
if (not -e "$folder/$name.params") {
    mx->random->seed(2);
    my ($images, $labels) = map { nd->array($_) } Digits->load('train');
    my $data = gluon->data->DataLoader(gluon->data->ArrayDataset(as_input($images->reshape([-1, 1, 28, 28])), $labels), batch_size => 32, shuffle => 1);
    my $net = get_model($name, classes => 10);
    $net->initialize(mx->init->Xavier);
    $net->hybridize;
    my $fit = gluon->fit(net => $net, loss => gluon->loss->SoftmaxCrossEntropyLoss, train_data => $data, epochs => 12, seed => 2, metrics => ['acc'],
        optimizer => 'adam', callbacks => [gluon->callbacks->LRSchedule(sub { my ($epoch) = @_; return 0.005 * 0.7**$epoch })]);
    printf "epoch %d  loss %.3f  accuracy %.3f\n", @$_{qw(epoch loss accuracy)} for @{ $fit->history };
    $net->save_parameters("$folder/$name.params");
}

# A picture in a file, as it could come from anywhere.
my ($images, $labels) = map { nd->array($_) } Digits->load('t10k');
my $which = 0;
my $bytes = (nd->take($images, nd->array([$which]))->reshape([28, 28, 1]) * 255)->astype('uint8');
my $file = "$folder/digit.png";
open my $out, '>:raw', $file or die "$file: $!\n";
print {$out} ${ nd->image->encode($bytes, format => '.png', quality => 9)->aspdl->get_dataref };
close $out or die "$file: $!\n";

# From here on, it is what a program does that has a file of weights and a picture.
my $net = get_model($name, classes => 10, pretrained => 1, root => $folder);
my $picture = mx->image->imread($file, flag => 0);
print 'picture of ', join(' x ', @{ $picture->shape }), "\n";
my $input = as_input($picture->astype('float32')->transpose(axes => [2, 0, 1])->expand_dims(axis => 0) / 255);
my $probabilities = $net->($input)->softmax(axis => 1);
my ($values, $classes) = map { $_->aspdl } @{ $probabilities->topk(k => 3, ret_typ => 'both') };
printf "guess %d. a %d (%.2f)\n", $_ + 1, $classes->at($_, 0), $values->at($_, 0) for 0 .. 2;
printf "it is a %d, the network says %d\n", $labels->at($which)->asscalar, $classes->at(0, 0);
my $right = $net->(as_input($images->reshape([-1, 1, 28, 28])))->argmax(axis => 1) == $labels;
printf "of %d pictures it names %.2f rightly\n", $labels->size, $right->mean->asscalar;
