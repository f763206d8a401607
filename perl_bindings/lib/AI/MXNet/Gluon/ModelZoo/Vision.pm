package AI::MXNet::Gluon::ModelZoo::Vision;
# Networks that classify images. Documented in AI::MXNet::Gluon::ModelZoo.
use strict;
use warnings;
use Scalar::Util qw(looks_like_number);
use AI::MXNet::NS;
use AI::MXNet::Error;
use AI::MXNet::Gluon::NN;
use AI::MXNet::Gluon::Contrib;

sub import { my ($class, @names) = @_; return AI::MXNet::NS::install($class, scalar caller, @names) }

# -- what the networks are made of ---------------------------------------------------------------------------------

# Layers of a name in a row.
sub row
{
    my ($prefix, @layers) = @_;
    my $row = AI::MXNet::Gluon::NN->HybridSequential(prefix => $prefix);
    $row->name_scope(sub { $row->add(map { ref $_ eq 'CODE' ? $_->() : $_ } @layers) });
    return $row;
}

# Branches that get the same input, joined along the channels.
sub branches
{
    my ($prefix, @layers) = @_;
    my $all = AI::MXNet::Gluon::NN->HybridConcurrent(axis => 1, prefix => $prefix);
    $all->name_scope(sub { $all->add(map { ref $_ eq 'CODE' ? $_->() : $_ } @layers) });
    return $all;
}

sub relu { return AI::MXNet::Gluon::NN->Activation('relu') }

