# Frames: what AI::MXNet::Engine::Stream writes and reads, byte for byte, and that it stays in step.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/lib";
use Data::MessagePack;
use Socket qw(AF_UNIX PF_UNSPEC SOCK_STREAM);
use Test::More;
use Time::HiRes qw(setitimer ITIMER_REAL);
use AI::MXNet::Engine::Stream;
use StreamVectors qw(as_sent perl_value vectors);

my $codec = Data::MessagePack->new;

# A stream, and the socket at its other end.
sub pair
{
    socketpair my $ours, my $theirs, AF_UNIX, SOCK_STREAM, PF_UNSPEC or die "socketpair: $!";
    $ours->blocking(0);
    return (AI::MXNet::Engine::Stream->new($ours), $theirs);
}

sub frame
{
    my ($items, $payload) = (@_, '');
    my $body = $codec->pack($items);
    return pack('VV', length $body, length $payload) . $body . $payload;
}

# Runs code in a child.
sub child
{
    my ($code) = @_;
    my $pid = fork // die "fork: $!";
    return $pid if $pid;
    eval { $code->(); 1 } or warn $@;
    require POSIX;
    POSIX::_exit(0);
}

SKIP: {
    skip 'the vectors are not part of the distribution' unless vectors('client_frames.json');

    subtest 'recorded frames of the client are made byte for byte' => sub {
        for my $row (vectors('client_frames.json')) {
            my ($stream) = pair();
            my $payload = pack 'H*', $row->{payload};
            $stream->queue(as_sent($row->{items}), \$payload);
            is unpack('H*', $stream->{out}), $row->{frame}, $row->{what};
        }
    };

    subtest 'recorded frames of the engine are read, however they are cut' => sub {
        my ($stream, $engine) = pair();
        for my $row (vectors('engine_frames.json')) {
            my @bytes = split //, pack 'H*', $row->{frame};
            while (@bytes) {
                is_deeply [$stream->next_message], [], 'nothing yet' if @bytes < 3;
                syswrite $engine, join '', splice @bytes, 0, 7;
                $stream->fill;
            }
            my ($message, $payload) = $stream->next_message;
            is_deeply $message, $row->{message}, $row->{what};
            is unpack('H*', $$payload), $row->{payload}, 'its payload';
        }
        is $stream->{in}, '', 'nothing is left';
    };

    subtest 'values of attributes travel as recorded' => sub {
        require AI::MXNet::Operators;
        for my $row (grep { $_->{value} } vectors('attributes.json')) {
            my $value = perl_value($row->{value});
            my $table = {
                name       => 'operator',
                attributes => [['argument', $row->{type}]],
                types      => { argument => $row->{type} },
                position   => { argument => 0 },
            };
            my ($sent) = eval { AI::MXNet::Operators::_row_of_values($table, { argument => AI::MXNet::Operators::_plain($value) }) };
            my $error = $@;
            if (exists $row->{sent}) { is unpack('H*', $codec->pack($sent)), $row->{sent}, $row->{what} }
            else { like $error, qr/argument.* expect /s, $row->{what} }
            next unless exists $row->{raw};
            # what is sent without a look at its type, as beside an overloaded operator
            is unpack('H*', $codec->pack(as_sent(perl_value($row->{value})))), $row->{raw}, "$row->{what}, unchecked";
        }
    };
}

subtest 'queued items leave their list, and very many make several frames' => sub {
    my ($stream, $engine) = pair();
    my @items = ([1, undef, 2, 3], 3);
    $stream->queue(\@items);
    is_deeply \@items, [], 'the list is empty';
    is $stream->{out}, frame([[1, undef, 2, 3], 3]), 'one frame';
    $stream->{out} = '';
    my @many = 1 .. 10_000;
    $stream->queue(\@many);
    is $stream->{out}, join('', frame([1 .. 4096]), frame([4097 .. 8192]), frame([8193 .. 10_000])), 'three frames';
};

