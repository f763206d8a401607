package AI::MXNet::Gluon::Data::Vision::Set::ImageFolderDataset;
# Datasets of image files. Documented in AI::MXNet::Gluon::Data::Vision.
use strict;
use warnings;
use AI::MXNet::Mouse;
use AI::MXNet::Error;
use AI::MXNet::Image;
use AI::MXNet::Logging;
use AI::MXNet::NS;
use AI::MXNet::Gluon::Data::Set;
use AI::MXNet::Gluon::Data::Vision::Transformed;

extends 'AI::MXNet::Gluon::Data::Set';
with 'AI::MXNet::Gluon::Data::Vision::Transformed';

has root => (is => 'ro', isa => 'Str', required => 1);
has flag => (is => 'ro', isa => 'Bool', default => 1);
has [qw(synsets items)] => (is => 'rw', isa => 'ArrayRef', default => sub { [] });

sub python_constructor_arguments { return ['root', 'flag', 'transform'] }

sub BUILD
{
    my ($self) = @_;
    $self->list_images(AI::MXNet::Gluon::Data::Vision::_expanded($self->root));
    return;
}

sub list_images
{
    my ($self, $root) = @_;
    my (@synsets, @items);
    for my $name (_names($root)) {
        my $folder = "$root/$name";
        if (not -d $folder) { AI::MXNet::Logging->warning('Ignoring %s, which is not a directory.', $folder); next }
        push @synsets, $name;
        for my $file (map {"$folder/$_"} _names($folder)) {
            if ($file =~ /\.(?:jpe?g|png)\z/i) { push @items, [$file, $#synsets] }
            else { AI::MXNet::Logging->warning('Ignoring %s of type %s. Only support .jpg, .jpeg, .png', $file, $file =~ /(\.[^.\/]*)\z/ ? $1 : 'none') }
        }
    }
    $self->synsets(\@synsets);
    $self->items(\@items);
    return;
}

sub _names
{
    my ($path) = @_;
    opendir my $folder, $path or AI::MXNet::Error::fail("$path: $!");
    return sort grep { !/\A\.\.?\z/ } readdir $folder;
}

sub len { my ($self) = @_; return scalar @{ $self->items } }

sub at
{
    my ($self, $index) = @_;
    my $count = $self->len;
    AI::MXNet::Error::fail("there is no image $index of $count in ", $self->root) if $index >= $count or $index < -$count;
    my ($file, $label) = @{ $self->items->[$index] };
    my $image = AI::MXNet::Image->imread($file, flag => $self->flag ? 1 : 0);
    return $self->_sample($image, $label);
}

__PACKAGE__->meta->make_immutable;
AI::MXNet::NS::register(__PACKAGE__, 'AI::MXNet::Gluon::Data::Vision');

package AI::MXNet::Gluon::Data::Vision::RecordFileSet::ImageRecordDataset;
use AI::MXNet::Mouse;

extends 'AI::MXNet::Gluon::Data::RecordFileSet';
with 'AI::MXNet::Gluon::Data::Vision::Transformed';

has flag => (is => 'ro', isa => 'Bool', default => 1);

sub python_constructor_arguments { return ['filename', 'flag', 'transform'] }

sub at
{
    my ($self, $index) = @_;
    my ($header, $bytes) = AI::MXNet::RecordIO->unpack($self->SUPER::at($index));
    my $image = AI::MXNet::Image->imdecode($bytes, flag => $self->flag ? 1 : 0);
    return $self->_sample($image, $header->label);
}

__PACKAGE__->meta->make_immutable;
AI::MXNet::NS::register(__PACKAGE__, 'AI::MXNet::Gluon::Data::Vision');

1;

__END__

=head1 NAME

AI::MXNet::Gluon::Data::Vision::Images - datasets of image files

=head1 DESCRIPTION

Internal, a part of L<AI::MXNet::Gluon::Data::Vision>: the classes are interface, and documented there; this file may
change.

=head1 SEE ALSO

L<AI::MXNet::Gluon::Data::Vision>

=cut
