package AI::MXNet::Gluon::ModelZoo;
# Known networks by their names. POD at the end.
use strict;
use warnings;
use AI::MXNet::Error;
use AI::MXNet::Gluon::ModelZoo::Vision;

my %models = (
    (map { my $v = $_; map { ("resnet${_}_v$v" => "resnet${_}_v$v") } 18, 34, 50, 101, 152 } 1, 2),
    (map { ("vgg$_" => "vgg$_", "vgg${_}_bn" => "vgg${_}_bn") } 11, 13, 16, 19),
    (map { ("densenet$_" => "densenet$_") } 121, 161, 169, 201),
    (map { my $name = s/[.]/_/r; ("mobilenet$_" => "mobilenet$name", "mobilenetv2_$_" => "mobilenet_v2_$name") } qw(1.0 0.75 0.5 0.25)),
    (map { ("squeezenet$_" => 'squeezenet' . s/[.]/_/r) } qw(1.0 1.1)),
    alexnet => 'alexnet', inceptionv3 => 'inception_v3',
);

# get_model is also a function that is exported.
sub import
{
    my ($class, @names) = @_;
    my $caller = caller;
    no strict 'refs';
    for my $name (@names) {
        AI::MXNet::Error::fail("AI::MXNet::Gluon::ModelZoo does not export $name, but get_model") if $name !~ /\A(?::all|get_model)\z/;
        *{"${caller}::get_model"} = \&get_model;
    }
    return;
}

sub vision {'AI::MXNet::Gluon::ModelZoo::Vision'}

sub get_model
{
    my @arguments = @_;
    shift @arguments if @arguments % 2 == 0;    # called as a class method
    my ($name, %options) = @arguments;
    my $method = $models{ lc($name // '') };
    AI::MXNet::Error::fail('Model ', $name // 'undef', " is not present in the zoo\nValid models are:\n", join "\n", sort keys %models)
        unless defined $method;
    return AI::MXNet::Gluon::ModelZoo::Vision->$method(%options);
}

1;

__END__

=head1 NAME

AI::MXNet::Gluon::ModelZoo - known networks for images

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd);
    use AI::MXNet::Gluon::ModelZoo qw(get_model);

    my $net = get_model('squeezenet1.1', classes => 10);
    $net->initialize(mx->init->Xavier);
    print join(' ', @{ $net->(nd->ones([1, 3, 224, 224]))->shape }), "\n";    # 1 10

=head1 DESCRIPTION

Architectures with the structure and the parameter names of the original, so that files of its weights load. Input is
(batch, 3, 224, 224), or 299 wide and high for Inception; the weights that the original published expect pixels from 0 to 1,
less the mean (0.485, 0.456, 0.406), divided by the standard deviation (0.229, 0.224, 0.225). Each network is a
L<AI::MXNet::Gluon::HybridBlock> with the attributes C<features> and C<output>.

=head1 FUNCTIONS

=head2 get_model

    my $densenet = get_model('densenet121', pretrained => 0, ctx => mx->cpu, root => '~/.mxnet/models', classes => 1000);
    my $same     = AI::MXNet::Gluon::ModelZoo->get_model('densenet121');

A network by name: C<alexnet>, C<densenet121> (161, 169, 201), C<inceptionv3>, C<mobilenet1.0> (0.75, 0.5, 0.25),
C<mobilenetv2_1.0> (the same), C<resnet18_v1> (34, 50, 101, 152; C<_v2>), C<squeezenet1.0> (1.1), C<vgg11> (13, 16, 19;
C<_bn>). With C<pretrained> the weights are loaded from a file in C<root>, see L<AI::MXNet::Gluon::ModelZoo::ModelStore>;
nothing is downloaded. Other named arguments go to the class: C<thumbnail> of ResNet (for images of 32 pixels), C<batch_norm> of VGG,
C<bn_size> and C<dropout> of DenseNet.

=head2 vision

    my $resnet = gluon->model_zoo->vision->resnet18_v1(classes => 10);

The package AI::MXNet::Gluon::ModelZoo::Vision, with a method for each name (C<squeezenet1_0>, C<inception_v3>,
C<mobilenet1_0>, C<mobilenet_v2_1_0> and so on) and the methods C<get_resnet($version, $layers)>, C<get_vgg($layers)>,
C<get_densenet($layers)>, C<get_squeezenet($version)>, C<get_mobilenet($multiplier)> and C<get_mobilenet_v2($multiplier)>.

=head1 SEE ALSO

L<AI::MXNet::Gluon>, L<AI::MXNet::Gluon::ModelZoo::ModelStore>

=cut
