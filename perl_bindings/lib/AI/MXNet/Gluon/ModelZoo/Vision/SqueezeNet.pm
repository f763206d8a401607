package AI::MXNet::Gluon::ModelZoo::Vision::SqueezeNet;
# Convolutions that squeeze the channels, then expand them.
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;
use AI::MXNet::Gluon::ModelZoo::Vision ();

extends 'AI::MXNet::Gluon::ModelZoo::Vision::Network';

has version => (is => 'ro', isa => 'Str', required => 1);

sub python_constructor_arguments { return [qw(version classes)] }

my %layers = (
    '1.0' => [[96, 7], 'pool', [16, 64], [16, 64], [32, 128], 'pool', [32, 128], [48, 192], [48, 192], [64, 256], 'pool', [64, 256]],
    '1.1' => [[64, 3], 'pool', [16, 64], [16, 64], 'pool', [32, 128], [32, 128], 'pool', [48, 192], [48, 192], [64, 256], [64, 256]],
);

sub _build
{
    my ($self) = @_;
    my $nn = 'AI::MXNet::Gluon::NN';
    my $list = $layers{ $self->version }
        // AI::MXNet::Error::fail('Unsupported SqueezeNet version ', $self->version, ': 1.0 or 1.1 expected');
    my (@first) = @{ $list->[0] };
    return (
        AI::MXNet::Gluon::ModelZoo::Vision::row('', sub {
            $nn->Conv2D($first[0], kernel_size => $first[1], strides => 2), $nn->Activation('relu'),
                map({ ref $_ ? _fire(@$_) : $nn->MaxPool2D(pool_size => 3, strides => 2, ceil_mode => 1) } @$list[1 .. $#$list]), $nn->Dropout(0.5);
        }),
        AI::MXNet::Gluon::ModelZoo::Vision::row('', sub {
            $nn->Conv2D($self->classes, kernel_size => 1), $nn->Activation('relu'), $nn->AvgPool2D(13), $nn->Flatten;
        }),
    );
}

sub _fire
{
    my ($squeezed, $expanded) = @_;
    return AI::MXNet::Gluon::ModelZoo::Vision::row('', sub {
        _conv($squeezed, 1, 0), AI::MXNet::Gluon::ModelZoo::Vision::branches('', sub { _conv($expanded, 1, 0), _conv($expanded, 3, 1) });
    });
}

sub _conv
{
    my ($channels, $kernel, $padding) = @_;
    my $nn = 'AI::MXNet::Gluon::NN';
    return AI::MXNet::Gluon::ModelZoo::Vision::row('', sub { $nn->Conv2D($channels, kernel_size => $kernel, padding => $padding), $nn->Activation('relu') });
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;

1;

__END__

=head1 NAME

AI::MXNet::Gluon::ModelZoo::Vision::SqueezeNet - SqueezeNet

=head1 DESCRIPTION

Internal, a part of L<AI::MXNet::Gluon::ModelZoo>; this file may change. Source: Iandola et al., SqueezeNet (2016).

=head1 SEE ALSO

L<AI::MXNet::Gluon::ModelZoo>

=cut
