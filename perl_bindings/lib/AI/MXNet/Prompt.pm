package AI::MXNet::Prompt;
# For prompts and notebooks: the short names, and arrays that show their values. POD at the end.
use strict;
use warnings;
use AI::MXNet;
use AI::MXNet::Dialect;

my %packages = (
    mx => sub {'AI::MXNet'},
    map { my ($name, $accessor) = @$_; $name => $accessor }
        [nd => sub { AI::MXNet->nd }], [sym => sub { AI::MXNet->sym }], [autograd => sub { AI::MXNet->autograd }],
        [gluon => sub { AI::MXNet->gluon }], [nn => sub { AI::MXNet->gluon->nn }],
);

sub import
{
    my ($class, @tags) = @_;
    # for all code, because a prompt compiles each line for itself
    $AI::MXNet::Dialect::NUMPY = AI::MXNet::Dialect::_is_numpys($class, $_) for @tags;
    my $caller = caller;
    no strict 'refs';
    no warnings 'redefine';
    *{"${caller}::$_"} = $packages{$_} for keys %packages;
    @nd::ISA = ('AI::MXNet::NDArray');
    $AI::MXNet::NDArray::AS_STRING = '_shown';
    # NiceSlice, which perldl and pdl2 have on, makes this of $net->($x)
    *{'AI::MXNet::Gluon::Block::slice'} = sub { my ($block, @in) = @_; return $block->call(@in) };
    return;
}

1;

__END__

=head1 NAME

AI::MXNet::Prompt - arrays and networks at a prompt and in a notebook

=head1 SYNOPSIS

    use AI::MXNet::Prompt;

    my $x = nd->arange(start => 0, stop => 6)->reshape([2, 3]);
    print $x, "\n";    # [[0 1 2]
                       #  [3 4 5]]
                       # <AI::MXNet::NDArray 2x3 @cpu(0)> float32
    my $net = nn->Dense(2);
    $net->initialize;
    print $net->($x), "\n";

=head1 DESCRIPTION

For C<perldl>, C<pdl2> and the notebooks of IPerl. It gives

=over 4

=item *

the names C<mx>, C<nd>, C<sym>, C<autograd>, C<gluon> and C<nn>; a package behind them is loaded when its name is first
used;

=item *

arrays that, as strings, show their values and not only what they are. Large ones show their edges, see
C<set_printoptions> in L<AI::MXNet::NDArray>;

=item *

with C<use AI::MXNet::Prompt ':numpy'>, NumPy's meaning of indices for the whole session (L<AI::MXNet::Dialect>),
because a prompt compiles each line as a program of its own, so that C<use AI::MXNet ':numpy'> would end with its line;
with C<:mxnet> it ends.

=back

A program needs none of that, and code that compares or takes apart the string of an array would find another one: use
this module at prompts only.

=head2 perldl and pdl2

    $ perldl
    pdl> use AI::MXNet::Prompt
    pdl> $x = nd->random->normal(0, 1, shape => [2, 3])
    pdl> p $x
    pdl> p $x->(0)
    pdl> p $x->(:, 1:2)
    pdl> p nd->help('dot')
    pdl> p $x->aspdl * pdl(1, 2, 3)

A line C<use AI::MXNet::Prompt;> in F<~/.perldlrc> makes it ready at the start. The shells have PDL::NiceSlice on,
which takes C<< $x->(...) >> and C<$x(...)> for C<< $x->slice(...) >>. So arrays have parts in that notation, and a
network is called as ever, C<< $net->($x) >>. A code ref is called by C<&$code(1)>, as PDL says.

What was computed is waited for when it is shown, so an error in the engine is told when the result is printed.

=head2 Notebooks of IPerl

The last value of a cell is shown: of an array, a table with the positions of its elements; of a network, its layers,
their parameters and sizes; of a symbol, its operators; of a table, its first rows; of a picture, the picture.

Arrays, parts of arrays, networks of Gluon, symbols, tables (L<AI::MXNet::Table>) and pictures (L<AI::MXNet::Picture>)
have the method C<iperl_data_representations>, from which IPerl takes HTML for a notebook and text for a console; and
C<to_html>, for C<< IPerl->html($x->to_html) >> within a cell, and for pages of your own:

    print $x->to_html;

A training's curves are C<< IPerl->html(AI::MXNet::Chart->svg(...)) >>, see L<AI::MXNet::Chart>.

=head1 SEE ALSO

L<AI::MXNet>, L<AI::MXNet::NDArray>

=cut
