package AI::MXNet::Engine::Process;
# Starts the engine as a process that is nobody's child, and tells how it ended.
use strict;
use warnings;
use Cwd ();
use File::Spec;
use IO::Handle ();
use POSIX ();
use Socket qw(AF_UNIX PF_UNSPEC SOCK_STREAM);
use Text::ParseWords qw(shellwords);

my @SIGNALS = do { require Config; split ' ', $Config::Config{sig_name} };

# Where this file lies: .../perl_bindings/lib/AI/MXNet/Engine/Process.pm in a clone.
my $HERE = Cwd::realpath(__FILE__);

# The command that runs the engine and where it came from: AI_MXNET_ENGINE, the clone, or the installed program.
sub command
{
    if (defined(my $text = $ENV{AI_MXNET_ENGINE})) {
        my @words = shellwords($text);
        return { words => \@words, from => 'the environment variable AI_MXNET_ENGINE' } if @words;
    }
    my ($volume, $folder) = File::Spec->splitpath($HERE);
    my $root = Cwd::realpath(File::Spec->catdir($folder, (File::Spec->updir) x 5));
    if (defined $root and -e "$root/python_engine/__main__.py") {
        my $python = -x "$root/.venv/bin/python" ? "$root/.venv/bin/python" : 'python3';
        # not -m, which would look for modules in the current directory
        my $start = 'import sys; sys.path[0] = sys.argv.pop(1); from python_engine.__main__ import main; main()';
        return { words => [$python, '-c', $start, $root], from => "the clone $root" };
    }
    return { words => ['ai-mxnet-engine'], from => 'the installed program ai-mxnet-engine' };
}

# Starts the engine. A hash with `socket`, `report` (a handle that tells how it ended), `command` and `from`.
sub start
{
    my ($class) = @_;
    my $command = $class->command;
    socketpair(my $ours, my $theirs, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die "socketpair: $!\n";
    pipe(my $report, my $report_end) or die "pipe: $!\n";
    local ($?, $!, $@);
    local $SIG{CHLD} = 'DEFAULT';
    # A grandchild, so that wait, system and $SIG{CHLD} of the script never see it.
    my $pid = CORE::fork // die "fork: $!\n";
    if (!$pid) {
        my $second = CORE::fork;
        POSIX::_exit(0) if $second or not defined $second;
        _exec($command->{words}, $theirs, $report_end);
    }
    waitpid $pid, 0;
    close $_ for $theirs, $report_end;
    $ours->blocking(0);
    return { socket => $ours, report => $report, %$command };
}

# In the grandchild: the channel on 0 and 1, the script's stdout on 3, the report on 4.
sub _exec
{
    my ($words, $channel, $report) = @_;
    my ($socket_fd, $report_fd) = (POSIX::dup(fileno $channel), POSIX::dup(fileno $report));
    my $out = POSIX::dup(defined fileno STDOUT ? fileno STDOUT : 2);
    # first out of the way of the numbers that they shall have
    my ($s, $r, $o) = map { my $fd = $_; $fd = POSIX::dup($fd) while $fd < 10; $fd } $socket_fd, $report_fd, $out;
    POSIX::dup2($s, 0);
    POSIX::dup2($s, 1);
    POSIX::dup2($o, 3);
    POSIX::dup2($r, 4);
    POSIX::close($_) for 5 .. 255;
    $SIG{$_} = 'DEFAULT' for qw(CHLD PIPE TERM HUP);
    $SIG{$_} = 'IGNORE' for qw(INT QUIT);
    my @extra = defined $ENV{AI_MXNET_ENGINE} ? () : ('--print-to', 3, '--report', 4);
    { no warnings 'exec'; exec { $words->[0] } @$words, @extra }
    my $message = "-1\ncannot run $words->[0]: $!";
    POSIX::write(4, $message, length $message);
    POSIX::_exit(127);
}

# How the engine ended, in words, from what the supervisor reported; waits for that report a second at most.
sub epitaph
{
    my ($class, $process) = @_;
    my ($text, $until) = ('', 1);
    my $wanted = '';
    vec($wanted, fileno $process->{report}, 1) = 1;
    while (select my $ready = $wanted, undef, undef, $until) {
        sysread($process->{report}, $text, 65536, length $text) or last;
    }
    my ($status, $tail) = $text =~ /\A(-?\d+)\n(.*)\z/s or return 'it ended without a report';
    my $how
        = $status == -1  ? 'it did not start'
        : $status & 127  ? sprintf('it was killed by SIG%s', $SIGNALS[$status & 127])
        : $status >> 8   ? sprintf('it ended with status %d', $status >> 8)
        :                  'it ended';
    $how .= ' (likely out of memory)' if ($status & 127) == 9;
    $tail =~ s/\s+\z//;
    $how .= "; the end of its stderr:\n" . join "\n", map { "    $_" } grep { length } (split /\n/, $tail)[-12 .. -1]
        if length $tail;
    return $how;
}

1;
