#!/usr/bin/env perl
# ROC curves: how well each single figure of a biopsy tells whether it is malignant.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/lib";
use AI::MXNet qw(mx nd :numpy);
use AI::MXNet::Chart;
use Evaluation;

my $biopsies = nd->read_csv("$Bin/data/breast_cancer.csv.gz", words => { diagnosis => ['benign', 'malignant'] }, label => 'diagnosis');
my $y = $biopsies->label;

my %curves = map { $_ => [Evaluation::roc_curve($biopsies->column($_), $y)] } @{ $biopsies->names };
my @by_area = sort { $curves{$b}[2] <=> $curves{$a}[2] } keys %curves;
printf "%-24s area %.4f\n", $_, $curves{$_}[2] for @by_area[0 .. 4], 'mean_radius', $by_area[-1];

# the share of malignant biopsies that is found when a tenth of the benign ones may be called malignant
my ($false, $true) = @{ $curves{ $by_area[0] } };
printf "%s finds %.1f %% at 10 %% false alarms\n", $by_area[0], 100 * $true->slice($false <= 0.1)->max->asscalar;

my $metric = mx->metric->AUC;
my $largest = $biopsies->column($by_area[0])->max;
$metric->update([$y], [$biopsies->column($by_area[0]) / $largest]);
printf "mx->metric->AUC says %.4f\n", ($metric->get)[1];

my $folder = "$Bin/../demo_output";
mkdir($folder) || die "$folder: $!\n" unless -d $folder;
my $rates = nd->arange(101) / 100;
sub found { my ($false, $true) = @_; return [($true * ($false <= $rates->expand_dims(1)))->max(axis => 1)->tolist] }
AI::MXNet::Chart->write("$folder/roc.svg",
    title => 'Malignant biopsies found',
    x     => 'percent of the benign ones called malignant',
    lines => [map { [$_ => found(@{ $curves{$_} })] } @by_area[0, 9, -1]],
);
print "curves: demo_output/roc.svg\n";
