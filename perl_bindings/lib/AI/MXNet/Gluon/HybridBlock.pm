package AI::MXNet::Gluon::HybridBlock;
# Blocks whose computation is the same for arrays and for symbols. POD at the end.
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;
use Scalar::Util ();
use AI::MXNet::Error;
use AI::MXNet::Logging;
use AI::MXNet::NDArray;
use AI::MXNet::NS;

extends 'AI::MXNet::Gluon::Block';

use constant { _ARRAYS => 'AI::MXNet::NDArray', _SYMBOLS => 'AI::MXNet::Symbol' };

sub register_child
{
    my ($self, $block, $name) = @_;
    AI::MXNet::Error::fail('Children of HybridBlock must also be HybridBlock, but ', $block // 'undef', ' has type ', ref $block || 'none',
        '. If you are using Sequential, please try HybridSequential instead.')
        unless Scalar::Util::blessed($block) and $block->isa(__PACKAGE__);
    $self->_forget_graphs;
    return $self->SUPER::register_child($block, $name);
}

# Attribute names and parameters, alternating, for the calls of hybrid_forward.
sub _register_parameter
{
    my ($self, @rest) = @_;
    $self->SUPER::_register_parameter(@rest);
    $self->{_registered} = [$self->_reg_params->as_list];
    $self->_forget_graphs;
    return;
}

sub hybridize
{
    my ($self, @options) = @_;
    my ($active, %flags) = @options % 2 ? @options : (1, @options);
    $active = delete $flags{active} if exists $flags{active};
    AI::MXNet::Logging->warning('%s is being hybridized while still having forward hook/pre-hook. If "%s" is a child of HybridBlock, the hooks will not take effect.',
        "$self", $self->name) if $active and grep { defined $_ && $_->keys } $self->_forward_hooks, $self->_forward_pre_hooks;
    $self->{_active} = $active;
    $self->{_flags} = \%flags;
    $self->_forget_graphs;
    return $self->SUPER::hybridize($active, %flags);
}

sub cast
{
    my ($self, $dtype) = @_;
    $self->_forget_graphs;
    return $self->SUPER::cast($dtype);
}

# -- calls ---------------------------------------------------------------------------------------------------------

sub forward
{
    my ($self, $x, @rest) = @_;
    if (ref $x ne _ARRAYS) {
        return $self->_forward_symbols($x, @rest) if Scalar::Util::blessed($x) and $x->isa(_SYMBOLS);
        $x = $self->_as_array($x);
    }
    my $ctx = $x->{type}{ctx};
    local $AI::MXNet::Context = $ctx;
    return $self->_call_graph($ctx, $x, @rest) if $self->{_active};
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
        eval { $self->infer_shape(@inputs); 1 }
            or AI::MXNet::Error::fail('Deferred initialization failed because shape cannot be inferred. ', ref $@ ? $@->message : $@);
        $_->_finish_deferred_init for $self->{_active} ? $self->collect_params->values : $self->params->values;
    }
    return $parameter->data($ctx);
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

