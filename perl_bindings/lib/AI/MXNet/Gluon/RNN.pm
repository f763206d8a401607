package AI::MXNet::Gluon::RNN;
# The namespace of recurrent layers and cells: gluon->rnn->LSTM(128). POD at the end.
use strict;
use warnings;
use AI::MXNet::NS;
use AI::MXNet::Gluon;
use AI::MXNet::Gluon::RNN::Cell;
use AI::MXNet::Gluon::RNN::Layer;
use AI::MXNet::Gluon::RNN::Modifiers;

sub import { my ($class, @names) = @_; return AI::MXNet::NS::install($class, scalar caller, @names) }

1;

__END__

=head1 NAME

AI::MXNet::Gluon::RNN - recurrent layers and cells

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd);
    use AI::MXNet::Gluon qw(gluon);

    my $layer = gluon->rnn->LSTM(16, num_layers => 2);
    $layer->initialize;
    my $x = nd->ones([5, 3, 8]);                                    # 5 steps of 3 sequences
    print join(' ', @{ $layer->($x)->shape }), "\n";                # 5 3 16
    my ($y, $states) = @{ $layer->($x, $layer->begin_state(3)) };
    print scalar(@$states), "\n";                                   # 2

    my $cell = gluon->rnn->GRUCell(16);
    $cell->initialize;
    my ($outputs) = $cell->unroll(5, $x, layout => 'TNC', merge_outputs => 1);
    print join(' ', @{ $outputs->shape }), "\n";                    # 5 3 16

=head1 DESCRIPTION

Layers compute a whole sequence in one operator; cells do one step, can be combined, and unrolled.

=head1 LAYERS

=head2 RNN, LSTM, GRU

(C<hidden_size>, C<num_layers> 1, of RNN C<activation> 'relu', C<layout> 'TNC', C<dropout> 0, C<bidirectional> 0, C<input_size> 0,
then initializers C<i2h_weight_initializer>, C<h2h_weight_initializer>, C<i2h_bias_initializer>, C<h2h_bias_initializer>). LSTM also
C<projection_size>, C<h2r_weight_initializer>, C<lstm_state_clip_min>, C<lstm_state_clip_max> and C<lstm_state_clip_nan>.

Input (steps, batch, size), or with C<< layout => 'NTC' >> the batch first. C<< $layer->($x) >> starts with zeros and returns the
outputs, C<hidden_size> wide, twice that if C<bidirectional>. C<< $layer->($x, \@states) >> returns a list ref of the outputs and
the new states, which are (num_layers, batch, hidden_size) (times two if C<bidirectional>), of LSTM two. C<begin_state($batch_size)>
makes them, C<state_info($batch_size)> tells their shapes.

=head1 CELLS

C<< ($output, $states) = $cell->($x, $states) >> does a step: input (batch, size). C<< begin_state(batch_size => 2, func => $code) >>
makes the first states, by default zeros; C<reset> forgets how often the cell was called.

C<< ($outputs, $states) = $cell->unroll($length, $inputs, %options) >> does $length steps. Inputs are one array, or a list of steps.
C<layout> 'NTC' says where time is; C<merge_outputs>: outputs as one array, instead of a list; C<begin_state>; C<valid_length> (batch):
outputs after it are zero, states those at the end of each sequence.

=head2 RNNCell, LSTMCell, GRUCell

(C<hidden_size>, of RNNCell C<activation> 'tanh', initializers, C<input_size> 0).

=head2 SequentialRNNCell

Cells on top of each other: C<< $stack->add($cell) >>, C<< $stack->[0] >>.

=head2 BidirectionalCell

(C<l_cell>, C<r_cell>, C<output_prefix> 'bi_'): one cell forwards, one backwards, outputs joined. It can only be unrolled.

=head2 DropoutCell

(C<rate>).

=head2 ZoneoutCell

(C<base_cell>, C<zoneout_outputs> 0, C<zoneout_states> 0): training keeps that share of the former outputs and states. Source:
Krueger et al., Zoneout (2016).

=head2 ResidualCell

(C<base_cell>): adds the input to the output.

A cell inside of Zoneout- or ResidualCell can no longer be called itself.

=head1 SEE ALSO

L<AI::MXNet::Gluon>, L<AI::MXNet::RNN> for symbols

=cut
