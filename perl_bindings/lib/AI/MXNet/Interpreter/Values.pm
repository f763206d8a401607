package AI::MXNet::Interpreter::Values;
# Values as they travel to and from Python: numbers in a frame's body, bytes in its payload, large arrays in a file.
# docs/python_drives_perl.md has the table.
use strict;
use warnings;
no warnings qw(experimental recursion);    # is_bool; depth is limited here
use B ();
use Scalar::Util qw(blessed refaddr reftype weaken);
use AI::MXNet::Engine::Stream;
use AI::MXNet::Error;

use constant {
    UNDEF     => 0,
    BOOLEAN   => 1,
    INTEGER   => 2,
    FLOAT     => 3,
    TEXT      => 4,
    BYTES     => 5,
    ARRAY     => 6,
    HASH      => 7,
    MINE      => 8,     # an object of the sender's: number, kind, class
    YOURS     => 9,     # an object of the receiver's: number
    BIG       => 10,    # an integer beyond 64 bits, in decimal
    PIDDLE    => 11,
    MAX_DEPTH => 100,
};
use constant ALL => B::SVf_IOK | B::SVf_NOK | B::SVf_POK;
use constant FILE_BYTES => 1 << 16;    # from this size on, arrays travel in the shared file
use constant KEEP_BYTES => 1 << 26;    # the file is emptied after more than this
use constant MAX_RELEASED => 1 << 16;  # in one message; the rest waits for the next

my %KINDS = (ARRAY => 'array', HASH => 'hash', CODE => 'code', map { $_ => 'scalar' } qw(SCALAR REF LVALUE VSTRING));
my %DTYPES = (
    sbyte => 'int8', byte => 'uint8', short => 'int16', ushort => 'uint16', long => 'int32', ulong => 'uint32',
    indx => 'int64', longlong => 'int64', ulonglong => 'uint64', float => 'float32', double => 'float64',
    ldouble => 'longdouble', cfloat => 'complex64', cdouble => 'complex128', cldouble => 'clongdouble',
);
my %TYPES = (reverse(%DTYPES), int64 => 'longlong');

my $is_boolean = do { no strict 'refs'; defined &{'builtin::is_bool'} ? \&{'builtin::is_bool'} : sub { 0 } };

# A number that was used as a key, or that counts nothing, is sent as text unless added to 0, which makes a fresh one.
my %held;              # what Python has references to: number => { value, count }
my %number_of;         # the numbers of those, by address
my %python;            # Python's objects that are alive here, by number, weakly
my %guard_of_code;     # the object behind a code reference that we made of a Python function, by address, weakly
my @released;          # Python's objects that have died here: number, count ...
my $numbers = 0;
my $file;              # shared with Python

sub share { $file = $_[0] }

# How many of our values Python holds, and how many of Python's we hold.
sub counts { return (scalar keys %held, scalar keys %python) }

# -- to Python -----------------------------------------------------------------------------------------------------

# The fields and the payload of a message that holds @$values. With $plain, arrays and hashes are copied.
sub encode
{
    my ($head, $values, $plain) = @_;
    my $out = { tokens => [], payload => '', offset => 0, sent => [] };
    my $ok = eval {
        _put($out, $_, $plain, 0) for @$values;
        _check_size(scalar @{ $out->{tokens} }, length $out->{payload});
        1;
    };
    my $error = $@;
    for my $number (@{ $out->{sent} }) {
        $ok ? $held{$number}{count}++ : _forget($number);
    }
    die $error if not $ok;
    my @gone = splice @released, 0, 2 * MAX_RELEASED;
    return ([@$head, @gone >> 1, @gone, @{ $out->{tokens} }], \$out->{payload});
}

sub _put
{
    my ($out, $value, $plain, $depth) = @_;
    my $tokens = $out->{tokens};
    if (not defined $value) { push @$tokens, UNDEF }
    elsif (ref $value) { _put_reference($out, $value, $plain, $depth) }
    elsif ($is_boolean->($value)) { push @$tokens, BOOLEAN, $value ? 1 : 0 }
    elsif (ref \$value eq 'GLOB') { _put_object($out, \*$value, 'object') }
    else {
        my $flags = B::svref_2object(\$value)->FLAGS;
        # Perl's own 0, as of an array without elements, is string and number at once
        if (($flags & ALL) == ALL and $value eq '0') { push @$tokens, INTEGER, 0 }
        elsif ($flags & B::SVf_POK) { _put_string($out, $value) }
        elsif ($flags & B::SVf_IOK) { push @$tokens, INTEGER, 0 + $value }
        elsif ($flags & B::SVf_NOK) { push @$tokens, FLOAT, unpack 'd', pack 'd', $value }
        else { _put_string($out, "$value") }
    }
    return;
}