# Calls the block as a graph, which the engine keeps: one instruction.
sub _call_graph
{
    my ($self, $ctx, @inputs) = @_;
    my $form = @inputs == 1 ? 'x' : join ',', map { _form($_) } @inputs;
    my $graph = $self->{_made_graphs}{$form};
    if (defined $graph and AI::MXNet::Engine::is_stale($graph->{op}->handle)) {
        $self->_forget_graphs;
        undef $graph;
    }
    $graph //= $self->{_made_graphs}{$form} = $self->_make_graph(@inputs);
    my @given = @inputs == 1 ? @inputs : _flat(@inputs);
    my $key = Scalar::Util::refaddr($ctx);
    # each input is one of the given arrays, by its number, or a parameter
    my @arrays = map { ref $_ ? $_->{_at}{$key} // $self->_awaited($_, $ctx, @inputs) : $given[$_] } @{ $graph->{inputs} };
    my @out = $graph->{op}->_outputs(@arrays);
    return defined $graph->{out} ? _alike(\@out, @{ $graph->{out} }) : @out;
}

sub _forget_graphs { my ($self) = @_; delete @$self{qw(_made_graphs _last_symbol)}; return }

# The graph as a function of arrays.
sub _make_graph
{
    my ($self, @inputs) = @_;
    AI::MXNet::NS::load('AI/MXNet/CachedOp.pm');
    my ($variables, undef, $symbol, $out) = $self->_trace_graph(@inputs);
    my %number = map { $variables->[$_]->name => $_ } grep { defined $variables->[$_] } 0 .. $#$variables;
    my %parameter = map { $_->name => $_ } $self->collect_params->values;
    my @names = @{ $symbol->list_inputs };
    my @sources = map { $number{$_} // $parameter{$_} // AI::MXNet::Error::fail("Unknown input to HybridBlock: $_") } @names;
    my %used = map { $_ => 1 } @names;
    AI::MXNet::Logging->warning('The %s input to HybridBlock is not used by any computation. Is this intended?', $_) for grep { !$used{$_} } sort keys %number;
    AI::MXNet::Logging->warning('Parameter %s is not used by any computation. Is this intended?', $_) for grep { !$used{$_} } sort keys %parameter;
    $self->{_last_symbol} = $symbol;
    return { op => AI::MXNet::CachedOp->new($symbol, $self->{_flags}), inputs => \@sources, out => $out };
}

# The computation as symbols: a variable for each array given, these arrays, all outputs as one symbol, and the form in
# which they are returned, unless that is a plain list.
sub _trace_graph
{
    my ($self, @inputs) = @_;
    AI::MXNet::NS::load('AI/MXNet/Symbol.pm');
    my @given = _flat(@inputs);
    my @arrays = grep { Scalar::Util::blessed($given[$_]) } 0 .. $#given;
    my @variables;
    {
        local $AI::MXNet::NameManager = AI::MXNet::Symbol::NameManager->new;
        @variables[@arrays] = map { _SYMBOLS->var($_) } @arrays == 1 ? 'data' : map {"data_$_"} 0 .. $#arrays;
    }
    my @left = map { $variables[$_] // $given[$_] } 0 .. $#given;
    my @out = $self->_forward_symbols(_alike(\@left, @inputs));
    my @flat = _flat(@out);
    my $is_plain = !grep { ref $_ eq 'ARRAY' or $_->{count} > 1 } @out;
    return (\@variables, \@given, @flat == 1 ? $flat[0] : _SYMBOLS->Group(\@flat), $is_plain ? undef : [map { _out_form($_) } @out]);
}

# Nested lists as one list; a list in the form of nested ones; such a form as text; that of symbols.
sub _flat { return map { ref $_ eq 'ARRAY' ? _flat(@$_) : $_ } @_ }

sub _alike
{
    my ($left, @form) = @_;
    return map { ref $_ eq 'ARRAY' ? [_alike($left, @$_)] : shift @$left } @form;
}

sub _form
{
    my ($value) = @_;
    return 'x' if Scalar::Util::blessed($value);
    return ref $value eq 'ARRAY' ? '[' . join(',', map { _form($_) } @$value) . ']' : defined $value ? "=$value" : '-';
}

sub _out_form { my ($out) = @_; return ref $out eq 'ARRAY' ? [map { _out_form($_) } @$out] : $out->{count} > 1 ? [(1) x $out->{count}] : 1 }

# -- what a call on these inputs says about the parameters ---------------------------------------------------------

sub infer_shape { my ($self, @inputs) = @_; return $self->_infer_attribute('shape', 'infer_shape', @inputs) }
sub infer_type  { my ($self, @inputs) = @_; return $self->_infer_attribute('dtype', 'infer_type',  @inputs) }

sub _infer_attribute
{
    my ($self, $attribute, $method, @inputs) = @_;
    my ($variables, $given, $graph) = $self->_trace_graph(@inputs);
    my @known = map { $variables->[$_]->name => $given->[$_]->$attribute } grep { defined $variables->[$_] } 0 .. $#$variables;
    my ($arguments, undef, $auxiliary) = $graph->$method(@known);
    my %inferred;
    @inferred{ @{ $graph->list_arguments } } = @{ $arguments // [] };
    @inferred{ @{ $graph->list_auxiliary_states } } = @{ $auxiliary // [] };
    for my $parameter ($self->collect_params->values) {
        my $value = $inferred{ $parameter->name };
        $parameter->$attribute($value) if defined $value;
    }
    return;
}

# The symbol of the last graph that was made.
sub _exported { my ($self) = @_; return $self->{_last_symbol} }

sub export
{
    my ($self, $path, @options) = @_;
    my %options = (epoch => 0, @options % 2 ? (epoch => @options) : @options);
    my $symbol = $self->_exported
        // AI::MXNet::Error::fail('Please first call $block->hybridize() and then run forward with this block at least once before calling export.');
    $symbol->save("$path-symbol.json");
    my %kind = ((map { $_ => 'arg' } @{ $symbol->list_arguments }), map { $_ => 'aux' } @{ $symbol->list_auxiliary_states });
    my %arrays = map { $kind{ $_->name } . ':' . $_->name => $_->_reduce } grep { defined $kind{ $_->name } } $self->collect_params->values;
    AI::MXNet::NDArray->save(sprintf('%s-%04d.params', $path, $options{epoch}), \%arrays);
    return;
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;

1;

__END__

=head1 NAME

AI::MXNet::Gluon::HybridBlock - blocks that can become graphs

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd);

    package Affine {
        use AI::MXNet::Gluon::Mouse;
        use AI::MXNet::Function::Parameters;
        extends 'AI::MXNet::Gluon::HybridBlock';

        sub BUILD
        {
            my ($self) = @_;
            $self->gain($self->params->get('gain', shape => [3], init => mx->init->Constant(2)));
            $self->shift($self->params->get('shift', shape => [3], init => 'ones'));
        }

        method hybrid_forward($F, $x, :$gain, :$shift)
        {
            return $F->broadcast_add($F->broadcast_mul($x, $gain), $shift);
        }
    }

    my $block = Affine->new;
    $block->initialize;
    print $block->(nd->array([[1, 2, 3]]))->aspdl;    # [3 5 7]
    $block->hybridize;
    print $block->(nd->array([[1, 2, 3]]))->aspdl;    # the same, of a graph

=head1 DESCRIPTION

A hybrid block has a method C<hybrid_forward>, whose first argument C<$F> is the class of what it computes with:
C<AI::MXNet::NDArray>, or C<AI::MXNet::Symbol>. The inputs follow, and then, under the names of their attributes, the
block's parameters. Its children must be hybrid blocks.

Called with a symbol, a block returns a symbol, whose variables have the full names of the parameters. After C<hybridize>,
the first call on arrays does so by itself; the engine keeps the graph, and from then on a call is one instruction. Numbers
and the form of nested lists among the inputs are part of the graph: there is one for each.

Symbols of different shape do not combine by C<+> and its kin, as arrays do: use C<broadcast_add> and so on. What depends on
values, or on C<shape>, works only with arrays.

Parameters with unknown dimensions find them at the first call.

=head1 METHODS

Beside those of L<AI::MXNet::Gluon::Block>:

=head2 hybridize

    $block->hybridize;
    $block->hybridize(0);                      # back again
    $block->hybridize(static_alloc => 1);

The flags of the original are accepted and change nothing. Hooks of blocks inside of a graph have no effect, and that is
warned of.

=head2 forward, hybrid_forward

    my $y = $block->forward(nd->ones([1, 3]));

C<forward> calls C<hybrid_forward>, which a class defines, or the graph.

=head2 export

    $block->hybridize;
    $block->(nd->ones([1, 3]));
    $block->export('/tmp/affine', epoch => 1);

Writes the graph to F</tmp/affine-symbol.json> and the parameters to F</tmp/affine-0001.params>, as
L<AI::MXNet::Gluon::SymbolBlock>, L<AI::MXNet::Module> and other languages read them. The input is called C<data>; several
are C<data_0>, C<data_1> and so on.

=head2 infer_shape, infer_type

    $block->infer_shape(nd->ones([1, 3]));

Set the unknown dimensions, or the dtypes, of the parameters as inputs like these need them.

=head2 cast, register_child

As those of every block.

=head1 SEE ALSO

L<AI::MXNet::Gluon::Block>, L<AI::MXNet::Gluon::SymbolBlock>, L<AI::MXNet::Symbol>

=cut
