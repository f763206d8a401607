# COUNT temporaries, made and dropped: the handle tables and the memory of both processes stay as they are.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/lib";
use Trial;
BEGIN { Trial::use_window() }
use AI::MXNet qw(mx nd);

use constant KEPT => 300;    # arrays that live for a while, so that handles come back in any order

my $x = nd->array([[1, 2], [3, 4]]);
my $none = nd->array([9]);
my @kept;
my $asked = nd->take($x, nd->array([1]), mode => 'raise');    # the shape is known from now on

# Makes 15 arrays, two of which the engine fails to compute; dies unless the last has its value.
sub make_some
{
    my $y = ($x + 1) * 2 - $x;                                    # [[3, 4], [5, 6]]
    my $z = $y->reshape([4])->slice([1, 2]);                      # [4, 5]
    my ($left, $right) = @{ nd->split($y, num_outputs => 2) };    # [[3], [5]] and [[4], [6]]
    my $failed = nd->take($x, $none, mode => 'raise') + 1;
    my $some = nd->contrib->boolean_mask($y, nd->array([1, 0]));    # the engine names it: [[3, 4]]
    my $sum = $z->sum + nd->dot($left, $right, transpose_a => 1)->sum;    # 9 + 42
    die "shapes that do not fit were added\n" if eval { my $wrong = $y + nd->ones([3]); 1 };
    $kept[rand KEPT] = $_ for $y, $z, $left, $failed, $some;
    return $sum;
}
use constant MADE => 18;

sub make
{
    my ($count) = @_;
    for (my $made = 0; $made < $count; $made += MADE) {
        my $sum = make_some();
        next if $made % (100 * MADE);
        $sum->asscalar == 51 or die "a wrong value\n";
        mx->engine->failures;
        progress($made);
    }
    @kept = ();
    mx->engine->failures;
    return;
}

srand 1;
make(20_000);
my $before = figures();
make($COUNT);
stay($before, figures());
verdict();
