package AI::MXNet::Engine::Stream;
# Frames to and from the engine. protocol/PROTOCOL.md is the contract.
#
# Neither side ever blocks in a write: while the socket takes no more, what arrives is read.
# A handler of a signal may come between any two statements, and it may die or use the engine. So one statement both
# takes items from their list and queues them, and one both writes bytes and takes them from the queue.
use strict;
use warnings;
use Data::MessagePack;
use Errno qw(EAGAIN EINTR EWOULDBLOCK);
use Socket ();
use AI::MXNet::Engine::Messages qw(is_message);
use AI::MXNet::Error;

use constant {
    MAX_BODY    => 1 << 26,
    MAX_PAYLOAD => 1 << 30,
    MAX_VALUES  => 1 << 20,    # in one message
    MAX_ITEMS   => 1 << 12,    # in one frame of ours
    READ_SIZE   => 1 << 20,
    FILL_SIZE   => 1 << 26,    # after so many bytes somebody should look at them
    NO_SIGNAL   => eval { Socket::MSG_NOSIGNAL() } // 0,
};

my $codec = Data::MessagePack->new;

sub new
{
    my ($class, $socket) = @_;
    my $bits = '';
    vec($bits, fileno $socket, 1) = 1;
    return bless { socket => $socket, bits => $bits, in => '', out => '' }, $class;
}

# Moves the items to the queue as a frame, or as several if they are very many. A payload is a reference to its bytes.
sub queue
{
    my ($self, $items, $payload) = @_;
    my ($body, $nothing) = ('', '');
    $payload //= \$nothing;
    $self->check_size(0, length $$payload);
    do {
        $self->{out} .= pack('VV', length($body = $codec->pack([splice @$items, 0, MAX_ITEMS])), length $$payload) . $body . $$payload;
        if (length $body > MAX_BODY) {
            substr $self->{out}, -(8 + length($body) + length $$payload), length $self->{out}, '';
            $self->check_size(length $body, length $$payload);
        }
    } while (@$items);
    return;
}

# Dies if a frame would be too large.
sub check_size
{
    my ($self, $body, $payload) = @_;
    AI::MXNet::Error::fail("a frame of $body + $payload bytes exceeds the limit of ", MAX_BODY, ' + ', MAX_PAYLOAD)
        if $body > MAX_BODY or $payload > MAX_PAYLOAD;
    return;
}

# Writes what the socket takes at once. True if nothing is left.
sub write
{
    my ($self) = @_;
    no warnings 'uninitialized';    # a write that failed has written undef
    local $SIG{PIPE} = 'IGNORE' if not NO_SIGNAL;
    while (length $self->{out}) {
        my $written;
        substr $self->{out}, 0, ($written = send $self->{socket}, $self->{out}, NO_SIGNAL), '';
        return 0 if not defined $written and $! != EINTR;
    }
    return 1;
}

# Writes all that is queued, and reads meanwhile. False if the engine is gone.
sub flush
{
    my ($self) = @_;
    until ($self->write) {
        select my $r = $self->{bits}, my $w = $self->{bits}, undef, undef;
        return 0 unless defined $self->fill;
    }
    return 1;
}

# Reads what has arrived. The number of bytes, or undef at the end of the stream.
sub fill
{
    my ($self) = @_;
    my $total = 0;
    while ($total < FILL_SIZE) {
        my $read = sysread $self->{socket}, $self->{in}, READ_SIZE, length $self->{in};
        if (not defined $read) {
            next if $! == EINTR;
            last if $! == EAGAIN or $! == EWOULDBLOCK;
        }
        return $total || undef if not $read;
        $total += $read;
        last if $read < READ_SIZE;
    }
    return $total;
}

# True if a whole message may have arrived.
sub has_frame { length $_[0]{in} >= 8 }

