# Modules of several buckets, which share parameters and optimizer.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/lib";
use File::Temp qw(tempdir);
use Outcomes qw(died);
use Test::More;
use AI::MXNet qw(mx nd);

my @warnings;
$SIG{__WARN__} = sub { push @warnings, @_ };

sub difference { my ($x, $y) = @_; return ($x - $y)->abs->max->asscalar }

# The class of a text, from the mean of its words.
sub texts
{
    my ($length) = @_;
    my $words = mx->sym->Embedding(mx->sym->var('data'), input_dim => 10, output_dim => 4, name => 'words');
    my $scores = mx->sym->FullyConnected(mx->sym->mean($words, axis => 1), num_hidden => 3, name => 'fc');
    return (mx->sym->SoftmaxOutput($scores, name => 'softmax'), ['data'], ['softmax_label']);
}

package Texts {
    use Mouse;
    extends 'AI::MXNet::DataIter';
    has lengths => (is => 'ro', default => sub { [5, 2, 5, 3, 2] });
    has at      => (is => 'rw', default => 0);
    sub provide_data  { return [AI::MXNet::DataDesc->new('data', [4, 5])] }
    sub provide_label { return [AI::MXNet::DataDesc->new('softmax_label', [4])] }
    sub reset { $_[0]->at(0) }

    sub next
    {
        my ($self) = @_;
        my $number = $self->at;
        my $length = $self->lengths->[$number] // return undef;
        $self->at($number + 1);
        return AI::MXNet::DataBatch->new(
            data  => [AI::MXNet::NDArray->array([map { my $i = $_; [map { ($i * 7 + $_ * 3 + $number) % 10 } 1 .. $length] } 1 .. 4])],
            label => [AI::MXNet::NDArray->array([map { ($_ + $number) % 3 } 1 .. 4])], pad => 0, bucket_key => $length,
            provide_data => [AI::MXNet::DataDesc->new('data', [4, $length])], provide_label => [AI::MXNet::DataDesc->new('softmax_label', [4])]);
    }
}

my @settings = (num_epoch => 3, optimizer => 'sgd', optimizer_params => { learning_rate => 0.5, momentum => 0.9 }, initializer => mx->init->Xavier);
my $folder = tempdir(CLEANUP => 1);

for my $contexts ([mx->cpu], [mx->cpu(0), mx->cpu(1)]) {
    subtest "buckets learn what one module does that is bound anew, on @$contexts" => sub {
        my $single = mx->mod->Module((texts(5))[0], context => $contexts);
        my $module = mx->mod->BucketingModule(sym_gen => \&texts, default_bucket_key => 5, context => $contexts);
        is_deeply [$module->data_names, $module->output_names], [['data'], ['softmax_output']], 'names are known before binding';
        mx->random->seed(3);
        $single->fit(Texts->new, @settings);
        mx->random->seed(3);
        $module->fit(Texts->new, @settings, eval_data => Texts->new(lengths => [3, 4]));
        my ($expected, $got) = map { ($_->get_params)[0] } $single, $module;
        cmp_ok difference($expected->{$_}, $got->{$_}), '<', 1e-6, $_ for sort keys %$expected;
        is join(' ', sort keys %{ $module->_buckets }), '2 3 4 5';
        my ($first, @others) = map { $_->_exec_group->param_arrays->[0][0]->handle } values %{ $module->_buckets };
        ok !grep({ $_ != $first } @others), 'the arrays of the parameters are the same';
        is join(' | ', map {"@{ $_->shape }"} $module->predict(Texts->new, merge_batches => 1)), '20 3';
    };
}