subtest 'a frame beyond the limits is refused and nothing of it queued' => sub {
    my ($stream, $engine) = pair();
    my @items = (['where', 'x' x (1 << 26), 1]);
    eval { $stream->queue(\@items) };
    like $@, qr/a frame of 67108\d\d\d \+ 0 bytes exceeds the limit/;
    is $stream->{out}, '', 'nothing is queued';
};

subtest 'what a reader that writes first is sent arrives: neither side blocks in a write' => sub {
    my ($stream, $engine) = pair();
    my $size = 20_000_000;
    my $pid = child(
        sub {
            close $stream->{socket};
            syswrite $engine, frame([1, 'ok'], 'a' x $size) or die "write: $!";
            my $got = 0;
            while (sysread $engine, my $bytes, 1 << 20) { $got += length $bytes; last if $got >= $size }
            syswrite $engine, frame([2, 'ok', $got]);
        });
    close $engine;
    my $payload = 'b' x $size;
    $stream->queue([['put', 1, 'uint8', undef, $size]], \$payload);
    ok $stream->flush, 'the frame is written';
    my ($message, $answer) = $stream->next_message;
    is_deeply $message, [1, 'ok'], 'the first answer was read meanwhile';
    ok $$answer eq 'a' x $size, 'and its payload';
    my $last;
    until (($last) = $stream->next_message) { $stream->wait_readable or last }
    cmp_ok $last->[2], '>=', $size, 'the other side has read it all';
    waitpid $pid, 0;
};

subtest 'a handler that dies in the midst of a write leaves the stream in step' => sub {
    my ($stream, $engine) = pair();
    my @frames = map { frame(["message $_"], chr($_) x 300_000) } 1 .. 60;
    pipe my $reader, my $writer or die "pipe: $!";
    my $pid = child(
        sub {
            require Digest::MD5;
            close $_ for $stream->{socket}, $reader;
            my $digest = Digest::MD5->new;
            while (sysread $engine, my $bytes, 20_000) { $digest->add($bytes) }
            syswrite $writer, $digest->hexdigest;
        });
    close $_ for $engine, $writer;
    our $armed = 0;
    my ($deaths, @items) = (0);
    local $SIG{ALRM} = sub { $deaths++, die "alarm\n" if $armed };
    setitimer(ITIMER_REAL, 0.0003, 0.0003);
    for my $number (1 .. 60) {
        my $payload = chr($number) x 300_000;
        @items = ("message $number");
        # what has left the list was queued, whenever the handler died
        while (@items) { eval { local $armed = 1; $stream->queue(\@items, \$payload) } }
        eval { local $armed = 1; $stream->flush };
    }
    setitimer(ITIMER_REAL, 0, 0);
    ok $stream->flush, 'the rest is written';
    shutdown $stream->{socket}, 1;
    require Digest::MD5;
    is readline($reader), Digest::MD5::md5_hex(join '', @frames), "every byte came once, with $deaths deaths";
    cmp_ok $deaths, '>', 5, 'handlers did die';
    waitpid $pid, 0;
};

subtest 'the end of the stream is told, after all that came before it' => sub {
    my ($stream, $engine) = pair();
    is $stream->fill, 0, 'nothing has arrived';
    syswrite $engine, frame([0, 'error', 'protocol', 'no', '', '', '', 0, '']);
    close $engine;
    $stream->queue([['wait', 1]]);
    ok !$stream->flush, 'a write fails';
    my ($message) = $stream->next_message;
    is $message->[3], 'no', 'the last words are there';
    is $stream->fill, undef, 'then the end';
    ok !$stream->wait_readable, 'and nothing to wait for';
    ok !$stream->flush || !length $stream->{out}, 'what could not be written is forgotten';
};

subtest 'waiting returns when a handler has run' => sub {
    my ($stream, $engine) = pair();
    my $rang = 0;
    local $SIG{ALRM} = sub { $rang++ };
    setitimer(ITIMER_REAL, 0.01, 0.01);
    ok $stream->wait_readable, 'it goes on';
    setitimer(ITIMER_REAL, 0, 0);
    ok $rang, 'after the handler';
};

done_testing;
