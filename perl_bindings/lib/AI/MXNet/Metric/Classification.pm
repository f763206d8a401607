package AI::MXNet::Metric::Classification;
# Metrics of predicted classes and of their probabilities. Documented in AI::MXNet::Metric.
use strict;
use warnings;

# The positions of the largest elements along an axis, unless there is one prediction for each label already.
sub _classes
{
    my ($label, $pred, $axis) = @_;
    return "@{ $label->shape }" eq "@{ $pred->shape }" ? $pred : $pred->argmax(axis => $axis < $pred->ndim ? $axis : -1);
}

package AI::MXNet::Accuracy;
use AI::MXNet::Mouse;

extends 'AI::MXNet::EvalMetric';

has '+name' => (default => 'accuracy');
has axis    => (is => 'rw', isa => 'Int', default => 1);

sub python_constructor_arguments { return ['axis'] }

sub _measure
{
    my ($self, $label, $pred) = @_;
    my $classes = AI::MXNet::Metric::Classification::_classes($label, $pred, $self->axis);
    my ($expected, $got) = map { $_->ndim == 1 ? $_ : $_->reshape([-1]) } AI::MXNet::Metric::_floats($label, $classes);
    AI::MXNet::Metric::check_label_shapes($expected, $got);
    return (($expected->rint == $got->rint)->sum, $expected->size);
}

__PACKAGE__->meta->make_immutable;
AI::MXNet::Metric->register(__PACKAGE__, 'acc');

package AI::MXNet::TopKAccuracy;
use AI::MXNet::Mouse;

extends 'AI::MXNet::EvalMetric';

has '+name' => (default => 'top_k_accuracy');
has top_k   => (is => 'rw', isa => 'Int', default => 1);

sub python_constructor_arguments { return ['top_k'] }

sub BUILD
{
    my ($self) = @_;
    AI::MXNet::Error::fail('Please use Accuracy if top_k is no more than 1, and not ', $self->top_k) unless $self->top_k > 1;
    $self->name($self->name . '_' . $self->top_k);
}

sub _measure
{
    my ($self, $label, $pred) = @_;
    AI::MXNet::Error::fail('TopKAccuracy takes predictions [batch, classes], but got [', join(',', @{ $pred->shape }), ']') unless $pred->ndim == 2;
    my ($rows, $classes) = @{ $pred->shape };
    AI::MXNet::Error::fail("TopKAccuracy: there are $rows predictions, but ", $label->size, ' labels') if $label->size != $rows;
    my $k = $self->top_k < $classes ? $self->top_k : $classes;
    my ($expected, $best) = AI::MXNet::Metric::_floats($label->reshape([-1, 1]), $pred->topk(k => $k, axis => 1));
    return (($best == $expected->rint)->sum, $rows);
}

__PACKAGE__->meta->make_immutable;
AI::MXNet::Metric->register(__PACKAGE__, 'top_k_accuracy');

# Counts of a classification in two classes, and what is made of them.
package _BinaryClassificationMetrics;
use AI::MXNet::Mouse;

has [qw(true_positives false_negatives false_positives true_negatives)] => (is => 'rw', isa => 'Int', default => 0);

sub update_binary_stats
{
    my ($self, $label, $pred) = @_;
    my ($expected, $got) = map { AI::MXNet::Metric::_flat($_)->rint } $label, AI::MXNet::Metric::Classification::_classes($label, $pred, 1);
    AI::MXNet::Metric::check_label_shapes($expected, $got);
    AI::MXNet::Error::fail('f1 and mcc currently only support binary classification, labels 0 and 1') if (($expected != 0) & ($expected != 1))->any;
    my %count = (
        true_positives => ($got == 1) & ($expected == 1), false_positives => ($got == 1) & ($expected == 0),
        false_negatives => ($got != 1) & ($expected == 1), true_negatives => ($got != 1) & ($expected == 0));
    $self->$_($self->$_ + $count{$_}->sum->sclr) for keys %count;
    return;
}

sub _ratio { my ($part, $all) = @_; return $all > 0 ? $part / $all : 0 }

sub precision { my ($self) = @_; return _ratio($self->true_positives, $self->true_positives + $self->false_positives) }
sub recall    { my ($self) = @_; return _ratio($self->true_positives, $self->true_positives + $self->false_negatives) }
sub fscore    { my ($self) = @_; return _ratio(2 * $self->precision * $self->recall, $self->precision + $self->recall) }

