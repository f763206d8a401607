package AI::MXNet::Engine::Stream;
# Frames to and from the engine. protocol/PROTOCOL.md is the contract.
#
# Neither side ever blocks in a write: while the socket takes no more, what arrives is read.
use strict;
use warnings;
use Data::MessagePack;
use Errno qw(EAGAIN EINTR EWOULDBLOCK);
use AI::MXNet::Error;

use constant {
    MAX_BODY    => 1 << 26,
    MAX_PAYLOAD => 1 << 30,
    MAX_NESTING => 16,
    READ_SIZE   => 1 << 20,
};

my $codec = Data::MessagePack->new;

sub new
{
    my ($class, $socket) = @_;
    my $bits = '';
    vec($bits, fileno $socket, 1) = 1;
    return bless { socket => $socket, bits => $bits, in => '', out => '' }, $class;
}

# Queues a frame; a large payload may be given as a reference to its bytes.
sub queue
{
    my ($self, $items, $payload) = @_;
    my $body = $codec->pack($items);
    my $size = defined $payload ? length $$payload : 0;
    AI::MXNet::Error::fail("a frame of ", length $body, " + $size bytes exceeds the limit of ", MAX_BODY, ' + ', MAX_PAYLOAD)
        if length $body > MAX_BODY or $size > MAX_PAYLOAD;
    $self->{out} .= pack('VV', length $body, $size) . $body;
    $self->{out} .= $$payload if $size;
    return;
}

# Writes all that is queued. False if the engine is gone.
sub flush
{
    my ($self) = @_;
    local $SIG{PIPE} = 'IGNORE';
    my $done = 0;
    my $whole = length $self->{out};
    while ($done < $whole) {
        my $written = syswrite $self->{socket}, $self->{out}, $whole - $done, $done;
        if (defined $written) {
            $done += $written;
            next;
        }
        next if $! == EINTR;
        if ($! != EAGAIN and $! != EWOULDBLOCK) {
            $self->{out} = '';
            return 0;
        }
        # a signal handler that dies here must find the stream in step
        substr $self->{out}, 0, $done, '';
        ($whole, $done) = ($whole - $done, 0);
        select my $r = $self->{bits}, my $w = $self->{bits}, undef, undef;
        return 0 unless defined $self->fill;
    }
    $self->{out} = '';
    return 1;
}

# Reads what has arrived. The number of bytes, or undef at the end of the stream.
sub fill
{
    my ($self) = @_;
    my $total = 0;
    while (1) {
        my $read = sysread $self->{socket}, $self->{in}, READ_SIZE, length $self->{in};
        if (not defined $read) {
            next if $! == EINTR;
            return $total if $! == EAGAIN or $! == EWOULDBLOCK;
            return undef;
        }
        return $total || undef if not $read;
        $total += $read;
        return $total if $read < READ_SIZE;
    }
}

# The next message that has arrived as (message, reference to its payload), or nothing.
sub next_message
{
    my ($self) = @_;
    return if length $self->{in} < 8;
    my ($body_size, $payload_size) = unpack 'VV', $self->{in};
    _broken("a frame announces $body_size + $payload_size bytes; at most " . MAX_BODY . ' + ' . MAX_PAYLOAD . ' are accepted')
        if $body_size > MAX_BODY or $payload_size > MAX_PAYLOAD;
    return if length $self->{in} < 8 + $body_size + $payload_size;
    my $message = decode(substr $self->{in}, 8, $body_size);
    my $payload = substr $self->{in}, 8 + $body_size, $payload_size;
    substr $self->{in}, 0, 8 + $body_size + $payload_size, '';
    _broken('a message is a list') unless ref $message eq 'ARRAY' and @$message;
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

# The value in a msgpack body. Headers are checked first: the codec allocates whatever one claims.
sub decode
{
    my ($body) = @_;
    my $end = _skip($body, 0, 0);
    _broken('a body has ' . (length($body) - $end) . ' bytes too many') if $end != length $body;
    return $codec->unpack($body);
}

my @FIXED = (0) x 256;
@FIXED[0xca, 0xcb] = (4, 8);
@FIXED[0xcc .. 0xcf] = @FIXED[0xd0 .. 0xd3] = (1, 2, 4, 8);

# The offset behind the value at $at; dies if it claims more than there is, nests too deep, or is no value.
sub _skip
{
    my ($body, $at, $depth) = @_;
    my $size = length $body;
    _broken("a body ends inside a value, at byte $at") if $at >= $size;
    my $byte = ord substr $body, $at++, 1;
    return $at if $byte < 0x80 or $byte >= 0xe0 or $byte == 0xc0 or $byte == 0xc2 or $byte == 0xc3;
    my $count;
    if ($byte >= 0xa0 and $byte < 0xc0) { $at += $byte & 0x1f }
    elsif ($FIXED[$byte]) { $at += $FIXED[$byte] }
    elsif ($byte == 0xc4 or $byte == 0xd9) { $at += 1 + (unpack 'x' . $at . 'C', $body . "\0") }
    elsif ($byte == 0xc5 or $byte == 0xda) { $at += 2 + _number($body, $at, 2, 'n') }
    elsif ($byte == 0xc6 or $byte == 0xdb) { $at += 4 + _number($body, $at, 4, 'N') }
    elsif (($byte & 0xf0) == 0x90) { $count = $byte & 0x0f }
    elsif (($byte & 0xf0) == 0x80) { $count = 2 * ($byte & 0x0f) }
    elsif ($byte == 0xdc) { $count = _number($body, $at, 2, 'n'); $at += 2 }
    elsif ($byte == 0xdd) { $count = _number($body, $at, 4, 'N'); $at += 4 }
    elsif ($byte == 0xde) { $count = 2 * _number($body, $at, 2, 'n'); $at += 2 }
    elsif ($byte == 0xdf) { $count = 2 * _number($body, $at, 4, 'N'); $at += 4 }
    else { _broken(sprintf 'byte 0x%02x is no msgpack of this protocol', $byte) }
    if (defined $count) {
        _broken("a value nests deeper than " . MAX_NESTING . " levels") if $depth >= MAX_NESTING;
        _broken("a list claims $count elements in a body of $size bytes") if $count > $size - $at;
        $at = _skip($body, $at, $depth + 1) for 1 .. $count;
    }
    _broken("a body ends inside a value, at byte $size of $at") if $at > $size;
    return $at;
}

sub _number
{
    my ($body, $at, $bytes, $format) = @_;
    _broken("a body ends inside a header, at byte $at") if $at + $bytes > length $body;
    return unpack $format, substr $body, $at, $bytes;
}

sub _broken { AI::MXNet::Error->throw(kind => 'protocol', message => "The engine broke the protocol: $_[0]") }

1;
