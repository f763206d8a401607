# Batches of 50 images of 28 x 28 bytes that a function divides by 255, with 0, 1 and 2 worker processes: samples a second.
# `piddle`: samples are piddles; `array`: NDArrays, which workers compute in engines of their own. `augment`: images of 64 x 64
# in colour, cut, mirrored and recoloured at random.
use strict;
use warnings;
use PDL;
use Time::HiRes qw(time);
use AI::MXNet qw(mx nd);
use AI::MXNet::Gluon qw(gluon);

my $count = 6000;
my ($images, $labels) = ((sequence(1, 28, 28, $count) % 256)->byte, (sequence($count) % 10)->long);
my %sets = (
    piddle => gluon->data->ArrayDataset($images, $labels)->transform_first(sub { $_[0]->float / 255 }),
    array  => gluon->data->ArrayDataset(nd->array($images, dtype => 'uint8'), $labels)->transform_first(sub { $_[0]->astype('float32') / 255 }),
);
my $t = gluon->data->vision->transforms;
$sets{augment} = gluon->data->ArrayDataset(nd->random->randint(0, 256, shape => [1000, 64, 64, 3])->astype('uint8'), $labels->slice('0:999'))
    ->transform_first($t->Compose([$t->RandomResizedCrop(32), $t->RandomFlipLeftRight, $t->RandomColorJitter(0.2, 0.2, 0.2, 0.1), $t->ToTensor]));

for my $kind (sort keys %sets) {
    for my $workers (0, 1, 2) {
        my $loader = gluon->data->DataLoader($sets{$kind}, batch_size => 50, shuffle => 1, num_workers => $workers);
        my $best = 0;
        for my $run (1 .. 4) {
            my $begin = time;
            1 while <$loader>;
            nd->waitall;
            my $rate = $sets{$kind}->len / (time - $begin);
            $best = $rate if $run > 1 and $rate > $best;
        }
        printf "loader_%s_%d %.0f\n", $kind, $workers, $best;
    }
}
