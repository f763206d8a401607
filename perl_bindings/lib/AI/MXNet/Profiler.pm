package AI::MXNet::Profiler;
# When Perl, the stream of instructions and the engine were busy, as a trace for Chrome. POD at the end.
#
# While it runs, some subs are others, which look at the clock; at other times nothing is slower.
use strict;
use warnings;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);
use AI::MXNet::Engine;
use AI::MXNet::Error;
use AI::MXNet::Operators;

use constant MOST => 2_000_000;    # events of Perl that are kept

my %config = (filename => 'profile.json', mode => 'all');
my @events;    # [lane, name, start, end], in nanoseconds
my %plain;      # the subs that were replaced
my ($running, $lost) = (0, 0);
our $asked = '';    # the request that is waited for

sub profiler_set_config
{
    my ($class, @options) = @_;
    my $options = @options % 2 ? $options[0] : {@options};    # also by name
    AI::MXNet::Error::fail('profiler_set_config takes a hash of options') unless ref $options eq 'HASH';
    # what MXNet knows beside these chooses among its own parts
    my %known = map { $_ => 1 } qw(filename mode profile_all profile_symbolic profile_imperative profile_memory profile_api profile_process
        continuous_dump dump_period aggregate_stats);
    for my $name (sort keys %$options) {
        AI::MXNet::Error::fail("profiler_set_config: there is no option '$name', but ", join ', ', sort keys %known) unless $known{$name};
    }
    %config = (%config, %$options);
    return;
}

