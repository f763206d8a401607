# COUNT backward passes, of all kinds: tape, handle tables and the memory of both processes stay as they are.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/lib";
use Trial;
BEGIN { Trial::use_window() }
use AI::MXNet qw(mx nd autograd);

{
    package Cube;    # a function with a gradient of its own: the engine calls Perl
    use parent 'AI::MXNet::AutoGrad::Function';

    sub forward
    {
        my ($self, $x) = @_;
        $self->save_for_backward($x);
        return $x * $x * $x;
    }

    sub backward
    {
        my ($self, $g) = @_;
        my ($x) = @{ $self->saved_tensors };
        return 3 * $g * $x * $x;
    }
}

my ($data, $label) = (nd->random->uniform(shape => [16, 20]), nd->arange(start => 0, stop => 16) % 5);
my @parameters = map { nd->random->uniform(-0.3, 0.3, shape => $_) } [30, 20], [30], [5, 30], [5];
$_->attach_grad for @parameters;
my $point = nd->array([2]);
$point->attach_grad;

sub network
{
    my $hidden = nd->FullyConnected($data, @parameters[0, 1], num_hidden => 30)->relu;
    my $output = nd->FullyConnected($hidden, @parameters[2, 3], num_hidden => 5);
    return -nd->pick(nd->log_softmax($output), $label)->mean;
}

# One way each of recording and going backward. Those that give a gradient at 2 return it, with what it must be.
my @ways = (
    sub {
        my $loss;
        autograd->record(sub { $loss = network() });
        $loss->backward;
        return;
    },
    sub {    # twice through the same graph
        my $y;
        autograd->record(sub { $y = $point ** 3 });
        $y->backward(retain_graph => 1);
        $y->backward;
        return $point->grad, 12;
    },
    sub {    # second derivative
        my ($y, $first);
        autograd->record(sub {
            $y = $point ** 3;
            ($first) = @{ autograd->grad($y, [$point], create_graph => 1, retain_graph => 1) };
        });
        $first->backward;
        return $point->grad, 12;
    },
    sub {
        my $y;
        autograd->record(sub { $y = Cube->new->($point) });
        $y->backward;
        return $point->grad, 12;
    },
    sub {    # recorded, and dropped without a backward
        my $loss;
        autograd->record(sub { $loss = network(); Cube->new->($point) });
        return;
    },
    sub {    # a backward that fails: the graph is gone
        my $y;
        autograd->record(sub { $y = $point * 2 });
        $y->backward;
        die "a graph was used twice\n" if eval { $y->backward; 1 };
        return $point->grad, 2;
    },
);

sub go_backward
{
    my ($count) = @_;
    for my $number (1 .. $count) {
        my ($got, $expected) = $ways[$number % @ways]->();
        die "a wrong gradient in pass $number\n" if defined $got and $got->asscalar != $expected;
        progress($number) if $number % 100 == 0;
    }
    mx->engine->failures;
    return;
}

go_backward(300);
my $before = figures();
go_backward($COUNT);
stay($before, figures());
verdict();
