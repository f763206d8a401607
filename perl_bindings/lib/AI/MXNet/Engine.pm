package AI::MXNet::Engine;
# The engine as the rest of Perl sees it: instructions are issued without waiting; only a request waits.
#
# @STREAM, @FREE and $LAST are package variables because every operator touches them: an instruction is
#
#     $AWAKE or wake();  my $h = pop @FREE // ++$LAST;  push @STREAM, [...];  @STREAM < BATCH or flush();
use strict;
use warnings;
use AI::MXNet::Engine::Process;

our (@STREAM, @FREE, $LAST, $STALE, $CLOSED);
our $AWAKE = 0;        # false after each flush: the next instruction looks first whether the engine still lives
our $LOCATED = '';     # the user's line that the engine was last told
our $FUNCTIONS = 0;    # functions of Perl that may be on a tape: backward must wait for them
our $GIVEN = 0;        # how far the engine's own handles have gone
our %INHERITED;        # code for each array, by handle, of the parent process that this child may go on using: it makes a copy
our $BORN;             # code to be called as soon as a forked child has an engine of its own
$LAST = $STALE = 0;

use constant PROTOCOL => 1;
use constant WAITS => ($ENV{MXNET_ENGINE_TYPE} // '') eq 'NaiveEngine';    # each call waits until it is computed
use constant BATCH => WAITS ? 1 : 64;
use constant SHARE_BYTES => $ENV{AI_MXNET_SHARE_BYTES} // 262_144;    # from this size arrays go through shared memory

my ($process, $stream, $memory, $owner, $dead);
my $generation = 0;    # counts the engines that we have had
my ($numbers, $interrupts) = (0, 0);
my $mode;          # that the engine was told
my %engine;        # what the engine said of itself: pid, numpy, boot, python, executable, package
my %waiting;       # requests that are not yet answered, by number
my @calls;         # of our functions, by the engine
my %functions;     # code that the engine may call, by number, until it says that it will not
my $function_count = 0;
my @exceptions;    # of functions called by the engine, to be raised where Perl waits
my %watches;       # code to be told which of the gradients that it spent were stale, by number
my $watch_count = 0;
my @stale;         # what the engine said of them, and nobody was told yet

# The engine begins to start while Perl still compiles.
_start();

require AI::MXNet::Error;
require AI::MXNet::Engine::Guard;
require AI::MXNet::Engine::Stream;
require AI::MXNet::NS;

sub import { my ($class, @names) = @_; return AI::MXNet::NS::install($class, scalar caller, @names) }

sub _start
{
    $generation++;
    ($AWAKE, $LOCATED, $FUNCTIONS, $interrupts, $mode) = (0, '', 0, 0, '0 0');
    @$_ = () for \(@calls, @exceptions, @stale, @STREAM, @FREE);
    ($stream, $memory) = ();
    %$_ = () for \(%engine, %waiting, %functions);
    $dead = 'No engine could be started';
    $process = AI::MXNet::Engine::Process->start;
    ($owner, $dead) = ($$);
    return;
}

# A child is told at once that it is one; a fork that Perl does not see (of `open '-|'`) is noticed before the next flush.
BEGIN {
    my $fork = defined &CORE::GLOBAL::fork ? \&CORE::GLOBAL::fork : sub { CORE::fork };
    no warnings 'redefine';
    *CORE::GLOBAL::fork = sub () {
        my $pid = $fork->();
        leave() if defined $pid and not $pid;
        return $pid;
    };
}

# In a forked child: the parent's engine is the parent's.
sub leave
{
    AI::MXNet::Engine::Process->forsake($process) if defined $process;
    ($process, $AWAKE, @STREAM) = (undef, 0);
    _outdate();
    return;
}

# In a new thread of Perl, which is like a child but for the process.
sub CLONE
{
    leave();
    $owner = 0;
    return;
}

# To be called where arrays begin their life, which in a child belong to the child's own engine.
sub notice_fork
{
    return if $owner == $$;
    leave();
    _start();
    $BORN->() if defined $BORN;
    return;
}

# False in a forked child that has had no use for an engine.
sub is_ours { return $owner == $$ }

# To be called before the first instruction after a flush: notices a fork, a dead engine and what the engine says.
sub wake
{
    notice_fork();
    _fail_dead() if defined $dead;
    _connect() unless defined $stream;
    my $arrived = $stream->fill;
    if (not defined $arrived) { _gone() }
    elsif ($arrived) { _receive() }
    $AWAKE = 1;
    tell_mode();
    return;
}

# Tells the engine whether to record, and in which mode, where that has changed. Called on each change, and at times in
# case a signal's handler has left the place.
sub tell_mode
{
    no warnings 'once';
    my ($recording, $training) = ($AI::MXNet::AutoGrad::RECORDING, $AI::MXNet::AutoGrad::TRAINING);
    my $now = ($recording ? '1 ' : '0 ') . ($training ? '1' : '0');
    return if $mode eq $now;
    $AWAKE or return wake();
    # in one statement, so that both are done or neither
    push(@STREAM, ['mode', map { $_ ? 1 : 0 } $recording, $training]), $mode = $now;
    return;
}

# The first frame says who we are; the answer is awaited with the first request.
sub _connect
{
    AI::MXNet::NS::load('AI/MXNet/Operators.pm');
    my $new = AI::MXNet::Engine::Stream->new($process->{socket});
    my $number = ++$numbers;
    $waiting{$number} = { name => 'hello', take => \&_greeted, greets => 1 };
    $new->queue([['hello', 0 + $number, PROTOCOL, AI::MXNet::Operators::digest(), $STALE]]);
    $stream = $new;
    return;
}

# All that was made so far becomes that of another engine, which is known by its handles. No two engines have one $STALE.
sub _outdate
{
    $LAST = $GIVEN if $GIVEN > $LAST;
    $STALE = ++$LAST;
    return;
}

# A number for something new of the engine's.
sub handle { return pop @FREE // ++$LAST }

# Has the engine let go of what a handle names, if that is its own and there at all.
sub release
{
    my ($handle) = @_;
    push(@STREAM, $handle), push @FREE, $handle if defined $handle and $handle > $STALE;
    return;
}

# Sends what has been issued.
sub flush
{
    wake() unless defined $stream and $owner == $$;
    $AWAKE = 0;
    return unless @STREAM;
    my $computes = WAITS && !%waiting && grep { ref and $_->[0] =~ /\A[0-9]+\z/ } @STREAM;
    $stream->queue(\@STREAM);
    $stream->write or _drain();
    AI::MXNet::NDArray->waitall if $computes;
    return;
}

# Waits until the engine has taken what was queued.
sub _drain
{
    my $guard = AI::MXNet::Engine::Guard->new({ number => 0, generation => $generation });
    $stream->flush or _gone();
    bless $guard, 'AI::MXNet::Engine::Answered';
    return;
}

# Issues control messages.
sub send
{
    my ($class, @items) = @_;
    $AWAKE or wake();
    push @STREAM, @items;
    flush() if @STREAM >= BATCH;
    return;
}

# Issues the instruction that the code returns, together with the bytes of its array.
sub put
{
    my ($class, $payload, $code) = @_;
    wake();
    $stream->check_size(0, length $$payload);
    # together with all that was issued before, which may free the handle that the code takes
    AI::MXNet::Engine::Process::undisturbed(sub {
        $stream->queue(\@STREAM) if @STREAM;
        $stream->queue([$code->()], $payload);
    });
    $AWAKE = 0;
    $stream->write or _drain();
    return;
}

# Issues a request and waits for its answer: its fields and a reference to its payload.
sub request
{
    my ($class, @request) = @_;
    locate();
    return $class->ask(undef, @request);
}

# Issues a request and waits for what the code $take makes of its answer, a reference to the payload and the fields. It
# does so as the answer arrives, undisturbed by signals, and even where waiting was broken off: to let go of the result.
sub ask
{
    my ($class, $take, $name, @fields) = @_;
    $owner == $$ && $AWAKE or wake();
    my $guard = AI::MXNet::Engine::Guard->new(my $wait = { name => $name, take => $take, generation => $generation });
    # in one statement, so that a signal's handler finds the request both issued and waited for, or neither
    push @STREAM, [$name, 0 + ($waiting{ $wait->{number} = ++$numbers } = $wait)->{number}, @fields];
    flush();
    return _await($guard);
}

# The same with bytes of the request's own.
sub ask_with
{
    my ($class, $payload, $take, $name, @fields) = @_;
    wake();
    my $guard = AI::MXNet::Engine::Guard->new(my $wait = { name => $name, take => $take, generation => $generation });
    $class->put($payload, sub { [$name, 0 + ($waiting{ $wait->{number} = ++$numbers } = $wait)->{number}, @fields] });
    return _await($guard);
}

sub _await
{
    my ($guard) = @_;
    my $wait = $guard->{wait};
    until ($wait->{answer}) {
        _fail('The engine that was asked is no longer ours') if $wait->{generation} != $generation or $owner != $$;
        _receive();
        last if $wait->{answer};
        $stream->wait_readable or _gone();
    }
    # in one statement, so that the answer is either handed over or let go
    return @{ (bless $guard, 'AI::MXNet::Engine::Answered')->{wait}{answer} } if not $wait->{failure};
    bless $guard, 'AI::MXNet::Engine::Answered';
    if (@exceptions) {
        my $exception = pop @exceptions;
        @exceptions = ();
        die $exception;
    }
    _throw(@{ $wait->{failure} });
}

sub _throw
{
    my ($kind, $message, $operator, $shapes, $file, $line, $trace) = @_;
    utf8::decode($file);    # a file's name is bytes, unlike the other text
    my @where = $file ne '' ? (file => $file, line => $line) : ();
    $message .= " (in $operator" . ($shapes ne '' ? " of shapes $shapes" : '') . ')'
        if $operator ne '' and index($message, $operator) < 0;
    AI::MXNet::Error->throw(
        kind => $kind, message => "MXNetError: $message", operator => $operator, shapes => $shapes, trace => $trace, @where);
}

# Handles every message that has arrived.
sub _receive
{
    AI::MXNet::Engine::Process::undisturbed(\&_take_in) if $stream->has_frame;
    while (@calls) {
        my $call = shift @calls;
        _called($call);
    }
    while (@stale) {
        my ($number, @positions) = @{ shift @stale };
        $watches{$number}->(@positions) if $watches{$number};
    }
    return;
}

sub _take_in
{
    return if eval {
        while (my ($message, $payload) = $stream->next_message) {
            my ($kind, @fields) = @$message;
            if ($kind eq 'segment') { _memory()->freed(@fields) }
            elsif ($kind eq 'release') { $FUNCTIONS-- if delete $functions{ $fields[0] } }
            elsif ($kind eq 'stale') { push @stale, [@fields] }
            elsif ($kind eq 'call') { push @calls, AI::MXNet::Engine::Call->new($generation, @fields) }
            else { _answered($payload, $kind, @fields) }
        }
        1;
    };
    my $error = $@;
    _died($error->message) if ref $error eq 'AI::MXNet::Error' and $error->kind eq 'protocol';
    die $error;
}

sub _answered
{
    my ($payload, $number, $status, @fields) = @_;
    _died('it refused our stream: ' . ($fields[1] // '')) if $number == 0;
    my $wait = delete $waiting{$number} or _died("it answered request $number, which was not made");
    if ($status eq 'ok') {
        _died("it answered $wait->{name} with (" . AI::MXNet::Engine::Messages::shown(@fields) . ')')
            unless AI::MXNet::Engine::Messages::is_answer($wait->{name}, @fields);
        $wait->{answer} = [$wait->{take} ? $wait->{take}->($payload, @fields) : ([$status, @fields], $payload)];
    }
    else {
        _died("it refused our stream: $fields[1]") if $wait->{greets};
        ($wait->{failure}, $wait->{answer}) = (\@fields, []);
    }
    return;
}

sub _greeted
{
    my ($payload, @fields) = @_;
    @engine{qw(pid numpy boot python executable package)} = @fields;
    utf8::encode($_) for @engine{qw(executable package)};    # paths are bytes
    $engine{local} = -e "/proc/$engine{pid}/fd" && $engine{boot} eq _boot();
    return;
}

# What the engine says, too, if it runs on this machine and sees the same processes.
sub _boot
{
    open my $file, '<', '/proc/sys/kernel/random/boot_id' or return '';
    local $/ = "\n";
    chomp(my $boot = readline $file);
    return "$boot " . (readlink('/proc/self/ns/pid') // '');
}

# The channel has ended. The engine's last words may say why.
sub _gone
{
    _receive();
    return _died();
}

# The engine is gone: say so, now and at every later call.
sub _died
{
    my ($why) = @_;
    my $epitaph = AI::MXNet::Engine::Process->epitaph($process);
    close $process->{$_} for qw(socket report);
    $why //= $epitaph;
    my $advice = not(defined $engine{pid}) || $why =~ /\Ait refused our stream/
        ? 'perl -MAI::MXNet::Doctor -e check examines the installation'
        : 'Its arrays are lost; mx->engine->restart starts another';
    $dead = "The engine ($process->{words}[0], from $process->{from}) is gone: $why\n$advice";
    return _fail_dead();
}

sub _fail_dead
{
    ($AWAKE, @STREAM) = (0);
    return _fail($dead);
}

sub _fail { AI::MXNet::Error->throw(kind => 'engine', message => $_[0]) }

# Whether a handle names something of another engine: that of the parent process, or the one before a restart.
sub is_stale { my ($handle) = @_; notice_fork(); return abs $handle <= $STALE }

# Dies if one of these arrays, symbols or executors belongs to another engine.
sub refuse_stale
{
    for my $thing (@_) {
        next unless defined $thing and is_stale($thing->{handle});
        if (my $copy = delete $INHERITED{ $thing->{handle} }) {
            my $new = $copy->();
            # the handle that the copy takes away with it is nobody's here
            (@$thing{qw(handle rec)}, $new->{handle}) = (@$new{qw(handle rec)}, $thing->{handle});
            next;
        }
        AI::MXNet::Error->throw(
            kind    => 'handle',
            message => 'The ' . $thing->_known_as
                . ' belongs to another engine: that of the parent process, or the one before a restart');
    }
    return;
}

# The handles of arrays, symbols or executors (or undef), for a message. Dies if one belongs to another engine.
sub handles_of
{
    notice_fork();
    $STALE and refuse_stale(@_);
    return map { defined $_ ? $_->{handle} : undef } @_;
}

# Tells the engine the user's line, for failures that only the computing finds.
sub locate
{
    my ($file, $line) = AI::MXNet::Error->user_line;
    return if $LOCATED eq "$file:$line";
    $LOCATED = "$file:$line";
    $AWAKE or wake();
    push @STREAM, ['where', $file, $line];
    return;
}

# -- large arrays ------------------------------------------------------------------------------------------------

# Gives a new array, which has no handle yet, one, and the values of a piddle, of PDL type $type, which is the dtype
# $dtype; the engine converts them to $as, unless that is undef.
sub upload
{
    my ($class, $array, $piddle, $type, $dtype, $as, $shape) = @_;
    notice_fork();
    return ($memory // _memory())->upload(@_[1 .. $#_]);
}

# The dtype, shape and content of an array: (dtype, shape, piddle).
sub download
{
    my ($class, $array, $type) = @_;
    notice_fork();
    $STALE and refuse_stale($array);
    return ($memory // _memory())->download($array, $type);
}

sub _memory
{
    AI::MXNet::NS::load('AI/MXNet/Engine/Memory.pm');
    return $memory //= AI::MXNet::Engine::Memory->new(sub {
        _connect_fully();
        return $engine{local} && $^O eq 'linux' ? "/proc/$engine{pid}/fd" : '';
    });
}

sub _connect_fully
{
    notice_fork();
    AI::MXNet::Engine->request('wait') unless defined $engine{pid};
    return;
}

# Registers code that is called with the positions of stale gradients, some time after a `spend` with its number.
sub watch   { my ($class, $code) = @_; $watches{ ++$watch_count } = $code; return $watch_count }
sub unwatch { my ($class, $number) = @_; delete $watches{$number}; return }

# -- the engine calls Perl -----------------------------------------------------------------------------------------

# Registers code that the engine may call with arrays; the number that it is called by.
sub register
{
    my ($class, $code) = @_;
    $functions{ ++$function_count } = $code;
    $FUNCTIONS++;
    return $function_count;
}

sub _called
{
    my ($call) = @_;
    local $@;
    # the engine works on one request after the other: this call comes from one that was broken off, if there is any
    return if grep { $_->{abandoned} } values %waiting;
    my $code = $functions{ $call->{function} } // sub { _fail("the engine called function $call->{function}, which is gone") };
    my $arrays = eval { $code->($call->{recording}, @{ delete $call->{arrays} }) };
    my $exception = $@;
    return if $call->{generation} != $generation or $owner != $$;
    my @handles = map { defined $_ ? $_->{handle} : undef } @{ $arrays // [] };
    # the exception itself is raised where Perl waits; the engine only learns that there was one
    if (defined $arrays) { _answer($call, 'return', \@handles) }
    else {
        push @exceptions, $exception;
        _answer($call, 'raise', 'an exception in a function of Perl');
    }
    flush();
    return;
}

# Answers a call. One that is dropped without an answer, because a signal's handler died or because nobody waits any
# more, is answered by its end.
sub _answer
{
    my ($call, $status, $value) = @_;
    return if $call->{generation} != $generation or $owner != $$;
    $AWAKE or wake();
    # in one statement, so that it is answered once
    push @STREAM, [$status, (bless $call, 'AI::MXNet::Engine::Answered')->{number}, $value];
    return;
}

# -- for users: mx->engine -----------------------------------------------------------------------------------------

# The process id of the engine.
sub pid { _connect_fully(); return $engine{pid} }

# What the engine is: a hash of its process (pid), the versions of its NumPy and Python (numpy, python), the interpreter
# (executable), the folder of its Python package (package), the command that was run for it (command), where that
# came from in words (from), and whether large arrays go through memory shared with it (shared_memory).
sub info
{
    _connect_fully();
    return {
        map({ $_ => $engine{$_} } qw(pid numpy python executable package)),
        command       => [@{ $process->{words} }],
        from          => AI::MXNet::Engine::Process->origin($process, $engine{package}),
        shared_memory => _memory()->shares(SHARE_BYTES) ? 1 : 0,
    };
}

# How many operators MXNet takes at once. Ours always come in bulk, so that this is only remembered.
my $bulk_size = 0;

sub set_bulk_size
{
    my ($class, $size) = @_;
    my $before = $bulk_size;
    $bulk_size = $size;
    return $before;
}

# Calls the code with another bulk size.
sub bulk
{
    my ($class, $size, $code) = @_;
    my $before = $class->set_bulk_size($size);
    my $done = eval { $code->(); 1 };
    my $error = $@;
    $class->set_bulk_size($before);
    die $error unless $done;
    return;
}

# Ends the engine, if it still runs, and starts another. All arrays of the old one are lost.
sub restart
{
    my ($class) = @_;
    _shut() if $owner == $$;
    _outdate();
    _start();
    return;
}

# Sends everything, waits until it is done, and returns the failures that nobody has read, as strings.
sub failures
{
    my ($class) = @_;
    my ($fields) = $class->request('failures');
    my (undef, @rest) = @$fields;
    my @texts;
    while (my ($operator, $message, $file, $line) = splice @rest, 0, 4) {
        push @texts, "MXNetError: $message"
            . ($operator ne '' && index($message, $operator) < 0 ? " (in $operator)" : '')
            . ($file ne '' ? " at $file line $line.\n" : "\n");
    }
    return @texts;
}

# Ends the engine and waits until it has ended, where others look at how it does.
sub finish
{
    my ($class) = @_;
    $class->request('bye');
    1 while $stream->wait_readable;
    return _shut();
}

sub _shut
{
    return if defined $dead;
    $dead = 'The engine was ended';
    shutdown $process->{socket}, 2;
    close $process->{$_} for qw(socket report);
    return;
}

# Called as a wait is broken off by an exception (of a signal handler): the engine stops between two operators and
# skips everything up to our `resume`.
sub _interrupt
{
    my ($wait) = @_;
    return if defined $dead or $wait->{generation} != $generation or $owner != $$;
    my @engine = $engine{local} ? $engine{pid} : ();
    # In one statement, because what is interrupted must be resumed; kill last, because it calls handlers.
    push(@STREAM, ['resume', 0 + ++$interrupts]), @exceptions = (), $wait->{abandoned} = 1, kill RTMIN => @engine;
    return;
}

END {
    local ($?, $!, $@, $SIG{__DIE__});
    if ($owner == $$ and not defined $dead) {
        # what was broken off may run for long: then nobody waits for the rest
        my $busy = grep { $_->{abandoned} } values %waiting;
        if (defined $stream and not $busy) {
            print STDERR $_ for eval { AI::MXNet::Engine->failures };
            print STDERR ref $@ ? $@->message . "\n" : $@ if $@;
        }
        _shut();
    }
    $CLOSED = 1;
}

1;

__END__

=head1 NAME

AI::MXNet::Engine - the process that computes

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd);

    my $engine = mx->engine;
    printf "process %d, NumPy %s, from %s\n", $engine->pid, @{ $engine->info }{qw(numpy from)};

    my $x = nd->array([1, 2]);
    my ($good, $bad) = map { nd->take($x, nd->array([$_]), mode => 'raise') } 0, 9;
    print "failed: $_" for $engine->failures;    # MXNetError: index 9 is out of bounds ... at FILE line N.

    $engine->restart;                            # all arrays are lost
    print nd->ones([2])->aspdl, "\n";

=head1 DESCRIPTION

The engine starts as the module loads and ends with the script, however that ends. It is no child of the script: C<wait>,
C<system> and C<$SIG{CHLD}> never see it. What it prints appears where the script's output does.

A forked child or a thread gets an engine of its own at its first call. The parent's arrays, symbols and executors stay the parent's;
touching one in the child dies and says so.

When Ctrl-C, an alarm or another signal handler leaves a wait with an exception, the engine skips what was still to be
computed, and the script can go on; arrays that were skipped die when they are read.

Perl calls handlers between any two statements, also of a destructor, and there it drops the exception and warns
C<(in cleanup)>. A handler that must get through lets its signal come again, as C<Time::HiRes::alarm($seconds, $interval)>
does.

If the engine is killed, the next call dies within a second and says how it ended, with the end of what it wrote to
standard error. Its arrays are gone. L</restart> starts another.

=head1 METHODS

All are class methods.

=head2 pid

The process id of the engine; for one that runs elsewhere, there.

=head2 info

A hash ref: C<pid>; the versions of its C<numpy> and C<python>; C<executable>, that Python's path; C<package>, the folder
of the engine's code; C<command>, the words that started it; C<from>, where these came from; C<shared_memory>, whether
large arrays go through shared memory.

=head2 failures

Waits until everything issued is computed. Returns the failures that nobody has read (at most 100), as strings, and
forgets them. A script that ends prints what is left to standard error.

=head2 restart

Ends the engine and starts another, after which arrays, symbols and executors of the old one are refused. A hybridized
block makes its graph anew; its parameters, C<< initialize(force_reinit => 1) >>.

=head2 set_bulk_size, bulk

    mx->engine->bulk(10, sub { nd->ones([2]) + 1 });

Of MXNet, which can take several operators at once. Here they always come in bulk, so that the number is only remembered:
C<set_bulk_size> returns the one before (0 at first), C<bulk> sets it while code runs.

=head2 ask, ask_with, download, finish, flush, handle, handles_of, is_ours, is_stale, leave, locate, notice_fork, put, refuse_stale, register, release, request, send, tell_mode, unwatch, upload, wake, watch

For the other modules: see the comments.

=head1 ENVIRONMENT

C<AI_MXNET_ENGINE>, C<AI_MXNET_PYTHON>, C<AI_MXNET_SHARE_BYTES>, C<MXNET_ENGINE_TYPE>: see L<AI::MXNet/ENVIRONMENT>.

=head1 SEE ALSO

L<AI::MXNet>; F<protocol/PROTOCOL.md> for what the two processes say to each other, F<SECURITY.md> for who can listen

=cut
