package AI::MXNet::Notebook;
# What a notebook shows: arrays, networks, symbols and tables as HTML. POD at the end.
#
# The methods `to_html` and `iperl_data_representations` of their classes call these.
use strict;
use warnings;

# Text as HTML shows it.
sub escape
{
    my ($text) = @_;
    my %entity = ('&' => 'amp', '<' => 'lt', '>' => 'gt', '"' => 'quot', "'" => '#39');
    return $text =~ s/([&<>"'])/&$entity{$1};/gr;
}

# A table of rows of texts; undef in the heading is a corner.
sub table
{
    my ($caption, $heading, @rows) = @_;
    my $row = sub { my ($cell, @texts) = @_; return '<tr>' . join('', map { "<$cell>" . escape($_ // '') . "</$cell>" } @texts) . '</tr>' };
    my @rows_of_cells = (($heading ? $row->('th', @$heading) : ()), map { $row->('td', @$_) } @rows);
    return join "\n", '<table>', '<caption>' . escape($caption) . '</caption>', @rows_of_cells, '</table>', '';
}

sub plain { my ($text) = @_; return '<pre>' . escape($text) . "</pre>\n" }

# -- what is shown ---------------------------------------------------------------------------------------------------

# Up to two axes as a table with the positions along them, cut as the text is; more as text.
sub array
{
    my ($array) = @_;
    my @shape = @{ $array->shape };
    my ($text, $caption) = ($array->asstr, $array->describe . ' ' . $array->dtype);
    return plain("$text\n$caption") if @shape != 1 and @shape != 2 or not $array->size;
    my @rows = map { [grep {length} split / +/, s/[][]//gr] } split /\n/, $text;
    my @columns = _positions($rows[0], $shape[-1]);
    return table($caption, \@columns, @rows) if @shape == 1;
    my @lines = _positions([map { $_->[0] } @rows], $shape[0]);
    return table($caption, [undef, @columns], map { [shift @lines, @$_] } @rows);
}

# The positions along an axis of which texts are shown, perhaps with '...' for those in the middle.
sub _positions
{
    my ($texts, $length) = @_;
    my ($cut) = @$texts == $length ? () : grep { $texts->[$_] eq '...' } 0 .. $#$texts;
    return map { not(defined $cut) || $_ < $cut ? $_ : $_ == $cut ? '...' : $length - @$texts + $_ } 0 .. $#$texts;
}

# A row for each layer that has no others within, with its parameters.
sub block
{
    my ($block) = @_;
    my (@rows, %seen);
    my $total = 0;
    my $walk;
    $walk = sub {
        my ($layer, @path) = @_;
        my @parameters = grep { not $seen{ $_->name }++ } $layer->params->values;
        my @children = $layer->_children->keys;
        if (not @children or @parameters) {
            my ($known, $count) = (1, 0);
            for my $shape (map { $_->shape } @parameters) {
                my $size = 1;
                $size *= $_ for @{ $shape // [0] };
                $known &&= $size;
                $count += $size;
            }
            $total = $known && defined $total ? $total + $count : undef;
            push @rows, [join('.', @path), (split /\n/, $layer->_describe)[0] =~ s/\($//r,
                join(', ', map { $_->name . ' (' . join(', ', @{ $_->shape // [] }) . ')' } @parameters), @parameters ? $known ? $count : '?' : ''];
        }
        $walk->($layer->_children->get($_), @path, $_) for @children;
    };
    $walk->($block);
    undef $walk;
    return table($block->class . ' ' . $block->name . ': ' . ($total // 'a yet unknown number of') . ' parameters', ['', 'layer', 'parameters', 'size'], @rows);
}

# A row for each operator.
sub symbol
{
    my ($symbol) = @_;
    my @nodes = @{ $symbol->_graph->{nodes} };
    my @rows;
    for my $node (grep { $_->{op} ne 'null' } @nodes) {
        my $attributes = $node->{attrs} // {};
        push @rows, [$node->{name}, $node->{op}, join(', ', map { $nodes[ $_->[0] ]{name} } @{ $node->{inputs} }),
            join(', ', map {"$_=$attributes->{$_}"} sort keys %$attributes)];
    }
    return table($symbol->stringify, ['name', 'operator', 'inputs', 'attributes'], @rows);
}

# -- the methods -----------------------------------------------------------------------------------------------------

# What IPerl shows of an object: HTML, or else the text.
sub representations { my ($html, $text) = @_; return { 'text/html' => $html, 'text/plain' => $text } }

1;

__END__

=head1 NAME

AI::MXNet::Notebook - arrays, networks and tables as HTML

=head1 DESCRIPTION

Internal, and no part of the interface: it may change with any release. Loaded when C<to_html> of an array, a network, a
symbol or a table is called, or IPerl asks what it may show.

=head1 SEE ALSO

L<AI::MXNet::Prompt>

=cut
