package AI::MXNet::Gluon::Data::Loader::DataLoader;
# Batches of a dataset, one after the other. POD at the end.
use strict;
use warnings;
use AI::MXNet::Mouse;
use Scalar::Util qw(blessed);
use AI::MXNet::Base ();
use AI::MXNet::Error;
use AI::MXNet::NDArray;
use AI::MXNet::NS;
use AI::MXNet::Types ();
use AI::MXNet::Gluon::Data::Set;
use AI::MXNet::Gluon::Data::Sampler;
use AI::MXNet::Gluon::Data::Loader::Batch;
use AI::MXNet::Gluon::Data::Loader::Draws;
use AI::MXNet::Gluon::Data::Loader::Workers;
use overload '<>' => sub { $_[0]->next }, '@{}' => sub { $_[0]->list }, fallback => 1;

around BUILDARGS => \&AI::MXNet::Base::process_arguments;

my $sampler = 'Maybe[AI::MXNet::Gluon::Data::Sampler]';

has dataset       => (is => 'ro', isa => AI::MXNet::Types::_declare('AI::MXNet::Gluon::Data::Set|AI::MXNet::NDArray|AI::MXNet::NDArray::Slice|PDL|ArrayRef'), required => 1);
has batch_size    => (is => 'ro', isa => 'Maybe[Int]');
has shuffle       => (is => 'ro', isa => 'Bool', default => 0);
has sampler       => (is => 'ro', isa => $sampler);
has batch_sampler => (is => 'rw', isa => $sampler);
has last_batch    => (is => 'ro', isa => 'Maybe[Str]');
has batchify_fn   => (is => 'ro', isa => 'Maybe[Ref]');
has num_workers   => (is => 'ro', isa => 'Int', default => 0);
has seed          => (is => 'ro', isa => 'Maybe[Int]');
has epoch         => (is => 'rw', isa => 'Int', default => 0);

sub python_constructor_arguments { return ['dataset', 'batch_size'] }

sub register { my ($class, $container) = @_; return AI::MXNet::NS::register($class, $container) }

