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
use AI::MXNet::NDArray;
use AI::MXNet::AutoGrad;
use AI::MXNet::Random;

$Context = AI::MXNet::Context::->cpu;

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
);

for my $name (keys %accessors) {
    my $package = $accessors{$name};
    no strict 'refs';
    *{"AI::MXNet::$name"} = sub {$package};
}

sub Context    { my $class = shift; return AI::MXNet::Context::->new(@_) }
sub cpu        { AI::MXNet::Context::->cpu($_[1]) }
sub cpu_pinned { AI::MXNet::Context::->cpu_pinned($_[1]) }
sub gpu        { AI::MXNet::Context::->gpu($_[1]) }
sub name       {'AI::MXNet'}
sub rtc        {'AI::MXNet'}

sub import
{
    my ($class, @names) = @_;
    AI::MXNet::NS::install($class, scalar caller, @names);
    # scripts of all ages write nd->array(...) with nothing more imported
    @nd::ISA = ('AI::MXNet::NDArray') if @names;
    return;
}

1;
