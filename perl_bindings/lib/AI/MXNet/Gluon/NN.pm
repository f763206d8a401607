package AI::MXNet::Gluon::NN;
# The namespace of layers: nn->Dense(10). POD at the end.
use strict;
use warnings;
use AI::MXNet::NS;
use AI::MXNet::Gluon;
use AI::MXNet::Gluon::NN::Activations;
use AI::MXNet::Gluon::NN::BasicLayers;
use AI::MXNet::Gluon::NN::Containers;
use AI::MXNet::Gluon::NN::ConvLayers;
use AI::MXNet::Gluon::NN::Norms;

sub import { my ($class, @names) = @_; return AI::MXNet::NS::install($class, scalar caller, @names) }

1;

__END__

=head1 NAME

AI::MXNet::Gluon::NN - layers

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd);
    use AI::MXNet::Gluon::NN qw(nn);

    my $net = nn->HybridSequential;
    $net->name_scope(sub {
        $net->add(nn->Conv2D(20, kernel_size => 5, activation => 'relu'));
        $net->add(nn->MaxPool2D(2, 2));
        $net->add(nn->Dense(10));
    });
    $net->initialize(mx->init->Xavier);
    print join(' ', @{ $net->(nd->ones([4, 1, 28, 28]))->shape }), "\n";    # 4 10

=head1 DESCRIPTION

C<< nn->Name(...) >> makes a layer of the class AI::MXNet::Gluon::NN::Name. Arguments in parentheses below may be given by
position; all may be given by name, and C<prefix> and C<params> besides, as for any L<AI::MXNet::Gluon::Block>. Initializers
are objects or names. A size that is 0 (C<in_units>, C<in_channels>) follows from the first input. All but Sequential and
Lambda are L<AI::MXNet::Gluon::HybridBlock>s.

=head1 CONTAINERS

=head2 Sequential, HybridSequential

Call their children one after the other: C<< $net->add(@blocks) >>, C<< $net->[1] >>, C<@$net>, and C<< $net->slice([0, 2]) >>,
a new container of those.

=head1 LAYERS

=head2 Dense

(C<units>), C<activation>, C<use_bias> 1, C<flatten> 1, C<weight_initializer>, C<bias_initializer> 'zeros', C<in_units> 0. Input
(batch, ...), of which all axes but the first are one; without C<flatten> the last axis alone is multiplied. Operator
FullyConnected.

=head2 Activation

(C<activation>): relu, sigmoid, tanh, softrelu or softsign.

=head2 LeakyReLU, PReLU, ELU, SELU, GELU, Swish

(C<alpha>) of LeakyReLU and ELU (1), (C<alpha_initializer>) of PReLU, whose parameter C<alpha> is trained, (C<beta>) 1 of
Swish, x sigmoid(beta x).

=head2 Dropout

(C<rate>): the share of the elements that training sets to zero; the others are divided by 1 - rate.

=head2 BatchNorm

C<axis> 1, C<momentum> 0.9, C<epsilon> 1e-5, C<center> 1, C<scale> 1, C<use_global_stats> 0, C<in_channels> 0,
C<beta_initializer>, C<gamma_initializer>, C<running_mean_initializer>, C<running_variance_initializer>. Parameters C<gamma>,
C<beta>, C<running_mean> and C<running_var>.

=head2 InstanceNorm, LayerNorm

(C<axis> 1, or -1 of LayerNorm; C<epsilon> 1e-5, C<center> 1, C<scale> 0, C<beta_initializer>, C<gamma_initializer>,
C<in_channels>).

=head2 GroupNorm

(C<num_groups> 1, C<epsilon> 1e-5, C<center> 1, C<scale> 1). The original has none.

=head2 Embedding

(C<input_dim>, C<output_dim>), C<dtype>, C<weight_initializer>, C<sparse_grad> 0: the rows of a weight (input_dim, output_dim).

=head2 Flatten

(batch, ...) as (batch, rest).

=head2 Lambda, HybridLambda

(C<function>): a code ref, or an operator's name. The code of HybridLambda gets the namespace, then the inputs.

=head2 Conv1D, Conv2D, Conv3D

(C<channels>, C<kernel_size>, C<strides> 1, C<padding> 0, C<dilation> 1), C<groups> 1, C<in_channels> 0, C<activation>,
C<use_bias> 1, C<weight_initializer>, C<bias_initializer>. Sizes are numbers, or lists with one for each axis. Input
(batch, channels, sizes).

=head2 Conv1DTranspose, Conv2DTranspose, Conv3DTranspose

The same, and C<output_padding> 0. Operator Deconvolution.

=head2 MaxPool1D, MaxPool2D, MaxPool3D, AvgPool1D, AvgPool2D, AvgPool3D

(C<pool_size> 2, C<strides> as the size, C<padding> 0), C<ceil_mode> 0: whether windows that overhang count;
C<count_include_pad> 1 of averages.

=head2 GlobalMaxPool1D, GlobalMaxPool2D, GlobalMaxPool3D, GlobalAvgPool1D, GlobalAvgPool2D, GlobalAvgPool3D

One window over everything.

=head2 ReflectionPad2D

(C<padding> 0): elements at each side of the last two axes, or a list of 8.

=head1 SEE ALSO

L<AI::MXNet::Gluon>, L<AI::MXNet::Gluon::Contrib>

=cut
