package AI::MXNet::RNN::FusedCell;
# Whole recurrent layers in one operator.
use strict;
use warnings;
use AI::MXNet::Mouse;
use AI::MXNet::Initializer;
use AI::MXNet::RNN::Cell;
use AI::MXNet::RNN::ModifierCell;
use AI::MXNet::RNN::SequentialCell;
use AI::MXNet::RNN::Weights;

extends 'AI::MXNet::RNN::Cell::Base';

has _num_hidden     => (is => 'ro', isa => 'Int',  init_arg => 'num_hidden', required => 1);
has _num_layers     => (is => 'ro', isa => 'Int',  init_arg => 'num_layers', default => 1);
has _dropout        => (is => 'ro', isa => 'Num',  init_arg => 'dropout', default => 0);
has _get_next_state => (is => 'ro', isa => 'Bool', init_arg => 'get_next_state', default => 0);
has _bidirectional  => (is => 'ro', isa => 'Bool', init_arg => 'bidirectional', default => 0);
has _mode           => (is => 'ro', isa => 'Str',  init_arg => 'mode', default => 'lstm');
has forget_bias     => (is => 'ro', isa => 'Num',  default => 1);
has initializer     => (is => 'ro', isa => 'Maybe[AI::MXNet::Initializer]');
has '+_prefix'      => (lazy => 1, default => sub { $_[0]->_mode . '_' });
has _parameter      => (is => 'rw', init_arg => undef);

sub python_constructor_arguments { return ['num_hidden'] }

sub BUILD
{
    my ($self) = @_;
    my $mode = $self->_mode;
    $self->_gate_names;    # refuses a mode that there is not
    my $init = $self->initializer // AI::MXNet::Xavier::->new(factor_type => 'in', magnitude => 2.34);
    $init = AI::MXNet::FusedRNN::->new(init => $init, num_hidden => $self->_num_hidden, num_layers => $self->_num_layers, mode => $mode,
        bidirectional => $self->_bidirectional, forget_bias => $self->forget_bias) unless $init->isa('AI::MXNet::FusedRNN');
    $self->_parameter($self->_params->get('parameters', init => $init));
    return;
}

sub _directions { my ($self) = @_; return $self->_bidirectional ? qw(l r) : 'l' }
sub _gate_names { my ($self) = @_; return AI::MXNet::RNN::Weights::gates('FusedRNNCell', $self->_mode) }

sub state_info
{
    my ($self) = @_;
    my $runs = $self->_num_layers * (my @directions = $self->_directions);
    return [map { { shape => [$runs, 0, $self->_num_hidden], __layout__ => 'LNC' } } 1 .. ($self->_mode eq 'lstm' ? 2 : 1)];
}

# -- weights: one vector of all weights, then all biases -----------------------------------------------------------

# What tells the parts of the vector.
sub _form { my ($self) = @_; return ($self->_gate_names, $self->_num_hidden, $self->_num_layers, $self->_directions) }

# [name, shape] of each part of the vector, in order.
sub _parts
{
    my ($self, $inputs) = @_;
    return map { [$self->_prefix . $_->[0], $_->[1]] } AI::MXNet::RNN::Weights::parts($inputs, $self->_form);
}

sub unpack_weights
{
    my ($self, $args) = @_;
    AI::MXNet::Error::expect('unpack_weights takes a hash of NDArrays by name', HASH => $args);
    my %args = %$args;
    my $vector = delete $args{ $self->_parameter->name } // AI::MXNet::Error::fail('unpack_weights needs the array ', $self->_parameter->name);
    my $inputs = AI::MXNet::RNN::Weights::inputs($vector->size, $self->_form)
        // AI::MXNet::Error::fail('the array ', $self->_parameter->name, ' of ', $vector->size, ' elements does not fit this network');
    my $position = 0;
    for my $part ($self->_parts($inputs)) {
        my ($name, $shape) = @$part;
        my $size = AI::MXNet::Base::product(@$shape);
        my $values = AI::MXNet::NDArray->slice_axis($vector, axis => 0, begin => $position, end => $position + $size);
        $args{$name} = $values->reshape($shape);
        $position += $size;
    }
    return \%args;
}

