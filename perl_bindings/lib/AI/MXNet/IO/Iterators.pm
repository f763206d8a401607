package AI::MXNet::NDArrayIter;
# Batches of arrays. Documented in AI::MXNet::IO.
use strict;
use warnings;
use AI::MXNet::Mouse;
use List::Util ();
use AI::MXNet::Base ();
use AI::MXNet::Error;

extends 'AI::MXNet::DataIter';

has data              => (is => 'rw');
has label             => (is => 'rw');
has '+batch_size'     => (default => 1);
has shuffle           => (is => 'ro', isa => 'Bool', default => 0);
has last_batch_handle => (is => 'ro', isa => 'Str', default => 'pad');
has label_name        => (is => 'ro', isa => 'Str', default => 'softmax_label');
has data_list         => (is => 'rw', isa => 'ArrayRef', init_arg => undef);
has [qw(num_source num_data cursor)] => (is => 'rw', isa => 'Int', init_arg => undef);

sub python_constructor_arguments { return [qw(data label)] }

sub BUILD
{
    my ($self) = @_;
    AI::MXNet::Error::fail("last_batch_handle is 'pad', 'discard' or 'roll_over', but got '", $self->last_batch_handle, "'")
        unless $self->last_batch_handle =~ /\A(?:pad|discard|roll_over)\z/;
    my $data  = AI::MXNet::IO->init_data($self->data, allow_empty => 0, default_name => 'data');
    my $label = AI::MXNet::IO->init_data($self->label, allow_empty => 1, default_name => $self->label_name);
    my ($rows, $batch_size) = ($data->[0][1]->len, $self->batch_size);
    AI::MXNet::Error::fail("size of data dimension 0 $rows < batch_size $batch_size") if $rows < $batch_size;
    AI::MXNet::Error::fail("batch_size is at least 1, but got $batch_size") if $batch_size < 1;
    for (@$data, @$label) {
        my ($name, $array) = @$_;
        AI::MXNet::Error::fail("the data '$name' of shape [", join(',', @{ $array->shape }), "] has other than the $rows rows of '$data->[0][0]'")
            if $array->len != $rows;
    }
    if ($self->shuffle) {
        # in float32, as in the original, whose users' networks expect it
        my $order = AI::MXNet::NDArray->array([List::Util::shuffle(0 .. $rows - 1)], dtype => 'int64');
        $_->[1] = AI::MXNet::NDArray->take($_->[1]->astype('float32'), $order) for @$data, @$label;
    }
    $self->data($data);
    $self->label($label);
    $self->data_list([map { $_->[1] } @$data, @$label]);
    $self->num_source(scalar @{ $self->data_list });
    $self->num_data($self->last_batch_handle eq 'discard' ? $rows - $rows % $batch_size : $rows);
    $self->hard_reset;
    return;
}

sub provide_data  { my ($self) = @_; return $self->_descriptions($self->data) }
sub provide_label { my ($self) = @_; return $self->_descriptions($self->label) }

sub _descriptions
{
    my ($self, $named) = @_;
    return [map {
        my ($name, $array) = @$_;
        my (undef, @rest) = @{ $array->shape };
        AI::MXNet::DataDesc->new(name => $name, shape => [$self->batch_size, @rest], dtype => $array->dtype);
    } @$named];
}

sub hard_reset { my ($self) = @_; $self->cursor(-$self->batch_size); return }

sub reset
{
    my ($self) = @_;
    # what the last batch took from the start is not given again
    my $taken = $self->last_batch_handle eq 'roll_over' && $self->cursor > $self->num_data ? $self->cursor % $self->num_data : 0;
    $self->hard_reset;
    $self->cursor($self->cursor + $taken % $self->batch_size) if $taken;
    return;
}

sub iter_next
{
    my ($self) = @_;
    return 0 if $self->cursor >= $self->num_data;
    $self->cursor($self->cursor + $self->batch_size);
    return $self->cursor < $self->num_data ? 1 : 0;
}

sub getdata  { my ($self) = @_; return $self->_batch_of($self->data) }
sub getlabel { my ($self) = @_; return $self->_batch_of($self->label) }

sub _batch_of
{
    my ($self, $named) = @_;
    AI::MXNet::Error::fail('DataIter needs reset.') if $self->cursor < 0 or $self->cursor >= $self->num_data;
    return [map { AI::MXNet::IO::_rows($_->[1], $self->cursor, $self->batch_size) } @$named];
}

sub getpad
{
    my ($self) = @_;
    my $beyond = $self->cursor + $self->batch_size - $self->num_data;
    return $self->last_batch_handle eq 'pad' && $beyond > 0 ? $beyond : 0;
}

__PACKAGE__->meta->make_immutable;

package AI::MXNet::IO::Passing;
# Iterators that give the batches of others: what iter_next has made the current one.
use strict;
use warnings;
use AI::MXNet::Mouse;

extends 'AI::MXNet::DataIter';

has current_batch => (is => 'rw', isa => 'Maybe[AI::MXNet::DataBatch]');

sub next { my ($self) = @_; return $self->iter_next ? $self->current_batch : undef }

