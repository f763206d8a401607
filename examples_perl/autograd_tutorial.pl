#!/usr/bin/env perl
# The autograd page of a course "MXNet in Perl", in two halves.
use strict;
use warnings;
use PDL;
use PDL::LinearAlgebra;
use AI::MXNet qw(mx);

# A gradient of a function of a matrix: y = 2x², so dy/dx = 4x.
my $xx = nd->array([[1, 2], [3, 4]]);
print $xx->aspdl;
$xx->attach_grad;
my $yy;
mx->autograd->record(sub { $yy = 2 * $xx * $xx; });
$yy->backward;
print $xx->grad->aspdl;

# A gradient through Perl's own control flow: a loop that ends when a norm is reached, then a choice.
sub ff
{
    my ($aa) = @_;
    my $bb = $aa * 2;
    while (PDL::sclr(PDL::LinearAlgebra::mnorm($bb->aspdl)) < 1000) {
        $bb = $bb * 2;
    }
    my $cc;
    if ($bb->sum >= 0) {
        $cc = $bb->slice('0');
    }
    else {
        $cc = $bb->slice('1');
    }
    return nd->array($cc);
}

mx->random->seed(7);
my $aa = nd->random->uniform(shape => 2);
$aa->attach_grad;
my $cc;
mx->autograd->record(sub { $cc = ff($aa); });
$cc->backward;
print 'gradient ', $aa->grad->aspdl, "\n";
print 'c / a    ', ($cc / $aa)->aspdl, "\n";
