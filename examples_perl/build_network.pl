#!/usr/bin/env perl
# Networks are blocks: layers one after the other, and classes of your own.
use strict;
use warnings;
use AI::MXNet qw(mx nd);
use AI::MXNet::Gluon qw(gluon);
use AI::MXNet::Gluon::NN qw(nn);

# A layer knows its output; how wide its input is, it learns from the first that it gets.
my $layer = nn->Dense(2);
$layer->initialize(mx->init->Constant(0.5));
print "$layer\n";
print $layer->(nd->array([[1, 2, 3], [4, 5, 6]]))->aspdl;
print "$layer, weight ", join(' x ', @{ $layer->weight->data->shape }), "\n\n";

# Layers in a row: LeNet, for images of one colour.
my $net = nn->HybridSequential(prefix => 'lenet_');
$net->name_scope(sub {
    $net->add(
        nn->Conv2D(channels => 6, kernel_size => 5, activation => 'relu'),
        nn->MaxPool2D(pool_size => 2, strides => 2),
        nn->Conv2D(channels => 16, kernel_size => 3, activation => 'relu'),
        nn->MaxPool2D(pool_size => 2, strides => 2),
        nn->Flatten,
        nn->Dense(120, activation => 'relu'),
        nn->Dense(84, activation => 'relu'),
        nn->Dense(10),
    );
});
$net->initialize(mx->init->Xavier);
my $images = nd->random->uniform(shape => [4, 1, 28, 28]);
print 'scores of ', join(' x ', @{ $net->($images)->shape }), "\n$net\n";
my $parameters = $net->collect_params;
print "$_: ", join(' x ', @{ $parameters->get($_ =~ s/\Alenet_//r)->shape }), "\n" for grep {/conv|dense2/} $parameters->keys;

# A block of your own: what it consists of, and how it computes.
package Mixed {
    use AI::MXNet::Gluon::Mouse;
    use AI::MXNet::Function::Parameters;
    extends 'AI::MXNet::Gluon::HybridBlock';

    has [qw(narrow wide)] => (is => 'rw');

    sub BUILD
    {
        my ($self) = @_;
        $self->name_scope(sub {
            $self->narrow(AI::MXNet::Gluon::NN->Dense(3, activation => 'relu'));
            $self->wide(AI::MXNet::Gluon::NN->Dense(16, activation => 'relu'));
        });
    }

    method hybrid_forward($F, $x)
    {
        return $F->concat(scalar $self->narrow->($x), scalar $self->wide->($x), dim => 1);
    }
}

my $mixed = Mixed->new;
$mixed->initialize;
print "\n", join(' ', sort map { $mixed->$_->name } qw(narrow wide)), "\n";
my $x = nd->random->uniform(shape => [2, 5]);
my $eager = $mixed->($x);
$mixed->hybridize;    # from now on a call is one instruction for the engine
print 'hybridized it computes the same: ', (($mixed->($x) - $eager)->abs->max->asscalar < 1e-6 ? 'yes' : 'no'), "\n";
