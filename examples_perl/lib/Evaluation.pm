package Evaluation;
# Scaling, folds and comparisons for classifiers and clusters, with arrays alone.
use strict;
use warnings;
use AI::MXNet qw(mx nd :numpy);

# The code that brings each column of an array to mean 0 and deviation 1, or to 0 .. 1, as the columns of $x would be.
sub standard_scaler { my ($x) = @_; my ($mean, $deviation) = ($x->mean(axis => 0), $x->std(axis => 0)); return sub { ($_[0] - $mean) / $deviation } }

sub min_max_scaler { my ($x) = @_; my ($low, $high) = ($x->min(axis => 0), $x->max(axis => 0)); return sub { ($_[0] - $low) / ($high - $low) } }

# For each row the number of its fold, such that the folds have as many rows of each class, as far as they can.
sub stratified_folds
{
    my ($y, $count) = @_;
    my $shuffled = nd->random_choice($y->len, size => $y->len, replace => 0);
    my $by_class = $shuffled->take($y->take($shuffled)->argsort(dtype => 'int32'));
    my $folds = nd->zeros([$y->len]);
    $folds->slice($by_class) .= nd->arange($y->len) % $count;
    return $folds;
}

# The scores of $score->($train_x, $train_y, $test_x, $test_y) with each of $count folds as the test.
sub cross_validate
{
    my ($x, $y, $count, $score) = @_;
    my $folds = stratified_folds($y, $count);
    return map {
        my ($test, $train) = ($folds == $_, $folds != $_);
        $score->((map { ($x->slice($_)->sever, $y->slice($_)->sever) } $train, $test));
    } 0 .. $count - 1;
}

sub accuracy { my ($predicted, $y) = @_; return ($predicted == $y)->mean->asscalar }

# How many rows of each class (row) are in each cluster (column).
sub contingency
{
    my ($classes, $clusters) = @_;
    my ($rows, $columns) = map { $_->one_hot($_->max->asscalar + 1) } $classes, $clusters;
    return nd->dot($rows, $columns, transpose_a => 1);
}

# Of pairs of rows, how many more are together in both or apart in both than chance would have it: 1 where classes and
# clusters are the same (L. Hubert and P. Arabie, 1985).
sub adjusted_rand_index
{
    my $table = contingency(@_);
    my $pairs = sub { my ($counts) = @_; return ($counts * ($counts - 1) / 2)->sum };
    my ($both, $rows, $columns) = ($pairs->($table), $pairs->($table->sum(axis => 1)), $pairs->($table->sum(axis => 0)));
    my $chance = $rows * $columns / $pairs->($table->sum);
    return (($both - $chance) / (($rows + $columns) / 2 - $chance))->asscalar;
}

# False and true positive rate for each threshold between two scores, from none to all called positive, and the area below
# the curve. $y is 1 or 0.
sub roc_curve
{
    my ($scores, $y) = @_;
    my $order = (-$scores)->argsort(dtype => 'int32');
    my ($sorted, $is_positive) = ($scores->take($order), $y->take($order));
    # rows of one score cannot be told apart
    my $last = nd->concat($sorted->slice([1, undef]) != $sorted->slice([undef, -1]), nd->ones([1], dtype => $y->dtype), dim => 0);
    my $start = nd->zeros([1], dtype => $y->dtype);
    my ($false, $true) = map { my $sum = $_->cumsum->slice($last); nd->concat($start, $sum / $sum->slice(-1), dim => 0) } 1 - $is_positive, $is_positive;
    my $widths = $false->slice([1, undef]) - $false->slice([undef, -1]);
    my $area = ($widths * ($true->slice([1, undef]) + $true->slice([undef, -1])) / 2)->sum->asscalar;
    return ($false, $true, $area);
}

1;
