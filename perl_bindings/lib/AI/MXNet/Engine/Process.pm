package AI::MXNet::Engine::Process;
# Starts the engine as a process that is nobody's child, and tells how it ended.
use strict;
use warnings;
use Cwd ();
use Fcntl qw(F_DUPFD);
use File::Spec;
use IO::Handle ();
use POSIX ();
use Socket qw(AF_UNIX PF_UNSPEC SOCK_STREAM);
use Text::ParseWords qw(shellwords);

my @NAMES = do { require Config; split ' ', $Config::Config{sig_name} };
my ($BLOCK, $SET) = (POSIX::SIG_BLOCK(), POSIX::SIG_SETMASK());
my $SIGNALS = POSIX::SigSet->new;
$SIGNALS->fillset;
my $SIGNALS_BUT_CHLD = POSIX::SigSet->new;
$SIGNALS_BUT_CHLD->fillset;
$SIGNALS_BUT_CHLD->delset(POSIX::SIGCHLD());

# Where this file lies: .../perl_bindings/lib/AI/MXNet/Engine/Process.pm in a clone.
my $HERE = Cwd::realpath(__FILE__);

# The program that the Python package installs, for where the engine is in none of our folders.
my %program = (
    words => ['ai-mxnet-engine'],
    from  => 'the installed program ai-mxnet-engine',
    mend  => 'pipx install /path/to/a/clone',
);

