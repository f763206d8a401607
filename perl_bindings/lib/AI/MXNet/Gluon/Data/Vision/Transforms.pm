package AI::MXNet::Gluon::Data::Vision::Transforms;
# The namespace gluon->data->vision->transforms: what is done to images before they are learned from. POD at the end.
use strict;
use warnings;
use AI::MXNet::Gluon::Block;
use AI::MXNet::NDArray;

# What all are: blocks without parameters, whose argument may also be a piddle.
package AI::MXNet::Gluon::Data::Vision::Transform;
use AI::MXNet::Mouse;
use Scalar::Util qw(blessed);
use AI::MXNet::DType;
use AI::MXNet::Error;
use AI::MXNet::NS;

extends 'AI::MXNet::Gluon::Block';

sub python_constructor_arguments { return [] }

sub call
{
    my ($self, $image) = @_;
    if (blessed $image and $image->isa('PDL')) { $image = AI::MXNet::NDArray->array($image, dtype => AI::MXNet::DType::of_pdl($image) // 'float32') }
    AI::MXNet::Error::fail($self->class, ' takes an image as NDArray or piddle, but got ', $image // 'undef')
        unless blessed $image and $image->isa('AI::MXNet::NDArray');
    return scalar $self->SUPER::call($image);
}

# With the settings in their order, as they would be given; what has children shows these.
sub _describe
{
    my ($self) = @_;
    return $self->SUPER::_describe if @{ $self->_child_list };
    my @values = map { ref eq 'ARRAY' ? '[' . join(', ', @$_) . ']' : $_ // 'undef' } map { $self->$_ } @{ $self->python_constructor_arguments };
    return $self->class . '(' . join(', ', @values) . ')';
}

# The operators of images.
sub _op { my ($name, @arguments) = @_; return AI::MXNet::NDArray->image->$name(@arguments) }

# (width, height) of a size, which is a number or both.
sub _pair { my ($size) = @_; return ref $size ? @$size : ($size, $size) }

# Height and width of a single image.
sub _extent
{
    my ($self, $image) = @_;
    my @shape = @{ $image->shape };
    AI::MXNet::Error::fail($self->class, ' takes an image [height, width, channels], but got [', join(',', @shape), ']') if @shape != 3;
    return @shape[0, 1];
}

# A rectangle of an image, in that size.
sub _cut
{
    my ($self, $image, $x, $y, $width, $height) = @_;
    my @size = _pair($self->size);
    my $cut = _op('crop', $image, x => $x, y => $y, width => $width, height => $height);
    return $width == $size[0] && $height == $size[1] ? $cut : _op('resize', $cut, size => \@size, interp => $self->interpolation);
}

# A class whose objects call an operator of images with values of their attributes.
sub _declare
{
    my ($name, $attributes, $operator, $values) = @_;
    my $class = "AI::MXNet::Gluon::Data::Vision::Transforms::$name";
    my $meta = Mouse::Meta::Class->create($class, superclasses => [__PACKAGE__]);
    my @order = map { $_->[0] } @$attributes;
    AI::MXNet::Mouse::declare($class, $_->[0], is => 'ro', isa => $_->[1], @$_ > 2 ? (default => $_->[2]) : (required => 1)) for @$attributes;
    $meta->add_method(python_constructor_arguments => sub { return [@order] });
    $meta->add_method(forward => sub { my ($self, $image) = @_; return _op($operator, $image, $values ? $values->($self) : ()) });
    $meta->make_immutable;
    AI::MXNet::NS::register($class, 'AI::MXNet::Gluon::Data::Vision::Transforms');
    return;
}

# A factor between 1 - x and 1 + x, though not below 0.
sub _around_one { my ($x) = @_; return (min_factor => $x < 1 ? 1 - $x : 0, max_factor => 1 + $x) }

_declare(ToTensor => [], 'to_tensor');
_declare(Normalize => [['mean', 'Num|ArrayRef[Num]', 0], ['std', 'Num|ArrayRef[Num]', 1]], 'normalize',
    sub { my ($self) = @_; return map { $_ => ref $self->$_ ? $self->$_ : [$self->$_] } qw(mean std) });
_declare(Resize => [['size', 'Int|ArrayRef[Int]'], ['keep_ratio', 'Bool', 0], ['interpolation', 'Int', 1]], 'resize',
    sub { my ($self) = @_; return (size => $self->size, keep_ratio => $self->keep_ratio, interp => $self->interpolation) });
_declare(RandomFlipLeftRight => [], 'random_flip_left_right');
_declare(RandomFlipTopBottom => [], 'random_flip_top_bottom');
_declare("Random\u$_" => [[$_, 'Num']], "random_$_", do { my $name = $_; sub { _around_one($_[0]->$name) } })
    for qw(brightness contrast saturation hue);
_declare(RandomColorJitter => [map { [$_, 'Num', 0] } qw(brightness contrast saturation hue)], 'random_color_jitter',
    sub { my ($self) = @_; return map { $_ => $self->$_ } qw(brightness contrast saturation hue) });
_declare(RandomLighting => [['alpha', 'Num']], 'random_lighting', sub { my ($self) = @_; return (alpha_std => $self->alpha) });

package AI::MXNet::Gluon::Data::Vision::Transforms::Compose;
use AI::MXNet::Mouse;
use Scalar::Util qw(blessed);

extends 'AI::MXNet::Gluon::Data::Vision::Transform';

has transforms => (is => 'ro', isa => 'ArrayRef[Ref]', required => 1);

sub python_constructor_arguments { return ['transforms'] }

sub BUILD { my ($self) = @_; $self->register_child($_) for grep { blessed $_ && $_->isa('AI::MXNet::Gluon::Block') } @{ $self->transforms } }

sub forward { my ($self, $image) = @_; $image = $_->($image) for @{ $self->transforms }; return $image }

__PACKAGE__->meta->make_immutable;
AI::MXNet::NS::register(__PACKAGE__, 'AI::MXNet::Gluon::Data::Vision::Transforms');

package AI::MXNet::Gluon::Data::Vision::Transforms::RandomApply;
use AI::MXNet::Mouse;

extends 'AI::MXNet::Gluon::Data::Vision::Transform';

has transforms => (is => 'ro', isa => 'Ref', required => 1);
has p          => (is => 'ro', isa => 'Num', default => 0.5);

sub python_constructor_arguments { return ['transforms', 'p'] }

sub forward
{
    my ($self, $image) = @_;
    return $image if CORE::rand >= $self->p;
    $image = $_->($image) for ref $self->transforms eq 'ARRAY' ? @{ $self->transforms } : $self->transforms;
    return $image;
}

__PACKAGE__->meta->make_immutable;
AI::MXNet::NS::register(__PACKAGE__, 'AI::MXNet::Gluon::Data::Vision::Transforms');

package AI::MXNet::Gluon::Data::Vision::Transforms::Cast;
use AI::MXNet::Mouse;

extends 'AI::MXNet::Gluon::Data::Vision::Transform';

has dtype => (is => 'ro', isa => 'Str', default => 'float32');

sub python_constructor_arguments { return ['dtype'] }

sub forward { my ($self, $image) = @_; return scalar $image->astype($self->dtype) }

__PACKAGE__->meta->make_immutable;
AI::MXNet::NS::register(__PACKAGE__, 'AI::MXNet::Gluon::Data::Vision::Transforms');

package AI::MXNet::Gluon::Data::Vision::Transforms::CropResize;
use AI::MXNet::Mouse;

extends 'AI::MXNet::Gluon::Data::Vision::Transform';

has [qw(x y width height)] => (is => 'ro', isa => 'Int', required => 1);
has size          => (is => 'ro', isa => 'Maybe[Int|ArrayRef[Int]]');
has interpolation => (is => 'ro', isa => 'Int', default => 1);

sub python_constructor_arguments { return [qw(x y width height size interpolation)] }

sub forward
{
    my ($self, $image) = @_;
    my $cut = AI::MXNet::Gluon::Data::Vision::Transform::_op('crop', $image, map { $_ => $self->$_ } qw(x y width height));
    return $cut unless defined $self->size;
    return AI::MXNet::Gluon::Data::Vision::Transform::_op('resize', $cut, size => $self->size, interp => $self->interpolation);
}

__PACKAGE__->meta->make_immutable;
AI::MXNet::NS::register(__PACKAGE__, 'AI::MXNet::Gluon::Data::Vision::Transforms');

# The middle of an image; what is smaller than the size is enlarged.
package AI::MXNet::Gluon::Data::Vision::Transforms::CenterCrop;
use AI::MXNet::Mouse;

extends 'AI::MXNet::Gluon::Data::Vision::Transform';

has size          => (is => 'ro', isa => 'Int|ArrayRef[Int]', required => 1);
has interpolation => (is => 'ro', isa => 'Int', default => 1);

sub python_constructor_arguments { return ['size', 'interpolation'] }

sub forward
{
    my ($self, $image) = @_;
    my ($rows, $columns) = $self->_extent($image);
    my ($width, $height) = AI::MXNet::Gluon::Data::Vision::Transform::_pair($self->size);
    ($width, $height) = ($width * $rows / $height, $rows) if $rows < $height;
    ($width, $height) = ($columns, $height * $columns / $width) if $columns < $width;
    $_ = int for $width, $height;
    return $self->_cut($image, int(($columns - $width) / 2), int(($rows - $height) / 2), $width, $height);
}

__PACKAGE__->meta->make_immutable;
AI::MXNet::NS::register(__PACKAGE__, 'AI::MXNet::Gluon::Data::Vision::Transforms');

# A rectangle of random place, area and shape. Szegedy et al., Going deeper with convolutions (2014).
package AI::MXNet::Gluon::Data::Vision::Transforms::RandomResizedCrop;
use AI::MXNet::Mouse;

extends 'AI::MXNet::Gluon::Data::Vision::Transforms::CenterCrop';

has scale => (is => 'ro', isa => 'ArrayRef[Num]', default => sub { [0.08, 1] });
has ratio => (is => 'ro', isa => 'ArrayRef[Num]', default => sub { [3 / 4, 4 / 3] });

sub python_constructor_arguments { return [qw(size scale ratio interpolation)] }

sub forward
{
    my ($self, $image) = @_;
    my ($rows, $columns) = $self->_extent($image);
    my $between = sub { my ($low, $high) = @_; return $low + ($high - $low) * CORE::rand };
    for (1 .. 10) {
        my $area = $rows * $columns * $between->(@{ $self->scale });
        my $ratio = exp $between->(map {log} @{ $self->ratio });
        my ($width, $height) = map { int(0.5 + sqrt) } $area * $ratio, $area / $ratio;
        next if $width > $columns or $height > $rows or $width < 1 or $height < 1;
        return $self->_cut($image, int CORE::rand($columns - $width + 1), int CORE::rand($rows - $height + 1), $width, $height);
    }
    # no such rectangle fits into an image of this shape
    return $self->SUPER::forward($image);
}

__PACKAGE__->meta->make_immutable;
AI::MXNet::NS::register(__PACKAGE__, 'AI::MXNet::Gluon::Data::Vision::Transforms');

1;

__END__

=head1 NAME

AI::MXNet::Gluon::Data::Vision::Transforms - what is done to images

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd);
    use AI::MXNet::Gluon qw(gluon);

    my $t = gluon->data->vision->transforms;
    my $prepare = $t->Compose([
        $t->RandomResizedCrop(32),
        $t->RandomFlipLeftRight,
        $t->ToTensor,
        $t->Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ]);
    my $image = nd->random->randint(0, 256, shape => [60, 80, 3])->astype('uint8');
    print $prepare->($image), "\n";    # <AI::MXNet::NDArray 3x32x32 @cpu(0)>

    my $set = gluon->data->SimpleDataset([[$image, 0], [$image, 1]])->transform_first($prepare);

=head1 DESCRIPTION

Objects that are called with an image, an NDArray or a piddle, and return an NDArray. They are blocks without parameters
(L<AI::MXNet::Gluon::Block>), so they also fit into C<< nn->Sequential >>. An image is [height, width, channels], where it
is not said otherwise. A size is a number, or C<[width, height]>. C<interpolation> is 0 for the nearest pixel, 1 (the
default) bilinear, 2 bicubic, 3 area, 4 Lanczos. Arguments are given in the order of this page, or by name.

=head1 CLASSES

=head2 Compose

C<transforms>, a list ref: one after the other. Functions are welcome among them.

=head2 ToTensor

From values from 0 to 255 to float32 from 0 to 1, with the channels first. Also of a batch.

=head2 Normalize

(x - C<mean>) / C<std>, numbers or lists of them for the channels, which are the first dimension, as C<ToTensor> makes it.

=head2 Cast

To C<dtype> (float32).

=head2 Resize

To C<size>; with C<keep_ratio>, and one number as size, that of the shorter side. C<interpolation>. Also of a batch.

=head2 CenterCrop

The middle of C<size>; C<interpolation> where the image is smaller and has to be enlarged.

=head2 CropResize

The rectangle C<x>, C<y>, C<width>, C<height>; then resized to C<size>, if that is given, with C<interpolation>.

=head2 RandomResizedCrop

A random rectangle resized to C<size>. Its area is between the fractions C<scale> ([0.08, 1]) of the image's, and its width
to its height as C<ratio> ([3/4, 4/3]). C<interpolation>.

=head2 RandomFlipLeftRight, RandomFlipTopBottom

Mirrored, or not.

=head2 RandomBrightness, RandomContrast, RandomSaturation, RandomHue

Changed by a factor between 1 - x and 1 + x, x being the argument, C<brightness>, C<contrast>, C<saturation> or C<hue>.

=head2 RandomColorJitter

C<brightness>, C<contrast>, C<saturation>, C<hue> (each 0): all of them, in random order.

=head2 RandomLighting

C<alpha>: noise of that strength in the colours of ImageNet's light.

=head2 RandomApply

C<transforms>, one or a list ref, with the probability C<p> (0.5).

The rectangle of C<RandomResizedCrop> and the choice of C<RandomApply> come from Perl's C<rand>, all else from the engine's
generator, which C<< mx->random->seed >> seeds. In a L<DataLoader|AI::MXNet::Gluon::Data::Loader> with a seed or workers,
each sample has random numbers of its own.

=head1 SEE ALSO

L<AI::MXNet::Gluon::Data::Vision>

=cut
