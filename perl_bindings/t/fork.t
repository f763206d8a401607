# A forked child has an engine of its own, and the parent's is the parent's. Other children are none of our business.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/lib";
use Config;
use File::Temp qw(tempdir);
use POSIX qw(WNOHANG);
use Test::More;
use AI::MXNet qw(mx nd autograd);
use AI::MXNet::Gluon::NN qw(nn);
use Processes qw(is_alive soon);

plan skip_all => 'the tests look into /proc' unless -d "/proc/$$";
my $folder = tempdir(CLEANUP => 1);

# What the code returns in a forked child, and the child's exit status.
sub in_child
{
    my ($code) = @_;
    pipe my $read, my $write or die $!;
    my $pid = fork // die $!;
    if (!$pid) {
        close $read;
        print {$write} eval { $code->() } // "died: $@";
        close $write;
        exit 0;
    }
    close $write;
    my $text = do { local $/; readline $read };
    waitpid $pid, 0;
    return wantarray ? ($text, $?) : $text;
}

my $x = nd->array([1, 2, 3]);
my $pid = mx->engine->pid;

sub parent_is_well
{
    is_deeply [mx->engine->pid, ($x * 2)->aspdl->list], [$pid, 2, 4, 6], 'the parent is undisturbed';
    return;
}

subtest 'a child computes with an engine of its own' => sub {
    my ($text, $status) = in_child(sub { join ' ', mx->engine->pid, (nd->array([4, 5]) * 2)->aspdl->list });
    my ($own, @values) = split ' ', $text;
    isnt $own, $pid;
    is "@values", '8 10';
    is $status, 0;
    ok soon(sub { !is_alive($own) }), 'which ends with the child';
    parent_is_well();
};

subtest 'the parent\'s arrays are refused there, by name' => sub {
    my $named = nd->contrib->boolean_mask($x, nd->array([1, 0, 1]));    # the engine named it
    my $refused = qr/\Adied: The array <AI::MXNet::NDArray [23] \@cpu\(0\)> belongs to another engine: that of the parent process/;
    my %uses = (
        'an operator' => sub { ($_[0] + 1)->aspdl; 'no' },
        'a function' => sub { nd->relu($_[0])->aspdl; 'no' },
        'reading' => sub { $_[0]->aspdl; 'no' },
        'waiting' => sub { $_[0]->wait_to_read; 'no' },
        'writing' => sub { my $array = $_[0]; $array += 1; $array->aspdl; 'no' },
        'after other work' => sub { my $y = nd->ones([2]); ($_[0] + 1)->aspdl; 'no' },
    );
    for my $use (sort keys %uses) {
        like in_child(sub { $uses{$use}->($x) }), $refused, $use;
        like in_child(sub { $uses{$use}->($named) }), $refused, "$use of one that the engine named";
    }
    is in_child(sub { my @new = map { nd->ones([1]) * $_ } 1 .. 200; undef $named; undef $x; $new[77]->asscalar }), 78,
        'to let go of them harms nothing';
    parent_is_well();
};

subtest 'so are symbols, executors and what is bound to them' => sub {
    my $symbol = mx->sym->FullyConnected(mx->sym->var('data'), num_hidden => 2, name => 'fc');
    my $executor = $symbol->simple_bind(shapes => { data => [1, 3] });
    my $net = nn->Dense(1, in_units => 3);
    $net->initialize(mx->init->One);
    $net->hybridize;
    my $input = [[1, 2, 3]];
    is $net->(nd->array($input))->asscalar, 6, 'a block has its graph';
    my %uses = (
        'symbol <AI::MXNet::Symbol fc>' => [
            sub { $symbol->list_arguments }, sub { $symbol + 1 }, sub { mx->sym->Group([$symbol]) }, sub { $symbol->bind(args => {}) },
            sub { $symbol->(data => mx->sym->var('x')) },
        ],
        'executor of the symbol <AI::MXNet::Symbol fc>' => [sub { $executor->forward(0, data => $input) }, sub { $executor->backward(nd->ones([1, 2])) }],
        'array <AI::MXNet::NDArray 1x3 @cpu(0)>' => [sub { $net->(nd->array($input)) }],
    );
    for my $what (sort keys %uses) {
        for my $i (0 .. $#{ $uses{$what} }) {
            my $use = $uses{$what}[$i];
            my $refused = qr/\Adied: The \Q$what\E belongs to another engine: that of the parent process, .* at \Q$0\E line /;
            like in_child($use), $refused, "$what, use $i";
            my $child = open(my $pipe, '-|') // die $!;
            if (!$child) { eval { $use->(); 1 } or print "died: $@"; exit 0 }
            like do { local $/; readline $pipe }, $refused, '  also where Perl does not tell us of the fork';
        }
    }
    is in_child(sub {
        $net->initialize(mx->init->One, force_reinit => 1);
        join ' ', $net->(nd->array($input))->asscalar, mx->sym->var('data')->name, ($net->(mx->sym->var('x')) + 1)->list_arguments->[0];
    }), '6 data x', 'a block whose parameters are made anew makes its graph anew';
    is $net->(nd->array($input))->asscalar, 6, 'the parent has its own';
    is_deeply $symbol->list_outputs, ['fc_output'];
    parent_is_well();
};

