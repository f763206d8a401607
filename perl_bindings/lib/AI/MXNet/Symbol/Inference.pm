package AI::MXNet::Symbol;
# The class goes on: what is known of a graph before it computes.
use strict;
use warnings;
use Scalar::Util qw(looks_like_number);
use AI::MXNet::DType;
use AI::MXNet::Engine;
use AI::MXNet::Error;
use AI::MXNet::NS;

# Arguments of an inference, by position (where the first is a value, not a name) or by name, as (names, values).
sub _known
{
    my ($self, $is_value, @arguments) = @_;
    my %known;
    if (@arguments and (not defined $arguments[0] or $is_value->($arguments[0]))) {
        my $names = $self->list_arguments;
        AI::MXNet::Error::fail(scalar @arguments, ' values were given for ', scalar @$names, ' arguments') if @arguments > @$names;
        @known{ @$names[0 .. $#arguments] } = @arguments;
    }
    else {
        AI::MXNet::Error::fail('inference takes values in order, or names and values in turn') if @arguments % 2;
        %known = @arguments;
    }
    my @names = grep { defined $known{$_} } sort keys %known;
    return (\@names, [map { $known{$_} } @names]);
}

sub infer_shape
{
    my ($self, @arguments) = @_;
    my @found = $self->_infer_shape(0, @arguments);
    return @found if @found;
    my @shown = map { my ($name, $shape) = @$_; "$name: (" . join(',', @$shape) . ')' } $self->_undecided(@arguments);
    @shown = (@shown[0 .. 9], '...') if @shown > 10;
    AI::MXNet::NS::load('AI/MXNet/Logging.pm');
    AI::MXNet::Logging->warning('Cannot decide shape for the following arguments (0s in shape means unknown dimensions). '
        . "Consider providing them as input:\n\t%s\n", join "\n\t", @shown);
    return (undef, undef, undef);
}

# The arguments whose shapes do not follow: their names, and what is known of the shapes.
sub _undecided
{
    my ($self, @arguments) = @_;
    my ($shapes) = $self->_infer_shape(1, @arguments);
    my $names = $self->list_arguments;
    return map { [$names->[$_], $shapes->[$_]] } grep { my $shape = $shapes->[$_]; !@$shape or grep { !$_ } @$shape } 0 .. $#$names;
}

sub infer_shape_partial { my ($self, @arguments) = @_; return $self->_infer_shape(1, @arguments) }

sub _infer_shape
{
    my ($self, $partial, @arguments) = @_;
    my ($names, $shapes) = $self->_known(sub { ref $_[0] }, @arguments);
    my @shapes;
    for my $i (0 .. $#$names) {
        my $shape = $shapes->[$i];
        AI::MXNet::Error::fail("The shape of $names->[$i] is a list of integers, but got ", ref $shape eq 'ARRAY' ? "(@$shape)" : $shape)
            if ref $shape ne 'ARRAY' or grep { not looks_like_number($_) } @$shape;
        push @shapes, [map { 0 + $_ } @$shape];
    }
    my @fields = _request('infer_shape', AI::MXNet::Engine::handles_of($self), $partial, [_texts(@$names)], \@shapes);
    my @lists;
    while (@fields) {
        my $count = shift @fields;
        push @lists, [map { my $ndim = shift @fields; [splice @fields, 0, $ndim > 0 ? $ndim : 0] } 1 .. $count];
    }
    return @lists;
}

sub infer_type
{
    my ($self, @arguments) = @_;
    my @found = $self->_infer_type(0, @arguments);
    return @found ? @found : (undef, undef, undef);
}

sub _infer_type
{
    my ($self, $partial, @arguments) = @_;
    my ($names, $dtypes) = $self->_known(sub { my ($name) = @_; scalar grep { $_ eq $name } AI::MXNet::DType::names() }, @arguments);
    my @fields = _request('infer_type', AI::MXNet::Engine::handles_of($self), $partial, [_texts(@$names)], [_texts(@$dtypes)]);
    my @lists;
    while (@fields) {
        my $count = shift @fields;
        push @lists, [splice @fields, 0, $count];
    }
    return @lists;
}

# The storage types of the arguments, then those of their gradients.
sub _infer_storage
{
    my ($self, %given) = @_;
    my @names = sort keys %given;
    return _request('infer_storage', $self->{handle}, [_texts(@names)], [_texts(@given{@names})]);
}

1;

__END__

=head1 NAME

AI::MXNet::Symbol::Inference - shapes and types in graphs

=head1 DESCRIPTION

Internal, and no part of the interface: it may change with any release. Infers shapes, dtypes and storage types of a graph's
variables and outputs from those of some, for L<AI::MXNet::Symbol>.

=head1 SEE ALSO

L<AI::MXNet::Symbol>

=cut
