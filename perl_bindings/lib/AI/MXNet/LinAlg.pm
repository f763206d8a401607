package AI::MXNet::LinAlg;
# mx->linalg and mx->nd->linalg: the operators _linalg_x as x.
use strict;
use warnings;
use AI::MXNet::NDArray::Base;
use AI::MXNet::NS;

sub import { my ($class, @names) = @_; return AI::MXNet::NS::install($class, scalar caller, @names) }

sub nd      {'AI::MXNet::LinAlg::NDArray'}
sub ndarray {'AI::MXNet::LinAlg::NDArray'}
sub sym     { AI::MXNet::NS::load('AI/MXNet/Symbol.pm'); return AI::MXNet::Symbol->linalg }
sub symbol  { AI::MXNet::NS::load('AI/MXNet/Symbol.pm'); return AI::MXNet::Symbol->linalg }

AI::MXNet::NDArray::Base::install('AI::MXNet::LinAlg::NDArray', '_linalg_');

# those of NumPy under its names
AI::MXNet::NDArray::Base::_install('AI::MXNet::LinAlg::NDArray', $_, "_npi_$_")
    for qw(cholesky eigh eigvals eigvalsh inv lstsq qr solve svd tensorinv tensorsolve);
AI::MXNet::NDArray::Base::_install('AI::MXNet::LinAlg::NDArray', 'pinv', '_npi_pinv_scalar_rcond');
AI::MXNet::NDArray::Base::_install('AI::MXNet::LinAlg::NDArray', 'norm', 'norm');

package AI::MXNet::LinAlg::NDArray;
use AI::MXNet::Error;

sub _matrix
{
    my ($matrix) = @_;
    $matrix = AI::MXNet::NDArray->array($matrix) unless ref $matrix eq 'AI::MXNet::NDArray';
    my @shape = @{ $matrix->shape };
    AI::MXNet::Error::fail('ValueError: expected square matrix') if @shape != 2 or $shape[0] != $shape[1];
    return $matrix;
}

# Eigenvalues { real, imag }, then left and right eigenvectors as columns, as asked for.
sub eig
{
    my ($class, $matrix, @arguments) = @_;
    $matrix = _matrix($matrix);
    my %a = AI::MXNet::NDArray->get_arguments(b => undef, left => 0, right => 1, \@arguments);
    my ($real, $imag, $left, $right)
        = @{ AI::MXNet::Operators::invoke(AI::MXNet::Operators::row('_npi_eig_parts'), [$matrix, map { defined $_ ? _matrix($_) : () } $a{b}], {}) };
    my @results = ({ real => $real, imag => $imag }, $a{left} ? $left : (), $a{right} ? $right : ());
    return wantarray ? @results : $results[0];
}

# The row vector with pi P = pi and sum 1, by least squares.
sub stationary
{
    my ($class, $matrix) = @_;
    $matrix = _matrix($matrix);
    my ($n, @like) = ($matrix->len, dtype => $matrix->dtype);
    my $balance = AI::MXNet::NDArray->concat($matrix->T - AI::MXNet::NDArray->_eye($n, @like), AI::MXNet::NDArray->ones([1, $n], @like), dim => 0);
    my $sides = AI::MXNet::NDArray->array([(0) x $n, 1], @like);
    return AI::MXNet::NDArray->lstsq($balance, $sides)->[0]->reshape([1, $n]);
}

1;

__END__

=head1 NAME

AI::MXNet::LinAlg - linear algebra on batches of matrices

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd);

    my $a = nd->array([[4, 2], [2, 3]]);
    my $l = nd->linalg->potrf($a);                                   # a = l l^T
    print nd->linalg->gemm2($l, $l, transpose_b => 1)->aspdl;        # [[4 2] [2 3]]
    print nd->linalg->det($a)->asscalar, "\n";                       # 8
    my $solution = nd->linalg->trsm($l, nd->ones([2, 1]));           # l x = 1

=head1 DESCRIPTION

C<< nd->linalg->name >> is the operator C<_linalg_name> of F<docs/operators.md>, which has the arguments and gradients.
Each works on the last two axes; axes before them count matrices. Arrays are float32 or float64.

=over 4

=item gemm, gemm2, syrk

Products: C<alpha op(A) op(B) + beta C>, without C, and of a matrix with its own transpose.

=item potrf, potri

Cholesky factors, and inverses from Cholesky factors.

=item trmm, trsm

Product with a triangular matrix, and solving with one.

=item gelqf, syevd

LQ factors; eigenvectors and eigenvalues of symmetric matrices.

=item inverse, det, slogdet

Inverses; determinants, and their signs and logarithms.

=item sumlogdiag, extractdiag, makediag, extracttrian, maketrian

Sum of the logarithms of the diagonal; diagonals and triangles out of matrices and into them.

=item cholesky, qr, svd, eigh, eigvalsh, eigvals, inv, pinv, solve, lstsq, tensorinv, tensorsolve, norm

Those of C<numpy.linalg>: the operators C<_npi_name>. Several results are a list ref, as in
C<< my ($u, $s, $v) = @{ nd->linalg->svd($x) } >>; all but C<eigvals> can be differentiated.

=back

=head1 FUNCTIONS

=head2 nd, ndarray

    my $inverse = AI::MXNet::LinAlg->nd->inverse($a);

The package that has the operators: C<< nd->linalg >>.

=head2 sym, symbol

The same operators on symbols, also C<< mx->sym->linalg >>.

=head2 eig

    my ($w, $v) = nd->linalg->eig(nd->array([[2, 0], [1, 3]]));
    print $w->{real}->aspdl, $w->{imag}->aspdl;    # 2 3, 0 0, in some order
    my ($values, $left, $right) = nd->linalg->eig($a, left => 1);
    my $only = nd->linalg->eig($a, right => 0);
    my ($general) = nd->linalg->eig($a, b => nd->array([[2, 0], [0, 1]]));    # a v = w b v

Eigenvalues of a square matrix, as two arrays C<real> and C<imag>, and eigenvectors as columns of length 1. Of a pair of
complex eigenvectors the first column holds the real part and the second one the imaginary part, as in LAPACK.

=head2 stationary

    my $pi = nd->linalg->stationary(nd->array([[0.9, 0.1], [0.5, 0.5]]));    # [[0.8333 0.1667]]

The row vector with C<pi P = pi> whose elements add up to 1, of a matrix of transition probabilities.

=head1 ERRORS

A matrix that is not positive definite, or singular where it must not be, fails when the result is read.

=head1 SEE ALSO

L<AI::MXNet::NDArray>, L<PDL::LinearAlgebra>

=cut
