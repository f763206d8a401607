# What no engine should send: the stream refuses it as a protocol error, without hanging or taking memory, and the client
# says so at once and at every later call. AI_MXNET_FUZZ=1000000 makes the mutation test a soak run.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/lib";
use Data::MessagePack;
use JSON::PP ();
use Scalar::Util qw(blessed);
use Socket qw(AF_UNIX PF_UNSPEC SOCK_STREAM);
use Test::More;
use AI::MXNet::Engine::Messages qw(is_answer is_message);
use AI::MXNet::Engine::Stream;
use StreamVectors qw(vectors);

# With a limit on memory, so that whoever takes what a header claims dies.
if (!$ENV{AI_MXNET_TEST_LIMITED} and $^O eq 'linux') {
    $ENV{AI_MXNET_TEST_LIMITED} = 1;
    exec 'sh', '-c', 'ulimit -v 1500000; exec "$@"', 'sh', $^X, (map {"-I$_"} @INC), $0, @ARGV or die "exec: $!";
}

my $codec = Data::MessagePack->new;

sub stream
{
    my ($bytes) = @_;
    socketpair my $ours, my $theirs, AF_UNIX, SOCK_STREAM, PF_UNSPEC or die "socketpair: $!";
    $ours->blocking(0);
    my $stream = AI::MXNet::Engine::Stream->new($ours);
    $stream->{in} = $bytes;
    return $stream;
}

sub frame { my ($body, $payload) = (@_, ''); return pack('VV', length $body, length $payload) . $body . $payload }

# The messages of a stream; dies as the stream does.
sub messages
{
    my ($bytes) = @_;
    my ($stream, @messages) = stream($bytes);
    while (my ($message) = $stream->next_message) { push @messages, $message }
    return @messages;
}

sub is_refused
{
    my ($bytes, $what) = @_;
    my @messages = eval { messages($bytes) };
    my $error = $@;
    ok blessed $error && $error->isa('AI::MXNet::Error') && $error->kind eq 'protocol', $what
        or diag 'it gave ', scalar @messages, " messages and died of '$error'";
    cmp_ok length "$error", '<', 1000, 'in few words';
}

SKIP: {
    skip 'the vectors are not part of the distribution' unless vectors('hostile_bodies.json');

    subtest 'a body that is no message is refused' => sub {
        for my $row (vectors('hostile_bodies.json')) {
            is_refused(frame(join '', map { pack('H*', $_->[0]) x $_->[1] } @{ $row->{parts} }), $row->{what});
        }
    };
}

