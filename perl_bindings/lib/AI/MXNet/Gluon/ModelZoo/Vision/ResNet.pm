package AI::MXNet::Gluon::ModelZoo::Vision::ResNet;
# Blocks that add to their input.
use strict;
use warnings;
use AI::MXNet::Gluon::ModelZoo::Vision ();

sub conv3x3 { my ($channels, $stride, $inputs) = @_; return AI::MXNet::Gluon::ModelZoo::Vision::conv($channels, 3, $stride, 1, in_channels => $inputs) }

# The parts of a block have the names of attributes: body and downsample of version 1, bn1, conv1 ... of version 2.
package AI::MXNet::Gluon::ModelZoo::Vision::ResNet::Block;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::HybridBlock';

has [qw(channels stride)] => (is => 'ro', isa => 'Int', required => 1);
has downsample  => (is => 'rw', default => 0);
has in_channels => (is => 'ro', isa => 'Int', default => 0);
has [qw(body bn1 conv1 bn2 conv2 bn3 conv3)] => (is => 'rw', init_arg => undef);

sub python_constructor_arguments { return [qw(channels stride downsample)] }

sub BUILD
{
    my ($self) = @_;
    my $changes = $self->downsample;
    $self->{downsample} = undef;
    $self->name_scope(sub {
        $self->_build;
        $self->downsample($self->_shortcut) if $changes;
    });
}

# The block that brings the input to the shape of the result, if there is one.
sub downsampling { $_[0]{downsample} }

sub _shortcut { my ($self) = @_; return AI::MXNet::Gluon::ModelZoo::Vision::conv($self->channels, 1, $self->stride, 0, in_channels => $self->in_channels) }

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;

# Version 1: what is added is normalised before, the sum activated.
package AI::MXNet::Gluon::ModelZoo::Vision::ResNet::BlockV1;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::ModelZoo::Vision::ResNet::Block';

sub hybrid_forward
{
    my ($self, $F, $x) = @_;
    my $residual = defined $self->downsampling ? $self->downsampling->call($x) : $x;
    return $F->Activation($residual + scalar $self->body->call($x), act_type => 'relu');
}

