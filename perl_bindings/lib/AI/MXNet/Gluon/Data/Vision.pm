package AI::MXNet::Gluon::Data::Vision;
# The namespace gluon->data->vision: datasets of images. POD at the end.
use strict;
use warnings;
use AI::MXNet ();
use AI::MXNet::Gluon::Data::Vision::Downloaded;
use AI::MXNet::Gluon::Data::Vision::Images;

sub import { my ($class, @names) = @_; return AI::MXNet::NS::install($class, scalar caller, @names) }

sub transforms { AI::MXNet::NS::load('AI/MXNet/Gluon/Data/Vision/Transforms.pm'); return 'AI::MXNet::Gluon::Data::Vision::Transforms' }

# A path whose ~ is the home folder, as in the default roots.
sub _expanded { my ($path) = @_; return $path =~ s{\A~(?=/|\z)}{$ENV{HOME} // (getpwuid $<)[7]}er }

1;

__END__

=head1 NAME

AI::MXNet::Gluon::Data::Vision - datasets of images

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd);
    use AI::MXNet::Gluon qw(gluon);

    my $vision = gluon->data->vision;
    my $scaled = sub { my ($image, $label) = @_; return ($image->astype('float32') / 255, $label) };
    my $train  = eval { $vision->MNIST('./mnist', train => 1, transform => $scaled) } or print "not there: $@";

=head1 DESCRIPTION

Constructors of datasets, whose samples are lists of an image (an NDArray of uint8, [height, width, channels]) and a label,
an integer. All take C<transform>, a function of image and label; what it returns is the sample. Their method C<transform>
without an argument returns it; otherwise datasets have the methods of L<AI::MXNet::Gluon::Data::Set>.

=head1 CLASSES

=head2 MNIST, FashionMNIST

    $ ls ~/.mxnet/datasets/mnist
    t10k-images-idx3-ubyte.gz  t10k-labels-idx1-ubyte.gz  train-images-idx3-ubyte.gz  train-labels-idx1-ubyte.gz

Grey images [28, 28, 1] of digits or clothes, from the files that MNIST is known by, in the folder C<root>
(F<~/.mxnet/datasets/mnist>, F<~/.mxnet/datasets/fashion-mnist>); compressed or not. C<train> (1) chooses the training
images or the test images. By position: root, train, transform.

Nothing is downloaded: a missing file is an error that says where it is to be had. One with another checksum than the
well-known file is used, with a warning.

=head2 CIFAR10, CIFAR100

Colour images [32, 32, 3], from the files of the binary version, in C<root> (F<~/.mxnet/datasets/cifar10>,
F<~/.mxnet/datasets/cifar100>) or in the folder of the archive there. CIFAR100 has 20 classes, or 100 with
C<< fine_label => 1 >>. By position: root, (CIFAR100: fine_label,) train, transform.

=head2 ImageFolderDataset

    $ ls pets/*
    pets/cat:
    tom.jpg  kitty.png
    pets/dog:
    rex.jpeg

Image files in folders that are named like their classes. C<synsets> is a list of the classes' names, C<items> of
C<[file, label]>. C<flag> (1): in colours, or with 0 grey. What is no folder or no .jpg, .jpeg or .png file is left out
with a warning. By position: root, flag, transform.

=head2 ImageRecordDataset

Images in a file of records, with an index beside it, as L<AI::MXNet::RecordIO> packs them. The label is what the header
says, a number or a piddle. By position: filename, flag, transform.

=head2 DownloadedDataSet

What MNIST and CIFAR extend: AI::MXNet::Gluon::Data::Vision::DownloadedDataSet.

=head1 FUNCTIONS

=head2 transforms

    my $t = $vision->transforms;

L<AI::MXNet::Gluon::Data::Vision::Transforms>.

=head1 SEE ALSO

L<AI::MXNet::Gluon::Data::Loader>, L<AI::MXNet::Image>

=cut
