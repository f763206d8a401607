package AI::MXNet::Gluon::NN::Norms;
# Layers that normalise, and embeddings. Documented in AI::MXNet::Gluon::NN.
use strict;
use warnings;
use AI::MXNet::Gluon::HybridBlock;

# A layer of these names with a gamma and a beta for each channel.
package AI::MXNet::Gluon::NN::Normalisation;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;
use AI::MXNet::Types;

extends 'AI::MXNet::Gluon::HybridBlock';

has axis    => (is => 'rw', isa => 'Int', default => sub { $_[0]->_axis });
has epsilon => (is => 'rw', isa => 'Num', default => 1e-5);
has center  => (is => 'rw', isa => 'Bool', default => 1);
has scale   => (is => 'rw', isa => 'Bool', default => sub { $_[0]->_scale });
has beta_initializer  => (is => 'rw', isa => 'Initializer', default => 'zeros');
has gamma_initializer => (is => 'rw', isa => 'Initializer', default => 'ones');
has in_channels => (is => 'rw', isa => 'Int', default => 0);
has [qw(gamma beta)] => (is => 'rw', init_arg => undef);

sub python_constructor_arguments { return [qw(axis epsilon center scale beta_initializer gamma_initializer in_channels)] }

sub _axis  {1}
sub _scale {0}

sub BUILD
{
    my ($self) = @_;
    for (['gamma', $self->scale, $self->gamma_initializer], ['beta', $self->center, $self->beta_initializer]) {
        my ($name, $trained, $init) = @$_;
        $self->$name($self->params->get($name, grad_req => $trained ? 'write' : 'null', shape => [$self->_count], init => $init,
            allow_deferred_init => 1, differentiable => $trained));
    }
}

# How many gammas and betas there are.
sub _count { $_[0]->in_channels }

sub _describe
{
    my ($self) = @_;
    my $channels = $self->gamma->shape->[0];
    return $self->class . '(' . join(', ', map({"$_->[0]=$_->[1]"} $self->_settings), $channels ? "in_channels=$channels" : ()) . ')';
}

sub _settings { my ($self) = @_; return (['eps', $self->epsilon], ['axis', $self->axis], ['center', $self->center ? 1 : 0], ['scale', $self->scale ? 1 : 0]) }

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;

package AI::MXNet::Gluon::NN::BatchNorm;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;
use AI::MXNet::Types;

extends 'AI::MXNet::Gluon::NN::Normalisation';

has momentum         => (is => 'rw', isa => 'Num', default => 0.9);
has use_global_stats => (is => 'rw', isa => 'Bool', default => 0);
has running_mean_initializer     => (is => 'rw', isa => 'Initializer', default => 'zeros');
has running_variance_initializer => (is => 'rw', isa => 'Initializer', default => 'ones');
has [qw(running_mean running_var)] => (is => 'rw', init_arg => undef);

sub python_constructor_arguments { return [] }

sub _scale {1}

sub BUILD
{
    my ($self) = @_;
    AI::MXNet::Error::fail('BatchNorm takes an axis from 0 on, but got ', $self->axis) if $self->axis < 0;
    for (['running_mean', $self->running_mean_initializer], ['running_var', $self->running_variance_initializer]) {
        my ($name, $init) = @$_;
        $self->$name($self->params->get($name, grad_req => 'null', shape => [$self->in_channels], init => $init,
            allow_deferred_init => 1, differentiable => 0));
    }
    $self->{_options} = [
        axis => $self->axis, eps => $self->epsilon, momentum => $self->momentum, fix_gamma => $self->scale ? 0 : 1,
        use_global_stats => $self->use_global_stats, name => 'fwd',
    ];
}

# Statistics of half floats are kept in single ones.
sub cast { my ($self, $dtype) = @_; return $self->SUPER::cast($dtype eq 'float16' ? 'float32' : $dtype) }

sub hybrid_forward
{
    my ($self, $F, $x, %parameters) = @_;
    return $F->BatchNorm($x, @parameters{qw(gamma beta running_mean running_var)}, @{ $self->{_options} });
}

