package AI::MXNet::Gluon::ModelZoo::Vision::VGG;
# Blocks of 3x3 convolutions.
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;
use AI::MXNet::Gluon::ModelZoo::Vision ();

extends 'AI::MXNet::Gluon::ModelZoo::Vision::Network';

has [qw(layers filters)] => (is => 'ro', isa => 'ArrayRef[Int]', required => 1);
has batch_norm => (is => 'ro', isa => 'Bool', default => 0);

sub python_constructor_arguments { return [qw(layers filters classes batch_norm)] }

sub BUILD
{
    my ($self) = @_;
    AI::MXNet::Error::fail('VGG takes as many filters as layers, but got ', scalar @{ $self->filters }, ' and ', scalar @{ $self->layers })
        if @{ $self->layers } != @{ $self->filters };
}

sub _build
{
    my ($self) = @_;
    my $nn = 'AI::MXNet::Gluon::NN';
    my $xavier = AI::MXNet::Xavier->new(rnd_type => 'gaussian', factor_type => 'out', magnitude => 2);
    my @dense = (activation => 'relu', weight_initializer => 'normal', bias_initializer => 'zeros');
    my $block = sub {
        my ($i) = @_;
        return (map({
            ($nn->Conv2D($self->filters->[$i], kernel_size => 3, padding => 1, weight_initializer => $xavier, bias_initializer => 'zeros'),
                $self->batch_norm ? $nn->BatchNorm : (), $nn->Activation('relu'))
        } 1 .. $self->layers->[$i]), $nn->MaxPool2D(strides => 2));
    };
    return (
        AI::MXNet::Gluon::ModelZoo::Vision::row('', sub {
            map({ $block->($_) } 0 .. $#{ $self->layers }),
                $nn->Dense(4096, @dense), $nn->Dropout(0.5), $nn->Dense(4096, @dense), $nn->Dropout(0.5);
        }),
        $nn->Dense($self->classes, weight_initializer => 'normal', bias_initializer => 'zeros'),
    );
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;

1;

__END__

=head1 NAME

AI::MXNet::Gluon::ModelZoo::Vision::VGG - VGG

=head1 DESCRIPTION

Internal, a part of L<AI::MXNet::Gluon::ModelZoo>; this file may change. Source: Simonyan and Zisserman, Very deep convolutional networks for large-scale image recognition (2014).

=head1 SEE ALSO

L<AI::MXNet::Gluon::ModelZoo>

=cut
