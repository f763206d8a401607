package AI::MXNet::Gluon::Data;
# The namespace gluon->data: datasets, samplers and the DataLoader. POD at the end.
use strict;
use warnings;
use AI::MXNet ();
use AI::MXNet::Gluon::Data::Set;
use AI::MXNet::Gluon::Data::Sampler;
use AI::MXNet::Gluon::Data::Loader;

sub import { my ($class, @names) = @_; return AI::MXNet::NS::install($class, scalar caller, @names) }

sub vision { AI::MXNet::NS::load('AI/MXNet/Gluon/Data/Vision.pm'); return 'AI::MXNet::Gluon::Data::Vision' }

1;

__END__

=head1 NAME

AI::MXNet::Gluon::Data - datasets, and batches of them

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd);
    use AI::MXNet::Gluon qw(gluon);

    my $images  = nd->random->uniform(shape => [100, 8, 8]);
    my $labels  = nd->random->randint(0, 10, shape => [100]);
    my $dataset = gluon->data->ArrayDataset($images, $labels);
    my $batches = gluon->data->DataLoader($dataset, batch_size => 32, shuffle => 1);
    while (defined(my $batch = <$batches>)) {
        my ($x, $y) = @$batch;
        print join('x', @{ $x->shape }), "\n";    # 32x8x8 three times, then 4x8x8
    }

=head1 DESCRIPTION

What C<gluon-E<gt>data> is: constructors of the classes that bring data to a training. A dataset knows its samples by
number, a sampler decides on their order, and a DataLoader makes batches, in worker processes if that is too much for one.

=over 4

=item L<AI::MXNet::Gluon::Data::Set>

C<ArrayDataset>, C<SimpleDataset>, C<RecordFileSet>; datasets of one's own; transformed ones and parts.

=item L<AI::MXNet::Gluon::Data::Sampler>

C<SequentialSampler>, C<RandomSampler>, C<BatchSampler>.

=item L<AI::MXNet::Gluon::Data::Loader>

C<DataLoader>.

=item L<AI::MXNet::Gluon::Data::Vision>

C<gluon-E<gt>data-E<gt>vision>: MNIST, CIFAR, folders of images; and what is done to images.

=back

=head1 FUNCTIONS

=head2 vision

    my $vision = gluon->data->vision;

L<AI::MXNet::Gluon::Data::Vision>.

=head1 SEE ALSO

L<AI::MXNet::Gluon>

=cut
