# An engine that greets its client, and answers whatever comes next with the bytes it was told:
#
#     fake_engine.pl HEX [close|stay]
#
# Then it hangs up, or stays until the client does.
use strict;
use warnings;
use Data::MessagePack;

my ($hex, $then) = @ARGV;
binmode $_ for *STDIN, *STDOUT;

sub frame { my $body = Data::MessagePack->new->pack([@_]); return pack('VV', length $body, 0) . $body }

sysread STDIN, my $greeting, 1 << 20;
syswrite STDOUT, frame(1, 'ok', $$, '0', 'another boot', '0', $0, '.');
# large frames of the client are read while ours are written, so that neither waits for the other
my $bytes = pack 'H*', $hex;
my $pid = fork // die "fork: $!";
if (!$pid) {
    while (length $bytes) { substr $bytes, 0, syswrite(STDOUT, $bytes) // last, '' }
    exit;
}
if ($then eq 'close') { waitpid $pid, 0; exit }
1 while sysread STDIN, my $ignored, 1 << 20;
