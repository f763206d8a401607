package AI::MXNet::Gluon::ParameterDict;
# Parameters by name, in order. POD at the end.
use strict;
use warnings;
use AI::MXNet::Mouse;
use AI::MXNet::Base ();
use AI::MXNet::Error;
use AI::MXNet::Gluon::Constant;
use AI::MXNet::Gluon::Ordered;
use AI::MXNet::Gluon::Parameter;
use AI::MXNet::NDArray;
use overload
    '""'   => sub { $_[0]->_describe },
    '@{}'  => sub { [$_[0]->items] },
    'bool' => sub {1},
    AI::MXNet::Base::_by_identity(),
    fallback => 1;

has _prefix => (is => 'ro', init_arg => 'prefix', isa => 'Str', default => '');
has _shared => (is => 'ro', init_arg => 'shared', isa => 'Maybe[AI::MXNet::Gluon::ParameterDict]');
has _params => (is => 'ro', init_arg => undef, default => sub { AI::MXNet::Gluon::Ordered->new });

around BUILDARGS => \&AI::MXNet::Base::process_arguments;

sub python_constructor_arguments { return ['prefix', 'shared'] }

sub keys   { my ($self) = @_; return $self->_params->keys }
sub values { my ($self) = @_; return $self->_params->values }
sub items  { my ($self) = @_; return $self->_params->as_list }
sub prefix { my ($self) = @_; return $self->_prefix }
sub params { my ($self) = @_; return $self->_params }

sub _describe
{
    my ($self) = @_;
    my $name = $self->prefix eq '' ? '' : $self->prefix . ' ';
    return "$name(\n" . join('', map {"   $_\n"} $self->values) . ')';
}

# The parameter of that full name, here or among the shared ones.
sub _find
{
    my ($self, $name) = @_;
    return $self->_params->get($name) if $self->_params->exists($name);
    my $shared = defined $self->_shared ? $self->_shared->_find($name) : undef;
    $self->_params->set($name, $shared) if defined $shared;
    return $shared;
}

sub get
{
    my ($self, $name, @attributes) = @_;
    my %attributes = AI::MXNet::Error::paired('get', @attributes);
    AI::MXNet::Error::fail('get takes the name of a parameter, but got undef') unless defined $name;
    $name = $self->prefix . $name;
    my $known = $self->_find($name);
    return $self->_params->set($name, AI::MXNet::Gluon::Parameter->new($name, %attributes)) unless defined $known;
    for my $attribute (sort CORE::keys %attributes) {
        $known->_reconcile($attribute, $attributes{$attribute});
    }
    return $known;
}

sub get_constant
{
    my ($self, $name, $value) = @_;
    AI::MXNet::Error::fail('get_constant takes the name of a constant, but got undef') unless defined $name;
    $name = $self->prefix . $name;
    my $known = $self->_find($name);
    if (not defined $known) {
        AI::MXNet::Error::fail("No constant named '$name'. Please specify value if you want to create a new constant.") unless defined $value;
        return $self->_params->set($name, AI::MXNet::Gluon::Constant->new($name, $value));
    }
    AI::MXNet::Error::fail("Parameter '$name' already exists but it is not a constant.") unless $known->isa('AI::MXNet::Gluon::Constant');
    AI::MXNet::Error::fail("Constant '$name' already exists but its value doesn't match new value")
        if defined $value and not $known->_has_value($value);
    return $known;
}

