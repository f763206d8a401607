package AI::MXNet::NDArray;
# The class goes on: arrays in a notebook.
use strict;
use warnings;
use AI::MXNet::Notebook;

sub to_html { my ($self) = @_; return AI::MXNet::Notebook::array($self) }

sub iperl_data_representations
{
    my ($self) = @_;
    return AI::MXNet::Notebook::representations($self->to_html, $self->_shown);
}

1;

__END__

=head1 NAME

AI::MXNet::NDArray::HTML - arrays in a notebook

=head1 DESCRIPTION

Internal, and no part of the interface: it may change with any release. C<to_html> and C<iperl_data_representations> of
L<AI::MXNet::NDArray>, loaded when one of them is called.

=head1 SEE ALSO

L<AI::MXNet::NDArray>

=cut
