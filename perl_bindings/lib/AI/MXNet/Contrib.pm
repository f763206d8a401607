package AI::MXNet::Contrib;
# mx->contrib and mx->nd->contrib: the operators _contrib_x as x.
use strict;
use warnings;
use AI::MXNet::NDArray::Base;
use AI::MXNet::NS;

sub import { my ($class, @names) = @_; return AI::MXNet::NS::install($class, scalar caller, @names) }

sub nd      {'AI::MXNet::Contrib::NDArray'}
sub ndarray {'AI::MXNet::Contrib::NDArray'}
sub sym     { AI::MXNet::NS::load('AI/MXNet/Symbol.pm'); return AI::MXNet::Symbol->contrib }
sub symbol  { AI::MXNet::NS::load('AI/MXNet/Symbol.pm'); return AI::MXNet::Symbol->contrib }

AI::MXNet::NDArray::Base::install('AI::MXNet::Contrib::NDArray', '_contrib_');

1;

__END__

=head1 NAME

AI::MXNet::Contrib - MXNet's contributed operators

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd);

    my $boxes = nd->array([[0, 0, 2, 2], [1, 1, 3, 3]]);
    print nd->contrib->box_iou($boxes, $boxes)->aspdl;             # [[1 1/7] [1/7 1]]
    print nd->contrib->quadratic(nd->array([1, 2]), a => 1, b => 2, c => 3)->aspdl, "\n";    # [6 11]
    my $small = nd->contrib->BilinearResize2D(nd->ones([1, 3, 8, 8]), height => 4, width => 4);

=head1 DESCRIPTION

C<< nd->contrib->name >> is the operator C<_contrib_name> of F<docs/operators.md>, which has the arguments and gradients.

=over 4

=item boxes

C<box_iou>, C<box_nms>, C<bipartite_matching>, C<box_encode>, C<box_decode>, C<MultiBoxPrior>, C<MultiBoxTarget>,
C<MultiBoxDetection>, C<Proposal>, C<MultiProposal>, C<ROIAlign>

=item images

C<BilinearResize2D>, C<AdaptiveAvgPooling2D>, C<DeformableConvolution>

=item attention

C<interleaved_matmul_selfatt_qk> and its kin, C<div_sqrt_dim>

=item and others

C<arange_like>, C<boolean_mask>, C<index_copy>, C<index_array>, C<allclose>, C<quadratic>, C<gradientmultiplier>,
C<CTCLoss>, C<SyncBatchNorm>, C<fft>, C<ifft>, C<count_sketch>, C<hawkesll>

=back

=head1 FUNCTIONS

=head2 nd, ndarray

The package that has the operators: C<< nd->contrib >>.

=head2 sym, symbol

The same operators on symbols, also C<< mx->sym->contrib >>.

=head1 SEE ALSO

L<AI::MXNet::NDArray>

=cut