for ([getdata => 'data'], [getlabel => 'label'], [getindex => 'index'], [getpad => 'pad']) {
    my ($method, $field) = @$_;
    __PACKAGE__->meta->add_method($method => sub {
        my ($self) = @_;
        my $batch = $self->current_batch // AI::MXNet::Error::fail('there is no current batch: iter_next or next makes one');
        return $batch->$field;
    });
}

__PACKAGE__->meta->make_immutable;

package AI::MXNet::ResizeIter;
# Epochs of another number of batches.
use strict;
use warnings;
use AI::MXNet::Mouse;

extends 'AI::MXNet::IO::Passing';

has data_iter      => (is => 'ro', isa => 'AI::MXNet::DataIter', required => 1, handles => [qw(provide_data provide_label)]);
has size           => (is => 'ro', isa => 'Int', required => 1);
has reset_internal => (is => 'rw', isa => 'Int', default => 1);
has cur            => (is => 'rw', isa => 'Int', default => 0);

sub python_constructor_arguments { return [qw(data_iter size reset_internal)] }

sub BUILD { my ($self) = @_; $self->batch_size($self->data_iter->batch_size); return }

sub reset
{
    my ($self) = @_;
    $self->cur(0);
    $self->data_iter->reset if $self->reset_internal;
    return;
}

sub iter_next
{
    my ($self) = @_;
    return 0 if $self->cur >= $self->size;
    my $batch = $self->data_iter->next;
    if (not defined $batch) {
        $self->data_iter->reset;
        $batch = $self->data_iter->next // AI::MXNet::Error::fail('the iterator that is resized gives no batches');
    }
    $self->current_batch($batch);
    $self->cur($self->cur + 1);
    return 1;
}

__PACKAGE__->meta->make_immutable;

package AI::MXNet::PrefetchingIter;
# The batches of several iterators as one, each issued a step before it is asked for.
use strict;
use warnings;
use AI::MXNet::Mouse;
use AI::MXNet::Error;

extends 'AI::MXNet::IO::Passing';

has iters         => (is => 'ro', required => 1);
has rename_data   => (is => 'ro', isa => 'Maybe[ArrayRef[HashRef]]');
has rename_label  => (is => 'ro', isa => 'Maybe[ArrayRef[HashRef]]');
has next_batch    => (is => 'rw', isa => 'Maybe[AI::MXNet::DataBatch]', init_arg => undef);

sub python_constructor_arguments { return [qw(iters rename_data rename_label)] }

sub BUILD
{
    my ($self) = @_;
    $self->{iters} = [$self->iters] if ref $self->iters ne 'ARRAY';
    AI::MXNet::Error::fail('PrefetchingIter takes one iterator or a list of them') unless @{ $self->iters };
    AI::MXNet::Error::expect('PrefetchingIter takes one iterator or a list of them', 'AI::MXNet::DataIter', @{ $self->iters });
    $self->batch_size($self->provide_data->[0]->shape->[0]);
    $self->next_batch($self->_fetched);
    return;
}

for my $what (qw(data label)) {
    my ($provide, $rename) = ("provide_$what", "rename_$what");
    __PACKAGE__->meta->add_method($provide => sub {
        my ($self) = @_;
        my $names = $self->$rename;
        return [map {
            my $i = $_;
            map {
                my $desc = AI::MXNet::DataDesc::_of($_);
                my $name = $names ? $names->[$i]{ $desc->name } : undef;
                defined $name ? AI::MXNet::DataDesc->new(name => $name, map { $_ => $desc->$_ } qw(shape dtype layout)) : $desc;
            } @{ $self->iters->[$i]->$provide }
        } 0 .. $#{ $self->iters }];
    });
}

# The next batch of all; undef where all are at their end.
sub _fetched
{
    my ($self) = @_;
    my @batches = map { $_->next } @{ $self->iters };
    my $ended = grep { not defined } @batches;
    return undef if $ended == @batches;
    AI::MXNet::Error::fail('Number of entry mismatches between iterators') if $ended;
    my @pads = map { $_->pad // 0 } @batches;
    AI::MXNet::Error::fail("Number of padding mismatches between iterators: @pads") if grep { $_ != $pads[0] } @pads;
    return AI::MXNet::DataBatch->new(
        data => [map { @{ $_->data } } @batches], label => [map { @{ $_->label // [] } } @batches],
        pad => $batches[0]->pad, index => $batches[0]->index, provide_data => $self->provide_data, provide_label => $self->provide_label);
}

sub reset
{
    my ($self) = @_;
    $_->reset for @{ $self->iters };
    $self->next_batch($self->_fetched);
    return;
}

sub iter_next
{
    my ($self) = @_;
    $self->current_batch($self->next_batch);
    return 0 unless defined $self->current_batch;
    $self->next_batch($self->_fetched);
    return 1;
}

__PACKAGE__->meta->make_immutable;

1;

__END__

=head1 NAME

AI::MXNet::IO::Iterators - iterators over arrays

=head1 DESCRIPTION

Internal, and no part of the interface: it may change with any release. L<AI::MXNet::IO> has the documentation.

=head1 SEE ALSO

L<AI::MXNet::IO>

=cut
