package AI::MXNet::Gluon::Data::Vision::Transformed;
# What datasets of images have that take a `transform`: code that gets image and label. POD at the end.
use strict;
use warnings;
use Mouse::Role;

has transform => (is => 'bare', reader => '_transform', isa => 'Maybe[Ref]', metaclass => 'AI::MXNet::Mouse::Attribute');

# With an argument, as of any dataset; without, the code that was given.
around transform => sub {
    my ($original, $self, @arguments) = @_;
    return @arguments ? $self->$original(@arguments) : $self->_transform;
};

# A sample as `at` returns it.
sub _sample
{
    my ($self, @sample) = @_;
    my $transform = $self->_transform;
    return defined $transform ? [$transform->(@sample)] : \@sample;
}

no Mouse::Role;

1;

__END__

=head1 NAME

AI::MXNet::Gluon::Data::Vision::Transformed - datasets that transform their samples

=head1 DESCRIPTION

Internal, and no part of the interface: it may change with any release. A role of the datasets of
L<AI::MXNet::Gluon::Data::Vision>.

=head1 SEE ALSO

L<AI::MXNet::Gluon::Data::Vision>

=cut
