# COUNT temporaries, made and dropped: the handle tables and the memory of both processes stay as they are.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/lib";
use Trial;
BEGIN { Trial::use_window() }
use AI::MXNet qw(mx nd);

use constant KEPT => 300;    # what lives for a while, so that handles come back in any order

my $x = nd->array([[1, 2], [3, 4]]);
my $none = nd->array([9]);
my @kept;
my $asked = nd->take($x, nd->array([1]), mode => 'raise');    # the shape is known from now on

# Makes ten temporaries, of which the last is 51.
sub make_ten
{
    my $y = ($x + 1) * 2 - $x;                                    # [[3, 4], [5, 6]]
    my $z = $y->reshape([4])->slice([1, 2]);                      # [4, 5]
    my ($left, $right) = @{ nd->split($y, num_outputs => 2) };    # [[3], [5]] and [[4], [6]]
    my $sum = $z->sum + nd->dot($left, $right, transpose_a => 1) + 0;
    $kept[rand KEPT] = $_ for $y, $z, $left, $sum;
    return $sum;
}

# Makes another ten, which need more time: the engine names one, two cannot be computed and one has a shape that was
# never there; the others are symbols.
my @new = (0, 1);

sub make_rare_ones
{
    my $failed = nd->take($x, $none, mode => 'raise') + 1;
    my $some = nd->contrib->boolean_mask($x, nd->array([1, 0]));
    die "shapes that do not fit were added\n" if eval { my $wrong = $x + nd->ones([3]); 1 };
    my $symbol = mx->sym->var('x') * 2 + 1;
    $kept[rand KEPT] = $_ for $failed, $some, $symbol;
    @new = $new[0] < 1000 ? ($new[0] + 1, $new[1]) : (1, $new[1] + 1);
    my $zeros = nd->zeros([@new]);
    mx->engine->failures;
    return;
}

sub make
{
    my ($count) = @_;
    for (my $made = 0; $made < $count;) {
        make_ten() for 1 .. 18;
        my $sum = make_ten();
        make_rare_ones();
        $made += 200;
        $sum->asscalar == 51 or die "a wrong value\n";
        progress($made) if $made % 2000 == 0;
    }
    @kept = ();
    return;
}

srand 1;
nd->zeros([1 + $_ % 100, 1 + int $_ / 100, 1]) for 1 .. 10_000;    # as many shapes as are remembered
make(5_000);
my $before = figures();
make($COUNT);
stay($before, figures());
verdict();
