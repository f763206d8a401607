package AI::MXNet::Callback;
# What training calls as it goes on: progress, measures, checkpoints. POD at the end.
use strict;
use warnings;
use AI::MXNet::Mouse;
use AI::MXNet::Base ();
use AI::MXNet::Error;
use AI::MXNet::Logging;
use AI::MXNet::NS;
use overload '&{}' => sub { my ($self) = @_; return sub { $self->call(@_) } }, fallback => 1;

around BUILDARGS => \&AI::MXNet::Base::process_arguments;

sub python_constructor_arguments { return [] }

sub import { my ($class, @names) = @_; return AI::MXNet::NS::install($class, scalar caller, @names) }

sub call { my ($self) = @_; return AI::MXNet::Error::fail(ref $self, ' is a callback without a method call($param)') }

# Code that saves a checkpoint of a module after every $period epochs.
sub module_checkpoint
{
    my ($class, $module, $prefix, $period, $save_optimizer_states) = @_;
    $period = 1 if not defined $period or $period < 1;
    return sub {
        my ($epoch) = @_;
        $module->save_checkpoint($prefix, $epoch + 1, $save_optimizer_states // 0) if ($epoch + 1) % $period == 0;
        return;
    };
}

# Code that logs the metric of the training every $period batches.
sub log_train_metric
{
    my ($class, $period, $auto_reset) = @_;
    return sub {
        my ($param) = @_;
        my $metric = $param->eval_metric;
        return if $param->nbatch % $period != 0 or not defined $metric;
        _log($metric, sprintf 'Iter[%d] Batch[%d] Train', $param->epoch, $param->nbatch);
        $metric->reset if $auto_reset;
        return;
    };
}

# Logs a line for each value of a metric.
sub _log
{
    my ($metric, $start) = @_;
    my ($names, $values) = map { ref eq 'ARRAY' ? $_ : [$_] } $metric->get;
    AI::MXNet::Logging->info('%s-%s=%f', $start, $names->[$_], $values->[$_]) for 0 .. $#$names;
    return;
}

AI::MXNet::NS::constructor(__PACKAGE__, $_) for qw(Speedometer ProgressBar LogValidationMetricsCallback);

__PACKAGE__->meta->make_immutable;

package AI::MXNet::Speedometer;
use strict;
use warnings;
use AI::MXNet::Mouse;
use Time::HiRes ();

extends 'AI::MXNet::Callback';

has batch_size => (is => 'ro', isa => 'Int', required => 1);
has frequent   => (is => 'ro', isa => 'Int', default => 50);
has auto_reset => (is => 'ro', isa => 'Bool', default => 1);
has init       => (is => 'rw', isa => 'Int', default => 0);
has tic        => (is => 'rw', isa => 'Num', default => 0);
has last_count => (is => 'rw', isa => 'Int', default => 0);

sub python_constructor_arguments { return [qw(batch_size frequent auto_reset)] }

sub call
{
    my ($self, $param) = @_;
    my $count = $param->nbatch;
    $self->init(0) if $self->last_count > $count;    # another epoch
    $self->last_count($count);
    if (not $self->init) {
        $self->init(1);
        $self->tic(Time::HiRes::time());
        return;
    }
    return if $count % $self->frequent != 0;
    my $seconds = Time::HiRes::time() - $self->tic;
    my $speed = sprintf '%.2f', $seconds > 0 ? $self->frequent * $self->batch_size / $seconds : 'inf';
    my $metric = $param->eval_metric;
    if (defined $metric) {
        AI::MXNet::Callback::_log($metric, sprintf "Epoch[%d] Batch [%d]\tSpeed: %s samples/sec\tTrain", $param->epoch, $count, $speed);
        $metric->reset if $self->auto_reset;
    }
    else { AI::MXNet::Logging->info("Iter[%d] Batch [%d]\tSpeed: %s samples/sec", $param->epoch, $count, $speed) }
    $self->tic(Time::HiRes::time());
    return;
}

__PACKAGE__->meta->make_immutable;

package AI::MXNet::ProgressBar;
use strict;
use warnings;
use AI::MXNet::Mouse;
use POSIX ();

extends 'AI::MXNet::Callback';

has total  => (is => 'ro', isa => 'Int', required => 1);
has length => (is => 'ro', isa => 'Int', default => 80);

sub python_constructor_arguments { return [qw(total length)] }

sub call
{
    my ($self, $param) = @_;
    my ($count, $total) = ($param->nbatch, $self->total);
    my $filled = int($self->length * $count / $total + 0.5);
    printf "[%s%s] %d%%\r", '=' x $filled, '-' x ($self->length - $filled), POSIX::ceil(100 * $count / $total);
    return;
}

__PACKAGE__->meta->make_immutable;

package AI::MXNet::LogValidationMetricsCallback;
use strict;
use warnings;
use AI::MXNet::Mouse;

extends 'AI::MXNet::Callback';

sub call
{
    my ($self, $param) = @_;
    AI::MXNet::Callback::_log($param->eval_metric, sprintf 'Epoch[%d] Validation', $param->epoch) if defined $param->eval_metric;
    return;
}

__PACKAGE__->meta->make_immutable;

1;

__END__

=head1 NAME

AI::MXNet::Callback - what training calls as it goes on

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd);

    package Param { use Mouse; has [qw(epoch nbatch eval_metric)] => (is => 'ro') }
    my $metric = mx->metric->create('acc');
    my $meter  = mx->callback->ProgressBar(2, 20);
    for my $batch (1, 2) {
        $metric->update([nd->array([1])], [nd->array([[0.1, 0.9]])]);
        $meter->(Param->new(epoch => 0, nbatch => $batch, eval_metric => $metric));    # [==========----------] 50%
    }

=head1 DESCRIPTION

C<< mx->callback >> is this package. Its functions make code, or objects that can be called like code, to be given as
C<batch_end_callback>, C<epoch_end_callback> and so on to the C<fit> of a module. After a batch they are called with an
object that has C<epoch>, C<nbatch> (how many batches there were) and C<eval_metric>. Messages go to standard error.

=head1 FUNCTIONS

=head2 Speedometer

    my $speed = mx->callback->Speedometer(128, 50);

Logs samples per second and the metric every C<frequent> (50) batches of C<batch_size>, and then resets the metric, unless
C<< auto_reset => 0 >>.

=head2 ProgressBar

Prints a bar of C<length> (80) characters for C<total> batches to standard output.

=head2 log_train_metric

    my $log = mx->callback->log_train_metric(10, 1);

Logs the metric every so many batches, and resets it if the second argument is true.

=head2 LogValidationMetricsCallback

Logs the metric, to be called after a validation.

=head2 module_checkpoint

    my $module;    # an AI::MXNet::Module
    my $save = mx->callback->module_checkpoint($module, '/tmp/net', 5);

To be called after an epoch: saves a checkpoint after every so many (1), with a true fourth argument the optimizer's states,
too.

=head1 METHODS

=head2 call

    $meter->call(Param->new(epoch => 0, nbatch => 2));    # the same as $meter->(...)

A callback of one's own may be code, or extend AI::MXNet::Callback and have a method C<call>.

=head2 python_constructor_arguments

Of the object system: what C<new> takes by position.

=head1 SEE ALSO

L<AI::MXNet::Metric>

=cut
