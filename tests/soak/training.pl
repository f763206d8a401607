# COUNT training steps of Gluon networks, eager and hybridized, with dropout, normalisation, a recurrent layer, a metric
# and several optimizers: the memory of both processes stays as it is.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/lib";
use Trial;
BEGIN { Trial::use_window() }
use AI::MXNet qw(mx nd autograd);
use AI::MXNet::Gluon qw(gluon);
use AI::MXNet::Gluon::NN qw(nn);

mx->random->seed(1);
my $loss_of = gluon->loss->SoftmaxCrossEntropyLoss;
my ($images, $classes) = (nd->random->uniform(shape => [16, 1, 12, 12]), nd->arange(start => 0, stop => 16) % 10);
my $sequences = nd->random->uniform(shape => [16, 7, 5]);

sub trained
{
    my ($input, $optimizer, $hybrid, @layers) = @_;
    my $net = nn->HybridSequential;
    $net->name_scope(sub { $net->add(@layers, nn->Dense(10)) });
    $net->initialize(mx->init->Xavier);
    $net->hybridize if $hybrid;
    my $trainer = gluon->Trainer($net->collect_params, $optimizer, { learning_rate => 0.01 });
    my $accuracy = mx->metric->Accuracy;
    return sub {
        my ($loss, $output);
        autograd->record(sub { $loss = $loss_of->($output = $net->($input), $classes) });
        $loss->backward;
        $trainer->step(16);
        $accuracy->update([$classes], [$output]);
        return $loss;
    };
}

my @ways = map {
    my $hybrid = $_;
    (
        trained($images, 'sgd', $hybrid, nn->Conv2D(4, kernel_size => 3), nn->BatchNorm, nn->Activation('relu'), nn->MaxPool2D, nn->Flatten),
        trained($images, 'adam', $hybrid, nn->Flatten, nn->Dense(20, activation => 'tanh'), nn->Dropout(0.3)),
        trained($sequences, 'rmsprop', $hybrid, gluon->rnn->LSTM(8, layout => 'NTC')),
    );
} 0, 1;

sub train
{
    my ($count) = @_;
    for my $number (1 .. $count) {
        my $loss = $ways[$number % @ways]->();
        next if $number % 100;
        die "the loss is not finite after $number steps\n" unless $loss->sum->asscalar < 1e6;
        progress($number);
    }
    return;
}

train(600);
my $before = figures();
train($COUNT);
stay($before, figures());
verdict();
