# How good predictions are: values that MXNet 1.9.1 tells for the same batches.
use strict;
use warnings;
use Test::More;
use AI::MXNet qw(mx nd);

my @labels = (nd->array([1, 1, 0, 1]), nd->array([0, 1]));
my @preds = (nd->array([[0.3, 0.7], [0.9, 0.1], [0.4, 0.6], [0.2, 0.8]]), nd->array([[0.6, 0.4], [0.45, 0.55]]));

sub after_batches
{
    my ($metric) = @_;
    $metric->update([$labels[$_]], [$preds[$_]]) for 0, 1;
    return $metric;
}

sub near
{
    my ($metric, $name, $expected) = @_;
    my @got = $metric->get;
    is $got[0], $name;
    cmp_ok abs($got[1] - $expected), '<', 1e-6, "$name is $expected" or diag $got[1];
}

subtest 'classes and probabilities' => sub {
    near(after_batches(mx->metric->create('acc')), 'accuracy', 0.6666666667);
    near(after_batches(mx->metric->create('F1')), 'f1', 0.8333333333);
    near(after_batches(mx->metric->F1('f1', 'micro')), 'f1', 0.75);
    near(after_batches(mx->metric->MCC), 'mcc', 0.3333333333);
    near(after_batches(mx->metric->MCC(average => 'micro')), 'mcc', 0.25);
    near(after_batches(mx->metric->create('ce')), 'cross-entropy', 0.8178928296);
    near(after_batches(mx->metric->create('nll_loss')), 'nll_loss', 0.8178928296);
    near(after_batches(mx->metric->create('perplexity')), 'Perplexity', 2.2657205446);
    near(after_batches(mx->metric->Perplexity(0)), 'Perplexity', 2.3870544206);
    my $top = mx->metric->create('top_k_accuracy', top_k => 2);
    $top->update([nd->array([2, 0, 1])], [nd->array([[0.1, 0.5, 0.4], [0.2, 0.5, 0.3], [0.3, 0.35, 0.35]])]);
    near($top, 'top_k_accuracy_2', 0.6666666667);
};

subtest 'accuracy of predicted classes, and along another axis' => sub {
    my $accuracy = mx->metric->Accuracy;
    $accuracy->update([nd->array([1, 0, 2])], [nd->array([1, 1, 2])]);
    near($accuracy, 'accuracy', 2 / 3);
    my $first = mx->metric->Accuracy(axis => 0);
    $first->update([nd->array([1, 0, 0])], [nd->array([[0.1, 0.9, 0.2], [0.9, 0.1, 0.8]])]);
    near($first, 'accuracy', 2 / 3);
};

subtest 'a confusion matrix' => sub {
    my $confusion = mx->metric->create('confusion');
    is_deeply [$confusion->get], ['confusion', 'nan'];
    is $confusion->matrix->nelem, 0;
    $confusion->update([nd->array([0, 1, 1])], [nd->array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]])]);
    $confusion->update([nd->array([2, 0])], [nd->array([2, 2])]);
    is_deeply $confusion->matrix->unpdl, [[1, 0, 1], [1, 1, 0], [0, 0, 1]], 'grows with the classes';
    is_deeply [map { [map { sprintf '%.3f', $_ } $confusion->$_->list] } qw(precision recall fscore)],
        [['0.500', '1.000', '0.500'], ['0.500', '0.500', '1.000'], ['0.500', '0.667', '0.667']];
    is +($confusion->get)[1], 0.6;
    $confusion->reset;
    is $confusion->matrix->nelem, 0;
    my $two = mx->metric->ConfusionMatrix(2);
    $two->update([nd->array([0, 0])], [nd->array([0, 0])]);
    is_deeply [$two->matrix->unpdl, map { $two->$_->unpdl } qw(precision recall fscore)], [[[2, 0], [0, 0]], [1, 0], [1, 0], [1, 0]];
    ok !eval { $two->update([nd->array([2])], [nd->array([0])]) };
    like $@, qr/ConfusionMatrix of 2 classes got class 2 at \Q$0\E/;
    ok !eval { $two->update([nd->array([-1])], [nd->array([0])]) };
};

