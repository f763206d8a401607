#!/usr/bin/env perl
# Arrays in ten steps: making them, looking at them, computing with them, and going to PDL and back.
use strict;
use warnings;
use PDL;
use AI::MXNet qw(mx nd);

print "1. From lists, from piddles, from nothing\n";
my $x = nd->array([[1, 2, 3], [4, 5, 6]]);
my $y = nd->array(sequence(3, 2));
my $z = nd->zeros([2, 3]);
print "$_\n" for $x, $y, $z;

print "2. Shape, size, dtype, context\n";
printf "%s, %d elements, %s, %s\n", join(' x ', @{ $x->shape }), $x->size, $x->dtype, $x->context;

print "3. Arithmetic, element by element; numbers and rows are repeated\n";
print +($x + $y)->aspdl, ($x * 10)->aspdl, ($x - nd->array([1, 2, 3]))->aspdl;

print "4. Comparisons give 0 and 1; an array of one element is true or false\n";
print +($x > 3)->aspdl;
print "the sum is ", ($x->sum > 20 ? 'more' : 'less'), " than 20\n";

print "5. Functions and reductions\n";
print $x->sqrt->aspdl, 'rows ', $x->sum(axis => 1)->aspdl, ' columns ', nd->mean($x, axis => 0)->aspdl, "\n";

print "6. Products of matrices\n";
print nd->dot($x, $y->T)->aspdl;

print "7. Parts: 'X' is all of a dimension, a range is inclusive; rows are views\n";
print $x->slice('X', [0, 1])->aspdl;
$x->at(0) .= 7;
$x->slice(1, 2) .= -1;
print $x->aspdl;

print "8. Other shapes of the same memory\n";
print $x->reshape([3, -1])->aspdl, $x->expand_dims(axis => 0), "\n";

print "9. Dtypes\n";
print nd->array([1.7, -1.7])->astype('int32')->aspdl, "\n";

print "10. A piddle is a piddle: a copy, with all that PDL can do\n";
my $piddle = $x->aspdl;
$piddle->inplace->abs;
print $piddle->sumover, ' ', nd->array($piddle)->max->asscalar, "\n";
