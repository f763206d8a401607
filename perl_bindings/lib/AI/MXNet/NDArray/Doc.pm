package AI::MXNet::NDArray::Doc;
# Text about functions, as MXNet words it. POD at the end.
use strict;
use warnings;
use AI::MXNet::Base ();

# $variable: the argument that says how many arrays there are, for functions that take any number.
sub build_doc
{
    my ($name, $about, $arguments, $types, $texts, $variable, $returns) = @_;
    return _text($about, $arguments, $types, $texts, $variable,
        "out : NDArray, optional\n    The output NDArray to hold the result.\n", $returns // 'NDArray or list of NDArrays', 'The output of this function.');
}

sub _text
{
    my ($about, $arguments, $types, $texts, $variable, $extra, $returns, $result) = @_;
    my @shown = grep { $arguments->[$_] ne ($variable // '') } 0 .. $#$arguments;
    my $parameters = AI::MXNet::Base::build_param_doc(map { [@$_[@shown]] } $arguments, $types, $texts);
    return join "\n", $about, '', "$parameters$extra", 'Returns', '-------', "out : $returns", "    $result";
}

1;

__END__

=head1 NAME

AI::MXNet::NDArray::Doc - text about functions

=head1 SYNOPSIS

    use AI::MXNet::NDArray::Doc;

    print AI::MXNet::NDArray::Doc::build_doc('square', 'The square of each element.', ['data'], ['NDArray'], ['The input.']);

=head1 DESCRIPTION

In the original the pages of its generated functions came from here. What the operators do is in F<docs/operators.md>.

=head1 FUNCTIONS

=head2 build_doc

The text about a function: from its name, what it does, and the names, types and descriptions of its arguments, which are
list refs. A sixth argument is the name of one that says how many arrays follow, which is left out; a seventh the type of
the result.

=head1 SEE ALSO

L<AI::MXNet::NDArray>

=cut