# Matthews, Comparison of the predicted and observed secondary structure of T4 phage lysozyme (1975).
sub matthewscc
{
    my ($self) = @_;
    my ($tp, $fn, $fp, $tn) = map { $self->$_ } qw(true_positives false_negatives false_positives true_negatives);
    my $product = 1;
    $product *= $_ for grep { $_ != 0 } $tp + $fp, $tp + $fn, $tn + $fp, $tn + $fn;
    return ($tp * $tn - $fp * $fn) / sqrt $product;
}

sub total_examples { my ($self) = @_; return $self->true_positives + $self->false_negatives + $self->false_positives + $self->true_negatives }

sub reset_stats { my ($self) = @_; $self->$_(0) for qw(true_positives false_negatives false_positives true_negatives); return }

__PACKAGE__->meta->make_immutable;

package AI::MXNet::F1;
use AI::MXNet::Mouse;

extends 'AI::MXNet::EvalMetric';

has '+name'  => (default => 'f1');
has average => (is => 'rw', isa => 'Str', default => 'macro');
has method  => (is => 'ro', isa => 'Str', default => 'fscore');
has metrics => (is => 'ro', isa => '_BinaryClassificationMetrics', lazy => 1, default => sub { _BinaryClassificationMetrics->new });

sub python_constructor_arguments { return ['name', 'average'] }

sub BUILD
{
    my ($self) = @_;
    AI::MXNet::Error::fail('average is macro or micro, but got ', $self->average) unless $self->average =~ /\Am[ai]cro\z/;
}

sub update
{
    my ($self, $labels, $preds) = @_;
    my $method = $self->method;
    $self->metrics->update_binary_stats(@$_) for AI::MXNet::Metric::_pairs($labels, $preds);
    if ($self->average eq 'macro') {
        $self->_add($self->metrics->$method, 1, 0);
        $self->metrics->reset_stats;
    }
    else {
        $self->num_inst($self->metrics->total_examples);
        $self->sum_metric($self->metrics->$method * $self->num_inst);
    }
    return;
}

sub reset { my ($self) = @_; $self->SUPER::reset; $self->metrics->reset_stats; return }

__PACKAGE__->meta->make_immutable;
AI::MXNet::Metric->register(__PACKAGE__);

package AI::MXNet::MCC;
use AI::MXNet::Mouse;

extends 'AI::MXNet::F1';

has '+name'   => (default => 'mcc');
has '+method' => (default => 'matthewscc');

__PACKAGE__->meta->make_immutable;
AI::MXNet::Metric->register(__PACKAGE__);

package AI::MXNet::CrossEntropy;
use AI::MXNet::Mouse;

extends 'AI::MXNet::EvalMetric';

has '+name' => (default => 'cross-entropy');
has eps     => (is => 'rw', isa => 'Num', default => 1e-12);

sub python_constructor_arguments { return ['eps'] }

sub _measure
{
    my ($self, $label, $pred) = @_;
    AI::MXNet::Error::fail('CrossEntropy takes predictions [batch, classes] and a label for each, but got [', join(',', @{ $pred->shape }),
        '] and ', $label->size, ' labels') if $pred->ndim != 2 or $label->size != $pred->len;
    my ($probability) = AI::MXNet::Metric::_floats($pred->pick($label->reshape([-1]), axis => -1));
    return (-($probability + $self->eps)->log->sum, $label->size);
}

__PACKAGE__->meta->make_immutable;
AI::MXNet::Metric->register(__PACKAGE__, 'ce');

package AI::MXNet::NegativeLogLikelihood;
use AI::MXNet::Mouse;

extends 'AI::MXNet::CrossEntropy';

has '+name' => (default => 'nll_loss');

__PACKAGE__->meta->make_immutable;
AI::MXNet::Metric->register(__PACKAGE__, 'nll_loss');

package AI::MXNet::Perplexity;
use AI::MXNet::Mouse;

extends 'AI::MXNet::EvalMetric';

has '+name'      => (default => 'Perplexity');
has ignore_label => (is => 'rw', isa => 'Maybe[Int]');
has axis         => (is => 'rw', isa => 'Int', default => -1);

