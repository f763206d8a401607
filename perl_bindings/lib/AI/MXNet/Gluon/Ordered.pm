package AI::MXNet::Gluon::Ordered;
# A hash that keeps its keys in the order in which they came.
use strict;
use warnings;

sub new
{
    my ($class, @pairs) = @_;
    my $self = bless { keys => [], values => {} }, $class;
    while (my ($key, $value) = splice @pairs, 0, 2) { $self->set($key, $value) }
    return $self;
}

sub as_list { my ($self) = @_; return map { $_ => $self->{values}{$_} } @{ $self->{keys} } }
sub exists  { return exists $_[0]{values}{ $_[1] } }
sub get     { return $_[0]{values}{ $_[1] } }
sub keys    { return @{ $_[0]{keys} } }
sub values  { return @{ $_[0]{values} }{ @{ $_[0]{keys} } } }

sub set
{
    my ($self, $key, $value) = @_;
    push @{ $self->{keys} }, $key unless exists $self->{values}{$key};
    return $self->{values}{$key} = $value;
}

sub delete
{
    my ($self, $key) = @_;
    @{ $self->{keys} } = grep { $_ ne $key } @{ $self->{keys} };
    return delete $self->{values}{$key};
}

1;

__END__

=head1 NAME

AI::MXNet::Gluon::Ordered - a hash that keeps the order of its keys

=head1 DESCRIPTION

Internal, and no part of the interface: it may change with any release. Children, parameters and hooks of blocks are kept
in it; its methods are those that scripts call on C<< $block->_children >>.

=head1 SEE ALSO

L<AI::MXNet::Gluon::Block>

=cut
