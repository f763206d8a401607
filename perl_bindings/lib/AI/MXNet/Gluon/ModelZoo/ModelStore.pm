package AI::MXNet::Gluon::ModelZoo::ModelStore;
# Files with the trained weights of the zoo's networks. POD at the end.
use strict;
use warnings;
use AI::MXNet::Error;
use AI::MXNet::NS;
use AI::MXNet::Logging;

# The first eight hexadecimal digits of the SHA1 of each file that the original published, which are in its name.
my %hashes = qw(
    alexnet 44335d1f densenet121 f27dbf2d densenet161 b6c8a957 densenet169 2603f878 densenet201 1cdbc116
    inceptionv3 ed47ec45 mobilenet0.25 9f83e440 mobilenet0.5 8e9d539c mobilenet0.75 529b2c7f mobilenet1.0 6b8c5106
    mobilenetv2_1.0 36da4ff1 mobilenetv2_0.75 e2be7b72 mobilenetv2_0.5 aabd26cd mobilenetv2_0.25 ae8f9392
    resnet18_v1 a0666292 resnet34_v1 48216ba9 resnet50_v1 0aee57f9 resnet101_v1 d988c13d resnet152_v1 671c637a
    resnet18_v2 a81db45f resnet34_v2 9d6b80bb resnet50_v2 ecdde353 resnet101_v2 18e93e4f resnet152_v2 f2695542
    squeezenet1.0 264ba497 squeezenet1.1 33ba0f93 vgg11 dd221b16 vgg13 6bc5de58 vgg16 e660d456 vgg19 ad2f660d
    vgg11_bn ee79a809 vgg13_bn 7d97a06c vgg16_bn 7f01cf05 vgg19_bn f360b758
);

sub short_hash
{
    my ($name) = @_;
    return $hashes{$name} // AI::MXNet::Error::fail("Pretrained model for $name is not available.");
}

# The file of a network's weights: root/name-hash.params. Nothing is downloaded.
sub get_model_file
{
    my ($class, $name, %options) = @_;
    my $root = _home($options{root} // '~/.mxnet/models');
    my $file = "$name-" . short_hash($name) . '.params';
    my ($found) = grep { -f } map {"$root/$_"} $file, "$name.params";
    AI::MXNet::Error::fail("There are no weights of $name: put $file, or weights of your own as $name.params, into $root. "
        . 'A gluon ParameterDict or Block saves such files; those of the original MXNet fit.') unless defined $found;
    if ($found eq "$root/$file" and eval { AI::MXNet::NS::load('Digest/SHA.pm'); 1 }) {
        my $sha1 = Digest::SHA->new(1)->addfile($found, 'b')->hexdigest;
        AI::MXNet::Logging->warning('%s has other content than the file that was published under this name: its SHA1 begins with %s', $found, substr $sha1, 0, 8)
            if index($sha1, short_hash($name)) != 0;
    }
    return $found;
}

sub _home { my ($path) = @_; $path =~ s{\A~(?=/|\z)}{$ENV{HOME} // (getpwuid $<)[7]}e; return $path }

# Deletes the files of weights.
sub purge
{
    my ($class, $root) = @_;
    $root = _home($root // '~/.mxnet/models');
    unlink or AI::MXNet::Error::fail("purge: $_: $!") for glob "\Q$root\E/*.params";
    return;
}

1;

__END__

=head1 NAME

AI::MXNet::Gluon::ModelZoo::ModelStore - files of trained weights

=head1 SYNOPSIS

    use AI::MXNet::Gluon::ModelZoo::ModelStore;

    my $store = 'AI::MXNet::Gluon::ModelZoo::ModelStore';
    print eval { $store->get_model_file('squeezenet1.1', root => '/nowhere') } // $@ =~ /no weights/ ? "none\n" : "\n";    # none

=head1 DESCRIPTION

C<< pretrained => 1 >> of the networks of L<AI::MXNet::Gluon::ModelZoo> looks for weights here. The original downloaded them;
here they have to be in place.

=head1 METHODS

=head2 get_model_file

    my $file = eval { $store->get_model_file('resnet18_v1', root => '~/.mxnet/models') };

The path of F<name-hash.params> in that folder, as the original named it, or of F<name.params>; dies, saying where it looked,
if there is none. Warns if the first has other content than was published.

=head2 short_hash

A function: the hash in that name.

=head2 purge

    $store->purge('/tmp/models');

Deletes the F<.params> files of the folder.

=head1 SEE ALSO

L<AI::MXNet::Gluon::ModelZoo>

=cut
