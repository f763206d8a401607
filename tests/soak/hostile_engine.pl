# COUNT frames from engines of which every eighth is mutated: whatever they say, a script gets results, be they wrong, or
# an exception; there is no hang, no crash, no growth, and nothing of it is evaluated.
#
#     perl tests/soak/hostile_engine.pl COUNT [SEED [CONNECTION]]
#
# A failure tells the number of its connection, with which it can be repeated.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/lib";
use Trial;
use IO::Socket::UNIX;
use Socket qw(AF_UNIX PF_UNSPEC SOCK_STREAM);

my ($seed, $connection, %kinds);
our ($engines, $engines_pid);    # which at the end are still there
END { CORE::kill(TERM => $engines_pid) if $engines_pid }

# Engines are connections to one process, and nothing gets the signals that interrupt them.
BEGIN {
    ($seed, $connection) = ($ARGV[0] // 1, $ARGV[1] // 0);
    $ENV{AI_MXNET_SHARE_BYTES} = 100;
    $engines_pid = open $engines, '-|', $PYTHON, "$Bin/hostile_engine.py", $FOLDER, $seed, $connection or die "$PYTHON: $!\n";
    readline($engines) eq "ready\n" or die "no hostile engine could be started\n";
    *CORE::GLOBAL::kill = sub {
        my ($signal, @processes) = @_;
        /\A[1-9][0-9]*\z/ or die "a signal to '$_'\n" for @processes;
        return 1;
    };
    require AI::MXNet::Engine::Process;
    no warnings 'redefine';
    *AI::MXNet::Engine::Process::start = sub {
        my $socket = IO::Socket::UNIX->new(Peer => "$FOLDER/engines") or die "the hostile engine: $!\n";
        $socket->blocking(0);
        pipe my $report, my $nothing or die "pipe: $!\n";
        return { socket => $socket, report => $report, words => ['hostile'], from => 'a test', files => [0, 0] };
    };
}
use AI::MXNet qw(mx nd autograd);
use PDL ();
use Processes qw(memory number_of_descriptors number_of_maps);

my ($evaluated, $loaded) = (0, 0);
sub evaluated { $evaluated++ }

{
    package Evaluated;
    sub new { main::evaluated() }
    sub AUTOLOAD { main::evaluated() }
    sub DESTROY { main::evaluated() }
    sub STORABLE_thaw { main::evaluated() }
    sub STORABLE_attach { main::evaluated() }
}

{
    package Square;
    use parent 'AI::MXNet::AutoGrad::Function';
    sub forward { my ($self, $x) = @_; $self->save_for_backward($x); return $x * $x }
    sub backward { my ($self, $g) = @_; return 2 * $g * $self->saved_tensors->[0] }
}

# Every message of the engine's comes up in one of these.
my @scenarios = (
    sub {    # small arrays in frames, larger ones in shared memory
        my $x = nd->array([1, 2, 3]);
        my $y = nd->array(PDL->sequence(100) * 2);
        ($x->aspdl + 1)->sum;
        ($y->aspdl + 1)->sum;
        my $z = $y + 1;
        undef $y;
        $z = nd->array($z->aspdl);
        $z->asscalar if $z->size == 1;
        return $z->aspdl->sum;
    },
    sub {    # arrays that the engine names, and their shapes
        my $x = nd->array([[1, 2], [3, 4]]);
        my $some = nd->contrib->boolean_mask($x, nd->array([1, 0]));
        my @parts = @{ nd->split($x, num_outputs => 2) };
        my $sparse = $x->tostype('csr');
        return "@{ $some->shape }" . ($some + 1)->aspdl . $parts[0]->aspdl . $sparse->data->aspdl . $sparse->indices->aspdl;
    },
    sub {    # gradients, and a function of Perl's that the engine calls
        my $x = nd->array([1, 2, 3]);
        $x->attach_grad;
        my ($y, $z, $first);
        autograd->record(sub {
            $y = Square->new->($x * 2);
            $z = $x ** 3;
            ($first) = @{ autograd->grad($z, [$x], create_graph => 1, retain_graph => 1) };
        });
        $y->backward;
        my $text = $x->grad->aspdl . '';
        $first->backward;
        return $text . $x->grad->aspdl;
    },
    sub {    # what fails
        my $x = nd->array([1, 2, 3]);
        my $bad = nd->take($x, nd->array([9]), mode => 'raise');
        eval { $bad->aspdl };
        my $error = $@;
        return $error . join '', mx->engine->failures;
    },
    sub {    # graphs
        my $fc = mx->sym->FullyConnected(mx->sym->var('x'), name => 'fc', num_hidden => 2);
        my $net = mx->sym->tanh($fc->list_arguments->[0] eq 'x' ? $fc : $fc->get_internals->slice('fc_output'));
        my ($arguments, $outputs) = $net->infer_shape(x => [1, 3]);
        my $executor = mx->sym->load_json($net->tojson)->simple_bind(ctx => mx->cpu, shapes => { x => [1, 3] });
        $executor->arg_dict->{x} .= 1;
        $executor->forward(1);
        $executor->backward(nd->ones([1, 2]));
        return join ' ', (map {"@$_"} @$arguments, @$outputs), $executor->outputs->[0]->aspdl, $executor->grad_dict->{x}->aspdl;
    },
    sub {    # requests of all other kinds
        mx->random->seed(1);
        my $state = mx->random->get_state;
        mx->random->set_state($state);
        my ($path, $x) = ("$FOLDER/saved", nd->array([1, 2]));
        nd->save($path, { x => $x, y => $x + 1 });
        my $loaded = nd->load($path);
        my $info = mx->engine->info;
        return join ' ', map({ $loaded->{$_}->aspdl } sort keys %$loaded), map { $info->{$_} } qw(pid numpy python executable package);
    },
);

# The number of the last string that was evaluated: the first thing that an evaluation of data would change.
sub evaluations
{
    my $file = eval '__FILE__';
    return $file =~ /\A\(eval (\d+)\)\z/ ? $1 : die "evaluations are not counted\n";
}

sub problem
{
    my ($text) = @_;
    print STDERR "connection $connection of seed $seed: $text\n";
    $SIG{ALRM} = 'DEFAULT';
    alarm 5;    # the engine that is there may never answer
    exit 1;
}

# A mutation may be an answer of the right form that lacks a value. That is noticed where the value is used, but not
# where messages are read.
sub lacks_a_value
{
    my ($error) = @_;
    return $error =~ /undefined value|uninitialized value/ && $error !~ m{ at \S+/AI/MXNet/(?:Engine|NDArray)};
}

# One connection: an engine, and a scenario that uses it.
sub meet_engine
{
    my $number = $connection % @scenarios;
    my $before = evaluations();
    my $lived = eval {
        local $SIG{ALRM} = sub { problem("scenario $number hangs") };
        local $SIG{__WARN__} = sub { problem("scenario $number warns: @_") unless lacks_a_value("@_") };
        alarm 10;
        my $text = $scenarios[$number]->();
        alarm 0;
        1;
    };
    my $error = $@;
    alarm 0;
    problem("scenario $number died of: $error") unless $lived or ref $error eq 'AI::MXNet::Error' or lacks_a_value($error);
    problem("scenario $number evaluated something") if $evaluated or $loaded and evaluations() != $before + 1;
    $kinds{ $lived ? 'results' : ref $error && $error->kind eq 'engine' ? 'the end of the engine' : 'another error' }++;
    mx->engine->restart;
    $connection++;
    return;
}

# How many frames the engines have sent.
sub frames
{
    open my $file, '<', "$FOLDER/frames" or die "$FOLDER/frames: $!\n";
    return 0 + readline $file;
}

# This process alone: what engines hold is the concern of other trials.
sub held
{
    return {
        'memory of Perl, KiB' => memory($$),
        'descriptors of Perl' => number_of_descriptors($$),
        'maps of Perl'        => number_of_maps($$),
    };
}

meet_engine() for 1 .. 100;
$loaded = 1;    # what is loaded when it is needed may be text that is evaluated
my ($before, $frames) = (undef, 0);
while ($frames < $COUNT) {
    meet_engine();
    next if $connection % 50;
    $frames = frames();
    $before //= held() if $frames > $COUNT / 10;
    progress($frames);
}
stay($before, held());
right("scenarios that ended with $_", $kinds{$_}, $kinds{$_}) for sort keys %kinds;
verdict();
