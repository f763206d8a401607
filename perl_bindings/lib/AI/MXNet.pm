package AI::MXNet;
# The umbrella: `use AI::MXNet qw(mx);`. POD at the end.
use strict;
use warnings;

our $VERSION = '1.6';
our ($AttrScope, $NameManager, $Context);

# first, because the engine starts while the rest still compiles
use AI::MXNet::Engine;
use AI::MXNet::NS;
use AI::MXNet::Error;
use AI::MXNet::Context;
use AI::MXNet::Base ();    # for what it adds to PDL
use AI::MXNet::Logging;
use AI::MXNet::NDArray;
use AI::MXNet::AutoGrad;
use AI::MXNet::Random;

$Context = AI::MXNet::Context::->cpu;

# NumPy's meaning of indices, where a program is to have it
AI::MXNet::NS::load('AI/MXNet/Dialect.pm') if $ENV{AI_MXNET_DIALECT};

# packages that are loaded when they are asked for
my %accessors = (
    nd       => 'AI::MXNet::NDArray',
    ndarray  => 'AI::MXNet::NDArray',
    random   => 'AI::MXNet::Random',
    rnd      => 'AI::MXNet::Random',
    context  => 'AI::MXNet::Context',
    autograd => 'AI::MXNet::AutoGrad',
    linalg   => 'AI::MXNet::LinAlg',
    contrib  => 'AI::MXNet::Contrib',
    engine   => 'AI::MXNet::Engine',
    sym      => 'AI::MXNet::Symbol',
    symbol   => 'AI::MXNet::Symbol',
    gluon    => 'AI::MXNet::Gluon',
    image    => 'AI::MXNet::Image',
    img      => 'AI::MXNet::Image',

    viz      => 'AI::MXNet::Visualization',
    operator => 'AI::MXNet::Operator',
    profiler => 'AI::MXNet::Profiler',
    rnn      => 'AI::MXNet::RNN',
    runtime  => 'AI::MXNet::RunTime',

    # classes of AI::MXNet::OnDemand
    init         => 'AI::MXNet::Initializer',
    initializer  => 'AI::MXNet::Initializer',
    kv           => 'AI::MXNet::KVStore',
    lr_scheduler => 'AI::MXNet::LRScheduler',
    metric       => 'AI::MXNet::Metric',
    mod          => 'AI::MXNet::Module',
    module       => 'AI::MXNet::Module',
    opt          => 'AI::MXNet::Optimizer',
    optimizer    => 'AI::MXNet::Optimizer',
    callback     => 'AI::MXNet::Callback',
    io           => 'AI::MXNet::IO',
    mon          => 'AI::MXNet::Monitor',
    recordio     => 'AI::MXNet::RecordIO',
);

for my $name (keys %accessors) {
    my $package = $accessors{$name};
    (my $file = "$package.pm") =~ s{::}{/}g;
    no strict 'refs';
    *{"AI::MXNet::$name"} = sub { AI::MXNet::NS::load($file); $package };
}

sub Context    { my $class = shift; return AI::MXNet::Context::->new(@_) }
sub cpu        { AI::MXNet::Context::->cpu($_[1]) }
sub cpu_pinned { AI::MXNet::Context::->cpu_pinned($_[1]) }
sub current_context { AI::MXNet::Context::->current_ctx }
sub num_gpus   { AI::MXNet::Context::->num_gpus }
sub gpu        { AI::MXNet::Context::->gpu($_[1]) }
sub name       {'AI::MXNet'}
sub AttrScope  { my $class = shift; AI::MXNet::NS::load('AI/MXNet/Symbol/AttrScope.pm');   return AI::MXNet::Symbol::AttrScope->new(@_) }
sub Prefix     { my $class = shift; AI::MXNet::NS::load('AI/MXNet/Symbol/NameManager.pm'); return AI::MXNet::Symbol::Prefix->new(@_) }
sub rtc        {'AI::MXNet'}
sub CudaModule { my $class = shift; AI::MXNet::NS::load('AI/MXNet/CudaModule.pm'); return AI::MXNet::CudaModule->new(@_) }

sub import
{
    my ($class, @names) = @_;
    if (my @tags = grep {/\A:/} @names) {
        AI::MXNet::NS::load('AI/MXNet/Dialect.pm');
        AI::MXNet::Dialect->choose($_) for @tags;
        @names = grep { !/\A:/ } @names;
    }
    AI::MXNet::NS::install($class, scalar caller, @names);
    # for attributes of the caller's own classes
    AI::MXNet::NS::load('AI/MXNet/Types.pm') if $INC{'Mouse.pm'};
    # scripts of all ages write nd->array(...) with nothing more imported
    @nd::ISA = ('AI::MXNet::NDArray') if @names;
    return;
}

