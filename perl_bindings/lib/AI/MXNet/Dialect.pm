package AI::MXNet::Dialect;
# NumPy's meaning of an index, where it is chosen: by a file, with `use AI::MXNet qw(mx nd :numpy)`, or for a program by
# the environment variable AI_MXNET_DIALECT. POD at the end.
#
# Without the choice this module is not loaded. With it, a few methods of arrays ask whose code calls them.
use strict;
use warnings;
use Scalar::Util qw(looks_like_number);
use AI::MXNet::Error;
use AI::MXNet::NDArray;
use AI::MXNet::NDArray::Selection;

use constant HINT => __PACKAGE__;    # in %^H: whether the code that is being compiled has NumPy's meaning

our $NUMPY = _environment();                    # whether the environment has chosen
my $by_files = 0;                               # whether a file of the program has chosen
my $own = __FILE__ =~ s{Dialect\.pm\z}{}r;      # where our own modules are, which have 1.6's meaning always

sub _environment
{
    my $dialect = $ENV{AI_MXNET_DIALECT} // '';
    return $dialect eq 'numpy' if $dialect =~ /\A(?:numpy|mxnet)?\z/;
    die "AI_MXNET_DIALECT is numpy or mxnet, but is '$dialect'\n";
}

# Whether a tag, of those in a `use` of a module, is NumPy's.
sub _is_numpys
{
    my ($module, $tag) = @_;
    my %tags = (':numpy' => 1, ':mxnet' => 0);
    AI::MXNet::Error::fail("use $module knows the tags ", join(' and ', sort keys %tags), ", but got '$tag'") unless exists $tags{$tag};
    return $tags{$tag};
}

# To be called while the file that chooses is compiled.
sub choose
{
    my ($class, $tag) = @_;
    $^H{ +HINT } = _is_numpys('AI::MXNet', $tag);
    $by_files = 1;
    return;
}

# Whether the code that called the sub that asks has NumPy's meaning.
sub is_numpy
{
    if ($by_files) {
        my $chosen = ((caller 1)[10] // {})->{ +HINT };
        return $chosen if defined $chosen;
    }
    return $NUMPY && index((caller 1)[1], $own) != 0;
}

# -- methods whose meaning is chosen ---------------------------------------------------------------------------------

{
    no strict 'refs';
    no warnings 'redefine';
    for my $name (qw(slice at)) {
        my $classic = \&{"AI::MXNet::NDArray::$name"};
        my $numpy = AI::MXNet::NDArray::Selection->can("_$name");
        *{"AI::MXNet::NDArray::$name"} = sub : lvalue {
            my $result = is_numpy() ? $numpy->(@_) : $classic->(@_);
            $result;
        };
        *{"AI::MXNet::NDArray::Slice::$name"} = sub : lvalue {
            my $result = is_numpy() ? $numpy->(@_) : $classic->(shift->sever, @_);
            $result;
        };
    }
    my $arange = \&AI::MXNet::NDArray::arange;
    *AI::MXNet::NDArray::arange = sub {
        my ($class, @arguments) = @_;
        return $arange->(@_) unless @arguments and looks_like_number($arguments[0]) and is_numpy();
        my @named = map { looks_like_number($arguments[0]) ? ($_ => shift @arguments) : () } grep { @arguments } qw(start stop step repeat);
        return $arange->($class, @named, @arguments);
    };
}

1;

__END__

=head1 NAME

AI::MXNet::Dialect - indices as in NumPy, or as in AI::MXNet 1.6

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd :numpy);

    my $x = nd->arange(12)->reshape([3, 4]);
    print $x->slice([0, 2], 1)->asstr, "\n";         # [1 5]: rows 0 and 1, column 1
    print $x->slice('...', [undef, undef, -1])->slice(0)->asstr, "\n";    # [3 2 1 0]
    $x->slice($x > 8) .= 0;                          # through a mask
    print $x->slice(2)->asstr, "\n";                 # [8 0 0 0]
    {
        use AI::MXNet qw(:mxnet);
        print $x->slice([0, 1])->asstr, "\n";        # 1.6: rows 0 and 1, the end included
    }

=head1 DESCRIPTION

AI::MXNet 1.6 and the programs of those who replaced parts of it write the same calls with two meanings. A program says
which one it has:

=over 4

=item C<use AI::MXNet qw(mx nd :numpy);>

From here to the end of the block or file, indices have NumPy's meaning. C<:mxnet> takes that back.

=item C<AI_MXNET_DIALECT=numpy>

In the environment, for all files of a program that do not say something else, as they are. C<mxnet> or nothing stands for
1.6's meaning.

=back

The modules of this distribution have 1.6's meaning whatever a program chooses, so that iterators, modules and networks
work in either. F<docs/numpy_dialect.md> has both meanings side by side.

=head1 WHAT CHANGES

=head2 slice

    my $m = nd->arange(12)->reshape([3, 4]);
    my $row   = $m->slice(1);                  # [4]: an index drops its axis
    my $part  = $m->slice([0, 2], [1, undef]); # [2, 3]: ends are excluded, open ones are the whole
    my $third = $m->slice(':', [0, 4, 3]);     # [3, 2]: by steps
    my $back  = $m->slice([undef, undef, -1]); # [3, 4], the last row first
    my $last  = $m->slice('...', -1);          # [3]: '...' stands for as many whole axes as are missing
    my $named = $m->slice(begin => [0, 1], end => [undef, 3]);    # [3, 2]
    my $some  = $m->slice($m->slice(':', 0) > 3);                 # [2, 4]: rows where the mask is 1
    my $two   = $m->slice(':', nd->array([3, 0], dtype => 'int32'));    # [3, 2]: columns 3 and 0
    my $cells = $m->slice([[0, 1], [1, 2]]);   # [2]: elements (0, 1) and (1, 2)

An index for each axis, or for the first ones: a number, C<[begin, end, step]> of which each part may be undef, C<':'> or
C<'X'> for a whole axis, C<'...'> once, a mask (an array of 0 and 1, or bool, in the shape of the axes that it stands for)
or positions (an array of integers). Ranges are cut off at the ends of their axis, as in NumPy; a single index beyond an
axis dies. Operators of 1.6 give floats where NumPy's give truth or positions, so an array of floats in the shape of the
axes is a mask if it holds only 0 and 1, and else positions, as of C<argsort>; for positions 0 and 1 of an axis of two, say
C<< argsort(dtype => 'int32') >>. Only an array of shape [] drops its axis as a number does.

The result is an L<AI::MXNet::NDArray::Slice>, which reads as an array and can be assigned to, also a slice of a slice:

    $m->slice(1) .= 7;
    $m->slice([0, 2])->slice(':', 0) += nd->array([10, 20]);
    $m->slice(':', 2) *= 2;

What is assigned is broadcast to the shape of the slice. With all axes dropped, the shape is [1].

=head2 at

    my $cell = $m->at(1, 2);    # shape [1]

C<slice> with numbers.

=head2 arange

    nd->arange(5);              # 0 1 2 3 4
    nd->arange(2, 6);           # 2 3 4 5
    nd->arange(0, 10, 3);       # 0 3 6 9

Numbers by position; by name as ever.

=head1 METHODS

=head2 choose

For C<use AI::MXNet>.

=head2 is_numpy

Whether the code that called the caller has NumPy's meaning.

=head1 SEE ALSO

L<AI::MXNet>, L<AI::MXNet::NDArray::Slice>

=cut
