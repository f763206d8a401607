package AI::MXNet::RNN::SequentialCell;
# Cells one upon the other, and one in each direction.
use strict;
use warnings;
use AI::MXNet::Mouse;
use AI::MXNet::RNN::Cell::Base;

extends 'AI::MXNet::RNN::Cell::Base';

has _list            => (is => 'ro', init_arg => undef, default => sub { [] });
has _override_params => (is => 'rw', isa => 'Bool', init_arg => undef);

sub python_constructor_arguments { return ['params'] }

sub BUILD { my ($self) = @_; $self->_override_params(!$self->_own_params); return }

sub _cells { my ($self) = @_; return @{ $self->_list } }

# Takes over the variables of a cell, or gives it those that this one was made with.
sub _share
{
    my ($self, $cell) = @_;
    if ($self->_override_params) {
        AI::MXNet::Error::fail('Either specify params for ', ref $self, ' or child cells, not both.') unless $cell->_own_params;
        %{ $cell->params->_params } = (%{ $cell->params->_params }, %{ $self->_params->_params });
    }
    %{ $self->_params->_params } = (%{ $self->_params->_params }, %{ $cell->params->_params });
    return;
}

sub add
{
    my ($self, $cell) = @_;
    AI::MXNet::Error::expect('add takes a cell', 'AI::MXNet::RNN::Cell::Base', $cell);
    push @{ $self->_list }, $cell;
    $self->_share($cell);
    return;
}

sub state_info { my ($self) = @_; return [map { @{ $_->state_info } } $self->_cells] }

sub begin_state
{
    my ($self, @options) = @_;
    $self->_refuse_modified;
    return [map { @{ $_->begin_state(@options) } } $self->_cells];
}

sub unpack_weights { my ($self, $args) = @_; $args = $_->unpack_weights($args) for $self->_cells; return $args }
sub pack_weights   { my ($self, $args) = @_; $args = $_->pack_weights($args)   for $self->_cells; return $args }

sub call
{
    my ($self, $inputs, $states) = @_;
    $self->_refuse_modified;
    $self->_counter($self->_counter + 1);
    my @left = @{ AI::MXNet::RNN::Cell::Base::_states($states) };
    my @next;
    for my $cell ($self->_cells) {
        ($inputs, my $new) = $cell->call($inputs, [splice @left, 0, scalar @{ $cell->state_info }]);
        push @next, @$new;
    }
    return ($inputs, \@next);
}

sub unroll
{
    my ($self, $length, @options) = @_;
    my %options = AI::MXNet::RNN::Cell::Base::_unroll_options(@options);
    $self->reset;
    my @left = @{ AI::MXNet::RNN::Cell::Base::_states($options{begin_state} // $self->begin_state) };
    my ($outputs, @next) = $options{inputs};
    my @cells = $self->_cells;
    for my $position (0 .. $#cells) {
        my $cell = $cells[$position];
        ($outputs, my $states) = $cell->unroll($length, %options, inputs => $outputs, begin_state => [splice @left, 0, scalar @{ $cell->state_info }],
            merge_outputs => $position == $#cells ? $options{merge_outputs} : undef);
        push @next, @$states;
    }
    return ($outputs, \@next);
}

__PACKAGE__->meta->make_immutable;

package AI::MXNet::RNN::BidirectionalCell;
use strict;
use warnings;
use AI::MXNet::Mouse;

extends 'AI::MXNet::RNN::SequentialCell';

has [qw(l_cell r_cell)] => (is => 'ro', isa => 'AI::MXNet::RNN::Cell::Base', required => 1);
has _output_prefix      => (is => 'ro', isa => 'Str', init_arg => 'output_prefix', default => 'bi_');

sub python_constructor_arguments { return [qw(l_cell r_cell params)] }

sub BUILD { my ($self) = @_; $self->add($_) for $self->l_cell, $self->r_cell; return }

sub call { return AI::MXNet::Error::fail('Bidirectional cannot be stepped. Please use unroll') }

sub unroll
{
    my ($self, $length, @options) = @_;
    my %options = AI::MXNet::RNN::Cell::Base::_unroll_options(@options);
    $self->reset;
    my ($layout, $merge) = @options{qw(layout merge_outputs)};
    my @steps = AI::MXNet::RNN::Cell::Base::_steps($length, @options{qw(inputs layout input_prefix)});
    my @states = @{ AI::MXNet::RNN::Cell::Base::_states($options{begin_state} // $self->begin_state) };
    my ($left, $right) = ($self->l_cell, $self->r_cell);
    my @left_states = splice @states, 0, scalar @{ $left->state_info };
    my ($l_outputs, $l_states) = $left->unroll($length, inputs => \@steps, begin_state => \@left_states, layout => $layout, merge_outputs => $merge);
    my ($r_outputs, $r_states) = $right->unroll($length, inputs => [reverse @steps], begin_state => \@states, layout => $layout, merge_outputs => $merge);
    my @next = (@$l_states, @$r_states);
    if (not defined $merge) { $merge = 0 + !grep { ref eq 'ARRAY' } $l_outputs, $r_outputs }
    my $prefix = $self->_output_prefix;
    if ($merge) {
        $r_outputs = AI::MXNet::Symbol->reverse($r_outputs, { axis => AI::MXNet::RNN::Cell::Base::_time($layout) });
        return (AI::MXNet::Symbol->concat($l_outputs, $r_outputs, dim => 2, name => "${prefix}out"), \@next);
    }
    ($l_outputs, $r_outputs) = map { ref eq 'ARRAY' ? $_ : [AI::MXNet::RNN::Cell::Base::_steps($length, $_, $layout)] } $l_outputs, $r_outputs;
    my @back = reverse @$r_outputs;
    return ([map { AI::MXNet::Symbol->concat($l_outputs->[$_], $back[$_], dim => 1, name => "${prefix}t$_") } 0 .. $length - 1], \@next);
}

__PACKAGE__->meta->make_immutable;

1;

__END__

=head1 NAME

AI::MXNet::RNN::SequentialCell - symbolic cells one upon the other, and one in each direction

=head1 DESCRIPTION

Internal, and no part of the interface: it may change with any release. L<AI::MXNet::RNN> documents the cells.

=head1 SEE ALSO

L<AI::MXNet::RNN>

=cut
