package AI::MXNet::RNN::ConvCell::Base;
# Symbolic cells whose products are convolutions.
use strict;
use warnings;
use AI::MXNet::Mouse;
use AI::MXNet::RNN::Cell;

extends 'AI::MXNet::RNN::Cell';

my %defaults = (h2h_kernel => 3, h2h_dilate => 1, i2h_kernel => 3, i2h_stride => 1, i2h_dilate => 1, i2h_pad => 1);
for my $name (keys %defaults) {
    my $default = $defaults{$name};
    has "_$name" => (is => 'ro', isa => 'ArrayRef[Int]', init_arg => $name, default => sub { [$default, $default] });
}
has _input_shape => (is => 'ro', isa => 'ArrayRef[Int]', init_arg => 'input_shape', required => 1);
has _conv_layout => (is => 'ro', isa => 'Str', init_arg => 'conv_layout', default => 'NCHW');
has [qw(i2h_weight_initializer h2h_weight_initializer)] => (is => 'ro');
has [qw(i2h_bias_initializer h2h_bias_initializer)]     => (is => 'ro', default => 'zeros');
has [qw(_h2h_pad _state_shape)] => (is => 'rw', init_arg => undef);
has '+_activation' => (default => sub { \&_leaky });
has '+_prefix'     => (default => 'ConvRNN_');

sub python_constructor_arguments { return [qw(input_shape num_hidden)] }

sub _leaky { my ($x, @options) = @_; return AI::MXNet::Symbol->LeakyReLU($x, act_type => 'leaky', slope => 0.2, @options) }

sub BUILD
{
    my ($self) = @_;
    my ($kernel, $dilate) = ($self->_h2h_kernel, $self->_h2h_dilate);
    AI::MXNet::Error::fail("Only support odd number, get h2h_kernel= (@$kernel)") if grep { $_ % 2 == 0 } @$kernel;
    $self->_h2h_pad([map { $dilate->[$_] * ($kernel->[$_] - 1) / 2 } 0 .. $#$kernel]);
    my $state = AI::MXNet::Symbol->Convolution(AI::MXNet::Symbol->Variable('data'), $self->_window('i2h'), num_filter => $self->_num_hidden, name => 'state');
    my (undef, $shapes) = $state->infer_shape(data => $self->_input_shape);
    $self->_state_shape([0, @{ $shapes->[0] }[1 .. $#{ $shapes->[0] }]]);
    return;
}

sub _options_of
{
    my ($self, $name) = @_;
    my @forget = $self->SUPER::_options_of($name);
    my $initializer = $self->${ \"${name}_initializer" };
    return @forget ? @forget : defined $initializer ? (init => $initializer) : ();
}

# The attributes of the convolution of inputs or states.
sub _window
{
    my ($self, $group) = @_;
    my @own = $group eq 'i2h' ? (stride => $self->_i2h_stride, pad => $self->_i2h_pad, dilate => $self->_i2h_dilate)
        : (stride => [(1) x @{ $self->_h2h_kernel }], pad => $self->_h2h_pad, dilate => $self->_h2h_dilate);
    return (kernel => $self->${ \"_${group}_kernel" }, layout => $self->_conv_layout, @own);
}

sub state_info { my ($self) = @_; return [{ shape => [@{ $self->_state_shape }], __layout__ => $self->_conv_layout }] }

sub _products
{
    my ($self, $inputs, $state, $name) = @_;
    $name =~ s/__\z/_/;
    my $filters = $self->_num_hidden * @{ $self->_gate_names };
    return map {
        my ($kind, $data, $weight, $bias) = @$_;
        AI::MXNet::Symbol->Convolution(
            data => $data, weight => $weight, bias => $bias, $self->_window($kind), num_filter => $filters, name => "$name$kind")
    } ['i2h', $inputs, $self->_iW, $self->_iB], ['h2h', $state, $self->_hW, $self->_hB];
}

__PACKAGE__->meta->make_immutable;

package AI::MXNet::RNN::ConvCell;
use strict;
use warnings;
use AI::MXNet::Mouse;

extends 'AI::MXNet::RNN::ConvCell::Base';

__PACKAGE__->meta->make_immutable;

package AI::MXNet::RNN::ConvLSTMCell;
use strict;
use warnings;
use AI::MXNet::Mouse;

extends 'AI::MXNet::RNN::ConvCell';

has '+_prefix'     => (default => 'ConvLSTM_');
has '+forget_bias' => (default => 1);

sub state_info  { my ($self) = @_; my ($info) = @{ $self->SUPER::state_info }; return [$info, {%$info}] }
sub _gate_names { return [qw(_i _f _c _o)] }
sub call        { my ($self, @step) = @_; return $self->_lstm_step(@step) }

__PACKAGE__->meta->make_immutable;

package AI::MXNet::RNN::ConvGRUCell;
use strict;
use warnings;
use AI::MXNet::Mouse;

extends 'AI::MXNet::RNN::ConvCell';

has '+_prefix' => (default => 'ConvGRU_');

sub _gate_names { return [qw(_r _z _o)] }
sub call        { my ($self, @step) = @_; return $self->_gru_step(@step) }

__PACKAGE__->meta->make_immutable;

1;

__END__

=head1 NAME

AI::MXNet::RNN::ConvCell - symbolic convolutional recurrent cells

=head1 DESCRIPTION

Internal, and no part of the interface: it may change with any release. L<AI::MXNet::RNN> documents the cells.

=head1 SEE ALSO

L<AI::MXNet::RNN>

=cut