1;

__END__

=head1 NAME

AI::MXNet - deep learning for Perl and PDL, with the interface of AI::MXNet 1.6

=head1 SYNOPSIS

    use AI::MXNet qw(mx);

    my $x = nd->array([[1, 2], [3, 4]]);
    $x->attach_grad;
    my $y;
    mx->autograd->record(sub { $y = 2 * $x * $x });
    $y->backward;
    print $x->grad->aspdl;    # [[4 8] [12 16]], a piddle

=head1 DESCRIPTION

Arrays with MXNet's operators, and automatic differentiation of whatever a Perl program does with them. This package
keeps the interface of AI::MXNet 1.6, so that scripts written for it run. The C library behind the original is replaced
by an engine in Python and NumPy, which runs as a process of its own beside the script and shares memory with it. Perl
and the engine work at the same time: a call returns as soon as shape and dtype of its result are known, and only
reading a value waits.

Where to read on:

=over 4

=item L<AI::MXNet::NDArray>

Arrays: making, indexing, changing, saving them, arithmetic, and how operators are called.

=item L<AI::MXNet::AutoGrad>, L<AI::MXNet::AutoGrad::Function>

Recording and gradients; functions with a gradient of their own.

=item L<AI::MXNet::Gluon>

Networks of layers, and training them.

=item L<AI::MXNet::Symbol>, L<AI::MXNet::Module>, L<AI::MXNet::RNN>

Graphs of operators, training them, and recurrent ones.

=item L<AI::MXNet::IO>, L<AI::MXNet::RecordIO>, L<AI::MXNet::Gluon::Data>, L<AI::MXNet::KVStore>

Batches of data, files of records, datasets and their loaders; training by several processes.

=item L<AI::MXNet::Random>, L<AI::MXNet::LinAlg>, L<AI::MXNet::Contrib>, L<AI::MXNet::Image>

Samplers, and the operators that have a namespace of their own.

=item L<AI::MXNet::Optimizer>, L<AI::MXNet::LRScheduler>, L<AI::MXNet::Initializer>, L<AI::MXNet::Metric>

What training needs: update rules, learning rates, first values, measures of quality.

=item L<AI::MXNet::Context>, L<AI::MXNet::DType>

Where an array lives, and what it is made of.

=item L<AI::MXNet::Engine>, L<AI::MXNet::Error>

The process that computes; what is thrown.

=back

The F<docs> folder of the project has the list of all operators (F<operators.md>), the deliberate differences from the
original (F<differences.md>), how PDL's types are mapped (F<types.md>), how it all works (F<architecture.md>) and what can be relied on
(F<reliability.md>); F<examples_perl> has scripts to start from.

=head1 SET-UP

In a clone of the project,

    $ make setup
    $ perl -Iperl_bindings/lib your_script.pl

installs what is missing (Perl modules from Debian's packages, Python's into F<.venv>) and runs a script. No compiler is
needed.

The engine is the first of these that there is: the command in the environment variable C<AI_MXNET_ENGINE>; the clone
that this module lies in; the copy installed beside this module; the program C<ai-mxnet-engine> in the C<PATH>, which
installing the Python package brings. Clone and copy are run by the Python that C<AI_MXNET_PYTHON> names, else by that of
the clone's F<.venv>, else by C<python3>. C<< mx->engine->info >> tells what it came to.

=head1 IMPORTS

    use AI::MXNet qw(mx nd autograd);

Each word becomes a function that returns a package: C<mx> this one, C<nd> L<AI::MXNet::NDArray>, C<autograd>
L<AI::MXNet::AutoGrad>, and likewise C<sym>, C<gluon>, C<nn> and C<rnn> (L<AI::MXNet::Symbol>, L<AI::MXNet::Gluon>,
L<AI::MXNet::Gluon::NN>, L<AI::MXNet::Gluon::RNN>); any other word is another name for C<mx>. C<< nd->array(...) >> works
as soon as anything is imported. The first word, if it stands for AI::MXNet or AI::MXNet::AutoGrad, is also an alias of the package for the
whole program, so that C<$mx::Context> and C<mx::nd()> are what they were.

    use AI::MXNet qw(mx nd :numpy);

C<:numpy> gives indices NumPy's meaning, from there to the end of the block or file; C<:mxnet> takes that back. See
L<AI::MXNet::Dialect>. At a prompt, and in a notebook, L<AI::MXNet::Prompt> imports what one needs there.

=head1 FUNCTIONS

