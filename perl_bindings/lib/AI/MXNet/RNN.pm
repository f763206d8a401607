package AI::MXNet::RNN;
# mx->rnn: symbolic recurrent networks. POD at the end.
use strict;
use warnings;
use AI::MXNet::Error;
use AI::MXNet::Logging;
use AI::MXNet::NDArray;
use AI::MXNet::NS;
use AI::MXNet::RNN::Cell;
use AI::MXNet::RNN::ConvCell;
use AI::MXNet::RNN::FusedCell;
use AI::MXNet::RNN::ModifierCell;
use AI::MXNet::RNN::SequentialCell;

sub import { my ($class, @names) = @_; return AI::MXNet::NS::install($class, scalar caller, @names) }

my %constructors = (
    RNNCell => 'Cell', LSTMCell => 'LSTMCell', GRUCell => 'GRUCell', FusedRNNCell => 'FusedCell', SequentialRNNCell => 'SequentialCell',
    BidirectionalCell => 'BidirectionalCell', DropoutCell => 'DropoutCell', ZoneoutCell => 'ZoneoutCell', ResidualCell => 'ResidualCell',
    ConvRNNCell => 'ConvCell', ConvLSTMCell => 'ConvLSTMCell', ConvGRUCell => 'ConvGRUCell',
);
AI::MXNet::NS::constructor(__PACKAGE__, $_, "AI::MXNet::RNN::$constructors{$_}") for keys %constructors;

sub encode_sentences
{
    my ($class, @arguments) = @_;
    AI::MXNet::NS::load('AI/MXNet/RNN/IO.pm');
    return AI::MXNet::RNN::IO->encode_sentences(@arguments);
}

sub BucketSentenceIter
{
    my ($class, @arguments) = @_;
    AI::MXNet::NS::load('AI/MXNet/RNN/IO.pm');
    return AI::MXNet::NS::construct('AI::MXNet::BucketSentenceIter', @arguments);
}

# -- checkpoints, which have the weights of each gate for itself ---------------------------------------------------

sub _cells
{
    my ($cells) = @_;
    my @cells = ref $cells eq 'ARRAY' ? @$cells : $cells;
    AI::MXNet::Error::expect('a checkpoint is of cells, one or a list', 'AI::MXNet::RNN::Cell::Base', @cells);
    return @cells;
}

sub save_rnn_checkpoint
{
    my ($class, $cells, $prefix, $epoch, $symbol, $arg_params, $aux_params) = @_;
    $arg_params = $_->unpack_weights($arg_params) for _cells($cells);
    AI::MXNet::Error::expect('a checkpoint is of a Symbol', 'AI::MXNet::Symbol', $symbol);
    $symbol->save("$prefix-symbol.json");
    my $path = sprintf '%s-%04d.params', $prefix, $epoch;
    AI::MXNet::NDArray::_save_params($path, $arg_params, $aux_params);
    AI::MXNet::Logging->info('Saved checkpoint to "%s"', $path);
    return;
}

sub load_rnn_checkpoint
{
    my ($class, $cells, $prefix, $epoch) = @_;
    my ($arg_params, $aux_params) = AI::MXNet::NDArray::_load_params(sprintf '%s-%04d.params', $prefix, $epoch);
    $arg_params = $_->pack_weights($arg_params) for _cells($cells);
    return (AI::MXNet::Symbol->load("$prefix-symbol.json"), $arg_params, $aux_params);
}

# Code for the end of an epoch.
sub do_rnn_checkpoint
{
    my ($class, $cells, $prefix, $period) = @_;
    $period = 1 if not defined $period or $period < 1;
    return sub {
        my ($epoch, $symbol, $arg_params, $aux_params) = @_;
        $class->save_rnn_checkpoint($cells, $prefix, $epoch + 1, $symbol, $arg_params, $aux_params) if ($epoch + 1) % $period == 0;
        return;
    };
}

1;

__END__

=head1 NAME

AI::MXNet::RNN - symbolic recurrent networks

