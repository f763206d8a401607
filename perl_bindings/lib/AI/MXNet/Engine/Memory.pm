package AI::MXNet::Engine::Memory;
# Piddles over memory shared with the engine.
#
# Up: a piddle is assigned into a recycled segment, which converts its type on the way.
# Down: an array's segment is mapped privately; the weak reference to the piddle's data tells when the map is gone.
use strict;
use warnings;
use File::Map ();
use PDL::Core ();
use Scalar::Util qw(weaken);

sub new
{
    my ($class, %fields) = @_;
    return bless { segments => {}, free => [], maps => [], %fields }, $class;
}

# A free segment of at least $size bytes, or undef. Takes it out of the free ones.
sub take
{
    my ($self, $size) = @_;
    my $free = $self->{free};
    for my $i (0 .. $#$free) {
        my $segment = $self->{segments}{ $free->[$i] };
        next if $segment->{size} < $size or $segment->{size} > 4 * $size + 65536;
        splice @$free, $i, 1;
        return $segment;
    }
    return undef;
}

# Notes a segment that the engine made for us.
sub add
{
    my ($self, $number, $path, $size) = @_;
    open my $file, '+<', $path or return undef;
    return $self->{segments}{$number} = { number => $number, file => $file, size => $size };
}

# The engine uses the segment no longer.
sub freed
{
    my ($self, $number) = @_;
    push @{ $self->{free} }, $number if $self->{segments}{$number};
    return;
}

# A piddle over the start of a segment, shared with the engine: what is assigned to it is the upload.
sub shared_piddle
{
    my ($self, $segment, $type, $dims) = @_;
    return _map($segment->{file}, $type, $dims, 0, File::Map::MAP_SHARED());
}

# A piddle of our own over a segment: writes stay here, and the engine freezes what we see.
sub private_piddle
{
    my ($self, $number, $path, $type, $dims, $offset) = @_;
    open my $file, '<', $path or return undef;
    my ($piddle, $data) = _map($file, $type, $dims, $offset, File::Map::MAP_PRIVATE());
    my $map = [$number, $data];
    weaken $map->[1];
    push @{ $self->{maps} }, $map;
    return $piddle;
}

# The numbers of segments whose private maps are gone since the last call.
sub unmapped
{
    my ($self) = @_;
    my @gone = map { $_->[0] } grep { not defined $_->[1] } @{ $self->{maps} };
    $self->{maps} = [grep { defined $_->[1] } @{ $self->{maps} }] if @gone;
    return @gone;
}

sub _map
{
    my ($file, $type, $dims, $offset, $flags) = @_;
    my $size = PDL::Core::howbig($type);
    $size *= $_ for @$dims;
    my $piddle = PDL->zeroes(PDL::Type->new($type));
    my $data = $piddle->get_dataref;
    # maps begin at a page; the piddle's data begin $offset bytes further on only where that is 0
    File::Map::sys_map($$data, $size, File::Map::PROT_READ() | File::Map::PROT_WRITE(), $flags, $file, $offset);
    $piddle->upd_data(1);
    $piddle->set_donttouchdata($size);
    $piddle->setdims([@$dims]);
    return wantarray ? ($piddle, $data) : $piddle;
}

1;

__END__

=head1 NAME

AI::MXNet::Engine::Memory - piddles over memory shared with the engine

=head1 DESCRIPTION

Internal, and no part of the interface: it may change with any release. Maps segments that the engine made, recycles
those that it is done with, and notices when a map is gone.

=head1 SEE ALSO

L<AI::MXNet::Engine>

=cut
