package AI::MXNet::LinAlg;
# mx->linalg and mx->nd->linalg: the operators _linalg_x as x.
use strict;
use warnings;
use AI::MXNet::NDArray::Base;
use AI::MXNet::NS;

sub import { my ($class, @names) = @_; return AI::MXNet::NS::install($class, scalar caller, @names) }

sub nd      {'AI::MXNet::LinAlg::NDArray'}
sub ndarray {'AI::MXNet::LinAlg::NDArray'}
sub sym     { require AI::MXNet::Symbol; return AI::MXNet::Symbol->linalg }
sub symbol  { require AI::MXNet::Symbol; return AI::MXNet::Symbol->linalg }

AI::MXNet::NDArray::Base::install('AI::MXNet::LinAlg::NDArray', '_linalg_');

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

=back

=head1 FUNCTIONS

=head2 nd, ndarray

    my $inverse = AI::MXNet::LinAlg->nd->inverse($a);

The package that has the operators: C<< nd->linalg >>.

=head2 sym, symbol

The same operators on symbols, also C<< mx->sym->linalg >>.

=head1 ERRORS

A matrix that is not positive definite, or singular where it must not be, fails when the result is read.

=head1 SEE ALSO

L<AI::MXNet::NDArray>, L<PDL::LinearAlgebra>

=cut
