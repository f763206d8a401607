package AI::MXNet::Chart;
# Line charts as an SVG picture, which every browser shows. POD at the end.
use strict;
use warnings;
use List::Util qw(max min);
use AI::MXNet::Error;

my @COLOURS = ('#1f77b4', '#d62728', '#2ca02c', '#9467bd', '#ff7f0e', '#17becf');
my ($WIDTH, $HEIGHT, $LEFT, $TOP, $RIGHT, $BOTTOM) = (640, 400, 60, 40, 20, 50);

sub write
{
    my ($class, $path, @charts) = @_;
    open my $file, '>:encoding(UTF-8)', $path or AI::MXNet::Error::fail("$path: $!");
    local ($\, $,);
    print $file $class->svg(@charts);
    close $file or AI::MXNet::Error::fail("$path: $!");
    return;
}

sub svg
{
    my ($class, @charts) = @_;
    @charts = {@charts} unless ref $charts[0];
    my $height = $HEIGHT * @charts;
    my @svg = (
        qq{<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 $WIDTH $height" font-family="sans-serif" font-size="13">},
        qq{<rect width="$WIDTH" height="$height" fill="white"/>},
    );
    for my $i (0 .. $#charts) { push @svg, sprintf('<g transform="translate(0 %d)">', $i * $HEIGHT), _chart(%{ $charts[$i] }), '</g>' }
    return join("\n", @svg, '</svg>') . "\n";
}

sub _chart
{
    my (%chart) = @_;
    # what is no finite number is left out
    my @lines = map {
        my ($name, $values) = @$_;
        [$name, [map { my $y = $values->[$_]; defined $y && abs($y) < 9**9**9 ? [$_ + 1, $y] : () } 0 .. $#$values]];
    } @{ $chart{lines} };
    my @values = map { $_->[1] } map { @{ $_->[1] } } @lines;
    my ($low, $high) = (min(0, @values), max(0, @values));
    my $count = max(1, map { scalar @{ $_->[1] } } @{ $chart{lines} });
    my $x = sub { $LEFT + ($WIDTH - $LEFT - $RIGHT) * ($_[0] - 1) / max(1, $count - 1) };
    my $y = sub { $HEIGHT - $BOTTOM - ($HEIGHT - $TOP - $BOTTOM) * ($_[0] - $low) / (($high - $low) || 1) };
    my @svg = (_text($WIDTH / 2, 22, $chart{title} // '', 'middle'), _text($WIDTH / 2, $HEIGHT - 12, $chart{x} // '', 'middle'));
    for my $i (0 .. 4) {
        my $value = $low + ($high - $low) * $i / 4;
        my $at = $y->($value);
        push @svg, sprintf('<path d="M%d %.1fH%d" stroke="#ddd"/>', $LEFT, $at, $WIDTH - $RIGHT), _text($LEFT - 8, $at + 4, sprintf('%.3g', $value), 'end');
    }
    my $step = max(1, int($count / 10));
    push @svg, _text($x->($_), $HEIGHT - $BOTTOM + 18, $_, 'middle') for grep { $_ == 1 or $_ % $step == 0 } 1 .. $count;
    for my $i (0 .. $#lines) {
        my ($name, $points) = @{ $lines[$i] };
        my $colour = $COLOURS[$i % @COLOURS];
        my @points = map { [map { sprintf '%.1f', $_ } $x->($_->[0]), $y->($_->[1])] } @$points;
        push @svg, sprintf('<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>', join(' ', map {"$_->[0],$_->[1]"} @points), $colour);
        push @svg, map {qq{<circle cx="$_->[0]" cy="$_->[1]" r="2.5" fill="$colour"/>}} $count <= 50 ? @points : ();
        push @svg, qq{<path d="M@{[$LEFT + 12 + 150 * $i]} 34h20" stroke="$colour" stroke-width="2"/>}, _text($LEFT + 38 + 150 * $i, 38, $name, 'start');
    }
    return @svg;
}

sub _text
{
    my ($x, $y, $text, $anchor) = @_;
    $text =~ s/&/&amp;/g;
    $text =~ s/</&lt;/g;
    return sprintf '<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>', $x, $y, $anchor, $text;
}

1;

__END__

=head1 NAME

AI::MXNet::Chart - line charts as a picture

=head1 SYNOPSIS

    use AI::MXNet::Chart;
    use File::Temp qw(tempdir);

    my $folder = tempdir(CLEANUP => 1);
    AI::MXNet::Chart->write("$folder/curves.svg",
        title => 'A training',
        x     => 'epoch',
        lines => [['loss' => [0.9, 0.5, 0.3]], ['accuracy' => [0.4, 0.7, 0.8]]],
    );

=head1 DESCRIPTION

Draws lines over 1, 2, 3 ... into an SVG file, which every browser shows. Needs nothing but Perl.

=head1 METHODS

=head2 write

    AI::MXNet::Chart->write("$folder/two.svg",
        { title => 'loss', x => 'epoch', lines => [[train => [3, 2, 1]], [test => [3, 2, 2]]] },
        { title => 'rate', x => 'epoch', lines => [[rate => [0.1, 0.1, 0.01]]] },
    );

Writes one chart, given by C<title>, C<x> (what is below the axis) and C<lines>, a list of names and values; or several,
hash refs of the same, one below the other. Values that are no finite numbers are left out.

=head2 svg

    my $text = AI::MXNet::Chart->svg(title => 'loss', lines => [[train => [3, 2, 1]]]);

The same as a text, for a page or a notebook: C<< IPerl->html($text) >>.

=head1 SEE ALSO

L<AI::MXNet::Gluon::Fit>, L<AI::MXNet::Picture>

=cut
