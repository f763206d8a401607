# Arrays to the engine and back, by size: in frames, and through shared memory. Times in µs, of the fastest of many.
# Each way has a process of its own, as the size from which memory is shared is read when the module loads.
use strict; use warnings;
use Time::HiRes qw(time);

my @sizes = map { 1 << $_ } 6 .. 20, 22, 24;    # numbers of float32
my %ways = (frame => 1e18, shared => 4);

if (my $way = $ENV{TRANSFER_WAY}) {
    require AI::MXNet; AI::MXNet->import('mx', 'nd');
    require PDL;
    for my $n (@sizes) {
        my $p = PDL->sequence(PDL::float(), $n);
        my ($up, $down, $converted) = (1e9) x 3;
        my $d = $p->double;
        my $rounds = $n < 1 << 18 ? 300 : 40;
        for (1 .. $rounds) {
            my $t = time; my $x = nd->array($p); $x->wait_to_read; $t = time - $t; $up = $t if $t < $up;
            $t = time; my $q = $x->aspdl; $t = time - $t; $down = $t if $t < $down;
            $t = time; $x = nd->array($d, dtype => 'float32'); $x->wait_to_read; $t = time - $t; $converted = $t if $t < $converted;
            $q->at($n - 1) == $p->at($n - 1) or die "mismatch";
        }
        printf "%d %.1f %.1f %.1f\n", $n, map { $_ * 1e6 } $up, $converted, $down;
    }
    exit;
}

my %figures;
for my $way (sort keys %ways) {
    local @ENV{qw(TRANSFER_WAY AI_MXNET_SHARE_BYTES)} = ($way, $ways{$way});
    open my $out, '-|', $^X, (map {"-I$_"} grep { !ref } @INC), $0 or die $!;
    while (my ($n, @times) = split ' ', readline($out) // '') { $figures{$n}{$way} = \@times }
}
printf "%10s %26s %26s\n", '', 'frame: up, double up, down', 'shared memory';
for my $n (@sizes) {
    printf "%8d B %8.0f %8.0f %8.0f %8.0f %8.0f %8.0f\n", 4 * $n, @{ $figures{$n}{frame} }, @{ $figures{$n}{shared} };
}
