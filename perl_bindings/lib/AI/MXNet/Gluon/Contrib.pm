package AI::MXNet::Gluon::Contrib;
# Layers beside those of AI::MXNet::Gluon::NN, in whose namespace they are. POD at the end.
use strict;
use warnings;
use AI::MXNet::Gluon::NN;

package AI::MXNet::Gluon::NN::Concurrent;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::NN::Sequential';

has axis => (is => 'rw', isa => 'Int', default => -1);

sub python_constructor_arguments { return ['axis'] }

sub forward
{
    my ($self, $x) = @_;
    return AI::MXNet::NDArray->concat((map { scalar $_->call($x) } @{ $self->_child_list }), dim => $self->axis);
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('AI::MXNet::Gluon::NN');

package AI::MXNet::Gluon::NN::HybridConcurrent;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::NN::HybridSequential';

has axis => (is => 'rw', isa => 'Int', default => -1);

sub python_constructor_arguments { return ['axis'] }

sub hybrid_forward
{
    my ($self, $F, $x) = @_;
    return $F->concat((map { scalar $_->call($x) } @{ $self->_child_list }), dim => $self->axis);
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('AI::MXNet::Gluon::NN');

package AI::MXNet::Gluon::NN::Identity;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::HybridBlock';

sub hybrid_forward { my ($self, $F, $x) = @_; return $x }

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('AI::MXNet::Gluon::NN');

package AI::MXNet::Gluon::NN::SparseEmbedding;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;
use AI::MXNet::Types;

extends 'AI::MXNet::Gluon::Block';

has [qw(input_dim output_dim)] => (is => 'rw', isa => 'Int', required => 1);
has dtype              => (is => 'rw', isa => 'Dtype', default => 'float32');
has weight_initializer => (is => 'rw', isa => 'Maybe[Initializer]');
has weight             => (is => 'rw', init_arg => undef);

sub python_constructor_arguments { return [qw(input_dim output_dim dtype weight_initializer)] }

sub BUILD
{
    my ($self) = @_;
    $self->weight($self->params->get('weight', shape => [$self->input_dim, $self->output_dim], dtype => $self->dtype,
        init => $self->weight_initializer, grad_stype => 'row_sparse', stype => 'row_sparse'));
}

sub forward
{
    my ($self, $x) = @_;
    return AI::MXNet::NDArray->Embedding($x, $self->weight->row_sparse_data($x), input_dim => $self->input_dim, output_dim => $self->output_dim,
        dtype => $self->dtype, sparse_grad => 1);
}

sub _describe { my ($self) = @_; return $self->class . '(' . $self->input_dim . ' -> ' . $self->output_dim . ', ' . $self->dtype . ')' }

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('AI::MXNet::Gluon::NN');

1;

__END__

=head1 NAME

AI::MXNet::Gluon::Contrib - more layers for AI::MXNet::Gluon::NN

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd);
    use AI::MXNet::Gluon::NN qw(nn);
    use AI::MXNet::Gluon::Contrib;

    my $net = nn->HybridConcurrent(axis => 1);
    $net->add(nn->Identity, nn->Dense(2));
    $net->initialize;
    print join(' ', @{ $net->(nd->ones([4, 3]))->shape }), "\n";    # 4 5

=head1 DESCRIPTION

Loading this package adds these layers to L<AI::MXNet::Gluon::NN>.

=head1 LAYERS

=head2 Concurrent, HybridConcurrent

    my $branches = nn->HybridConcurrent(axis => -1);

Give the same input to all of their children and concatenate what they return along C<axis>.

=head2 Identity

Returns its input.

=head2 SparseEmbedding

    my $layer = nn->SparseEmbedding(10_000, 64, dtype => 'float32');    # input_dim, output_dim, weight_initializer

An embedding whose weight and gradient are row_sparse; it needs a L<AI::MXNet::Gluon::Trainer> for the rows.

=head1 SEE ALSO

L<AI::MXNet::Gluon::NN>

=cut
