package AI::MXNet::Gluon::ModelZoo::Vision::Inception;
# Branches of convolutions of several sizes.
use strict;
use warnings;

package AI::MXNet::Gluon::ModelZoo::Vision::Inception::V3;
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
    return (
        AI::MXNet::Gluon::ModelZoo::Vision::row('', sub {
            _conv(32, 3, 2), _conv(32, 3), _conv(64, 3, 1, 1), $nn->MaxPool2D(3, 2), _conv(80, 1), _conv(192, 3), $nn->MaxPool2D(3, 2),
                _a(32, 'A1_'), _a(64, 'A2_'), _a(64, 'A3_'), _b('B_'), _c(128, 'C1_'), _c(160, 'C2_'), _c(160, 'C3_'), _c(192, 'C4_'),
                _d('D_'), _e('E1_'), _e('E2_'), $nn->AvgPool2D(8), $nn->Dropout(0.5);
        }),
        $nn->Dense($self->classes),
    );
}

# A convolution with its normalisation: channels, kernel, strides, padding.
sub _conv
{
    my ($channels, $kernel, $strides, $padding) = @_;
    my $nn = 'AI::MXNet::Gluon::NN';
    return AI::MXNet::Gluon::ModelZoo::Vision::row('', sub {
        AI::MXNet::Gluon::ModelZoo::Vision::conv($channels, $kernel, $strides, $padding), $nn->BatchNorm(epsilon => 0.001), $nn->Activation('relu');
    });
}

# The second output that the network was trained with.
sub make_aux
{
    my ($classes) = @_;
    my $nn = 'AI::MXNet::Gluon::NN';
    return AI::MXNet::Gluon::ModelZoo::Vision::row('', sub { _conv(128, 1), _conv(768, 5), $nn->Flatten, $nn->Dense($classes) });
}

# Pooling ("avg", "max"), then convolutions.
sub _branch
{
    my (@layers) = @_;
    my $nn = 'AI::MXNet::Gluon::NN';
    return AI::MXNet::Gluon::ModelZoo::Vision::row('', sub {
        map { ref $_ ? _conv(@$_) : $_ eq 'avg' ? $nn->AvgPool2D(3, 1, 1) : $nn->MaxPool2D(3, 2) } @layers;
    });
}

sub _branches
{
    my ($prefix, @branches) = @_;
    return AI::MXNet::Gluon::ModelZoo::Vision::branches($prefix, sub { map { ref $_ eq 'CODE' ? $_->() : _branch(@$_) } @branches });
}

# A convolution along each axis of an image, for a kernel of that length.
sub _wide { my ($channels, $length) = @_; return [$channels, [1, $length], 1, [0, ($length - 1) / 2]] }
sub _high { my ($channels, $length) = @_; return [$channels, [$length, 1], 1, [($length - 1) / 2, 0]] }

sub _a
{
    my ($pooled, $prefix) = @_;
    return _branches($prefix, [[64, 1]], [[48, 1], [64, 5, 1, 2]], [[64, 1], [96, 3, 1, 1], [96, 3, 1, 1]], ['avg', [$pooled, 1]]);
}

sub _b { my ($prefix) = @_; return _branches($prefix, [[384, 3, 2]], [[64, 1], [96, 3, 1, 1], [96, 3, 2]], ['max']) }

sub _c
{
    my ($n, $prefix) = @_;
    return _branches($prefix, [[192, 1]], [[$n, 1], _wide($n, 7), _high(192, 7)],
        [[$n, 1], _high($n, 7), _wide($n, 7), _high($n, 7), _wide(192, 7)], ['avg', [192, 1]]);
}

sub _d
{
    my ($prefix) = @_;
    return _branches($prefix, [[192, 1], [320, 3, 2]], [[192, 1], _wide(192, 7), _high(192, 7), [192, 3, 2]], ['max']);
}

sub _e
{
    my ($prefix) = @_;
    my $split = sub {
        my (@before) = @_;
        return sub { AI::MXNet::Gluon::ModelZoo::Vision::row('', sub { _branch(@before), _branches('', [_wide(384, 3)], [_high(384, 3)]) }) };
    };
    return _branches($prefix, [[320, 1]], $split->([384, 1]), $split->([448, 1], [384, 3, 1, 1]), ['avg', [192, 1]]);
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;

1;

__END__

=head1 NAME

AI::MXNet::Gluon::ModelZoo::Vision::Inception - Inception

=head1 DESCRIPTION

Internal, a part of L<AI::MXNet::Gluon::ModelZoo>; this file may change. Source: Szegedy et al., Rethinking the inception architecture for computer vision (2015).

=head1 SEE ALSO

L<AI::MXNet::Gluon::ModelZoo>

=cut
