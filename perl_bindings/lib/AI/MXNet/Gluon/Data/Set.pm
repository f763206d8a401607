package AI::MXNet::Gluon::Data::Set;
# Datasets: samples by their number. POD at the end.
use strict;
use warnings;
use AI::MXNet::Mouse;
use AI::MXNet::Base ();
use AI::MXNet::DType;
use AI::MXNet::Error;
use AI::MXNet::NS;
use AI::MXNet::NDArray;
use AI::MXNet::Types ();

around BUILDARGS => \&AI::MXNet::Base::process_arguments;

sub python_constructor_arguments { return [] }

sub register { my ($class, $container) = @_; return AI::MXNet::NS::register($class, $container) }

sub at  { AI::MXNet::Error::fail(ref $_[0], ' is a dataset without a method at($index)') }
sub len { AI::MXNet::Error::fail(ref $_[0], ' is a dataset without a method len') }

sub transform       { my ($self, $function, $lazy) = @_; return $self->_transformed($lazy, function => $function) }
sub transform_first { my ($self, $function, $lazy) = @_; return $self->_transformed($lazy, function => $function, first => 1) }

sub _transformed
{
    my ($self, $lazy, @options) = @_;
    my $new = AI::MXNet::Gluon::Data::TransformedSet->new(set => $self, @options);
    return $lazy // 1 ? $new : AI::MXNet::Gluon::Data::SimpleDataset->new([map { scalar $new->at($_) } 0 .. $new->len - 1]);
}

sub _subset { my ($self, $indices) = @_; return AI::MXNet::Gluon::Data::Subset->new(set => $self, indices => $indices) }

sub filter
{
    my ($self, $function) = @_;
    AI::MXNet::Error::expect('filter takes code that says of a sample whether it stays', CODE => $function);
    return $self->_subset([grep { $function->(scalar $self->at($_)) } 0 .. $self->len - 1]);
}

