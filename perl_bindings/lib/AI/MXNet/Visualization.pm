package AI::MXNet::Visualization::PythonGraphviz;
# A network as a graph of GraphViz, to be drawn. POD at the end.
use strict;
use warnings;
use AI::MXNet::Mouse;
use Mouse::Util::TypeConstraints qw(enum);

has format => (is => 'ro', isa => enum([qw(
    debug canon text ps hpgl pcl mif pic gd gd2 gif jpeg png wbmp cmapx imap vdx vrml vtx mp fig svg svgz plain)]));
has graph => (is => 'ro', isa => 'GraphViz');

sub render
{
    my ($self, $output) = @_;
    my $method = 'as_' . $self->format;
    return $self->graph->$method(defined $output ? $output : ());
}

__PACKAGE__->meta->make_immutable;

package AI::MXNet::Visualization;
use strict;
use warnings;
use List::Util ();
use AI::MXNet::Error;
use AI::MXNet::NS;

sub import { my ($class, @names) = @_; return AI::MXNet::NS::install($class, scalar caller, @names) }

# The nodes of a symbol as in its JSON, each with the shape of its output where shapes are given.
sub _nodes
{
    my ($symbol, $shapes) = @_;
    AI::MXNet::Error::expect('a network is a Symbol', 'AI::MXNet::Symbol', $symbol);
    my @nodes = @{ $symbol->_graph->{nodes} };
    if ($shapes) {
        my $internals = $symbol->get_internals;
        my (undef, $found) = $internals->infer_shape(%$shapes);
        AI::MXNet::Error::fail('Input shape is incomplete') unless defined $found;
        my %shape;
        @shape{ @{ $internals->list_outputs } } = @$found;
        # an operator with several outputs is shown with its first
        $_->{shape} = $shape{"$_->{name}_output"} // $shape{"$_->{name}_output0"} // $shape{ $_->{name} } for @nodes;
    }
    return @nodes;
}

