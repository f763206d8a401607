#!/usr/bin/env perl
# Reinforcement learning: an actor learns to balance a pole on a cart, a critic tells it how good its position is.
# ignore-lines: ^episode
# tolerance: 0.5 5
# time-limit: 240
use strict;
use warnings;
use List::Util qw(sum0);
use AI::MXNet qw(mx nd autograd);
use AI::MXNet::Gluon qw(gluon);
use AI::MXNet::Gluon::NN qw(nn);

# The environment: positions and speeds of cart and pole, which a push to the left (0) or right (1) changes.
# Source: Barto, Sutton and Anderson, Neuronlike adaptive elements (1983).
package CartPole {
    sub new { return bless {}, shift }

    sub reset { my ($self) = @_; $self->{state} = [map { -0.05 + 0.1 * rand } 1 .. 4]; $self->{steps} = 0; return $self->{state} }

    # (new state, whether the pole has fallen or the time is up)
    sub step
    {
        my ($self, $action) = @_;
        my ($x, $v, $angle, $turn) = @{ $self->{state} };
        my ($cos, $sin) = (cos $angle, sin $angle);
        my $push = (($action ? 10 : -10) + 0.05 * $turn**2 * $sin) / 1.1;
        my $angular = (9.8 * $sin - $cos * $push) / (0.5 * (4 / 3 - 0.1 * $cos**2 / 1.1));
        my $acceleration = $push - 0.05 * $angular * $cos / 1.1;
        $self->{state} = [$x + 0.02 * $v, $v + 0.02 * $acceleration, $angle + 0.02 * $turn, $turn + 0.02 * $angular];
        my ($where, $tilt) = map { abs } @{ $self->{state} }[0, 2];
        return ($self->{state}, $where > 2.4 || $tilt > 0.2095 || ++$self->{steps} >= 200);
    }
}

package ActorCritic {
    use AI::MXNet::Gluon::Mouse;
    extends 'AI::MXNet::Gluon::HybridBlock';

    has [qw(common actor critic)] => (is => 'rw');

    sub BUILD
    {
        my ($self) = @_;
        $self->name_scope(sub {
            $self->common(nn->Dense(64, in_units => 4, activation => 'relu'));
            $self->actor(nn->Dense(2, in_units => 64));
            $self->critic(nn->Dense(1, in_units => 64));
        });
    }

    sub hybrid_forward
    {
        my ($self, $F, $x) = @_;
        my $features = $self->common->($x);
        return ($F->log_softmax(scalar $self->actor->($features)), scalar $self->critic->($features));
    }
}

mx->random->seed(8);
CORE::srand(8);
my ($discount, $episodes, $enough) = (0.99, 400, 150);
my $net = ActorCritic->new;
$net->initialize(mx->init->Xavier);
$net->hybridize;
my $trainer = gluon->Trainer($net->collect_params, 'adam', { learning_rate => 0.01 });
my $loss_of = gluon->loss->HuberLoss;
my $world = CartPole->new;

my ($average, $episode) = (10);
for (1 .. $episodes) {
    $episode = $_;
    # play
    my (@states, @actions);
    my ($state, $done) = ($world->reset);
    while (not $done) {
        my ($log_probabilities) = $net->(nd->array([$state]));
        my $action = rand() < exp($log_probabilities->aspdl->at(0, 0)) ? 0 : 1;
        push @states,  $state;
        push @actions, $action;
        ($state, $done) = $world->step($action);
    }
    # what each step was worth: a reward of one for each that follows, the later ones less
    my @worth;
    unshift @worth, 1 + $discount * ($worth[0] // 0) for @actions;
    my $mean = sum0(@worth) / @worth;
    my $deviation = sqrt(sum0(map { ($_ - $mean)**2 } @worth) / @worth) + 1e-6;
    my $returns = nd->array([map { ($_ - $mean) / $deviation } @worth]);
    # learn: the actor, to do more often what was better than the critic expected; the critic, to expect it
    my $loss;
    autograd->record(sub {
        my ($log_probabilities, $values) = $net->(nd->array(\@states));
        $values = $values->reshape([-1]);
        my $chosen = nd->pick($log_probabilities, nd->array(\@actions));
        $loss = (-$chosen * ($returns - $values->detach) + $loss_of->($values->reshape([-1, 1]), $returns->reshape([-1, 1])))->sum;
    });
    $loss->backward;
    $trainer->step(scalar @actions);
    $average = 0.95 * $average + 0.05 * @actions;
    printf "episode %3d  %3d steps, %.0f on average\n", $episode, scalar @actions, $average if $episode % 50 == 0;
    last if $average > $enough;
}
print $average > $enough ? "the pole stays up\n" : "the pole falls\n";