sub _settings { my ($self) = @_; return (['fix_gamma', $self->scale ? 0 : 1], ['axis', $self->axis], ['momentum', $self->momentum], ['eps', $self->epsilon]) }

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('AI::MXNet::Gluon::NN');

package AI::MXNet::Gluon::NN::InstanceNorm;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::NN::Normalisation';

sub hybrid_forward
{
    my ($self, $F, $x, %parameters) = @_;
    my @arguments = (@parameters{qw(gamma beta)}, eps => $self->{epsilon}, name => 'fwd');
    my $axis = $self->{axis};
    return $F->InstanceNorm($x, @arguments) if $axis == 1;
    return $F->InstanceNorm($F->SwapAxis($x, dim1 => 1, dim2 => $axis), @arguments)->SwapAxis(dim1 => 1, dim2 => $axis);
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('AI::MXNet::Gluon::NN');

package AI::MXNet::Gluon::NN::LayerNorm;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::NN::Normalisation';

sub _axis {-1}

sub hybrid_forward
{
    my ($self, $F, $x, %parameters) = @_;
    return $F->LayerNorm($x, @parameters{qw(gamma beta)}, axis => $self->{axis}, eps => $self->{epsilon}, name => 'fwd');
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('AI::MXNet::Gluon::NN');

package AI::MXNet::Gluon::NN::GroupNorm;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::NN::Normalisation';

has num_groups => (is => 'rw', isa => 'Int', default => 1);

sub python_constructor_arguments { return [qw(num_groups epsilon center scale beta_initializer gamma_initializer)] }

sub _scale {1}
sub _count { $_[0]->num_groups }

sub hybrid_forward
{
    my ($self, $F, $x, %parameters) = @_;
    return $F->GroupNorm($x, @parameters{qw(gamma beta)}, num_groups => $self->{num_groups}, eps => $self->{epsilon}, name => 'fwd');
}

sub _settings { my ($self) = @_; return (['num_groups', $self->num_groups], grep { $_->[0] ne 'axis' } $self->SUPER::_settings) }

sub _describe { my ($self) = @_; return $self->class . '(' . join(', ', map {"$_->[0]=$_->[1]"} $self->_settings) . ')' }

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('AI::MXNet::Gluon::NN');

package AI::MXNet::Gluon::NN::Embedding;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;
use AI::MXNet::Types;

extends 'AI::MXNet::Gluon::HybridBlock';

has [qw(input_dim output_dim)] => (is => 'rw', isa => 'Int', required => 1);
has dtype       => (is => 'rw', isa => 'Dtype', default => 'float32');
has sparse_grad => (is => 'rw', isa => 'Bool', default => 0);
# the original has it misspelled
has [qw(weight_initializer weight_initalizer)] => (is => 'rw', isa => 'Maybe[Initializer]');
has weight => (is => 'rw', init_arg => undef);

sub python_constructor_arguments { return [qw(input_dim output_dim)] }

sub BUILD
{
    my ($self) = @_;
    $self->weight($self->params->get('weight', shape => [$self->input_dim, $self->output_dim], dtype => $self->dtype,
        init => $self->weight_initializer // $self->weight_initalizer, allow_deferred_init => 1,
        grad_stype => $self->sparse_grad ? 'row_sparse' : 'default'));
}

sub hybrid_forward
{
    my ($self, $F, $x, %parameters) = @_;
    return $F->Embedding($x, $parameters{weight}, input_dim => $self->{input_dim}, output_dim => $self->{output_dim},
        dtype => $self->{dtype}, sparse_grad => $self->{sparse_grad}, name => 'fwd');
}

sub _describe { my ($self) = @_; return $self->class . '(' . $self->input_dim . ' -> ' . $self->output_dim . ', ' . $self->dtype . ')' }

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('AI::MXNet::Gluon::NN');

1;

__END__

=head1 NAME

AI::MXNet::Gluon::NN::Norms - layers that normalise, and embeddings

=head1 DESCRIPTION

Internal, a part of L<AI::MXNet::Gluon::NN>: the classes are interface, and documented there; this file may change.

=head1 SEE ALSO

L<AI::MXNet::Gluon::NN>

=cut
