package AI::MXNet::RNN::Params;
# The variables of a cell, by name; cells that share this object share weights.
use strict;
use warnings;
use AI::MXNet::Mouse;
use AI::MXNet::Base ();
use AI::MXNet::Symbol;

has _prefix => (is => 'ro', isa => 'Str', init_arg => 'prefix', default => '');
has _params => (is => 'ro', isa => 'HashRef', init_arg => undef, default => sub { {} });

around BUILDARGS => \&AI::MXNet::Base::process_arguments;

sub python_constructor_arguments { return ['prefix'] }

# The variable of that name, made at the first call with these options.
sub get
{
    my ($self, $name, @options) = @_;
    $name = $self->_prefix . $name;
    return $self->_params->{$name} //= AI::MXNet::Symbol->Variable($name, @options);
}

__PACKAGE__->meta->make_immutable;

package AI::MXNet::RNN::Cell::Base;
# What all symbolic cells do: weights, states, unrolling.
use strict;
use warnings;
use AI::MXNet::Mouse;
use Scalar::Util qw(blessed);
use AI::MXNet::Base ();
use AI::MXNet::Error;
use AI::MXNet::NDArray;
use AI::MXNet::Symbol;
use overload '&{}' => sub { my ($self) = @_; return sub { $self->call(@_) } }, fallback => 1;

has _prefix     => (is => 'ro', isa => 'Str', init_arg => 'prefix', default => '');
has _params     => (is => 'rw', isa => 'Maybe[AI::MXNet::RNN::Params]', init_arg => 'params');
has _own_params => (is => 'rw', isa => 'Bool', init_arg => undef);
has _modified   => (is => 'rw', isa => 'Bool', init_arg => undef, default => 0);
has [qw(_counter _init_counter)] => (is => 'rw', isa => 'Int', init_arg => undef, default => -1);

around BUILDARGS => \&AI::MXNet::Base::process_arguments;

sub python_constructor_arguments { return [qw(prefix params)] }

