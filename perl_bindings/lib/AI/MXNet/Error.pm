package AI::MXNet::Error;
# The one exception of these modules. It stringifies to the original's words and ends in the user's file and line.
use strict;
use warnings;
use Scalar::Util ();
use overload '""' => \&as_string, 'bool' => sub { 1 }, fallback => 1;

# Frames that are never the user's, an error points at the first caller outside of them: those of these modules' files
# (a class of the user's may be named like ours), and those of packages that calls pass through.
my ($FOLDER) = __FILE__ =~ m{\A(.*)/Error\.pm\z}s;
my $OURS = qr{\A(?:\Q$FOLDER\E[./]|\(eval)};
my $PASSED_THROUGH = qr/\A(?:Function::Parameters|Mouse|overload|PDL::(?:Core|Math|Ops|Primitive|Ufunc))\b/;

sub new
{
    my ($class, %fields) = @_;
    return bless { kind => 'argument', operator => '', shapes => '', trace => '', %fields }, $class;
}

# Dies with a new error. `message` is required; `file` and `line` default to the user's.
sub throw
{
    my ($class, %fields) = @_;
    @fields{qw(file line)} = $class->user_line unless defined $fields{file};
    die $class->new(%fields);
}

# Dies as an argument error: the short form for checks.
sub fail { AI::MXNet::Error->throw(message => join '', @_) }

# Dies with these words unless all values are of a kind: a reference to a HASH or an ARRAY, CODE or what can be called like
# it, or else an object of that class.
sub expect
{
    my ($words, $kind, @values) = @_;
    for my $value (@values) {
        next if $kind =~ /\A(?:HASH|ARRAY|CODE)\z/
            ? ref $value eq $kind || $kind eq 'CODE' && ref $value && overload::Method($value, '&{}')
            : Scalar::Util::blessed($value) && $value->isa($kind);
        fail("$words, but got ", $value // 'undef');
    }
    return;
}

# The names and values that a method was given, which must be pairs.
sub paired
{
    my ($method, @options) = @_;
    fail("Odd number of paired arguments for method $method") if @options % 2;
    return @options;
}

# The file and line of the innermost caller that is the user's, but for so many frames.
sub user_line
{
    my ($class, $level) = (@_, 0);
    while (my ($package, $file, $line) = caller $level++) {
        return ($file, $line) unless $file =~ $OURS or $package =~ $PASSED_THROUGH;
    }
    return ($0, 0);
}

sub as_string { "$_[0]{message} at $_[0]{file} line $_[0]{line}.\n" }

sub file     { $_[0]{file} }
sub kind     { $_[0]{kind} }
sub line     { $_[0]{line} }
sub message  { $_[0]{message} }
sub operator { $_[0]{operator} }
sub shapes   { $_[0]{shapes} }
sub trace    { $_[0]{trace} }

1;

__END__

=head1 NAME

AI::MXNet::Error - what these modules throw

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd);

    eval { nd->dot(nd->ones([2, 3]), nd->ones([2, 3])); 1 } or do {
        print $@;                 # MXNetError: ... dot shape error: [2,3] X [2,3] at FILE line N.
        print $@->kind, "\n";     # shape
        print $@->line, "\n";     # the line of the call in this file
    };

=head1 DESCRIPTION

One class for all failures. As a string it is one line in the original's words, with the file and line of the script, so
that code which matches C<$@> keeps working. It is true, and compares as its string. An exception of the script's own
code inside C<record> or a L<AI::MXNet::AutoGrad::Function> passes through unchanged.

=head1 ATTRIBUTES

=head2 message

What went wrong, without the place.

=head2 file, line

The script's line: of the call at fault, even where the failure was found later, when its result was read.

=head2 kind

=over 4

=item argument

A wrong name, type or value of an argument.

=item shape

Shapes or dtypes that do not go together.

=item autograd

A gradient that was not recorded or does not exist, or a write to what is on the tape.

=item compute

Found while computing.

=item callback

An exception in a function of Perl that the engine called.

=item handle

An array of another engine, or none.

=item interrupt

Skipped, because the script left a wait.

=item engine

The engine is gone, or refuses for a reason that is none of these, such as a file that cannot be read.

=item worker

A worker process of a DataLoader is gone.

=item protocol, internal

A bug of ours; please report it.

=back

=head2 operator, shapes

    eval { nd->dot(nd->ones([2, 3]), nd->ones([2])) };
    print $@->operator, ' of ', $@->shapes, "\n";    # dot of 2x3 2

The operator and its input shapes, where the failure is that of an operator on arrays; else empty strings.

=head2 trace

The engine's stack, of a failure that it did not foresee; else an empty string.

=head1 METHODS

=head2 as_string

    print "refused\n" if $@->as_string eq "$@";

The message and the place.

=head2 new, throw, fail, expect, paired, user_line

For the other modules: make an error; throw one with fields; throw one of kind C<argument> with a message; throw one unless
values are references of a type or objects of a class; throw one unless a list is of pairs; find the innermost caller
outside of these modules.

=head1 SEE ALSO

L<AI::MXNet>

=cut
