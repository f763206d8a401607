package AI::MXNet::Gluon::NN::BasicLayers;
# Layers of all trades. Documented in AI::MXNet::Gluon::NN.
use strict;
use warnings;
use AI::MXNet::Gluon::HybridBlock;
use AI::MXNet::Gluon::NN::Activations;

package AI::MXNet::Gluon::NN::Dense;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;
use AI::MXNet::Types;

extends 'AI::MXNet::Gluon::HybridBlock';

has units              => (is => 'ro', isa => 'Int', required => 1);
has activation         => (is => 'ro', isa => 'Maybe[Str]');
has [qw(use_bias flatten)] => (is => 'ro', isa => 'Bool', default => 1);
has weight_initializer => (is => 'ro', isa => 'Maybe[Initializer]');
has bias_initializer   => (is => 'ro', isa => 'Maybe[Initializer]', default => 'zeros');
has in_units           => (is => 'ro', isa => 'Int', default => 0);
has [qw(weight bias act)] => (is => 'rw', init_arg => undef);

sub python_constructor_arguments { return ['units'] }

sub BUILD
{
    my ($self) = @_;
    $self->name_scope(sub {
        $self->weight($self->params->get('weight', shape => [$self->units, $self->in_units], init => $self->weight_initializer, allow_deferred_init => 1));
        $self->bias($self->params->get('bias', shape => [$self->units], init => $self->bias_initializer, allow_deferred_init => 1))
            if $self->use_bias;
        $self->act(AI::MXNet::Gluon::NN->Activation($self->activation, prefix => $self->activation . '_')) if defined $self->activation;
    });
}

sub hybrid_forward
{
    my ($self, $F, $x, %parameters) = @_;
    my @bias = $self->{use_bias} ? $parameters{bias} : ();
    $x = $F->FullyConnected($x, $parameters{weight}, @bias, num_hidden => $self->{units}, no_bias => @bias ? 0 : 1, flatten => $self->{flatten}, name => 'fwd');
    return defined $self->{act} ? $self->{act}->call($x) : $x;
}

sub _describe
{
    my ($self) = @_;
    my $inputs = $self->weight->shape->[1];
    return $self->class . '(' . $self->units . " -> $inputs, " . ($self->act // 'linear') . ')';
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('AI::MXNet::Gluon::NN');

package AI::MXNet::Gluon::NN::Dropout;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::HybridBlock';

has rate => (is => 'ro', isa => 'Dropout', required => 1);

sub python_constructor_arguments { return ['rate'] }

sub hybrid_forward
{
    my ($self, $F, $x) = @_;
    return $F->Dropout($x, p => $self->{rate}, name => 'fwd');
}

sub _describe { my ($self) = @_; return $self->class . '(p = ' . $self->rate . ')' }

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('AI::MXNet::Gluon::NN');

package AI::MXNet::Gluon::NN::Flatten;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::HybridBlock';

sub hybrid_forward { my ($self, $F, $x) = @_; return $F->Flatten($x) }

sub _describe { my ($self) = @_; return $self->class }

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('AI::MXNet::Gluon::NN');

package AI::MXNet::Gluon::NN::Lambda;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::Block';

has function => (is => 'ro', isa => 'Str|CodeRef', required => 1);

sub python_constructor_arguments { return ['function'] }

sub BUILD
{
    my ($self) = @_;
    my $name = $self->function;
    AI::MXNet::Error::fail("Function name $name is not found in AI::MXNet::NDArray") unless ref $name or AI::MXNet::NDArray->can($name);
}

sub forward
{
    my ($self, @inputs) = @_;
    my $function = $self->{function};
    return ref $function ? $function->(@inputs) : AI::MXNet::NDArray->$function(@inputs);
}

sub _describe { my ($self) = @_; return $self->class . '(' . (ref $self->function ? 'custom_sub' : $self->function) . ')' }

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('AI::MXNet::Gluon::NN');

package AI::MXNet::Gluon::NN::HybridLambda;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::HybridBlock';

has function => (is => 'ro', isa => 'Str|CodeRef', required => 1);

sub python_constructor_arguments { return ['function'] }

sub BUILD { goto &AI::MXNet::Gluon::NN::Lambda::BUILD }

sub hybrid_forward
{
    my ($self, $F, @inputs) = @_;
    my $function = $self->{function};
    return ref $function ? $function->($F, @inputs) : $F->$function(@inputs);
}

sub _describe { goto &AI::MXNet::Gluon::NN::Lambda::_describe }

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('AI::MXNet::Gluon::NN');

1;

__END__

=head1 NAME

AI::MXNet::Gluon::NN::BasicLayers - layers of all trades

=head1 DESCRIPTION

Internal, a part of L<AI::MXNet::Gluon::NN>: the classes are interface, and documented there; this file may change.

=head1 SEE ALSO

L<AI::MXNet::Gluon::NN>

=cut
