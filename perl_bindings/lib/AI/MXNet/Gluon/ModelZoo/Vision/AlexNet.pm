package AI::MXNet::Gluon::ModelZoo::Vision::AlexNet;
# Five convolutions and three dense layers.
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;
use AI::MXNet::Gluon::ModelZoo::Vision ();

extends 'AI::MXNet::Gluon::ModelZoo::Vision::Network';

sub python_constructor_arguments { return [qw(classes)] }

sub _build
{
    my ($self) = @_;
    my $nn = 'AI::MXNet::Gluon::NN';
    my @relu = (activation => 'relu');
    return (
        AI::MXNet::Gluon::ModelZoo::Vision::row('', sub {
            $nn->Conv2D(64, kernel_size => 11, strides => 4, padding => 2, @relu), $nn->MaxPool2D(3, 2),
            $nn->Conv2D(192, kernel_size => 5, padding => 2, @relu), $nn->MaxPool2D(3, 2),
            $nn->Conv2D(384, kernel_size => 3, padding => 1, @relu), $nn->Conv2D(256, kernel_size => 3, padding => 1, @relu),
            $nn->Conv2D(256, kernel_size => 3, padding => 1, @relu), $nn->MaxPool2D(3, 2),
            $nn->Flatten, $nn->Dense(4096, @relu), $nn->Dropout(0.5), $nn->Dense(4096, @relu), $nn->Dropout(0.5);
        }),
        $nn->Dense($self->classes),
    );
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;

1;

__END__

=head1 NAME

AI::MXNet::Gluon::ModelZoo::Vision::AlexNet - AlexNet

=head1 DESCRIPTION

Internal, a part of L<AI::MXNet::Gluon::ModelZoo>; this file may change. Source: Krizhevsky, One weird trick for parallelizing convolutional neural networks (2014).

=head1 SEE ALSO

L<AI::MXNet::Gluon::ModelZoo>

=cut
