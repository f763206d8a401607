# An engine that greets its client, and answers the first `read` with the bytes it was told:
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

sysread STDIN, my $said, 1 << 20;
syswrite STDOUT, frame(1, 'ok', $$, '0', 'another boot', '0', $0, '.');
until ($said =~ /read/) { sysread STDIN, $said, 1 << 20, length $said or exit }
syswrite STDOUT, pack 'H*', $hex;
exit if $then eq 'close';
1 while sysread STDIN, $said, 1 << 20;