subtest 'a fork in the midst of unsent instructions' => sub {
    my $y = $x + 1;
    my $z = $y * 2;
    my $text = in_child(sub { my $y = nd->array([7]); my $z = $y + 1; $z->asscalar });
    is $text, 8, 'the child does not do the parent\'s work';
    is_deeply $z->aspdl->unpdl, [4, 6, 8], 'the parent does';
    my @more = map { $x * $_ } 1 .. 30;
    is in_child(sub { 'nothing' }), 'nothing', 'nor does one that has no use for an engine';
    is_deeply $more[9]->aspdl->unpdl, [10, 20, 30];
    parent_is_well();
};

subtest 'a child that is recording goes on' => sub {
    my $text;
    autograd->record(sub {
        $text = in_child(sub {
            my $w = nd->array([3]);
            $w->attach_grad;
            my $y = $w * $w;
            $y->backward;
            $w->grad->asscalar;
        });
    });
    is $text, 6;
    parent_is_well();
};

subtest 'a fork that Perl does not tell us of: open with a dash' => sub {
    for my $unsent (0, 1) {
        my $y = $x + 1;
        $y->aspdl if !$unsent;
        my $child = open(my $pipe, '-|') // die $!;
        if (!$child) {
            my $ones = nd->ones([2]) + nd->array([3]);
            my $refused = eval { ($y + 1)->aspdl; 1 } ? 'no' : "$@";
            print $ones->aspdl->sum, " $refused";
            exit 0;
        }
        my $text = do { local $/; readline $pipe };
        ok close $pipe;
        like $text, qr/\A8 The array .* belongs to another engine/, $unsent ? 'with unsent instructions' : 'with none';
        is $y->aspdl->sum, 9;
    }
    parent_is_well();
};

subtest 'however a child ends, the parent\'s engine stays' => sub {
    my %ends = (
        'exit' => sub { exit 0 },
        'die' => sub { close STDERR; die 'on purpose' },
        '_exit' => sub { POSIX::_exit(0) },
        'exec' => sub { exec 'true' },
        'kill' => sub { kill KILL => $$ },
        'exit, after work' => sub { nd->ones([2])->aspdl; exit 0 },
        'kill, after work' => sub { nd->ones([2])->aspdl; kill KILL => $$ },
    );
    for my $end (sort keys %ends) {
        my $y = $x + 1;
        my $child = fork // die $!;
        if (!$child) { $ends{$end}->() }
        waitpid $child, 0;
        is $y->aspdl->sum, 9, $end;
    }
    parent_is_well();
};

subtest 'a daemon' => sub {
    my $report = "$folder/daemon";
    my $child = fork // die $!;
    if (!$child) {
        POSIX::setsid();
        exit 0 if fork;
        # as daemons do; by their numbers, for the handles are in many hands
        POSIX::close($_) for 0 .. 255;
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', '/dev/null';
        open STDERR, '>', '/dev/null';
        open my $log, '>', "$report.log" or POSIX::_exit(1);
        print {$log} "begun\n";
        my $sum = eval { nd->array([1, 2, 3])->sum->asscalar } // $@;
        mx->engine->restart;
        print {$log} "ended\n";
        close $log or $sum = "its log was closed: $!";
        open my $file, '>', "$report.new" or POSIX::_exit(1);
        print {$file} "$sum ", mx->engine->pid, " $$\n";
        close $file;
        rename "$report.new", $report;
        sleep 60;
        exit 0;
    }
    waitpid $child, 0;
    ok soon(sub { -e $report }, 10), 'lives' or return;
    open my $file, '<', $report or die $!;
    my ($sum, $engine, $daemon) = split ' ', readline $file;
    is $sum, 6, 'and computes';
    open my $log, '<', "$report.log" or die $!;
    is join('', readline $log), "begun\nended\n", 'its files are left alone';
    ok is_alive($engine), 'its engine lives';
    ok kill(KILL => $daemon), 'killed';
    ok soon(sub { !is_alive($engine) }), 'it takes its engine along';
    parent_is_well();
};

