# Signals while the script waits for the engine: a handler that dies breaks the computation off, and all is well after it.
use strict;
use warnings;
use File::Find qw(find);
use FindBin qw($Bin);
use lib "$Bin/lib";
use Test::More;
use Time::HiRes qw(alarm setitimer sleep time ITIMER_REAL);
use AI::MXNet qw(mx nd autograd);
use Processes qw(died_within later memory soon);

my $x = nd->array([1, 2, 3]);
$x->aspdl;

# An array at the end of a work of some seconds, in many operators.
sub long_work
{
    my $y = nd->ones([10_000_000]);
    $y = $y->exp->log for 1 .. 120;
    return $y;
}

# The error that the code dies of when a signal breaks it off after some seconds, and how long that took in all. Should
# Perl call the handler in a destructor, where it drops the exception, another signal follows.
sub broken_off
{
    my ($seconds, $code) = @_;
    my $armed = 1;
    local $SIG{ALRM} = sub { die "enough\n" if $armed };
    setitimer(ITIMER_REAL, $seconds, 0.5);
    my ($error, $time) = died_within($code);
    $armed = 0;
    setitimer(ITIMER_REAL, 0);
    return ($error, $time);
}

sub is_usable
{
    is_deeply +($x * 2)->aspdl->unpdl, [2, 4, 6], 'the engine is usable';
    $x->attach_grad;
    my $y;
    autograd->record(sub { $y = $x * $x });
    $y->backward;
    is_deeply $x->grad->aspdl->unpdl, [2, 4, 6], 'and differentiates';
    return;
}

subtest 'a handler that dies stops the computation' => sub {
    my $before = $x + 1;
    my $y = long_work();
    my ($error, $time) = broken_off(0.3, sub { $y->aspdl });
    is $error, "enough\n", 'its exception comes out of the wait';
    cmp_ok $time, '<', 2, 'at once';
    my $begin = time;
    is_usable();
    cmp_ok time - $begin, '<', 2, 'the rest is not computed';
    like +(died_within(sub { $y->aspdl }))[0], qr/\AMXNetError: the computation was interrupted .* at \Q$0\E line/,
        'what was not computed says so';
    like +(died_within(sub { ($y + 1)->sum->asscalar }))[0], qr/the computation was interrupted/, 'and what depends on it';
    is $before->aspdl->sum, 9, 'what was computed is good';
    is_deeply [mx->engine->failures], [], 'it is no failure that nobody has seen';
};

subtest 'as long as the script does not write faster than the engine computes, and also if it does' => sub {
    my $y = nd->ones([1_000_000]);
    my ($error, $time) = broken_off(0.5, sub { $y = $y->sqrt while 1 });
    is $error, "enough\n";
    my $begin = time;
    is_usable();
    cmp_ok time - $begin, '<', 2;
};

subtest 'a handler that returns disturbs nothing' => sub {
    my $calls = 0;
    local $SIG{ALRM} = sub { $calls++ };
    setitimer(ITIMER_REAL, 0.002, 0.002);
    my $y = nd->ones([100_000]);
    my $times = 0;
    until ($calls > 20) {
        $y = $y + 1 for 1 .. 100;
        $times += 100;
        $y->wait_to_read;
    }
    setitimer(ITIMER_REAL, 0);
    is_deeply [$y->aspdl->minmax], [$times + 1, $times + 1], 'every operator was computed once';
    is_usable();
};

subtest 'a handler may use the engine' => sub {
    my @sums;
    my $big = nd->ones([100_000]);
    local $SIG{ALRM} = sub {
        push @sums, $x->sum->asscalar, $big->aspdl->sum, nd->array($big->aspdl)->sum->asscalar;
        setitimer(ITIMER_REAL, 0.00001 + rand 0.002);    # leaves the script some time on a busy machine; 0 would end it
    };
    setitimer(ITIMER_REAL, 0.001);
    my ($wrong, $i) = (0, 0);
    while (++$i < 300 or @sums < 300) {
        my $y = $x + $i;
        my $z = nd->array(PDL->zeroes(PDL::float(), 70_000) + $i);
        my $list = nd->array([$i, 1]);
        $wrong++ if $y->aspdl->sum != 6 + 3 * $i or $z->aspdl->at(69_999) != $i or $list->aspdl->sum != $i + 1;
    }
    setitimer(ITIMER_REAL, 0);
    is $wrong, 0, 'in the midst of all that the script does with it';
    my %different = map { $_ => 1 } @sums;
    is_deeply [sort { $a <=> $b } keys %different], [6, 100_000], 'and saw what is right';
    is_usable();
};

subtest 'a handler that exits' => sub {
    my $child = fork // die $!;
    if (!$child) {
        $SIG{ALRM} = sub { exit 3 };
        my $y = long_work();
        alarm 0.3;
        $y->aspdl;
        exit 0;
    }
    my $begin = time;
    waitpid $child, 0;
    is $? >> 8, 3;
    cmp_ok time - $begin, '<', 5, 'does so at once';
    is_usable();
};

subtest 'the second interrupt works as the first' => sub {
    my $big = nd->ones([3000, 3000], dtype => 'float64');
    my $pid = mx->engine->pid;
    for my $round (1 .. 3) {
        # two while one product is computed, which nothing interrupts
        my @products;
        for (1, 2) {
            is +(broken_off(0.05, sub { push @products, nd->dot($big, $big); $products[-1]->aspdl }))[0], "enough\n";
        }
        is_usable();
        my $y = long_work();
        is +(broken_off(0.2, sub { $y->aspdl }))[0], "enough\n";
        my $begin = time;
        is_usable();
        cmp_ok time - $begin, '<', 3, "round $round: and it stops";
    }
    is mx->engine->pid, $pid;
};

