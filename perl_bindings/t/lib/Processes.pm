package Processes;
# What the tests of the engine's life look at: processes, their descriptors and memory, and time.
use strict;
use warnings;
use Exporter 'import';
use Time::HiRes qw(sleep time);

our @EXPORT_OK = qw(died_within is_alive later memory number_of_descriptors number_of_maps parent_of soon);

# True as soon as the code returns true, false if it does not within some seconds.
sub soon
{
    my ($code, $seconds) = @_;
    my $end = time + ($seconds // 1);
    until ($code->()) {
        return 0 if time > $end;
        sleep 0.01;
    }
    return 1;
}

sub _status
{
    my ($pid, $name) = @_;
    open my $file, '<', "/proc/$pid/status" or return undef;
    for (<$file>) { return $1 if /\A\Q$name\E:\s*(.*\S)/ }
    return undef;
}

# A process that has ended, though nobody has waited for it, is not alive.
sub is_alive { my ($pid) = @_; return (_status($pid, 'State') // 'Z') !~ /\A[ZX]/ }

sub parent_of { my ($pid) = @_; return _status($pid, 'PPid') }

# Resident memory in KiB.
sub memory { my ($pid) = @_; return _status($pid, 'VmRSS') =~ /(\d+)/ ? $1 : undef }

sub number_of_descriptors { my ($pid) = @_; return scalar(() = glob "/proc/$pid/fd/*") }

sub number_of_maps
{
    my ($pid) = @_;
    open my $file, '<', "/proc/$pid/maps" or die "maps: $!";
    my @lines = <$file>;
    return scalar @lines;
}

# Runs a shell command after some seconds, in a process that is not our child.
sub later
{
    my ($seconds, $command) = @_;
    system("(sleep $seconds; $command) >/dev/null 2>&1 &");
    return;
}

# The error that the code dies of, and how long that took.
sub died_within
{
    my ($code) = @_;
    my $begin = time;
    my $lived = eval { $code->(); 1 };
    return ($lived ? '' : "$@", time - $begin);
}

1;
