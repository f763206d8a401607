package AI::MXNet::RNN::ModifierCell;
# Cells that change what another one computes.
use strict;
use warnings;
use AI::MXNet::Mouse;
use AI::MXNet::RNN::Cell::Base;

extends 'AI::MXNet::RNN::Cell::Base';

has base_cell => (is => 'ro', isa => 'AI::MXNet::RNN::Cell::Base', required => 1);

sub python_constructor_arguments { return ['base_cell'] }

sub BUILD { my ($self) = @_; $self->base_cell->_modified(1); return }

sub _cells         { my ($self) = @_; return $self->base_cell }
sub params         { my ($self) = @_; $self->_own_params(0); return $self->base_cell->params }
sub state_info     { my ($self) = @_; return $self->base_cell->state_info }
sub unpack_weights { my ($self, $args) = @_; return $self->base_cell->unpack_weights($args) }
sub pack_weights   { my ($self, $args) = @_; return $self->base_cell->pack_weights($args) }

# Calls a method of the base cell, which refuses other callers.
sub _of_base
{
    my ($self, $method, @arguments) = @_;
    my $base = $self->base_cell;
    local $base->{_modified} = 0;
    return $base->$method(@arguments);
}

sub begin_state
{
    my ($self, %options) = @_;
    $self->_refuse_modified;
    my $function = delete $options{init_sym};
    return scalar $self->_of_base('begin_state', %options, $function ? (func => $function) : ());
}

__PACKAGE__->meta->make_immutable;

package AI::MXNet::RNN::DropoutCell;
# Dropout of outputs and states.
use strict;
use warnings;
use AI::MXNet::Mouse;

extends 'AI::MXNet::RNN::ModifierCell';

has [qw(dropout_outputs dropout_states)] => (is => 'ro', isa => 'Num', default => 0);

sub python_constructor_arguments { return [qw(base_cell dropout_outputs dropout_states)] }

sub _dropped { my ($p, @symbols) = @_; return $p > 0 ? map { AI::MXNet::Symbol->Dropout(data => $_, p => $p) } @symbols : @symbols }

sub call
{
    my ($self, $inputs, $states) = @_;
    my ($output, $next) = $self->_of_base('call', $inputs, $states);
    return (_dropped($self->dropout_outputs, $output), [_dropped($self->dropout_states, @$next)]);
}

# Where states are left alone, the base may be a cell that cannot be stepped.
sub unroll
{
    my ($self, $length, @options) = @_;
    return $self->SUPER::unroll($length, @options) if $self->dropout_states > 0;
    $self->reset;
    my ($outputs, $states) = $self->_of_base('unroll', $length, @options);
    my @dropped = _dropped($self->dropout_outputs, ref $outputs eq 'ARRAY' ? @$outputs : $outputs);
    return (ref $outputs eq 'ARRAY' ? \@dropped : $dropped[0], $states);
}

__PACKAGE__->meta->make_immutable;

package AI::MXNet::RNN::ZoneoutCell;
# Outputs and states that stay, at random, what they were.
use strict;
use warnings;
use AI::MXNet::Mouse;

extends 'AI::MXNet::RNN::ModifierCell';

has [qw(zoneout_outputs zoneout_states)] => (is => 'ro', isa => 'Num', default => 0);
has _before => (is => 'rw', init_arg => undef);

sub python_constructor_arguments { return [qw(base_cell zoneout_outputs zoneout_states)] }

sub BUILD
{
    my ($self) = @_;
    my @cells = $self->base_cell;
    while (my $cell = shift @cells) {
        AI::MXNet::Error::fail("FusedRNNCell doesn't support zoneout. Please unfuse first.") if $cell->isa('AI::MXNet::RNN::FusedCell');
        AI::MXNet::Error::fail("BidirectionalCell doesn't support zoneout since it doesn't support step. Please add ZoneoutCell to the cells underneath instead.")
            if $cell->isa('AI::MXNet::RNN::BidirectionalCell');
        push @cells, $cell->_cells;
    }
    return;
}

sub reset { my ($self) = @_; $self->SUPER::reset; $self->_before(undef); return }

# The new value or, with probability $p for each element, the one before.
sub _mixed
{
    my ($p, $new, $before) = @_;
    return $new unless $p > 0;
    my $mask = AI::MXNet::Symbol->Dropout(AI::MXNet::Symbol->ones_like($new), p => $p);
    return AI::MXNet::Symbol->where($mask, $new, $before);
}

sub call
{
    my ($self, $inputs, $states) = @_;
    $states = AI::MXNet::RNN::Cell::Base::_states($states);
    my ($output, $next) = $self->_of_base('call', $inputs, $states);
    my $before = $self->_before // AI::MXNet::Symbol->zeros(shape => [0, 0]);
    $output = _mixed($self->zoneout_outputs, $output, $before);
    $self->_before($output);
    return ($output, [map { _mixed($self->zoneout_states, $next->[$_], $states->[$_]) } 0 .. $#$next]);
}

__PACKAGE__->meta->make_immutable;

package AI::MXNet::RNN::ResidualCell;
# Outputs to which the inputs are added.
use strict;
use warnings;
use AI::MXNet::Mouse;

extends 'AI::MXNet::RNN::ModifierCell';

sub _sum { my ($output, $input) = @_; return AI::MXNet::Symbol->elemwise_add($output, $input, name => $output->name . '_plus_residual') }

sub call
{
    my ($self, $inputs, $states) = @_;
    my ($output, $next) = $self->_of_base('call', $inputs, $states);
    return (_sum($output, $inputs), $next);
}

sub unroll
{
    my ($self, $length, @options) = @_;
    my %options = AI::MXNet::RNN::Cell::Base::_unroll_options(@options);
    $self->reset;
    my ($layout, $inputs) = @options{qw(layout inputs)};
    $inputs //= [AI::MXNet::RNN::Cell::Base::_steps($length, undef, $layout, $options{input_prefix})];
    my ($outputs, $states) = $self->_of_base('unroll', $length, %options, inputs => $inputs);
    if (ref $outputs eq 'ARRAY') {
        my @steps = AI::MXNet::RNN::Cell::Base::_steps($length, $inputs, $layout);
        return ([map { _sum($outputs->[$_], $steps[$_]) } 0 .. $#steps], $states);
    }
    return (_sum($outputs, ref $inputs eq 'ARRAY' ? AI::MXNet::RNN::Cell::Base::_merged($layout, @$inputs) : $inputs), $states);
}

__PACKAGE__->meta->make_immutable;

1;

__END__

=head1 NAME

AI::MXNet::RNN::ModifierCell - cells that change what another one computes

=head1 DESCRIPTION

Internal, and no part of the interface: it may change with any release. L<AI::MXNet::RNN> documents the cells.

=head1 SEE ALSO

L<AI::MXNet::RNN>

=cut