=head1 SYNOPSIS

    use AI::MXNet qw(mx);

    my $stack = mx->rnn->SequentialRNNCell;
    $stack->add(mx->rnn->LSTMCell(16, prefix => "lstm_l${_}_")) for 0, 1;

    my $words = mx->sym->Embedding(mx->sym->Variable('data'), input_dim => 100, output_dim => 8, name => 'embed');
    my ($outputs, $states) = $stack->unroll(5, inputs => $words, merge_outputs => 1);
    my $scores = mx->sym->FullyConnected(mx->sym->Reshape($outputs, shape => [-1, 16]), name => 'pred', num_hidden => 100);
    my $label  = mx->sym->Reshape(mx->sym->Variable('softmax_label'), shape => [-1]);
    my $net    = mx->sym->SoftmaxOutput(data => $scores, label => $label, name => 'softmax');
    my ($arguments, $shapes) = $net->infer_shape(data => [4, 5], softmax_label => [4, 5]);
    print "@{ $shapes->[0] }\n";    # 20 100

=head1 DESCRIPTION

C<< mx->rnn >> is this package. A cell makes the symbols of one step of a recurrent network; unrolling it makes those of a
whole sequence. (Cells that compute on arrays are in L<AI::MXNet::Gluon::RNN>.) Sequences have the layout C<NTC> (batch,
time, channel) or C<TNC>.

=head1 CELLS

Each method makes a cell. C<prefix> is put before the names of its variables and calls; C<params>, an
AI::MXNet::RNN::Params, holds the variables, so that cells given the same one share them.

=head2 RNNCell, LSTMCell, GRUCell

    my $plain = mx->rnn->RNNCell(10, activation => 'relu', prefix => 'rnn_');
    my $lstm  = mx->rnn->LSTMCell(num_hidden => 10, forget_bias => 1, prefix => 'lstm_');
    my $gru   = mx->rnn->GRUCell(10, prefix => 'gru_');

C<activation> is a name (C<tanh>), or code that takes a symbol and options. C<forget_bias> is what the bias of the LSTM's
forget gate begins with.

=head2 FusedRNNCell

    my $fused = mx->rnn->FusedRNNCell(10, num_layers => 2, mode => 'lstm', bidirectional => 1, dropout => 0.2);
    my $cells = $fused->unfuse;

Layers in one operator, which is faster: C<mode> is C<lstm>, C<gru>, C<rnn_tanh> or C<rnn_relu>. It is unrolled whole, and
gives its last states only with C<< get_next_state => 1 >>. C<unfuse> makes the same network of cells that can be stepped;
C<unpack_weights> of the one and C<pack_weights> of the other carry the weights over. C<initializer> is that of the
weights; Xavier, of factor type C<in> and magnitude 2.34, if not given.

=head2 SequentialRNNCell, BidirectionalCell

    my $deep = mx->rnn->SequentialRNNCell;
    $deep->add($_) for mx->rnn->GRUCell(10, prefix => 'a_'), mx->rnn->GRUCell(10, prefix => 'b_');
    my $both = mx->rnn->BidirectionalCell(mx->rnn->GRUCell(5, prefix => 'l_'), mx->rnn->GRUCell(5, prefix => 'r_'), output_prefix => 'bi_');

Cells one upon the other; and one in each direction, whose outputs are joined. The latter cannot be stepped.

=head2 DropoutCell, ZoneoutCell, ResidualCell

    my $dropped  = mx->rnn->DropoutCell(mx->rnn->GRUCell(5), dropout_outputs => 0.3, dropout_states => 0);
    my $zoned    = mx->rnn->ZoneoutCell(mx->rnn->LSTMCell(5), zoneout_outputs => 0.1, zoneout_states => 0.1);
    my $residual = mx->rnn->ResidualCell(mx->rnn->GRUCell(5));

Change what a cell computes: elements of outputs and states become 0, or stay at random what they were; or the inputs are
added to the outputs. From then on the cell itself cannot be called.

=head2 ConvRNNCell, ConvLSTMCell, ConvGRUCell

    my $images = mx->rnn->ConvLSTMCell(input_shape => [1, 3, 16, 16], num_hidden => 4, h2h_kernel => [3, 3], i2h_kernel => [3, 3]);

