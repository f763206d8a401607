# Symbolic recurrent networks: mx->rnn.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/lib";
use File::Temp qw(tempdir);
use Outcomes qw(died);
use Test::More;
use AI::MXNet qw(mx);

sub steps { my ($count) = @_; return [map { mx->sym->var("t$_") } 0 .. $count - 1] }

# The outputs of an unrolled cell on inputs of a shape, with parameters of one kind for all cells.
sub computed
{
    my ($cell, $weights, $data, %options) = @_;
    my ($outputs) = $cell->unroll($data->shape->[1], inputs => mx->sym->var('data'), merge_outputs => 1, %options);
    return $outputs->eval(args => { %$weights, data => $data })->[0];
}

# Random arrays for the parameters of a cell.
sub weights
{
    my ($cell, %inputs) = @_;
    my ($outputs) = $cell->unroll(2, inputs => mx->sym->var('data'), merge_outputs => 1);
    my ($shapes) = $outputs->infer_shape(%inputs);
    my $names = $outputs->list_arguments;
    return { map { $names->[$_] => mx->nd->random->uniform(-1, 1, shape => $shapes->[$_]) } grep { !exists $inputs{ $names->[$_] } } 0 .. $#$names };
}

sub distance { my ($x, $y) = @_; return ($x - $y)->abs->max->asscalar }

subtest 'cells, their variables, outputs and shapes' => sub {
    my @cases = (
        [mx->rnn->RNNCell(100, prefix => 'rnn_'),      'rnn_h2h_bias rnn_h2h_weight rnn_i2h_bias rnn_i2h_weight', 'rnn_t0_out_output rnn_t1_out_output rnn_t2_out_output'],
        [mx->rnn->LSTMCell(num_hidden => 100, prefix => 'l_'), 'l_h2h_bias l_h2h_weight l_i2h_bias l_i2h_weight', 'l_t0_out_output l_t1_out_output l_t2_out_output'],
        [mx->rnn->GRUCell(100, prefix => 'g_'), 'g_h2h_bias g_h2h_weight g_i2h_bias g_i2h_weight', 'g_t0_out_output g_t1_out_output g_t2_out_output'],
    );
    for my $case (@cases) {
        my ($cell, $variables, $names) = @$case;
        my ($outputs, $states) = $cell->unroll(3, input_prefix => 'in_');
        my $group = mx->sym->Group($outputs);
        is join(' ', sort keys %{ $cell->params->_params }), $variables;
        is "@{ $group->list_outputs }", $names;
        is_deeply [$group->infer_shape(map { ("in_t${_}_data" => [10, 50]) } 0 .. 2)]->[1], [([10, 100]) x 3];
        is scalar @$states, scalar @{ $cell->state_info };
    }
};

subtest 'the nodes of an LSTM are named as in MXNet' => sub {
    my ($outputs, $states) = mx->rnn->LSTMCell(2, prefix => 'l_')->unroll(1, inputs => steps(1));
    my @names = grep { !/\A(?:_mul|_plus|activation)\d+\z/ } map { $_->name } @{ mx->sym->Group([@$outputs, @$states])->get_internals };
    my %seen;
    is join(' ', grep { !$seen{$_}++ } @names), 't0 l_i2h_weight l_i2h_bias l_t0_i2h l_begin_state_0 l_h2h_weight l_h2h_bias l_t0_h2h l_t0_slice l_t0_o l_t0_f '
        . 'l_begin_state_1 l_t0_i l_t0_c l_t0_state l_t0_out';
    like $outputs->[0]->attr_dict->{l_i2h_bias}{__init__}, qr/lstmbias.*forget_bias/, 'the bias of the forget gate begins with 1';
    is $outputs->[0]->attr_dict->{l_begin_state_0}{__layout__}, 'NC';
};

subtest 'a cell may be stepped by hand' => sub {
    my $cell = mx->rnn->GRUCell(2);
    my $begin = $cell->begin_state;
    is_deeply [map { $_->name } @$begin], ['gru_begin_state_0'];
    my ($output, $states) = $cell->(mx->sym->var('x'), $begin);
    is $output->name, 'gru_t0_out';
    is_deeply [($cell->($output, $states))[0]->name, $cell->begin_state->[0]->name], ['gru_t1_out', 'gru_begin_state_1'];
    $cell->reset;
    is $cell->begin_state(func => mx->sym->can('ones'))->[0]->name, 'gru_begin_state_0';
    is $cell->begin_state(func => mx->sym->can('Variable'), lr_mult => 0)->[0]->attr('lr_mult'), '0', 'states may be variables';
    is_deeply [$cell->state_shape, $cell->state_info], [[[0, 2]], [{ shape => [0, 2], __layout__ => 'NC' }]];
};

subtest 'sequences come as one symbol or a list and leave as either' => sub {
    my $cell = mx->rnn->RNNCell(4, prefix => 'r_', activation => 'relu');
    my $whole = mx->sym->var('x');
    my %cases = (
        'NTC, merged' => [[$whole, 'NTC', 1], [x => [2, 3, 5]], [[2, 3, 4]]],
        'TNC, merged' => [[$whole, 'TNC', 1], [x => [3, 2, 5]], [[3, 2, 4]]],
        'NTC, steps'  => [[$whole, 'NTC', 0], [x => [2, 3, 5]], [([2, 4]) x 3]],
        'list, merged' => [[steps(3), 'NTC', 1], [map { ("t$_" => [2, 5]) } 0 .. 2], [[2, 3, 4]]],
        'list, steps'  => [[steps(3), 'NTC', undef], [map { ("t$_" => [2, 5]) } 0 .. 2], [([2, 4]) x 3]],
    );
    for my $name (sort keys %cases) {
        my ($call, $shapes, $want) = @{ $cases{$name} };
        my ($outputs) = $cell->unroll(3, inputs => $call->[0], layout => $call->[1], merge_outputs => $call->[2]);
        is_deeply [(ref $outputs eq 'ARRAY' ? mx->sym->Group($outputs) : $outputs)->infer_shape(@$shapes)]->[1], $want, $name;
    }
    like died { $cell->unroll(3, inputs => steps(2)) }, qr/unroll of 3 steps got a list of 2 inputs/;
    like died { $cell->unroll(3, inputs => mx->sym->Group(steps(3))) }, qr/unroll doesn't allow grouped symbol as input/;
    like died { $cell->unroll(3, layout => 'NC', merge_outputs => 1) }, qr/has a T, such as NTC, but got NC/;
    like died { $cell->unroll(3, merge => 1) }, qr/unroll has no argument merge/;
};

subtest 'a fused network is that of its cells' => sub {
    mx->random->seed(1);
    my $data = mx->nd->random->uniform(-1, 1, shape => [2, 3, 4]);
    for my $mode (qw(lstm gru rnn_tanh rnn_relu)) {
        for my $bidirectional (0, 1) {
            my $fused = mx->rnn->FusedRNNCell(5, num_layers => 2, mode => $mode, bidirectional => $bidirectional, prefix => 'f_');
            my $weights = weights($fused, data => [2, 2, 4]);
            is "@{[keys %$weights]}", 'f_parameters';
            my $cells = $fused->unfuse;
            my $apart = $cells->pack_weights($fused->unpack_weights($weights));
            my $name = $mode . ($bidirectional ? ', both directions' : '');
            cmp_ok distance(computed($fused, $weights, $data), computed($cells, $apart, $data)), '<', 1e-5, $name;
            is distance($fused->pack_weights($fused->unpack_weights($weights))->{f_parameters}, $weights->{f_parameters}), 0;
        }
    }
    my $fused = mx->rnn->FusedRNNCell(3, mode => 'lstm', get_next_state => 1);
    my ($outputs, $states) = $fused->unroll(2, inputs => mx->sym->var('x'), layout => 'TNC', merge_outputs => 0);
    is_deeply [mx->sym->Group([@$outputs, @$states])->infer_shape(x => [2, 5, 4])]->[1], [([5, 3]) x 2, ([1, 5, 3]) x 2];
    is_deeply [(mx->rnn->FusedRNNCell(3)->unroll(2))[1]], [[]], 'without get_next_state there is none';
    like died { $fused->call }, qr/cannot be stepped/;
    like died { mx->rnn->FusedRNNCell(3, mode => 'tree') }, qr/mode is one of gru, lstm, rnn_relu, rnn_tanh, but got tree/;
    like died { $fused->unpack_weights({ lstm_parameters => mx->nd->ones([7]) }) }, qr/lstm_parameters of 7 elements does not fit/;
    is scalar(grep { $_->isa('AI::MXNet::RNN::DropoutCell') } @{ mx->rnn->FusedRNNCell(3, num_layers => 3, dropout => 0.5)->unfuse->_list }), 2, 'dropout between the layers';
};

subtest 'weights for all gates and for each' => sub {
    my $cell = mx->rnn->LSTMCell(1, prefix => 'l_');
    my $packed = { map { my $kind = $_; map { ("l_${_}_$kind" => mx->nd->arange(stop => 4)->reshape($kind eq 'bias' ? [4] : [4, 1])) } qw(i2h h2h) } qw(weight bias) };
    my $unpacked = $cell->unpack_weights({ %$packed, other => mx->nd->ones([1]) });
    is_deeply { map { $_ => $unpacked->{$_}->aspdl->sclr } grep { /i2h.*bias/ } keys %$unpacked }, { l_i2h_i_bias => 0, l_i2h_f_bias => 1, l_i2h_c_bias => 2, l_i2h_o_bias => 3 };
    ok exists $unpacked->{other} && !exists $unpacked->{l_i2h_weight};
    my $again = $cell->pack_weights($unpacked);
    is distance($again->{$_}, $packed->{$_}), 0, $_ for sort keys %$packed;
    like died { $cell->unpack_weights({}) }, qr/needs the array l_i2h_weight/;
    is_deeply [sort keys %{ mx->rnn->GRUCell(1)->unpack_weights({ map { ("gru_$_" => mx->nd->ones([3, 1])) } qw(i2h_weight i2h_bias h2h_weight h2h_bias) }) }],
        [sort map { my $kind = $_; map { ("gru_i2h_${_}_$kind", "gru_h2h_${_}_$kind") } qw(r z o) } qw(weight bias)];
};

subtest 'cells one upon the other' => sub {
    my $stack = mx->rnn->SequentialRNNCell();
    for my $i (0 .. 2) { $stack->add($i == 1 ? mx->rnn->ResidualCell(mx->rnn->LSTMCell(100, prefix => "l${i}_")) : mx->rnn->LSTMCell(100, prefix => "l${i}_")) }
    my ($outputs, $states) = $stack->unroll(3, input_prefix => 'rnn_');
    my @variables = sort keys %{ $stack->params->_params };
    for my $i (0 .. 2) {
        is join(' ', grep { /\Al${i}_/ } @variables), "l${i}_h2h_bias l${i}_h2h_weight l${i}_i2h_bias l${i}_i2h_weight";
    }
    is "@{ mx->sym->Group($outputs)->list_outputs }", 'l2_t0_out_output l2_t1_out_output l2_t2_out_output';
    is_deeply [mx->sym->Group($outputs)->infer_shape(map { ("rnn_t${_}_data" => [10, 100]) } 0 .. 2)]->[1], [([10, 100]) x 3];
    is scalar @$states, 6;
    my ($output, $next) = $stack->(mx->sym->var('x'), $stack->begin_state);
    is_deeply [$output->name, scalar @$next], ['l2_t3_out', 6], 'stepped by hand';
};

subtest 'cells in both directions' => sub {
    my $cell = mx->rnn->BidirectionalCell(mx->rnn->LSTMCell(4, prefix => 'l0_'), mx->rnn->GRUCell(4, prefix => 'r0_'), output_prefix => 'rnn_bi_');
    my ($outputs, $states) = $cell->unroll(3, input_prefix => 'rnn_');
    my $group = mx->sym->Group($outputs);
    is "@{ $group->list_outputs }", 'rnn_bi_t0_output rnn_bi_t1_output rnn_bi_t2_output';
    is_deeply [$group->infer_shape(map { ("rnn_t${_}_data" => [10, 5]) } 0 .. 2)]->[1], [([10, 8]) x 3];
    is scalar @$states, 3, 'the states of both, in one list';
    mx->random->seed(2);
    my $weights = weights($cell, data => [2, 2, 5]);
    my $data = mx->nd->random->uniform(shape => [2, 3, 5]);
    my ($merged) = $cell->unroll(3, inputs => mx->sym->var('data'), merge_outputs => 1);
    my ($apart) = $cell->unroll(3, inputs => mx->sym->var('data'));
    my $steps = mx->sym->Group($apart)->eval(args => { %$weights, data => $data });
    is distance($merged->eval(args => { %$weights, data => $data })->[0], mx->nd->stack(@$steps, axis => 1)), 0;
    like died { $cell->call }, qr/Bidirectional cannot be stepped/;
};

subtest 'residual connections add the inputs' => sub {
    my $cell = mx->rnn->ResidualCell(mx->rnn->GRUCell(50, prefix => 'rnn_'));
    my ($outputs) = $cell->unroll(2, inputs => steps(2));
    my $group = mx->sym->Group($outputs);
    is "@{ $group->list_outputs }", 'rnn_t0_out_plus_residual_output rnn_t1_out_plus_residual_output';
    is join(' ', sort keys %{ $cell->params->_params }), 'rnn_h2h_bias rnn_h2h_weight rnn_i2h_bias rnn_i2h_weight';
    my %args = ((map { ("rnn_${_}_weight" => mx->nd->zeros([150, 50]), "rnn_${_}_bias" => mx->nd->zeros([150])) } qw(i2h h2h)), map { ("t$_" => mx->nd->ones([10, 50])) } 0, 1);
    is distance($group->eval(args => \%args)->[1], mx->nd->ones([10, 50])), 0, 'a GRU of zeros adds nothing';
    my ($merged) = $cell->unroll(2, inputs => steps(2), merge_outputs => 1);
    is distance($merged->eval(args => \%args)->[0], mx->nd->ones([10, 2, 50])), 0;
    like died { $cell->base_cell->(mx->sym->var('x'), [mx->sym->var('y')]) }, qr/After applying modifier cells/;
    my $both = mx->rnn->ResidualCell(mx->rnn->BidirectionalCell(mx->rnn->GRUCell(25, prefix => 'l_'), mx->rnn->GRUCell(25, prefix => 'r_')));
    my ($sums) = $both->unroll(2, inputs => steps(2));
    is "@{ mx->sym->Group($sums)->list_outputs }", 'bi_t0_plus_residual_output bi_t1_plus_residual_output';
    is_deeply [mx->sym->Group($sums)->infer_shape(t0 => [10, 50], t1 => [10, 50])]->[1], [([10, 50]) x 2];
};

subtest 'dropout and zoneout' => sub {
    my $zoned = mx->rnn->ZoneoutCell(mx->rnn->RNNCell(100, prefix => 'rnn_'), zoneout_outputs => 0.5, zoneout_states => 0.5);
    my ($outputs, $states) = $zoned->unroll(3, input_prefix => 'rnn_');
    is_deeply [mx->sym->Group([@$outputs, @$states])->infer_shape(map { ("rnn_t${_}_data" => [10, 50]) } 0 .. 2)]->[1], [([10, 100]) x 4];
    like died { mx->rnn->ZoneoutCell(mx->rnn->FusedRNNCell(3)) }, qr/FusedRNNCell doesn't support zoneout/;
    my $stack = mx->rnn->SequentialRNNCell;
    $stack->add(mx->rnn->BidirectionalCell(mx->rnn->RNNCell(2, prefix => 'l_'), mx->rnn->RNNCell(2, prefix => 'r_')));
    like died { mx->rnn->ZoneoutCell($stack, 0.5) }, qr/BidirectionalCell doesn't support zoneout/;
    my $dropped = mx->rnn->DropoutCell(mx->rnn->RNNCell(2), dropout_outputs => 0.5, dropout_states => 0.5);
    ($outputs) = $dropped->unroll(2, inputs => steps(2));
    is scalar(grep { $_->{op} eq 'Dropout' } @{ decoded(mx->sym->Group($outputs))->{nodes} }), 3;
};

sub decoded { my ($symbol) = @_; require JSON::PP; return JSON::PP->new->decode($symbol->tojson) }

subtest 'convolutional cells' => sub {
    for my $kind (qw(RNN LSTM GRU)) {
        my $method = "Conv${kind}Cell";
        my $cell = mx->rnn->$method(input_shape => [1, 3, 16, 10], num_hidden => 10, h2h_kernel => [3, 3], h2h_dilate => [1, 1], i2h_kernel => [3, 3], i2h_stride => [1, 1], i2h_dilate => [1, 1], i2h_pad => [1, 1], prefix => 'rnn_');
        my ($outputs) = $cell->unroll(3, input_prefix => 'rnn_');
        my $group = mx->sym->Group($outputs);
        is "@{ $group->list_outputs }", 'rnn_t0_out_output rnn_t1_out_output rnn_t2_out_output', $method;
        is_deeply [$group->infer_shape(map { ("rnn_t${_}_data" => [1, 3, 16, 10]) } 0 .. 2)]->[1], [([1, 10, 16, 10]) x 3];
        is join(' ', sort keys %{ $cell->params->_params }), 'rnn_h2h_bias rnn_h2h_weight rnn_i2h_bias rnn_i2h_weight';
    }
    my $wide = mx->rnn->ConvLSTMCell([1, 3, 9, 9], 2, i2h_kernel => [5, 5], i2h_stride => [2, 2], i2h_pad => [1, 1]);
    is_deeply $wide->state_shape, [([0, 2, 4, 4]) x 2];
    like died { mx->rnn->ConvRNNCell([1, 3, 9, 9], 2, h2h_kernel => [2, 3]) }, qr/Only support odd number, get h2h_kernel/;
};

subtest 'cells with one set of parameters share weights' => sub {
    my $params = AI::MXNet::RNN::Params->new('shared_');
    my @cells = map { mx->rnn->RNNCell(2, prefix => "c${_}_", params => $params) } 0, 1;
    my ($first) = $cells[0]->unroll(1, inputs => steps(1));
    my ($second) = $cells[1]->unroll(1, inputs => $first);
    is join(' ', grep { /shared/ } @{ $second->[0]->list_arguments }), 'shared_i2h_weight shared_i2h_bias shared_h2h_weight shared_h2h_bias';
};

subtest 'sentences become numbers' => sub {
    my @sentences = (['a', 'b'], ['b', 'c', 'a']);
    my ($coded, $vocabulary) = mx->rnn->encode_sentences(\@sentences, invalid_label => 0, start_label => 1);
    is_deeply [$coded, $vocabulary], [[[1, 2], [2, 3, 1]], { "\n" => 0, a => 1, b => 2, c => 3 }];
    is_deeply [mx->rnn->encode_sentences(\@sentences, invalid_label => 0)]->[0], [[1, 2], [2, 3, 1]], 'none is the invalid one';
    is_deeply [mx->rnn->encode_sentences([['c']], vocab => $vocabulary)]->[0], [[3]];
    like died { mx->rnn->encode_sentences([['d']], vocab => $vocabulary) }, qr/Unknown token: d/;
};

subtest 'sentences in buckets' => sub {
    my @sentences = ([1, 2], [1, 2, 3], [3, 4, 5], [2, 2], [7, 8, 9, 10, 11, 12]);
    my @warnings;
    local $SIG{__WARN__} = sub { push @warnings, @_ };
    my $iterator = mx->rnn->BucketSentenceIter(\@sentences, 2, buckets => [3, 2], invalid_label => 0);
    like "@warnings", qr/discarded 1 sentences longer than the largest bucket/;
    is_deeply [$iterator->buckets, $iterator->default_bucket_key, map { "$_->[0]" } $iterator->provide_data, $iterator->provide_label],
        [[2, 3], 3, 'DataDesc[data,2x3,float32,NT]', 'DataDesc[softmax_label,2x3,float32,NT]'];
    for my $epoch (1, 2) {
        my %seen;
        while (defined(my $batch = <$iterator>)) {
            my ($data, $label) = map { $_->[0]->aspdl->unpdl } $batch->data, $batch->label;
            is_deeply $label, [map { my @row = @$_; [@row[1 .. $#row], 0] } @$data], 'labels are the words that follow';
            is_deeply [$batch->provide_data->[0]->shape, $batch->pad], [[2, $batch->bucket_key], 0];
            $seen{"@$_"}++ for @$data;
        }
        is join(', ', sort keys %seen), '1 2, 1 2 3, 2 2, 3 4 5', "epoch $epoch";
        $iterator->reset;
    }
    my $times = mx->rnn->BucketSentenceIter([@sentences[0 .. 3]], 2, invalid_label => 0, layout => 'TN', dtype => 'int32');
    my $batch = $times->next;
    is_deeply [$batch->data->[0]->shape, $batch->data->[0]->dtype], [[$batch->bucket_key, 2], 'int32'];
    like died { mx->rnn->BucketSentenceIter([[1]], 2) }, qr/no sentences of one length fill a batch of 2: give buckets/;
    like died { mx->rnn->BucketSentenceIter(\@sentences, 2, layout => 'NC') }, qr/Invalid layout NC/;
};

subtest 'checkpoints have the weights of each gate for itself' => sub {
    my $prefix = tempdir(CLEANUP => 1) . '/net';
    my $fused = mx->rnn->FusedRNNCell(3, prefix => 'f_');
    my ($net) = $fused->unroll(2, inputs => mx->sym->var('data'), merge_outputs => 1);
    my $weights = weights($fused, data => [1, 2, 4]);
    my @said;
    local $SIG{__WARN__} = sub { push @said, @_ };
    my $save = mx->rnn->do_rnn_checkpoint($fused, $prefix, 2);
    $save->($_, $net, $weights, { state => mx->nd->ones([1]) }) for 0, 1;
    like "@said", qr/Saved checkpoint to "\Q$prefix\E-0002\.params"/;
    is_deeply [glob "$prefix*"], ["$prefix-0002.params", "$prefix-symbol.json"], 'every second epoch';
    ok exists mx->nd->load("$prefix-0002.params")->{'arg:f_l0_i2h_i_weight'};
    my ($symbol, $args, $aux) = mx->rnn->load_rnn_checkpoint($fused, $prefix, 2);
    is $symbol->tojson, $net->tojson;
    is distance($args->{f_parameters}, $weights->{f_parameters}), 0;
    is_deeply [keys %$aux], ['state'];
    my (undef, $apart) = mx->rnn->load_rnn_checkpoint([$fused->unfuse], $prefix, 2);
    is_deeply [sort keys %$apart], [map {"f_l0_$_"} qw(h2h_bias h2h_weight i2h_bias i2h_weight)], 'also into the unfused network';
};

subtest 'an iterator over sentences can be extended' => sub {
    {
        package Ordered;
        use Mouse;
        extends 'AI::MXNet::BucketSentenceIter';
        after reset => sub { my ($self) = @_; $self->idx([sort { $a->[0] <=> $b->[0] || $a->[1] <=> $b->[1] } @{ $self->idx }]) };
    }
    my $sentences = Ordered->new([[1, 2], [3, 4], [5, 6, 7], [8, 9]], 1, buckets => [2, 3]);
    is join(' ', map { $_->bucket_key } @$sentences), '2 2 2 3';
    is join(' ', $sentences->major_axis, map { join 'x', @{ $_->shape } } @{ $sentences->nddata }, @{ $sentences->ndlabel }), '0 3x2 1x3 3x2 1x3';
};

subtest 'the steps of a cell of Gluon have names in a symbol' => sub {
    require AI::MXNet::Gluon;
    my $rnn = AI::MXNet::Gluon->rnn;
    for my $cell ($rnn->RNNCell(4, prefix => 'rnn_'), $rnn->LSTMCell(4, prefix => 'rnn_'), $rnn->GRUCell(4, prefix => 'rnn_')) {
        my ($outputs) = $cell->unroll(2, [map { mx->sym->var("x$_") } 0 .. 1]);
        my $net = mx->sym->Group($outputs);
        is_deeply $net->list_outputs, ['rnn_t0_out_output', 'rnn_t1_out_output'], $cell->class;
        my %times;
        $times{$_}++ for @{ $net->get_internals->list_outputs };
        is_deeply [grep { $times{$_} > 1 } sort keys %times], [], 'and none twice';
    }
};

done_testing;
