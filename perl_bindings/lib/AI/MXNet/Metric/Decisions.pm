package AI::MXNet::Metric::Decisions;
# What a classifier mistakes for what, and how well its scores rank. Documented in AI::MXNet::Metric.
use strict;
use warnings;

package AI::MXNet::ConfusionMatrix;
use AI::MXNet::Mouse;
use PDL::Primitive ();

extends 'AI::MXNet::EvalMetric';

has '+name'     => (default => 'confusion');
has num_classes => (is => 'ro', isa => 'Maybe[Int]');
has axis        => (is => 'rw', isa => 'Int', default => 1);
has _counts     => (is => 'rw', init_arg => undef);

sub python_constructor_arguments { return ['num_classes'] }

sub reset { my ($self) = @_; $self->SUPER::reset; $self->_counts(undef); return }

sub update
{
    my ($self, $labels, $preds) = @_;
    for my $pair (AI::MXNet::Metric::_pairs($labels, $preds)) {
        my ($label, $pred) = @$pair;
        my ($expected, $got) = map { AI::MXNet::Metric::_flat($_)->rint } $label, AI::MXNet::Metric::Classification::_classes($label, $pred, $self->axis);
        AI::MXNet::Metric::check_label_shapes($expected, $got);
        my $both = $expected->append($got);
        AI::MXNet::Error::fail('ConfusionMatrix takes classes from 0 on, but got ', $both->min) if $both->min < 0;
        my $classes = $self->num_classes // 1 + $both->max;
        AI::MXNet::Error::fail("ConfusionMatrix of $classes classes got class ", $both->max) if $both->max >= $classes;
        my $counts = $self->_grown($classes);
        my $size = $counts->dim(0);
        # a cell for each pair of classes, the predicted one being the faster dimension
        PDL::Primitive::indadd($expected->ones, ($expected * $size + $got)->indx, $counts->flat);
        $self->_add(($expected == $got)->sum, $expected->nelem, 0);
    }
    return;
}

# The counts, for at least so many classes.
sub _grown
{
    my ($self, $classes) = @_;
    my $old = $self->_counts;
    return $old if defined $old and $old->dim(0) >= $classes;
    my $new = PDL->zeroes(PDL::double(), $classes, $classes);
    if (defined $old) { my $last = $old->dim(0) - 1; $new->slice("0:$last,0:$last") .= $old }
    $self->_counts($new);
    return $new;
}

sub matrix
{
    my ($self) = @_;
    return ($self->_counts // PDL->zeroes(PDL::double(), ($self->num_classes // 0) x 2))->longlong;
}

# A count of each class over another, 0 where there is none.
sub _share { my ($part, $all) = @_; return $part / $all->lclip(1) }

sub _diagonal { my ($self) = @_; return $self->matrix->double->diagonal(0, 1)->copy }

sub precision { my ($self) = @_; return _share($self->_diagonal, $self->matrix->double->xchg(0, 1)->sumover) }
sub recall    { my ($self) = @_; return _share($self->_diagonal, $self->matrix->double->sumover) }
sub fscore    { my ($self) = @_; my ($p, $r) = ($self->precision, $self->recall); return 2 * $p * $r / ($p + $r)->lclip(1e-300) }

__PACKAGE__->meta->make_immutable;
AI::MXNet::Metric->register(__PACKAGE__, 'confusion');

package AI::MXNet::AUC;
use AI::MXNet::Mouse;
use PDL::Ufunc ();

extends 'AI::MXNet::EvalMetric';

has '+name'           => (default => 'auc');
has [qw(_labels _scores)] => (is => 'rw', init_arg => undef, default => sub { [] });

sub python_constructor_arguments { return ['name'] }

sub reset { my ($self) = @_; $self->SUPER::reset; $self->_labels([]); $self->_scores([]); return }

sub update
{
    my ($self, $labels, $preds) = @_;
    for my $pair (AI::MXNet::Metric::_pairs($labels, $preds)) {
        my ($label, $pred) = @$pair;
        my $score = AI::MXNet::Metric::_flat($pred->ndim == 2 && $pred->shape->[1] == 2 ? $pred->slice_axis(axis => 1, begin => 1, end => 2) : $pred);
        my $expected = AI::MXNet::Metric::_flat($label);
        AI::MXNet::Metric::check_label_shapes($expected, $score);
        AI::MXNet::Error::fail('AUC takes labels 0 and 1') if (($expected != 0) & ($expected != 1))->any;
        AI::MXNet::Error::fail('AUC: a score is not a number') if ($score != $score)->any;
        push @{ $self->_labels }, $expected;
        push @{ $self->_scores }, $score;
    }
    return;
}

# The rates of false and true positives of each threshold, from none to all.
sub roc
{
    my ($self) = @_;
    my ($labels, $scores) = map { @$_ ? PDL::glue(0, @$_) : PDL->zeroes(0) } $self->_labels, $self->_scores;
    my ($positives, $negatives) = map { $_->nelem ? $_->sum : 0 } $labels, 1 - $labels;
    return unless $positives and $negatives;
    my $order = $scores->qsorti->slice('-1:0');
    ($labels, $scores) = map { $_->index($order)->sever } $labels, $scores;
    # equal scores share a threshold: what counts is the state after the last of them
    my $last = PDL->ones($scores->nelem);
    $last->slice('0:-2') .= $scores->slice('1:-1') != $scores->slice('0:-2') if $scores->nelem > 1;
    my $ends = $last->which;
    my $zero = PDL->zeroes(1);
    return (
        $zero->append((1 - $labels)->cumusumover->index($ends) / $negatives),
        $zero->append($labels->cumusumover->index($ends) / $positives),
        (9**9**9 * PDL->ones(1))->append($scores->index($ends)));
}

sub get
{
    my ($self) = @_;
    my ($false, $true) = $self->roc;
    return ($self->name, 'nan') unless defined $false;
    my ($widths, $heights) = ($false->slice('1:-1') - $false->slice('0:-2'), $true->slice('1:-1') + $true->slice('0:-2'));
    return ($self->name, ($widths * $heights)->sum / 2);
}

__PACKAGE__->meta->make_immutable;
AI::MXNet::Metric->register(__PACKAGE__, 'roc_auc');

1;

__END__

=head1 NAME

AI::MXNet::Metric::Decisions - classes of metrics

=head1 DESCRIPTION

Internal, a part of L<AI::MXNet::Metric>: the classes are interface, and documented there; this file may change.

=head1 SEE ALSO

L<AI::MXNet::Metric>

=cut
