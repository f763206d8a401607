package AI::MXNet::Engine;
# The engine as the rest of Perl sees it: instructions are issued without waiting; only a request waits.
#
# @STREAM, @FREE and $LAST are package variables because every operator touches them: an instruction is
#
#     $AWAKE or wake();  my $h = pop @FREE // ++$LAST;  push @STREAM, [...];  @STREAM < BATCH or flush();
use strict;
use warnings;
use Scalar::Util ();
use AI::MXNet::Engine::Process;

our (@STREAM, @FREE, $LAST, $STALE, $CLOSED);
our $AWAKE = 0;        # false after each flush: the next instruction looks first whether the engine still lives
our $LOCATED = '';     # the user's line that the engine was last told
our $FUNCTIONS = 0;    # functions of Perl that may be on a tape: backward must wait for them
our $GIVEN = 0;        # how far the engine's own handles have gone
$LAST = $STALE = 0;

use constant { BATCH => 64, PROTOCOL => 1 };
use constant SHARE_BYTES => $ENV{AI_MXNET_SHARE_BYTES} // 262_144;    # from this size arrays go through shared memory

my ($process, $stream, $memory, $owner, $dead);
my ($numbers, $interrupts) = (0, 0);
my %engine;        # what the engine said of itself: pid, numpy, boot, python, executable, package
my %abandoned;     # requests whose waiting was broken off
my %replies;       # answers that came while another one was waited for
my %functions;     # code that the engine may call, by number, until it says that it will not
my $function_count = 0;
my @exceptions;    # of functions called by the engine, to be raised where Perl waits

# The engine begins to start while Perl still compiles.
_start();

require AI::MXNet::Error;
require AI::MXNet::Engine::Stream;

sub _start
{
    $process = AI::MXNet::Engine::Process->start;
    ($owner, $dead, $memory, %engine) = ($$, undef, undef);
    ($stream, $LOCATED, $FUNCTIONS) = (undef, '', 0);
    @STREAM = @FREE = ();
    $AWAKE = 0;
    return;
}

# A child is told at once that it is one; a fork that Perl does not see (of `open '-|'`) is noticed at the next flush.
BEGIN {
    my $fork = defined &CORE::GLOBAL::fork ? \&CORE::GLOBAL::fork : sub { CORE::fork };
    no warnings 'redefine';
    *CORE::GLOBAL::fork = sub () {
        my $pid = $fork->();
        ($AWAKE, @STREAM) = (0) if defined $pid and not $pid;
        return $pid;
    };
}

# To be called before the first instruction after a flush: notices a fork, a dead engine and what the engine says.
sub wake
{
    return _fail_dead() if defined $dead;
    _forked() if $owner != $$;
    _connect() unless defined $stream;
    my $arrived = $stream->fill;
    if (not defined $arrived) { _died() }
    elsif ($arrived) { _receive() }
    $AWAKE = 1;
    return;
}

# The first frame says who we are; the answer is awaited with the first request.
sub _connect
{
    require AI::MXNet::Operators;
    $stream = AI::MXNet::Engine::Stream->new($process->{socket});
    $stream->queue([['hello', ++$numbers, PROTOCOL, AI::MXNet::Operators::digest(), $STALE]]);
    $engine{greeting} = $numbers;
    return;
}

# All arrays made so far become those of another engine, which are known by their handles.
sub _outdate
{
    $LAST = $GIVEN if $GIVEN > $LAST;
    $STALE = $LAST;
    return;
}

sub _forked
{
    # the parent's stream is the parent's: close our copies and start an engine of our own
    close $_ for grep { defined } @$process{qw(socket report)};
    _outdate();
    _start();
    return;
}

