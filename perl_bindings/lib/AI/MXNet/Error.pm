package AI::MXNet::Error;
# The one exception of these modules. It stringifies to the original's words and ends in the user's file and line.
use strict;
use warnings;
use overload '""' => \&as_string, 'bool' => sub { 1 }, fallback => 1;

# Packages whose frames are never the user's: an error points at the first caller outside of them.
my $OURS = qr/\A(?:AI::MXNet|mx|nd|gluon|nn|autograd|Function::Parameters|overload|PDL::Core)\b/;

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

# The file and line of the innermost caller that is not part of these modules.
sub user_line
{
    my $level = 0;
    while (my ($package, $file, $line) = caller $level++) {
        return ($file, $line) unless $package =~ $OURS or $file =~ /\A\(eval/;
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