subtest 'mapped piddles stay what they were in a child' => sub {
    my $big = nd->ones([300_000]);
    my $piddle = $big->aspdl;
    pipe my $read, my $write or die $!;
    pipe my $answer, my $answer_end or die $!;
    my $child = fork // die $!;
    if (!$child) {
        close $write;
        readline $read;    # until the parent has changed all it can
        syswrite $answer_end, $piddle->sum;
        POSIX::_exit(0);
    }
    close $read;
    undef $piddle;
    my @others;
    for (1 .. 5) {
        $big += 1;
        push @others, (nd->ones([300_000]) * 7)->aspdl;
        $big->wait_to_read;
        @others = () if $_ % 2;
    }
    close $write;
    sysread $answer, my $sum, 100;
    is $sum, 300_000;
    waitpid $child, 0;
    is $big->aspdl->sum, 1_800_000;
};

subtest 'wait, system, qx and $SIG{CHLD} are as without an engine' => sub {
    mx->engine->restart;
    $x = nd->array([1, 2, 3]);
    $pid = mx->engine->pid;
    is wait(), -1, 'there is no child to wait for';
    is system($^X, '-e', 'exit 3') >> 8, 3;
    is qx(echo here), "here\n";
    my @called;
    local $SIG{CHLD} = sub { while ((my $child = waitpid -1, WNOHANG) > 0) { push @called, $child } };
    my $child = fork // die $!;
    exit 0 if !$child;
    ok soon(sub { @called == 1 }), 'a handler is called for children of the script';
    mx->engine->restart;
    is_deeply \@called, [$child], 'and for no other';
    kill KILL => mx->engine->pid;
    ok !eval { soon(sub { nd->waitall; 0 }) };
    is_deeply \@called, [$child], 'not even as the engine dies';
    $SIG{CHLD} = 'IGNORE';
    $child = fork // die $!;
    exit 0 if !$child;
    mx->engine->restart;
    ok soon(sub { !kill 0 => $child }), 'where they are ignored, they leave nothing behind';
    is wait(), -1;
    is $SIG{CHLD}, 'IGNORE', 'and stay ignored';
    is nd->ones([2])->sum->asscalar, 2;
};

subtest 'threads of Perl are like children' => sub {
    plan skip_all => 'this perl has no threads' unless $Config{useithreads};
    my $program = q(
        use threads; use AI::MXNet qw(mx nd); $PDL::no_clone_skip_warning = $PDL::no_clone_skip_warning = 1; use AI::MXNet::Gluon::NN qw(nn);
        my @arrays = map { nd->ones([2]) * $_ } 1 .. 100;
        my $net = nn->Dense(2, in_units => 2); $net->initialize('ones'); $net->hybridize; $net->($arrays[0]->reshape([1, 2]));
        my $in_thread = sub { my ($code) = @_; threads->create({ context => 'scalar' }, sub { eval { $code->() } // "died: $@" })->join };
        print $in_thread->(sub { 'no arrays' }), "\n", $in_thread->(sub { my $x = nd->ones([2]) * 3; '' . $x->sum->asscalar }), "\n";
        print $in_thread->(sub { $arrays[2]->aspdl . q() });
        print $arrays[1]->aspdl, $net->($arrays[1]->reshape([1, 2]))->aspdl->flat, "\n";
    );
    open my $run, '-|', $^X, (map {"-I$_"} @INC), '-we', $program or die "$^X: $!";
    like join('', readline $run), qr/\Ano arrays\n6\ndied: The array .* belongs to another engine.*\n\[2 2\]\[4 4\]\n\z/;
    close $run;
    is $?, 0, 'it ends well';
};

done_testing;
