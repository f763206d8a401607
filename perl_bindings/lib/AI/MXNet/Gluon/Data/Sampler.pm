package AI::MXNet::Gluon::Data::Sampler;
# The order in which samples are taken. POD at the end.
use strict;
use warnings;
use AI::MXNet::Mouse;
use AI::MXNet::Base ();
use AI::MXNet::Error;
use AI::MXNet::NS;
use overload '<>' => sub { $_[0]->next }, '@{}' => sub { $_[0]->list }, fallback => 1;

around BUILDARGS => \&AI::MXNet::Base::process_arguments;

sub python_constructor_arguments { return ['length'] }

sub register { my ($class, $container) = @_; return AI::MXNet::NS::register($class, $container) }

sub next { AI::MXNet::Error::fail(ref $_[0], ' is a sampler without a method next') }
sub len  { AI::MXNet::Error::fail(ref $_[0], ' is a sampler without a method len') }
sub reset { return }

sub list
{
    my ($self) = @_;
    $self->reset;
    my @all;
    while (defined(my $next = $self->next)) { push @all, $next }
    return \@all;
}

__PACKAGE__->meta->make_immutable;

package AI::MXNet::Gluon::Data::Sampler::SequentialSampler;
use AI::MXNet::Mouse;

extends 'AI::MXNet::Gluon::Data::Sampler';

has length => (is => 'ro', isa => 'Int', required => 1);

sub len { my ($self) = @_; return $self->length }
sub reset { my ($self) = @_; $self->{position} = 0; return }

sub next
{
    my ($self) = @_;
    my $position = $self->{position}++ // 0;
    return $position if $position < $self->length;
    $self->reset;
    return undef;
}

__PACKAGE__->register('AI::MXNet::Gluon::Data');
__PACKAGE__->meta->make_immutable;

package AI::MXNet::Gluon::Data::Sampler::RandomSampler;
use AI::MXNet::Mouse;
use List::Util ();

extends 'AI::MXNet::Gluon::Data::Sampler';

has length => (is => 'ro', isa => 'Int', required => 1);

sub len { my ($self) = @_; return $self->length }
sub reset { my ($self) = @_; delete $self->{order}; return }

sub next
{
    my ($self) = @_;
    my $order = $self->{order} //= [List::Util::shuffle(0 .. $self->length - 1)];
    return shift @$order if @$order;
    $self->reset;
    return undef;
}

__PACKAGE__->register('AI::MXNet::Gluon::Data');
__PACKAGE__->meta->make_immutable;

package AI::MXNet::Gluon::Data::Sampler::BatchSampler;
use AI::MXNet::Mouse;

extends 'AI::MXNet::Gluon::Data::Sampler';

has sampler    => (is => 'ro', isa => 'AI::MXNet::Gluon::Data::Sampler', required => 1);
has batch_size => (is => 'ro', isa => 'Int', required => 1);
has last_batch => (is => 'ro', isa => 'Str', default => 'keep');

sub python_constructor_arguments { return ['sampler', 'batch_size', 'last_batch'] }

sub BUILD
{
    my ($self) = @_;
    AI::MXNet::Error::fail('batch_size is 1 or more, but got ', $self->batch_size) if $self->batch_size < 1;
    AI::MXNet::Error::fail("last_batch must be one of 'keep', 'discard', or 'rollover', but got ", $self->last_batch)
        unless $self->last_batch =~ /\A(?:keep|discard|rollover)\z/;
    $self->{rest} = [];
    return;
}

sub reset { my ($self) = @_; delete $self->{ended}; $self->sampler->reset; return }

# What rolls over to the next run.
sub get_state { my ($self) = @_; return [@{ $self->{rest} }] }
sub set_state { my ($self, $rest) = @_; $self->{rest} = [@$rest]; return }

sub len
{
    my ($self) = @_;
    my $count = $self->sampler->len + @{ $self->{rest} };
    $count += $self->batch_size - 1 if $self->last_batch eq 'keep';
    return int($count / $self->batch_size);
}

sub next
{
    my ($self) = @_;
    # the sampler, which has ended, would begin again
    return undef if delete $self->{ended};
    my @batch = splice @{ $self->{rest} };
    while (defined(my $index = $self->sampler->next)) {
        push @batch, $index;
        return \@batch if @batch == $self->batch_size;
    }
    $self->{rest} = \@batch if $self->last_batch eq 'rollover';
    return undef if not @batch or $self->last_batch ne 'keep';
    $self->{ended} = 1;
    return \@batch;
}

__PACKAGE__->register('AI::MXNet::Gluon::Data');
__PACKAGE__->meta->make_immutable;

1;

__END__

=head1 NAME

AI::MXNet::Gluon::Data::Sampler - the order of samples

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd);
    use AI::MXNet::Gluon qw(gluon);

    my $order   = gluon->data->RandomSampler(7);
    my $batches = gluon->data->BatchSampler($order, 3, 'keep');
    while (defined(my $batch = <$batches>)) {
        print "@$batch\n";        # 3 4 0, say
    }
    print $batches->len, "\n";    # 3
    my @all = @$order;

=head1 DESCRIPTION

A sampler gives the numbers of samples, one by one through C<< <$sampler> >> until undef, and then again from the start; or
all as the list C<@$sampler>. A DataLoader takes one as C<sampler> or C<batch_sampler>.

=head1 CLASSES

=head2 SequentialSampler, RandomSampler

    my $in_order = gluon->data->SequentialSampler(10);

The numbers below a length: in their order, or each time in another one, which Perl's C<srand> decides.

=head2 BatchSampler

    my $full = gluon->data->BatchSampler($in_order, 4, 'discard');

Lists of C<batch_size> numbers of another sampler. What is left at the end is a smaller batch with C<last_batch> C<keep>
(the default), is left out with C<discard>, and begins the first batch of the next time with C<rollover>.

=head1 METHODS

=head2 next, reset, len, list

    my $first = $in_order->next;
    $in_order->reset;

The next number, or undef; begin again; how many there are; all of them from the start, as a list ref. A class of one's own
extends this one and has C<next> and C<len>, and C<reset> where there is something to do.

=head2 register, python_constructor_arguments

As of a dataset: see L<AI::MXNet::Gluon::Data::Set/METHODS>.

=head1 SEE ALSO

L<AI::MXNet::Gluon::Data::Loader>

=cut
