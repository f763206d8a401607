package AI::MXNet::Engine::Memory;
# The values of arrays, to the engine and back: in frames, or large ones through memory shared with it.
#
# Up: a piddle is assigned into a recycled segment.
# Down: an array's segment is mapped privately; the weak reference to the piddle's data tells when the map is gone.
use strict;
use warnings;
use Fcntl qw(LOCK_SH);
use PDL::Core ();
use AI::MXNet::DType;
use AI::MXNet::Error;
use List::Util qw(product);
use Scalar::Util qw(weaken);
use AI::MXNet::Engine;
use AI::MXNet::Engine::Stream;

my %data;    # of the piddles over mapped memory, by address, weakly

use constant KEEP_BYTES => 1 << 29;    # free segments beyond this are given back to the engine, which closes them

# The code tells the folder with the engine's descriptors, or '' where no memory can be shared.
sub new
{
    my ($class, $folder) = @_;
    return bless { find_folder => $folder, segments => {}, free => [], maps => [] }, $class;
}

# True where arrays of $size bytes go through shared memory.
sub shares
{
    my ($self, $size) = @_;
    return 0 if $size < AI::MXNet::Engine::SHARE_BYTES;
    $self->{folder} //= $self->{find_folder}->();
    AI::MXNet::NS::load('File/Map.pm') if length $self->{folder};
    return length $self->{folder};
}

# -- up ------------------------------------------------------------------------------------------------------------

# Gives an array its handle and the values of a piddle, converted to PDL type $type; see AI::MXNet::Engine's upload.
sub upload
{
    my ($self, $array, $piddle, $type, @description) = @_;
    my $size = PDL::Core::howbig($type) * $piddle->nelem;
    # an assignment that converts takes PDL twice as long
    $piddle = $piddle->convert($type) if $piddle->get_datatype != $type;
    if ($self->shares($size)) {
        $self->_let_go;
        AI::MXNet::Engine::wake();    # what the engine has released is news on the stream
        my $share = sub { $self->_share($array, $piddle, $type, $size, @description) };
        my $shared = AI::MXNet::Engine::Process::undisturbed($share);
        if (not $shared) {
            $self->_request($size);
            $shared = AI::MXNet::Engine::Process::undisturbed($share);
        }
        return AI::MXNet::Engine::flush() if $shared;
    }
    # a piddle may have room for more elements than it has
    my $bytes = $size ? $piddle->get_dataref : \'';
    $bytes = \substr $$bytes, 0, $size if length $$bytes != $size;
    AI::MXNet::Engine->put($bytes, sub {
        my ($dtype, $as, $shape) = @description;
        return ['put', $array->{handle} = AI::MXNet::Engine::handle(), $dtype, $as, @$shape];
    });
    return;
}