# The next message that has arrived as (message, reference to its payload), or nothing. Dies if it is none of the
# protocol's.
sub next_message
{
    my ($self) = @_;
    return if length $self->{in} < 8;
    my ($body_size, $payload_size) = unpack 'VV', $self->{in};
    _broken("a frame announces $body_size + $payload_size bytes; at most " . MAX_BODY . ' + ' . MAX_PAYLOAD . ' are accepted')
        if $body_size > MAX_BODY or $payload_size > MAX_PAYLOAD;
    my $whole = 8 + $body_size + $payload_size;
    return if length $self->{in} < $whole;
    my $message = _checked(decode(substr $self->{in}, 8, $body_size));
    my $payload = substr $self->{in}, 8 + $body_size, $payload_size;
    substr $self->{in}, 0, $whole, '';
    return ($message, \$payload);
}

# Waits until something arrives. False if the engine is gone.
sub wait_readable
{
    my ($self) = @_;
    my $got = $self->fill;
    return defined $got if not defined $got or $got;
    my $n = select my $r = $self->{bits}, undef, undef, undef;
    return 1 if $n < 0;    # a signal: its handler has run
    return defined $self->fill;
}

# By first byte: how many bytes follow in a value of fixed size, and how many hold the size of another text.
my (@FOLLOW, @SIZE);
@FOLLOW[0x00 .. 0x7f, 0xe0 .. 0xff, 0xc0] = (0) x 161;
@FOLLOW[0xa0 .. 0xbf] = (0 .. 31);
@FOLLOW[0xca, 0xcb, 0xcc .. 0xcf, 0xd0 .. 0xd3] = (4, 8, (1, 2, 4, 8) x 2);
@SIZE[0xc4 .. 0xc6, 0xd9 .. 0xdb] = (1, 2, 4) x 2;
my @FORMAT = (undef, 'C', 'n', undef, 'N');

# The message in a msgpack body: a flat list of numbers, texts (as characters where they came as str, else as bytes) and
# undef. All headers are checked first, as the codec allocates whatever one claims.
sub decode
{
    my ($body) = @_;
    my $size = length $body;
    my $byte = $size ? ord $body : 0;
    my ($count, $at)
        = ($byte & 0xf0) == 0x90 ? ($byte & 0x0f, 1)
        : $byte == 0xdc && $size >= 3 ? (unpack('xn', $body), 3)
        : $byte == 0xdd && $size >= 5 ? (unpack('xN', $body), 5)
        :                               _broken('a message is a list');
    _broken("a list claims $count values in a body of $size bytes") if $count > $size - $at;
    _broken('a message has more than ' . MAX_VALUES . ' values') if $count > MAX_VALUES;
    for (1 .. $count) {
        _broken('a body ends inside a value') if $at >= $size;
        $byte = vec $body, $at++, 8;
        if (defined(my $follow = $FOLLOW[$byte])) { $at += $follow; next }
        my $width = $SIZE[$byte] // _broken(sprintf 'byte 0x%02x begins no value of a message', $byte);
        _broken('a body ends inside a value') if $at + $width > $size;
        $at += $width + unpack $FORMAT[$width], substr $body, $at, $width;
    }
    _broken("a value of $at bytes stands in a body of $size") if $at != $size;
    return $codec->unpack($body);
}

sub _checked
{
    my ($message) = @_;
    return $message if is_message($message);
    _broken('it sent an unknown message (' . AI::MXNet::Engine::Messages::shown(@$message) . ')');
}

sub _broken { AI::MXNet::Error->throw(kind => 'protocol', message => "The engine broke the protocol: $_[0]") }

1;

__END__

=head1 NAME

AI::MXNet::Engine::Stream - frames to and from the engine

=head1 DESCRIPTION

Internal, and no part of the interface: it may change with any release. Writes and reads frames on the socket without
ever blocking in a write, and checks what arrives before it is decoded.

=head1 SEE ALSO

L<AI::MXNet::Engine>; F<protocol/PROTOCOL.md>

=cut
