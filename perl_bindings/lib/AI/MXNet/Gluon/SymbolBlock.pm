package AI::MXNet::Gluon::SymbolBlock;
# A block made of a symbol. POD at the end.
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;
use AI::MXNet::Error;
use AI::MXNet::Gluon::ParameterDict;
use AI::MXNet::NDArray;
use AI::MXNet::Symbol;

extends 'AI::MXNet::Gluon::HybridBlock';

has [qw(outputs inputs)] => (is => 'rw', required => 1);
has [qw(_symbol _variables _out)] => (is => 'rw', init_arg => undef);

sub python_constructor_arguments { return [qw(outputs inputs)] }

sub BUILD
{
    my ($self, $arguments) = @_;
    my ($outputs, $inputs) = map { ref $_ eq 'ARRAY' ? $_ : [$_] } $self->outputs, $self->inputs;
    AI::MXNet::Error::expect('SymbolBlock takes symbols as outputs and inputs', 'AI::MXNet::Symbol',
        AI::MXNet::Gluon::HybridBlock::_flat(@$outputs, @$inputs));
    my @variables = AI::MXNet::Gluon::HybridBlock::_flat(@$inputs);
    for (@variables) {
        @{ $_->get_internals->list_outputs } == 1
            or AI::MXNet::Error::fail('Input symbols must be variable, but ', $_->name, ' is an output of operators');
    }
    my @flat = AI::MXNet::Gluon::HybridBlock::_flat(@$outputs);
    $self->_variables(\@variables);
    $self->_symbol(@flat == 1 ? $flat[0] : AI::MXNet::Symbol->Group(\@flat));
    $self->_out([map { AI::MXNet::Gluon::HybridBlock::_out_form($_) } @$outputs]);
    $self->_prefix('');
    $self->_params(AI::MXNet::Gluon::ParameterDict->new('', $arguments->{params}));
    $self->_take_parameters(map { $_->name => 1 } @variables);
}