subtest 'buckets by hand' => sub {
    my $module = AI::MXNet::Module::Bucketing->new(sym_gen => \&texts, default_bucket_key => 5, fixed_param_names => ['fc_bias']);
    like died(sub { $module->get_params }), qr/^AssertionError: call bind first/;
    $module->bind(data_shapes => Texts->provide_data, label_shapes => Texts->provide_label);
    $module->init_params(initializer => mx->init->One);
    $module->init_optimizer(optimizer_params => { learning_rate => 1 });
    my $data = Texts->new;
    my ($long, $short) = map { $data->next } 1 .. 2;
    $module->prepare($short);
    is "@{ $module->data_shapes->[0]->shape } " . $module->symbol->name, '4 5 softmax', 'prepare leaves the bucket as it is';
    $module->forward_backward($short);
    $module->update;
    is "@{ $module->data_shapes->[0]->shape }", '4 2', 'forward does not';
    my ($args) = $module->get_params;
    is $args->{fc_bias}->abs->sum->asscalar, 0, 'fixed in all buckets';
    isnt $args->{fc_weight}->at(0)->sum->asscalar, 4;
    my $weight = $args->{fc_weight}->copy;
    $module->switch_bucket(bucket_key => 5);
    cmp_ok difference(($module->get_params)[0]{fc_weight}, $weight), '<', 1e-6, 'what one has learned the others know';
    like died(sub { $module->switch_bucket }), qr/bucket_key is required/;

    @warnings = ();
    $module->save_checkpoint("$folder/texts", 1, 1);
    is join(' ', map { s{.*/}{}r } sort glob "$folder/*"), 'texts_2-0001.params texts_2-0001.states texts_2-symbol.json texts_5-0001.params texts_5-0001.states texts_5-symbol.json';
    my ($symbol, $loaded) = mx->mod->load_checkpoint("$folder/texts_5", 1);
    cmp_ok difference($loaded->{fc_weight}, $weight), '<', 1e-6, 'each with the parameters of all';

    my $again = mx->mod->BucketingModule(\&texts, default_bucket_key => 5);
    $again->bind(data_shapes => Texts->provide_data, for_training => 0);
    $again->set_params($loaded, {}, 0, 1);
    $_->forward($long, is_train => 0) for $module, $again;
    cmp_ok difference(map { $_->get_outputs->[0] } $module, $again), '<', 1e-6, 'read by another';
};

subtest 'a bucket may list its parameters in another order, but has none of its own' => sub {
    my $net = sub {
        my ($key) = @_;
        my $x = mx->sym->var('data');
        my @parts = map { mx->sym->FullyConnected($x, num_hidden => 2, name => $_) } $key == 1 ? qw(a b) : qw(b a);
        push @parts, mx->sym->FullyConnected($x, num_hidden => 2, name => 'c') if $key == 3;
        return (mx->sym->LinearRegressionOutput(mx->sym->add_n(@parts), mx->sym->var('label'), name => 'out'), ['data'], ['label']);
    };
    my $module = mx->mod->BucketingModule(sym_gen => $net, default_bucket_key => 1);
    my @shapes = (data_shapes => [['data', [2, 3]]], label_shapes => [['label', [2, 2]]]);
    $module->bind(@shapes);
    $module->init_params(initializer => mx->init->One);
    $module->init_optimizer(optimizer_params => { learning_rate => 0.1, momentum => 0.9, wd_mult => { a_weight => 5 }, wd => 0.1 });
    for my $key (1, 2, 1) {
        $module->switch_bucket(bucket_key => $key, @shapes);
        $module->_curr_module->forward_backward(AI::MXNet::DataBatch->new(data => [nd->ones([2, 3])], label => [nd->ones([2, 2])]));
        $module->update;
    }
    my $single = mx->mod->Module(($net->(1))[0], label_names => ['label']);
    $single->bind(@shapes);
    $single->init_params(initializer => mx->init->One);
    $single->init_optimizer(optimizer_params => { learning_rate => 0.1, momentum => 0.9, wd_mult => { a_weight => 5 }, wd => 0.1 });
    for (1 .. 3) {
        $single->forward_backward(AI::MXNet::DataBatch->new(data => [nd->ones([2, 3])], label => [nd->ones([2, 2])]));
        $single->update;
    }
    my ($expected, $got) = map { ($_->get_params)[0] } $single, $module;
    cmp_ok difference($expected->{$_}, $got->{$_}), '<', 1e-6, $_ for qw(a_weight b_weight);
    like died(sub { $module->switch_bucket(bucket_key => 3, @shapes) }), qr/the module whose parameters are shared has no c_weight/;
};

subtest 'a monitor sees a bucket from its first batch on' => sub {
    @warnings = ();
    my $module = mx->mod->BucketingModule(sym_gen => \&texts, default_bucket_key => 5);
    $module->fit(Texts->new(lengths => [2, 3]), num_epoch => 1, monitor => mx->mon->Monitor(1, pattern => 'fc_output'));
    is scalar(grep {/fc_output/} @warnings), 2;
};

done_testing;
