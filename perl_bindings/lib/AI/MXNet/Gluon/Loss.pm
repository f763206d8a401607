package AI::MXNet::Gluon::Loss;
# What all losses share, and the losses. POD at the end.
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;
use AI::MXNet::NS;

extends 'AI::MXNet::Gluon::HybridBlock';

has weight     => (is => 'rw', isa => 'Maybe[Num]');
has batch_axis => (is => 'rw', isa => 'Int', default => 0);

sub import { my ($class, @names) = @_; return AI::MXNet::NS::install($class, scalar caller, @names) }

sub _describe
{
    my ($self) = @_;
    no warnings 'once';
    # 1.6 prints a weight that is not there; those who replaced parts of it, nothing
    return '' if $AI::MXNet::Dialect::NUMPY and not defined $self->weight;
    return $self->class . '(batch_axis=' . $self->batch_axis . ', w=' . ($self->weight // '') . ')';
}

# The loss times the weights of the samples, which are broadcast, and the weight of all.
sub _apply_weighting
{
    my ($self, $F, $loss, $weight, $sample_weight) = @_;
    $loss = $F->broadcast_mul($loss, $sample_weight) if defined $sample_weight;
    return defined $weight && $weight != 1 ? $loss * $weight : $loss;
}

# $x in the shape of $y.
sub _reshape_like
{
    my ($self, $F, $x, $y) = @_;
    AI::MXNet::Error::fail($self->class, ' takes a prediction and a label, but got no label') unless defined $x;
    return $x if $F eq 'AI::MXNet::NDArray' and $x->{type} == $y->{type};
    return $F->reshape_like($x, $y);
}

# Of the logistic of a prediction with a label of 0 to 1, in a form that does not overflow.
sub _cross_entropy
{
    my ($self, $F, $pred, $label) = @_;
    return $F->relu($pred) - $pred * $label + $F->Activation(-$F->abs($pred), act_type => 'softrelu');
}

# The loss of each sample: weighted, and averaged over all other axes.
sub _mean
{
    my ($self, $F, $loss, $sample_weight) = @_;
    $loss = $self->_apply_weighting($F, $loss, $self->{weight}, $sample_weight);
    return $F->mean($loss, axis => $self->{batch_axis}, exclude => 1);
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;

package AI::MXNet::Gluon::L2Loss;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::Loss';

has '+weight' => (default => 1);

sub hybrid_forward
{
    my ($self, $F, $pred, $label, $sample_weight) = @_;
    $label = $self->_reshape_like($F, $label, $pred);
    my $loss = $self->_apply_weighting($F, $F->square($pred - $label), $self->{weight} / 2, $sample_weight);
    return $F->mean($loss, axis => $self->{batch_axis}, exclude => 1);
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('AI::MXNet::Gluon::Loss');

package AI::MXNet::Gluon::SoftmaxCrossEntropyLoss;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::Loss';

has axis         => (is => 'ro', isa => 'Int', default => -1);
has sparse_label => (is => 'ro', isa => 'Bool', default => 1);
has from_logits  => (is => 'ro', isa => 'Bool', default => 0);

sub hybrid_forward
{
    my ($self, $F, $pred, $label, $sample_weight) = @_;
    if ($self->{sparse_label} and not $self->{from_logits} and $F eq 'AI::MXNet::NDArray') {
        # the operators below in one, which symbols of the original do not have
        my %axes = (axis => $self->{axis});
        my $is_weighted = defined $sample_weight || ($self->{weight} // 1) != 1;
        return $self->_mean($F, $F->_softmax_cross_entropy($pred, $label, %axes), $sample_weight) if $is_weighted;
        return $F->_softmax_cross_entropy($pred, $label, %axes, batch_axis => $self->{batch_axis});
    }
    $pred = $F->log_softmax($pred, axis => $self->{axis}) unless $self->{from_logits};
    my $loss;
    if ($self->{sparse_label}) { $loss = -$F->pick($pred, $label, axis => $self->{axis}, keepdims => 1) }
    else {
        $label = $self->_reshape_like($F, $label, $pred);
        $loss = -$F->sum($pred * $label, axis => $self->{axis}, keepdims => 1);
    }
    return $self->_mean($F, $loss, $sample_weight);
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('AI::MXNet::Gluon::Loss');
AI::MXNet::NS::register(__PACKAGE__, 'AI::MXNet::Gluon::Loss', 'SoftmaxCELoss');

package AI::MXNet::Gluon::L1Loss;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::Loss';

has '+weight' => (default => 1);

sub hybrid_forward
{
    my ($self, $F, $pred, $label, $sample_weight) = @_;
    $label = $self->_reshape_like($F, $label, $pred);
    my $loss = $F->abs($pred - $label);
    return $self->_mean($F, $loss, $sample_weight);
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('AI::MXNet::Gluon::Loss');

package AI::MXNet::Gluon::SigmoidBinaryCrossEntropyLoss;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::Loss';

has from_sigmoid => (is => 'ro', isa => 'Bool', default => 0);

sub hybrid_forward
{
    my ($self, $F, $pred, $label, $sample_weight) = @_;
    $label = $self->_reshape_like($F, $label, $pred);
    my $loss;
    if ($self->{from_sigmoid}) { $loss = -($F->log($pred + 1e-12) * $label + $F->log(1 - $pred + 1e-12) * (1 - $label)) }
    else { $loss = $self->_cross_entropy($F, $pred, $label) }
    return $self->_mean($F, $loss, $sample_weight);
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('AI::MXNet::Gluon::Loss');
AI::MXNet::NS::register(__PACKAGE__, 'AI::MXNet::Gluon::Loss', 'SigmoidBCELoss');

package AI::MXNet::Gluon::KLDivLoss;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::Loss';

has from_logits => (is => 'ro', isa => 'Bool', default => 1);
has axis        => (is => 'ro', isa => 'Int', default => -1);

sub hybrid_forward
{
    my ($self, $F, $pred, $label, $sample_weight) = @_;
    $pred = $F->log_softmax($pred, axis => $self->{axis}) unless $self->{from_logits};
    return $self->_mean($F, $label * ($F->log($label + 1e-12) - $pred), $sample_weight);
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('AI::MXNet::Gluon::Loss');

package AI::MXNet::Gluon::CTCLoss;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::Loss';

has layout       => (is => 'ro', isa => 'Str', default => 'NTC');
has label_layout => (is => 'ro', isa => 'Str', default => 'NT');

sub BUILD
{
    my ($self) = @_;
    AI::MXNet::Error::fail("Only 'NTC' and 'TNC' layouts for pred are supported. Got: ", $self->layout) unless $self->layout =~ /\A(?:NTC|TNC)\z/;
    AI::MXNet::Error::fail("Only 'NT' and 'TN' layouts for label are supported. Got: ", $self->label_layout)
        unless $self->label_layout =~ /\A(?:NT|TN)\z/;
    $self->batch_axis(index $self->label_layout, 'N');
}

sub hybrid_forward
{
    my ($self, $F, $pred, $label, $pred_lengths, $label_lengths, $sample_weight) = @_;
    $pred = $F->SwapAxis($pred, dim1 => 0, dim2 => 1) if $self->{layout} eq 'NTC';
    $label = $F->SwapAxis($label, dim1 => 0, dim2 => 1) if $self->{label_layout} eq 'TN';
    my $loss = $F->CTCLoss($pred, $label, (grep { defined } $pred_lengths, $label_lengths),
        use_data_lengths => defined $pred_lengths ? 1 : 0, use_label_lengths => defined $label_lengths ? 1 : 0, blank_label => 'last');
    return $self->_apply_weighting($F, $loss, $self->{weight}, $sample_weight);
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('AI::MXNet::Gluon::Loss');

package AI::MXNet::Gluon::HuberLoss;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::Loss';

has rho => (is => 'ro', isa => 'Num', default => 1);

sub hybrid_forward
{
    my ($self, $F, $pred, $label, $sample_weight) = @_;
    $label = $self->_reshape_like($F, $label, $pred);
    my ($distance, $rho) = ($F->abs($pred - $label), $self->{rho});
    my $loss = $F->where($distance > $rho, $distance - 0.5 * $rho, (0.5 / $rho) * $F->square($distance));
    return $self->_mean($F, $loss, $sample_weight);
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('AI::MXNet::Gluon::Loss');

package AI::MXNet::Gluon::HingeLoss;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::Loss';

has margin => (is => 'ro', isa => 'Num', default => 1);

sub hybrid_forward
{
    my ($self, $F, $pred, $label, $sample_weight) = @_;
    $label = $self->_reshape_like($F, $label, $pred);
    my $loss = $F->relu($self->{margin} - $pred * $label);
    return $self->_mean($F, $loss, $sample_weight);
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('AI::MXNet::Gluon::Loss');

package AI::MXNet::Gluon::SquaredHingeLoss;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::Loss';

has margin => (is => 'ro', isa => 'Num', default => 1);

sub hybrid_forward
{
    my ($self, $F, $pred, $label, $sample_weight) = @_;
    $label = $self->_reshape_like($F, $label, $pred);
    my $loss = $F->square($F->relu($self->{margin} - $pred * $label));
    return $self->_mean($F, $loss, $sample_weight);
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('AI::MXNet::Gluon::Loss');

package AI::MXNet::Gluon::LogisticLoss;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::Loss';

has label_format => (is => 'ro', isa => 'Str', default => 'signed');

sub BUILD
{
    my ($self) = @_;
    AI::MXNet::Error::fail('label_format can only be signed or binary, but got ', $self->label_format)
        unless $self->label_format =~ /\A(?:signed|binary)\z/;
}

sub hybrid_forward
{
    my ($self, $F, $pred, $label, $sample_weight) = @_;
    $label = $self->_reshape_like($F, $label, $pred);
    $label = ($label + 1) / 2 if $self->{label_format} eq 'signed';
    my $loss = $self->_cross_entropy($F, $pred, $label);
    return $self->_mean($F, $loss, $sample_weight);
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('AI::MXNet::Gluon::Loss');

package AI::MXNet::Gluon::TripletLoss;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::Loss';

has margin => (is => 'ro', isa => 'Num', default => 1);

sub hybrid_forward
{
    my ($self, $F, $pred, $positive, $negative, $sample_weight) = @_;
    ($positive, $negative) = map { $self->_reshape_like($F, $_, $pred) } $positive, $negative;
    my $distance = $F->sum($F->square($pred - $positive) - $F->square($pred - $negative), axis => $self->{batch_axis}, exclude => 1);
    return $self->_apply_weighting($F, $F->relu($distance + $self->{margin}), $self->{weight}, $sample_weight);
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('AI::MXNet::Gluon::Loss');

package AI::MXNet::Gluon::PoissonNLLLoss;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::Loss';

has from_logits  => (is => 'ro', isa => 'Bool', default => 1);
has compute_full => (is => 'ro', isa => 'Bool', default => 0);

use constant PI => 4 * atan2 1, 1;

sub hybrid_forward
{
    my ($self, $F, $pred, $target, $sample_weight, $epsilon) = @_;
    $target = $self->_reshape_like($F, $target, $pred);
    my $loss = $self->{from_logits} ? $F->exp($pred) - $target * $pred : $pred - $target * $F->log($pred + ($epsilon // 1e-08));
    if ($self->{compute_full}) {
        # Stirling's approximation of log(target!), for targets above 1
        my $stirling = $target * $F->log($target) - $target + 0.5 * $F->log(2 * PI * $target);
        $loss = $loss + $F->where($target > 1, $stirling, $F->zeros_like($target));
    }
    return $F->mean($self->_apply_weighting($F, $loss, $self->{weight}, $sample_weight));
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('AI::MXNet::Gluon::Loss');

package AI::MXNet::Gluon::CosineEmbeddingLoss;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::Loss';

has margin => (is => 'ro', isa => 'Num', default => 0);

sub hybrid_forward
{
    my ($self, $F, $input1, $input2, $label, $sample_weight) = @_;
    $input1 = $self->_reshape_like($F, $input1, $input2);
    my $cosine = $self->_cosine($F, $input1, $input2);
    $label = $F->Reshape($label, shape => [-1, 1]);
    my $loss = $F->where($label == 1, 1 - $cosine, $F->broadcast_maximum($F->zeros_like($cosine), $cosine - $self->{margin}));
    return $self->_apply_weighting($F, $loss, $self->{weight}, $sample_weight);
}

# Of each row with the other's: [N, 1].
sub _cosine
{
    my ($self, $F, $x, $y) = @_;
    my ($product, $xx, $yy) = map { $F->Reshape($F->sum($_, axis => -1), shape => [-1, 1]) } $x * $y, $x * $x, $y * $y;
    return $product / $F->sqrt($F->maximum($xx * $yy, 1e-24));
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('AI::MXNet::Gluon::Loss');

1;

__END__

=head1 NAME

AI::MXNet::Gluon::Loss - losses

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd);
    use AI::MXNet::Gluon qw(gluon);

    my $loss = gluon->loss->SoftmaxCrossEntropyLoss;
    print $loss->(nd->array([[2, 0], [0, 1]]), nd->array([0, 0]))->aspdl, "\n";    # [0.126928 1.31326]

=head1 DESCRIPTION

C<< gluon->loss->Name(weight => $w, batch_axis => 0) >> makes a loss; all arguments are named. It is called with predictions and
labels, and perhaps weights of the samples, which are broadcast: C<< $loss->($pred, $label, $sample_weight) >>. The result is the
mean of each sample, [batch], unless something else is said. Labels are reshaped to the predictions, but for classes.

A loss of your own extends this package and uses C<_apply_weighting($F, $loss, $weight, $sample_weight)>.

=head2 weight, batch_axis

    print gluon->loss->L2Loss->batch_axis, "\n";    # 0

What the loss was made with.

=head1 LOSSES

=head2 L2Loss, L1Loss

weight / 2 (p - l)^2 and weight |p - l|, with C<weight> 1.

=head2 SigmoidBinaryCrossEntropyLoss, SigmoidBCELoss

Of logits; with C<from_sigmoid> of probabilities.

=head2 SoftmaxCrossEntropyLoss, SoftmaxCELoss

C<axis> -1, C<sparse_label> 1: labels are classes, else probabilities; C<from_logits>: predictions are logarithms of probabilities.

=head2 KLDivLoss

C<from_logits> 1: predictions are logarithms of probabilities; else their softmax along C<axis> is taken. Labels are probabilities.

=head2 CTCLoss

C<layout> 'NTC', C<label_layout> 'NT'. Called with C<($pred, $label, $pred_lengths, $label_lengths, $sample_weight)>; the last class is the
blank, -1 ends labels. The result is the negative log-likelihood of each sequence. Source: Graves et al. (2006).

=head2 HuberLoss

C<rho> 1: squares up to there, then linear.

=head2 HingeLoss, SquaredHingeLoss

C<margin> 1; labels are -1 and 1.

=head2 LogisticLoss

C<label_format> 'signed' (-1 and 1) or 'binary' (0 and 1).

=head2 TripletLoss

C<margin> 1. Called with C<($anchor, $positive, $negative, $sample_weight)>.

=head2 PoissonNLLLoss

C<from_logits> 1, C<compute_full> 0. Called with C<($pred, $target, $sample_weight, $epsilon)>; the mean over everything, [1].

=head2 CosineEmbeddingLoss

C<margin> 0. Called with C<($x, $y, $label, $sample_weight)>, labels 1 and -1; the result is [batch, 1].

=head1 SEE ALSO

L<AI::MXNet::Gluon>

=cut
