package AI::MXNet::AutoGrad::Function;
# Functions with a gradient of their own, in Perl.
use strict;
use warnings;
use Scalar::Util qw(blessed);
use AI::MXNet::AutoGrad;
use AI::MXNet::Engine;
use AI::MXNet::Error;
use overload '&{}' => sub { my $self = shift; sub { $self->call(@_) } }, fallback => 1;

sub new { my $class = shift; return bless {@_}, ref $class || $class }

# forward(@inputs) computes; its result, one array, a list or a list ref of several, is put on the tape with this object's backward.
sub call
{
    my ($self, @inputs) = @_;
    ref eq 'AI::MXNet::NDArray::Slice' and $_ = $_->sever for @inputs;
    blessed $_ && $_->isa('AI::MXNet::NDArray') or AI::MXNet::Error::fail(ref $self, ' takes NDArrays, but got ', $_ // 'undef')
        for @inputs;
    my @outputs;
    AI::MXNet::AutoGrad->pause(sub { @outputs = $self->forward(@inputs) }, train_mode => AI::MXNet::AutoGrad->is_training);
    my $form = @outputs == 1 ? ref $outputs[0] : 'list';
    @outputs = @{ $outputs[0] } if $form eq 'ARRAY';
    AI::MXNet::Error::fail(ref $self, '->forward must return an NDArray or several, but returned nothing') unless @outputs;
    for my $output (@outputs) {
        AI::MXNet::Error::fail(ref $self, '->forward must return an NDArray or a list ref of them, but returned ', $output // 'undef')
            unless blessed $output and $output->isa('AI::MXNet::NDArray');
        # an input returned as it is would become its own source
        $output = $output->copy if grep { $_->{handle} == $output->{handle} } @inputs;
    }
    if (my $tracked = AI::MXNet::AutoGrad::tracks(@inputs)) {
        my $function = AI::MXNet::Engine->register(sub { $self->_backward(@_) });
        AI::MXNet::Engine->send(['function', $function, [AI::MXNet::Engine::handles_of(@outputs)], [AI::MXNet::Engine::handles_of(@inputs)]]);
        $_->{rec} = $tracked for @outputs;
    }
    return $form eq 'ARRAY' || $form eq 'list' && !wantarray ? \@outputs : $form eq 'list' ? @outputs : $outputs[0];
}

sub forward  { AI::MXNet::Error::fail(ref $_[0], ' has no method forward') }
sub backward { AI::MXNet::Error::fail(ref $_[0], ' has no method backward') }

sub save_for_backward { my ($self, @arrays) = @_; $self->{saved_tensors} = \@arrays; return }
sub saved_tensors { my ($self) = @_; my $saved = $self->{saved_tensors} // []; return wantarray ? @$saved : $saved }

# What the engine calls: the gradients of the outputs in, those of the inputs out.
sub _backward
{
    my ($self, $recording, @gradients) = @_;
    my @results;
    my $run = sub { @results = $self->backward(@gradients) };
    if ($recording) { AI::MXNet::AutoGrad::tracked_call($run, @gradients) }
    else { AI::MXNet::AutoGrad->pause($run) }
    @results = @{ $results[0] } if @results == 1 and ref $results[0] eq 'ARRAY';
    for (@results) {
        AI::MXNet::Error::fail(ref $self, '->backward must return an NDArray for each input (undef: none), but returned ', $_)
            if defined and not(blessed $_ and $_->isa('AI::MXNet::NDArray'));
    }
    return \@results;
}

1;

__END__

=head1 NAME

AI::MXNet::AutoGrad::Function - a function with a gradient of its own, in Perl

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd autograd);

    {
        package Clipped;    # the identity, whose gradient is limited
        use parent 'AI::MXNet::AutoGrad::Function';

        sub forward
        {
            my ($self, $x) = @_;
            return $x * 1;
        }

        sub backward
        {
            my ($self, $g) = @_;
            return $g->clip(-$self->{limit}, $self->{limit});
        }
    }

    my $x = nd->array([1, 2]);
    $x->attach_grad;
    my $y;
    autograd->record(sub { $y = Clipped->new(limit => 5)->($x * 100) });
    $y->backward(out_grad => nd->array([7, -2]));
    print $x->grad->aspdl, "\n";    # [500 -200]

=head1 DESCRIPTION

A class to derive from, after MXNet's C<mx.autograd.Function> for Python. An object is called like a function of arrays,
either C<< $object->(@arrays) >> or C<< $object->call(@arrays) >>. C<forward> computes unrecorded; C<backward> is called
when the tape is run back, from inside the C<backward> of L<AI::MXNet::AutoGrad>, which an exception leaves. One object
serves one call.

=head1 METHODS

=head2 new

    my $clipped = Clipped->new(limit => 2);

An object with these fields.

=head2 forward

To be written: computes from the input arrays one array, or a list or list ref of several.

=head2 backward

To be written: from the gradients of the outputs those of the inputs, in order, as one array, a list or a list ref; undef
stands for none. Each must have the shape and dtype of its input. What it does is recorded where a second derivative is asked
for, so that operations on arrays are enough for that.

=head2 call

    $y = $clipped->call($x);

Calls C<forward> and puts the result on the tape, if one of the inputs is.

=head2 save_for_backward, saved_tensors

    {
        package Squared;
        use parent 'AI::MXNet::AutoGrad::Function';
        sub forward  { my ($self, $x) = @_; $self->save_for_backward($x); return $x * $x }
        sub backward { my ($self, $g) = @_; my ($x) = $self->saved_tensors; return 2 * $x * $g }
    }

Keep arrays from C<forward> to C<backward>.

=head1 SEE ALSO

L<AI::MXNet::AutoGrad>

=cut
