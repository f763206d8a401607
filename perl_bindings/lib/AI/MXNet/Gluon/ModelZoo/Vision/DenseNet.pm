package AI::MXNet::Gluon::ModelZoo::Vision::DenseNet;
# Each layer sees the results of all before it.
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;
use AI::MXNet::Gluon::ModelZoo::Vision ();

extends 'AI::MXNet::Gluon::ModelZoo::Vision::Network';

has [qw(num_init_features growth_rate)] => (is => 'ro', isa => 'Int', required => 1);
has block_config => (is => 'ro', isa => 'ArrayRef[Int]', required => 1);
has bn_size      => (is => 'ro', isa => 'Int', default => 4);
has dropout      => (is => 'ro', isa => 'Num', default => 0);

sub python_constructor_arguments { return [qw(num_init_features growth_rate block_config bn_size dropout classes)] }

sub _build
{
    my ($self) = @_;
    my $nn = 'AI::MXNet::Gluon::NN';
    my $features = $self->num_init_features;
    my @blocks = @{ $self->block_config };
    return (
        AI::MXNet::Gluon::ModelZoo::Vision::row('', sub {
            my @layers = (AI::MXNet::Gluon::ModelZoo::Vision::conv($features, 7, 2, 3), $nn->BatchNorm, $nn->Activation('relu'), $nn->MaxPool2D(3, 2, 1));
            for my $i (0 .. $#blocks) {
                push @layers, AI::MXNet::Gluon::ModelZoo::Vision::row('stage' . ($i + 1) . '_', sub { map { $self->_dense_layer } 1 .. $blocks[$i] });
                $features += $blocks[$i] * $self->growth_rate;
                next if $i == $#blocks;
                $features = int($features / 2);
                push @layers, _transition($features);
            }
            return (@layers, $nn->BatchNorm, $nn->Activation('relu'), $nn->AvgPool2D(7), $nn->Flatten);
        }),
        $nn->Dense($self->classes),
    );
}

sub _dense_layer
{
    my ($self) = @_;
    my $nn = 'AI::MXNet::Gluon::NN';
    my $conv = \&AI::MXNet::Gluon::ModelZoo::Vision::conv;
    my $new = AI::MXNet::Gluon::ModelZoo::Vision::row('', sub {
        $nn->BatchNorm, $nn->Activation('relu'), $conv->($self->bn_size * $self->growth_rate, 1),
            $nn->BatchNorm, $nn->Activation('relu'), $conv->($self->growth_rate, 3, 1, 1), $self->dropout ? $nn->Dropout($self->dropout) : ();
    });
    return AI::MXNet::Gluon::ModelZoo::Vision::branches('', sub { $nn->Identity, $new });
}

sub _transition
{
    my ($channels) = @_;
    my $nn = 'AI::MXNet::Gluon::NN';
    return AI::MXNet::Gluon::ModelZoo::Vision::row('', sub {
        $nn->BatchNorm, $nn->Activation('relu'), AI::MXNet::Gluon::ModelZoo::Vision::conv($channels, 1), $nn->AvgPool2D(2, 2);
    });
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;

1;

__END__

=head1 NAME

AI::MXNet::Gluon::ModelZoo::Vision::DenseNet - DenseNet

=head1 DESCRIPTION

Internal, a part of L<AI::MXNet::Gluon::ModelZoo>; this file may change. Source: Huang et al., Densely connected convolutional networks (2016).

=head1 SEE ALSO

L<AI::MXNet::Gluon::ModelZoo>

=cut