sub python_constructor_arguments { return ['ignore_label', 'axis'] }

# all pairs of an update count as one text
sub update
{
    my ($self, $labels, $preds) = @_;
    for my $pair (AI::MXNet::Metric::_pairs($labels, $preds)) {
        my ($label, $pred) = @$pair;
        my @shape = @{ $pred->shape };
        splice @shape, $self->axis, 1;
        AI::MXNet::Error::fail('Perplexity: shape mismatch: labels [', join(',', @{ $label->shape }), '] vs. predictions [', join(',', @{ $pred->shape }), ']')
            if $label->size * $pred->shape->[$self->axis] != $pred->size;
        $label = $label->reshape(@shape ? \@shape : [1]);
        my ($probability, $class) = AI::MXNet::Metric::_floats($pred->pick($label, axis => $self->axis), $label);
        my $losses = -$probability->maximum(1e-10)->log;
        my $counts = defined $self->ignore_label ? $class != $self->ignore_label : undef;
        $self->_add(defined $counts ? (($losses * $counts)->sum, $counts->sum) : ($losses->sum, $label->size), 0);
    }
    return;
}

sub _value { my ($self, $sum, $count) = @_; return $count == 0 ? 'nan' : exp($sum / $count) }

__PACKAGE__->meta->make_immutable;
AI::MXNet::Metric->register(__PACKAGE__);

package AI::MXNet::Confidence;
use AI::MXNet::Mouse;

extends 'AI::MXNet::EvalMetric';

has '+name'               => (default => 'confidence');
has num_classes           => (is => 'rw', isa => 'Int', required => 1);
has confidence_thresholds => (is => 'rw', isa => 'ArrayRef[Num]', required => 1);

sub python_constructor_arguments { return ['num_classes', 'confidence_thresholds'] }

sub reset
{
    my ($self) = @_;
    my @counts = map { [(0) x @{ $self->confidence_thresholds }] } 1 .. $self->num_classes;
    $self->$_(PDL->pdl(\@counts)) for qw(num_inst sum_metric);
    return;
}

# Counts by class that is predicted, and by threshold that its probability reaches.
sub update
{
    my ($self, $labels, $preds) = @_;
    my $thresholds = PDL->pdl($self->confidence_thresholds);
    for my $pair (AI::MXNet::Metric::_pairs($labels, $preds)) {
        my ($label, $pred) = map { $_->aspdl->double } @$pair;
        my $classes = $self->num_classes;
        AI::MXNet::Error::fail("Confidence takes probabilities of $classes classes, n x $classes, but got ", join 'x', @{ $pair->[1]->shape })
            if $pred->ndims != 2 or $pred->dim(0) != $classes;
        AI::MXNet::Metric::check_label_shapes($pair->[0]->reshape([-1]), $pair->[1]->argmax(axis => 1));
        my $class = $pred->maximum_ind;
        my $sure  = $pred->maximum->dummy(0) >= $thresholds;    # threshold, sample
        my $right = $class == $label->flat;
        my $is_of = $class->dummy(0) == PDL->sequence($classes);    # class, sample
        my $counted = $sure->dummy(1) * $is_of->dummy(0);           # threshold, class, sample
        $self->num_inst($self->num_inst + $counted->mv(2, 0)->sumover);
        $self->sum_metric($self->sum_metric + ($counted->mv(2, 0) * $right)->sumover);
    }
    return;
}

sub get
{
    my ($self) = @_;
    my (@names, @values);
    for my $class (0 .. $self->num_classes - 1) {
        for my $i (0 .. $#{ $self->confidence_thresholds }) {
            push @names, join '_', $self->name, $class, $self->confidence_thresholds->[$i];
            push @values, $self->_value($self->sum_metric->at($i, $class), $self->num_inst->at($i, $class));
        }
    }
    return (\@names, \@values);
}

__PACKAGE__->meta->make_immutable;
AI::MXNet::Metric->register(__PACKAGE__);

1;

__END__

=head1 NAME

AI::MXNet::Metric::Classification - classes of metrics

=head1 DESCRIPTION

Internal, a part of L<AI::MXNet::Metric>: the classes are interface, and documented there; this file may change.

=head1 SEE ALSO

L<AI::MXNet::Metric>

=cut
