package AI::MXNet::RNN::Cell;
# The symbolic cells with products of matrices: plain, LSTM, GRU.
use strict;
use warnings;
use AI::MXNet::Mouse;
use AI::MXNet::Initializer;
use AI::MXNet::RNN::Cell::Base;

extends 'AI::MXNet::RNN::Cell::Base';

has _num_hidden  => (is => 'ro', isa => 'Int', init_arg => 'num_hidden', required => 1);
has forget_bias  => (is => 'ro', isa => 'Maybe[Num]');
has _activation  => (is => 'ro', init_arg => 'activation', default => 'tanh');
has '+_prefix'   => (default => 'rnn_');
has [qw(_iW _iB _hW _hB)] => (is => 'rw', init_arg => undef);

sub python_constructor_arguments { return ['num_hidden'] }

sub BUILD
{
    my ($self) = @_;
    $self->_iW($self->_params->get('i2h_weight', $self->_options_of('i2h_weight')));
    $self->_iB($self->_params->get('i2h_bias',   $self->_options_of('i2h_bias')));
    $self->_hW($self->_params->get('h2h_weight', $self->_options_of('h2h_weight')));
    $self->_hB($self->_params->get('h2h_bias',   $self->_options_of('h2h_bias')));
    return;
}

# The options of a variable.
sub _options_of
{
    my ($self, $name) = @_;
    return $name eq 'i2h_bias' && defined $self->forget_bias ? (init => AI::MXNet::LSTMBias::->new($self->forget_bias)) : ();
}

sub state_info { my ($self) = @_; return [{ shape => [0, $self->_num_hidden], __layout__ => 'NC' }] }
sub _gate_names { return [''] }

# The products of input and state with the weights of all gates.
sub _products
{
    my ($self, $inputs, $state, $name) = @_;
    my $rows = $self->_num_hidden * @{ $self->_gate_names };
    return (
        AI::MXNet::Symbol->FullyConnected(data => $inputs, weight => $self->_iW, bias => $self->_iB, num_hidden => $rows, name => "${name}i2h"),
        AI::MXNet::Symbol->FullyConnected(data => $state,  weight => $self->_hW, bias => $self->_hB, num_hidden => $rows, name => "${name}h2h"),
    );
}

sub call
{
    my ($self, $inputs, $states) = @_;
    $self->_refuse_modified;
    my $name = $self->_step_name;
    my ($i2h, $h2h) = $self->_products($inputs, AI::MXNet::RNN::Cell::Base::_states($states)->[0], $name);
    my $output = AI::MXNet::RNN::Cell::Base::_activate($i2h + $h2h, $self->_activation, name => "${name}out");
    return ($output, [$output]);
}

# A step of an LSTM: its gates are input, forget, cell and output.
sub _lstm_step
{
    my ($self, $inputs, $states) = @_;
    $self->_refuse_modified;
    my $name = $self->_step_name;
    my ($hidden, $cell) = @{ AI::MXNet::RNN::Cell::Base::_states($states) };
    my ($i2h, $h2h) = $self->_products($inputs, $hidden, $name);
    my $gates = AI::MXNet::Symbol->SliceChannel($i2h + $h2h, num_outputs => 4, axis => 1, name => "${name}slice");
    my ($in, $forget, $new, $out) = @$gates;
    $in     = AI::MXNet::Symbol->Activation($in, act_type => 'sigmoid', name => "${name}i");
    $forget = AI::MXNet::Symbol->Activation($forget, act_type => 'sigmoid', name => "${name}f");
    $new    = AI::MXNet::RNN::Cell::Base::_activate($new, $self->_activation, name => "${name}c");
    $out    = AI::MXNet::Symbol->Activation($out, act_type => 'sigmoid', name => "${name}o");
    $cell = AI::MXNet::Symbol->_plus($forget * $cell, $in * $new, name => "${name}state");
    my $output = AI::MXNet::Symbol->_mul($out, AI::MXNet::RNN::Cell::Base::_activate($cell, $self->_activation), name => "${name}out");
    return ($output, [$output, $cell]);
}

# A step of a GRU: its gates are reset, update and new.
sub _gru_step
{
    my ($self, $inputs, $states) = @_;
    $self->_refuse_modified;
    my $name = $self->_step_name;
    my ($hidden) = @{ AI::MXNet::RNN::Cell::Base::_states($states) };
    my ($i2h, $h2h) = $self->_products($inputs, $hidden, "${name}_");
    my ($i_reset, $i_update, $i_new) = @{ AI::MXNet::Symbol->SliceChannel($i2h, num_outputs => 3, axis => 1, name => "${name}_i2h_slice") };
    my ($h_reset, $h_update, $h_new) = @{ AI::MXNet::Symbol->SliceChannel($h2h, num_outputs => 3, axis => 1, name => "${name}_h2h_slice") };
    my $reset  = AI::MXNet::Symbol->Activation($i_reset + $h_reset,   act_type => 'sigmoid', name => "${name}_r_act");
    my $update = AI::MXNet::Symbol->Activation($i_update + $h_update, act_type => 'sigmoid', name => "${name}_z_act");
    my $new = AI::MXNet::RNN::Cell::Base::_activate($i_new + $reset * $h_new, $self->_activation, name => "${name}_h_act");
    my $output = AI::MXNet::Symbol->_plus((1 - $update) * $new, $update * $hidden, name => "${name}out");
    return ($output, [$output]);
}

__PACKAGE__->meta->make_immutable;

package AI::MXNet::RNN::LSTMCell;
use strict;
use warnings;
use AI::MXNet::Mouse;

extends 'AI::MXNet::RNN::Cell';

has '+_prefix'     => (default => 'lstm_');
has '+forget_bias' => (default => 1);

sub state_info  { my ($self) = @_; return [map { { shape => [0, $self->_num_hidden], __layout__ => 'NC' } } 1 .. 2] }
sub _gate_names { return [qw(_i _f _c _o)] }
sub call        { my ($self, @step) = @_; return $self->_lstm_step(@step) }

__PACKAGE__->meta->make_immutable;

package AI::MXNet::RNN::GRUCell;
use strict;
use warnings;
use AI::MXNet::Mouse;

extends 'AI::MXNet::RNN::Cell';

has '+_prefix' => (default => 'gru_');

sub _gate_names { return [qw(_r _z _o)] }
sub call        { my ($self, @step) = @_; return $self->_gru_step(@step) }

__PACKAGE__->meta->make_immutable;

1;

__END__

=head1 NAME

AI::MXNet::RNN::Cell - symbolic recurrent cells

=head1 DESCRIPTION

Internal, and no part of the interface: it may change with any release. L<AI::MXNet::RNN> documents the cells.

=head1 SEE ALSO

L<AI::MXNet::RNN>

=cut
