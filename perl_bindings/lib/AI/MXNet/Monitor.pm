package AI::MXNet::Monitor;
# Watches what executors compute, every so many steps. POD at the end.
use strict;
use warnings;
use AI::MXNet::Mouse;
use Scalar::Util qw(blessed);
use AI::MXNet::Base ();
use AI::MXNet::Logging;
use AI::MXNet::NDArray;
use AI::MXNet::NS;

has interval  => (is => 'ro', isa => 'Int', required => 1);
has stat_func => (is => 'ro', isa => 'CodeRef', default => sub { \&_size_of_elements });
has pattern   => (is => 'ro', isa => 'Str', default => '.*');
has sort      => (is => 'ro', isa => 'Bool', default => 0);
has [qw(queue exes)] => (is => 'rw', isa => 'ArrayRef', default => sub { [] }, init_arg => undef);
has step      => (is => 'rw', isa => 'Int', default => 0, init_arg => undef);
has activated => (is => 'rw', isa => 'Bool', default => 0, init_arg => undef);

around BUILDARGS => \&AI::MXNet::Base::process_arguments;

sub python_constructor_arguments { return [qw(interval stat_func pattern sort)] }

sub import { my ($class, @names) = @_; return AI::MXNet::NS::install($class, scalar caller, @names) }

AI::MXNet::NS::constructor(__PACKAGE__, 'Monitor');

sub _size_of_elements { my ($array) = @_; return AI::MXNet::NDArray->norm($array) / sqrt($array->size) }

sub install
{
    my ($self, $executor) = @_;
    push @{ $self->exes }, $executor;
    $self->_watch($executor) if $self->activated;    # a bucket's first batch
    return;
}

sub _watch
{
    my ($self, $executor) = @_;
    my $pattern = $self->pattern;
    $executor->set_monitor_callback(sub {
        my ($name, $array) = @_;
        $self->_note($name, $array) if $name =~ /$pattern/;
    });
    return;
}

sub tic
{
    my ($self) = @_;
    if ($self->step % $self->interval == 0) {
        $self->queue([]);
        $self->activated(1);
        # only now: an executor that is watched gives all its arrays away
        $self->_watch($_) for @{ $self->exes };
    }
    $self->step($self->step + 1);
    return;
}

sub _note { my ($self, $name, $array) = @_; push @{ $self->queue }, [$self->step, $name, $self->stat_func->($array)]; return }

sub toc
{
    my ($self) = @_;
    return [] unless $self->activated;
    for my $executor (@{ $self->exes }) {
        $executor->set_monitor_callback(undef);
        for my $arrays ($executor->arg_dict, $executor->aux_dict) { $self->_note($_, $arrays->{$_}) for sort keys %$arrays }
    }
    $self->activated(0);
    my @queue = $self->sort ? sort { $a->[1] cmp $b->[1] } @{ $self->queue } : @{ $self->queue };
    $self->queue([]);
    return [map { my ($step, $name, $values) = @$_; [$step, $name, join '', map { _text($_) . "\t" } ref $values eq 'ARRAY' ? @$values : $values] } @queue];
}

sub _text
{
    my ($value) = @_;
    return $value unless blessed $value and $value->isa('AI::MXNet::NDArray');
    return $value->size == 1 ? $value->asscalar : '' . $value->aspdl;
}

sub toc_print
{
    my ($self) = @_;
    AI::MXNet::Logging->info('Batch: %7d %30s %s', @$_) for @{ $self->toc };
    return;
}

__PACKAGE__->meta->make_immutable;

1;

__END__

=head1 NAME

AI::MXNet::Monitor - watches what executors compute

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd);

    my $net = mx->sym->FullyConnected(mx->sym->var('data'), num_hidden => 2, name => 'fc');
    my $executor = $net->simple_bind(shapes => { data => [3, 4] });
    my $monitor = mx->mon->Monitor(2, pattern => '.*output');    # every second step
    $monitor->install($executor);
    for my $step (1 .. 4) {
        $monitor->tic;
        $executor->forward(1, data => nd->ones([3, 4]));
        print join(' ', @$_), "\n" for @{ $monitor->toc };       # 1 fc_output 0 ...
    }

=head1 DESCRIPTION

Tells a number for each array that a symbol computes on its way, to see where a network goes astray. C<< mx->mon >> is this
package; the C<fit> of a module takes a monitor as C<monitor>.

=head1 METHODS

=head2 Monitor, new

    $monitor = mx->mon->Monitor(10, sub { my ($array) = @_; return $array->max });

C<interval>: in how many steps one is watched. C<stat_func>: code that makes a value (an array or a number, or a list of
these) of an array; by default its norm over the root of its size. C<pattern>: a regular expression that the names of
outputs must match. C<sort>: whether to order by names.

=head2 install

Adds an executor.

=head2 tic

Before a forward pass: begins a step.

=head2 toc

After it: a list ref of [step, name, text], of the outputs that match and of all arguments and auxiliary states. Empty if
the step is not watched.

=head2 toc_print

The same, logged to standard error.

=head2 interval, stat_func, pattern, sort, step, activated, queue, exes, python_constructor_arguments

The arguments, and where it stands.

=head1 SEE ALSO

L<AI::MXNet::Callback>

=cut
