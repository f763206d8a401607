package AI::MXNet::Gluon::HybridBlock;
# Blocks whose computation is the same for arrays and for symbols. POD at the end.
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;
use Scalar::Util ();
use AI::MXNet::AutoGrad;
use AI::MXNet::Error;
use AI::MXNet::NDArray;

extends 'AI::MXNet::Gluon::Block';

use constant { _ARRAYS => 'AI::MXNet::NDArray', _SYMBOLS => 'AI::MXNet::Symbol' };

sub register_child
{
    my ($self, $block, $name) = @_;
    AI::MXNet::Error::fail('Children of HybridBlock must also be HybridBlock, but ', $block // 'undef', ' has type ', ref $block || 'none',
        '. If you are using Sequential, please try HybridSequential instead.')
        unless Scalar::Util::blessed($block) and $block->isa(__PACKAGE__);
    return $self->SUPER::register_child($block, $name);
}

# Attribute names and parameters, alternating, for the calls of hybrid_forward.
sub _register_parameter
{
    my ($self, @rest) = @_;
    $self->SUPER::_register_parameter(@rest);
    $self->{_registered} = [$self->_reg_params->as_list];
    return;
}

sub forward
{
    my ($self, $x, @rest) = @_;
    if (ref $x ne _ARRAYS) {
        return $self->_forward_symbols($x, @rest) if Scalar::Util::blessed($x) and $x->isa(_SYMBOLS);
        $x = $self->_as_array($x);
    }
    my $ctx = $x->{type}{ctx};
    local $AI::MXNet::Context = $ctx;
    my $registered = $self->{_registered} or return $self->hybrid_forward(_ARRAYS, $x, @rest);
    my $key = Scalar::Util::refaddr($ctx);
    my @arrays = @$registered;
    for (my $i = 1; $i < @arrays; $i += 2) {
        my $parameter = $arrays[$i];
        $arrays[$i] = $parameter->{_at}{$key} // $self->_awaited($parameter, $ctx, $x, @rest);
    }
    return $self->hybrid_forward(_ARRAYS, $x, @rest, @arrays);
}

sub hybrid_forward { my ($self) = @_; AI::MXNet::Error::fail('Not Implemented: Method hybrid_forward is not Implemented by ', ref $self) }

sub _as_array
{
    my ($self, $x) = @_;
    if (Scalar::Util::blessed($x)) {
        return $x if $x->isa(_ARRAYS);
        return $x->sever if $x->isa('AI::MXNet::NDArray::Slice');
    }
    AI::MXNet::Error::fail('HybridBlock requires the first argument to forward be either Symbol or NDArray, but got [', $x // 'undef', ']');
}

# The array of a parameter that has none on this context: the first call finishes a deferred initialisation.
sub _awaited
{
    my ($self, $parameter, $ctx, @inputs) = @_;
    if ($parameter->_deferred_init) {
        $self->_infer_deferred(@inputs);
        $_->_finish_deferred_init for $self->params->values;
    }
    return $parameter->data($ctx);
}

sub _infer_deferred
{
    my ($self, @inputs) = @_;
    eval { $self->infer_shape(@inputs); 1 }
        or AI::MXNet::Error::fail('Deferred initialization failed because shape cannot be inferred. ', ref $@ ? $@->message : $@);
    return;
}

# -- symbols -------------------------------------------------------------------------------------------------------

sub _forward_symbols
{
    my ($self, @inputs) = @_;
    my @named = map { ref ? $_->var : $_ } $self->_reg_params->as_list;
    my @out;
    $self->name_scope(sub { @out = $self->hybrid_forward(_SYMBOLS, @inputs, @named) });
    return @out;
}

# The computation as a graph: its input variables, the shapes (or whatever the method tells) of the inputs and the outputs.
sub _graph
{
    my ($self, @inputs) = @_;
    require AI::MXNet::Symbol;
    my @arrays = AI::MXNet::Gluon::HybridBlock::_flat(@inputs);
    my @variables = map { _SYMBOLS->var($_) } @arrays == 1 ? 'data' : map {"data$_"} 0 .. $#arrays;
    my @left = @variables;
    my @out = $self->_forward_symbols(_alike(\@left, @inputs));
    return (\@variables, \@arrays, \@out);
}

# Nested lists as one list, and a list in the form of nested ones.
sub _flat { return map { ref $_ eq 'ARRAY' ? _flat(@$_) : $_ } @_ }

sub _alike
{
    my ($left, @form) = @_;
    return map { ref $_ eq 'ARRAY' ? [_alike($left, @$_)] : shift @$left } @form;
}

sub infer_shape { my ($self, @inputs) = @_; return $self->_infer('shape', @inputs) }
sub infer_type  { my ($self, @inputs) = @_; return $self->_infer('dtype', @inputs) }

sub _infer
{
    my ($self, $attribute, @inputs) = @_;
    my ($variables, $arrays, $out) = $self->_graph(@inputs);
    my $graph = _SYMBOLS->Group([_flat(@$out)]);
    my $method = $attribute eq 'shape' ? 'infer_shape' : 'infer_type';
    my ($arguments, undef, $auxiliary) = $graph->$method(map { $variables->[$_]->name => $arrays->[$_]->$attribute } 0 .. $#$variables);
    my %inferred;
    @inferred{ @{ $graph->list_arguments } } = @{ $arguments // [] };
    @inferred{ @{ $graph->list_auxiliary_states } } = @{ $auxiliary // [] };
    for my $parameter ($self->collect_params->values) {
        my $value = $inferred{ $parameter->name };
        $parameter->$attribute($value) if defined $value;
    }
    return;
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;

1;
