package AI::MXNet::AutoGrad;
# Recording, and gradients of what was recorded. POD at the end.
use strict;
use warnings;
use Scalar::Util qw(blessed);
use AI::MXNet::Engine;
use AI::MXNet::Error;
use AI::MXNet::NS;

# $RECORDING is the number of the current recording, or 0; an array made in it carries that number (`rec`), if it
# certainly depends on a variable. A variable carries -1. $CONSUMED is the last recording that a backward ran since.
our ($RECORDING, $TRAINING, $CONSUMED) = (0, 0, 0);
my $recordings = 0;
my $undifferentiable = 0;    # the last recording in which an operator without gradient was used

sub import
{
    my ($class, @names) = @_;
    return AI::MXNet::NS::install($class, scalar caller, @names);
}

# -- for the other modules ---------------------------------------------------------------------------------------

# The number for outputs computed from these arrays: that of the recording if they are surely on its tape, else 0.
sub tracks
{
    return 0 unless $RECORDING;
    for (@_) {
        my $rec = defined $_ ? $_->{rec} : 0 or next;
        return $RECORDING if $rec < 0 or $rec > $CONSUMED;
    }
    return 0;
}

# Runs code that computes a gradient which shall be differentiated in turn: recorded, the arrays given as tracked.
sub tracked_call
{
    my ($code, @arrays) = @_;
    return AI::MXNet::AutoGrad->record(sub {
        $_->{rec} = $RECORDING for @arrays;
        local $CONSUMED = $RECORDING - 1;
        $code->();
    }, train_mode => $TRAINING);
}

# Dies as the original does where an array is written to that a recorded graph needs.
sub refuse_write
{
    my ($array) = @_;
    AI::MXNet::Error->throw(kind => 'autograd', message => 'MXNetError: Check failed: AGInfo::IsNone(*output): Inplace '
        . 'operations (+=, -=, x[:]=, etc) are not supported when recording with autograd. Assigning to NDArrays that are '
        . 'already in a computational graph will cause undefined behavior when evaluating gradients. Please call backward '
        . 'first to clear the graph or do this out side of a record section. The array is ' . $array->describe);
}

sub note_undifferentiable { $undifferentiable = $RECORDING; return }

# -- states ------------------------------------------------------------------------------------------------------

sub is_recording { $RECORDING ? 1 : 0 }
sub is_training  { $TRAINING  ? 1 : 0 }

sub set_is_recording
{
    my ($class, $value) = @_;
    my $before = $class->is_recording;
    _set($value ? $RECORDING || ++$recordings : 0, $TRAINING);
    return $before;
}

sub set_is_training
{
    my ($class, $value) = @_;
    my $before = $class->is_training;
    _set($RECORDING, $value ? 1 : 0);
    return $before;
}

sub record
{
    my ($class, $code, %options) = _options('record', { train_mode => 1 }, @_);
    return _within($code, 1, $options{train_mode});
}

sub pause
{
    my ($class, $code, %options) = _options('pause', { train_mode => 0 }, @_);
    return _within($code, 0, $options{train_mode});
}

sub train_mode   { my ($class, $code) = _options('train_mode',   {}, @_); return _within($code, undef, 1) }
sub predict_mode { my ($class, $code) = _options('predict_mode', {}, @_); return _within($code, undef, 0) }

sub _set
{
    ($RECORDING, $TRAINING) = @_;
    AI::MXNet::Engine::tell_mode();
    return;
}