sub _put_string
{
    my ($out, $string) = @_;
    my $tag = TEXT;
    if (utf8::is_utf8($string)) {
        AI::MXNet::Error::fail('Python has no characters beyond U+10FFFF, but a string holds one')
            if $string =~ /[^\x{0}-\x{10FFFF}]/;
        utf8::encode($string);
    }
    elsif ($string =~ /[^\x00-\x7f]/) { $tag = BYTES }
    push @{ $out->{tokens} }, $tag, length $string;
    $out->{payload} .= $string;
    return;
}

sub _put_reference
{
    my ($out, $value, $plain, $depth) = @_;
    my $class = ref $value;
    my $tokens = $out->{tokens};
    if ($class eq 'AI::MXNet::Interpreter::Object') { push @$tokens, YOURS, 0 + $value->{number} }
    elsif ($class eq 'AI::MXNet::Interpreter::Exception') { push @$tokens, YOURS, 0 + $value->{object}{number} }
    elsif ($class eq 'PDL') { _put_piddle($out, $value) }
    elsif ($class eq 'CODE' and my $guard = $guard_of_code{ refaddr $value }) { push @$tokens, YOURS, 0 + $guard->{number} }
    elsif ($plain and $class eq 'ARRAY') {
        _check_depth(++$depth);
        push @$tokens, ARRAY, 0 + @$value;
        _put($out, $_, $plain, $depth) for @$value;
    }
    elsif ($plain and $class eq 'HASH') {
        _check_depth(++$depth);
        push @$tokens, HASH, 0 + keys %$value;
        for my $key (keys %$value) {
            _put_string($out, $key);
            _put($out, $value->{$key}, $plain, $depth);
        }
    }
    else { _put_object($out, $value, blessed($value) ? 'object' : $KINDS{ reftype $value } // 'object') }
    return;
}

sub _put_object
{
    my ($out, $value, $kind) = @_;
    my $number = $number_of{ refaddr $value } //= ++$numbers;
    $held{$number} //= { value => $value, count => 0 };
    push @{ $out->{sent} }, $number;
    utf8::encode(my $class = ref $value);
    push @{ $out->{tokens} }, MINE, 0 + $number, $kind, $class;
    return;
}

sub _put_piddle
{
    my ($out, $piddle) = @_;
    my $type = $piddle->type;
    my $dtype = $DTYPES{$type} // AI::MXNet::Error::fail("NumPy has no type for piddles of type $type");
    AI::MXNet::Error::fail("a piddle of type $type holds bad values; replace them first, as with setbadtoval(0)")
        if $piddle->badflag and $piddle->nbad;
    my @dims = $piddle->dims;
    my $size = PDL::Core::howbig($piddle->get_datatype) * $piddle->nelem;
    my $in_file = $size >= FILE_BYTES ? 1 : 0;
    push @{ $out->{tokens} }, PIDDLE, $dtype, $in_file, 0 + @dims, reverse @dims;
    return if $size == 0;
    # the data of a piddle over mapped memory can only be had from a copy
    my $data = do { local ($@, $SIG{__DIE__}); eval { $piddle->get_dataref } } // $piddle->copy->get_dataref;
    if (not $in_file) {
        $out->{payload} .= substr $$data, 0, $size;
        return;
    }
    sysseek $file, $out->{offset}, 0;
    for (my $done = 0; $done < $size;) {
        $done += syswrite($file, $$data, $size - $done, $done) // AI::MXNet::Error::fail("cannot hand a piddle over: $!");
    }
    $out->{offset} += $size;
    return;
}

sub _check_depth
{
    AI::MXNet::Error::fail('a value nests deeper than ', MAX_DEPTH, ' levels, or in a circle') if $_[0] > MAX_DEPTH;
}

sub _check_size
{
    my ($fields, $bytes) = @_;
    AI::MXNet::Error::fail("one message cannot carry $fields fields and $bytes bytes; large data travel as piddles")
        if $fields > AI::MXNet::Engine::Stream::MAX_VALUES / 2 or $bytes > AI::MXNet::Engine::Stream::MAX_PAYLOAD;
    return;
}

sub _forget
{
    my ($number) = @_;
    return if not exists $held{$number} or $held{$number}{count} > 0;
    delete $number_of{ refaddr $held{$number}{value} };
    delete $held{$number};
    return;
}

# -- from Python ---------------------------------------------------------------------------------------------------

# The values of a message. Only then is freed what Python has released, because that may run anything.
sub decode
{
    my ($tokens, $payload) = @_;
    my $released = shift @$tokens;
    my @released_here = splice @$tokens, 0, 2 * $released;
    my $in = { tokens => $tokens, at => 0, payload => $payload, used => 0, offset => 0 };
    my @values;
    push @values, _take($in) while $in->{at} < @$tokens;
    truncate $file, 0 if $in->{offset} > KEEP_BYTES;
    while (my ($number, $count) = splice @released_here, 0, 2) {
        $held{$number}{count} -= $count;
        _forget($number);
    }
    return @values;
}

sub _take
{
    my ($in) = @_;
    my $tag = _next($in);
    return undef                if $tag == UNDEF;
    return _next($in)           if $tag == INTEGER or $tag == FLOAT;
    return !!_next($in)         if $tag == BOOLEAN;
    return _bytes($in, _next($in)) if $tag == BYTES;
    if ($tag == TEXT) {
        my $text = _bytes($in, _next($in));
        utf8::decode($text);
        return $text;
    }
    return [map { _take($in) } 1 .. _next($in)] if $tag == ARRAY;
    if ($tag == HASH) {
        my %hash;
        for (1 .. _next($in)) {
            my $key = _take($in);
            $hash{$key} = _take($in);
        }
        return \%hash;
    }
    return $held{ _next($in) }{value} if $tag == YOURS;
    return _python_object(map { _next($in) } 1 .. 3) if $tag == MINE;
    if ($tag == BIG) {
        require Math::BigInt;
        return Math::BigInt->new(_bytes($in, _next($in)));
    }
    return _take_piddle($in) if $tag == PIDDLE;
    AI::MXNet::Error::fail("Python sent a value of unknown kind $tag");
}

sub _next { my ($in) = @_; return $in->{tokens}[$in->{at}++] }

sub _bytes
{
    my ($in, $size) = @_;
    $in->{used} += $size;
    return substr ${ $in->{payload} }, $in->{used} - $size, $size;
}

sub _take_piddle
{
    my ($in) = @_;
    my ($dtype, $in_file, $ndim) = map { _next($in) } 1 .. 3;
    my @dims = reverse map { _next($in) } 1 .. $ndim;
    require PDL;
    my $type = PDL::Type->new($TYPES{$dtype});
    local $PDL::BIGPDL = 1;
    my $piddle = PDL->new_from_specification($type, @dims);
    my $size = PDL::Core::howbig($type->enum) * $piddle->nelem;
    return $piddle if $size == 0;
    my $data = $piddle->get_dataref;
    if ($in_file) {
        sysseek $file, $in->{offset}, 0;
        for (my $done = 0; $done < $size;) {
            my $read = sysread $file, $$data, $size - $done, $done;
            AI::MXNet::Error::fail('an array ended early: ', $! || "$done of $size bytes") if not $read;
            $done += $read;
        }
        $in->{offset} += $size;
    }
    else { $$data = _bytes($in, $size) }
    $piddle->upd_data;
    return $piddle;
}

# What stands for an object of Python's here: always the same as long as it lives.
sub _python_object
{
    my ($number, $kind, $type) = @_;
    if (my $known = $python{$number}) {
        $known->{count}++;
        return $known->{code} // $known;
    }
    my $object = bless { number => $number, type => $type, count => 1 }, 'AI::MXNet::Interpreter::Object';
    weaken($python{$number} = $object);
    return $object if $kind ne 'code';
    my $code = sub {
        my $context = wantarray;
        return AI::MXNet::Interpreter::call_python($context, $object, @_);
    };
    weaken($object->{code} = $code);
    weaken($guard_of_code{ refaddr $code } = $object);
    $object->{address} = refaddr $code;
    return $code;
}

# Called as the last reference to an object of Python's goes.
sub drop
{
    my ($object) = @_;
    delete $python{ $object->{number} };
    delete $guard_of_code{ $object->{address} } if $object->{address};
    push @released, 0 + $object->{number}, $object->{count};
    return;
}

package AI::MXNet::Interpreter::Object;
# An object of Python's: opaque here, and itself again when it returns.
use overload
    '""' => sub { "a Python object of type $_[0]{type}" },
    '0+' => sub { Scalar::Util::refaddr($_[0]) },
    bool => sub { 1 }, fallback => 1;

sub DESTROY { AI::MXNet::Interpreter::Values::drop($_[0]) if ${^GLOBAL_PHASE} ne 'DESTRUCT' }

package AI::MXNet::Interpreter::Exception;
# An exception of Python's that passes through Perl, and is itself again when it reaches Python.
use overload '""' => \&as_string, bool => sub { 1 }, fallback => 1;

sub new
{
    my ($class, $object, $message) = @_;
    my ($file, $line) = AI::MXNet::Error->user_line;
    return bless { object => $object, message => $message, file => $file, line => $line }, $class;
}

sub as_string { "$_[0]{object}{type}: $_[0]{message} at $_[0]{file} line $_[0]{line}.\n" }
sub message   { $_[0]{message} }
sub type      { $_[0]{object}{type} }

1;

__END__

=head1 NAME

AI::MXNet::Interpreter::Values - values on their way between Perl and the Python that drives it

=head1 DESCRIPTION

Internal, and no part of the interface: turns values into the fields of a message and back, and keeps book of the
objects that one side holds for the other.

=head1 SEE ALSO

L<AI::MXNet::Interpreter>; F<docs/python_drives_perl.md>

=cut
