package Trial;
# What the trials share: how large they are, a view of both processes, and the verdict.
#
#     perl tests/soak/TRIAL.pl COUNT
#
# A trial prints one line for each figure, `name, before, after, verdict` between tabs, and exits with 1 if any is wrong.
# While it runs it tells on stderr how far it is.
use strict;
use warnings;
use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use FindBin qw($Bin);
use IO::Socket::UNIX;
use lib map { abs_path(dirname(__FILE__) . "/../../../perl_bindings/$_") } qw(t/lib lib);
use Processes qw(memory number_of_descriptors number_of_maps parent_of);

our @EXPORT = qw($COUNT $FOLDER $PYTHON figures progress right stay verdict window);

our $COUNT  = shift @ARGV // ($^C ? 0 : die "usage: $0 COUNT\n");    # none where perl -c looks at a trial
our $FOLDER = tempdir(CLEANUP => 1);
our $PYTHON = $ENV{AI_MXNET_PYTHON} || 'python3';

my (@lines, $wrong);
my $told = time;

# A trial may lead its streams elsewhere.
open my $stdout, '>&', \*STDOUT or die "dup: $!\n";
open my $stderr, '>&', \*STDERR or die "dup: $!\n";

# The engine of the trial has a window; to be called before AI::MXNet is loaded.
sub use_window
{
    my @arguments = @_;
    $ENV{AI_MXNET_ENGINE} = join ' ', map {"'$_'"} $PYTHON, "$Bin/window.py", "$FOLDER/window", @arguments;
    return;
}

# What the engine says of itself, when all that was issued is done.
sub window
{
    AI::MXNet::Engine->request('wait');
    my $socket = IO::Socket::UNIX->new(Peer => "$FOLDER/window") or die "the engine's window: $!\n";
    local $/;    # up to the end, when the engine has closed it
    return split ' ', readline $socket;
}

# What both processes hold.
sub figures
{
    my %engine = window();
    my $pid = AI::MXNet::Engine->pid;
    return {
        'memory of Perl, KiB'       => memory($$),
        'memory of the engine, KiB' => memory($pid),
        'memory of its supervisor, KiB' => memory(parent_of($pid)),
        'descriptors of Perl'       => number_of_descriptors($$),
        'descriptors of the engine' => number_of_descriptors($pid),
        'maps of Perl'              => number_of_maps($$),
        'maps of the engine'        => number_of_maps($pid),
        'handles given by Perl'           => $AI::MXNet::Engine::LAST - @AI::MXNet::Engine::FREE,
        'handles in the engine'     => $engine{handles},
        'segments'                  => $engine{segments},
        'objects of the engine'     => $engine{objects},
    };
}

# Compares what was before with what is after: counts may not grow at all, but allocators, their arenas and the caches of
# interpreters are not exact. More growth than that must be named.
sub stay
{
    my ($before, $after, %growth) = @_;
    for my $name (sort keys %$before) {
        my $most = $growth{$name} // ($name =~ /\Amemory/ ? 1536 : $name =~ /\Aobjects/ ? 100 : $name =~ /\Amaps/ ? 2 : 0);
        _line($name, $before->{$name}, $after->{$name}, $after->{$name} - $before->{$name} <= $most, "at most $most more");
    }
    return;
}

# A figure that must have a certain value.
sub right
{
    my ($name, $got, $expected) = @_;
    return _line($name, $expected, $got, $got eq $expected, 'the same');
}

sub _line
{
    my ($name, $before, $after, $good, $condition) = @_;
    push @lines, join "\t", $name, $before, $after, $good ? 'ok' : "WRONG, must be $condition";
    $wrong++ if not $good;
    return;
}

# Tells every few seconds how much has been done.
sub progress
{
    my ($done) = @_;
    return if time < $told + 5;
    $told = time;
    printf {$stderr} "    %d of %d; Perl has %d MiB\n", $done, $COUNT, memory($$) / 1024;
    return;
}

# Prints all lines and exits.
sub verdict
{
    print {$stdout} map {"$_\n"} @lines;
    exit($wrong ? 1 : 0);
}

1;