# Runs the code under these states (undef: leave). `local` restores the former ones, whatever happens.
sub _within
{
    my ($code, $recording, $training) = @_;
    my $leaving = bless [], 'AI::MXNet::AutoGrad::Leaving';
    # a block that is no loop, so that the code's `next` or `last` means the caller's
    my ($done, $error) = do {
        local $@;
        my $done = eval {
            local ($RECORDING, $TRAINING)
                = (defined $recording ? ($recording ? $RECORDING || ++$recordings : 0) : $RECORDING, $training // $TRAINING);
            AI::MXNet::Engine::tell_mode();
            $code->();
            1;
        };
        ($done, $@);
    };
    AI::MXNet::Engine::tell_mode();
    die $error unless $done;
    return;
}

# Code that leaves by `next` or `last` does not come back to `_within`. An engine that is gone says so at its next use.
sub AI::MXNet::AutoGrad::Leaving::DESTROY { local $@; eval { AI::MXNet::Engine::tell_mode() }; return }

sub _options
{
    my ($name, $defaults, $class, $code, @rest) = @_;
    AI::MXNet::Error::fail("In method $name: parameter 1 (\$code): Validation failed for 'CodeRef' with value ", $code // 'undef')
        unless ref $code eq 'CODE';
    return ($class, $code, _completed($name, $defaults, @rest));
}

# Named options with the defaults of those that are not given; there are no others.
sub _completed
{
    my ($name, $defaults, @given) = @_;
    my %given = AI::MXNet::Error::paired($name, @given);
    exists $defaults->{$_} or AI::MXNet::Error::fail("In method $name: no such named parameter: $_") for sort keys %given;
    return (%$defaults, %given);
}

# -- gradients ---------------------------------------------------------------------------------------------------

sub mark_variables
{
    my ($class, $variables, $grads, @options) = @_;
    my %options = _completed('mark_variables', { grad_reqs => undef }, @options);
    my $reqs = $options{grad_reqs} // 'write';
    my @variables = ref $variables eq 'ARRAY' ? @$variables : $variables;
    my @grads     = ref $grads     eq 'ARRAY' ? @$grads     : $grads;
    my @reqs      = ref $reqs      eq 'ARRAY' ? @$reqs      : ($reqs) x @variables;
    AI::MXNet::Error::fail(scalar @variables, ' variables, but ', scalar @grads, ' gradients and ', scalar @reqs, ' grad_reqs')
        unless @variables == @grads and @variables == @reqs;
    AI::MXNet::Error::expect('mark_variables takes variables and gradients, which are NDArrays', 'AI::MXNet::NDArray', @variables, grep {defined} @grads);
    $variables[$_]->_mark($grads[$_], $reqs[$_]) for 0 .. $#variables;
    return;
}

sub backward
{
    my ($class, $heads, @options) = @_;
    unshift @options, 'head_grads' if @options % 2;    # also by position
    my %options = _completed('backward', { head_grads => undef, retain_graph => 0, train_mode => 1 }, @options);
    my ($arrays, $grads) = _heads($heads, $options{head_grads});
    my $newest = 0;
    for (@$arrays) { $newest = $_->{rec} if $_->{rec} > $newest }
    # where it is sure that this will not fail, nobody waits
    my $sure = !(grep { $_->{rec} <= $CONSUMED } @$arrays) && !$AI::MXNet::Engine::FUNCTIONS && $undifferentiable <= $CONSUMED;
    my @fields = ([map { $_->{handle} } @$arrays], $grads, $options{retain_graph} ? 1 : 0, $options{train_mode} ? 1 : 0);
    AI::MXNet::Engine::locate();
    if ($sure) { AI::MXNet::Engine->send(['backward', undef, @fields]); AI::MXNet::Engine::flush() }
    else       { AI::MXNet::Engine->request('backward', @fields) }
    $CONSUMED = $recordings unless $options{retain_graph};
    return;
}

sub compute_gradient { my ($class, $outputs) = @_; return $class->backward($outputs) }

sub grad
{
    my ($class, $heads, $variables, @options) = @_;
    my %options = _completed('grad', { head_grads => undef, retain_graph => undef, create_graph => 0, train_mode => 1 }, @options);
    my ($arrays, $grads) = _heads($heads, $options{head_grads});
    my @variables = ref $variables eq 'ARRAY' ? @$variables : $variables;
    AI::MXNet::Error::fail('grad needs at least one variable') unless @variables;
    AI::MXNet::Error::expect('a variable is an NDArray', 'AI::MXNet::NDArray', @variables);
    $options{retain_graph} //= $options{create_graph};
    AI::MXNet::Engine::locate();
    my $take = sub { AI::MXNet::NDArray->adopt(@_[1 .. $#_]) };
    my @results = AI::MXNet::Engine->ask($take, 'grad', [map { $_->{handle} } @$arrays], $grads,
        [AI::MXNet::Engine::handles_of(@variables)], map { $options{$_} ? 1 : 0 } qw(retain_graph create_graph train_mode));
    $CONSUMED = $recordings unless $options{retain_graph};
    if ($options{create_graph}) { $_->{rec} = $RECORDING || ++$recordings for @results }
    return ref $variables eq 'ARRAY' ? \@results : $results[0];
}

sub _heads
{
    my ($heads, $head_grads) = @_;
    my @heads = ref $heads eq 'ARRAY' ? @$heads : $heads;
    ref eq 'AI::MXNet::NDArray::Slice' and $_ = $_->sever for @heads;
    blessed $_ && $_->isa('AI::MXNet::NDArray') or AI::MXNet::Error::fail('a head is an NDArray, but got ', $_ // 'undef') for @heads;
    AI::MXNet::Error::fail('backward needs at least one head') unless @heads;
    my @grads = ref $head_grads eq 'ARRAY' ? @$head_grads : defined $head_grads ? $head_grads : ();
    ref eq 'AI::MXNet::NDArray::Slice' and $_ = $_->sever for @grads;
    AI::MXNet::Error::fail(scalar @heads, ' heads, but ', scalar @grads, ' head gradients') if @grads and @grads != @heads;
    for my $i (0 .. $#grads) {
        next unless defined $grads[$i];
        AI::MXNet::Error::fail("a head gradient is an NDArray or undef, but got $grads[$i]")
            unless blessed $grads[$i] and $grads[$i]->isa('AI::MXNet::NDArray');
        my ($want, $got) = map {"@{ $_->{type}{shape} }"} $heads[$i], $grads[$i];
        AI::MXNet::Error->throw(kind => 'shape', message => "MXNetError: head gradient $i has shape [$got], but the head has shape [$want]")
            if $want ne $got;
    }
    $AI::MXNet::Engine::STALE and AI::MXNet::Engine::refuse_stale(@heads, @grads);
    return (\@heads, @grads ? [map { defined $_ ? $_->{handle} : undef } @grads] : undef);
}

sub grad_and_loss
{
    my ($class, $func, $argnum) = @_;
    return sub {
        my @args = @_;
        my @positions = defined $argnum ? ref $argnum ? @$argnum : $argnum : 0 .. $#args;
        my @variables = @args[@positions];
        $_->attach_grad for @variables;
        my $outputs;
        $class->record(sub { $outputs = $func->(@args) });
        $class->backward($outputs);
        return ([map { $_->grad } @variables], $outputs);
    };
}

sub get_symbol
{
    my ($class, $array) = @_;
    ($array) = @{ (_heads($array))[0] };
    AI::MXNet::NS::load('AI/MXNet/Symbol.pm');
    return AI::MXNet::Symbol->_ask('history', $array->{handle});
}

# autograd->Function: see AI::MXNet::AutoGrad::Function.
sub Function
{
    AI::MXNet::NS::load('AI/MXNet/AutoGrad/Function.pm');
    return 'AI::MXNet::AutoGrad::Function';
}

1;

__END__

=head1 NAME

AI::MXNet::AutoGrad - recording, and gradients of what was recorded

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd autograd);

    my $x = nd->array([1, 2, 3]);
    $x->attach_grad;                                  # a variable
    my $y;
    autograd->record(sub {
        $y = $x * $x;
        $y = $y * 2 while $y->sum->asscalar < 100;    # Perl's own control flow is differentiated as it ran
    });
    $y->backward;
    print $x->grad->aspdl, "\n";                      # [16 32 48]

=head1 DESCRIPTION

While code runs inside C<record>, every operation on arrays that depend on a variable is put on a tape. C<backward> runs
the tape back from some arrays and leaves gradients in the variables; C<grad> returns them instead, and can itself be
recorded, so that there are derivatives of any order.

Gradients use the values that arrays have when C<backward> runs. Inside C<record>, what is on the tape cannot be written
to; outside it can, which is how weights are updated. A tape is used up by the first C<backward> unless it is retained.

All functions are class methods, called as C<< autograd->record(...) >> or C<< mx->autograd->record(...) >>.

=head1 FUNCTIONS

=head2 record, pause

    autograd->record(sub {
        $y = $x * 2;
        autograd->pause(sub { print "so far ", $y->sum->asscalar, "\n" });    # not recorded
    }, train_mode => 1);

Run code with recording on, or off, and in training mode (with C<pause>: prediction mode) unless C<train_mode> says
otherwise. The former state comes back however the code ends, and an exception passes through. Nothing is returned:
assign results to variables outside.

=head2 train_mode, predict_mode

    autograd->predict_mode(sub { $y = nd->Dropout($x) });

Run code in one of the modes, recording or not. Dropout, BatchNorm and RNN behave differently in each.

=head2 is_recording, is_training, set_is_recording, set_is_training

    my $before = autograd->set_is_training(1);
    autograd->set_is_training($before);

The states as 1 or 0. Setting one returns what it was.

=head2 backward

    my ($first, $second);
    autograd->record(sub { $first = $x * 2; $second = $x * 3 });
    autograd->backward([$first, $second], head_grads => [undef, nd->array([1, 0, 0])]);
    print $x->grad->aspdl, "\n";                                   # [5 2 2]

Gradients of the sum of all elements of one or several arrays, weighted by C<head_grads> (undef: ones), with respect to
all variables. They overwrite the variables' C<grad>, or are added to it (C<< grad_req => 'add' >>).
C<< retain_graph => 1 >> keeps the tape; C<train_mode> is that in which operators differentiate (1).

=head2 grad

    my $derivative;
    autograd->record(sub {
        my $cube = $x**3;
        $derivative = autograd->grad($cube, $x, create_graph => 1);    # 3 x**2
    });
    $derivative->backward;
    print $x->grad->aspdl, "\n";                                       # 6 x: [6 12 18]

The gradients with respect to one array, or to a list ref of arrays, then as a list ref; their C<grad> is left alone.
C<create_graph> records the computing of the gradient. Further options: C<head_grads>, C<retain_graph> (as
C<create_graph>), C<train_mode> (1).

=head2 grad_and_loss

    my $with_gradient = autograd->grad_and_loss(sub { my ($w, $b) = @_; return $w * $w + $b });
    my ($gradients, $loss) = $with_gradient->(nd->array([3]), nd->array([1]));    # 6 and 1; 10

Code that calls the given one and returns its gradients and its result. A second argument names the positions of the
arguments to differentiate by (all): a number or a list ref.

=head2 mark_variables

    my $buffer = nd->zeros([3]);
    autograd->mark_variables([$x], [$buffer], grad_reqs => 'write');

Makes arrays variables, whose gradients go to the given arrays. C<grad_reqs> is C<write>, C<add> or C<null>, for all or
as a list ref.

=head2 compute_gradient

C<< backward($outputs) >>.

=head2 Function

    { package Twice; our @ISA = (AI::MXNet::AutoGrad->Function) }

The class L<AI::MXNet::AutoGrad::Function>, to derive from.

=head2 get_symbol

    my $z;
    autograd->record(sub { $z = $x * $x + 1 });
    print $z->shape->[0], " ", autograd->get_symbol($z)->list_arguments->[0], "\n";    # 3 var0

The recorded calls that an array was computed by, as an L<AI::MXNet::Symbol>. Variables are named C<var0>, C<var1> and so
on, arrays that are no variables C<null0>, one for each use. Dies where nothing is recorded, or a C<backward> has used it up.

=head2 tracks, tracked_call, refuse_write, note_undifferentiable

For the other modules.

=head1 ERRORS

=over 4

=item Cannot differentiate node because it is not in a computational graph

The array was not recorded, or a C<backward> has used its tape up.

=item There are no inputs in computation graph that require gradients

It was recorded, but depends on no variable.

=item Inplace operations ... are not supported when recording with autograd

An array on the tape was assigned to inside C<record>.

=back

=head1 SEE ALSO

L<AI::MXNet::NDArray>, L<AI::MXNet::AutoGrad::Function>

=cut
