# Training steps of an MLP and of LeNet on images of 28 x 28, eager and hybridized: samples a second.
use strict;
use warnings;
use Time::HiRes qw(time);
use List::Util qw(max);
use AI::MXNet qw(mx nd autograd);
use AI::MXNet::Gluon qw(gluon);
use AI::MXNet::Gluon::NN qw(nn);

my $batch = 64;
my %layers = (
    mlp   => sub { (map({ nn->Dense($_, activation => 'relu') } 128, 64), nn->Dense(10)) },
    lenet => sub {
        (map({ (nn->Conv2D($_, kernel_size => 5, activation => 'relu'), nn->MaxPool2D(2, 2)) } 20, 50),
            nn->Flatten, nn->Dense(500, activation => 'relu'), nn->Dense(10));
    },
);
my %steps = (mlp => 100, lenet => 15);
my $x = nd->random->uniform(shape => [$batch, 1, 28, 28]);
my $y = nd->array([map { $_ % 10 } 1 .. $batch]);
my $loss_of = gluon->loss->SoftmaxCrossEntropyLoss;

for my $name (qw(mlp lenet)) {
    for my $way (qw(eager hybrid)) {
        mx->random->seed(1);
        my $net = nn->HybridSequential;
        $net->name_scope(sub { $net->add($layers{$name}->()) });
        $net->initialize(mx->init->Xavier);
        $net->hybridize if $way eq 'hybrid';
        my $trainer = gluon->Trainer($net->collect_params, 'sgd', { learning_rate => 0.05, momentum => 0.9 });
        my $train = sub {
            my $loss;
            for (1 .. $_[0]) {
                autograd->record(sub { $loss = $loss_of->($net->($x), $y) });
                $loss->backward;
                $trainer->step($batch);
            }
            $loss->wait_to_read;
        };
        $train->(5);
        my @rates = map { my $start = time; $train->($steps{$name}); $batch * $steps{$name} / (time - $start) } 1 .. 4;
        printf "gluon_%s_%s_samples_per_s %.0f\n", $name, $way, max @rates;
    }
}