subtest 'in a function that the engine calls' => sub {
    package Slow {
        our @ISA = ('AI::MXNet::AutoGrad::Function');
        our $backward = sub { sleep 5 };
        sub forward { my ($self, $x) = @_; return $x * 2 }
        sub backward { my ($self, $g) = @_; $backward->(); return $g * 2 }
    }
    require AI::MXNet::AutoGrad::Function;
    my $slow = sub {
        my $y;
        autograd->record(sub { $y = Slow->new->($x) });
        $y->backward;
        return $x->grad->aspdl->sum;
    };
    $x->attach_grad;
    my ($error, $time) = broken_off(0.2, $slow);
    is $error, "enough\n", 'an exception there is that of backward';
    cmp_ok $time, '<', 2;
    is_usable();
    local $Slow::backward = sub { long_work()->aspdl };
    ($error) = broken_off(0.2, $slow);
    is $error, "enough\n", 'also while it waits itself';
    is_usable();
    my $called = 0;
    local $Slow::backward = sub { $called++ };
    autograd->record(sub { my $y = Slow->new->($x) for 1 .. 3 });
    is $slow->(), 6, 'and then such functions work';
    is $called, 1;
};

# Runs the code over and over and breaks it off by a signal at random moments, so often. The signal is repeated, because
# Perl drops the exception of a handler that it happens to call in a destructor. How often it did is returned.
sub storm
{
    my ($times, $code) = @_;
    my ($rounds, $wrong, $armed, $dropped) = (0, 0, 0, 0);
    local $SIG{ALRM} = sub { die "enough\n" if $armed };
    local $SIG{__WARN__} = sub { $_[0] =~ /\(in cleanup\) enough/ ? $dropped++ : print STDERR @_ };
    srand 20191;
    for (1 .. $times) {
        # twice, because another signal may come as the first eval ends
        eval {
            eval {
                $armed = 1;
                setitimer(ITIMER_REAL, 0.0002 + rand 0.006, 0.001);
                while ($code->(++$rounds)) { }
                $armed = 0;
            };
            $armed = 0;
            die $@;
        };
        $armed = 0;
        my $error = $@;
        setitimer(ITIMER_REAL, 0);
        next if $error eq "enough\n";
        diag "round $rounds: ", $error || 'a wrong value';
        $wrong++;
    }
    is $wrong, 0, "$times interrupts in $rounds rounds, and no wrong value";
    is_usable();
    return $dropped;
}

subtest 'interrupts at random moments: small arrays' => sub {
    storm(100, sub {
        my ($i) = @_;
        my $y = nd->array([$i, $i + 1]);
        my $z = ($y + 1) * 2;
        $z += 1;
        return 0 if $z->aspdl->at(1) != 2 * $i + 5;
        my $w = $z;
        $w = $w - 1 for 1 .. 150;
        return $w->sum->asscalar == 4 * $i + 8 - 300;
    });
};

subtest 'interrupts at random moments: large arrays, and those that the engine names' => sub {
    my $pid = mx->engine->pid;
    my $work = sub {
        my ($i) = @_;
        my $y = nd->array(PDL->zeroes(PDL::float(), 100_000) + $i % 1000);
        my $piddle = ($y + 1)->aspdl;
        $y += 1;
        return 0 if $piddle->at(99_999) != $i % 1000 + 1 or $y->aspdl->at(50_000) != $i % 1000 + 1;
        my $named = nd->contrib->boolean_mask($y, $y == $i % 1000 + 1);
        return $named->shape->[0] == 100_000 && $named->aspdl->at(0) == $i % 1000 + 1;
    };
    storm(50, $work);
    $work->(1) for 1 .. 10;
    # a segment takes two descriptors
    my $segments = sub { scalar(grep { (readlink // '') =~ /memfd/ } glob "/proc/$pid/fd/*") / 2 };
    my $before = $segments->();
    my $dropped = storm(100, $work);
    $work->(1) for 1 .. 10;
    cmp_ok $segments->(), '<=', $before + 2 + $dropped, "nothing is left behind but for $dropped destructors" if -d "/proc/$pid/fd";
};

subtest 'interrupts at random moments: recordings' => sub {
    my $w = nd->array([3]);
    $w->attach_grad;
    storm(100, sub {
        my ($i) = @_;
        my $y;
        autograd->record(sub { $y = $w * $w * $i });
        $y->backward;
        return $w->grad->asscalar == 6 * $i;
    });
    ok !autograd->is_recording;
};

subtest 'modules are loaded late by AI::MXNet::NS::load alone, which no signal breaks off' => sub {
    # the doctor and Python's Perl run in processes of their own
    my @free = map {"AI/MXNet/$_.pm"} qw(Doctor Engine/Process Interpreter Interpreter/Values NS);
    my $lib = "$Bin/../lib";
    my @late;
    find({ no_chdir => 1, wanted => sub {
        my $name = s{\A\Q$lib\E/}{}r;
        return if $name !~ /\.pm\z/ or grep { $_ eq $name } @free;
        open my $file, '<', $_ or die "$_: $!";
        while (my $line = <$file>) {
            last if $line =~ /\A__END__/;
            push @late, "$name line $.: $line" if $line =~ /\A[^#]+\brequire [\w\$']/ and $line !~ /\A\{ package/;
        }
    } }, $lib);
    is "@late", '';
};

done_testing;
