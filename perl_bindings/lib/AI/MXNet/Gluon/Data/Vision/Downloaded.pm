package AI::MXNet::Gluon::Data::Vision::DownloadedDataSet;
# Well-known collections of small images, from files in a folder. Documented in AI::MXNet::Gluon::Data::Vision.
use strict;
use warnings;
use AI::MXNet::Mouse;
use Digest::SHA ();
use List::Util ();
use PDL::Core ();
use AI::MXNet::DType;
use AI::MXNet::Error;
use AI::MXNet::Logging;
use AI::MXNet::NDArray;
use AI::MXNet::NS;
use AI::MXNet::Gluon::Data::Set;
use AI::MXNet::Gluon::Data::Vision::Transformed;

extends 'AI::MXNet::Gluon::Data::Set';
with 'AI::MXNet::Gluon::Data::Vision::Transformed';

has root  => (is => 'ro', isa => 'Str', required => 1);
has train => (is => 'ro', isa => 'Bool', required => 1);
has [qw(_data _label)] => (is => 'rw', init_arg => undef);

sub python_constructor_arguments { return ['root', 'train', 'transform'] }

sub BUILD
{
    my ($self) = @_;
    my ($data, $label) = $self->_read;
    # images are made arrays once, because a row of an array costs less than an array of a row
    $self->_data(AI::MXNet::NDArray->array($data, dtype => 'uint8'));
    $self->_label($label);
    $self->{rows} = [map { AI::MXNet::Gluon::Data::Rows->new($_) } $self->_data, $label];
    return;
}

sub data  { my ($self) = @_; return $self->_data }
sub label { my ($self) = @_; return $self->_label }
sub len   { my ($self) = @_; return $self->_label->nelem }

sub at { my ($self, $index) = @_; return $self->_sample(map { $_->at($index) } @{ $self->{rows} }) }

sub _can_batch { my ($self) = @_; return $self->can('at') == \&at && !defined $self->_transform }
sub _batch     { my ($self, $indices) = @_; return [map { $_->batch($indices) } @{ $self->{rows} }] }

# -- files -----------------------------------------------------------------------------------------------------------

# The path of the first of these names that there is in the root, or in a subfolder of it.
sub _find
{
    my ($self, $folders, $names, $source) = @_;
    my $root = AI::MXNet::Gluon::Data::Vision::_expanded($self->root);
    for my $folder ($root, map {"$root/$_"} @$folders) {
        for my $name (@$names) { return "$folder/$name" if -e "$folder/$name" }
    }
    AI::MXNet::Error::fail("$root has no file $names->[0]: it is not downloaded; put there what is in $source");
}

# The content of a file, decompressed where its name ends in .gz. Another SHA-1 than that of the original is told.
sub _content
{
    my ($path, $sha1) = @_;
    open my $file, '<:raw', $path or AI::MXNet::Error::fail("$path: $!");
    my $content = do { local $/; readline $file } // '';
    AI::MXNet::Logging->warning('%s is not the well-known file of that name (its SHA-1 is not %s); it is used all the same', $path, $sha1)
        if defined $sha1 and Digest::SHA::sha1_hex($content) ne $sha1;
    return $content if $path !~ /\.gz\z/;
    AI::MXNet::NS::load('IO/Uncompress/Gunzip.pm');
    no warnings 'once';
    IO::Uncompress::Gunzip::gunzip(\$content => \my $plain) or AI::MXNet::Error::fail("$path: $IO::Uncompress::Gunzip::GunzipError");
    return $plain;
}

# A piddle of bytes: of these dims, from a position of a string on.
sub _bytes
{
    my ($content, $offset, @dims) = @_;
    return AI::MXNet::DType::_piddle(PDL::byte(), \substr($content, $offset, List::Util::product(@dims)), @dims);
}

__PACKAGE__->meta->make_immutable;

package AI::MXNet::Gluon::Data::Vision::DownloadedDataSet::MNIST;
use AI::MXNet::Mouse;

extends 'AI::MXNet::Gluon::Data::Vision::DownloadedDataSet';