sub BUILD
{
    my ($self) = @_;
    $self->_own_params(defined $self->_params ? 0 : 1);
    $self->_params($self->_params // AI::MXNet::RNN::Params->new($self->_prefix));
    return;
}

# The cells in this one.
sub _cells { return () }

sub reset
{
    my ($self) = @_;
    $self->$_(-1) for qw(_counter _init_counter);
    $_->reset for $self->_cells;
    return;
}

sub call { my ($self) = @_; return AI::MXNet::Error::fail(ref $self, ' has no method call: a cell computes (output, states) of ($inputs, \@states)') }

sub params { my ($self) = @_; $self->_own_params(0); return $self->_params }

sub state_info  { my ($self) = @_; return AI::MXNet::Error::fail(ref $self, ' has no method state_info') }
sub state_shape { my ($self) = @_; return [map { $_->{shape} } @{ $self->state_info }] }
sub _gate_names { return [] }

# The name of what the next step makes.
sub _step_name
{
    my ($self) = @_;
    $self->_counter($self->_counter + 1);
    return sprintf '%st%d_', $self->_prefix, $self->_counter;
}

sub _refuse_modified
{
    my ($self) = @_;
    AI::MXNet::Error::fail('After applying modifier cells (e.g. DropoutCell) the base cell cannot be called directly. Call the modifier cell instead.')
        if $self->_modified;
    return;
}

sub begin_state
{
    my ($self, @options) = @_;
    my %options = AI::MXNet::Error::paired('begin_state', @options);
    $self->_refuse_modified;
    my $function = delete $options{func} // AI::MXNet::Symbol->can('zeros');
    my @states;
    for my $info (@{ $self->state_info }) {
        $self->_init_counter($self->_init_counter + 1);
        push @states, $function->('AI::MXNet::Symbol', name => $self->_prefix . 'begin_state_' . $self->_init_counter, %$info, %options);
    }
    return \@states;
}

# -- weights: joined for all gates, or one for each ----------------------------------------------------------------

sub unpack_weights
{
    my ($self, $args) = @_;
    AI::MXNet::Error::expect('unpack_weights takes a hash of NDArrays by name', HASH => $args);
    my %args = %$args;
    my @gates = @{ $self->_gate_names } or return \%args;
    for my $group (qw(i2h h2h)) {
        for my $kind (qw(weight bias)) {
            my $joined = delete $args{ $self->_prefix . "${group}_$kind" };
            AI::MXNet::Error::fail('unpack_weights needs the array ', $self->_prefix, "${group}_$kind") unless defined $joined;
            my $rows = $joined->shape->[0] / @gates;
            for my $i (0 .. $#gates) {
                $args{ $self->_prefix . "$group$gates[$i]_$kind" }
                    = AI::MXNet::NDArray->slice_axis($joined, axis => 0, begin => $i * $rows, end => ($i + 1) * $rows);
            }
        }
    }
    return \%args;
}

sub pack_weights
{
    my ($self, $args) = @_;
    AI::MXNet::Error::expect('pack_weights takes a hash of NDArrays by name', HASH => $args);
    my %args = %$args;
    my @gates = @{ $self->_gate_names } or return \%args;
    for my $group (qw(i2h h2h)) {
        for my $kind (qw(weight bias)) {
            my @parts = map {
                my $name = $self->_prefix . "$group${_}_$kind";
                delete $args{$name} // AI::MXNet::Error::fail("pack_weights needs the array $name")
            } @gates;
            $args{ $self->_prefix . "${group}_$kind" } = AI::MXNet::NDArray->concat(@parts, dim => 0);
        }
    }
    return \%args;
}

# -- sequences -----------------------------------------------------------------------------------------------------

# The inputs of a sequence as steps: from one symbol, a list of them, or new variables.
sub _steps
{
    my ($length, $inputs, $layout, $prefix) = @_;
    $inputs //= [map { AI::MXNet::Symbol->Variable("${prefix}t${_}_data") } 0 .. $length - 1];
    if (ref $inputs eq 'ARRAY') {
        AI::MXNet::Error::fail("unroll of $length steps got a list of ", scalar @$inputs, ' inputs') if @$inputs != $length;
        return @$inputs;
    }
    AI::MXNet::Error::fail("unroll takes a symbol or a list of symbols as inputs, but got $inputs") unless _is_symbol($inputs);
    AI::MXNet::Error::fail("unroll doesn't allow grouped symbol as input. Please convert to list first or let unroll handle splitting.")
        if @{ $inputs->list_outputs } != 1;
    return @{ AI::MXNet::Symbol->SliceChannel($inputs, axis => _time($layout), num_outputs => $length, squeeze_axis => 1) };
}

sub _is_symbol { my ($x) = @_; return blessed $x && $x->isa('AI::MXNet::Symbol') }

# The axis of time in a layout.
sub _time
{
    my ($layout) = @_;
    my $axis = index $layout, 'T';
    AI::MXNet::Error::fail("the layout of a sequence has a T, such as NTC, but got $layout") if $axis < 0;
    return $axis;
}

# Steps as one symbol, with the axis of time.
sub _merged
{
    my ($layout, @steps) = @_;
    my $axis = _time($layout);
    return AI::MXNet::Symbol->concat((map { AI::MXNet::Symbol->expand_dims($_, axis => $axis) } @steps), dim => $axis);
}

# States as a list ref, which may be given as a group.
sub _states
{
    my ($states) = @_;
    return [@$states] if _is_symbol($states);
    AI::MXNet::Error::expect('the states of a cell are a list of symbols, such as begin_state makes', ARRAY => $states);
    return $states;
}

# The options of an unroll, with the inputs perhaps in front of them.
sub _unroll_options
{
    my (@options) = @_;
    unshift @options, 'inputs' if @options % 2;
    my %options = (input_prefix => '', layout => 'NTC', @options);
    for my $key (sort keys %options) {
        AI::MXNet::Error::fail("unroll has no argument $key: it takes inputs, begin_state, input_prefix, layout and merge_outputs")
            unless $key =~ /\A(?:inputs|begin_state|input_prefix|layout|merge_outputs)\z/;
    }
    return %options;
}

sub unroll
{
    my ($self, $length, @options) = @_;
    my %options = _unroll_options(@options);
    $self->reset;
    my @steps = _steps($length, @options{qw(inputs layout input_prefix)});
    my ($states, @outputs) = _states($options{begin_state} // $self->begin_state);
    for my $step (@steps) {
        (my $output, $states) = $self->call($step, $states);
        push @outputs, $output;
    }
    return ($options{merge_outputs} ? _merged($options{layout}, @outputs) : \@outputs, $states);
}

# An activation by its name, or code that takes a symbol and options.
sub _activate
{
    my ($x, $activation, @options) = @_;
    return ref $activation eq 'CODE'
        ? $activation->($x, @options)
        : AI::MXNet::Symbol->Activation($x, act_type => $activation, @options);
}

__PACKAGE__->meta->make_immutable;

1;

__END__

=head1 NAME

AI::MXNet::RNN::Cell::Base - what all symbolic cells do

=head1 DESCRIPTION

Internal, and no part of the interface: it may change with any release. L<AI::MXNet::RNN> documents the cells.

=head1 SEE ALSO

L<AI::MXNet::RNN>

=cut