SKIP: {
    open my $file, '<', "$Bin/../../protocol/PROTOCOL.md" or skip 'the contract is not part of the distribution';
    my $contract = do { local $/; readline $file };

    subtest 'all that the engine says in the examples of the contract is accepted' => sub {
        my %is_request = map { $_ => 1 } grep { !/\A(?:raise|return)\z/ } $contract =~ /^\| `(\w+)` \| number: number/mg;
        my (%asked, %answered);
        for ($contract =~ /^([<>] \[.*\])(?: \+ [0-9a-f]+)?$/mg) {
            s/"\{(?:pid|descriptor)\}"/7/g;
            s/\{\w+\}(?!")/0/g;
            my $said = JSON::PP::decode_json(substr $_, 2);
            if (/\A>/) { $asked{ $_->[1] } = $_->[0] for grep { ref and $is_request{ $_->[0] } and defined $_->[1] } @$said; next }
            my ($kind, $status, @fields) = @$said;
            ok is_message($said), $_;
            ok is_answer($asked{$kind}, @fields), "an answer to $asked{$kind}" if ($status // '') eq 'ok';
            $answered{ $asked{$kind} }++ if $asked{$kind};
        }
        is_deeply [sort keys %answered], [sort keys %is_request], 'each request is answered in some example';
    };
}

subtest 'a list that is no message of the protocol is refused' => sub {
    my @error = (1, 'error', 'shape', 'message', 'operator', '2', 'file', 1, '');
    my %wrong = (
        'an empty list'                    => [],
        'a number alone'                   => [1],
        'a text'                           => ['hello'],
        'undef'                            => [undef],
        'a list'                           => [[1], 'ok'],
        'a negative number'                => [-1, 'ok'],
        'a fraction'                       => [1.5, 'ok'],
        'a number with a newline'          => ["1\n", 'ok'],
        'an unknown status'                => [1, 'maybe'],
        'no status'                        => [1, undef],
        'an answer with a list'            => [1, 'ok', [2]],
        'an error without fields'          => [1, 'error'],
        'an error with too few fields'     => [@error[0 .. 7]],
        'an error with too many fields'    => [@error, 1],
        'an error with undef'              => [@error[0 .. 7], undef],
        'a segment without number'         => ['segment'],
        'a segment of a text'              => ['segment', 'one'],
        'two segments'                     => ['segment', 1, 2],
        'a release of undef'               => ['release', undef],
        'a stale gradient nowhere'         => ['stale', 1],
        'a stale gradient of undef'        => ['stale', 1, undef],
        'a call without function'          => ['call', 1],
        'a call of a text'                 => ['call', 1, 'code', 0],
        'a call of undef'                  => ['call', undef, 1, 0],
        'a call with half an array'        => ['call', 1, 1, 0, -1, 'float32', 2, 3],
        'a call with an array of text'     => ['call', 1, 1, 0, -1, 'text', 1, 3],
        'a call with an array of ours'     => ['call', 1, 1, 0, 1, 'float32', 1, 3],
        'a call with an array twice'       => ['call', 1, 1, 0, (-1, 'float32', 1, 3) x 2],
    );
    is_refused(frame($codec->pack($wrong{$_})), $_) for sort keys %wrong;
    is_deeply [messages(frame($codec->pack(\@error)) . frame($codec->pack([1, 'ok', undef])))], [\@error, [1, 'ok', undef]], 'others are not';
};

subtest 'a frame that announces too much is refused before it arrives' => sub {
    is_refused(pack('VV', @$_), "sizes @$_") for [0xffffffff, 0], [0, 0xffffffff], [(1 << 26) + 1, 0], [1, (1 << 30) + 1];
};

subtest 'random bytes are refused' => sub {
    srand 7;
    is_refused(frame(join '', map { chr rand 256 } 1 .. 1000), "random bytes $_") for 1 .. 20;
};

subtest 'mutated streams give messages or a protocol error' => sub {
    srand 11;
    my @seeds = map { frame($codec->pack($_->[0]), $_->[1] // '') } (
        [[1, 'ok', 4242, '2.1.0', "boot\n", '3.11', '/usr/bin/python3', '/srv']],
        [[2, 'ok', 'float32', 0, 0, 0, 2, 3], "\0" x 24],
        [[3, 'error', 'shape', "\x{cf}\x{80} and more", 'dot', '2x3 3', 'train.pl', 12, 'x' x 300]],
        [['segment', 3]],
        [['call', 1, 7, 0, -1, 'float32', 2, 3, 4]],
        [['release', 70000]],
        [['stale', 1, 0, 300]],
        [[4, 'ok', 0.5, -7, 1 << 40, undef, 300]],
    );
    my %outcomes;
    for my $number (1 .. $ENV{AI_MXNET_FUZZ} // 5000) {
        my $bytes = join '', map { $seeds[rand @seeds] } 1 .. 3;
        for (0 .. rand 3) {
            my $at = int rand length $bytes;
            my $way = int rand 5;
            if    ($way == 0) { substr($bytes, $at, 1) ^= chr(1 << int rand 8) }
            elsif ($way == 1) { substr $bytes, $at, 1, chr rand 256 }
            elsif ($way == 2) { substr $bytes, $at, 0, join '', map { chr rand 256 } 0 .. rand 4 }
            elsif ($way == 3) { substr $bytes, $at, 1 + rand 4, '' }
            else              { substr $bytes, $at, 0, substr $bytes, $at, 1 + rand 20 }
        }
        my @warnings;
        local $SIG{__WARN__} = sub { push @warnings, @_ };
        my @messages = eval { messages($bytes) };
        my $error = $@;
        my $known = $error eq '' || blessed $error && $error->isa('AI::MXNet::Error') && $error->kind eq 'protocol';
        if (!$known or @warnings or grep { ref } map {@$_} @messages) {
            fail "mutation $number: " . unpack 'H*', $bytes;
            diag "$error @warnings";
        }
        $outcomes{ $error eq '' ? 'read' : 'refused' }++;
    }
    cmp_ok $outcomes{$_}, '>', 500, "$outcomes{$_} were $_" for qw(read refused);
};

# A script whose engine greets it and then says these bytes. What it prints, which is an error each time.
sub client_of
{
    my ($bytes, $then) = @_;
    local $ENV{AI_MXNET_ENGINE} = join ' ', map {"'$_'"} $^X, "$Bin/lib/fake_engine.pl", unpack('H*', $bytes), $then;
    my $script = 'use AI::MXNet qw(mx); alarm 30;'
        . 'for (1, 2) { my $v = eval { mx->nd->array([1, 2])->aspdl . "" }; print defined $v ? "got $v" : ref $@ ? $@->kind . ": $@" : $@ }';
    open my $pipe, '-|', $^X, (map {"-I$_"} @INC), '-e', $script or die "$^X: $!";
    my $said = do { local $/; readline $pipe };
    close $pipe;
    is $?, 0, 'the script ends by itself';
    return $said;
}

subtest 'the client of such an engine says what is wrong, at once and at every later call' => sub {
    my %cases = (
        'bytes that are no frame'     => ["\xff" x 100, 'stay', qr/a frame announces 4294967295/],
        'a body that is no message'   => [frame("\xc1"), 'stay', qr/a message is a list/],
        'a list of 2^28 values'       => [frame("\xdd\x10\0\0\0"), 'stay', qr/claims 268435456 values/],
        'an unknown message'          => [frame($codec->pack(['eval', 'die'])), 'stay', qr/unknown message \(eval, die\)/],
        'a protocol error'            => [frame($codec->pack([0, 'error', 'protocol', 'why', '', '', '', 0, ''])), 'stay', qr/refused our stream: why/],
        'a frame that is cut off'     => [substr(frame($codec->pack([2, 'ok'])), 0, -1), 'close', qr/it ended/],
        'an answer to no request'     => [frame($codec->pack([77, 'ok'])), 'stay', qr/it answered request 77, which was not made/],
        'nothing'                     => ['', 'close', qr/it ended/],
        'an answer of another form'   => [frame($codec->pack([2, 'ok', 'float32', 0, 0, 0, 'many'])), 'stay', qr/it answered read with \(float32, 0, 0, 0, many\)/],
        'an array of an unknown type' => [frame($codec->pack([2, 'ok', 'float128', 0, 0, 0, 2])), 'stay', qr/it answered read with/],
        'a negative shape'            => [frame($codec->pack([2, 'ok', 'float32', 0, 0, 0, -2])), 'stay', qr/it answered read with/],
        'an array of other bytes'     => [frame($codec->pack([2, 'ok', 'float32', 0, 0, 0, 2]), 'abc'), 'stay', qr/an array of 8 bytes came with 3/],
        'memory that was not asked for' => [frame($codec->pack([2, 'ok', 'float32', 1, 0, 0, 2])), 'stay', qr/it lent a segment that was not asked for/],
        'memory that was not lent'    => [frame($codec->pack(['segment', 5])), 'stay', qr/segment 5 is none that it was lent/],
    );
    for my $what (sort keys %cases) {
        my ($bytes, $then, $message) = @{ $cases{$what} };
        my $said = client_of($bytes, $then);
        my $count = () = $said =~ /^engine: The engine .* is gone: .*$message/mg;
        is $count, 2, $what or diag $said;
    }
};

done_testing;
