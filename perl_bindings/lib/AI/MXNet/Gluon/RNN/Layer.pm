package AI::MXNet::Gluon::RNN::Layer;
# Recurrent layers over whole sequences, by the operator RNN. Documented in AI::MXNet::Gluon::RNN.
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;
use AI::MXNet::Types;
use AI::MXNet::Gluon::RNN::Cell ();

extends 'AI::MXNet::Gluon::HybridBlock';

has hidden_size   => (is => 'rw', isa => 'Int', required => 1);
has num_layers    => (is => 'rw', isa => 'Int', default => 1);
has layout        => (is => 'rw', isa => 'Str', default => 'TNC');
has dropout       => (is => 'rw', isa => 'Num', default => 0);
has bidirectional => (is => 'rw', isa => 'Bool', default => 0);
has input_size    => (is => 'rw', isa => 'Int', default => 0);
has [qw(projection_size lstm_state_clip_min lstm_state_clip_max)] => (is => 'rw', isa => 'Maybe[Num]');
has lstm_state_clip_nan => (is => 'rw', isa => 'Bool', default => 0);
has [qw(i2h_weight_initializer h2h_weight_initializer h2r_weight_initializer)] => (is => 'rw', isa => 'Maybe[Initializer]');
has [qw(i2h_bias_initializer h2h_bias_initializer)] => (is => 'rw', isa => 'Maybe[Initializer]', default => 'zeros');

sub python_constructor_arguments
{
    return [qw(
        hidden_size num_layers layout dropout bidirectional input_size i2h_weight_initializer h2h_weight_initializer
        i2h_bias_initializer h2h_bias_initializer projection_size h2r_weight_initializer lstm_state_clip_min
        lstm_state_clip_max lstm_state_clip_nan)];
}

my %gates = (rnn_relu => 1, rnn_tanh => 1, lstm => 4, gru => 3);

sub BUILD
{
    my ($self) = @_;
    AI::MXNet::Error::fail('Invalid layout ', $self->layout, '; must be one of [\'TNC\' or \'NTC\']') unless $self->layout =~ /\A(?:TNC|NTC)\z/;
    AI::MXNet::Error::fail('projection_size is for LSTM only') if defined $self->projection_size and $self->mode ne 'lstm';
    AI::MXNet::Error::fail('hidden_size and num_layers are at least 1, but got ', $self->hidden_size, ' and ', $self->num_layers)
        if $self->hidden_size < 1 or $self->num_layers < 1;
    my $size = $self->hidden_size;
    my $rows = $gates{ $self->mode } * $size;
    my $width = $self->projection_size // $size;
    my $inputs = $self->input_size;
    my @order;
    for my $layer (0 .. $self->num_layers - 1) {
        for my $direction ($self->_directions) {
            my @shapes = (i2h_weight => [$rows, $inputs], h2h_weight => [$rows, $width],
                defined $self->projection_size ? (h2r_weight => [$width, $size]) : (), i2h_bias => [$rows], h2h_bias => [$rows]);
            while (my ($name, $shape) = splice @shapes, 0, 2) {
                my $init = "${name}_initializer";
                my $full = "$direction${layer}_$name";
                $self->_assigned($full, $self->{$full} = $self->params->get($full, shape => $shape, init => $self->$init, allow_deferred_init => 1));
                push @order, $full;
            }
        }
        $inputs = $width * (1 + $self->bidirectional);
    }
    # as the operator wants them: all weights, then all biases
    $self->{_order} = [(grep {/weight/} @order), (grep {/bias/} @order)];
    $self->{_options} = [
        state_size => $size, num_layers => $self->num_layers, bidirectional => $self->bidirectional, p => $self->dropout,
        mode => $self->mode, state_outputs => 1, name => 'fwd',
        defined $self->projection_size ? (projection_size => $self->projection_size) : (),
        map({ defined $self->{$_} ? ($_ => $self->{$_}) : () } qw(lstm_state_clip_min lstm_state_clip_max)),
        $self->lstm_state_clip_nan ? (lstm_state_clip_nan => 1) : (),
    ];
}

sub _directions { my ($self) = @_; return $self->bidirectional ? qw(l r) : 'l' }

