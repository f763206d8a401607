# What the bridge costs: CPU time of both processes for calls of several kinds, and of Perl for the parts of one.
# Figures are the least of many short rounds in µs a call: what else the machine does only adds.
use strict; use warnings;
use Time::HiRes qw(clock_gettime CLOCK_PROCESS_CPUTIME_ID time);
use AI::MXNet qw(mx nd autograd);

use constant { CALLS => 448, ROUNDS => 200 };    # seven frames of 64

sub cpu { clock_gettime(CLOCK_PROCESS_CPUTIME_ID) }
my $pid = mx->engine->pid;
sub engine_cpu { open my $file, '<', "/proc/$pid/schedstat" or die $!; (split ' ', readline $file)[0] / 1e9 }

# The least CPU time of Perl, and of the engine, that a call takes. What is prepared is not measured.
sub measure {
    my ($name, $code, $prepare) = @_;
    my ($perl, $engine, $wall) = (1e9) x 3;
    for (1 .. ROUNDS) {
        my $given = $prepare ? $prepare->() : undef;
        nd->waitall;
        my ($p, $e, $w) = (cpu(), engine_cpu(), time);
        $code->($given);
        my $issued = cpu() - $p;
        nd->waitall;
        my ($computed, $done) = (engine_cpu() - $e, time - $w);
        $perl = $issued if $issued < $perl;
        $engine = $computed if $computed < $engine;
        $wall = $done if $done < $wall;
    }
    printf "%-44s %7.2f %7.2f %7.2f\n", $name, map { $_ * 1e6 / CALLS } $perl, $engine, $wall;
    return $perl * 1e6 / CALLS;
}

my $x = nd->array([[1, 2], [3, 4]]);
my $z = nd->ones([2, 2]);
my $v = nd->ones([2, 2]); $v->attach_grad;
my $record = sub { my ($code) = @_; return sub { autograd->record($code) } };

printf "%-44s %7s %7s %7s\n", 'a call of', 'Perl', 'engine', 'both';
measure('$x * 2', sub { for (1 .. CALLS) { my $y = $x * 2 } });
measure('$x + $z', sub { for (1 .. CALLS) { my $y = $x + $z } });
measure('$x->relu', sub { for (1 .. CALLS) { my $y = $x->relu } });
measure('$x->sum(axis => 1)', sub { for (1 .. CALLS) { my $y = $x->sum(axis => 1) } });
measure('nd->FullyConnected($x, $z, num_hidden => 2, no_bias => 1)', sub { for (1 .. CALLS) { my $y = nd->FullyConnected($x, $z, num_hidden => 2, no_bias => 1) } });
measure('$x += 1', sub { for (1 .. CALLS) { $x += 1 } });
measure('$x * 2, recorded', $record->(sub { for (1 .. CALLS) { my $y = $v * 2 } }));
measure('a chain of them, and backward', sub { my $y = $v; autograd->record(sub { $y = $y * 1.0001 for 1 .. CALLS }); $y->backward });
measure('$x->asscalar', sub { for (1 .. CALLS) { $z->asscalar if 0; $z->wait_to_read } });

# The parts of $x * 2 in Perl, each as the difference that it makes.
{
    package Plain;
    use overload '*' => sub { $_[0] }, fallback => 1;
    package Object;
    our @FREE = 1 .. 1000;
    sub DESTROY { push @FREE, $_[0]{handle} }
}
my $plain = bless {}, 'Plain';
my $codec = Data::MessagePack->new;
sub least {
    my ($code, $count) = @_;
    my $least = 1e9;
    for (1 .. ROUNDS) { my $t = cpu(); $code->(); $t = cpu() - $t; $least = $t if $t < $least }
    return $least * 1e6 / $count;
}
my $empty = least(sub { for (1 .. CALLS) { my $y = $x } }, CALLS);
my $called = least(sub { for (1 .. CALLS) { my $y = $plain * 2 } }, CALLS) - $empty;
my $made = least(sub { for (1 .. CALLS) { my $y = bless { handle => pop @Object::FREE, type => $x->{type}, rec => 0 }, 'Object' } }, CALLS) - $empty;
my @stream;
my $listed = least(sub { @stream = (); for (1 .. CALLS) { push @stream, [17, [2], 5, 1] } }, CALLS) - $empty;
my @items = map { ([17, [2], $_, 1], $_) } 1 .. 32;
my $packed = least(sub { $codec->pack(\@items) for 1 .. 7 }, 7 * 32);
my $own = least(sub { for (1 .. 30) { my $y = $x * 2 } }, 30);    # fewer than a frame: nothing is sent
nd->waitall;
print "\nof Perl's part of \$x * 2:\n";
printf "%-44s %7.2f\n", @$_ for ['the overloaded operator is called', $called], ['the array is made, and freed by DESTROY', $made],
    ['the instruction is made and queued', $listed], ['it and the free are packed', $packed], ['all, without packing and sending', $own];