sub profiler_set_state
{
    my ($class, $state) = @_;
    my $run = { 1 => 1, run => 1, 0 => 0, stop => 0 }->{ $state // '' }
        // AI::MXNet::Error::fail("the state of the profiler is 1 (run) or 0 (stop), but got '", $state // 'undef', "'");
    return if $run == $running;
    AI::MXNet::Engine->request('profile', $run ? 'start' : 'stop');
    $run ? _watch() : _leave();
    $running = $run;
    return;
}

sub _now { return int(clock_gettime(CLOCK_MONOTONIC) * 1e9) }

sub _note
{
    my ($lane, $name, $start) = @_;
    if (@events < MOST) { push @events, [$lane, $name, $start, _now()] }
    else { $lost++ }
    return;
}

# Replaces the subs that tell what happens.
sub _watch
{
    no strict 'refs';
    no warnings 'redefine';
    %plain = map { $_ => \&{"AI::MXNet::$_"} } qw(Engine::flush Engine::ask Engine::_await Operators::invoke Operators::_invoke_known);
    my ($flush, $ask, $await) = @plain{qw(Engine::flush Engine::ask Engine::_await)};
    *AI::MXNet::Engine::flush = sub {
        my ($start, $count) = (_now(), scalar @AI::MXNet::Engine::STREAM);
        $flush->();
        _note('stream', "$count instructions", $start) if $count;
    };
    *AI::MXNet::Engine::ask = sub {
        my ($class, undef, $name) = @_;
        local $asked = $name;
        return $ask->(@_);
    };
    *AI::MXNet::Engine::_await = sub {
        my $start = _now();
        # noted where waiting is broken off, too
        my $note = AI::MXNet::Profiler::Note->new(sub { _note('Perl', "waits for $asked", $start) });
        return $await->(@_);
    };
    for my $name (qw(Operators::invoke Operators::_invoke_known)) {
        my $code = $plain{$name};
        *{"AI::MXNet::$name"} = sub {
            my ($operator, $start) = ($_[0]{name}, _now());
            my $note = AI::MXNet::Profiler::Note->new(sub { _note('Perl', $operator, $start) });
            return $code->(@_);
        };
    }
    return;
}

sub _leave
{
    no strict 'refs';
    no warnings 'redefine';
    *{"AI::MXNet::$_"} = $plain{$_} for keys %plain;
    %plain = ();
    return;
}

sub dump_profile
{
    my ($class) = @_;
    my ($fields, $payload) = AI::MXNet::Engine->request('profile', 'take');
    my (undef, $lost_there, @names) = @$fields;
    my $path = $config{filename};
    open my $file, '>:raw', "$path.$$.part" or AI::MXNet::Error::fail("$path.$$.part: $!");
    my ($pid, $theirs) = ($$, AI::MXNet::Engine->pid);
    my %lane = (Perl => [$pid, 1], stream => [$pid, 2]);
    my @lines = map { _metadata(@$_) } ['process_name', $pid, 0, "Perl ($0)"], ['thread_name', $pid, 1, 'Perl'], ['thread_name', $pid, 2, 'stream'],
        ['process_name', $theirs, 0, 'engine'], ['thread_name', $theirs, 1, 'engine'];
    push @lines, _line($_->[1], @$_[2, 3], @{ $lane{ $_->[0] } }) for @events;
    for (my $at = 0; $at < length $$payload; $at += 24) {
        my ($number, $start, $end) = unpack 'q<3', substr $$payload, $at, 24;
        my $name = defined $end && $number >= 0 ? $names[$number] : undef;
        AI::MXNet::Error->throw(kind => 'engine', message => 'the engine\'s profile is none') unless defined $name;
        push @lines, _line($name, $start, $end, $theirs, 1);
    }
    local ($\, $,);
    print {$file} "{\"displayTimeUnit\": \"ms\", \"traceEvents\": [\n", join(",\n", @lines), "\n]}\n" and close $file and rename "$path.$$.part", $path
        or AI::MXNet::Error::fail("$path: $!");
    warn 'the profile lacks ', $lost + $lost_there, " events, which were too many\n" if $lost + $lost_there;
    @events = ();
    $lost = 0;
    return;
}

sub _quoted { my ($text) = @_; return '"' . $text =~ s/(["\\])/\\$1/gr =~ s/[\x00-\x1f]/ /gr . '"' }

sub _metadata
{
    my ($what, $pid, $tid, $name) = @_;
    return sprintf '{"ph": "M", "name": "%s", "pid": %d, "tid": %d, "args": {"name": %s}}', $what, $pid, $tid, _quoted($name);
}

# Times are in microseconds.
sub _line
{
    my ($name, $start, $end, $pid, $tid) = @_;
    return sprintf '{"ph": "X", "name": %s, "ts": %.3f, "dur": %.3f, "pid": %d, "tid": %d}', _quoted($name), $start / 1000, ($end - $start) / 1000, $pid, $tid;
}

package AI::MXNet::Profiler::Note;
# Calls code as it goes out of scope.

sub new { my ($class, $code) = @_; return bless { code => $code }, $class }
sub DESTROY { my ($self) = @_; local ($@, $!, $?); $self->{code}->(); return }

1;

__END__

=head1 NAME

AI::MXNet::Profiler - what takes how long

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd);
    use AI::MXNet::Profiler;

    AI::MXNet::Profiler->profiler_set_config({ filename => "/tmp/profile-$$.json" });
    AI::MXNet::Profiler->profiler_set_state(1);
    my $product = nd->dot(nd->ones([50, 50]), nd->ones([50, 50]))->sum->asscalar;
    AI::MXNet::Profiler->profiler_set_state(0);
    AI::MXNet::Profiler->dump_profile;    # look at it in chrome://tracing, or with Perfetto
    unlink "/tmp/profile-$$.json";

=head1 DESCRIPTION

Perl and the engine work at the same time. The profile shows both on one clock, in three lanes: what Perl calls, and where it
waits; when instructions are sent, and how many; and each operator that the engine computes, also those of gradients, and
each message, such as C<backward> and C<read>. Arithmetic by C<+>, C<*> and so on shows in the engine's lane alone. While it
runs everything takes longer.

=head1 FUNCTIONS

Class methods.

=head2 profiler_set_config

A hash ref: C<filename>, F<profile.json> unless given. MXNet's other options (C<mode>, C<profile_all>, C<aggregate_stats> ...)
are accepted and mean nothing: all is noted.

=head2 profiler_set_state

1 or C<run> begins, 0 or C<stop> ends to note. Both wait for what was issued before.

=head2 dump_profile

Writes the file, in the form that Chrome calls a trace, and forgets the events. At most two million are kept on each side; what
was lost is told with a warning. The clock of an engine on another machine is another.

=head1 SEE ALSO

L<AI::MXNet::Engine>, F<docs/performance.md>

=cut
