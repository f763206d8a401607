package AI::MXNet::Gluon::RNN::Modifiers;
# Cells that are made of other cells. Documented in AI::MXNet::Gluon::RNN.
use strict;
use warnings;
use Scalar::Util ();
use AI::MXNet::Gluon::RNN::Cell;

package AI::MXNet::Gluon::RNN::SequentialRNNCell;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;
use overload '@{}' => sub { $_[0]->_child_list }, fallback => 1;

extends 'AI::MXNet::Gluon::RNN::RecurrentCell';

sub add { my ($self, $cell) = @_; return $self->register_child($cell) }

sub state_info { my ($self, @batch_size) = @_; return [map { @{ $_->state_info(@batch_size) } } @{ $self->_child_list }] }

sub begin_state
{
    my ($self, @options) = @_;
    $self->_refuse_modified;
    return [map { @{ $_->begin_state(@options) } } @{ $self->_child_list }];
}

# For each cell, its part of the states.
sub _split
{
    my ($self, $states) = @_;
    AI::MXNet::Error::fail($self->class, ' takes an input and the list of its states, such as begin_state makes, but got ', $states // 'no states')
        if ref $states ne 'ARRAY';
    my @left = @$states;
    return map { [splice @left, 0, scalar @{ $_->state_info }] } @{ $self->_child_list };
}

sub forward
{
    my ($self, $inputs, $states) = @_;
    $self->{counter}++;
    my @own = $self->_split($states);
    my @next;
    for my $cell (@{ $self->_child_list }) {
        ($inputs, my $new) = $cell->call($inputs, shift @own);
        push @next, @$new;
    }
    return ($inputs, \@next);
}

sub unroll
{
    my ($self, $length, $inputs, @options) = @_;
    my ($options, @steps) = AI::MXNet::Gluon::RNN::Cell::unrolling($self, $length, $inputs, @options);
    my @own = $self->_split(AI::MXNet::Gluon::RNN::Cell::states_for($self, $options, $steps[0]));
    my ($outputs, @next) = (\@steps);
    my @cells = @{ $self->_child_list };
    for my $i (0 .. $#cells) {
        ($outputs, my $new) = $cells[$i]->unroll($length, $outputs, %$options, begin_state => $own[$i],
            merge_outputs => $i < $#cells ? 0 : $options->{merge_outputs});
        push @next, @$new;
    }
    return ($outputs, \@next);
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('AI::MXNet::Gluon::RNN');

package AI::MXNet::Gluon::RNN::DropoutCell;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::RNN::HybridRecurrentCell';

has rate => (is => 'ro', isa => 'Num', required => 1);

sub python_constructor_arguments { return ['rate'] }

sub _alias     {'dropout'}
sub state_info { return [] }

sub hybrid_forward
{
    my ($self, $F, $inputs, $states) = @_;
    $inputs = $F->Dropout($inputs, p => $self->{rate}, name => $self->_step . 'fwd') if $self->{rate} > 0;
    return ($inputs, $states);
}

sub unroll
{
    my ($self, $length, $inputs, @options) = @_;
    my %options = AI::MXNet::Gluon::RNN::Cell::unroll_options(@options);
    # one mask for all steps, and one call
    if (ref $inputs ne 'ARRAY' and $options{merge_outputs} // 1) {
        $self->reset;
        my ($output) = $self->call($inputs, []);
        return ($output, []);
    }
    my ($options, @steps) = AI::MXNet::Gluon::RNN::Cell::unrolling($self, $length, $inputs, @options);
    return (AI::MXNet::Gluon::RNN::Cell::joined($options, map { scalar $self->call($_, []) } @steps), []);
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('AI::MXNet::Gluon::RNN');

# A cell around another, whose parameters it has.
package AI::MXNet::Gluon::RNN::ModifierCell;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::RNN::HybridRecurrentCell';

has base_cell => (is => 'rw', required => 1);

sub python_constructor_arguments { return ['base_cell'] }

around BUILDARGS => sub {
    my ($original, $class, @arguments) = @_;
    my $arguments = $class->$original(@arguments);
    my $cell = $arguments->{base_cell};
    AI::MXNet::Error::fail("$class takes a recurrent cell as base_cell, but got ", $cell // 'undef')
        unless Scalar::Util::blessed($cell) and $cell->can('modified');
    AI::MXNet::Error::fail('Cell ', $cell->name, ' is already modified. One cell cannot be modified twice') if $cell->modified;
    $arguments->{prefix} //= $cell->prefix . $class->_alias;
    $cell->modified(1);
    return $arguments;
};

sub BUILD { my ($self) = @_; $self->register_child($self->base_cell, 'base_cell') unless defined $self->_children->get('base_cell') }

sub _alias { my ($self) = @_; return lc((ref $self || $self) =~ s/.*:://r) }
sub params     { my ($self) = @_; return $self->base_cell->params }
sub state_info { my ($self, @batch_size) = @_; return $self->base_cell->state_info(@batch_size) }

sub begin_state { my ($self, @options) = @_; return $self->_unmodified(sub { $self->base_cell->begin_state(@options) }) }

# Runs code that calls the base cell.
sub _unmodified
{
    my ($self, $code) = @_;
    $self->_refuse_modified;
    local $self->base_cell->{modified} = 0;
    return $code->();
}

sub _describe { my ($self) = @_; return $self->class . '(' . $self->base_cell . ')' }

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;

package AI::MXNet::Gluon::RNN::ZoneoutCell;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::RNN::ModifierCell';

has [qw(zoneout_outputs zoneout_states)] => (is => 'ro', isa => 'Num', default => 0);

sub python_constructor_arguments { return [qw(base_cell zoneout_outputs zoneout_states)] }

sub _alias {'zoneout'}

sub BUILD
{
    my ($self) = @_;
    AI::MXNet::Error::fail('BidirectionalCell doesn\'t support zoneout since it doesn\'t support step. Please add ZoneoutCell to the cells underneath instead.')
        if $self->base_cell->isa('AI::MXNet::Gluon::RNN::BidirectionalCell');
}

sub reset { my ($self) = @_; $self->SUPER::reset; $self->{prev_output} = undef; return }

sub hybrid_forward
{
    my ($self, $F, $inputs, $states) = @_;
    my ($output, $next) = $self->_unmodified(sub { $self->base_cell->call($inputs, $states) });
    my $kept = sub { my ($rate, $new, $old) = @_; return $rate ? $F->where($F->Dropout($F->ones_like($new), p => $rate), $new, $old) : $new };
    my $previous = $self->{prev_output} // $F->zeros_like($output);
    $output = $kept->($self->{zoneout_outputs}, $output, $previous);
    my @states = map { $kept->($self->{zoneout_states}, $next->[$_], $states->[$_]) } 0 .. $#$next;
    $self->{prev_output} = $output;
    return ($output, \@states);
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('AI::MXNet::Gluon::RNN');

package AI::MXNet::Gluon::RNN::ResidualCell;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::RNN::ModifierCell';

sub hybrid_forward
{
    my ($self, $F, $inputs, $states) = @_;
    my ($output, $next) = $self->_unmodified(sub { $self->base_cell->call($inputs, $states) });
    return ($F->elemwise_add($output, $inputs, name => $self->_step . 'fwd'), $next);
}

sub unroll
{
    my ($self, $length, $inputs, @options) = @_;
    my ($options, @steps) = AI::MXNet::Gluon::RNN::Cell::unrolling($self, $length, $inputs, @options);
    my ($outputs, $states) = $self->_unmodified(sub { $self->base_cell->unroll($length, \@steps, %$options, merge_outputs => 0) });
    my $F = AI::MXNet::Gluon::RNN::Cell::namespace($steps[0]);
    if (defined(my $valid = $options->{valid_length})) {
        my $masked = $F->SequenceMask($F->stack(@steps, axis => 0), $valid, use_sequence_length => 1, axis => 0);
        @steps = AI::MXNet::Gluon::RNN::Cell::steps($length, $masked, 'TNC');
    }
    my @sums = map { $F->elemwise_add($outputs->[$_], $steps[$_]) } 0 .. $#steps;
    return (AI::MXNet::Gluon::RNN::Cell::joined($options, @sums), $states);
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('AI::MXNet::Gluon::RNN');

package AI::MXNet::Gluon::RNN::BidirectionalCell;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::RNN::HybridRecurrentCell';

has [qw(l_cell r_cell)] => (is => 'ro', required => 1);
has output_prefix       => (is => 'ro', default => 'bi_');

sub python_constructor_arguments { return [qw(l_cell r_cell output_prefix)] }

sub BUILD
{
    my ($self) = @_;
    $self->register_child($self->$_, $_) for grep { not defined $self->_children->get($_) } qw(l_cell r_cell);
}

sub call { AI::MXNet::Error::fail('Bidirectional cannot be stepped. Please use unroll') }

sub state_info { my ($self, @batch_size) = @_; return [map { @{ $_->state_info(@batch_size) } } $self->l_cell, $self->r_cell] }

sub begin_state
{
    my ($self, @options) = @_;
    $self->_refuse_modified;
    return [map { @{ $_->begin_state(@options) } } $self->l_cell, $self->r_cell];
}

sub unroll
{
    my ($self, $length, $inputs, @options) = @_;
    my ($options, @steps) = AI::MXNet::Gluon::RNN::Cell::unrolling($self, $length, $inputs, @options);
    my $valid = $options->{valid_length};
    my $F = AI::MXNet::Gluon::RNN::Cell::namespace($steps[0]);
    my @states = @{ AI::MXNet::Gluon::RNN::Cell::states_for($self, $options, $steps[0]) };
    my @left = splice @states, 0, scalar @{ $self->l_cell->state_info };
    # backwards; with lengths, each sequence from its own end
    my $backwards = sub {
        my @list = @_;
        return reverse @list unless defined $valid;
        my $reversed = $F->SequenceReverse($F->stack(@list, axis => 0), $valid, use_sequence_length => 1);
        return AI::MXNet::Gluon::RNN::Cell::steps($length, $reversed, 'TNC');
    };
    my ($l_outputs, $l_states) = $self->l_cell->unroll($length, \@steps, %$options, merge_outputs => 0, begin_state => \@left);
    my ($r_outputs, $r_states) = $self->r_cell->unroll($length, [$backwards->(@steps)], %$options, merge_outputs => 0, begin_state => \@states);
    my @r = $backwards->(@$r_outputs);
    my @outputs = map { $F->concat($l_outputs->[$_], $r[$_], dim => 1, name => $self->output_prefix . "t$_") } 0 .. $#r;
    return (AI::MXNet::Gluon::RNN::Cell::joined($options, @outputs), [@$l_states, @$r_states]);
}

sub _describe { my ($self) = @_; return $self->class . '(forward=' . $self->l_cell . ', backward=' . $self->r_cell . ')' }

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('AI::MXNet::Gluon::RNN');

1;

__END__

=head1 NAME

AI::MXNet::Gluon::RNN::Modifiers - cells made of cells

=head1 DESCRIPTION

Internal, a part of L<AI::MXNet::Gluon::RNN>: the classes are interface, and documented there; this file may change.

=head1 SEE ALSO

L<AI::MXNet::Gluon::RNN>

=cut