# Sends what has been issued.
sub flush
{
    wake() unless defined $stream and $owner == $$;
    $AWAKE = 0;
    return unless @STREAM;
    $stream->queue([splice @STREAM]);
    $stream->flush or _died();
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

# Issues a request and waits for its answer: its fields and a reference to its payload.
sub request
{
    my ($class, $name, @fields) = @_;
    $AWAKE or wake();
    my $number = ++$numbers;
    push @STREAM, [$name, $number, @fields];
    flush();
    return $class->_await($number);
}

# A request with bytes of its own.
sub request_with
{
    my ($class, $payload, $name, @fields) = @_;
    $class->put($payload, [$name, ++$numbers, @fields]);
    return $class->_await($numbers);
}

# Issues one instruction together with the bytes of its array.
sub put
{
    my ($class, $payload, $item) = @_;
    $AWAKE or wake();
    flush();
    $stream->queue([$item], $payload);
    $stream->flush or _died();
    return;
}

sub _await
{
    my ($class, $number) = @_;
    my $guard = AI::MXNet::Engine::Guard->new($number);
    until ($replies{$number}) {
        _receive();
        last if $replies{$number};
        $stream->wait_readable or _died();
        _receive();
    }
    $guard->done;
    my ($fields, $payload) = @{ delete $replies{$number} };
    return ($fields, $payload) if $fields->[0] eq 'ok';
    if (@exceptions) {
        my $exception = pop @exceptions;
        @exceptions = ();
        die $exception;
    }
    _throw(@$fields[1 .. $#$fields]);
}

sub _throw
{
    my ($kind, $message, $operator, $shapes, $file, $line, $trace) = @_;
    utf8::decode($_) for $message, $file, $trace;
    my @where = $file ne '' ? (file => $file, line => $line) : ();
    $message .= " (in $operator" . ($shapes ne '' ? " of shapes $shapes" : '') . ')'
        if $operator ne '' and index($message, $operator) < 0;
    AI::MXNet::Error->throw(
        kind => $kind, message => "MXNetError: $message", operator => $operator, shapes => $shapes, trace => $trace, @where);
}

# Handles every message that has arrived.
sub _receive
{
    local $@;    # the caller may be about to look at its own
    while (my ($message, $payload) = eval { $stream->next_message }) {
        my $kind = $message->[0];
        if ($kind eq 'segment') { $memory->freed($message->[1]) if defined $memory }
        elsif ($kind eq 'release') { $FUNCTIONS-- if delete $functions{ $message->[1] } }
        elsif ($kind eq 'call') { _called(@$message[1 .. $#$message]) }
        elsif ($kind =~ /\A[0-9]+\z/) {
            my ($number, @fields) = @$message;
            if ($number == 0) { _died("it refused our stream: $fields[2]") }
            elsif (delete $abandoned{$number}) { }
            elsif ($number == $engine{greeting}) { _greeted(@fields) }
            else { $replies{$number} = [\@fields, $payload] }
        }
        else { _died("it sent an unknown message '$kind'") }
    }
    _died($@->message) if $@;
    return;
}

sub _greeted
{
    my ($status, @fields) = @_;
    _died("it refused our stream: $fields[1]") if $status ne 'ok';
    @engine{qw(pid numpy boot python executable package)} = @fields;
    $engine{local} = -e "/proc/$fields[0]/fd" && $fields[2] eq _boot();
    return;
}

sub _boot
{
    open my $file, '<', '/proc/sys/kernel/random/boot_id' or return '';
    return scalar readline $file;
}

# The engine is gone: say so, now and at every later call.
sub _died
{
    my ($why) = @_;
    close $process->{socket};
    my $epitaph = AI::MXNet::Engine::Process->epitaph($process);
    $why = defined $why ? "$why; $epitaph" : $epitaph;
    my $advice = $why =~ /\Ait (?:did not start|refused our stream)/
        ? 'perl -MAI::MXNet::Doctor -e check examines the installation'
        : 'Its arrays are lost; mx->engine->restart starts another';
    $dead = "The engine ($process->{words}[0], from $process->{from}) is gone: $why\n$advice";
    @STREAM = ();
    return _fail_dead();
}

sub _fail_dead
{
    ($AWAKE, @STREAM) = (0);
    AI::MXNet::Error->throw(kind => 'engine', message => $dead);
}

# Dies because one of the arrays belongs to an engine that is gone, or to the parent process.
sub refuse_stale
{
    for my $array (@_) {
        next if not defined $array or abs($array->{handle}) > $STALE;
        AI::MXNet::Error->throw(
            kind    => 'handle',
            message => 'The array ' . $array->describe
                . ' belongs to another engine: that of the parent process, or the one before a restart');
    }
    return;
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

# True where arrays of $size bytes go through memory shared with the engine.
sub _shares
{
    my ($size) = @_;
    return 0 if $size < SHARE_BYTES;
    if (not defined $memory) {
        _connect_fully();
        require AI::MXNet::Engine::Memory;
        $memory = $engine{local} && $^O eq 'linux' ? AI::MXNet::Engine::Memory->new : 0;
    }
    return $memory ? 1 : 0;
}

sub _connect_fully
{
    AI::MXNet::Engine->request('wait') unless defined $engine{pid};
    return;
}

# Makes an array of the values of a piddle of PDL type $type and dims @$dims, as the new array $handle.
sub upload
{
    my ($class, $handle, $piddle, $type, $dtype, $as, $shape) = @_;
    my $size = PDL::Core::howbig($type) * $piddle->nelem;
    my $segment = _shares($size) ? _segment($size) : undef;
    if (!$segment) {
        $piddle = $piddle->get_datatype == $type ? $piddle->copy : $piddle->convert($type);
        my $bytes = ${ $piddle->get_dataref };
        return $class->put(\$bytes, ['put', $handle, $dtype, $as, @$shape]);
    }
    my $shared = $segment->{piddle}{ join ' ', $type, $piddle->dims }
        //= $memory->shared_piddle($segment, $type, [$piddle->dims]);
    $shared .= $piddle;
    $AWAKE or wake();
    push @STREAM, ['share', $handle, $segment->{number}, $dtype, $as, @$shape];
    flush();
    return;
}

sub _segment
{
    my ($size) = @_;
    # what the engine has released is news on the stream
    wake();
    AI::MXNet::Engine->send(map { ['unmap', $_] } $memory->unmapped);
    my $free = $memory->take($size);
    return $free if $free;
    my ($fields) = AI::MXNet::Engine->request('segment', $size);
    my (undef, $number, $fd, $real) = @$fields;
    my $segment = $memory->add($number, "/proc/$engine{pid}/fd/$fd", $real);
    $memory = 0 if not defined $segment;    # it cannot be opened from here: frames carry all from now on
    return $segment;
}

# The dtype, shape and content of an array: (dtype, shape, piddle).
sub download
{
    my ($class, $array, $type) = @_;
    my $size = PDL::Core::howbig($type) * $array->{type}{size};
    my $shared = _shares($size);
    $class->send(map { ['unmap', $_] } $memory->unmapped) if $shared;
    my ($fields, $payload) = $class->request('read', $array->{handle}, $shared);
    my (undef, $dtype, $segment, $fd, $offset, @shape) = @$fields;
    my @dims = reverse @shape;
    my $piddle;
    if ($segment) {
        $piddle = $memory->private_piddle($segment, "/proc/$engine{pid}/fd/$fd", $type, \@dims, $offset);
        if (not defined $piddle) {
            # the engine's memory cannot be opened here: frames carry all from now on
            $class->send(['unmap', $segment]);
            $memory = 0;
            return $class->download($array, $type);
        }
    }
    else {
        $piddle = PDL->new_from_specification(PDL::Type->new($type), @dims);
        ${ $piddle->get_dataref } = $$payload;
        $piddle->upd_data;
    }
    return ($dtype, \@shape, $piddle);
}

# -- the engine calls Perl -----------------------------------------------------------------------------------------

# Registers code that the engine may call with fields of arrays; the number that it is called by.
sub register
{
    my ($class, $code) = @_;
    $functions{ ++$function_count } = $code;
    $FUNCTIONS++;
    return $function_count;
}

sub _called
{
    my ($number, $function, $recording, @fields) = @_;
    my $arrays = eval {
        my $code = $functions{$function} or AI::MXNet::Error::fail("the engine called function $function, which is gone");
        $code->($recording, AI::MXNet::NDArray->adopt(@fields));
    };
    if (defined $arrays) {
        AI::MXNet::Engine->send(['return', $number, [map { defined $_ ? $_->{handle} : undef } @$arrays]]);
    }
    else {
        # the exception itself is raised where Perl waits; the engine only learns that there was one
        push @exceptions, $@;
        AI::MXNet::Engine->send(['raise', $number, 'an exception in a function of Perl']);
    }
    flush();
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
        shared_memory => _shares(SHARE_BYTES),
    };
}

# Ends the engine, if it still runs, and starts another. All arrays of the old one are lost.
sub restart
{
    my ($class) = @_;
    _shut() unless defined $dead;
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

sub _shut
{
    shutdown $process->{socket}, 2;
    close $process->{socket};
    close $process->{report};
    return;
}

# Called as a wait is broken off by an exception (of a signal handler): the engine stops between two operators and
# skips everything up to our `resume`.
sub _interrupt
{
    my ($number) = @_;
    return if defined $dead or $owner != $$;
    $abandoned{$number} = 1;
    $interrupts++;
    kill USR1 => $engine{pid} if $engine{local};
    push @STREAM, ['resume', $interrupts];
    flush();
    return;
}

END {
    local ($?, $!, $@);
    if ($owner == $$ and not defined $dead) {
        if (defined $stream) {
            print STDERR $_ for eval { AI::MXNet::Engine->failures };
            print STDERR $@ if $@;
        }
        _shut() unless defined $dead;
    }
    $CLOSED = 1;
}

package AI::MXNet::Engine::Guard;
# Notices that a wait was left by an exception.

sub new { my ($class, $number) = @_; return bless { number => $number }, $class }
sub done { $_[0]{done} = 1 }

sub DESTROY
{
    my ($self) = @_;
    return if $self->{done} or $AI::MXNet::Engine::CLOSED;
    local ($@, $!, $?);
    eval { AI::MXNet::Engine::_interrupt($self->{number}) };
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

A forked child gets an engine of its own at its first call. The parent's arrays stay the parent's; touching one in the
child dies and says so.

When Ctrl-C, an alarm or another signal handler leaves a wait with an exception, the engine skips what was still to be
computed, and the script can go on; arrays that were skipped die when they are read.

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

Ends the engine and starts another, after which arrays of the old one are refused.

=head2 download, flush, locate, put, refuse_stale, register, request, request_with, send, upload, wake

For the other modules: see the comments.

=head1 ENVIRONMENT

C<AI_MXNET_ENGINE>, C<AI_MXNET_PYTHON>, C<AI_MXNET_SHARE_BYTES>: see L<AI::MXNet/ENVIRONMENT>.

=head1 SEE ALSO

L<AI::MXNet>; F<protocol/PROTOCOL.md> for what the two processes say to each other, F<SECURITY.md> for who can listen

=cut