# How to run the engine: from AI_MXNET_ENGINE, the clone, the copy installed beside these modules, or the program.
# A hash of `words`, `from` (in words), `mend` (a command for where it cannot be run), and for the copy `copy`, its folder,
# and `otherwise`: the words of the program, which takes its place where its Python lacks something.
sub command
{
    if ((my $text = $ENV{AI_MXNET_ENGINE} // '') =~ /\S/) {
        my @words = shellwords($text) or die "AI_MXNET_ENGINE is no command line, its quotes do not match: $text\n";
        my $from = 'the environment variable AI_MXNET_ENGINE';
        return { words => \@words, from => $from, mend => 'unset AI_MXNET_ENGINE' };
    }
    my ($volume, $folder) = File::Spec->splitpath($HERE);
    my ($root, $beside) = map { Cwd::realpath(File::Spec->catdir($folder, (File::Spec->updir) x $_)) } 5, 1;
    return _python($root, "the clone $root", '', -x "$root/.venv/bin/python" ? "$root/.venv/bin/python" : ())
        if defined $root and -e "$root/python_engine/__main__.py";
    return { %program } unless -e "$beside/python_engine/__main__.py";
    my $or = "from python_engine.requirements import give_way; give_way('$program{words}[0]'); ";
    my %copy = (copy => "$beside/python_engine", otherwise => $program{words});
    return { %{ _python($beside, "the Perl modules in $beside", $or) }, %copy };
}

# The engine in a folder, run by AI_MXNET_PYTHON, $python or python3.
sub _python
{
    my ($folder, $from, $first, $python) = @_;
    my $named = $ENV{AI_MXNET_PYTHON} || undef;
    my $mend = defined $named ? 'unset AI_MXNET_PYTHON' : 'apt-get install python3 python3-venv';
    # not -m, which would look for modules in the current directory
    my $start = "import sys; sys.path[0] = sys.argv.pop(1); ${first}from python_engine.__main__ import main; main()";
    return { words => [$named // $python // 'python3', '-c', $start, $folder], from => $from, mend => $mend };
}

# Where the engine came from after all, in words, when it has said where its package lies.
sub origin
{
    my ($class, $process, $package) = @_;
    return defined $process->{copy} && $package ne $process->{copy} ? $program{from} : $process->{from};
}

# Runs code that no handler of a signal shall break off half-way, and returns what it returns in scalar context.
sub undisturbed
{
    my ($code, $signals) = @_;
    local $@;
    my $before = POSIX::SigSet->new;
    my ($done, $result);
    $done = eval {
        POSIX::sigprocmask($BLOCK, $signals // $SIGNALS, $before);
        # here the handlers of signals that came before are called; they may die
        $result = $code->();
        1;
    };
    my $error = $@;
    POSIX::sigprocmask($SET, $before);
    die $error unless $done;
    return $result;
}

# Runs code in a process that is nobody's child, so that wait, system and $SIG{CHLD} of the script never see it. The code
# begins with all signals blocked; the process ends with it.
sub detached
{
    my ($code) = @_;
    local ($?, $!, $@);
    # The end of our own child is not the script's business; where it ignores those of its children, they stay ignored.
    local $SIG{CHLD} = ($SIG{CHLD} // '') eq 'IGNORE' ? 'IGNORE' : 'DEFAULT';
    my $pid = undisturbed(sub {
        my $child = CORE::fork;
        waitpid $child, 0 if $child;
        return $child if $child or not defined $child;
        eval { $code->() if 0 == (CORE::fork // 1) };
        POSIX::_exit(0);
    }, $SIGNALS_BUT_CHLD);
    die "fork: $!\n" unless defined $pid;
    return;
}

# Starts the engine. A hash with `socket`, `report` (a handle that tells how it ended), and what `command` returns.
sub start
{
    my ($class) = @_;
    my $command = $class->command;
    local ($?, $!, $@);
    local $^F = 2;    # what is opened here is closed in every program that the script runs
    socketpair(my $ours, my $theirs, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die "socketpair: $!\n";
    pipe(my $report, my $report_end) or die "pipe: $!\n";
    $_ = beyond_stderr($_) for $ours, $theirs, $report, $report_end;
    detached(sub { _exec($command, $theirs, $report_end) });
    $_->blocking(0) for $ours, $report;
    return { socket => $ours, report => $report, files => [map { (stat $_)[1] } $ours, $report], %$command };
}

# A handle away from the standard descriptors, which the script may have closed and yet print to.
sub beyond_stderr
{
    my ($handle) = @_;
    return $handle if fileno($handle) > 2;
    my $fd = fcntl($handle, F_DUPFD, 3) or die "fcntl: $!\n";
    open my $moved, '+<&=', $fd or die "fdopen: $!\n";
    return $moved;
}

# In the grandchild: the channel on 0 and 1, the script's stdout on 3, the report on 4.
sub _exec
{
    my ($command, $channel, $report) = @_;
    my $null = POSIX::open('/dev/null', POSIX::O_RDWR());
    defined POSIX::dup(2) or POSIX::dup2($null, 2);
    # First beyond the numbers that they shall have. To fcntl a tied STDOUT is the descriptor behind it.
    my ($s, $r, $o) = map { fcntl $_, F_DUPFD, 10 } $channel, $report, \*STDOUT;
    # MPICH's launcher names a socket that a program uses to join the others
    if (($ENV{PMI_FD} // '') =~ /\A[0-9]+\z/ and open my $launcher, '+<&=', $ENV{PMI_FD}) { $ENV{PMI_FD} = fcntl $launcher, F_DUPFD, 10 }
    POSIX::dup2($s, 0);
    POSIX::dup2($s, 1);
    POSIX::dup2($o // 2, 3);
    POSIX::dup2($r, 4);
    my %kept = map { $_ => 1 } 0 .. 4, $ENV{PMI_FD} // ();
    my $listed = opendir my $folder, '/proc/self/fd';
    POSIX::close($_) for grep { /\A[0-9]+\z/ and not $kept{$_} } $listed ? readdir $folder : 0 .. 255;
    $SIG{$_} = 'DEFAULT' for qw(CHLD PIPE);
    # what is sent to the whole process group is the script's to handle
    $SIG{$_} = 'IGNORE' for qw(HUP INT QUIT TERM USR1 USR2);
    POSIX::sigprocmask($SET, POSIX::SigSet->new);
    $ENV{AI_MXNET_DESCRIPTORS} = '3,4';
    no warnings 'exec';
    exec { $_->[0] } @$_ for $command->{words};
    my $message = "-1 0\ncannot run $command->{words}[0]: $!; mend it with:\n$command->{mend}";
    exec { $_->[0] } @$_ for $command->{otherwise} // ();
    POSIX::write(4, $message, length $message);
    return;
}

# How the engine ended, in words, from what its supervisor reported before the channel ended.
sub epitaph
{
    my ($class, $process) = @_;
    my $text = '';
    1 while sysread $process->{report}, $text, 65536, length $text;
    my ($status, $kills, $tail) = $text =~ /\A(-?\d+) (\d+)\n(.*)\z/s
        or return 'it ended without a report, because its supervisor was killed or never ran';
    $tail =~ s/\s+\z//;
    return "it did not start: $tail" if $status == -1;
    my $how
        = $status & 127 ? "it was killed by SIG$NAMES[$status & 127]"
        : $status >> 8  ? 'it ended with status ' . ($status >> 8)
        :                 'it ended';
    $how .= ' (likely out of memory)' if $kills and $NAMES[$status & 127] eq 'KILL';
    $how .= ' (its BLAS may mistake the processor: AI_MXNET_OPENBLAS_CORETYPE=Haswell names an older one)' if $NAMES[$status & 127] eq 'ILL';
    my @lines = grep { length } split /\n/, $tail;
    splice @lines, 0, -12 if @lines > 12;
    $how .= "; the end of its stderr:\n" . join "\n", map {"    $_"} @lines if @lines;
    return $how;
}

# In a forked child: closes its copies of the parent's handles. A daemon may have closed them by their numbers, which
# since belong to other files: those are none of ours to close.
sub forsake
{
    my ($class, $process) = @_;
    for my $i (0, 1) {
        my $handle = $process->{ (qw(socket report))[$i] };
        next if not defined fileno $handle;
        if (((stat $handle)[1] // 0) == $process->{files}[$i]) { close $handle }
        else                                                  { binmode $handle, ':pop' for 1, 2 }
    }
    return;
}

1;

__END__

=head1 NAME

AI::MXNet::Engine::Process - starts the engine

=head1 DESCRIPTION

Internal, and no part of the interface: it may change with any release. Finds the command that runs the engine, starts
it as a process that is nobody's child, and tells how it ended.

=head1 SEE ALSO

L<AI::MXNet::Engine>

=cut
