package AI::MXNet::Gluon;
# The namespace of Gluon: gluon->nn, gluon->Trainer(...). POD at the end.
use strict;
use warnings;
use AI::MXNet ();
use AI::MXNet::NS;
use AI::MXNet::Gluon::HybridBlock;

our @ISA = ();    # in place of AI::MXNet::OnDemand

my %packages = (
    data      => 'AI::MXNet::Gluon::Data',
    loss      => 'AI::MXNet::Gluon::Loss',
    model_zoo => 'AI::MXNet::Gluon::ModelZoo',
    nn        => 'AI::MXNet::Gluon::NN',
    rnn       => 'AI::MXNet::Gluon::RNN',
    utils     => 'AI::MXNet::Gluon::Utils',
);
my @classes = qw(Block Constant HybridBlock Parameter ParameterDict SymbolBlock Trainer);

for my $name (keys %packages) {
    my $package = $packages{$name};
    my $file = "$package.pm" =~ s{::}{/}gr;
    no strict 'refs';
    *{$name} = sub { AI::MXNet::NS::load($file); return $package };
}

# Objects of these classes; not subs of this package, which would hide the classes of these names.
for my $name (@classes) {
    my $class = __PACKAGE__ . "::$name";
    my $file = "$class.pm" =~ s{::}{/}gr;
    AI::MXNet::NS::register($class, __PACKAGE__, $name, $file);
}

sub import { my ($class, @names) = @_; return AI::MXNet::NS::install($class, scalar caller, @names) }

1;
