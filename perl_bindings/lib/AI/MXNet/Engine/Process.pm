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

# Starts the engine. A hash with `socket`, `report` (a handle that tells how it ended), and what `command` returns.
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
        _exec($command, $theirs, $report_end);
    }
    waitpid $pid, 0;
    close $_ for $theirs, $report_end;
    $ours->blocking(0);
    return { socket => $ours, report => $report, %$command };
}

# In the grandchild: the channel on 0 and 1, the script's stdout on 3, the report on 4.
sub _exec
{
    my ($command, $channel, $report) = @_;
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
    my @extra = ($ENV{AI_MXNET_ENGINE} // '') =~ /\S/ ? () : ('--print-to', 3, '--report', 4);
    no warnings 'exec';
    exec { $_->[0] } @$_, @extra for $command->{words};
    my $message = "-1\ncannot run $command->{words}[0]: $!; mend it with:\n$command->{mend}";
    exec { $_->[0] } @$_, @extra for $command->{otherwise} // ();
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
    $tail =~ s/\s+\z//;
    return "it did not start: $tail" if $status == -1;
    my $how
        = $status & 127  ? sprintf('it was killed by SIG%s', $SIGNALS[$status & 127])
        : $status >> 8   ? sprintf('it ended with status %d', $status >> 8)
        :                  'it ended';
    $how .= ' (likely out of memory)' if ($status & 127) == 9;
    $how .= "; the end of its stderr:\n" . join "\n", map { "    $_" } grep { length } (split /\n/, $tail)[-12 .. -1]
        if length $tail;
    return $how;
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