sub BUILD
{
    my ($self) = @_;
    AI::MXNet::Error::fail('num_workers is 0 or more, but got ', $self->num_workers) if $self->num_workers < 0;
    my $set = $self->dataset;
    $set = AI::MXNet::Gluon::Data::SimpleDataset->new($set) unless blessed $set and $set->isa('AI::MXNet::Gluon::Data::Set');
    $self->{set} = $set;
    if (defined $self->batch_sampler) {
        my @others = grep { $self->$_ } qw(batch_size shuffle sampler last_batch);
        AI::MXNet::Error::fail("a DataLoader with a batch_sampler takes no @others") if @others;
        return;
    }
    AI::MXNet::Error::fail('batch_size must be specified unless batch_sampler is specified') unless defined $self->batch_size;
    AI::MXNet::Error::fail('shuffle must not be specified if sampler is specified') if $self->shuffle and defined $self->sampler;
    my $kind = 'AI::MXNet::Gluon::Data::Sampler::' . ($self->shuffle ? 'RandomSampler' : 'SequentialSampler');
    $self->batch_sampler(AI::MXNet::Gluon::Data::Sampler::BatchSampler->new(
        $self->sampler // $kind->new($set->len), $self->batch_size, $self->last_batch // 'keep'));
    return;
}

sub len { my ($self) = @_; return $self->batch_sampler->len }

# -- passes over the dataset -----------------------------------------------------------------------------------------

sub next
{
    my ($self) = @_;
    my $pass = $self->{pass} //= $self->_begin(0);
    my $batch = $pass->next;
    delete $self->{pass} unless defined $batch;
    return $batch;
}

sub reset { my ($self) = @_; delete $self->{pass}; return }

# What the next run depends on besides the dataset and random numbers.
sub get_state
{
    my ($self) = @_;
    my $sampler = $self->batch_sampler;
    return { epoch => $self->epoch, sampler => $sampler->can('get_state') ? $sampler->get_state : undef };
}

sub set_state
{
    my ($self, $state) = @_;
    AI::MXNet::Error::expect('set_state takes what get_state returned', HASH => $state);
    $self->reset;
    $self->epoch($state->{epoch});
    $self->batch_sampler->set_state($state->{sampler}) if defined $state->{sampler};
    return;
}

# All batches as a list that makes each when it is looked at.
sub list
{
    my ($self) = @_;
    tie my @batches, 'AI::MXNet::Gluon::Data::Loader::List', $self->_begin(1);
    return \@batches;
}

# A new pass. With $whole, or with a seed, the sampler is asked for all of it at once.
sub _begin
{
    my ($self, $whole) = @_;
    my $epoch = $self->epoch;
    my ($sampler, $seed, $base, $lists) = ($self->batch_sampler, $self->seed);
    if (defined $seed) {
        $base = AI::MXNet::Gluon::Data::Loader::Draws::derive($seed, $epoch);
        $lists = AI::MXNet::Gluon::Data::Loader::Draws::aside(sub { AI::MXNet::Gluon::Data::Loader::Draws::begin($base); $sampler->list });
    }
    else {
        # of the program's own numbers, so that those who seed these get the same batches again
        $base = int CORE::rand 2**32 if $self->num_workers;
        $lists = $sampler->list if $whole;
    }
    $sampler->reset if not defined $lists;
    $self->epoch($epoch + 1);
    return AI::MXNet::Gluon::Data::Loader::Pass->new(
        base => $base, lists => $lists, sampler => $sampler, make => $self->_maker(\&_array),
        workers => $self->num_workers && !$self->_at_once ? $self->{workers} //= $self->_workers : undef);
}

sub _array { my ($piddle, $dtype) = @_; return AI::MXNet::NDArray->array($piddle, dtype => $dtype) }

sub _workers
{
    my ($self) = @_;
    my $make = $self->_maker(\&AI::MXNet::Gluon::Data::Loader::Batch::values);
    return AI::MXNet::Gluon::Data::Loader::Workers->new($self->num_workers, $make, $self->{set}, $self->batchify_fn);
}

# Whether the dataset makes batches of its arrays without looking at single samples.
sub _at_once { my ($self) = @_; return !defined $self->batchify_fn && $self->{set}->_can_batch }

# Code that makes a batch of the samples with these numbers, with a $base from random numbers of each sample's own, and
# tells at which it is. $array makes an NDArray, or what stands for it, of a piddle and a dtype.
sub _maker
{
    my ($self, $array) = @_;
    my ($set, $batchify) = ($self->{set}, $self->batchify_fn);
    return sub { $set->_batch($_[0]) } if $self->_at_once;
    my $label = $set->can('label') ? $set->label : undef;
    my $dtype = blessed $label && $label->can('dtype') ? $label->dtype : undef;
    return sub {
        my ($indices, $base, $at) = @_;
        my @samples;
        for my $index (@$indices) {
            $$at = $index;
            AI::MXNet::Gluon::Data::Loader::Draws::begin(AI::MXNet::Gluon::Data::Loader::Draws::derive($base, $index)) if defined $base;
            push @samples, scalar $set->at($index);
        }
        $$at = undef;
        return defined $batchify ? $batchify->(\@samples) : AI::MXNet::Gluon::Data::Loader::Batch::make(\@samples, $dtype, $array);
    };
}

__PACKAGE__->register('AI::MXNet::Gluon::Data');
__PACKAGE__->meta->make_immutable;

# One run over the dataset. It does without its loader, which may go while a list of batches stays.
package AI::MXNet::Gluon::Data::Loader::Pass;

# number: of the batches that have been asked for; queue: of those that workers are making
sub new { my ($class, %fields) = @_; return bless { number => 0, queue => [], process => $$, %fields }, $class }

# The numbers of the next batch's samples; undef at the end.
sub indices
{
    my ($self) = @_;
    return undef if $self->{ended};
    my $lists = $self->{lists};
    my $indices = $lists ? $lists->[$self->{taken}++ // 0] : $self->{sampler}->next;
    $self->{ended} = 1 unless defined $indices;
    return $indices;
}

sub next
{
    my ($self) = @_;
    return $self->{workers}->next($self) if $self->{workers};
    my $indices = $self->indices // return undef;
    $self->{number}++;
    return $self->make($indices);
}

# A batch made here and now.
sub make
{
    my ($self, $indices) = @_;
    my ($make, $base) = @$self{qw(make base)};
    return $make->($indices, undef, \my $at) if not defined $base;
    return AI::MXNet::Gluon::Data::Loader::Draws::aside(sub { $make->($indices, $base, \my $at) });
}

# The batches of a pass as a tied array: in their order each is made once, and the last one is kept.
package AI::MXNet::Gluon::Data::Loader::List;

sub TIEARRAY { my ($class, $pass) = @_; return bless { pass => $pass, lists => $pass->{lists}, last => -1 }, $class }
sub FETCHSIZE { my ($self) = @_; return scalar @{ $self->{lists} } }
sub EXISTS { my ($self, $i) = @_; return $i < @{ $self->{lists} } }

sub FETCH
{
    my ($self, $i) = @_;
    return $self->{batch} if $i == $self->{last};
    return undef if $i >= @{ $self->{lists} };
    delete $self->{batch};
    my $pass = $self->{pass};
    $self->{batch} = $i == $pass->{number} ? $pass->next : $pass->make($self->{lists}[$i]);
    $self->{last} = $i;
    return $self->{batch};
}

for my $method (qw(STORE STORESIZE CLEAR PUSH UNSHIFT POP SHIFT SPLICE DELETE)) {
    no strict 'refs';
    *$method = sub { AI::MXNet::Error::fail('the batches of a DataLoader are not to be changed: copy the list') };
}

1;

__END__

=head1 NAME

AI::MXNet::Gluon::Data::Loader - batches of a dataset

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd);
    use AI::MXNet::Gluon qw(gluon);

    my $set = gluon->data->ArrayDataset(nd->ones([50, 4]), nd->zeros([50]))
        ->transform_first(sub { my ($x) = @_; return $x * 2 + rand });
    my $loader = gluon->data->DataLoader($set, batch_size => 16, shuffle => 1, num_workers => 2);
    for my $epoch (1 .. 2) {
        while (defined(my $batch = <$loader>)) {
            my ($x, $y) = @$batch;
        }
    }
    my $batches = @$loader;    # 4: the last one has 2 samples

=head1 DESCRIPTION

A DataLoader, C<gluon-E<gt>data-E<gt>DataLoader>, runs over a dataset in batches. A batch has the form of a sample, with
NDArrays that have one dimension more:

=over 4

=item *

NDArrays and piddles are stacked, and keep their dtype; a piddle of a type that MXNet does not have becomes int32.

=item *

Numbers are of the dtype of the dataset's C<label>, if it has one; else int32, or float32 where one is no integer.

=item *

Lists and hashes are a list or hash of batches.

=back

Samples of a batch must be of the same shape. Whatever else is wanted, a C<batchify_fn> does.

Without a function to call, arrays and piddles become a batch at once, without a look at single samples.

=head1 CONSTRUCTOR

    $loader = gluon->data->DataLoader($set, 16, last_batch => 'discard');

=head2 dataset, batch_size

The dataset (an L<AI::MXNet::Gluon::Data::Set>, an NDArray, a piddle or a list) and how many samples make a batch. These two
may be given by position.

=head2 shuffle, sampler, last_batch

C<shuffle> takes the samples in another order each time, C<sampler> in the order of an L<AI::MXNet::Gluon::Data::Sampler>.
C<last_batch> is what becomes of a last batch that is not full: C<keep> (the default), C<discard> or C<rollover>.

=head2 batch_sampler

    my $pairs = gluon->data->BatchSampler(gluon->data->SequentialSampler(50), 2);
    my $other = gluon->data->DataLoader($set, batch_sampler => $pairs);

A sampler of lists of numbers, in place of the four above.

=head2 batchify_fn

    my $padded = gluon->data->DataLoader([[1, 2], [3], [4, 5, 6]], batch_size => 3, batchify_fn => sub {
        my ($samples) = @_;
        my $longest = List::Util::max(map { scalar @$_ } @$samples);
        return nd->array([map { [@$_, (0) x ($longest - @$_)] } @$samples]);
    });

A function that makes a batch of a list ref of samples.

=head2 num_workers

The number of processes that make batches while the script works with earlier ones; 0 is none. See L</WORKERS>.

=head2 seed, epoch

    my $again = gluon->data->DataLoader($set, 16, shuffle => 1, seed => 42);

With a C<seed>, an integer, the order of the samples and all random numbers that making a sample draws depend on nothing but
the seed, the number of the run (C<epoch>, which counts from 0 and may be set), and the number of the sample. The random
numbers of the program go on as if none had been drawn.

=head1 METHODS

=head2 next, list, reset

    my $batch = $loader->next;    # as <$loader>
    $loader->reset;
    for my $batch (@$loader) { print $batch->[0], "\n" }

The next batch, which C<< <$loader> >> also gives, or undef at the end, after which it begins again. C<reset> begins again
at once. C<@$loader> is a list of all batches of a new run; each is made when it is looked at. Such a run and that of
C<next> do not disturb each other.

=head2 len

The number of batches.

=head2 get_state, set_state

    my $state = $loader->get_state;
    $loader->set_state($state);

Where the loader is between two runs, as plain data: the number of the next run, and what a sampler keeps for it.

=head2 register

    AI::MXNet::Gluon::Data::Loader::DataLoader->register('AI::MXNet::Gluon::Data');

A class method that makes a class known as a constructor.

=head1 WORKERS

With C<num_workers>, processes are started at the first batch. They call the dataset and the C<batchify_fn>, are up
to two batches each ahead, and stay for later runs. The batches are the same, in the same order, for any number of workers, because each sample draws
from random numbers of its own: of Perl's C<rand>, of PDL's, and of the engine's. Without a C<seed>, Perl's C<srand>
decides on them.

What they do happens in them: a dataset that counts its samples in a variable counts in vain. What they know is the state
of the script as they started. They print where the script prints.

Piddles are shared with them and cost nothing. An NDArray needs an engine, and each worker that makes one starts its own.
NDArrays that lie in the dataset, or that a function of it refers to (variables outside of it, not package variables), can
be used in a worker, which copies each at its first use.

A batch of a worker may be made of NDArrays, piddles, numbers, text, lists and hashes.

An exception in a worker is raised by the call that asks for that batch, with the number of the sample. A worker that ends
otherwise is an error of kind C<worker>. After either one can go on with the next batch.

The workers are nobody's children, so C<wait> and C<$SIG{CHLD}> do not know them. They end with the loader and with the
script, however it ends. In a forked child of the script a loader has workers of its own.

=head1 ERRORS

What does not fit dies with an L<AI::MXNet::Error>.

=head1 SEE ALSO

L<AI::MXNet::Gluon::Data::Set>, L<AI::MXNet::Gluon::Data::Sampler>

=cut