Cells of images, with convolutions. C<input_shape> is that of a step, the batch first; C<h2h_kernel> is odd. Also
C<h2h_dilate>, C<i2h_stride>, C<i2h_dilate>, C<i2h_pad> (1), C<conv_layout> (C<NCHW>) and C<activation> (leaky, of slope
0.2).

=head1 METHODS OF CELLS

=over 4

=item call

    my ($output, $next) = $gru->(mx->sym->Variable('x'), $gru->begin_state);

One step: the output and a list ref of the next states.

=item unroll

    ($outputs, $states) = $gru->unroll(3, inputs => mx->sym->Variable('data'), layout => 'NTC', merge_outputs => 1);

So many steps. C<inputs> is a symbol with the axis of time, or a list ref of one for each step, or not given: then they are
variables C<t0_data> ... with C<input_prefix> before. C<begin_state> are states to begin with, else zeros. The outputs are a
list ref of steps; with C<merge_outputs> one symbol.

=item begin_state

    my $zeros = $gru->begin_state;
    my $given = $gru->begin_state(func => mx->sym->can('Variable'));

States to begin with, as a list ref: C<func> is called with the class, C<< name => $name >>, C<< shape => [0, 10] >> and
C<__layout__>, and the options given.

=item state_info, state_shape

List refs with a hash ref of shape and layout, or the shape, of each state; 0 stands for the batch.

=item reset

Names start over. C<unroll> does that.

=item params

The variables: an AI::MXNet::RNN::Params, whose C<_params> is a hash ref.

=item unpack_weights, pack_weights

    my $weights = { map { ("gru_$_" => mx->nd->ones([30, 10])) } qw(i2h_weight h2h_weight i2h_bias h2h_bias) };
    my $apart   = $gru->unpack_weights($weights);    # gru_i2h_r_weight, gru_i2h_z_weight ...
    $weights = $gru->pack_weights($apart);

Arrays with the weights of all gates become one for each (C<_i _f _c _o> of an LSTM, C<_r _z _o> of a GRU), and back. Other
arrays in the hash stay.

=back

=head1 FUNCTIONS

=head2 encode_sentences

    my ($coded, $vocab) = mx->rnn->encode_sentences([['a', 'b'], ['b', 'c']], start_label => 1, invalid_label => 0);

Words as numbers, and the hash ref that says which. With C<vocab> it only looks them up; a word that is not there dies.
C<invalid_key> (a newline) has the number C<invalid_label> (-1).

=head2 BucketSentenceIter

    my $iterator = mx->rnn->BucketSentenceIter([([1, 2]) x 4, ([1, 2, 3]) x 4], 2, buckets => [2, 3], invalid_label => 0);
    while (defined(my $batch = <$iterator>)) {
        print $batch->bucket_key, ': ', $batch->data->[0], "\n";
    }

An iterator (see L<AI::MXNet::IO>) of batches of sentences of about one length, in random order. C<buckets> are lengths, to
which sentences are filled up with C<invalid_label>; by default those of which there is a batch. Longer sentences, and those
of an incomplete batch, are left out. The label of a word is the word that follows. Also C<data_name>, C<label_name>,
C<dtype>, and C<layout>: C<NT> or C<TN>.

=head2 save_rnn_checkpoint, load_rnn_checkpoint, do_rnn_checkpoint

    my ($sequence) = $gru->unroll(1, merge_outputs => 1);
    mx->rnn->save_rnn_checkpoint($gru, '/tmp/gru', 1, $sequence, $weights, {});
    my ($symbol, $arg_params, $aux_params) = mx->rnn->load_rnn_checkpoint($gru, '/tmp/gru', 1);
    unlink glob '/tmp/gru-*';

Write and read F<prefix-symbol.json> and F<prefix-0001.params>, with weights unpacked, so that a fused and an unfused network
can read each other's. The first argument is a cell or a list ref of cells. C<do_rnn_checkpoint($cells, $prefix, $period)>
gives code for the C<epoch_end_callback> of C<fit>, which saves every so many epochs.

=head1 SEE ALSO

L<AI::MXNet::Symbol>, L<AI::MXNet::Gluon::RNN>, L<AI::MXNet::IO>

=cut
