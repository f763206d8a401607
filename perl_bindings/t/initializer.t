# First values of parameters: the rules, and which of them applies.
use strict;
use warnings;
use File::Temp ();
use Test::More;
use AI::MXNet qw(mx nd);

mx->random->seed(42);

sub filled
{
    my ($init, $name, $shape, %options) = @_;
    my $array = nd->full($shape, 7, %options);
    $init->(mx->init->InitDesc($name), $array);
    return $array;
}

sub deviation { my ($piddle) = @_; return sqrt((($piddle - $piddle->avg)**2)->avg) }

subtest 'constants' => sub {
    is filled(mx->init->$_,  'weight', [2])->aspdl . '', '[0 0]', $_ for qw(Zero Zeros);
    is filled(mx->init->$_,  'weight', [2])->aspdl . '', '[1 1]', $_ for qw(One Ones);
    is filled(mx->init->Constant(3), 'weight', [2])->aspdl . '', '[3 3]';
    is filled(mx->init->Constant(value => 4), 'weight', [2], dtype => 'int32')->aspdl . '', '[4 4]';
};

subtest 'random values have the wanted spread, in every floating point type' => sub {
    # a 100 x 50 matrix: 50 inputs, 100 outputs
    my @rules = (
        [mx->init->Uniform, uniform => 0.07],
        [mx->init->Uniform(0.5), uniform => 0.5],
        [mx->init->Normal, normal => 0.01],
        [mx->init->Normal(sigma => 2), normal => 2],
        [mx->init->Xavier, uniform => sqrt 3 / 75],
        [mx->init->Xavier(rnd_type => 'gaussian', factor_type => 'in', magnitude => 2), normal => sqrt 2 / 50],
        [mx->init->Xavier(factor_type => 'out', magnitude => 1), uniform => sqrt 1 / 100],
        [mx->init->MSRAPrelu, normal => sqrt 2 / (1 + 0.25**2) / 75],
    );
    for my $rule (@rules) {
        my ($init, $kind, $size) = @$rule;
        for my $dtype (qw(float32 float64 float16)) {
            my $piddle = filled($init, 'weight', [100, 50], dtype => $dtype)->aspdl->double;
            my $expected = $kind eq 'uniform' ? $size / sqrt 3 : $size;
            cmp_ok abs(deviation($piddle) / $expected - 1), '<', 0.06, "$init $dtype";
            cmp_ok $piddle->abs->max, $kind eq 'uniform' ? '<=' : '>', $size * ($kind eq 'uniform' ? 1.001 : 2), '... and its ends';
        }
    }
};

subtest 'the same seed gives the same values' => sub {
    my @values = map { mx->random->seed(3); filled(mx->init->Xavier, 'weight', [3, 4])->aspdl . '' } 1 .. 2;
    is $values[0], $values[1];
};

subtest 'the fans of a convolution count its kernel' => sub {
    my $piddle = filled(mx->init->Xavier(factor_type => 'in', magnitude => 1), 'weight', [200, 4, 5, 5])->aspdl->double;
    cmp_ok abs($piddle->abs->max - 0.1), '<', 0.001, 'sqrt 1 / (4 * 5 * 5)';
};

subtest 'orthogonal matrices' => sub {
    for my $shape ([3, 5], [5, 3], [4, 2, 2]) {
        for my $type (qw(uniform normal)) {
            my $matrix = filled(mx->init->Orthogonal(scale => 2, rand_type => $type), 'weight', $shape)->reshape([$shape->[0], -1]);
            $matrix = $matrix->T if $matrix->len > $matrix->shape->[1];
            my $product = nd->dot($matrix, $matrix->T) - 4 * nd->diag(nd->ones([$matrix->len]));
            cmp_ok $product->abs->max->asscalar, '<', 1e-5, "[@$shape] $type";
        }
    }
};

subtest 'the kernel that enlarges an image' => sub {
    my $weight = filled(mx->init->Bilinear, 'weight', [2, 1, 4, 4]);
    my @line = (0.25, 0.75, 0.75, 0.25);
    my @kernel = map { my $y = $_; map { $_ * $y } @line } @line;
    is_deeply [$weight->aspdl->list], [@kernel, @kernel];
};

subtest 'recurrent networks' => sub {
    my $bias = nd->ones([8]);
    my $own = mx->init->LSTMBias(2);
    mx->init->Zero->(mx->init->InitDesc('lstm_bias', attrs => { __init__ => "$own" }), $bias);
    is $bias->aspdl . '', '[0 0 2 2 0 0 0 0]', 'the forget gate of a bias';

    # two layers of 2 units in both directions, with 3 inputs: 8 * 2 * ((3 + 2) + (4 + 2)) weights, 8 * 2 * 2 * 2 biases
    my $init = mx->init->FusedRNN(init => mx->init->Constant(5), num_hidden => 2, num_layers => 2, mode => 'lstm', bidirectional => 1);
    my @values = filled($init, 'rnn_weight', [176 + 64])->aspdl->list;
    is_deeply [@values[0 .. 175]], [(5) x 176], 'weights';
    is_deeply [@values[176 .. 239]], [((0) x 2, (1) x 2, (0) x 4) x 8], 'biases';
    ok !eval { filled($init, 'rnn_weight', [100]); 1 };
    like $@, qr/rnn_weight of 100 elements does not fit/;
};

subtest 'what the name ends in decides' => sub {
    my $init = mx->init->Constant(5);
    my %expected = (fc_weight => 5, fc_bias => 0, bn_gamma => 1, bn_beta => 0, quantized_min => 0, quantized_max => 1);
    is filled($init, $_, [1])->asscalar, $expected{$_}, $_ for sort keys %expected;
    ok !eval { filled($init, 'bn_moving_var', [1]); 1 };
    like $@, qr/\AUnknown initialization pattern for bn_moving_var.* at \Q$0\E/;
};

