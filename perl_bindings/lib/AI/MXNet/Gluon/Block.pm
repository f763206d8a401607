package AI::MXNet::Gluon::Block;
# What all layers and networks are: named parameters, and blocks as children. POD at the end.
#
# Every method of this package is one that an attribute of a user's block cannot have the name of. So nothing is imported
# that stays, and what is not interface begins with an underscore.
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;
use Scalar::Util ();
use AI::MXNet::Base ();
use AI::MXNet::Context;
use AI::MXNet::Error;
use AI::MXNet::Gluon::BlockScope;
use AI::MXNet::Gluon::Ordered;
use AI::MXNet::Gluon::ParameterDict;
use AI::MXNet::Gluon::Utils::HookHandle;
use AI::MXNet::Logging;
use AI::MXNet::NDArray;
use AI::MXNet::NS;
use overload
    '&{}'  => sub { $_[0]{_code} // $_[0]->_make_code },
    '""'   => sub { $_[0]->_describe },
    'bool' => sub {1},
    '=='   => sub { ref $_[1] && Scalar::Util::refaddr($_[0]) == Scalar::Util::refaddr($_[1]) },
    '!='   => sub { !ref $_[1] || Scalar::Util::refaddr($_[0]) != Scalar::Util::refaddr($_[1]) },
    fallback => 1;

extends 'Mouse::Object';

has _prefix => (is => 'rw', init_arg => 'prefix');
has _params => (is => 'rw', init_arg => 'params');
has [qw(_children _reg_params)] => (is => 'rw', init_arg => undef, lazy => 1, default => sub { AI::MXNet::Gluon::Ordered->new });
has [qw(_forward_hooks _forward_pre_hooks)] => (is => 'rw', init_arg => undef);

around BUILDARGS => \&AI::MXNet::Base::process_arguments;

sub BUILD
{
    my ($self) = @_;
    $self->{_scopeless} = 1 if ($self->_prefix // 'none') eq '';
    my ($prefix, $params) = AI::MXNet::Gluon::BlockScope->create($self->_prefix, $self->_params, $self->_alias);
    $self->_prefix($prefix);
    $self->_params($params);
}

# The word that automatic names are made of.
sub _alias { my ($self) = @_; return lc $self->class }

sub import { my ($class, @names) = @_; return AI::MXNet::NS::install($class, scalar caller, @names) }

sub register { my ($class, $package) = @_; return AI::MXNet::NS::register($class, $package) }

# -- names ---------------------------------------------------------------------------------------------------------

sub class  { my ($self) = @_; return (ref($self) =~ /(\w+)\z/)[0] }
sub name   { my ($self) = @_; return $self->_prefix =~ s/_\z//r }
sub params { my ($self) = @_; return $self->_params }
sub prefix { my ($self) = @_; return $self->_prefix }

sub name_scope { my ($self, $code) = @_; return AI::MXNet::Gluon::BlockScope->within($self, $code) }

# -- attributes, children, parameters ------------------------------------------------------------------------------

# A method that there is not is an attribute that was not declared, as in the original.
our $AUTOLOAD;

sub AUTOLOAD
{
    my ($self, @value) = @_;
    my $name = $AUTOLOAD =~ s/.*:://r;
    my $class = ref $self || $self;
    AI::MXNet::Error::fail("Can't locate object method \"$name\" via package \"$class\"") 
        if not ref $self or @value > 1 or $name !~ /[a-z]/;
    return undef if not @value;
    AI::MXNet::Gluon::Mouse::declare($class, $name, is => 'rw', init_arg => undef);
    return $self->$name(@value);
}

sub attributes_hash
{
    my ($self) = @_;
    return { map { my $reader = $_->name; $reader => $self->$reader } $self->meta->get_all_attributes };
}

# Called when something was assigned to an attribute.
sub _assigned
{
    my ($self, $name, $value) = @_;
    my $is = Scalar::Util::blessed($value) // '';
    my $existing = $self->_reg_params->get($name) // $self->_children->get($name);
    if (defined $existing) {
        return if ref $value and Scalar::Util::refaddr($value) == Scalar::Util::refaddr($existing);
        $self->{$name} = $existing;
        AI::MXNet::Error::fail("Changing attribute type for $name from ", ref $existing, ' to ', ref $value || 'a plain value', ' is not allowed.')
            unless $is and $value->isa(ref $existing);
        AI::MXNet::Error::fail("Overriding Parameter attribute $name is not allowed. If you want to share parameters between blocks, ",
            'please set params at Block construction instead.') if $existing->isa('AI::MXNet::Gluon::Parameter');
        $self->{$name} = $value;
    }
    return if not $is;
    if ($value->isa(__PACKAGE__)) { $self->register_child($value, $name) }
    elsif ($value->isa('AI::MXNet::Gluon::Parameter')) { $self->_register_parameter($name, $value) }
    return;
}

sub _register_parameter { my ($self, $name, $parameter) = @_; $self->_reg_params->set($name, $parameter); return }

sub register_child
{
    my ($self, $block, $name) = @_;
    AI::MXNet::Error::fail('register_child takes a Block, but got ', $block // 'undef') unless Scalar::Util::blessed($block) and $block->isa(__PACKAGE__);
    my $children = $self->_children;
    $children->set($name // scalar(() = $children->keys), $block);
    delete $self->{_blocks};
    return;
}

# The children as a list ref, which is kept.
sub _blocks { my ($self) = @_; return $self->{_blocks} //= [$self->_children->values] }

sub collect_params
{
    my ($self, $select) = @_;
    $self->_warn_of_containers;
    my $collected = AI::MXNet::Gluon::ParameterDict->new($self->params->prefix);
    $collected->update($self->params, $select);
    $collected->update($_->collect_params($select)) for @{ $self->_blocks };
    return $collected;
}

# Blocks in lists and hashes are not seen.
sub _warn_of_containers
{
    my ($self) = @_;
    my %known = map { Scalar::Util::refaddr($_) => 1 } @{ $self->_blocks };
    my $holds;
    $holds = sub {
        my ($value) = @_;
        return !$known{ Scalar::Util::refaddr($value) } if Scalar::Util::blessed($value) and $value->isa(__PACKAGE__);
        return ref $value eq 'ARRAY' ? grep { $holds->($_) } @$value : ref $value eq 'HASH' ? grep { $holds->($_) } values %$value : 0;
    };
    for my $name (grep { !/\A_/ and ref $self->{$_} eq 'ARRAY' || ref $self->{$_} eq 'HASH' } sort keys %$self) {
        next unless $holds->($self->{$name});
        AI::MXNet::Logging->warning('"%s.%s" is a unregsitered container with Blocks. Note that Blocks inside the list, tuple or dict will not be '
            . 'registered automatically. Make sure to register them using register_child() or switching to nn->Sequential/nn->HybridSequential instead.',
            $self->class, $name);
    }
    undef $holds;
    return;
}

sub initialize
{
    my ($self, @options) = @_;
    unshift @options, 'init' if @options % 2;
    $self->collect_params->initialize(@options);
    return;
}

sub cast
{
    my ($self, $dtype) = @_;
    $_->cast($dtype) for @{ $self->_blocks }, $self->params->values;
    return;
}

sub apply
{
    my ($self, $code) = @_;
    $_->apply($code) for @{ $self->_blocks };
    $code->($self);
    return $self;
}

sub hybridize
{
    my ($self, @options) = @_;
    $_->hybridize(@options) for @{ $self->_blocks };
    return;
}

# -- calls ---------------------------------------------------------------------------------------------------------

# The code that $block->(...) runs.
sub _make_code
{
    my ($self) = @_;
    Scalar::Util::weaken(my $weak = $self);
    return $self->{_code} = sub { $weak->call(@_) };
}

sub call
{
    my $self = shift;
    my @out = $self->{_hooked} ? $self->_call_hooked(@_) : $self->forward(@_);
    return wantarray ? @out : $out[0];
}

sub forward { my ($self) = @_; AI::MXNet::Error::fail('Not Implemented: Method forward is not Implemented by ', ref $self) }

sub _call_hooked
{
    my ($self, @in) = @_;
    my $in = \@in;
    $_->($self, $in) for $self->_hooks('_forward_pre_hooks')->values;
    my $out = [$self->forward(@$in)];
    # a hook may replace the outputs, through its third argument
    $_->($self, $in, $out) for $self->_hooks('_forward_hooks')->values;
    return ref $out eq 'ARRAY' ? @$out : $out;
}

sub _hooks { my ($self, $kind) = @_; return $self->{$kind} //= AI::MXNet::Gluon::Ordered->new }

sub register_forward_pre_hook { my ($self, $code) = @_; return $self->_hook('_forward_pre_hooks', $code) }
sub register_forward_hook     { my ($self, $code) = @_; return $self->_hook('_forward_hooks',     $code) }

sub _hook
{
    my ($self, $kind, $code) = @_;
    AI::MXNet::Error::fail('a hook is a code ref, but got ', $code // 'undef') unless ref $code and (ref $code eq 'CODE' or overload::Method($code, '&{}'));
    $self->{_hooked} = 1;
    my $handle = AI::MXNet::Gluon::Utils::HookHandle->new;
    $handle->attach($self->_hooks($kind), $code);
    return $handle;
}

# -- files ---------------------------------------------------------------------------------------------------------

# The parameters by the path of attributes that leads to them: dense.weight.
sub _by_path
{
    my ($self, $prefix) = @_;
    my $found = AI::MXNet::Gluon::Ordered->new(map { ref ? $_ : "$prefix$_" } $self->_reg_params->as_list);
    for my $name ($self->_children->keys) {
        my $deeper = $self->_children->get($name)->_by_path("$prefix$name.");
        $found->set($_, $deeper->get($_)) for $deeper->keys;
    }
    return $found;
}

sub save_parameters
{
    my ($self, $filename) = @_;
    my $parameters = $self->_by_path('');
    AI::MXNet::NDArray->save($filename, { map { $_ => $parameters->get($_)->_reduce } $parameters->keys });
    return;
}

sub load_parameters
{
    my ($self, $filename, @options) = @_;
    my %options = AI::MXNet::NDArray::_named('load_parameters', [qw(ctx allow_missing ignore_extra)], @options);
    my $parameters = $self->_by_path('');
    my $loaded = AI::MXNet::NDArray->load($filename);
    $loaded = {} if ref $loaded eq 'ARRAY' and not @$loaded;
    AI::MXNet::Error::fail("load_parameters: the arrays in file $filename have no names") unless ref $loaded eq 'HASH';
    return if not %$loaded and not $parameters->keys;
    # the original wrote 0weight for 0.weight
    for my $key (grep { !$parameters->exists($_) } keys %$loaded) {
        my $path = $key =~ s/\A0(?=[^.])/0./r;
        $loaded->{$path} = delete $loaded->{$key} if $parameters->exists($path);
    }
    my $ctx = $options{ctx} // AI::MXNet::Context::->current_ctx;
    return $self->collect_params->load($filename, %options, ctx => $ctx, restore_prefix => $self->prefix) unless grep {/\./} keys %$loaded;
    if (not $options{allow_missing}) {
        for my $name (grep { not exists $loaded->{$_} } $parameters->keys) {
            AI::MXNet::Error::fail("Parameter $name is missing in file $filename, which contains parameters: ", join(', ', sort keys %$loaded),
                '. Please make sure source and target networks have the same prefix. Set allow_missing=>1 to ignore missing parameters.');
        }
    }
    for my $name (sort keys %$loaded) {
        if ($parameters->exists($name)) { $parameters->get($name)->_load_init($loaded->{$name}, $ctx) }
        elsif (not $options{ignore_extra}) {
            AI::MXNet::Error::fail("Parameter $name loaded from file $filename is not present in ParameterDict, which contains parameters ",
                join(', ', $parameters->keys), '. Set ignore_extra=>1 to ignore.');
        }
    }
    return;
}

sub save_params { goto &save_parameters }
sub load_params { goto &load_parameters }

# -- text ----------------------------------------------------------------------------------------------------------

# Class(, a line for each child, ). Layers say more in a method of the same name.
sub _describe
{
    my ($self) = @_;
    my $text = $self->class . "(\n";
    $text .= "  ($_): " . $self->_children->get($_) =~ s/\n/\n  /gr . "\n" for $self->_children->keys;
    return "$text)";
}

sub summary
{
    my ($self, @inputs) = @_;
    AI::MXNet::NS::load('AI/MXNet/Gluon/Summary.pm');
    return AI::MXNet::Gluon::Summary::show($self, @inputs);
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;

1;