# A convolution without bias.
sub conv
{
    my ($channels, $kernel, $strides, $padding, @options) = @_;
    return AI::MXNet::Gluon::NN->Conv2D($channels, kernel_size => $kernel, strides => $strides // 1, padding => $padding // 0, use_bias => 0, @options);
}

# -- the networks by name ------------------------------------------------------------------------------------------

my %vgg      = (11 => [1, 1, 2, 2, 2], 13 => [2, 2, 2, 2, 2], 16 => [2, 2, 3, 3, 3], 19 => [2, 2, 4, 4, 4]);
my %densenet = (121 => [64, 32, [6, 12, 24, 16]], 161 => [96, 48, [6, 12, 36, 24]], 169 => [64, 32, [6, 12, 32, 32]], 201 => [64, 32, [6, 12, 48, 32]]);
my @narrow   = (64, 64, 128, 256, 512);
my @wide     = (64, 256, 512, 1024, 2048);
my %resnet   = (
    18  => ['BasicBlock', [2, 2, 2,  2], \@narrow], 34  => ['BasicBlock', [3, 4, 6,  3], \@narrow], 50 => ['Bottleneck', [3, 4, 6, 3], \@wide],
    101 => ['Bottleneck', [3, 4, 23, 3], \@wide],   152 => ['Bottleneck', [3, 8, 36, 3], \@wide],
);

# A network of a class, with the weights of its file if they are asked for.
sub _network
{
    my ($name, $class, $options, @arguments) = @_;
    AI::MXNet::NS::load('AI/MXNet/Gluon/ModelZoo/Vision/' . $class =~ s/::.*|V2\z//r . '.pm');
    my %options = %$options;
    my ($pretrained, $ctx, $root) = delete @options{qw(pretrained ctx root)};
    my $network = "AI::MXNet::Gluon::ModelZoo::Vision::$class"->new(@arguments, map { $_ => $options{$_} } grep { defined $options{$_} } keys %options);
    if ($pretrained) {
        AI::MXNet::NS::load('AI/MXNet/Gluon/ModelZoo/ModelStore.pm');
        $network->load_parameters(AI::MXNet::Gluon::ModelZoo::ModelStore->get_model_file($name, (root => $root) x !!defined $root),
            ctx => $ctx // AI::MXNet::Context::->cpu);
    }
    return $network;
}

sub _choice
{
    my ($what, $choices, $choice) = @_;
    return $choices->{$choice // ''}
        // AI::MXNet::Error::fail("There is no $what of ", $choice // 'undef', ' layers, but of ', join ', ', sort { $a <=> $b } keys %$choices);
}

sub get_resnet
{
    my ($class, $version, $layers, @options) = @_;
    my %options = AI::MXNet::Error::paired('get_resnet', @options);
    my ($block, $counts, $channels) = @{ _choice('ResNet', \%resnet, $layers) };
    AI::MXNet::Error::fail("Invalid resnet version: $version. Options are 1 and 2.") unless $version =~ /\A[12]\z/;
    return _network("resnet${layers}_v$version", "ResNet::V$version", \%options, "${block}V$version", $counts, $channels);
}

sub get_vgg
{
    my ($class, $layers, @options) = @_;
    my %options = AI::MXNet::Error::paired('get_vgg', @options);
    my $counts = _choice('VGG', \%vgg, $layers);
    my $name = "vgg$layers" . ($options{batch_norm} ? '_bn' : '');
    return _network($name, 'VGG', \%options, $counts, [64, 128, 256, 512, 512]);
}

sub get_densenet
{
    my ($class, $layers, @options) = @_;
    my %options = AI::MXNet::Error::paired('get_densenet', @options);
    my $form = _choice('DenseNet', \%densenet, $layers);
    return _network("densenet$layers", 'DenseNet', \%options, @$form);
}

sub get_squeezenet
{
    my ($class, $version, @options) = @_;
    my %options = AI::MXNet::Error::paired('get_squeezenet', @options);
    return _network("squeezenet$version", 'SqueezeNet', \%options, $version);
}

sub get_mobilenet
{
    my ($class, $multiplier, @options) = @_;
    my %options = AI::MXNet::Error::paired('get_mobilenet', @options);
    return _network('mobilenet' . _multiplier($multiplier), 'MobileNet', \%options, $multiplier);
}

sub get_mobilenet_v2
{
    my ($class, $multiplier, @options) = @_;
    my %options = AI::MXNet::Error::paired('get_mobilenet_v2', @options);
    return _network('mobilenetv2_' . _multiplier($multiplier), 'MobileNetV2', \%options, $multiplier);
}

# As file names have it: two digits, or one if that is a zero.
sub _multiplier
{
    my ($multiplier) = @_;
    AI::MXNet::Error::fail('a MobileNet has a multiplier, a number above 0, but got ', $multiplier // 'undef')
        unless looks_like_number($multiplier) and $multiplier > 0;
    return sprintf('%.2f', $multiplier) =~ s/0\z//r;
}

sub alexnet      { my ($class, @options) = @_; return _network('alexnet',     'AlexNet',       { AI::MXNet::Error::paired('alexnet', @options) }) }
sub inception_v3 { my ($class, @options) = @_; return _network('inceptionv3', 'Inception::V3', { AI::MXNet::Error::paired('inception_v3', @options) }) }

{
    no strict 'refs';
    for my $layers (keys %resnet) {
        for my $version (1, 2) { *{"resnet${layers}_v$version"} = sub { my $class = shift; return $class->get_resnet($version, $layers, @_) } }
    }
    for my $layers (keys %vgg) {
        *{"vgg$layers"}      = sub { my $class = shift; return $class->get_vgg($layers, @_) };
        *{"vgg${layers}_bn"} = sub { my $class = shift; return $class->get_vgg($layers, batch_norm => 1, @_) };
    }
    for my $layers (keys %densenet) { *{"densenet$layers"} = sub { my $class = shift; return $class->get_densenet($layers, @_) } }
    for my $version (qw(1.0 1.1)) { *{ 'squeezenet' . $version =~ s/[.]/_/r } = sub { my $class = shift; return $class->get_squeezenet($version, @_) } }
    for my $multiplier (qw(1.0 0.75 0.5 0.25)) {
        my $name = $multiplier =~ s/[.]/_/r;
        *{"mobilenet$name"}     = sub { my $class = shift; return $class->get_mobilenet($multiplier, @_) };
        *{"mobilenet_v2_$name"} = sub { my $class = shift; return $class->get_mobilenet_v2($multiplier, @_) };
    }
}

sub get_model { my ($class, @arguments) = @_; return AI::MXNet::Gluon::ModelZoo->get_model(@arguments) }

# What all networks are: features, and an output on top of them. Positional arguments are those of the class.
package AI::MXNet::Gluon::ModelZoo::Vision::Network;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::HybridBlock';

has classes => (is => 'ro', isa => 'Int', default => 1000);
has [qw(features output)] => (is => 'rw', init_arg => undef);

sub python_constructor_arguments { return ['classes'] }

sub BUILD
{
    my ($self) = @_;
    $self->name_scope(sub {
        my ($features, $output) = $self->_build;
        $self->features($features);
        $self->output($output);
    });
}

sub hybrid_forward
{
    my ($self, $F, $x) = @_;
    return scalar $self->output->call(scalar $self->features->call($x));
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;

1;

__END__

=head1 NAME

AI::MXNet::Gluon::ModelZoo::Vision - networks that classify images

=head1 DESCRIPTION

Internal, a part of L<AI::MXNet::Gluon::ModelZoo>, where its methods are documented; this file may change.

=head1 SEE ALSO

L<AI::MXNet::Gluon::ModelZoo>

=cut
