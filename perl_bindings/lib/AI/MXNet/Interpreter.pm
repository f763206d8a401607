package AI::MXNet::Interpreter;
# No pragma and no lexical variable may reach the code that Python has evaluated, so these subs come first. The error
# is taken at once: an object that dies a statement later may clear $@.
sub _run_list   { package main; @AI::MXNet::Interpreter::RESULT    = eval $AI::MXNet::Interpreter::CODE; $AI::MXNet::Interpreter::ERROR = $@ }
sub _run_scalar { package main; $AI::MXNet::Interpreter::RESULT[0] = eval $AI::MXNet::Interpreter::CODE; $AI::MXNet::Interpreter::ERROR = $@ }
sub _run_void   { package main; eval $AI::MXNet::Interpreter::CODE; $AI::MXNet::Interpreter::ERROR = $@ }
sub _import     { package main; my ($module, @names) = @_; $module->import(@names) }

use strict;
use warnings;
use Data::MessagePack;
use Errno qw(EINTR);
use Fcntl qw(F_GETFL F_SETFD F_SETFL F_SETOWN FD_CLOEXEC O_ASYNC);
use IO::Handle ();
use Scalar::Util qw(blessed looks_like_number reftype);
use Socket qw(MSG_DONTWAIT MSG_PEEK);
use AI::MXNet::Engine::Stream;
use AI::MXNet::Error;
use AI::MXNet::Interpreter::Values;
use overload ();

use constant { VOID => 0, SCALAR => 1, LIST => 2, PLAIN => 3 };    # PLAIN: a list, with arrays and hashes copied

our ($CODE, $ERROR, @RESULT);    # what is evaluated, and what came of it
our ($FILE, $LINE);              # the line of Python that asks
our $RUNNING = 0;                # true while code of the user's runs, which an interrupt may stop
my $errno = 0;                   # the user's $!, which our own system calls must not change
my ($signals, $known) = (0, 0);  # interrupts that came, and those that Python had sent before its last message
my ($socket, $owner);
my $codec = Data::MessagePack->new;

# Serves the Python that started this process, over the socket $socket_fd and the file of large arrays $file_fd.
sub serve
{
    my ($socket_fd, $file_fd) = @_;
    open $socket, '+<&=', $socket_fd or die "descriptor $socket_fd: $!\n";
    open my $file, '+<&=', $file_fd or die "descriptor $file_fd: $!\n";
    fcntl $_, F_SETFD, FD_CLOEXEC for $socket, $file;
    AI::MXNet::Interpreter::Values::share($file);
    $owner = $$;
    # Ctrl-C is Python's, which then asks by USR1; not ignored, so that programs started from here still see it
    $SIG{INT}  = sub { };
    $SIG{USR1} = sub { $signals++; _check_interrupt() if $RUNNING };
    # a signal at hang-up ends a computation that nobody waits for
    $SIG{IO} = sub { my $byte; exit if defined recv($socket, $byte, 1, MSG_PEEK | MSG_DONTWAIT) and $byte eq '' };
    fcntl $socket, F_SETOWN, $$ + 0;
    fcntl $socket, F_SETFL, fcntl($socket, F_GETFL, 0) | O_ASYNC;
    while (1) {
        _answer(_receive());
    }
}

# -- messages ------------------------------------------------------------------------------------------------------

# The next message as (name, context, file, line, values ...). Ends the process when Python has hung up.
sub _receive
{
    my ($body_size, $payload_size) = unpack 'VV', _read(8);
    my $message = AI::MXNet::Engine::Stream::decode(_read($body_size));
    my $payload = _read($payload_size);
    (my ($name, $context), $known, my ($file, $line)) = splice @$message, 0, 5;
    return ($name, $context, $file, $line, AI::MXNet::Interpreter::Values::decode($message, \$payload));
}

sub _read
{
    my ($size) = @_;
    my $bytes = '';
    while (length $bytes < $size) {
        my $read = sysread $socket, $bytes, $size - length $bytes, length $bytes;
        exit unless $read or not defined $read and $! == EINTR;
    }
    return $bytes;
}