sub _shortcut
{
    my ($self) = @_;
    my $conv = $self->SUPER::_shortcut;
    return AI::MXNet::Gluon::ModelZoo::Vision::row('', sub { $conv, AI::MXNet::Gluon::NN->BatchNorm });
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;

package AI::MXNet::Gluon::ModelZoo::Vision::ResNet::BasicBlockV1;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::ModelZoo::Vision::ResNet::BlockV1';

sub _build
{
    my ($self) = @_;
    my ($channels, $stride, $inputs) = ($self->channels, $self->stride, $self->in_channels);
    my $nn = 'AI::MXNet::Gluon::NN';
    $self->body(AI::MXNet::Gluon::ModelZoo::Vision::row('', sub {
        AI::MXNet::Gluon::ModelZoo::Vision::ResNet::conv3x3($channels, $stride, $inputs), $nn->BatchNorm, $nn->Activation('relu'),
            AI::MXNet::Gluon::ModelZoo::Vision::ResNet::conv3x3($channels, 1, $channels), $nn->BatchNorm;
    }));
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;

package AI::MXNet::Gluon::ModelZoo::Vision::ResNet::BottleneckV1;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::ModelZoo::Vision::ResNet::BlockV1';

sub _build
{
    my ($self) = @_;
    my ($channels, $stride, $inputs) = ($self->channels, $self->stride, $self->in_channels);
    my $nn = 'AI::MXNet::Gluon::NN';
    my $narrow = int($channels / 4);
    $self->body(AI::MXNet::Gluon::ModelZoo::Vision::row('', sub {
        $nn->Conv2D($narrow, kernel_size => 1, strides => $stride), $nn->BatchNorm, $nn->Activation('relu'),
            AI::MXNet::Gluon::ModelZoo::Vision::ResNet::conv3x3($narrow, 1, $narrow), $nn->BatchNorm, $nn->Activation('relu'),
            $nn->Conv2D($channels, kernel_size => 1, strides => 1), $nn->BatchNorm;
    }));
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;

# Version 2: normalisation and activation come before each of the convolutions.
package AI::MXNet::Gluon::ModelZoo::Vision::ResNet::BlockV2;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::ModelZoo::Vision::ResNet::Block';

sub hybrid_forward
{
    my ($self, $F, $x) = @_;
    my $residual = $x;
    for my $i (grep { defined $self->{"conv$_"} } 1 .. 3) {
        $x = $F->Activation(scalar $self->{"bn$i"}->call($x), act_type => 'relu');
        $residual = $self->downsampling->call($x) if $i == 1 and defined $self->downsampling;
        $x = $self->{"conv$i"}->call($x);
    }
    return $x + $residual;
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;

package AI::MXNet::Gluon::ModelZoo::Vision::ResNet::BasicBlockV2;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::ModelZoo::Vision::ResNet::BlockV2';

sub _build
{
    my ($self) = @_;
    my ($channels, $stride, $inputs) = ($self->channels, $self->stride, $self->in_channels);
    $self->bn1(AI::MXNet::Gluon::NN->BatchNorm);
    $self->conv1(AI::MXNet::Gluon::ModelZoo::Vision::ResNet::conv3x3($channels, $stride, $inputs));
    $self->bn2(AI::MXNet::Gluon::NN->BatchNorm);
    $self->conv2(AI::MXNet::Gluon::ModelZoo::Vision::ResNet::conv3x3($channels, 1, $channels));
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;

package AI::MXNet::Gluon::ModelZoo::Vision::ResNet::BottleneckV2;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::ModelZoo::Vision::ResNet::BlockV2';

sub _build
{
    my ($self) = @_;
    my ($channels, $stride, $inputs) = ($self->channels, $self->stride, $self->in_channels);
    my $narrow = int($channels / 4);
    $self->bn1(AI::MXNet::Gluon::NN->BatchNorm);
    $self->conv1(AI::MXNet::Gluon::ModelZoo::Vision::conv($narrow, 1));
    $self->bn2(AI::MXNet::Gluon::NN->BatchNorm);
    $self->conv2(AI::MXNet::Gluon::ModelZoo::Vision::ResNet::conv3x3($narrow, $stride, $narrow));
    $self->bn3(AI::MXNet::Gluon::NN->BatchNorm);
    $self->conv3(AI::MXNet::Gluon::ModelZoo::Vision::conv($channels, 1));
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;

package AI::MXNet::Gluon::ModelZoo::Vision::ResNet::V1;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;
use AI::MXNet::Gluon::ModelZoo::Vision ();

extends 'AI::MXNet::Gluon::ModelZoo::Vision::Network';

has block => (is => 'ro', isa => 'Str', required => 1);
has [qw(layers channels)] => (is => 'ro', isa => 'ArrayRef[Int]', required => 1);
has thumbnail => (is => 'ro', isa => 'Bool', default => 0);

sub python_constructor_arguments { return [qw(block layers channels classes thumbnail)] }

sub _build
{
    my ($self) = @_;
    my $nn = 'AI::MXNet::Gluon::NN';
    return (
        AI::MXNet::Gluon::ModelZoo::Vision::row('', sub { $self->_stem, $self->_stages, $nn->GlobalAvgPool2D }),
        $nn->Dense($self->classes, in_units => $self->channels->[-1]),
    );
}

# What comes before the stages.
sub _stem
{
    my ($self) = @_;
    my $nn = 'AI::MXNet::Gluon::NN';
    my $channels = $self->channels->[0];
    return AI::MXNet::Gluon::ModelZoo::Vision::ResNet::conv3x3($channels, 1, 0) if $self->thumbnail;
    return (AI::MXNet::Gluon::ModelZoo::Vision::conv($channels, 7, 2, 3), $nn->BatchNorm, $nn->Activation('relu'), $nn->MaxPool2D(3, 2, 1));
}

sub _stages
{
    my ($self) = @_;
    my @channels = @{ $self->channels };
    my $class = 'AI::MXNet::Gluon::ModelZoo::Vision::ResNet::' . $self->block =~ s/.*:://r;
    AI::MXNet::Error::fail('ResNet takes one more number of channels than of layers, but got ', scalar @channels, ' and ', scalar @{ $self->layers })
        if @channels != @{ $self->layers } + 1;
    return map {
        my ($i, $inputs) = ($_, $channels[ $_ - 1 ]);
        AI::MXNet::Gluon::ModelZoo::Vision::row("stage${i}_", sub {
            $class->new($channels[$i], $i == 1 ? 1 : 2, $channels[$i] != $inputs ? 1 : 0, in_channels => $inputs, prefix => ''),
                map { $class->new($channels[$i], 1, 0, in_channels => $channels[$i], prefix => '') } 2 .. $self->layers->[ $i - 1 ];
        });
    } 1 .. $#channels;
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;

package AI::MXNet::Gluon::ModelZoo::Vision::ResNet::V2;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::ModelZoo::Vision::ResNet::V1';

sub _build
{
    my ($self) = @_;
    my $nn = 'AI::MXNet::Gluon::NN';
    return (
        AI::MXNet::Gluon::ModelZoo::Vision::row('', sub {
            $nn->BatchNorm(scale => 0, center => 0), $self->_stem, $self->_stages, $nn->BatchNorm, $nn->Activation('relu'), $nn->GlobalAvgPool2D, $nn->Flatten;
        }),
        $nn->Dense($self->classes, in_units => $self->channels->[-1]),
    );
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;

1;

__END__

=head1 NAME

AI::MXNet::Gluon::ModelZoo::Vision::ResNet - ResNet

=head1 DESCRIPTION

Internal, a part of L<AI::MXNet::Gluon::ModelZoo>; this file may change. Source: He et al., Deep residual learning for image recognition (2015); Identity mappings in deep residual networks (2016).

=head1 SEE ALSO

L<AI::MXNet::Gluon::ModelZoo>

=cut
