#!/usr/bin/env perl
# Logistic regression by Newton's method: which biopsies are malignant.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/lib";
use AI::MXNet qw(mx nd autograd :numpy);
use Evaluation;

mx->random->seed(1);
my $biopsies = nd->read_csv("$Bin/data/breast_cancer.csv.gz", words => { diagnosis => ['benign', 'malignant'] }, label => 'diagnosis', dtype => 'float64');
my ($x, $y) = ($biopsies->data, $biopsies->label);
printf "%d biopsies, %d malignant, %d figures of each\n", $biopsies->len, $y->sum->asscalar, scalar @{ $biopsies->names };

# A column of ones before the others, for the offset.
sub with_offset { my ($x) = @_; return nd->concat(nd->ones([$x->len, 1], dtype => 'float64'), $x, dim => 1) }

# The negative logarithms of the probabilities of the truth, where sigmoid($scores) is that of malignant.
sub losses { my ($scores, $y) = @_; return nd->Activation($scores, act_type => 'softrelu') - $y * $scores }

# The sum of the losses, and half the squared weights so that they stay small; the offset (the first) may be large.
sub objective { my ($x, $y, $weights) = @_; return losses(nd->dot($x, $weights), $y)->sum + $weights->slice([1, undef])->square->sum / 2 }

sub fit
{
    my ($x, $y) = @_;
    $x = with_offset($x);
    my $weights = nd->zeros([$x->shape->[1]], dtype => 'float64');
    $weights->attach_grad;
    my $penalty = nd->eye($x->shape->[1], dtype => 'float64');
    $penalty->slice(0, 0) .= 0;
    for my $step (1 .. 50) {
        my $objective;
        autograd->record(sub { $objective = objective($x, $y, $weights) });
        $objective->backward;
        my $p = nd->dot($x, $weights)->sigmoid;
        my $curvature = nd->dot($x * ($p * (1 - $p))->expand_dims(1), $x, transpose_a => 1) + $penalty;
        my $change = nd->solve($curvature, $weights->grad);
        $weights -= $change;
        return ($weights, $step) if $change->abs->max->asscalar < 1e-9;
    }
    die "no minimum was found\n";
}

sub scores { my ($weights, $x) = @_; return nd->dot(with_offset($x), $weights) }

my $scale = Evaluation::standard_scaler($x);
my ($weights, $steps) = fit($scale->($x), $y);
my $scores = scores($weights, $scale->($x));
printf "all rows: %d steps, loss %.6f, accuracy %.4f, offset %.4f\n", $steps, losses($scores, $y)->mean->asscalar,
    Evaluation::accuracy($scores > 0, $y), $weights->slice(0)->asscalar;
my $strongest = $weights->slice([1, undef])->abs->argmax(axis => 0)->asscalar;
printf "the largest weight is %.4f, of %s\n", $weights->slice($strongest + 1)->asscalar, $biopsies->names->[$strongest];

my (@accuracies, @areas);
Evaluation::cross_validate($x, $y, 5, sub {
    my ($train_x, $train_y, $test_x, $test_y) = @_;
    my $scale = Evaluation::standard_scaler($train_x);
    my ($weights) = fit($scale->($train_x), $train_y);
    my $scores = scores($weights, $scale->($test_x));
    push @accuracies, Evaluation::accuracy($scores > 0, $test_y);
    push @areas, (Evaluation::roc_curve($scores, $test_y))[2];
});
printf "5 folds: accuracy %.3f, area below the ROC curve %.3f\n", map { nd->array($_)->mean->asscalar } \@accuracies, \@areas;
