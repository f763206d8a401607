# Two full sockets: both sides send 100 MB at once, and both arrive.
use strict;
use warnings;
use Test::More;
use AI::MXNet::Engine::Process;
use AI::MXNet::Engine::Stream;
use AI::MXNet::Operators;

use constant SIZE => 100_000_000;

alarm 240;    # a deadlock ends the test

subtest 'an engine that answers with 100 MB while it is sent 100 MB' => sub {
    my $process = AI::MXNet::Engine::Process->start;
    my $stream = AI::MXNet::Engine::Stream->new($process->{socket});
    my $number = 0;
    my $answer = sub {
        while (1) {
            my ($message, $payload) = $stream->next_message;
            return ($message, $payload) if $message;
            $stream->wait_readable or die 'the engine is gone: ', AI::MXNet::Engine::Process->epitaph($process);
        }
    };
    my $issue = sub {
        my ($items, $payload) = @_;
        $stream->queue($items, defined $payload ? \$payload : ());
        $stream->flush or die 'the engine is gone: ', AI::MXNet::Engine::Process->epitaph($process);
    };
    $issue->([['hello', ++$number, 1, AI::MXNet::Operators::digest(), 0]]);
    is_deeply [@{ ($answer->())[0] }[0, 1]], [1, 'ok'], 'it greets';
    $issue->([['put', 1, 'uint8', undef, SIZE]], 'a' x SIZE);
    # the answers are not awaited before the next 100 MB go out
    $issue->([['read', ++$number, 1, 0], ['read', ++$number, 1, 0]]);
    $issue->([['put', 2, 'uint8', undef, SIZE]], 'b' x SIZE);
    $issue->([['read', ++$number, 2, 0]]);
    for my $expected ([2, 'a'], [3, 'a'], [4, 'b']) {
        my ($message, $payload) = $answer->();
        is_deeply $message, [$expected->[0], 'ok', 'uint8', 0, 0, 0, SIZE], "answer $expected->[0]";
        ok length $$payload == SIZE && $$payload !~ /[^$expected->[1]]/, 'has all of its bytes';
    }
};

subtest 'large piddles in frames' => sub {
    local $ENV{AI_MXNET_SHARE_BYTES} = 1e12;
    my $script = <<'END';
        use AI::MXNet qw(mx);
        my $x = mx->nd->array(PDL->sequence(25_000_000) % 1000);
        my $y = $x * 2;
        my $z = mx->nd->array(PDL->ones(25_000_000));
        my ($p, $q) = ($y->aspdl, ($y + $z)->aspdl);
        open my $maps, '<', '/proc/self/maps';
        print join ' ', $p->at(24_999_999), ($q - $p)->minmax, scalar grep {/memfd/} readline $maps;
END
    open my $pipe, '-|', $^X, (map {"-I$_"} @INC), '-e', $script or die "$^X: $!";
    is scalar(readline $pipe), '1998 1 1 0', 'travel both ways, and nothing is mapped' or diag $?;
};

done_testing;