sub _send
{
    my ($name, $context, @values) = @_;
    exit if $$ != $owner;    # a forked child has nobody to talk to
    my ($message, $payload) = AI::MXNet::Interpreter::Values::encode([$name, $context], \@values, $context == PLAIN);
    STDOUT->flush if defined fileno STDOUT;
    my $body = $codec->pack($message);
    _write(pack('VV', length $body, length $$payload) . $body);
    _write($$payload);
    return;
}

sub _write
{
    local $SIG{PIPE} = 'IGNORE';
    for (my $done = 0; $done < length $_[0];) {
        my $written = syswrite $socket, $_[0], length($_[0]) - $done, $done;
        exit unless defined $written or $! == EINTR;
        $done += $written // 0;
    }
    return;
}

# Dies if an interrupt came that is meant for what runs now, not for something that was over before it came.
sub _check_interrupt { die "interrupted by Python\n" if $signals > $known }

# Does what Python asks for, and answers.
sub _answer
{
    my ($name, $context, $file, $line, @values) = @_;
    my $function = __PACKAGE__->can("do_$name") or AI::MXNet::Error::fail("Python asks for '$name', which is unknown");
    local ($FILE, $LINE) = ($file, $line);
    my @result;
    my $done = eval {
        $! = $errno;
        local $RUNNING = 1;
        _check_interrupt();
        @result = _frame('call')->($function, $context, @values);
        $RUNNING = 0;    # what follows must not be interrupted
        $errno = $! + 0;
        1;
    };
    my $error = $@;
    if ($done) {
        return if eval { _frame('call')->(\&_send, 'ok', $context, @result); 1 };
        $error = $@;
    }
    _send_error($error);
    return;
}

sub _send_error
{
    my ($error) = @_;
    my $text = eval { "$error" } // 'an exception of class ' . ref($error) . ', which has no text';
    eval { _send('died', SCALAR, $error, $text); 1 } or _send('died', SCALAR, $text, $text);
    return;
}

# Calls an object of Python's, in the context that wantarray tells, and returns what it returns.
sub call_python
{
    my ($wantarray, @values) = @_;
    AI::MXNet::Error::fail('a forked child of the Perl interpreter cannot call Python') if $$ != $owner;
    my $context = $wantarray ? LIST : defined $wantarray ? SCALAR : VOID;
    local ($@, $!, $?);
    my $resumed = $RUNNING;
    local $RUNNING = 0;
    _send('call', $context, @values);
    while (1) {
        my ($name, @got) = _receive();
        if ($name eq 'return') {
            my (undef, undef, undef, @result) = @got;
            $RUNNING = $resumed;
            _check_interrupt() if $RUNNING;
            return $context == LIST ? @result : $result[0];
        }
        _raise(@got) if $name eq 'raise';
        _answer($name, @got);
    }
}

# Dies with an exception of Perl's that went through Python, or with one of Python's and its message.
sub _raise
{
    my (undef, undef, undef, $value, $message) = @_;
    die AI::MXNet::Interpreter::Exception->new($value, $message) if defined $message;
    die $value if ref $value or $value =~ /\n\z/;
    die sprintf "%s at %s line %d.\n", $value, AI::MXNet::Error->user_line;
}

# -- what Python can ask for: do_<name>(context, values ...) returns a list -------------------------------------------

