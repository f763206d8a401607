package AI::MXNet::Gluon;
# The namespace of Gluon: gluon->nn, gluon->Trainer(...). POD at the end.
use strict;
use warnings;
use AI::MXNet ();
use AI::MXNet::NS;
use AI::MXNet::Gluon::HybridBlock;

my %packages = (
    callbacks => 'AI::MXNet::Gluon::Fit::Callbacks',
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

# Objects of these classes; not subs of this package, which would hide the classes of these names. A SymbolBlock is of
# something, so without it the class is meant: gluon->SymbolBlock->imports(...).
for my $name (@classes) {
    my $class = __PACKAGE__ . "::$name";
    my $file = "$class.pm" =~ s{::}{/}gr;
    AI::MXNet::NS::register($class, __PACKAGE__, $name, $file, $name eq 'SymbolBlock');
}

sub fit { my ($class, @arguments) = @_; AI::MXNet::NS::load('AI/MXNet/Gluon/Fit.pm'); return AI::MXNet::Gluon::Fit->new(@arguments)->run }

sub import { my ($class, @names) = @_; return AI::MXNet::NS::install($class, scalar caller, @names) }

1;

__END__

=head1 NAME

AI::MXNet::Gluon - networks of layers, and training them

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd);
    use AI::MXNet::AutoGrad qw(autograd);
    use AI::MXNet::Gluon qw(gluon);
    use AI::MXNet::Gluon::NN qw(nn);

    my $net = nn->HybridSequential;
    $net->name_scope(sub {
        $net->add(nn->Dense(8, activation => 'relu'));
        $net->add(nn->Dense(3));
    });
    $net->initialize(mx->init->Xavier);
    $net->hybridize;

    my $data  = nd->random->normal(shape => [32, 4]);
    my $label = nd->array([map { $_ % 3 } 1 .. 32]);
    my $loss_function = gluon->loss->SoftmaxCrossEntropyLoss;
    my $trainer = gluon->Trainer($net->collect_params, 'sgd', { learning_rate => 0.1 });

    for (1 .. 10) {
        my $loss;
        autograd->record(sub { $loss = $loss_function->($net->($data), $label) });
        $loss->backward;
        $trainer->step(32);
    }
    $net->save_parameters('/tmp/classifier.params');

=head1 DESCRIPTION

A network is a block made of blocks. Calling one computes its output; a L<trainer|AI::MXNet::Gluon::Trainer> changes its
L<parameters|AI::MXNet::Gluon::Parameter> by the gradients that L<AI::MXNet::AutoGrad> finds. Blocks of your own are Perl
classes with a method C<forward>, or C<hybrid_forward>, from which the engine makes a graph: see L<AI::MXNet::Gluon::Block>
and L<AI::MXNet::Gluon::HybridBlock>.

C<gluon> is this package, also known as C<< mx->gluon >>.

=head1 NAMESPACES

Each is a package, which is loaded when it is asked for.

=head2 nn

L<AI::MXNet::Gluon::NN>: layers.

=head2 rnn

L<AI::MXNet::Gluon::RNN>: recurrent layers and cells.

=head2 loss

L<AI::MXNet::Gluon::Loss>: losses.

=head2 data

L<AI::MXNet::Gluon::Data>: data sets and loaders.

=head2 callbacks

L<AI::MXNet::Gluon::Fit::Callbacks>: what is done in the course of a training.

=head2 model_zoo

L<AI::MXNet::Gluon::ModelZoo>: well-known networks.

=head2 utils

L<AI::MXNet::Gluon::Utils>: helpers for training.

=head1 FUNCTIONS

=head2 fit

    my $fit = gluon->fit(net => $net, loss => $loss_function, train_data => [[$data, $label]], epochs => 10, trainer => $trainer);

Trains a network and returns an L<AI::MXNet::Gluon::Fit>.

=head1 CONSTRUCTORS

    my $parameter = gluon->Parameter('weight', shape => [2, 3]);

C<< gluon->Block >>, C<HybridBlock>, C<SymbolBlock>, C<Parameter>, C<ParameterDict>, C<Constant> and C<Trainer> make an
object of the class AI::MXNet::Gluon::Block, and so on.

=head1 SEE ALSO

L<AI::MXNet>, L<AI::MXNet::Gluon::Block>, L<AI::MXNet::Gluon::Trainer>

=cut