# Writes a piddle to a free segment and hands that over. False if there is none that fits.
sub _share
{
    my ($self, $array, $piddle, $type, $size, $dtype, $as, $shape) = @_;
    my $free = $self->{free};
    for my $i (0 .. $#$free) {
        my $segment = $free->[$i];
        next if $segment->{size} < $size or $segment->{size} > 4 * $size + 65536;
        # one map for each segment, because a process can have some ten thousands only
        my $key = join ' ', $type, $piddle->dims;
        if (($segment->{key} // '') ne $key) {
            delete @$segment{qw(piddle key)};
            # without descriptors frames will do; without an engine, asking it for a segment tells what became of it
            my $file = _open('+<', @$segment{qw(path size)}) or next;
            $segment->{piddle} = _map($file, File::Map::MAP_SHARED(), $type, [$piddle->dims], 0);
            $segment->{key} = $key;
        }
        $segment->{piddle} .= $piddle;
        splice @$free, $i, 1;
        $segment->{lent} = 1;
        push @AI::MXNet::Engine::STREAM, ['share', $array->{handle} = AI::MXNet::Engine::handle(), $segment->{number}, $dtype, $as, @$shape];
        return 1;
    }
    return 0;
}

# Has the engine make a segment for us, unless it has as many as the system allows.
sub _request
{
    my ($self, $size) = @_;
    local ($@, $SIG{__DIE__});
    return if eval { AI::MXNet::Engine->ask(sub { $self->_add(@_) }, 'segment', $size); 1 };
    die $@ unless ref $@ eq 'AI::MXNet::Error' and $@->kind eq 'compute';
    return;
}

# Takes a segment that the engine made, or notes that none can be opened.
sub _add
{
    my ($self, undef, $number, $fd, $size) = @_;
    my $path = "$self->{folder}/$fd";
    if (_open('+<', $path, $size)) {
        _broken("segment $number was made twice") if $self->{segments}{$number};
        $self->{segments}{$number} = { number => $number, path => $path, size => $size, lent => 1 };
        $self->freed($number);
    }
    else {
        push @AI::MXNet::Engine::STREAM, ['drop', $number];
        $self->{folder} = '';
    }
    return;
}

# The engine uses a segment of ours no longer.
sub freed
{
    my ($self, $number) = @_;
    my $free = $self->{free};
    my $segment = $self->{segments}{$number};
    _broken("segment $number is none that it was lent") unless $segment and delete $segment->{lent};
    push @$free, $segment;
    my $bytes = 0;
    $bytes += $_->{size} for @$free;
    while ($bytes > KEEP_BYTES and @$free > 1) {
        my $oldest = shift @$free;
        $bytes -= $oldest->{size};
        delete $self->{segments}{ $oldest->{number} };
        push @AI::MXNet::Engine::STREAM, ['drop', $oldest->{number}];
    }
    return;
}

# -- down ----------------------------------------------------------------------------------------------------------

# The dtype, shape and content of an array, in PDL type $type: (dtype, shape, piddle).
sub download
{
    my ($self, $array, $type) = @_;
    my $shares = $self->shares(PDL::Core::howbig($type) * $array->{type}{size});
    $self->_let_go if $shares;
    my $take = sub { $self->_piddle($type, @_) };
    my ($dtype, $shape, $piddle) = AI::MXNet::Engine->ask($take, 'read', $array->{handle}, $shares ? 1 : 0);
    # where the engine's memory could not be opened, a frame will carry the values
    return defined $piddle ? ($dtype, $shape, $piddle) : $self->download($array, $type);
}

# What the answer to `read` says.
sub _piddle
{
    my ($self, $type, $payload, $dtype, $segment, $fd, $offset, @shape) = @_;
    my @dims = reverse @shape;
    my $piddle;
    if ($segment) {
        _broken('it lent a segment that was not asked for') if not length($self->{folder} // '');
        $piddle = $self->_private_piddle($segment, $fd, $type, \@dims, $offset);
    }
    else {
        my $size = PDL::Core::howbig($type) * product(@dims);
        _broken("an array of $size bytes came with " . length $$payload) if length $$payload != $size;
        $piddle = AI::MXNet::DType::_piddle($type, $payload, @dims);
    }
    return ($dtype, \@shape, $piddle);
}

# A piddle of our own over a segment: writes stay here, and the engine freezes what we see. Undef, and the end of all
# sharing, if it cannot be mapped. The lock tells the engine that somebody has a map, be it a forked child of ours.
sub _private_piddle
{
    my ($self, $segment, $fd, $type, $dims, $offset) = @_;
    my $size = PDL::Core::howbig($type) * product(@$dims);
    _broken("it lent $size bytes at byte $offset of a segment") if not $size or $offset % PDL::Core::howbig($type);
    my $piddle = eval {
        my $file = _open('<', "$self->{folder}/$fd", $offset + $size) or die "$!\n";
        flock $file, LOCK_SH or die "$!\n";
        _map($file, File::Map::MAP_PRIVATE(), $type, $dims, $offset);
    };
    die $@ if ref $@;
    my $map = [$segment, defined $piddle ? $data{ $piddle->address } : undef];
    weaken $map->[1];
    push @{ $self->{maps} }, $map;
    $self->{folder} = '' if not defined $piddle;
    return $piddle;
}

# Tells the engine which maps are gone. Looks at some of them, at others the next time.
sub _let_go
{
    my ($self) = @_;
    my $maps = $self->{maps};
    AI::MXNet::Engine::Process::undisturbed(sub {
        my @some = splice @$maps, 0, 100;
        push @$maps, grep { defined $_->[1] } @some;
        push @AI::MXNet::Engine::STREAM, map { ['unmap', $_->[0]] } grep { not defined $_->[1] } @some;
    }) if @$maps;
    return;
}

# -- segments ------------------------------------------------------------------------------------------------------

# A handle of a segment, which holds at least $size bytes; undef if it cannot be opened. What the engine names must be a
# segment: nothing else that it has open is for us to map, and what lies beyond a file's end kills who reads it.
sub _open
{
    my ($mode, $path, $size) = @_;
    my $there = readlink $path // return;
    _broken("$path is no segment, but $there") if $there !~ m{\A/memfd:ai-mxnet };
    open my $file, $mode, $path or return;
    my $has = -s $file;
    _broken("a segment of $has bytes cannot hold an array that ends at byte $size") if $size > $has;
    return $file;
}

*_broken = \&AI::MXNet::Engine::Stream::_broken;

# -- piddles over mapped memory ------------------------------------------------------------------------------------

sub _map
{
    my ($file, $flags, $type, $dims, $offset) = @_;
    my $size = PDL::Core::howbig($type) * product(@$dims);
    my $piddle = PDL->zeroes(PDL::Type->new($type));
    my $data = $piddle->get_dataref;
    File::Map::sys_map($$data, $size, File::Map::PROT_READ() | File::Map::PROT_WRITE(), $flags, $file, $offset);
    $piddle->upd_data(1);
    $piddle->set_donttouchdata($size);
    $piddle->setdims([@$dims]);
    weaken($data{ $piddle->address } = $data);
    return $piddle;
}

# PDL gives no reference to data that are mapped, though it needs not move ours: Storable and many writers of files ask
# for one.
{
    no warnings 'redefine';
    my ($get_dataref, $upd_data) = (\&PDL::get_dataref, \&PDL::upd_data);
    *PDL::get_dataref = sub { $_[0]->donttouch && $data{ $_[0]->address } || goto &$get_dataref };
    *PDL::upd_data    = sub { $_[0]->donttouch && $data{ $_[0]->address } ? () : goto &$upd_data };
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