sub state_info
{
    my ($self, $batch_size) = @_;
    my $runs = $self->num_layers * (1 + $self->bidirectional);
    my @widths = $self->mode eq 'lstm' ? ($self->projection_size // $self->hidden_size, $self->hidden_size) : $self->hidden_size;
    return [map { { shape => [$runs, $batch_size // 0, $_], __layout__ => 'LNC' } } @widths];
}

sub begin_state
{
    my ($self, @options) = @_;
    my $batch_size = @options % 2 ? shift @options : 0;
    my %options = @options;
    $batch_size = delete $options{batch_size} // $batch_size;
    my $func = delete $options{func} // \&AI::MXNet::Gluon::RNN::Cell::_zeros;
    my $number = 0;
    return [map { $func->(name => $self->prefix . 'h0_' . $number++, %$_, %options) } @{ $self->state_info($batch_size) }];
}

# The weights of the first layer, and of the others, follow from the data.
sub infer_shape
{
    my ($self, $inputs) = @_;
    AI::MXNet::Gluon::RNN::Cell::check_sequence($self, $inputs);
    my $shape = $inputs->shape;
    AI::MXNet::Error::fail('Input data should be rank-3 tensor of dim [sequence length, batch size, input size], but is [', join(', ', @$shape), ']')
        if @$shape != 3;
    my $width = $shape->[2];
    for my $layer (0 .. $self->num_layers - 1) {
        for my $direction ($self->_directions) {
            my $weight = $self->{"$direction${layer}_i2h_weight"};
            $weight->shape([$weight->shape->[0], $width]);
        }
        $width = ($self->projection_size // $self->hidden_size) * (1 + $self->bidirectional);
    }
    return;
}

sub forward
{
    my ($self, $inputs, $states) = @_;
    AI::MXNet::Gluon::RNN::Cell::check_sequence($self, $inputs);
    my $given = defined $states;
    my $is_symbol = AI::MXNet::Gluon::RNN::Cell::namespace($inputs) eq 'AI::MXNet::Symbol';
    if (not $given) {
        $states = $is_symbol
            ? $self->begin_state(0, func => \&AI::MXNet::Gluon::RNN::Cell::_symbol_zeros)
            : $self->begin_state($inputs->shape->[index $self->layout, 'N'], ctx => $inputs->context, dtype => $inputs->dtype);
    }
    $states = [$states] if ref $states ne 'ARRAY';
    if ($given and not $is_symbol) {
        my $wanted = $self->state_info($inputs->shape->[index $self->layout, 'N']);
        for my $i (0 .. $#$wanted) {
            my ($shape, $got) = ($wanted->[$i]{shape}, defined $states->[$i] ? $states->[$i]->shape : []);
            AI::MXNet::Error::fail('Invalid recurrent state shape. Expecting (', join(', ', @$shape), '), got (', join(', ', @$got), ').')
                if "@$shape" ne "@$got";
        }
    }
    my ($output, $new) = $self->SUPER::forward($inputs, $states);
    return $given ? [$output, $new] : $output;
}

sub hybrid_forward
{
    my ($self, $F, $inputs, $states, %parameters) = @_;
    $inputs = $F->SwapAxis($inputs, dim1 => 0, dim2 => 1) if $self->{layout} eq 'NTC';
    my @parts = @parameters{ @{ $self->{_order} } };
    my $weights = $F eq 'AI::MXNet::NDArray'
        ? $F->_concat_flat(@parts)
        : $F->_rnn_param_concat((map { $F->Reshape($_, shape => [-1]) } @parts), dim => 0, num_args => scalar @parts);
    my ($output, @new) = @{ $F->RNN($inputs, $weights, @$states, @{ $self->{_options} }) };
    $output = $F->SwapAxis($output, dim1 => 0, dim2 => 1) if $self->{layout} eq 'NTC';
    return ($output, \@new);
}

# In files the parameters are those of a stack of cells, as in MXNet: _unfused.0.l_cell.i2h_weight.
sub _by_path
{
    my ($self, $prefix) = @_;
    my $found = AI::MXNet::Gluon::Ordered->new;
    for my $name ($self->_reg_params->keys) {
        my ($direction, $layer, $rest) = $name =~ /\A([lr])([0-9]+)_(.*)\z/;
        my $cell = $self->bidirectional ? "${direction}_cell." : '';
        $found->set("${prefix}_unfused.$layer.$cell$rest", $self->_reg_params->get($name));
    }
    return $found;
}

sub _describe
{
    my ($self) = @_;
    my $inputs = $self->{l0_i2h_weight}->shape->[1];
    my $text = $self->class . '(' . ($inputs ? "$inputs -> " : '') . $self->hidden_size . ', ' . $self->layout;
    $text .= ', num_layers=' . $self->num_layers if $self->num_layers != 1;
    $text .= ', dropout=' . $self->dropout if $self->dropout;
    $text .= ', bidirectional' if $self->bidirectional;
    return "$text)";
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;

package AI::MXNet::Gluon::RNN::RNN;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::RNN::Layer';

has activation => (is => 'rw', isa => 'Str', default => 'relu');

sub python_constructor_arguments
{
    return [qw(
        hidden_size num_layers activation layout dropout bidirectional input_size i2h_weight_initializer
        h2h_weight_initializer i2h_bias_initializer h2h_bias_initializer)];
}

sub mode { my ($self) = @_; return 'rnn_' . $self->activation }

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('AI::MXNet::Gluon::RNN');

package AI::MXNet::Gluon::RNN::LSTM;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::RNN::Layer';

sub mode {'lstm'}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('AI::MXNet::Gluon::RNN');

package AI::MXNet::Gluon::RNN::GRU;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::RNN::Layer';

sub mode {'gru'}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('AI::MXNet::Gluon::RNN');

1;

__END__

=head1 NAME

AI::MXNet::Gluon::RNN::Layer - recurrent layers

=head1 DESCRIPTION

Internal, a part of L<AI::MXNet::Gluon::RNN>: the classes are interface, and documented there; this file may change.

=head1 SEE ALSO

L<AI::MXNet::Gluon::RNN>

=cut
