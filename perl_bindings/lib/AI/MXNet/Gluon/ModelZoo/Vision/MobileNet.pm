package AI::MXNet::Gluon::ModelZoo::Vision::MobileNet;
# Convolutions of single channels, then of single pixels.
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;
use AI::MXNet::Gluon::ModelZoo::Vision ();

extends 'AI::MXNet::Gluon::ModelZoo::Vision::Network';

has multiplier => (is => 'ro', isa => 'Num', default => 1);

sub python_constructor_arguments { return [qw(multiplier classes)] }

sub _build
{
    my ($self) = @_;
    my $nn = 'AI::MXNet::Gluon::NN';
    my ($scaled, @channels) = (sub { int($_[0] * $self->multiplier) }, 64, (128) x 2, (256) x 2, (512) x 6, (1024) x 2);
    my @inputs = (32, @channels[0 .. $#channels - 1]);
    my @strides = ((1, 2) x 3, (1) x 5, 2, 1);
    return (
        AI::MXNet::Gluon::ModelZoo::Vision::row('', sub {
            conv('relu', $scaled->(32), 3, 2, 1),
                map({
                    my $input = $scaled->($inputs[$_]);
                    (conv('relu', $input, 3, $strides[$_], 1, groups => $input), conv('relu', $scaled->($channels[$_]), 1))
                } 0 .. $#channels), $nn->GlobalAvgPool2D, $nn->Flatten;
        }),
        $nn->Dense($self->classes),
    );
}

# A convolution, its normalisation and an activation, "relu", "relu6" or none.
sub conv
{
    my ($activation, @convolution) = @_;
    my $nn = 'AI::MXNet::Gluon::NN';
    return (AI::MXNet::Gluon::ModelZoo::Vision::conv(@convolution), $nn->BatchNorm,
        $activation eq 'relu' ? $nn->Activation('relu') : $activation eq 'relu6' ? AI::MXNet::Gluon::ModelZoo::Vision::MobileNet::RELU6->new : ());
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;

package AI::MXNet::Gluon::ModelZoo::Vision::MobileNet::RELU6;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::HybridBlock';

sub hybrid_forward { my ($self, $F, $x) = @_; return $F->clip($x, a_min => 0, a_max => 6, name => 'relu6') }

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;

package AI::MXNet::Gluon::ModelZoo::Vision::MobileNet::LinearBottleneck;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::HybridBlock';

has [qw(in_channels channels t stride)] => (is => 'ro', isa => 'Int', required => 1);
has out => (is => 'rw', init_arg => undef);

sub python_constructor_arguments { return [qw(in_channels channels t stride)] }

sub BUILD
{
    my ($self) = @_;
    my $conv = \&AI::MXNet::Gluon::ModelZoo::Vision::MobileNet::conv;
    my $wide = $self->in_channels * $self->t;
    $self->name_scope(sub {
        $self->out(AI::MXNet::Gluon::ModelZoo::Vision::row(undef, sub {
            $conv->('relu6', $wide, 1), $conv->('relu6', $wide, 3, $self->stride, 1, groups => $wide), $conv->('none', $self->channels, 1);
        }));
    });
}

sub hybrid_forward
{
    my ($self, $F, $x) = @_;
    my $out = $self->out->call($x);
    return $self->stride == 1 && $self->in_channels == $self->channels ? $F->elemwise_add($out, $x) : $out;
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;

package AI::MXNet::Gluon::ModelZoo::Vision::MobileNetV2;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::ModelZoo::Vision::MobileNet';

sub _build
{
    my ($self) = @_;
    my $nn = 'AI::MXNet::Gluon::NN';
    my $conv = \&AI::MXNet::Gluon::ModelZoo::Vision::MobileNet::conv;
    my $multiplier = $self->multiplier;
    my @channels = map { int($_ * $multiplier) } 16, (24) x 2, (32) x 3, (64) x 4, (96) x 3, (160) x 3, 320;
    my @inputs = (int(32 * $multiplier), @channels[0 .. $#channels - 1]);
    my @strides = ((1, 2) x 2, 1, 1, 2, (1) x 6, 2, (1) x 3);
    return (
        AI::MXNet::Gluon::ModelZoo::Vision::row('features_', sub {
            $conv->('relu6', $inputs[0], 3, 2, 1),
                map({ AI::MXNet::Gluon::ModelZoo::Vision::MobileNet::LinearBottleneck->new($inputs[$_], $channels[$_], $_ ? 6 : 1, $strides[$_]) } 0 .. $#channels),
                $conv->('relu6', $multiplier > 1 ? int(1280 * $multiplier) : 1280, 1), $nn->GlobalAvgPool2D;
        }),
        AI::MXNet::Gluon::ModelZoo::Vision::row('output_', sub { AI::MXNet::Gluon::ModelZoo::Vision::conv($self->classes, 1, 1, 0, prefix => 'pred_'), $nn->Flatten }),
    );
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;

1;

__END__

=head1 NAME

AI::MXNet::Gluon::ModelZoo::Vision::MobileNet - MobileNet

=head1 DESCRIPTION

Internal, a part of L<AI::MXNet::Gluon::ModelZoo>; this file may change. Source: Howard et al., MobileNets (2017); Sandler et al., MobileNetV2 (2018).

=head1 SEE ALSO

L<AI::MXNet::Gluon::ModelZoo>

=cut