# Subs through which the user's code is called, so that Perl's messages, croak and caller name the line of Python.
# Their package is their own, because croak passes over callers in that of the function that croaks. Python takes
# quotes and newlines out of file names.
my %BODIES = (
    call   => 'my $code = shift; $code->(@_)',
    method => 'my ($invocant, $name) = splice @_, 0, 2; $invocant->$name(@_)',
);
my %frames;
sub _frame { return $frames{ $_[0] }{$LINE}{$FILE} //= eval qq{package python;\n#line $LINE "$FILE"\nsub { $BODIES{$_[0]} }} }

sub _in_context
{
    my ($context, $code, @values) = @_;
    return $code->(@values) if $context == LIST;
    return scalar $code->(@values) if $context == SCALAR;
    $code->(@values);
    return;
}

# Evaluates Perl code, which believes to be in the file of Python; @values are its @_.
sub do_evaluate
{
    my ($context, $code, @values) = @_;
    local ($CODE, $ERROR, @RESULT) = (qq{#line $LINE "$FILE"\n$code});
    utf8::upgrade($CODE);
    my $run = $context == LIST ? \&_run_list : $context == SCALAR ? \&_run_scalar : \&_run_void;
    $run->(@values);
    die $ERROR if ref $ERROR or length $ERROR;
    return @RESULT;
}

sub do_call
{
    my ($context, $code, @values) = @_;
    return _in_context($context, _frame('call'), $code, @values);
}

sub do_method
{
    my ($context, $invocant, $name, @values) = @_;
    return _in_context($context, _frame('method'), $invocant, $name, @values);
}

# Loads a module and imports into main, as `use` does.
sub do_use
{
    my (undef, $module, @names) = @_;
    $module =~ /\A\w+(?:::\w+)*\z/ or AI::MXNet::Error::fail("'$module' is no name of a module");
    require($module =~ s{::}{/}gr . '.pm');
    _import($module, @names);
    return;
}

# The value of a scalar, or a reference to an array, a hash or a function; nothing if there is no such function.
sub do_variable
{
    my (undef, $sigil, $name) = @_;
    $name = _qualified($name);
    no strict 'refs';
    return ${$name}  if $sigil eq 'S';
    return \@{$name} if $sigil eq 'A';
    return \%{$name} if $sigil eq 'H';
    return defined &{$name} ? \&{$name} : ();
}

sub do_set_variable
{
    my (undef, $sigil, $name, @values) = @_;
    $name = _qualified($name);
    no strict 'refs';
    no warnings 'redefine';
    if    ($sigil eq 'S') { ${$name} = $values[0] }
    elsif ($sigil eq 'A') { @{$name} = @values }
    elsif ($sigil eq 'H') { %{$name} = @values }
    else                  { *{$name} = $values[0] }
    return;
}

sub _qualified { my ($name) = @_; return $name =~ /::/ ? $name : "main::$name" }

sub do_dereference { return ${ $_[1] } }

sub do_set_referent { ${ $_[1] } = $_[2]; return }

# 'ARRAY' or 'HASH': as what a reference is to be read. An integer reads as an array what can be both.
sub _container
{
    my ($reference, $is_index) = @_;
    my $type     = reftype $reference;
    my $is_array = $type eq 'ARRAY' || overload::Method($reference, '@{}');
    my $is_hash  = $type eq 'HASH'  || overload::Method($reference, '%{}');
    return 'ARRAY' if $is_array and ($is_index or not $is_hash);
    return 'HASH' if $is_hash;
    AI::MXNet::Error::fail('an object of class ', ref $reference, ' is neither array nor hash');
}

# The index from the front if the array has that element, or undef.
sub _index
{
    my ($array, $index) = @_;
    $index += @$array if $index < 0;
    return $index >= 0 && $index < @$array ? $index : undef;
}

# The element at an index or key: nothing if there is none.
sub do_fetch
{
    my (undef, $reference, $key, $is_index) = @_;
    my $container = _container($reference, $is_index);
    if ($container eq 'ARRAY') {
        my $index = _index($reference, $key);
        return defined $index ? $reference->[$index] : ();
    }
    return exists $reference->{$key} ? $reference->{$key} : ();
}

# Sets an element, and tells whether that was possible.
sub do_store
{
    my (undef, $reference, $key, $is_index, $value) = @_;
    my $container = _container($reference, $is_index);
    if ($container eq 'HASH') { $reference->{$key} = $value }
    else {
        my $index = _index($reference, $key) // return 0;
        $reference->[$index] = $value;
    }
    return 1;
}

# Removes an element, and tells whether there was one.
sub do_remove
{
    my (undef, $reference, $key, $is_index) = @_;
    if (_container($reference, $is_index) eq 'ARRAY') {
        my $index = _index($reference, $key) // return 0;
        splice @$reference, $index, 1;
        return 1;
    }
    return 0 if not exists $reference->{$key};
    delete $reference->{$key};
    return 1;
}

sub do_exists
{
    my (undef, $hash, $key) = @_;
    return exists $hash->{$key} ? 1 : 0;
}

sub do_insert
{
    my (undef, $array, $index, @values) = @_;
    splice @$array, $index, 0, @values;
    return;
}

sub do_assign
{
    my (undef, $reference, @values) = @_;
    _container($reference, 1) eq 'ARRAY' ? (@$reference = @values) : (%$reference = @values);
    return;
}

sub do_size
{
    my (undef, $reference) = @_;
    return _container($reference, 1) eq 'ARRAY' ? scalar @$reference : scalar keys %$reference;
}

# An array's elements, a hash's keys.
sub do_iterate
{
    my (undef, $reference) = @_;
    return _container($reference, 1) eq 'ARRAY' ? @$reference : keys %$reference;
}

# A hash's keys and values.
sub do_entries { return %{ $_[1] } }

# The values, which in the context PLAIN are copied to Python.
sub do_copy { my (undef, @values) = @_; return @values }

sub do_string { return "$_[1]" }

sub do_truth { return $_[1] ? 1 : 0 }

# What an object is as a number: nothing if it is none.
sub do_number
{
    my (undef, $object) = @_;
    return if not overload::Overloaded($object);
    my $string = "$object";
    return $string if looks_like_number($string);
    my $method = overload::Method($object, '0+') or return;
    return 0 + $object->$method(undef, '');
}

my %OPERATORS = (
    '+'  => sub { $_[0] + $_[1] },
    '-'  => sub { $_[0] - $_[1] },
    '*'  => sub { $_[0] * $_[1] },
    '/'  => sub { $_[0] / $_[1] },
    '%'  => sub { $_[0] % $_[1] },
    '**' => sub { $_[0]**$_[1] },
    '&'  => sub { $_[0] & $_[1] },
    '|'  => sub { $_[0] | $_[1] },
    '^'  => sub { $_[0] ^ $_[1] },
    '<<' => sub { $_[0] << $_[1] },
    '>>' => sub { $_[0] >> $_[1] },
    '<'  => sub { $_[0] < $_[1] },
    '<=' => sub { $_[0] <= $_[1] },
    '>'  => sub { $_[0] > $_[1] },
    '>=' => sub { $_[0] >= $_[1] },
    '==' => sub { $_[0] == $_[1] },
    '!=' => sub { $_[0] != $_[1] },
    'eq' => sub { $_[0] eq $_[1] },
    'ne' => sub { $_[0] ne $_[1] },
    neg  => sub { -$_[0] },
    abs  => sub { abs $_[0] },
    '~'  => sub { ~$_[0] },
);
# What Perl derives an operator from that a class does not overload itself.
my %DERIVED = (
    (map { $_ => ['<=>'] } qw(< <= > >= == !=)),
    (map { $_ => ['cmp'] } qw(eq ne)),
    neg => ['-'],
    abs => ['<=>'],
);
my %AS_TEXT = ('==' => 'eq', '!=' => 'ne');

# An operator on operands of which one is an object: nothing if its class does not overload the operator.
sub do_operator
{
    my (undef, $name, @operands) = @_;
    for my $try (grep { defined } $name, $AS_TEXT{$name}) {
        for my $object (grep { blessed $_ } @operands) {
            return scalar $OPERATORS{$try}->(@operands)
                if grep { overload::Method($object, $_) } $try, @{ $DERIVED{$try} // [] }, 'nomethod';
        }
    }
    return;
}

# Of values that Python holds, and of Python's that are held here: how many there are.
sub do_counts { return AI::MXNet::Interpreter::Values::counts() }

sub do_version { return "$^V" }

1;

__END__

=encoding utf8

=head1 NAME

AI::MXNet::Interpreter - the Perl that Python drives

=head1 DESCRIPTION

Internal, and no part of the interface: this is the Perl side of the Python package C<python_engine.perl>, which starts

    perl -MAI::MXNet::Interpreter -e 'AI::MXNet::Interpreter::serve(3, 4)'

with a socket and a file on these two descriptors. B<It evaluates the Perl code that Python sends: that is what it is
for.> It listens to nobody but the process that started it, on a socket that has no name. The autodiff engine has
nothing to do with it, and never evaluates what arrives.

=head1 SEE ALSO

F<docs/python_drives_perl.md>: the interface in Python, the conversion of values, the messages

=cut