sub update
{
    my ($self, $other, $select) = @_;
    AI::MXNet::Error::expect('update takes a ParameterDict', __PACKAGE__, $other);
    my $pattern = defined $select ? eval { qr/$select/ } : qr/\A/;
    AI::MXNet::Error::fail("'$select' is no pattern for names of parameters: ", $@ =~ s/ at \S+ line [0-9]+\.\n//r) unless defined $pattern;
    for my $parameter (grep { $_->name =~ $pattern } $other->values) {
        my $name = $parameter->name;
        my $own = $self->_params->get($name);
        AI::MXNet::Error::fail("Cannot update self with other because they have different Parameters with the same name $name")
            if defined $own and $own != $parameter;
        $self->_params->set($name, $parameter);
    }
    return;
}

sub initialize
{
    my ($self, @options) = @_;
    unshift @options, 'init' if @options % 2;
    my %options = AI::MXNet::NDArray::_named('initialize', [qw(init ctx verbose force_reinit)], @options);
    my $init = AI::MXNet::Gluon::Parameter::_initializer($options{init} // 'Uniform');
    $init->set_verbosity($options{verbose}) if $options{verbose};
    $_->initialize(default_init => $init, ctx => $options{ctx}, force_reinit => $options{force_reinit}) for $self->values;
    return;
}

sub zero_grad
{
    my ($self) = @_;
    my @grads = map { $_->_grads } $self->values;
    my ($sparse, $dense) = ([grep { $_->stype ne 'default' } @grads], [grep { $_->stype eq 'default' } @grads]);
    $_ .= 0 for @$sparse;
    AI::MXNet::NDArray->reset_arrays(@$dense, num_arrays => scalar @$dense) if @$dense;
    return;
}

sub reset_ctx
{
    my ($self, @ctx) = @_;
    # named, as for a single parameter, or alone
    shift @ctx if @ctx == 2 and not ref $ctx[0] and $ctx[0] eq 'ctx';
    $_->reset_ctx(ctx => $ctx[0]) for $self->values;
    return;
}

sub setattr
{
    my ($self, $name, $value) = @_;
    for my $parameter ($self->values) {
        $parameter->can($name) or AI::MXNet::Error::fail("setattr: a parameter has no attribute '$name'");
        $parameter->$name($value);
    }
    return;
}

sub save
{
    my ($self, $filename, $strip) = @_;
    $strip //= '';
    my %arrays;
    for my $parameter ($self->values) {
        my $name = $parameter->name;
        AI::MXNet::Error::fail("Prefix $strip is to be striped before saving, but Parameter $name does not start with $strip. If you are using "
            . 'Block->save_params, This may be due to your Block shares parameters from other Blocks or you forgot to use '
            . '->name_scope() during init. Consider switching to Block->collect_params->save and Block->collect_params->load instead.')
            unless index($name, $strip) == 0;
        $arrays{ substr $name, length $strip } = $parameter->_reduce;
    }
    AI::MXNet::NDArray->save($filename, \%arrays);
    return;
}

sub load
{
    my ($self, $filename, @options) = @_;
    my %options = AI::MXNet::NDArray::_named('load', [qw(ctx allow_missing ignore_extra restore_prefix)], @options);
    my $prefix = $options{restore_prefix} // '';
    for my $name (grep { index($_, $prefix) != 0 } $self->keys) {
        AI::MXNet::Error::fail("restore_prefix is $prefix but Parameters name $name does not start with $prefix");
    }
    my $loaded = AI::MXNet::NDArray->load($filename);
    AI::MXNet::Error::fail("load: the arrays in file $filename have no names") unless ref $loaded eq 'HASH' or not @$loaded;
    my %arrays = ref $loaded eq 'HASH' ? map { $prefix . s/\A(?:arg|aux)://r => $loaded->{$_} } CORE::keys %$loaded : ();
    _name_flat_keys(\%arrays, $prefix, $self->keys);
    if (not $options{allow_missing}) {
        for my $name (grep { not exists $arrays{$_} } $self->keys) {
            AI::MXNet::Error::fail('Parameter ', substr($name, length $prefix), " is missing in file $filename. ",
                'Please make sure source and target networks have the same prefix. Set allow_missing=>1 to ignore missing parameters.');
        }
    }
    for my $name (sort CORE::keys %arrays) {
        my $parameter = $self->_params->get($name);
        if (defined $parameter) { $parameter->_load_init($arrays{$name}, $options{ctx}) }
        elsif (not $options{ignore_extra}) {
            AI::MXNet::Error::fail('Parameter ', substr($name, length $prefix), " loaded from file $filename is not present in ParameterDict, ",
                'choices are: ', join(', ', map { substr $_, length $prefix } $self->keys), '. Set ignore_extra=>1 to ignore.');
        }
    }
    return;
}

# Some files have keys such as 0weight: the parameter of the layer with that number.
sub _name_flat_keys
{
    my ($arrays, $prefix, @names) = @_;
    for my $key (grep {/\A\Q$prefix\E[0-9]+(?:weight|bias)\z/} CORE::keys %$arrays) {
        my ($number, $kind) = substr($key, length $prefix) =~ /\A([0-9]+)(\w+)/;
        my ($name) = grep {/[a-z]${number}_$kind\z/} @names;
        $arrays->{$name} = delete $arrays->{$key} if defined $name and not exists $arrays->{$name};
    }
    return;
}

no AI::MXNet::Mouse;
__PACKAGE__->meta->make_immutable;

1;

__END__

=head1 NAME

AI::MXNet::Gluon::ParameterDict - parameters by name

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd);
    use AI::MXNet::Gluon qw(gluon);

    my $params = gluon->ParameterDict('net_');
    my $weight = $params->get('weight', shape => [2, 3]);
    $params->get('bias', shape => [2], init => 'zeros');
    $params->initialize(init => mx->init->Xavier);
    print "$params\n";
    # net_ (
    #    Parameter net_weight (shape=(2, 3), dtype=float32, stype=default)
    #    Parameter net_bias (shape=(2), dtype=float32, stype=default)
    # )

=head1 DESCRIPTION

A dictionary keeps L<parameters|AI::MXNet::Gluon::Parameter> in the order in which they came, under their full names. Each
block has one (C<< $block->params >>), and C<< $block->collect_params >> makes one of all below.

=head1 ATTRIBUTES

=head2 prefix

What names given to C<get> are continued from. The second argument of the constructor, C<shared>, is another dictionary,
whose parameters are taken where they have the name.

=head2 params

The parameters as an ordered hash, with methods C<keys>, C<values>, C<get> and C<exists>.

=head1 METHODS

=head2 get

    my $same = $params->get('weight');

The parameter of the prefix and that name; a new one with these attributes, if there is none. Attributes of one that exists
must be as given; dimensions that only one of both knows are filled in.

=head2 get_constant

    my $scale = $params->get_constant('scale', [1, 2]);

The same for a L<constant|AI::MXNet::Gluon::Constant>.

=head2 keys, values, items

    my %by_name = $params->items;    # also: @$params

Names, parameters, or both alternating.

=head2 update

    my $biases = gluon->ParameterDict;
    $biases->update($params, 'bias');

Adds the parameters of another dictionary, only those whose name a pattern matches.

=head2 initialize

    $params->initialize(init => 'ones', ctx => mx->cpu, force_reinit => 1);

Initializes all. C<verbose> reports each.

=head2 zero_grad

Sets all gradients to 0, by one instruction.

=head2 reset_ctx

    $params->reset_ctx(mx->cpu(1));

Moves all to another context, or to several.

=head2 setattr

    $params->setattr(lr_mult => 0.1);

Sets an attribute of all.

=head2 save, load

    $params->save('/tmp/net.params', 'net_');
    $params->load('/tmp/net.params', ctx => mx->cpu(1), restore_prefix => 'net_');

Files in MXNet's format. A prefix may be left out on writing, and put back on reading. Names in a file may begin with C<arg:>
or C<aux:>. C<load> knows C<ctx>, C<allow_missing> and C<ignore_extra>.

=head1 ERRORS

What is not in a file, or not in the dictionary, and what does not fit dies with an L<AI::MXNet::Error>.

=head1 SEE ALSO

L<AI::MXNet::Gluon::Parameter>, L<AI::MXNet::Gluon::Block>

=cut
