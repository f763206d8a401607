package AI::MXNet::Engine::Messages;
# What the engine may say: each message is checked here before anything is done with it.
use strict;
use warnings;
use Exporter qw(import);

our @EXPORT_OK = qw(is_answer is_message shown);

# Forms are those of protocol/PROTOCOL.md: a word for each field; `(...)*` and `word*` any number of times up to the end,
# `(...)?` perhaps, `[...]` a number and then as many.
my %answers = (
    attributes     => '(text [text text])*',
    backward       => '',
    barrier        => '',
    bind           => '(array flag)*',
    bye            => '',
    call           => 'array*',
    compose        => 'size',
    dump           => 'text',
    evaluate       => 'array*',
    failures       => '(text text text size)*',
    fresh          => 'flag*',
    grad           => 'array*',
    group          => 'size',
    hear           => 'size text array*',
    history        => 'size',
    hello          => 'size text text text text text',
    infer_shape    => '([shape] [shape] [shape])?',
    infer_storage  => 'text*',
    infer_type     => '([name] [name] [name])?',
    join           => 'size size',
    leave          => '',
    load           => '[text] array*',
    names          => 'name*',
    on_tape        => 'flag*',
    parse          => 'size',
    part           => 'number',
    profile        => '(size text*)?',
    question       => 'name*',
    random         => '(text)?',
    read           => 'type size size size size*',
    recompose      => 'size',
    save           => '',
    segment        => 'size size size',
    set_attributes => '',
    variable       => 'size',
    wait           => '',
    watch          => '(text array)*',
);
my %messages = (
    call    => 'size size flag array*',
    release => 'size',
    segment => 'size',
    stale   => 'size size size*',
);

use constant MAX_NDIM => 64;
my $SIZE = qr/\A[0-9]{1,18}\z/;
my $TYPE = qr/\A(?:float(?:16|32|64)|uint8|int(?:8|32|64)|bool)(?: csr| row_sparse)?\z/;
my ($fields, $at, $lowest);    # of what is being checked; the engine counts the handles that it gives downwards

# A word of a form takes its fields and returns whether they are of its kind.
my %words = (
    flag   => sub { my $field = $fields->[$at++]; defined $field && $field =~ /\A[01]\z/ },
    name   => sub { $at++ < @$fields },
    number => sub { my $field = $fields->[$at++]; $at <= @$fields && (not defined $field or $field =~ $SIZE) },
    shape  => sub { my $ndim = $fields->[$at++] // return 0; return $ndim eq '-1' || _sizes($ndim) },
    size   => sub { my $field = $fields->[$at++]; defined $field && $field =~ $SIZE },
    text   => sub { defined $fields->[$at++] },
    type   => sub { my $field = $fields->[$at++]; defined $field && $field =~ $TYPE },
    array  => sub {
        my ($handle, $type, $ndim) = @$fields[$at .. $at + 2];
        $at += 3;
        return 0 if grep { not defined } $handle, $type, $ndim;
        return 0 unless $handle =~ /\A-[0-9]{1,15}\z/ and $handle < $lowest and $type =~ $TYPE;
        $lowest = $handle;
        return _sizes($ndim);
    },
);

sub _sizes
{
    my ($ndim) = @_;
    return 0 unless $ndim =~ /\A[0-9]{1,2}\z/ and $ndim <= MAX_NDIM and $at + $ndim <= @$fields;
    $words{size}->() or return 0 for 1 .. $ndim;
    return 1;
}

# The code that a form is, from its tokens up to a closing bracket.
sub _compiled
{
    my ($tokens) = @_;
    my @parts;
    while (defined(my $token = shift @$tokens)) {
        last if $token =~ /\A[\])]\z/;
        if    ($token eq '*') { push @parts, _repeated(pop @parts) }
        elsif ($token eq '?') { push @parts, _optional(pop @parts) }
        elsif ($token eq '(') { push @parts, _compiled($tokens) }
        elsif ($token eq '[') { push @parts, _counted(_compiled($tokens)) }
        else                  { push @parts, $words{$token} }
    }
    return $parts[0] if @parts == 1;
    return sub { $_->() or return 0 for @parts; return 1 };
}

sub _repeated { my ($part) = @_; return sub { while ($at < @$fields) { $part->() or return 0 } return 1 } }
sub _optional { my ($part) = @_; return sub { $at == @$fields or $part->() } }

sub _counted
{
    my ($part) = @_;
    return sub {
        $words{size}->() or return 0;
        my $count = $fields->[$at - 1];
        return 0 if $count > @$fields - $at;
        $part->() or return 0 for 1 .. $count;
        return 1;
    };
}

# The form is compiled in its place when it is used first.
sub _has_form
{
    my (undef, @list) = @_;
    my $code = ref $_[0] ? $_[0] : ($_[0] = _compiled([$_[0] =~ /\w+|\S/g]));
    ($fields, $at, $lowest) = (\@list, 0, -($AI::MXNet::Engine::GIVEN // 0));
    return $code->() && $at == @list;
}

# Whether these may be the fields of an answer to that request.
sub is_answer
{
    my ($request, @list) = @_;
    die "the form of an answer to $request is not known\n" unless defined $answers{$request};
    return _has_form($answers{$request}, @list);
}

# Whether a list is a message, as far as that can be told without the request that it may answer.
sub is_message
{
    my ($kind, @list) = @{ $_[0] };
    return 0 unless defined $kind;
    return _has_form($messages{$kind}, @list) if $messages{$kind};
    return 0 unless $kind =~ $SIZE and defined $list[0];
    # number, "ok", ... or number, "error", kind, message, operator, shapes, file, line, trace
    return $list[0] eq 'ok' || $list[0] eq 'error' && @list == 8 && !grep { not defined } @list;
}

# Some of a list for a person to read.
sub shown
{
    my @some = @_ > 8 ? (@_[0 .. 7], '...') : @_;
    return join ', ', map { defined ? substr $_, 0, 40 : 'nil' } @some;
}

1;

__END__

=head1 NAME

AI::MXNet::Engine::Messages - what the engine may say

=head1 DESCRIPTION

Internal, and no part of the interface: it may change with any release. Tells whether a list that has arrived is a
message of the protocol, and an answer to a certain request.

=head1 SEE ALSO

L<AI::MXNet::Engine>; F<protocol/PROTOCOL.md>

=cut
