package AI::MXNet::LRScheduler;
# Learning rates that change with the number of updates. POD at the end.
use strict;
use warnings;
use AI::MXNet::Base ();
use AI::MXNet::Mouse;
use AI::MXNet::Error;
use AI::MXNet::Logging;
use AI::MXNet::NS;
use overload '&{}' => sub { my ($self) = @_; return sub { $self->call(@_) } }, fallback => 1;

has base_lr => (is => 'rw', isa => 'Num', default => 0.01);

around BUILDARGS => \&AI::MXNet::Base::process_arguments;

sub import { my ($class, @names) = @_; return AI::MXNet::NS::install($class, scalar caller, @names) }

sub call { AI::MXNet::Error::fail(ref $_[0], ' is a learning rate scheduler without a method call($num_update)') }

# mx->lr_scheduler->FactorScheduler(...)
AI::MXNet::NS::constructor(__PACKAGE__, $_) for qw(FactorScheduler MultiFactorScheduler);

sub _check_factor { AI::MXNet::Error::fail("Factor must be no more than 1 to make lr reduce, but got $_[0]") if $_[0] > 1 }

__PACKAGE__->meta->make_immutable;

package AI::MXNet::FactorScheduler;
use strict;
use warnings;
use AI::MXNet::Mouse;

extends 'AI::MXNet::LRScheduler';

has step           => (is => 'rw', isa => 'Int', required => 1);
has factor         => (is => 'rw', isa => 'Num', default => 1);
has count          => (is => 'rw', isa => 'Int', default => 1);
has stop_factor_lr => (is => 'rw', isa => 'Num', default => 1e-8);

sub BUILD
{
    my ($self) = @_;
    AI::MXNet::Error::fail('Schedule step must be greater or equal than 1 round, but got ', $self->step) if $self->step < 1;
    AI::MXNet::LRScheduler::_check_factor($self->factor);
}

sub call
{
    my ($self, $num_update) = @_;
    while ($num_update > $self->count + $self->step) {
        $self->count($self->count + $self->step);
        my $lr = $self->base_lr * $self->factor;
        if ($lr < $self->stop_factor_lr) {
            $self->base_lr($self->stop_factor_lr);
            AI::MXNet::Logging->info('Update[%d]: now learning rate arrived at %0.5e, will not change in the future', $num_update, $self->base_lr);
        }
        else {
            $self->base_lr($lr);
            AI::MXNet::Logging->info('Update[%d]: Changed learning rate to %0.5e', $num_update, $lr);
        }
    }
    return $self->base_lr;
}

__PACKAGE__->meta->make_immutable;

package AI::MXNet::MultiFactorScheduler;
use strict;
use warnings;
use AI::MXNet::Mouse;

extends 'AI::MXNet::LRScheduler';

has step         => (is => 'rw', isa => 'ArrayRef[Int]', required => 1);
has factor       => (is => 'rw', isa => 'Num', default => 1);
has cur_step_ind => (is => 'rw', isa => 'Int', default => 0);
has count        => (is => 'rw', isa => 'Int', default => 0);

sub BUILD
{
    my ($self) = @_;
    my @step = @{ $self->step };
    AI::MXNet::Error::fail('Schedule step must be a list of at least one update') unless @step;
    AI::MXNet::Error::fail("Schedule step must be greater or equal than 1 round, but got @step") if grep { $_ < 1 } @step;
    AI::MXNet::Error::fail("Schedule step must be an increasing integer list, but got @step")
        if grep { $step[$_] <= $step[$_ - 1] } 1 .. $#step;
    AI::MXNet::LRScheduler::_check_factor($self->factor);
}

sub call
{
    my ($self, $num_update) = @_;
    my $step = $self->step;
    while ($self->cur_step_ind < @$step and $num_update > $step->[$self->cur_step_ind]) {
        $self->count($step->[$self->cur_step_ind]);
        $self->cur_step_ind($self->cur_step_ind + 1);
        $self->base_lr($self->base_lr * $self->factor);
        AI::MXNet::Logging->info('Update[%d]: Changed learning rate to %0.5e', $num_update, $self->base_lr);
    }
    return $self->base_lr;
}

__PACKAGE__->meta->make_immutable;

1;

__END__

=head1 NAME

AI::MXNet::LRScheduler - learning rates that change with the number of updates

=head1 SYNOPSIS

    use AI::MXNet qw(mx);

    $AI::MXNet::Logging::silent = 1;
    my $schedule = AI::MXNet::FactorScheduler->new(step => 1000, factor => 0.9);
    my $sgd = mx->optimizer->SGD(learning_rate => 0.1, lr_scheduler => $schedule);
    print $schedule->(1500), "\n";    # 0.09

    package Warmup {
        use Mouse;
        extends 'AI::MXNet::LRScheduler';
        sub call { my ($self, $num_update) = @_; return $self->base_lr * ($num_update < 100 ? $num_update / 100 : 1) }
    }
    print Warmup->new(base_lr => 1)->(50), "\n";    # 0.5

=head1 DESCRIPTION

An object that is called with the number of updates so far and returns the learning rate. An optimizer that is given one
as C<lr_scheduler> sets its C<base_lr> to its own C<learning_rate>, and asks it before each update. Schedulers of one's
own extend this class and have a method C<call>.

C<< mx->lr_scheduler >> is this package, C<< mx->lr_scheduler->FactorScheduler(...) >> is
C<< AI::MXNet::FactorScheduler->new(...) >>.

Changes are reported through L<AI::MXNet::Logging>.

=head1 CLASSES

=head2 FactorScheduler

    my $halves = AI::MXNet::FactorScheduler->new(step => 1000, factor => 0.5, stop_factor_lr => 0.001);

Multiplies the rate by C<factor> (1, at most 1) after every C<step> updates (an integer from 1 on), down to
C<stop_factor_lr> (1e-8).

=head2 MultiFactorScheduler

    my $twice = AI::MXNet::MultiFactorScheduler->new(step => [1000, 5000], factor => 0.1);

Multiplies the rate by C<factor> after the updates whose numbers C<step> lists, in increasing order.

=head1 ATTRIBUTES

=head2 base_lr

The present rate, 0.01 until something sets it.

=head1 METHODS

=head2 call

    my $rate = $halves->call(2500);    # also: $halves->(2500)

The rate at an update. Numbers of updates are expected in increasing order.

=head1 ERRORS

An impossible C<step> or C<factor> dies with an L<AI::MXNet::Error>, a missing one with Mouse's message.

=head1 SEE ALSO

L<AI::MXNet::Optimizer>

=cut