has '+root'   => (default => '~/.mxnet/datasets/mnist');
has '+train'  => (default => 1);
has _base_url => (is => 'ro', default => 'https://apache-mxnet.s3-accelerate.dualstack.amazonaws.com/gluon/dataset/mnist/');
has _train_data  => (is => 'ro', default => sub { ['train-images-idx3-ubyte.gz', '6c95f4b05d2bf285e1bfb0e7960c31bd3b3f8a7d'] });
has _train_label => (is => 'ro', default => sub { ['train-labels-idx1-ubyte.gz', '2a80914081dc54586dbdf242f9805a6b8d2a15fc'] });
has _test_data   => (is => 'ro', default => sub { ['t10k-images-idx3-ubyte.gz', 'c3a25af1f52dad7f726cce8cacb138654b760d48'] });
has _test_label  => (is => 'ro', default => sub { ['t10k-labels-idx1-ubyte.gz', '763e7fa3757d93b0cdec073cef058b2004252c17'] });

sub _read
{
    my ($self) = @_;
    my ($images, $labels) = map { $self->_idx(@$_) } $self->train ? ($self->_train_data, $self->_train_label) : ($self->_test_data, $self->_test_label);
    my ($count, $known) = map { $_->dim(-1) } $images, $labels;
    AI::MXNet::Error::fail(ref $self, ": there are $count images, but $known labels") if $count != $known;
    return ($images->dummy(0), $labels->long);
}

# The array of bytes of an idx file: http://yann.lecun.com/exdb/mnist
sub _idx
{
    my ($self, $name, $sha1) = @_;
    my $plain = $name =~ s/\.gz\z//r;
    my $path = $self->_find([], [$name, $plain], $self->_base_url);
    my $content = AI::MXNet::Gluon::Data::Vision::DownloadedDataSet::_content($path, $path =~ /\.gz\z/ ? $sha1 : undef);
    my ($zero, $type, $ndim) = length $content >= 4 ? unpack 'nCC', $content : ();
    my $expected = $name =~ /idx([0-9])/ ? $1 : 1;
    AI::MXNet::Error::fail("$path is no idx file of bytes of $expected dimensions")
        unless defined $ndim and $zero == 0 and $type == 8 and $ndim == $expected;
    my @shape = unpack "x4 N$ndim", $content;
    my $size = 1;
    $size *= $_ for @shape;
    my $found = length($content) - 4 - 4 * $ndim;
    AI::MXNet::Error::fail("$path announces an array [@shape] of $size bytes, but has $found") if @shape != $ndim or $found != $size;
    return AI::MXNet::Gluon::Data::Vision::DownloadedDataSet::_bytes($content, 4 + 4 * $ndim, reverse @shape);
}

__PACKAGE__->meta->make_immutable;
AI::MXNet::NS::register(__PACKAGE__, 'AI::MXNet::Gluon::Data::Vision');

package AI::MXNet::Gluon::Data::Vision::DownloadedDataSet::FashionMNIST;
use AI::MXNet::Mouse;

extends 'AI::MXNet::Gluon::Data::Vision::DownloadedDataSet::MNIST';

has '+root'         => (default => '~/.mxnet/datasets/fashion-mnist');
has '+_base_url'    => (default => 'https://apache-mxnet.s3-accelerate.dualstack.amazonaws.com/gluon/dataset/fashion-mnist/');
has '+_train_data'  => (default => sub { ['train-images-idx3-ubyte.gz', '0cf37b0d40ed5169c6b3aba31069a9770ac9043d'] });
has '+_train_label' => (default => sub { ['train-labels-idx1-ubyte.gz', '236021d52f1e40852b06a4c3008d8de8aef1e40b'] });
has '+_test_data'   => (default => sub { ['t10k-images-idx3-ubyte.gz', '626ed6a7c06dd17c0eec72fa3be1740f146a2863'] });
has '+_test_label'  => (default => sub { ['t10k-labels-idx1-ubyte.gz', '17f9ab60e7257a1620f4ad76bbbaf857c3920701'] });

__PACKAGE__->meta->make_immutable;
AI::MXNet::NS::register(__PACKAGE__, 'AI::MXNet::Gluon::Data::Vision');

