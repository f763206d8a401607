package AI::MXNet::NDArray;
# The class goes on: arrays as text for people.
use strict;
use warnings;
use List::Util ();
use Scalar::Util qw(blessed looks_like_number);

my %default = (precision => 4, threshold => 1000, edge => 3, suppress => 0);
my %option  = %default;

# Sets all options; those that are not given, to their defaults.
sub set_printoptions
{
    my ($class, @options) = @_;
    unshift @options, 'precision' if @options % 2;
    my %given = (%default, _named('set_printoptions', [keys %default], @options));
    for my $name (sort keys %given) {
        _fail("set_printoptions: $name is an integer from 0, but got ", $given{$name} // 'undef')
            unless defined $given{$name} and $given{$name} =~ /\A[0-9]+\z/;
    }
    %option = %given;
    return;
}

# The values as nested rows, without a newline at the end.
sub asstr
{
    my ($self, $format) = @_;
    $format = '' unless defined $format;
    my @shape = @{ $self->shape };
    my $values = $self->aspdl->double;
    return _number_text($format || "%.$option{precision}f", $values->sclr) unless @shape;
    return '[' x @shape . ']' x @shape unless $values->nelem;
    my $layout = _layout($values, $format, scalar @shape);
    my @shown = map { $values->nelem > $option{threshold} && $_ > 2 * $option{edge} ? $option{edge} : 0 } @shape;
    return _block($values, $layout, \@shown, 0);
}

# The values, and below them what the array is.
sub _shown { my ($self) = @_; return $self->asstr . "\n" . $self->describe . ' ' . $self->dtype }

# How elements become text: a format for each position along the last axis (along an only axis: for whole numbers and for
# others), a sign or not, and the width of the longest text, that of hidden elements included.
sub _layout
{
    my ($values, $format, $ndim) = @_;
    my $every = $format =~ /\.\d+f/;
    my $fraction = $format eq '' ? "%.$option{precision}f" : $format;
    my $finite = $values->isfinite;
    my $whole = ($values == $values->rint) | !$finite;
    my %layout = (negative => ($values < 0)->any, every => $every, fraction => $fraction, width => 0);
    # a whole column is told from its smallest and its largest element, too, which have the longest texts
    if (not $every and $format eq '' and $ndim > 1) {
        my $columns = $whole->reorder(1 .. $whole->ndims - 1, 0)->clump($whole->ndims - 1);
        $layout{column} = $columns->andover->unpdl;
        $whole = $whole->zeroes + $columns->andover;
    }
    for my $kind (0, 1) {
        my $these = $values->where(($whole == $kind) & $finite);
        next unless $these->nelem;
        $layout{width} = List::Util::max $layout{width}, map { length _text(\%layout, $_, $kind) } $these->minmax;
    }
    $layout{width} = List::Util::max $layout{width}, map { length _text(\%layout, $_, 1) } $values->where(!$finite)->uniq->list;
    return \%layout;
}

sub _text
{
    my ($layout, $value, $whole) = @_;
    my $text = $whole && !$layout->{every} ? _number_text('%.0f', $value) : _number_text($layout->{fraction}, $value);
    $text =~ s/(?<=[0-9])\.?0+\z// if $option{suppress} and $text =~ /\./;
    return $layout->{negative} && $text !~ /\A\s*-/ ? " $text" : $text;
}

# A number by a format; what is not finite by name.
sub _number_text
{
    my ($format, $value) = @_;
    return 'NaN' if $value != $value;
    return $value > 0 ? 'Inf' : '-Inf' if $value * 0 != 0;
    return sprintf $format, $value;
}

sub _block
{
    my ($values, $layout, $shown, $depth) = @_;
    my $edge = $shown->[$depth];
    my $last = $values->dim(-1) - 1;
    my @places = $edge ? (0 .. $edge - 1, undef, $last - $edge + 1 .. $last) : 0 .. $last;
    return '[' . join(' ', _row_texts($values, $layout, @places)) . ']' if $values->ndims == 1;
    my $indent = ' ' x ($depth + 1);
    my $gap = "\n" x ($values->ndims - 1);
    my @parts = map { defined $_ ? _block($values->slice(join(',', (':') x ($values->ndims - 1), "($_)")), $layout, $shown, $depth + 1) : '...' } @places;
    return '[' . join($gap . $indent, @parts) . ']';
}

sub _row_texts
{
    my ($values, $layout, @places) = @_;
    my @numbers = $values->list;
    my @texts;
    for my $place (@places) {
        if (not defined $place) { push @texts, '...'; next }
        my $whole = $layout->{column} ? $layout->{column}[$place] : $numbers[$place] == int $numbers[$place] || $numbers[$place] * 0 != 0;
        push @texts, sprintf "%$layout->{width}s", _text($layout, $numbers[$place], $whole);
    }
    return @texts;
}

# -- print and printf ------------------------------------------------------------------------------------------------

sub print
{
    my ($self, @items) = @_;
    unshift @items, $self if ref $self;
    return _print_formatted(@items) if @items > 1 and not ref $items[0] and $items[0] =~ /%[-+ 0#]*\d*(?:\.\d+)?[a-zA-Z]/;
    my $ended = 0;
    $ended = _show($_, '') for @items;
    CORE::print "\n" unless $ended;
    return;
}

# A text with conversions as the first item: an ordinary printf, or, where references follow, their format.
sub _print_formatted
{
    my ($template, @items) = @_;
    if (not grep {ref} @items) {
        CORE::printf "$template\n", @items;
        return;
    }
    warn "nd->print: use nd->printf for arrays in a format\n";
    my ($format) = $template =~ /(%[-+ 0#]*\d*(?:\.\d+)?[a-zA-Z])/;
    CORE::print $template;
    my $ended = 0;
    $ended = _show($_, $format) for @items;
    CORE::print "\n" unless $ended;
    return;
}

sub printf
{
    my ($self, @items) = @_;
    return ref $self ? $self->print : undef if not @items;
    my $template = ref $self && ref $items[0] ? '%s' : shift @items;
    unshift @items, $self if ref $self;
    if (not grep {ref} @items) {
        CORE::printf @items ? ("$template\n", @items) : ('%s', "$template\n");
        return;
    }
    my @parts = split /(%[-+ 0#]*\d*(?:\.\d+)?[dfgse])/, $template;
    my $ended = 0;
    while (@parts) {
        my ($text, $format) = splice @parts, 0, 2;
        CORE::print $text;
        $ended = 0 if length $text;
        next unless defined $format;
        my $item = shift @items;
        if (_is_shown($item)) {
            # the newline that follows in the template ends the description
            _show($item, $format, defined $parts[0] && $parts[0] =~ /\A\n/ ? '' : "\n");
            $ended = 1;
        }
        else {
            CORE::print ref $item ? _dump($item) : sprintf $format, $item;
            $ended = 0;
        }
    }
    _show($_, '') for @items;
    CORE::print "\n" unless $ended;
    return;
}

sub _is_shown { my ($item) = @_; return AI::MXNet::Operators::_is_array($item) || ref $item eq 'HASH' }

# Prints an item; true if what was printed ends its line.
sub _show
{
    my ($item, $format, $end) = @_;
    $end = "\n" unless defined $end;
    if (blessed $item and $item->isa('PDL')) { CORE::print "$item"; return "$item" =~ /\n\z/ }
    if (blessed $item and _is_shown($item)) {
        CORE::print $item->asstr($format), "\n", $item->describe, ' ', ref $item, ' ', $item->dtype, $end;
        return 1;
    }
    if (ref $item eq 'HASH') {
        my $ended = 0;
        for my $key (sort keys %$item) {
            my $value = $item->{$key};
            if (_is_shown($value)) { CORE::print "$key:\n"; $ended = _show($value, $format) }
            else { CORE::print "$key => ", _dump($value); $ended = 0 }
        }
        return $ended;
    }
    CORE::print ref $item ? _dump($item) : $item // 'undef';
    return 0;
}

# A nested list or hash as Perl writes it.
sub _dump
{
    my ($value) = @_;
    return 'undef' unless defined $value;
    return '[' . join(', ', map { _dump($_) } @$value) . ']' if ref $value eq 'ARRAY';
    return '{ ' . join(', ', map { "$_ => " . _dump($value->{$_}) } sort keys %$value) . ' }' if ref $value eq 'HASH';
    return looks_like_number($value) || ref $value ? "$value" : '"' . $value =~ s/(["\\\$\@])/\\$1/gr . '"';
}

1;

__END__

=head1 NAME

AI::MXNet::NDArray::Printing - arrays as text

=head1 DESCRIPTION

Internal, and no part of the interface: it may change with any release. C<asstr>, C<print>, C<printf> and
C<set_printoptions> of L<AI::MXNet::NDArray>, loaded when one of them is called.

=head1 SEE ALSO

L<AI::MXNet::NDArray>

=cut