# the first case is the example of scikit-learn's documentation
subtest 'the area under the ROC curve' => sub {
    my $auc = mx->metric->create('auc');
    is_deeply [$auc->get], ['auc', 'nan'];
    $auc->update([nd->array([0, 0])], [nd->array([0.1, 0.4])]);
    is_deeply [$auc->get], ['auc', 'nan'], 'of one class there is none';
    $auc->update([nd->array([1, 1])], [nd->array([0.35, 0.8])]);
    near($auc, 'auc', 0.75);
    is_deeply [map { $_->unpdl } ($auc->roc)[0, 1]], [[0, 0, 0.5, 0.5, 1], [0, 0.5, 0.5, 1, 1]];
    $auc->reset;
    $auc->update([nd->array([0, 1, 1, 0, 1])], [nd->array([[0.5, 0.5], [0.5, 0.5], [0, 1], [0.8, 0.2], [0.9, 0.1]])]);
    near($auc, 'auc', 7 / 12);
    is_deeply [map { [map { sprintf '%.3f', $_ } $_->list] } $auc->roc],
        [['0.000', '0.000', '0.500', '1.000', '1.000'], ['0.000', '0.333', '0.667', '0.667', '1.000'], ['Inf', '1.000', '0.500', '0.200', '0.100']], 'equal scores share a threshold';
    ok !eval { $auc->update([nd->array([2])], [nd->array([0])]) };
    like $@, qr/AUC takes labels 0 and 1/;
};

