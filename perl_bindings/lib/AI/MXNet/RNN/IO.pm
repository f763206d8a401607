package AI::MXNet::RNN::IO;
# Sentences as numbers, and as batches of one length each.
use strict;
use warnings;
use AI::MXNet::Error;
use AI::MXNet::Logging;

sub encode_sentences
{
    my ($class, $sentences, @options) = @_;
    my %options = AI::MXNet::Error::paired('encode_sentences', @options);
    %options = (vocab => undef, invalid_label => -1, invalid_key => "\n", start_label => 0, %options);
    AI::MXNet::Error::expect('encode_sentences takes a list of sentences, which are lists of words', ARRAY => $sentences);
    AI::MXNet::Error::expect('a sentence is a list of words', ARRAY => @$sentences);
    my ($vocab, $number) = @options{qw(vocab start_label)};
    my $is_new = not defined $vocab;
    $vocab //= { $options{invalid_key} => $options{invalid_label} };
    my @coded;
    for my $sentence (@$sentences) {
        my @numbers;
        for my $word (@$sentence) {
            if (not exists $vocab->{$word}) {
                AI::MXNet::Error::fail("Unknown token: $word") unless $is_new;
                $number++ if $number == $options{invalid_label};
                $vocab->{$word} = $number++;
            }
            push @numbers, $vocab->{$word};
        }
        push @coded, \@numbers;
    }
    return (\@coded, $vocab);
}

package AI::MXNet::BucketSentenceIter;
# Sentences in batches, each of sentences of about one length.
use strict;
use warnings;
use AI::MXNet::Mouse;
use List::Util ();
use PDL::Core qw(pdl);
use PDL::Slices ();
use AI::MXNet::Base ();
use AI::MXNet::IO;
use AI::MXNet::NDArray;

extends 'AI::MXNet::DataIter';

has sentences     => (is => 'ro', isa => 'ArrayRef[ArrayRef]', required => 1);
has '+batch_size' => (required => 1);
has buckets       => (is => 'rw', isa => 'Maybe[ArrayRef[Int]]');
has invalid_label => (is => 'ro', isa => 'Int', default => -1);
has data_name     => (is => 'ro', isa => 'Str', default => 'data');
has label_name    => (is => 'ro', isa => 'Str', default => 'softmax_label');
has dtype         => (is => 'ro', isa => 'Dtype', default => 'float32');
has layout        => (is => 'ro', isa => 'Str', default => 'NT');
has default_bucket_key => (is => 'rw', isa => 'Int', init_arg => undef);
# for classes that extend this one: a piddle for each bucket, a row for each sentence; arrays of these, shuffled, and of
# their labels; [bucket, first row] of each batch
has data               => (is => 'rw', isa => 'ArrayRef', init_arg => undef);
has [qw(nddata ndlabel idx)] => (is => 'rw', isa => 'ArrayRef', init_arg => undef);
has curr_idx           => (is => 'rw', isa => 'Int', init_arg => undef, default => 0);

sub python_constructor_arguments { return [qw(sentences batch_size)] }

sub BUILD
{
    my ($self) = @_;
    AI::MXNet::Error::fail('Invalid layout ', $self->layout, ': Must be NT (batch major) or TN (time major)') unless $self->layout =~ /\A(?:NT|TN)\z/;
    AI::MXNet::Error::fail('batch_size is at least 1, but got ', $self->batch_size) if $self->batch_size < 1;
    my @buckets = sort { $a <=> $b } @{ $self->buckets // $self->_frequent_lengths };
    AI::MXNet::Error::fail('no sentences of one length fill a batch of ', $self->batch_size, ': give buckets') unless @buckets;
    my @rows = map { [] } @buckets;
    my $discarded = 0;
    for my $sentence (@{ $self->sentences }) {
        my $bucket = AI::MXNet::Base::bisect_left(\@buckets, scalar @$sentence);
        if ($bucket == @buckets) { $discarded++; next }
        push @{ $rows[$bucket] }, [@$sentence, ($self->invalid_label) x ($buckets[$bucket] - @$sentence)];
    }
    AI::MXNet::Logging->warning('discarded %d sentences longer than the largest bucket.', $discarded) if $discarded;
    my @kept = grep { @{ $rows[$_] } } 0 .. $#buckets;
    $self->buckets([@buckets[@kept]]);
    $self->data([map { pdl($rows[$_]) } @kept]);
    $self->default_bucket_key($buckets[-1]);
    $self->reset;
    return;
}

# The lengths of which there is at least a batch.
sub _frequent_lengths
{
    my ($self) = @_;
    my %count;
    $count{ scalar @$_ }++ for @{ $self->sentences };
    return [grep { $count{$_} >= $self->batch_size } keys %count];
}

sub _description
{
    my ($self, $name, $length) = @_;
    my @shape = $self->layout eq 'NT' ? ($self->batch_size, $length) : ($length, $self->batch_size);
    return [AI::MXNet::DataDesc->new(name => $name, shape => \@shape, dtype => $self->dtype, layout => $self->layout)];
}

# The axis of the sentences in a batch.
sub major_axis { my ($self) = @_; return $self->layout eq 'NT' ? 0 : 1 }

sub provide_data  { my ($self) = @_; return $self->_description($self->data_name,  $self->default_bucket_key) }
sub provide_label { my ($self) = @_; return $self->_description($self->label_name, $self->default_bucket_key) }

# Another order of the sentences in the buckets, and of the batches.
sub reset
{
    my ($self) = @_;
    my (@arrays, @labels, @batches);
    for my $bucket (0 .. $#{ $self->data }) {
        my $data = AI::MXNet::Base::pdl_shuffle($self->data->[$bucket]);
        my $rows = $data->dim(1);
        # a word's label is the word that follows
        my $label = $data->ones * $self->invalid_label;
        $label->slice('0:-2') .= $data->slice('1:-1') if $data->dim(0) > 1;
        push @arrays, AI::MXNet::NDArray->array($data, dtype => $self->dtype);
        push @labels, AI::MXNet::NDArray->array($label, dtype => $self->dtype);
        push @batches, map { [$bucket, $_ * $self->batch_size] } 0 .. int($rows / $self->batch_size) - 1;
    }
    $self->nddata(\@arrays);
    $self->ndlabel(\@labels);
    $self->idx([List::Util::shuffle(@batches)]);
    $self->curr_idx(0);
    return;
}

sub next
{
    my ($self) = @_;
    my $batch = $self->idx->[ $self->curr_idx ] // return undef;
    $self->curr_idx($self->curr_idx + 1);
    my ($bucket, $from) = @$batch;
    my ($data, $label) = map {
        my $rows = AI::MXNet::NDArray->slice_axis($_, axis => 0, begin => $from, end => $from + $self->batch_size);
        $self->layout eq 'NT' ? $rows : $rows->transpose
    } $self->nddata->[$bucket], $self->ndlabel->[$bucket];
    my $length = $self->buckets->[$bucket];
    return AI::MXNet::DataBatch->new(
        data => [$data], label => [$label], pad => 0, bucket_key => $length,
        provide_data => $self->_description($self->data_name, $length), provide_label => $self->_description($self->label_name, $length),
    );
}

__PACKAGE__->meta->make_immutable;

1;

__END__

=head1 NAME

AI::MXNet::RNN::IO - sentences as numbers and in batches

=head1 DESCRIPTION

Internal, and no part of the interface: it may change with any release. L<AI::MXNet::RNN> documents C<encode_sentences> and
C<BucketSentenceIter>.

=head1 SEE ALSO

L<AI::MXNet::RNN>

=cut