# What is no input is a parameter.
sub _take_parameters
{
    my ($self, %is_input) = @_;
    my $symbol = $self->_symbol;
    my (%options, @names);
    for my $pair ([$symbol->list_arguments, []], [$symbol->list_auxiliary_states, [grad_req => 'null']]) {
        my ($list, $settings) = @$pair;
        for my $name (grep { !$is_input{$_} } @$list) {
            push @names, $name;
            $options{$name} = { @$settings, allow_deferred_init => 1 };
        }
    }
    # a variable that says nothing is float32
    my ($arguments, undef, $auxiliary) = $symbol->infer_type(map { $_ => 'float32' } grep { !defined $self->_attribute($_, '__dtype__') } keys %is_input);
    my %dtype;
    @dtype{ @{ $symbol->list_arguments } } = @{ $arguments // [] };
    @dtype{ @{ $symbol->list_auxiliary_states } } = @{ $auxiliary // [] };
    my $params = $self->params;
    for my $name (@names) {
        $options{$name}{dtype} = $dtype{$name} if defined $dtype{$name} and not defined $params->_find($name);
        $params->get($name, %{ $options{$name} });
    }
    my $common = length _common_prefix(@names);
    $self->_register_parameter(substr($_, $common), $params->get($_)) for @names;
    return;
}

sub _attribute { my ($self, $name, $key) = @_; return ($self->{_attributes} //= $self->_symbol->attr_dict)->{$name}{$key} }

sub _common_prefix
{
    my ($first, @rest) = @_;
    return '' unless defined $first;
    for my $other (@rest) { chop $first while index($other, $first) != 0 }
    return $first;
}

# The symbol with these in place of its inputs.
sub _forward_symbols
{
    my ($self, @inputs) = @_;
    my @given = AI::MXNet::Gluon::HybridBlock::_flat(@inputs);
    my $variables = $self->_variables;
    AI::MXNet::Error::fail('The block takes ', scalar @$variables, ' inputs (', join(', ', map { $_->name } @$variables), '), but got ', scalar @given)
        if @given != @$variables;
    my $composed = $self->_symbol->call(map { $variables->[$_]->name => $given[$_] } 0 .. $#given);
    my @outputs = @$composed;
    return AI::MXNet::Gluon::HybridBlock::_alike(\@outputs, @{ $self->_out });
}

sub _exported { my ($self) = @_; return $self->_symbol }

sub hybrid_forward { AI::MXNet::Error::fail('a SymbolBlock has no hybrid_forward: it is its symbol') }

# In list context the outputs of one symbol are a list, as those of several symbols are.
sub call
{
    my ($self, @inputs) = @_;
    my @out = $self->SUPER::call(@inputs);
    return $out[0] if not wantarray;
    return @out == 1 && ref $out[0] eq 'ARRAY' ? @{ $out[0] } : @out;
}

# Arrays always go through the graph.
sub forward
{
    my ($self, @inputs) = @_;
    local $self->{_active} = 1;
    return $self->SUPER::forward(@inputs);
}

sub imports
{
    my ($class, $symbol_file, $input_names, $param_file, $ctx) = @_;
    my $symbol = AI::MXNet::Symbol->load($symbol_file);
    my $self = $class->new($symbol, [map { AI::MXNet::Symbol->var($_) } ref $input_names ? @$input_names : $input_names]);
    return $self unless defined $param_file;
    my $saved = AI::MXNet::NDArray->load($param_file);
    my $params = $self->collect_params;
    if (ref $saved eq 'HASH') {
        for my $name (keys %$saved) {
            my $param = $params->_find($name =~ s/\A(?:arg|aux)://r);
            $param->cast($saved->{$name}->dtype) if defined $param;
        }
    }
    $params->load($param_file, ctx => $ctx // AI::MXNet::Context::->current_ctx);
    return $self;
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;

1;

__END__

=head1 NAME

AI::MXNet::Gluon::SymbolBlock - a block made of a symbol

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd);
    use AI::MXNet::Gluon qw(gluon);

    my $data   = mx->sym->var('data');
    my $hidden = mx->sym->FullyConnected($data, num_hidden => 3, name => 'fc1');
    my $output = mx->sym->FullyConnected(mx->sym->relu($hidden), num_hidden => 2, name => 'fc2');

    my $block = gluon->SymbolBlock([$hidden, $output], $data);
    $block->initialize('ones');
    my @both = $block->(nd->ones([1, 4]));
    print "@both\n";                                      # 1x3, 1x2
    print join(' ', $block->collect_params->keys), "\n";  # fc1_weight fc1_bias fc2_weight fc2_bias

=head1 DESCRIPTION

Takes symbols, one or a list, nested or not, and the variables that are their inputs. All other arguments of the symbols
become parameters, of the same names, those for auxiliary states without gradient. C<params> shares those of another block,
so that a part of a network can be used by itself.

=head1 ATTRIBUTES

=head2 outputs, inputs

What the block was made of, in this order in its constructor.

=head1 METHODS

Beside those of L<AI::MXNet::Gluon::HybridBlock>:

=head2 imports

    my $net = AI::MXNet::Gluon::NN->HybridSequential;
    $net->add(AI::MXNet::Gluon::NN->Dense(2));
    $net->initialize;
    $net->hybridize;
    $net->(nd->ones([1, 4]));
    $net->export('/tmp/net');

    my $read = gluon->SymbolBlock->imports('/tmp/net-symbol.json', 'data', '/tmp/net-0000.params', mx->cpu);
    print $read->(nd->ones([1, 4])), "\n";

The block of a file of a symbol, with the name of its input or a list of them, and, if a file of parameters is given, with
their values and dtypes.

=head2 call, forward, hybrid_forward

Calls always go through the graph. Several outputs are a list; in scalar context those of one symbol are a list ref.

=head1 ERRORS

Inputs that are not variables, and what is no symbol, die with an L<AI::MXNet::Error>.

=head1 SEE ALSO

L<AI::MXNet::Gluon::HybridBlock>, L<AI::MXNet::Symbol>

=cut