subtest 'numbers' => sub {
    my %expected = (mae => 0.7916666667, mse => 1.3333333333, rmse => 1.1541360020, 'pearson-correlation' => 0.2479550017, loss => 2.6428571429);
    for my $name (sort keys %expected) {
        my $metric = mx->metric->create($name =~ s/-//r);
        $metric->update([nd->array([1, 2, 3])], [nd->array([1.5, 2, 1])]);
        $metric->update([nd->array([[1, 2], [3, 5]])], [nd->array([[1, 2], [4, 7]])]);
        near($metric, $name, $expected{$name});
    }
    my $rows = mx->metric->MAE;
    $rows->update([nd->array([1, 2])], [nd->array([[1, 2, 3], [2, 2, 2]])]);
    near($rows, 'mae', 0.5);
};

subtest 'without an update the value is nan, and reset forgets' => sub {
    my $metric = after_batches(mx->metric->create('mcc', average => 'micro'));
    $metric->reset;
    is_deeply [$metric->get], ['mcc', 'nan'];
    near(after_batches($metric), 'mcc', 0.25);
    is $metric->num_inst, 6;
};

subtest 'several in one' => sub {
    my $both = mx->metric->create(['acc', mx->metric->MSE]);
    $both->add('mae');
    $both->update([nd->array([1, 0])], [nd->array([1, 1])]);
    is_deeply [$both->get], [['accuracy', 'mse', 'mae'], [0.5, 0.5, 0.5]];
    is_deeply $both->get_name_value, { accuracy => 0.5, mse => 0.5, mae => 0.5 };
    is $both->get_metric(1)->name, 'mse';
    $both->reset;
    is $both->get_name_value->{mae}, 'nan';
    ok !eval { $both->get_metric(3); 1 };
    like $@, qr/Metric index 3 is out of range 0 and 3 at \Q$0\E/;
};

subtest 'code as a metric' => sub {
    my $worst = mx->metric->create(sub { my ($label, $pred) = @_; return ($label - $pred)->abs->max });
    $worst->update([nd->array([1, 2, 3]), nd->array([0])], [nd->array([1, 4, 3.5]), nd->array([1])]);
    is(($worst->get)[1], 1.5, 'a piddle as value; pairs are averaged');
    my $mean = mx->metric->create(sub { return [$_[1]->sum, $_[1]->nelem] }, name => 'mean');
    $mean->update([nd->array([1, 2])], [nd->array([3, 4])]);
    is_deeply $mean->get_name_value, { mean => 3.5 }, 'sum and count';
    my $apart = mx->metric->create(sub { return $_[1]->sum }, name => 'sum', num => 2);
    $apart->update([nd->ones([1]), nd->ones([1])], [nd->array([2]), nd->array([3])]) for 1 .. 2;
    is_deeply [$apart->get], [['sum_0', 'sum_1'], [2, 3]], 'outputs one by one';
    my $extra = mx->metric->create(sub { return $_[1]->sum }, allow_extra_outputs => 1);
    $extra->update([nd->ones([1])], [nd->array([2]), nd->array([3])]);
    is(($extra->get)[1], 2, 'predictions without a label');
};

subtest 'from text' => sub {
    is ref(mx->metric->create('{"metric":"TopKAccuracy","top_k":3}')), 'AI::MXNet::TopKAccuracy';
    is mx->metric->create('["perplexity",{"ignore_label":4}]')->ignore_label, 4;
    is_deeply mx->metric->Accuracy->get_config, { metric => 'Accuracy', name => 'accuracy', axis => 1 };
    is mx->metric->MSE . '', "EvalMetric: {\n  'mse' => 'nan'\n}\n";
};

package Hits {
    use Mouse;
    extends 'AI::MXNet::EvalMetric';
    has '+name' => (default => 'hits');
    sub update { my ($self, $labels, $preds) = @_; $self->sum_metric($self->sum_metric + @$preds); $self->num_inst(1) }
}

subtest 'a metric of one\'s own' => sub {
    my $hits = Hits->new;
    $hits->update([], [1, 2, 3]);
    is_deeply [$hits->get], ['hits', 3];
    AI::MXNet::Metric->register('Hits');
    isa_ok mx->metric->create('hits'), 'Hits';
    isa_ok mx->metric->create($hits), 'Hits';
};

subtest 'Confidence counts by predicted class and by threshold' => sub {
    my $metric = mx->metric->Confidence(2, [0.5, 0.8]);
    my ($labels, $preds) = ([nd->array([1, 1, 0])], [nd->array([[.3, .7], [.9, .1], [.1, .9]])]);
    $metric->update($labels, $preds) for 1, 2;
    is_deeply [$metric->get], [[qw(confidence_0_0.5 confidence_0_0.8 confidence_1_0.5 confidence_1_0.8)], [0, 0, 0.5, 0]];
    is_deeply $metric->num_inst->unpdl, [[2, 2], [4, 2]];
    $metric->reset;
    is +($metric->get)[1][0], 'nan';
    is_deeply mx->metric->create(['acc', $metric])->get_name_value->{'confidence_1_0.5'}, 'nan', 'in a composite';
};

subtest 'arrays come by name, too' => sub {
    my %labels = (b => nd->array([1, 0]), other => nd->ones([3]));
    my $metric = mx->metric->Accuracy(output_names => ['a'], label_names => ['b']);
    $metric->update_dict(\%labels, { a => nd->array([[0, 1], [0, 1]]) });
    is +($metric->get)[1], 0.5;
    my $both = mx->metric->create(['acc', mx->metric->np(sub { 3 }, 'three')]);
    $both->update_dict({ b => $labels{b} }, { a => nd->array([1, 0]) });
    is_deeply $both->get_name_value, { accuracy => 1, three => 3 };
    ok !eval { $metric->update_dict({}, {}); 1 };
    like $@, qr/^update_dict: there is no array b/;
};

subtest 'errors name what is wrong, at the line of the call' => sub {
    my $ones = nd->ones([2]);
    my %wrong = (
        'Metric must be either subref or one of [acc, accuracy,' => sub { mx->metric->create('nope') },
        'Shape of labels 1 does not match shape of predictions 2' => sub { mx->metric->Accuracy->update([$ones], [$ones, $ones]) },
        'Shape of labels [2] does not match shape of predictions [3]' => sub { mx->metric->Accuracy->update([$ones], [nd->ones([3, 2])]) },
        'Please use Accuracy if top_k is no more than 1' => sub { mx->metric->TopKAccuracy },
        'only support binary classification' => sub { mx->metric->F1->update([nd->array([2, 0])], [nd->ones([2, 3])]) },
        'average is macro or micro, but got all' => sub { mx->metric->F1(average => 'all') },
        'but got [2] and 2 labels' => sub { mx->metric->CrossEntropy->update([$ones], [$ones]) },
        'labels [3] vs. predictions [2,2]' => sub { mx->metric->Perplexity->update([nd->ones([3])], [nd->ones([2, 2])]) },
        'do not fit predictions of shape [3]' => sub { mx->metric->MSE->update([$ones], [nd->ones([3])]) },
        'but got 5 in one' => sub { mx->metric->MSE->update([$ones], [5]) },
        'without a method update' => sub { AI::MXNet::EvalMetric->new->update([], []) },
    );
    for my $words (sort keys %wrong) {
        ok !eval { $wrong{$words}->(); 1 };
        like $@, qr/\Q$words\E.* at \Q$0\E line \d+\.$/;
    }
};

done_testing;
