package AI::MXNet::EvalMetric;
# What all metrics share, the registry, and metrics made of others. POD at the end.
use strict;
use warnings;
use AI::MXNet::Mouse;
use Scalar::Util qw(blessed);
use AI::MXNet::Base ();
use AI::MXNet::Error;
use overload '""' => sub { $_[0]->_describe }, fallback => 1;

has name       => (is => 'rw', isa => 'Maybe[Str]');
has num        => (is => 'rw', isa => 'Maybe[Int]');
has [qw(output_names label_names)] => (is => 'rw', isa => 'Maybe[ArrayRef[Str]]');
has num_inst   => (is => 'rw');
has sum_metric => (is => 'rw');

use constant AHEAD => 64;    # updates that the engine may be behind

before [qw(num_inst sum_metric)] => sub { my ($self) = @_; $self->_settle if $self->{_pending} };

# here and not in each class, because what a class lets be given by position is a list that it defines
around BUILDARGS => \&AI::MXNet::Base::process_arguments;

sub python_constructor_arguments { return ['name'] }

sub BUILD { my ($self) = @_; $self->reset }

# Adds what `_measure`, which a class has or else its own `update`, finds in each label and prediction: a sum and a count.
sub update
{
    my ($self, $labels, $preds) = @_;
    AI::MXNet::Error::fail(ref $self, ' is a metric without a method update($labels, $preds)') unless $self->can('_measure');
    my $i = 0;
    $self->_add($self->_measure(@$_), $i++) for AI::MXNet::Metric::_pairs($labels, $preds);
    return;
}