subtest 'a plain name warns, and knows more endings' => sub {
    my @warnings;
    local $SIG{__WARN__} = sub { push @warnings, @_ };
    my $array = nd->zeros([2]);
    mx->init->Zero->('bn_moving_var', $array);
    is $array->aspdl . '', '[1 1]';
    like "@warnings", qr/has been deprecated/;
};

subtest 'an attribute of the parameter is used whatever its name' => sub {
    my %texts = ('ones' => 1, '["constant",{"value":"6"}]' => 6, mx->init->Constant(2) . '' => 2);
    for my $text (sort keys %texts) {
        my $array = nd->zeros([1]);
        mx->init->Zero->(mx->init->InitDesc('state', attrs => { __init__ => $text }), $array);
        is $array->asscalar, $texts{$text}, $text;
    }
};

subtest 'as text' => sub {
    is mx->init->Uniform(0.1) . '', '["uniform",{"scale":"0.1"}]';
    is mx->init->One . '', '["one",{}]';
};

subtest 'loaded values and patterns' => sub {
    my $load = AI::MXNet::Load->new(param => { 'arg:w' => nd->array([1, 2]) }, default_init => mx->init->Constant(9));
    my ($array, $other) = (nd->zeros([2]), nd->zeros([2]));
    $load->('w', $array);
    $load->(mx->init->InitDesc('x_weight'), $other);
    is "@{[$array->aspdl]} @{[$other->aspdl]}", '[1 2] [9 9]';
    ok !eval { $load->('w', nd->zeros([3])); 1 };
    like $@, qr/Shape mismatch, target \[3\] vs loaded \[2\]/;
    my $mixed = mx->init->Mixed(patterns => ['^a_', '.*'], initializers => [mx->init->Constant(1), mx->init->Constant(2)]);
    $mixed->(mx->init->InitDesc("${_}_weight"), $_ eq 'a' ? $array : $other) for qw(a b);
    is "@{[$array->aspdl]} @{[$other->aspdl]}", '[1 1] [2 2]', 'the first pattern that matches';
};

subtest 'reports on demand' => sub {
    my @messages;
    local $SIG{__WARN__} = sub { push @messages, @_ };
    my $init = mx->init->Constant(3);
    is $init->set_verbosity(1), $init;
    filled($init, 'fc_weight', [4]);
    $init->set_verbosity(1, sub { 'of size ' . $_[0]->size });
    filled($init, 'fc_bias', [4]);
    is_deeply \@messages, ["Initialized fc_weight as weight: 3\n", "Initialized fc_bias as bias: of size 4\n"];
};

package Ramp {
    use Mouse;
    extends 'AI::MXNet::Initializer';
    has step => (is => 'ro', default => 1);
    sub _init_weight { my ($self, $name, $array) = @_; $array .= nd->arange(stop => $array->size)->reshape($array->shape) * $self->step }
    __PACKAGE__->register;
}

is filled(mx->init->Ramp(step => 2), 'weight', [3])->aspdl . '', '[0 2 4]', 'an initializer of one\'s own';

subtest 'errors name what is wrong' => sub {
    my %wrong = (
        'cannot be applied to vector "w_weight" of shape [3]' => sub { filled(mx->init->Xavier, 'w_weight', [3]) },
        'of 4 dimensions, but "w_weight" has shape [3]'       => sub { filled(mx->init->Bilinear, 'w_weight', [3]) },
        'without a method _init_weight'                       => sub { filled(AI::MXNet::Initializer->new, 'w_weight', [3]) },
        'but got w and 5'                                     => sub { mx->init->Zero->(mx->init->InitDesc('w'), 5) },
        'Cannot find initializer nope: there are bilinear'    => sub { mx->init->Zero->(mx->init->InitDesc('w', { __init__ => 'nope' }), nd->ones([1])) },
        'as many patterns as initializers, but got 1 and 0'   => sub { AI::MXNet::Mixed->new(['a'], []) },
        'did not match any pattern'                           => sub { AI::MXNet::Mixed->new(['a'], [mx->init->Zero])->('b', nd->ones([1])) },
        'Paramers mismatch'                                   => sub { mx->init->Constant(1, 2) },
    );
    for my $words (sort keys %wrong) {
        ok !eval { $wrong{$words}->(); 1 };
        like $@, qr/\Q$words\E.* at \Q$0\E line \d+\.$/;
    }
    ok !eval { mx->init->Xavier(rnd_type => 'gauss'); 1 };
    like $@, qr/Attribute \(rnd_type\) does not pass/;
};

subtest 'attributes by position, as in MXNet for Python' => sub {
    is mx->init->Xavier('gaussian', 'in', 2) . '', '["xavier",{"factor_type":"in","magnitude":"2","rnd_type":"gaussian"}]';
    is mx->init->MSRAPrelu('out', 0)->magnitude, 2;
    is mx->init->Orthogonal(1, 'normal')->rand_type, 'normal';
    is mx->init->FusedRNN('one', 2, 1, 'gru')->mode, 'gru';
    my $load = mx->init->Load({ 'arg:w_weight' => nd->ones([2]) * 4 }, mx->init->Zero);
    my ($w, $v) = map { nd->ones([2]) } 1, 2;
    $load->('w_weight', $w);
    $load->(mx->init->InitDesc('v_weight'), $v);
    is_deeply [map { $_->aspdl->unpdl } $w, $v], [[4, 4], [0, 0]];
    my $file = File::Temp->new;
    nd->save("$file", { 'arg:v_weight' => nd->ones([2]) });
    mx->init->Load("$file")->('v_weight', $v);
    is_deeply $v->aspdl->unpdl, [1, 1], 'or of a file';
};

done_testing;