# Files of records: labels of a byte each, then an image of 3 x 32 x 32 bytes.
package AI::MXNet::Gluon::Data::Vision::DownloadedDataSet::CIFAR10;
use AI::MXNet::Mouse;

extends 'AI::MXNet::Gluon::Data::Vision::DownloadedDataSet';

has '+root'  => (default => '~/.mxnet/datasets/cifar10');
has '+train' => (default => 1);
has _archive => (is => 'ro', init_arg => undef, default => sub {
    ['cifar-10-batches-bin', 'https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz']
});
has _file_hashes => (is => 'ro', init_arg => undef, default => sub { {
    'data_batch_1.bin' => 'aadd24acce27caa71bf4b10992e9e7b2d74c2540',
    'data_batch_2.bin' => 'c0ba65cce70568cd57b4e03e9ac8d2a5367c1795',
    'data_batch_3.bin' => '1dd00a74ab1d17a6e7d73e185b69dbf31242f295',
    'data_batch_4.bin' => 'aab85764eb3584312d3c7f65fd2fd016e36a258e',
    'data_batch_5.bin' => '26e2849e66a845b7f1e4614ae70f4889ae604628',
    'test_batch.bin'   => '67eb016db431130d61cd03c7ad570b013799c88c',
} });

# How many labels a record has, and which one is meant.
sub _labels { return (1, 0) }

sub _read
{
    my ($self) = @_;
    my ($labels, $meant) = $self->_labels;
    my ($hashes, $size) = ($self->_file_hashes, $labels + 3072);
    my $bytes = '';
    for my $name (grep { /\Atest/ xor $self->train } sort keys %$hashes) {
        my $path = $self->_find([$self->_archive->[0]], [$name], $self->_archive->[1]);
        my $content = AI::MXNet::Gluon::Data::Vision::DownloadedDataSet::_content($path, $hashes->{$name});
        AI::MXNet::Error::fail("$path has records of $size bytes, but is of ", length $content) if length($content) % $size or not length $content;
        $bytes .= $content;
    }
    my $records = AI::MXNet::Gluon::Data::Vision::DownloadedDataSet::_bytes($bytes, 0, $size, length($bytes) / $size);
    # colours, the slowest dimension of an image, become the fastest
    my $images = $records->slice("$labels:-1")->reshape(32, 32, 3, $records->dim(1))->mv(2, 0);
    return ($images, $records->slice("($meant)")->long);
}

__PACKAGE__->meta->make_immutable;
AI::MXNet::NS::register(__PACKAGE__, 'AI::MXNet::Gluon::Data::Vision');

package AI::MXNet::Gluon::Data::Vision::DownloadedDataSet::CIFAR100;
use AI::MXNet::Mouse;

extends 'AI::MXNet::Gluon::Data::Vision::DownloadedDataSet::CIFAR10';

has '+root'         => (default => '~/.mxnet/datasets/cifar100');
has fine_label      => (is => 'ro', isa => 'Bool', default => 0);
has '+_archive'     => (default => sub { ['cifar-100-binary', 'https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz'] });
has '+_file_hashes' => (default => sub { {
    'train.bin' => 'e207cd2e05b73b1393c74c7f5e7bea451d63e08e',
    'test.bin'  => '8fb6623e830365ff53cf14adec797474f5478006',
} });

sub python_constructor_arguments { return ['root', 'fine_label', 'train', 'transform'] }

sub _labels { my ($self) = @_; return (2, $self->fine_label ? 1 : 0) }

__PACKAGE__->meta->make_immutable;
AI::MXNet::NS::register(__PACKAGE__, 'AI::MXNet::Gluon::Data::Vision');

1;

__END__

=head1 NAME

AI::MXNet::Gluon::Data::Vision::Downloaded - MNIST, CIFAR and their kin

=head1 DESCRIPTION

Internal, a part of L<AI::MXNet::Gluon::Data::Vision>: the classes are interface, and documented there; this file may
change.

=head1 SEE ALSO

L<AI::MXNet::Gluon::Data::Vision>

=cut