# Takes what the metric is about out of hashes of labels and predictions.
sub update_dict
{
    my ($self, $labels, $preds) = @_;
    AI::MXNet::Error::expect('update_dict takes hashes of labels and of predictions by name', HASH => $labels, $preds);
    my ($label, $pred) = map {
        my ($names, $arrays) = @$_;
        my @known = sort keys %$arrays;
        [map { $arrays->{$_} // AI::MXNet::Error::fail("update_dict: there is no array $_, but ", join ', ', @known) } @{ $names // \@known }]
    } [$self->label_names, $labels], [$self->output_names, $preds];
    return $self->update($label, $pred);
}

sub reset
{
    my ($self) = @_;
    delete $self->{_pending};
    my $num = $self->num;
    $self->num_inst(defined $num ? [(0) x $num] : 0);
    $self->sum_metric(defined $num ? [(0) x $num] : 0);
    return;
}

sub get
{
    my ($self) = @_;
    my ($name, $sum, $count) = ($self->name, $self->sum_metric, $self->num_inst);
    return ($name, $self->_value($sum, $count)) unless defined $self->num;
    my @range = 0 .. $self->num - 1;
    return ([map { ($name // '') . "_$_" } @range], [map { $self->_value($sum->[$_], $count->[$_]) } @range]);
}

# The metric of all updates, from the sum and the count.
sub _value { my ($self, $sum, $count) = @_; return $count == 0 ? 'nan' : $sum / $count }

sub get_name_value
{
    my ($self) = @_;
    my ($names, $values) = $self->get;
    ($names, $values) = ([$names], [$values]) unless ref $names;
    return { map { ($names->[$_] // '') => $values->[$_] } 0 .. $#$names };
}

sub get_config
{
    my ($self) = @_;
    my %config = map { $_ => $self->$_ } grep { !/\A(?:_.*|sum_metric|num_inst)\z/ and defined $self->$_ } map { $_->name } $self->meta->get_all_attributes;
    return { %config, metric => (ref($self) =~ /(\w+)\z/)[0] };
}

sub _describe
{
    my ($self) = @_;
    AI::MXNet::NS::load('Data/Dumper.pm');
    return 'EvalMetric: ' . Data::Dumper->new([$self->get_name_value])->Terse(1)->Sortkeys(1)->Dump;
}

# Adds to the sum and the count, of output $i where they are counted one by one. What is an array the engine goes on
# adding up, so that nobody waits until somebody asks.
sub _add
{
    my ($self, $sum, $count, $i) = @_;
    if (grep { blessed $_ and $_->isa('AI::MXNet::NDArray') } $sum, $count) {
        my $pending = $self->{_pending} //= { updates => 0, sums => [] };
        my $sums = $pending->{sums}[defined $self->num ? $i : 0] //= [0, 0];
        $sums->[$_] += ($sum, $count)[$_] for 0, 1;
        $self->_settle if ++$pending->{updates} >= AHEAD;
        return;
    }
    ref $_ and $_ = $_->sclr for $sum, $count;
    if (defined $self->num) { $self->sum_metric->[$i] += $sum; $self->num_inst->[$i] += $count }
    else { $self->sum_metric($self->sum_metric + $sum); $self->num_inst($self->num_inst + $count) }
    return;
}

sub _settle
{
    my ($self) = @_;
    my $sums = delete($self->{_pending})->{sums};
    for my $i (grep { defined $sums->[$_] } 0 .. $#$sums) { $self->_add(map({ ref $_ ? $_->asscalar : $_ } @{ $sums->[$i] }), $i) }
    return;
}

__PACKAGE__->meta->make_immutable;

package AI::MXNet::Metric;
use strict;
use warnings;
use Scalar::Util qw(blessed);
use AI::MXNet::NDArray;
use AI::MXNet::NS;

my %registry;

sub import { my ($class, @names) = @_; return AI::MXNet::NS::install($class, scalar caller, @names) }

# A class of metrics, by its name and others, for create and as a constructor.
sub register
{
    my ($package, $class, @names) = @_;
    my ($name) = $class =~ /(\w+)\z/;
    $registry{ lc $_ } = $class for $name, @names;
    AI::MXNet::NS::constructor(__PACKAGE__, $name, $class);
    return $class;
}

sub create
{
    my ($package, $metric, @arguments) = @_;
    return $metric if blessed $metric and $metric->isa('AI::MXNet::EvalMetric');
    return AI::MXNet::CustomMetric::->new($metric, @arguments) if ref $metric eq 'CODE';
    return AI::MXNet::CompositeEvalMetric::->new([map { $package->create($_, @arguments) } @$metric]) if ref $metric eq 'ARRAY';
    if (defined $metric and not ref $metric and $metric =~ /\A\s*[\[\{]/) {
        AI::MXNet::NS::load('JSON/PP.pm');
        my $content = eval { JSON::PP->new->decode($metric) } // AI::MXNet::Error::fail("a metric as text is a name or JSON, but got $metric");
        my $attributes = ref $content eq 'ARRAY' ? $content->[1] // {} : $content;
        $metric = ref $content eq 'ARRAY' ? $content->[0] : delete $content->{metric};
        unshift @arguments, %$attributes;
    }
    my $class = defined $metric && !ref $metric ? $registry{ lc $metric } : undef;
    AI::MXNet::Error::fail('Metric must be either subref or one of [', join(', ', sort keys %registry), '], but got ', $metric // 'undef')
        unless defined $class;
    return AI::MXNet::NS::construct($class, @arguments);
}

sub np
{
    my ($package, $function, @arguments) = @_;
    unshift @arguments, 'name' if @arguments % 2;
    return $package->CustomMetric($function, @arguments);
}

AI::MXNet::NS::constructor(__PACKAGE__, 'CustomMetric');

sub check_label_shapes
{
    my ($labels, $preds) = @_;
    my ($expected, $got) = map {
        ref $_ eq 'ARRAY' ? scalar @$_ : '[' . join(',', blessed $_ && $_->isa('PDL') ? reverse $_->dims : @{ $_->shape }) . ']'
    } $labels, $preds;
    AI::MXNet::Error::fail("Shape of labels $expected does not match shape of predictions $got") if $expected ne $got;
    return;
}

# Labels and predictions as pairs of arrays.
sub _pairs
{
    my ($labels, $preds) = map { [map { ref eq 'AI::MXNet::NDArray::Slice' ? $_->sever : $_ } ref eq 'ARRAY' ? @$_ : $_] } @_;
    check_label_shapes($labels, $preds);
    for (@$labels, @$preds) {
        blessed $_ && $_->isa('AI::MXNet::NDArray')
            or AI::MXNet::Error::fail('update takes lists of NDArrays, labels and predictions, but got ', $_ // 'undef', ' in one');
    }
    return map { [map { $AI::MXNet::AutoGrad::RECORDING ? $_->detach : $_ } $labels->[$_], $preds->[$_]] } 0 .. $#$labels;
}

# The elements of an array as a flat piddle of doubles.
sub _flat { my ($array) = @_; return $array->aspdl->double->flat }

# Arrays of one floating type, in which sums do not overflow.
sub _floats
{
    my (@arrays) = @_;
    my $type = (grep { $_->dtype eq 'float64' } @arrays) ? 'float64' : 'float32';
    return map { $_->dtype eq $type ? $_ : $_->astype($type) } @arrays;
}

package AI::MXNet::CompositeEvalMetric;
use strict;
use warnings;
use AI::MXNet::Mouse;

extends 'AI::MXNet::EvalMetric';

has '+name'  => (default => 'composite');
has metrics => (is => 'rw', isa => 'ArrayRef', default => sub { [] });

sub python_constructor_arguments { return ['metrics'] }

sub BUILD { my ($self) = @_; $self->metrics([map { AI::MXNet::Metric->create($_) } @{ $self->metrics }]) }

sub add { my ($self, $metric) = @_; push @{ $self->metrics }, AI::MXNet::Metric->create($metric); return }

sub get_metric
{
    my ($self, $index) = @_;
    my $count = @{ $self->metrics };
    AI::MXNet::Error::fail('Metric index ', $index // 'undef', " is out of range 0 and $count")
        unless ($index // '') =~ /\A[0-9]+\z/ and $index < $count;
    return $self->metrics->[$index];
}

sub update { my ($self, $labels, $preds) = @_; $_->update($labels, $preds) for @{ $self->metrics }; return }

sub update_dict { my ($self, $labels, $preds) = @_; $_->update_dict($labels, $preds) for @{ $self->metrics }; return }

# also called before the metrics are made of their names
sub reset { my ($self) = @_; $_->reset for grep { Scalar::Util::blessed($_) } @{ $self->metrics }; return }

sub get
{
    my ($self) = @_;
    my (@names, @values);
    for my $metric (@{ $self->metrics }) {
        my ($name, $value) = $metric->get;
        push @names,  ref $name eq 'ARRAY' ? @$name  : $name;
        push @values, ref $name eq 'ARRAY' ? @$value : $value;
    }
    return (\@names, \@values);
}

__PACKAGE__->meta->make_immutable;
AI::MXNet::Metric->register(__PACKAGE__, 'composite');

package AI::MXNet::CustomMetric;
use strict;
use warnings;
use AI::MXNet::Mouse;

extends 'AI::MXNet::EvalMetric';

has eval_function       => (is => 'rw', isa => 'CodeRef', required => 1);
has allow_extra_outputs => (is => 'rw', isa => 'Int', default => 0);

sub python_constructor_arguments { return ['eval_function', 'allow_extra_outputs'] }

sub update
{
    my ($self, $labels, $preds) = @_;
    $preds = [@$preds[0 .. $#$labels]] if $self->allow_extra_outputs and @$preds > @$labels;
    return $self->SUPER::update($labels, $preds);
}

sub _measure
{
    my ($self, $label, $pred) = @_;
    my $result = $self->eval_function->($label->aspdl, $pred->aspdl);
    return ref $result eq 'ARRAY' ? @$result : ($result, 1);
}

__PACKAGE__->meta->make_immutable;

require AI::MXNet::Metric::Classification;
require AI::MXNet::Metric::Decisions;
require AI::MXNet::Metric::Regression;

1;

__END__

=head1 NAME

AI::MXNet::Metric - how good predictions are

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd);

    my $metric = mx->metric->create('acc');    # or mx->metric->Accuracy
    $metric->update([nd->array([0, 1, 1])], [nd->array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]])]);
    my ($name, $value) = $metric->get;
    printf "%s %.3f\n", $name, $value;         # accuracy 0.667

=head1 DESCRIPTION

A metric is given labels and predictions of one batch after the other, lists of NDArrays of equal length, and tells the
value for all since the last C<reset>. Most of them add up in the engine, so that C<update> does not wait,
and read the sums when somebody asks, or after 64 updates; those that need the values of all arrays (F1, MCC,
PearsonCorrelation, CustomMetric and others) read them in each update.

Each class is a method of this package, which is C<mx-E<gt>metric>.

=head1 CLASSES

=head2 Accuracy

Name C<accuracy>, also created as C<acc>. The fraction of labels that are predicted. Predictions are classes, or with
another shape than the labels, probabilities of them along C<axis> (1).

=head2 TopKAccuracy

Name C<top_k_accuracy_K>, created as C<top_k_accuracy> or C<topkaccuracy>, with C<< top_k => K >>, more than 1. The
fraction of labels that are among the K most probable.

=head2 F1, MCC

    my $f1 = mx->metric->F1('f1', 'micro');

The F1 score and Matthews' correlation of a classification in 0 and 1. C<average> is C<macro> (the mean of the updates) or
C<micro> (of all examples).

=head2 ConfusionMatrix

    my $confusion = mx->metric->ConfusionMatrix;
    $confusion->update([nd->array([0, 1, 1, 2])], [nd->array([0, 2, 1, 2])]);
    print $confusion->matrix, $confusion->recall, "\n";

Name C<confusion>. How often each class is predicted for each class: C<matrix> is a piddle of dims (predicted, label), so that
it prints with a row for each label. C<precision>, C<recall> and C<fscore> are piddles with a value for each class, 0 where
there is nothing to divide by. Its value is the accuracy. Takes classes, or probabilities along C<axis> (1). C<num_classes>
is their number; without it, there are as many as were seen.

=head2 AUC

    my $auc = mx->metric->AUC;
    $auc->update([nd->array([0, 0, 1, 1])], [nd->array([0.1, 0.4, 0.35, 0.8])]);
    print +($auc->get)[1], "\n";    # 0.75
    my ($false_positives, $true_positives, $thresholds) = $auc->roc;

Name C<auc>, also created as C<roc_auc>. The area under the receiver's operating characteristic: how probably a sample of
class 1 has a higher score than one of class 0. Labels are 0 and 1, predictions scores or the probabilities of two classes.
C<roc> gives the curve as three piddles. It keeps all scores until C<reset>. C<nan> as long as there is but one class.

=head2 CrossEntropy, NegativeLogLikelihood

Names C<cross-entropy> (created as C<ce>) and C<nll_loss>. The mean of -log(p + C<eps>), where p is the probability of the
label, of predictions [batch, classes]; C<eps> 1e-12.

=head2 Perplexity

The exponential of the mean of -log(p), without the labels that are C<ignore_label>. C<axis> (-1) is that of the classes.

=head2 MAE, MSE, RMSE

The mean absolute or squared difference of labels and predictions, or its root, in each pair; averaged over pairs.

=head2 PearsonCorrelation

Name C<pearson-correlation>, created as C<pearsonr>. Averaged over pairs.

=head2 Loss

The mean of the predictions. Labels do not count.

=head2 Confidence

    my $sure = mx->metric->Confidence(num_classes => 2, confidence_thresholds => [0.5, 0.9]);

Of the samples that are taken for a class with at least the probability of a threshold, the part that is right: names such
as C<confidence_1_0.9>, class by class. C<sum_metric> and C<num_inst> are piddles, thresholds by classes.

=head2 CompositeEvalMetric

    my $both = mx->metric->create(['mae', 'mse']);    # or mx->metric->CompositeEvalMetric(['mae', 'mse'])
    $both->add('rmse');
    $both->update([nd->array([1, 2])], [nd->array([1, 4])]);
    my ($names, $values) = $both->get;                # two list refs
    print $both->get_metric(1)->name, "\n";           # mse

Metrics in a list. C<get_metric> is the one at a position.

=head2 CustomMetric, np

    my $worst = mx->metric->create(sub { my ($label, $pred) = @_; return ($label - $pred)->abs->max });
    my $rate  = AI::MXNet::CustomMetric->new(sub { return [1, 2] }, name => 'half');

Code that gets label and prediction of a pair as piddles, and returns a value, or a list ref of a sum and a count. The
metric is the sum of all over the count of all; a value counts once. With C<allow_extra_outputs> there may be more
predictions than labels. It has no name if none is given. C<< mx->metric->np($code, $name) >> makes one, too.

=head1 METHODS OF THE PACKAGE

=head2 create

    $metric = mx->metric->create('top_k_accuracy', top_k => 3);

By a name in any case, the name in JSON with attributes (C<["perplexity",{"ignore_label":0}]> or
C<{"metric":"perplexity","ignore_label":0}>), code, or a list ref of these; a metric is returned as it is.

=head2 register

    package Hits {
        use Mouse;
        extends 'AI::MXNet::EvalMetric';
        sub update { my ($self, $labels, $preds) = @_; $self->sum_metric($self->sum_metric + 1); $self->num_inst(1) }
        AI::MXNet::Metric->register(__PACKAGE__, 'hit');
    }
    my $hits = mx->metric->create('hit', name => 'hits');

Makes a class known, by the last word of its name and by others. A metric of one's own extends AI::MXNet::EvalMetric and
has a method C<update>, which adds to C<sum_metric> and C<num_inst>.

=head2 check_label_shapes

    AI::MXNet::Metric::check_label_shapes([1, 2], [3, 4]);

A function: dies unless two lists are of the same length, or two arrays of the same shape.

=head1 METHODS OF A METRIC

=head2 update

    $metric->update([nd->array([1])], [nd->array([[0.1, 0.7, 0.2, 0]])]);

=head2 update_dict

    my $chosen = mx->metric->MSE(output_names => ['y'], label_names => ['t']);
    $chosen->update_dict({ t => nd->ones([2]) }, { y => nd->zeros([2]), z => nd->ones([3]) });

Of hashes of labels and predictions: those with C<label_names> and C<output_names>, or all, by their names.

=head2 reset

Forgets all updates.

=head2 get, get_name_value

    print join(' ', %{ $metric->get_name_value }), "\n";    # top_k_accuracy_3 1

The name and the value, C<nan> without any update; the same as a hash ref. With C<num>, a number of outputs that are
counted one by one, names and values are list refs.

=head2 name, num, num_inst, sum_metric, label_names, output_names

The attributes that all have. As a string, a metric shows names and values.

=head2 get_config

Its attributes as a hash ref, with the class as C<metric>.

=head1 ERRORS

Labels and predictions that do not fit die with an L<AI::MXNet::Error>, attributes of a wrong type with Mouse's message.

=head1 SEE ALSO

L<AI::MXNet::Optimizer>

=cut
