package AI::MXNet::Symbol::Doc;
# Shapes of a symbol's outputs, and text about functions. POD at the end.
use strict;
use warnings;
use AI::MXNet::NDArray::Doc ();

# {output => shape} for the shapes of some arguments.
sub get_output_shape
{
    my ($class, $symbol, %shapes) = @_;
    my (undef, $outputs) = $symbol->infer_shape(%shapes);
    my %shape;
    @shape{ @{ $symbol->list_outputs } } = @{ $outputs // [] };
    return \%shape;
}

sub build_doc
{
    my ($name, $about, $arguments, $types, $texts, $variable, $returns) = @_;
    return AI::MXNet::NDArray::Doc::_text($about, $arguments, $types, $texts, $variable,
        "name : string, optional.\n    Name of the resulting symbol.\n", $returns // 'Symbol', 'The result symbol.');
}

1;

__END__

=head1 NAME

AI::MXNet::Symbol::Doc - shapes of a symbol's outputs

=head1 SYNOPSIS

    use AI::MXNet qw(mx);

    my $net = mx->sym->FullyConnected(mx->sym->var('data'), num_hidden => 10, name => 'fc');
    my $shapes = AI::MXNet::Symbol::Doc->get_output_shape($net, data => [100, 50]);
    print "@{ $shapes->{fc_output} }\n";    # 100 10

=head1 DESCRIPTION

What the original's pages of symbols were made with.

=head1 METHODS

=head2 get_output_shape

The shapes of a symbol's outputs by their names, in a hash ref, from the shapes of some of its arguments.

=head1 FUNCTIONS

=head2 build_doc

That of L<AI::MXNet::NDArray::Doc>, for functions that make symbols.

=head1 SEE ALSO

L<AI::MXNet::Symbol>

=cut
