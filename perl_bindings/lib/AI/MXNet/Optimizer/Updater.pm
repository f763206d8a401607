package AI::MXNet::Updater;
# An optimizer with the states of all parameters. Documented in AI::MXNet::Optimizer.
use strict;
use warnings;
use AI::MXNet::Mouse;
use Data::MessagePack;
use Scalar::Util qw(blessed);
use AI::MXNet::DType;
use AI::MXNet::Error;
use AI::MXNet::NDArray;
use overload '&{}' => sub { my ($self) = @_; return sub { $self->call(@_) } }, fallback => 1;

has optimizer     => (is => 'rw', isa => 'AI::MXNet::Optimizer', required => 1);
has states        => (is => 'rw', isa => 'HashRef', default => sub { {} });
has states_synced => (is => 'rw', isa => 'HashRef', default => sub { {} });

use constant FORMAT => 'AI::MXNet optimizer states 1';

sub call
{
    my ($self, $index, $grad, $weight) = @_;
    $self->optimizer->update($index, $weight, $grad, $self->_state($index, $weight));
    return;
}

# The same for many: lists of index, gradient and weight.
sub _call_all
{
    my ($self, @items) = @_;
    $self->optimizer->_update_all(map { my ($index, $grad, $weight) = @$_; [$index, $weight, $grad, $self->_state($index, $weight)] } @items);
    return;
}

sub _state
{
    my ($self, $index, $weight) = @_;
    my ($states, $synced) = ($self->{states}, $self->{states_synced});
    if (not exists $states->{$index}) { $states->{$index} = $self->optimizer->create_state($index, $weight) }
    elsif (not $synced->{$index}) { $states->{$index} = $self->sync_state_context($states->{$index}, $weight->context) }
    $synced->{$index} = 1;
    return $states->{$index};
}

sub sync_state_context
{
    my ($self, $state, $context) = @_;
    return [map { $self->sync_state_context($_, $context) } @$state] if ref $state eq 'ARRAY';
    return defined $state ? $state->as_in_context($context) : undef;
}

sub get_states
{
    my ($self, $dump_optimizer) = @_;
    my ($states, $optimizer) = ($self->states, $self->optimizer);
    # without the numbers of updates the rates would begin anew
    my %content = (format => FORMAT, states => { map { $_ => _plain($states->{$_}) } keys %$states },
        updates => [$optimizer->num_update, { %{ $optimizer->_index_update_count } }]);
    $content{optimizer} = _plain_object($optimizer) if $dump_optimizer;
    return Data::MessagePack->pack(\%content);
}

sub set_states
{
    my ($self, $bytes) = @_;
    my $content = eval { Data::MessagePack->unpack($bytes) };
    AI::MXNet::Error::fail('set_states takes what get_states returned, but this is something else')
        unless ref $content eq 'HASH' and ($content->{format} // '') eq FORMAT and ref $content->{states} eq 'HASH';
    my %states = map { $_ => _arrays($content->{states}{$_}) } keys %{ $content->{states} };
    my $optimizer = defined $content->{optimizer} ? _object($content->{optimizer}, 'AI::MXNet::Optimizer') : undef;
    if (defined $optimizer) {
        # parameters and symbol belong to the program that runs
        $optimizer->$_($self->optimizer->$_) for qw(param_dict sym);
        $self->optimizer($optimizer);
    }
    elsif (ref $content->{updates} eq 'ARRAY') {
        my ($number, $counts) = @{ $content->{updates} };
        $self->optimizer->num_update($number);
        $self->optimizer->_index_update_count($counts);
    }
    $self->states(\%states);
    $self->states_synced({});
    return;
}

# -- states as lists of plain values, and back ---------------------------------------------------------------------

sub _plain
{
    my ($state) = @_;
    return $state unless defined $state;
    return ['list', map { _plain($_) } @$state] if ref $state eq 'ARRAY';
    AI::MXNet::Error::fail('get_states: a state is an NDArray, a list of them or undef, but one is ', $state)
        unless blessed $state and $state->isa('AI::MXNet::NDArray');
    return ['array', $state->dtype, $state->shape, ${ $state->aspdl->get_dataref }];
}

sub _arrays
{
    my ($plain) = @_;
    return undef unless defined $plain;
    my ($kind, @rest) = ref $plain eq 'ARRAY' ? @$plain : '';
    return [map { _arrays($_) } @rest] if $kind eq 'list';
    AI::MXNet::Error::fail('set_states: a state is not as get_states writes it') unless $kind eq 'array' and @rest == 3;
    my ($dtype, $shape, $bytes) = @rest;
    my $type = PDL::Type->new(AI::MXNet::DType::pdl_type(AI::MXNet::DType::check($dtype)));
    my $size = PDL::Core::howbig($type->enum);
    $size *= $_ for @$shape;
    AI::MXNet::Error::fail("set_states: a state of shape [@$shape] has ", length $bytes, ' bytes') unless length $bytes == $size;
    my $piddle = AI::MXNet::DType::_piddle($type, \$bytes, reverse @$shape);
    return AI::MXNet::NDArray->array($piddle, dtype => $dtype);
}

# -- an optimizer or scheduler as its class and attributes, and back ------------------------------------------------

sub _plain_object
{
    my ($object) = @_;
    my %values;
    for my $name (map { $_->name } $object->meta->get_all_attributes) {
        next if $name eq 'sym' or $name eq 'param_dict' or not defined $object->$name;
        $values{$name} = blessed $object->$name ? _plain_object($object->$name) : $object->$name;
    }
    return { class => ref $object, attributes => \%values };
}

sub _object
{
    my ($plain, $base) = @_;
    my ($class, $values) = ref $plain eq 'HASH' ? @$plain{qw(class attributes)} : ();
    AI::MXNet::Error::fail("set_states: the object '", $class // '', "' is not of a class that extends $base; is its module loaded?")
        unless defined $class and ref $values eq 'HASH' and $class =~ /\A\w+(?:::\w+)*\z/ and eval { $class->isa($base) };
    my $scheduler = delete $values->{lr_scheduler};
    my $object = $class->new($values);
    # what BUILD derives goes on from where it was
    exists $values->{$_} and $object->$_($values->{$_}) for map { $_->name } $object->meta->get_all_attributes;
    $object->lr_scheduler(_object($scheduler, 'AI::MXNet::LRScheduler')) if defined $scheduler;
    return $object;
}

__PACKAGE__->meta->make_immutable;

1;

__END__

=head1 NAME

AI::MXNet::Optimizer::Updater - an optimizer with the states of all parameters

=head1 DESCRIPTION

Internal, a part of L<AI::MXNet::Optimizer>: the class AI::MXNet::Updater is interface, and documented there; this file may
change.

=head1 SEE ALSO

L<AI::MXNet::Optimizer/UPDATERS>

=cut