sub pack_weights
{
    my ($self, $args) = @_;
    AI::MXNet::Error::expect('pack_weights takes a hash of NDArrays by name', HASH => $args);
    my %args = %$args;
    my $first = $self->_prefix . 'l0_i2h' . $self->_gate_names->[0] . '_weight';
    AI::MXNet::Error::fail("pack_weights needs the array $first") unless defined $args{$first};
    my @values = map {
        my ($name, $shape) = @$_;
        my $array = delete $args{$name} // AI::MXNet::Error::fail("pack_weights needs the array $name");
        AI::MXNet::Error::fail("pack_weights needs $name of shape (@$shape), but got (@{ $array->shape })") if "@{ $array->shape }" ne "@$shape";
        $array->reshape([-1]);
    } $self->_parts($args{$first}->shape->[1]);
    $args{ $self->_parameter->name } = AI::MXNet::NDArray->concat(@values, dim => 0);
    return \%args;
}

# -- computing -----------------------------------------------------------------------------------------------------

sub call { return AI::MXNet::Error::fail('FusedRNNCell cannot be stepped. Please use unroll') }

sub unroll
{
    my ($self, $length, @options) = @_;
    my %options = AI::MXNet::RNN::Cell::Base::_unroll_options(@options);
    $self->reset;
    my $layout = $options{layout};
    my $axis = AI::MXNet::RNN::Cell::Base::_time($layout);
    my $inputs = $options{inputs};
    $inputs = AI::MXNet::RNN::Cell::Base::_merged($layout, AI::MXNet::RNN::Cell::Base::_steps($length, $inputs, $layout, $options{input_prefix}))
        unless AI::MXNet::RNN::Cell::Base::_is_symbol($inputs);
    $inputs = AI::MXNet::Symbol->SwapAxis($inputs, dim1 => 0, dim2 => 1) if $axis == 1;    # the operator has time first
    my $states = AI::MXNet::RNN::Cell::Base::_states($options{begin_state} // $self->begin_state);
    my @names = $self->_mode eq 'lstm' ? qw(state state_cell) : 'state';
    my $rnn = AI::MXNet::Symbol->RNN(
        data => $inputs, parameters => $self->_parameter, (map { $names[$_] => $states->[$_] } 0 .. $#names),
        state_size => $self->_num_hidden, num_layers => $self->_num_layers, bidirectional => $self->_bidirectional ? 1 : 0, mode => $self->_mode,
        p => $self->_dropout, state_outputs => $self->_get_next_state ? 1 : 0, name => $self->_prefix . 'rnn',
    );
    my ($outputs, @next) = @$rnn;
    $outputs = AI::MXNet::Symbol->SwapAxis($outputs, dim1 => 0, dim2 => 1) if $axis == 1;
    $outputs = [AI::MXNet::RNN::Cell::Base::_steps($length, $outputs, $layout)] if defined $options{merge_outputs} and not $options{merge_outputs};
    return ($outputs, \@next);
}

# The same network of cells that can be stepped, with weights of the names that unpack_weights gives.
sub unfuse
{
    my ($self) = @_;
    my $stack = AI::MXNet::RNN::SequentialCell->new;
    my %make = (
        lstm => sub { AI::MXNet::RNN::LSTMCell->new($self->_num_hidden, prefix => $_[0], forget_bias => $self->forget_bias) },
        gru  => sub { AI::MXNet::RNN::GRUCell->new($self->_num_hidden, prefix => $_[0]) },
        map {
            my $activation = $_;
            ("rnn_$activation" => sub { AI::MXNet::RNN::Cell->new($self->_num_hidden, activation => $activation, prefix => $_[0]) })
        } qw(relu tanh),
    );
    for my $layer (0 .. $self->_num_layers - 1) {
        my ($cell, $back) = map { $make{ $self->_mode }->($self->_prefix . "$_${layer}_") } $self->_directions;
        $cell = AI::MXNet::RNN::BidirectionalCell->new($cell, $back, output_prefix => $self->_prefix . "bi_l${layer}_") if defined $back;
        $cell = AI::MXNet::RNN::DropoutCell->new($cell, $self->_dropout) if $self->_dropout > 0 and $layer < $self->_num_layers - 1;
        $stack->add($cell);
    }
    return $stack;
}

__PACKAGE__->meta->make_immutable;

1;

__END__

=head1 NAME

AI::MXNet::RNN::FusedCell - whole recurrent layers in one operator

=head1 DESCRIPTION

Internal, and no part of the interface: it may change with any release. L<AI::MXNet::RNN> documents the cells.

=head1 SEE ALSO

L<AI::MXNet::RNN>

=cut
