package Chart;
# A line chart as an SVG picture, which every browser shows.
use strict;
use warnings;
use List::Util qw(max min);

my @COLOURS = ('#1f77b4', '#d62728', '#2ca02c', '#9467bd');
my ($WIDTH, $HEIGHT, $LEFT, $TOP, $RIGHT, $BOTTOM) = (640, 400, 60, 40, 20, 50);

# Writes $path: title => text, x => label, lines => [[name => [y at x = 1, 2, ...]], ...].
sub write
{
    my ($class, $path, %chart) = @_;
    my @values = map { @{ $_->[1] } } @{ $chart{lines} };
    my ($low, $high) = (min(0, @values), max(@values));
    my $count = max(map { scalar @{ $_->[1] } } @{ $chart{lines} });
    my $x = sub { $LEFT + ($WIDTH - $LEFT - $RIGHT) * ($_[0] - 1) / max(1, $count - 1) };
    my $y = sub { $HEIGHT - $BOTTOM - ($HEIGHT - $TOP - $BOTTOM) * ($_[0] - $low) / (($high - $low) || 1) };
    my @svg = (
        qq{<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 $WIDTH $HEIGHT" font-family="sans-serif" font-size="13">},
        qq{<rect width="$WIDTH" height="$HEIGHT" fill="white"/>},
        _text($WIDTH / 2, 22, $chart{title}, 'middle'),
        _text($WIDTH / 2, $HEIGHT - 12, $chart{x}, 'middle'),
    );
    for my $i (0 .. 4) {
        my $value = $low + ($high - $low) * $i / 4;
        my $at = $y->($value);
        push @svg, sprintf('<path d="M%d %.1fH%d" stroke="#ddd"/>', $LEFT, $at, $WIDTH - $RIGHT),
            _text($LEFT - 8, $at + 4, sprintf('%.2f', $value), 'end');
    }
    for my $epoch (grep { $count <= 12 or $_ == 1 or $_ % 5 == 0 } 1 .. $count) {
        push @svg, _text($x->($epoch), $HEIGHT - $BOTTOM + 18, $epoch, 'middle');
    }
    for my $i (0 .. $#{ $chart{lines} }) {
        my ($name, $line) = @{ $chart{lines}[$i] };
        my $colour = $COLOURS[$i % @COLOURS];
        my $points = join ' ', map { sprintf '%.1f,%.1f', $x->($_ + 1), $y->($line->[$_]) } 0 .. $#$line;
        push @svg, qq{<polyline points="$points" fill="none" stroke="$colour" stroke-width="2"/>},
            qq{<path d="M@{[$LEFT + 12 + 150 * $i]} 34h20" stroke="$colour" stroke-width="2"/>},
            _text($LEFT + 38 + 150 * $i, 38, $name, 'start');
    }
    open my $file, '>:encoding(UTF-8)', $path or die "$path: $!\n";
    print $file join("\n", @svg, '</svg>'), "\n";
    close $file or die "$path: $!\n";
    return;
}

sub _text
{
    my ($x, $y, $text, $anchor) = @_;
    $text =~ s/&/&amp;/g;
    $text =~ s/</&lt;/g;
    return sprintf '<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>', $x, $y, $anchor, $text;
}

1;