sub take
{
    my ($self, $count) = @_;
    my $len = $self->len;
    AI::MXNet::Error::fail("take: a count of samples is 0 or more, but got $count") unless ($count // 0) =~ /\A[0-9]+\z/;
    return $self->_subset([0 .. (defined $count && $count < $len ? $count : $len) - 1]);
}

sub shard
{
    my ($self, $count, $index) = @_;
    AI::MXNet::Error::fail('shard takes how many there are, and which one of 0 to that less 1, but got ', $count // 'undef', ' and ', $index // 'undef')
        unless 2 == grep { /\A[0-9]+\z/ } $count // '', $index // '' and $index < $count;
    my ($each, $rest) = (int($self->len / $count), $self->len % $count);
    # the first ones have what cannot be shared out
    my $begin = $each * $index + ($index < $rest ? $index : $rest);
    return $self->_subset([$begin .. $begin + $each + ($index < $rest ? 1 : 0) - 1]);
}

sub sample
{
    my ($self, $sampler) = @_;
    AI::MXNet::Error::fail('sample takes a sampler, or a list of numbers, but got ', $sampler // 'undef')
        unless ref $sampler and (ref $sampler eq 'ARRAY' or overload::Method($sampler, '@{}'));
    return $self->_subset([@$sampler]);
}

# A slice as an array of its own; anything else as it is.
sub _severed { my ($data) = @_; return ref $data eq 'AI::MXNet::NDArray::Slice' ? $data->sever : $data }

# Whether _batch gives, at once, what a DataLoader would make of the samples one by one. Not where a subclass has an `at` of
# its own.
sub _can_batch { return 0 }

__PACKAGE__->register('AI::MXNet::Gluon::Data');
__PACKAGE__->meta->make_immutable;

package AI::MXNet::Gluon::Data::SimpleDataset;
use AI::MXNet::Mouse;
use Scalar::Util qw(blessed);

extends 'AI::MXNet::Gluon::Data::Set';

has data => (is => 'ro', isa => AI::MXNet::Types::_declare('ArrayRef|PDL|AI::MXNet::NDArray|AI::MXNet::NDArray::Slice'), required => 1);

sub python_constructor_arguments { return ['data'] }

sub BUILD { my ($self) = @_; $self->{rows} = AI::MXNet::Gluon::Data::Rows->new(AI::MXNet::Gluon::Data::Set::_severed($self->data)); return }
sub at    { my ($self, $index) = @_; return $self->{rows}->at($index) }
sub len   { my ($self) = @_; return $self->{rows}->len }

sub _can_batch { my ($self) = @_; return $self->can('at') == \&at && $self->{rows}->can_batch }
sub _batch     { my ($self, $indices) = @_; return $self->{rows}->batch($indices) }

__PACKAGE__->register('AI::MXNet::Gluon::Data');
__PACKAGE__->meta->make_immutable;

package AI::MXNet::Gluon::Data::ArrayDataset;
use AI::MXNet::Mouse;
use Scalar::Util qw(blessed);

extends 'AI::MXNet::Gluon::Data::Set';

has [qw(data label)] => (is => 'rw', isa => AI::MXNet::Types::_declare('PDL|AI::MXNet::NDArray|AI::MXNet::NDArray::Slice|ArrayRef'), required => 1);

sub python_constructor_arguments { return ['data', 'label'] }

sub BUILD
{
    my ($self) = @_;
    $self->{$_} = AI::MXNet::Gluon::Data::Set::_severed($self->{$_}) for qw(data label);
    $self->{rows} = [map { AI::MXNet::Gluon::Data::Rows->new($_) } $self->data, $self->label];
    my ($data, $labels) = map { $_->len } @{ $self->{rows} };
    AI::MXNet::Error::fail("ArrayDataset: there are $data samples, but $labels labels") if $data != $labels;
    my $label = $self->label;
    return unless blessed $label and $label->isa('AI::MXNet::NDArray') and $label->ndim == 1;
    # numbers, which a transform can use as such
    $self->label($label->aspdl);
    $self->{rows}[1] = AI::MXNet::Gluon::Data::Rows->new($self->label);
    return;
}

sub at  { my ($self, $index) = @_; return [map { $_->at($index) } @{ $self->{rows} }] }
sub len { my ($self) = @_; return $self->{rows}[0]->len }

sub _can_batch { my ($self) = @_; return $self->can('at') == \&at && 2 == grep { $_->can_batch } @{ $self->{rows} } }
sub _batch     { my ($self, $indices) = @_; return [map { $_->batch($indices) } @{ $self->{rows} }] }

__PACKAGE__->register('AI::MXNet::Gluon::Data');
__PACKAGE__->meta->make_immutable;

# What a function makes of the samples of another set.
package AI::MXNet::Gluon::Data::TransformedSet;
use AI::MXNet::Mouse;

extends 'AI::MXNet::Gluon::Data::Set';

has set      => (is => 'ro', isa => 'Object', required => 1);
has function => (is => 'ro', isa => 'Ref', required => 1);
has first    => (is => 'ro', isa => 'Bool', default => 0);

sub len { my ($self) = @_; return $self->set->len }

sub at
{
    my ($self, $index) = @_;
    my $sample = $self->set->at($index);
    my $function = $self->function;
    return scalar $function->($sample) if ref $sample ne 'ARRAY';
    return [scalar $function->($sample->[0]), @$sample[1 .. $#$sample]] if $self->first;
    my @made = $function->(@$sample);
    return @made == 1 ? $made[0] : \@made;
}

# labels that the function does not change keep their dtype
sub label { my ($self) = @_; return $self->first && $self->set->can('label') ? $self->set->label : undef }

__PACKAGE__->meta->make_immutable;

# Some of the samples of another set.
package AI::MXNet::Gluon::Data::Subset;
use AI::MXNet::Mouse;

extends 'AI::MXNet::Gluon::Data::Set';

has set     => (is => 'ro', isa => 'Object', required => 1);
has indices => (is => 'ro', isa => 'ArrayRef[Int]', required => 1);

sub len { my ($self) = @_; return scalar @{ $self->indices } }

sub at
{
    my ($self, $index) = @_;
    my $count = $self->len;
    AI::MXNet::Error::fail("there is no sample $index of $count") if $index >= $count or $index < -$count;
    return $self->set->at($self->indices->[$index]);
}

sub _can_batch { my ($self) = @_; return $self->set->_can_batch }
sub _batch     { my ($self, $indices) = @_; return $self->set->_batch([@{ $self->indices }[@$indices]]) }
sub label { my ($self) = @_; return $self->set->can('label') ? $self->set->label : undef }

__PACKAGE__->meta->make_immutable;

# A list, piddle or NDArray as rows along its first dimension, which is a piddle's last.
package AI::MXNet::Gluon::Data::Rows;
use Scalar::Util qw(blessed looks_like_number);

sub new
{
    my ($class, $values) = @_;
    my $kind = ref $values eq 'ARRAY' ? 'list' : $values->isa('PDL') ? 'piddle' : 'array';
    return bless { values => $values, kind => $kind }, $class;
}

sub len { my ($self) = @_; return $self->{kind} eq 'list' ? scalar @{ $self->{values} } : $self->{values}->len }

sub at
{
    my ($self, $index) = @_;
    my ($values, $kind) = @$self{qw(values kind)};
    return $values->at($index) if $kind eq 'array';
    my $count = $self->len;
    AI::MXNet::Error::fail('there is no sample ', $index // 'undef', " of $count")
        unless looks_like_number($index) and $index < $count and $index >= -$count;
    $index += $count if $index < 0;
    return $kind eq 'list' ? $values->[$index] : $values->at($index);
}

sub can_batch { my ($self) = @_; return $self->{kind} ne 'list' }

sub batch
{
    my ($self, $indices) = @_;
    my ($values, $kind) = @$self{qw(values kind)};
    my $count = $self->len;
    for (@$indices) { AI::MXNet::Error::fail("there is no sample $_ of $count") if $_ >= $count or $_ < -$count }
    my @rows = map { $_ < 0 ? $_ + $count : $_ } @$indices;
    return _gathered($values, \@rows) if $kind eq 'piddle';
    my $rows = AI::MXNet::NDArray->array(PDL->pdl(PDL::longlong(), \@rows), dtype => 'int64');
    my $batch = AI::MXNet::NDArray->take($values, $rows);
    # a row of numbers is an array of one element each
    return $values->ndim > 1 ? $batch : $batch->reshape([-1, 1]);
}

# Rows of a piddle as an NDArray. Takes their bytes, which is several times quicker than PDL's dice.
sub _gathered
{
    my ($values, $rows) = @_;
    my @dims = $values->dims;
    $dims[-1] = @$rows;
    my $size = PDL::Core::howbig($values->get_datatype) * $values->nelem / $values->dim(-1);
    my $all = $values->get_dataref;
    my $bytes = '';
    for my $row (@$rows) { $bytes .= substr $$all, $row * $size, $size }
    my $piddle = AI::MXNet::DType::_piddle($values->type, \$bytes, @dims);
    $piddle->badflag($values->badflag);
    return AI::MXNet::NDArray->array($piddle, dtype => AI::MXNet::DType::of_pdl($values) // 'int32');
}

package AI::MXNet::Gluon::Data::RecordFileSet;
use AI::MXNet::Mouse;

extends 'AI::MXNet::Gluon::Data::Set';

has filename => (is => 'ro', isa => 'Str', required => 1);

sub python_constructor_arguments { return ['filename'] }

sub BUILD
{
    my ($self) = @_;
    my $index = $self->filename =~ s{\.[^./]*\z}{}r . '.idx';
    $self->{record} = AI::MXNet::IndexedRecordIO->new(idx_path => $index, uri => $self->filename, flag => 'r');
    return;
}

sub len { my ($self) = @_; return scalar @{ $self->{record}->keys } }

sub at
{
    my ($self, $index) = @_;
    my $keys = $self->{record}->keys;
    my $count = @$keys;
    AI::MXNet::Error::fail("there is no record $index of $count in ", $self->filename) if $index >= $count or $index < -$count;
    return $self->{record}->read_idx($keys->[$index]);
}

__PACKAGE__->register('AI::MXNet::Gluon::Data');
__PACKAGE__->meta->make_immutable;

1;

__END__

=head1 NAME

AI::MXNet::Gluon::Data::Set - datasets

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd);
    use AI::MXNet::Gluon qw(gluon);

    package Waves {
        use Mouse;
        use AI::MXNet::Function::Parameters;
        extends 'AI::MXNet::Gluon::Data::Set';
        has count => (is => 'ro', default => 100);
        method len() { return $self->count }
        method at(Int $index) { return [PDL->sequence(16)->float * $index / 100, $index % 2] }
    }

    my $waves = Waves->new->transform_first(sub { sin $_[0] });
    my ($curve, $kind) = @{ $waves->at(7) };
    my ($train, $test) = ($waves->take(80), $waves->filter(sub { $_[0][1] == 1 }));
    my $loader = gluon->data->DataLoader($train, batch_size => 10);

=head1 DESCRIPTION

A dataset is an object with a length and samples by number. A sample is an NDArray, a piddle, a number, or a list or hash
of these: mostly a list of data and label. Classes of one's own extend this one and have the methods C<at> and C<len>.

A L<DataLoader|AI::MXNet::Gluon::Data::Loader> also takes an NDArray, a piddle or a list as a dataset.

=head1 CLASSES

=head2 ArrayDataset

    my $pairs = gluon->data->ArrayDataset(nd->array([[1, 2], [3, 4]]), nd->array([0, 1]));
    my ($data, $label) = @{ $pairs->at(1) };    # an array of shape [2], and the number 1

Attributes C<data> and C<label> (both required; by position or name): NDArrays, piddles or lists of equal length. Sample i
is their rows i along the first dimension, which is a piddle's last; views of an NDArray, so that what changes a row
changes the array. Labels that are an NDArray of one dimension become a piddle, whose rows are numbers.

=head2 SimpleDataset

    my $list = gluon->data->SimpleDataset([1, 2, 3]);

The elements of a list, or the rows of a piddle or an NDArray.

=head2 RecordFileSet

C<< gluon->data->RecordFileSet('images.rec') >>: the records of a file as strings, with an index F<images.idx> beside it;
see L<AI::MXNet::RecordIO>.

=head1 METHODS

=head2 at, len

    my $sample = $list->at(2);    # 3
    my $count  = $list->len;      # 3

A sample by its number, from 0 on, or from -1 back; and how many there are. What is not there dies.

=head2 transform

    my $doubled  = $list->transform(sub { 2 * $_[0] });
    my $swapped  = $pairs->transform(sub { my ($data, $label) = @_; return ($label, $data) });
    my $computed = $list->transform(sub { exp $_[0] }, 0);

A dataset of what a function makes of each sample. It gets the elements of a sample that is a list. What it returns is the
new sample, a list if there are several values. The function is called for each sample that is asked for; with a second
argument of 0 for all samples, at once and once.

=head2 transform_first

    my $scaled = $pairs->transform_first(sub { $_[0] / 255 });

The same with a function of the data alone; the other elements of a sample stay.

=head2 filter, take, shard, sample

    my $odd    = $list->filter(sub { $_[0] % 2 });
    my $two    = $list->take(2);
    my @shards = map { $list->shard(2, $_) } 0, 1;    # 2 samples, 1 sample
    my $mixed  = $list->sample(gluon->data->RandomSampler(3));

Datasets of some of the samples: those for which a function is true; the first ones (all without a number); one of several
parts of nearly equal size; those that a sampler names.

=head2 register

    Waves->register('AI::MXNet::Gluon::Data');
    my $other = gluon->data->Waves(count => 7);

A class method that makes a class known as a constructor.

=head2 python_constructor_arguments

A list ref of the attributes that may be given by position.

=head1 SEE ALSO

L<AI::MXNet::Gluon::Data::Loader>

=cut
