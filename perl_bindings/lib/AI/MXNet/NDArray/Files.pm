package AI::MXNet::NDArray;
# The class goes on: files, and what Storable asks for.
use strict;
use warnings;
use File::Spec;
use Scalar::Util qw(blessed);
use AI::MXNet::Context;
use AI::MXNet::DType;
use AI::MXNet::Engine;

sub save
{
    my ($class, $path, $arrays) = @_;
    my @names = ref $arrays eq 'HASH' ? sort keys %$arrays : ();
    my @list = ref $arrays eq 'HASH' ? @$arrays{@names} : ref $arrays eq 'ARRAY' ? @$arrays : _fail('save takes a list or a hash of NDArrays');
    ref eq 'AI::MXNet::NDArray::Slice' and $_ = $_->sever for @list;
    blessed $_ && $_->isa(__PACKAGE__) or _fail('save takes NDArrays, but got ', $_ // 'undef') for @list;
    $AI::MXNet::Engine::STALE and AI::MXNet::Engine::refuse_stale(@list);
    utf8::encode($_) for @names;
    AI::MXNet::Engine::locate();
    AI::MXNet::Engine->request('save', _absolute($path), (ref $arrays eq 'HASH' ? \@names : undef), map { $_->{handle} } @list);
    return;
}

sub load
{
    my ($class, $path) = @_;
    AI::MXNet::Engine::locate();
    my ($loaded) = AI::MXNet::Engine->ask(sub { $class->_loaded(@_) }, 'load', _absolute($path));
    return $loaded;
}

sub load_frombuffer
{
    my ($class, $bytes) = @_;
    _fail('load_frombuffer takes the bytes of a file, but got ', not(defined $bytes) ? 'undef' : ref $bytes ? $bytes : 'wide characters')
        unless defined $bytes and not ref $bytes and utf8::downgrade($bytes, 1);
    AI::MXNet::Engine::locate();
    my ($loaded) = AI::MXNet::Engine->ask_with(\$bytes, sub { $class->_loaded(@_) }, 'load', undef);
    return $loaded;
}

sub _loaded
{
    my ($class, undef, $count, @rest) = @_;
    my @names = splice @rest, 0, $count;
    my @arrays = $class->adopt(@rest);
    return \@arrays unless @names;
    my %named;
    @named{@names} = @arrays;
    return \%named;
}

# The parameters of a symbol, in files named arg:NAME and aux:NAME: two hashes of arrays by name.
sub _save_params
{
    my ($path, $args, $aux) = @_;
    AI::MXNet::Error::expect('parameters are saved from hashes of NDArrays by name', HASH => $args, $aux // {});
    my %named = map { my ($kind, $arrays) = @$_; map { ("$kind:$_" => $arrays->{$_}) } keys %$arrays } [arg => $args], [aux => $aux // {}];
    return __PACKAGE__->save($path, \%named);
}

sub _load_params
{
    my ($path) = @_;
    my $loaded = __PACKAGE__->load($path);
    my %params = (arg => {}, aux => {});
    for my $key (ref $loaded eq 'HASH' ? keys %$loaded : '') {
        my ($kind, $name) = $key =~ /\A(arg|aux):(.+)\z/s
            or _fail("Invalid param file $path: its arrays are named arg:NAME or aux:NAME, but one '$key'");
        $params{$kind}{$name} = $loaded->{$key};
    }
    return @params{qw(arg aux)};
}

# The engine has a working directory of its own.
sub _absolute
{
    my ($path) = @_;
    _fail('a file name is needed, but got ', defined $path ? "'$path'" : 'undef')
        unless defined $path and length $path and (blessed $path or not ref $path);
    my $bytes = "$path";
    utf8::encode($bytes) if utf8::is_utf8($bytes);
    return File::Spec->rel2abs($bytes);
}

# The same for an attribute of an operator, which is text.
sub _absolute_text
{
    my $path = &_absolute;
    utf8::decode($path);
    return $path;
}

sub STORABLE_freeze
{
    my ($self) = @_;
    my $piddle = $self->dtype eq 'float16' ? $self->astype('float64')->aspdl : $self->aspdl;
    return (join(' ', $self->dtype, $self->context->device_type, $self->context->device_id, @{ $self->shape }), \"${ $piddle->copy->get_dataref }");
}

sub STORABLE_thaw
{
    my ($self, undef, $head, $bytes) = @_;
    my ($dtype, $device, $id, @shape) = split ' ', $head;
    my $type = AI::MXNet::DType::pdl_type($dtype eq 'float16' ? 'float64' : $dtype);
    my $piddle = AI::MXNet::DType::_piddle($type, $bytes, reverse @shape);
    my $array = _array($piddle, dtype => $dtype, ctx => AI::MXNet::Context::->new($device, $id));
    %$self = %$array;
    $array->{handle} = 0;    # the handle lives on in $self
    return;
}

1;

__END__

=head1 NAME

AI::MXNet::NDArray::Files - arrays in files

=head1 DESCRIPTION

Internal, and no part of the interface: it may change with any release. C<save>,
C<load> and L<Storable>'s hooks for L<AI::MXNet::NDArray>.

=head1 SEE ALSO

L<AI::MXNet::NDArray>

=cut