All are class methods, called as C<< mx->cpu >> or C<< AI::MXNet->cpu >>.

=head2 nd, ndarray

L<AI::MXNet::NDArray>.

=head2 autograd

L<AI::MXNet::AutoGrad>.

=head2 gluon

L<AI::MXNet::Gluon>.

=head2 sym, symbol

L<AI::MXNet::Symbol>.

=head2 rnn

L<AI::MXNet::RNN>: symbolic recurrent networks.

=head2 operator

L<AI::MXNet::Operator>: operators written in Perl.

=head2 AttrScope, Prefix

    local $mx::AttrScope   = mx->AttrScope(__group__ => '4');
    local $mx::NameManager = mx->Prefix('left_');

A new L<AI::MXNet::Symbol::AttrScope>, and a new AI::MXNet::Symbol::Prefix (L<AI::MXNet::Symbol::NameManager>).

=head2 random, rnd

L<AI::MXNet::Random>.

=head2 linalg, contrib

L<AI::MXNet::LinAlg> and L<AI::MXNet::Contrib>, whose C<nd> has the operators. C<< nd->linalg >> and C<< nd->contrib >>
are shorter.

=head2 optimizer, opt, lr_scheduler, init, initializer, metric

L<AI::MXNet::Optimizer>, L<AI::MXNet::LRScheduler>, L<AI::MXNet::Initializer> and L<AI::MXNet::Metric>, which are loaded
when one of their methods is called.

=head2 mod, module, kv

L<AI::MXNet::Module>: training a symbol; L<AI::MXNet::KVStore>: where the gradients of contexts and workers meet.

=head2 image, img

L<AI::MXNet::Image>: images and their files.

=head2 callback, mon, viz

L<AI::MXNet::Callback>: what training calls as it goes on; L<AI::MXNet::Monitor>: watching executors;
L<AI::MXNet::Visualization>: networks as tables and pictures.

=head2 runtime, CudaModule

L<AI::MXNet::RunTime>: what the engine can do; L<AI::MXNet::CudaModule>, which dies.

=head2 io, recordio

L<AI::MXNet::IO>: batches of data; L<AI::MXNet::RecordIO>: files of records.

=head2 engine, profiler

L<AI::MXNet::Engine>, L<AI::MXNet::Profiler>.

=head2 context, Context, cpu, cpu_pinned, gpu, current_context, num_gpus

    my $ctx = mx->cpu(1);                     # the same object as the next two
    $ctx = mx->context->new('cpu', 1);
    $ctx = mx->Context(device_type => 'cpu', device_id => 1);
    {
        local $mx::Context = $ctx;            # where arrays are made from now on
        print nd->zeros([2])->context, "\n";  # cpu(1)
    }

C<context> is the package L<AI::MXNet::Context>, C<current_context> the one in use, C<num_gpus> is 0; the others make one.

=head2 name, rtc

This package. Old scripts ask for them.

=head1 ENVIRONMENT

=over 4

=item AI_MXNET_ENGINE

A command that runs the engine, as words for a shell (quotes group, nothing is expanded). Its standard input and output
are the channel. It may run the engine elsewhere; then all values travel through the channel, and the scripts still see
the same:

    $ export AI_MXNET_ENGINE='ssh big-machine mxnet/.venv/bin/ai-mxnet-engine'

=item AI_MXNET_PYTHON

The Python interpreter (3.10 or later, with NumPy and msgpack) that runs the engine of a clone, or of the copy beside the
modules.

=item AI_MXNET_DIALECT

C<numpy> gives indices NumPy's meaning in all of a program that does not choose for itself, as C<use AI::MXNet qw(:numpy)>
does: see L<AI::MXNet::Dialect>. C<mxnet>, or nothing, leaves 1.6's.

=item MXNET_ENGINE_TYPE

With C<NaiveEngine>, as in MXNet, each call waits until it is computed. Programs then take several times as long, and what
goes wrong in the engine dies where it was called, rather than where the value is read.

=item AI_MXNET_SHARE_BYTES

From how many bytes on an array goes through memory shared with the engine, rather than through the channel. 262144 if
not set. Values are the same either way.

=item AI_MXNET_OPENBLAS_CORETYPE

For which processor NumPy's OpenBLAS computes in the engine, such as C<Haswell>; that of the machine if not set.
C<OPENBLAS_CORETYPE> is left to other programs: some machines set it for all, to a processor whose kernels take twice as
long.

=back

=head1 ERRORS

Everything that goes wrong dies with an L<AI::MXNet::Error>, on the line of the script.

=head1 SEE ALSO

L<PDL>

=cut