sub _attribute { my ($node, $name) = @_; return ($node->{attrs} // $node->{param} // $node->{attr} // {})->{$name} }

sub _numbers { my ($text) = @_; return ($text // '') =~ /([0-9]+)/g }

# -- the table -----------------------------------------------------------------------------------------------------

sub print_summary
{
    my ($class, $symbol, $shape, $line_length, $positions) = @_;
    $line_length //= 120;
    AI::MXNet::Error::expect('print_summary takes the positions of columns as a list', ARRAY => $positions) if defined $positions;
    my @ends = @{ $positions // [.44, .64, .74, 1] };
    @ends = map { int($line_length * $_) } @ends if $ends[-1] <= 1;
    my $row = sub {
        my $line = '';
        for my $i (0 .. $#ends) {
            $line = substr $line . ($_[$i] // ''), 0, $ends[$i];
            $line .= ' ' x ($ends[$i] - length $line);
        }
        print "$line\n";
    };
    my @nodes = _nodes($symbol, $shape);
    local ($\, $,);
    print '_' x $line_length, "\n";
    $row->('Layer (type)', 'Output Shape', 'Param #', 'Previous Layer');
    print '=' x $line_length, "\n";
    my $total = 0;
    for my $i (0 .. $#nodes) {
        my $node = $nodes[$i];
        next if $node->{op} eq 'null' and $i > 0;
        # besides layers, the data counts as what comes before
        my @before = $node->{op} eq 'null' ? () : grep { $_->{op} ne 'null' or $_ == $nodes[0] } map { $nodes[$_->[0]] } @{ $node->{inputs} };
        my $count = !$shape ? 0 : _parameters($node, List::Util::sum0(map { ($_->{shape} // [])->[1] // 0 } @before));
        $total += $count;
        my (undef, @size) = @{ $node->{shape} // [] };
        $row->("$node->{name}($node->{op})", join('x', @size), $count, @before ? $before[0]{name} : '');
        $row->('', '', '', $_->{name}) for @before[1 .. $#before];
        print +($i == $#nodes ? '=' : '_') x $line_length, "\n";
    }
    print "Total params: $total\n", '_' x $line_length, "\n";
    return;
}

# How many parameters a layer has whose inputs have so many channels.
sub _parameters
{
    my ($node, $channels) = @_;
    my $biased = (_attribute($node, 'no_bias') // '') !~ /\A(?:True|true|1)\z/;
    if ($node->{op} eq 'Convolution') {
        my $filters = _attribute($node, 'num_filter');
        return List::Util::product($channels, $filters, _numbers(_attribute($node, 'kernel'))) + ($biased ? $filters : 0);
    }
    # kept as in the original, which adds a bias for each input
    return $channels * (_attribute($node, 'num_hidden') + ($biased ? 1 : 0)) if $node->{op} eq 'FullyConnected';
    return 2 * $channels if $node->{op} eq 'BatchNorm';
    return 0;
}

# -- the picture ---------------------------------------------------------------------------------------------------

# colours by what a layer does; an operator that is not listed has the last one
my @COLOURS = map {"#$_"} qw(8dd3c7 fb8072 ffffb3 bebada 80b1d3 fdb462 b3de69 fccde5);
my %colour = (
    null => 0, Convolution => 1, Deconvolution => 1, FullyConnected => 1, BatchNorm => 3, Activation => 2, LeakyReLU => 2, Pooling => 4,
    Concat => 5, Flatten => 5, Reshape => 5, Softmax => 6, SoftmaxOutput => 6,
);

sub _label
{
    my ($node) = @_;
    my $op = $node->{op};
    return $node->{name} if $op eq 'null';
    my %about = (
        Convolution    => [map { my $name = $_; join 'x', _numbers(_attribute($node, $name) // ($name eq 'stride' ? '(1,1)' : '')) } qw(kernel stride)],
        FullyConnected => [_attribute($node, 'num_hidden')],
        Activation     => [_attribute($node, 'act_type')],
        LeakyReLU      => [_attribute($node, 'act_type') // 'leaky'],
        Pooling        => [_attribute($node, 'pool_type') // 'max', map { join 'x', _numbers(_attribute($node, $_)) } qw(kernel stride)],
    );
    $about{Deconvolution} = $about{Convolution};
    push @{ $about{$op} }, _attribute($node, 'num_filter') if $op =~ /onvolution\z/;
    my $about = join ', ', grep { defined and length } @{ $about{$op} // [] };
    return length $about ? "$op\n$about" : $op;
}

sub plot_network
{
    my ($class, $symbol, @options) = @_;
    AI::MXNet::NS::load('AI/MXNet/NDArray.pm');
    my %o = (title => 'plot', save_format => 'ps', node_attrs => {}, hide_weights => 1,
        AI::MXNet::NDArray::_named('plot_network', [qw(title save_format shape node_attrs hide_weights)], @options));
    eval { AI::MXNet::NS::load('GraphViz.pm'); 1 } or AI::MXNet::Error::fail('plot_network needs the Perl module GraphViz (Debian: libgraphviz-perl)');
    my @nodes = _nodes($symbol, $o{shape});
    my %style = (shape => 'box', width => 1.3, height => 0.8034, style => 'filled', %{ $o{node_attrs} });
    # GraphViz writes the name as it is
    my $name = $o{title} =~ /\A[A-Za-z_]\w*\z/ ? $o{title} : '"' . $o{title} =~ s/(["\\])/\\$1/gr . '"';
    my $graph = GraphViz->new(name => $name, rankdir => 1, directed => 1);
    my %hidden;
    for my $node (@nodes) {
        # weights and their kin say little
        if ($node->{op} eq 'null' and $o{hide_weights} and $node->{name} =~ /_(?:weight|bias|beta|gamma|moving_var|moving_mean|running_var|running_mean)\z/) {
            $hidden{ $node->{name} } = 1;
            next;
        }
        my %own = (%style, fillcolor => $COLOURS[$colour{ $node->{op} } // -1], $node->{op} eq 'null' ? (shape => 'oval') : ());
        $graph->add_node($node->{name}, label => _label($node), %own);
    }
    for my $node (@nodes) {
        next if $node->{op} eq 'null';
        for my $before (grep { !$hidden{ $_->{name} } } map { $nodes[$_->[0]] } @{ $node->{inputs} }) {
            my (undef, @size) = @{ $before->{shape} // [] };
            $graph->add_edge($before->{name} => $node->{name}, dir => 'forward', @size ? (label => join('x', @size)) : ());
        }
    }
    return AI::MXNet::Visualization::PythonGraphviz->new(graph => $graph, format => $o{save_format});
}

1;

__END__

=head1 NAME

AI::MXNet::Visualization - networks as tables and pictures

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd);

    my $net = mx->sym->var('data');
    $net = mx->sym->FullyConnected($net, num_hidden => 8, name => 'fc1');
    $net = mx->sym->Activation($net, act_type => 'relu', name => 'act');
    mx->viz->print_summary($net, { data => [1, 4] });

=head1 DESCRIPTION

C<< mx->viz >> is this package.

=head1 FUNCTIONS

=head2 print_summary

Prints a table of a symbol's layers: name and type, the shape of the output without the batch, the number of parameters, and
the layers before. The second argument has the shapes of inputs, without which sizes and numbers are not known. The third is
the length of a line (120), the fourth a list of where the columns end, as fractions of it.

=head2 plot_network

    my $picture = eval { mx->viz->plot_network($net, shape => { data => [1, 4] }, save_format => 'png') };
    print defined $picture ? "graph: $picture\n" : $@;    # needs GraphViz

A picture by GraphViz, which is to be installed: the Perl module of that name, and the program C<dot>. C<< $picture->render >>
returns it in the C<save_format> (ps, png, svg ...), C<< $picture->render($file) >> writes it; C<< $picture->graph >> is the
GraphViz object. With C<shape> the arrows tell shapes; C<hide_weights> (1) leaves out weights and their kin; C<node_attrs> are
attributes of GraphViz for all nodes; C<title> is the name of the graph.

=head1 SEE ALSO

L<AI::MXNet::Symbol>

=cut
