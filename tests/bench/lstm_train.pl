# Training steps of a fused LSTM with 128 cells on sequences of 35 steps: tokens a second.
use strict;
use warnings;
use Time::HiRes qw(time);
use List::Util qw(max);
use AI::MXNet qw(mx nd autograd);
use AI::MXNet::Gluon qw(gluon);
use AI::MXNet::Gluon::NN qw(nn);

my ($steps, $batch, $inputs, $hidden, $classes) = (35, 20, 64, 128, 65);
my $net = gluon->rnn->LSTM($hidden, num_layers => 1, input_size => $inputs);
my $out = nn->Dense($classes, flatten => 0, in_units => $hidden);
$_->initialize(mx->init->Xavier) for $net, $out;
my $loss_of = gluon->loss->SoftmaxCrossEntropyLoss;
my @trainers = map { gluon->Trainer($_->collect_params, 'adam', { learning_rate => 0.01 }) } $net, $out;
my $x = nd->random->uniform(shape => [$steps, $batch, $inputs]);
my $y = nd->array([map { [map { $_ % $classes } 1 .. $batch] } 1 .. $steps]);

my @rates = map {
    my ($start, $loss) = (time);
    for (1 .. 10) {
        my $state = $net->begin_state($batch);
        autograd->record(sub {
            my ($hidden_states) = @{ $net->($x, $state) };
            $loss = $loss_of->($out->($hidden_states), $y)->mean;
        });
        $loss->backward;
        $_->step(1) for @trainers;
    }
    $loss->wait_to_read;
    10 * $batch * $steps / (time - $start);
} 0 .. 5;
printf "lstm_tokens_per_s %.0f\n", max @rates;
