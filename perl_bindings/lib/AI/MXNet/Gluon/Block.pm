package AI::MXNet::Gluon::Block;
# What all layers and networks are: named parameters, and blocks as children. POD at the end.
#
# Every method of this package is one that an attribute of a user's block cannot have the name of. So nothing is imported
# that stays, and what is not interface begins with an underscore.
use strict;
use warnings;
use AI::MXNet ();
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
    '&{}'  => sub { $_[0]{_call_code} // $_[0]->_make_code },
    '""'   => sub { $_[0]->_describe },
    'bool' => sub {1},
    AI::MXNet::Base::_by_identity(),
    fallback => 1;

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
        if not ref $self or @value > 1 or $name =~ /\A(?:BUILD|BUILDARGS|DEMOLISH|DESTROY)\z/;    # these are Mouse's and Perl's
    return $self->{$name} if not @value;
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
    AI::MXNet::Error::expect('register_child takes a Block', __PACKAGE__, $block);
    my $children = $self->_children;
    $children->set($name // scalar(() = $children->keys), $block);
    delete $self->{_child_list};
    return;
}

# The children as a list ref, which is kept.
sub _child_list { my ($self) = @_; return $self->{_child_list} //= [$self->_children->values] }

sub collect_params
{
    my ($self, $select) = @_;
    $self->_warn_of_containers;
    my $collected = AI::MXNet::Gluon::ParameterDict->new($self->params->prefix);
    $collected->update($self->params, $select);
    $collected->update($_->collect_params($select)) for @{ $self->_child_list };
    return $collected;
}

# Blocks in lists and hashes are not seen.
sub _warn_of_containers
{
    my ($self) = @_;
    my %known = map { Scalar::Util::refaddr($_) => 1 } @{ $self->_child_list };
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
    $_->cast($dtype) for @{ $self->_child_list }, $self->params->values;
    return;
}

sub apply
{
    my ($self, $code) = @_;
    AI::MXNet::Error::expect('apply takes code, which is called with each block', CODE => $code);
    $_->apply($code) for @{ $self->_child_list };
    $code->($self);
    return $self;
}

sub hybridize
{
    my ($self, @options) = @_;
    $_->hybridize(@options) for @{ $self->_child_list };
    return;
}

# -- calls ---------------------------------------------------------------------------------------------------------

# The code that $block->(...) runs.
sub _make_code
{
    my ($self) = @_;
    Scalar::Util::weaken(my $weak = $self);
    return $self->{_call_code} = sub { $weak->call(@_) };
}

sub call
{
    my ($self, @in) = @_;
    ref eq 'AI::MXNet::NDArray::Slice' and $_ = $_->sever for @in;
    my @out = $self->{_hooked} ? $self->_call_hooked(@in) : $self->forward(@in);
    return wantarray ? @out : $out[0];
}

sub forward { my ($self) = @_; AI::MXNet::Error::fail('Not Implemented: Method forward is not Implemented by ', ref $self) }

sub _call_hooked
{
    my ($self, @in) = @_;
    my $in = \@in;
    $_->($self, $in) for $self->_hooks_of('_forward_pre_hooks')->values;
    my $out = [$self->forward(@$in)];
    # a hook may replace the outputs, through its third argument
    $_->($self, $in, $out) for $self->_hooks_of('_forward_hooks')->values;
    return ref $out eq 'ARRAY' ? @$out : $out;
}

sub _hooks_of { my ($self, $kind) = @_; return $self->{$kind} //= AI::MXNet::Gluon::Ordered->new }

sub register_forward_pre_hook { my ($self, $code) = @_; return $self->_register_hook('_forward_pre_hooks', $code) }
sub register_forward_hook     { my ($self, $code) = @_; return $self->_register_hook('_forward_hooks',     $code) }

sub _register_hook
{
    my ($self, $kind, $code) = @_;
    AI::MXNet::Error::expect('a hook is a code ref', CODE => $code);
    $self->{_hooked} = 1;
    my $handle = AI::MXNet::Gluon::Utils::HookHandle->new;
    $handle->attach($self->_hooks_of($kind), $code);
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

# The parameter that the names of attributes lead to, or undef.
sub _parameter_at
{
    my ($self, $path) = @_;
    my ($name, $rest) = split /\./, $path, 2;
    return $self->_reg_params->exists($name) ? $self->_reg_params->get($name) : undef if not defined $rest;
    return $self->_children->exists($name) ? $self->_children->get($name)->_parameter_at($rest) : undef;
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
    # the original wrote 0weight for 0.weight; MXNet's Python, rnn.l0_i2h_weight for rnn._unfused.0.i2h_weight
    my %path_of = map { $parameters->get($_)->name => $_ } $parameters->keys;
    for my $key (grep { !$parameters->exists($_) } keys %$loaded) {
        my $path  = $key =~ s/\A0(?=[^.])/0./r;
        my $meant = $parameters->exists($path) ? undef : $self->_parameter_at($key);
        $path = $path_of{ $meant->name } if $meant;
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

sub to_html { my ($self) = @_; AI::MXNet::NS::load('AI/MXNet/Notebook.pm'); return AI::MXNet::Notebook::block($self) }

sub iperl_data_representations { my ($self) = @_; return AI::MXNet::Notebook::representations($self->to_html, $self->_describe) }

sub summary
{
    my ($self, @inputs) = @_;
    AI::MXNet::NS::load('AI/MXNet/Gluon/Summary.pm');
    return AI::MXNet::Gluon::Summary::show($self, @inputs);
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;

1;

__END__

=head1 NAME

AI::MXNet::Gluon::Block - what all layers and networks are

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd);

    package Residual {
        use AI::MXNet::Gluon::Mouse;
        use AI::MXNet::Gluon::NN qw(nn);
        extends 'AI::MXNet::Gluon::Block';
        has units => (is => 'ro', default => 4);

        sub BUILD
        {
            my ($self) = @_;
            $self->name_scope(sub {
                $self->body(nn->Dense($self->units, in_units => $self->units, activation => 'relu'));
            });
        }

        sub forward
        {
            my ($self, $x) = @_;
            return $x + $self->body->($x);
        }
    }

    my $block = Residual->new(units => 3, prefix => 'res_');
    $block->initialize(mx->init->Xavier);
    print $block->(nd->ones([2, 3])), "\n";               # <AI::MXNet::NDArray 2x3 @cpu(0)>
    print join(' ', $block->collect_params->keys), "\n";  # res_dense0_weight res_dense0_bias

=head1 DESCRIPTION

A block has parameters and children, which are blocks, and computes something of arrays when it is called:
C<< $block->($x) >>. In list context a call returns all that C<forward> returned, else the first of it.

=head2 Classes of blocks

A class extends AI::MXNet::Gluon::Block and has a method C<forward>. Its C<BUILD> runs after this class's own, and makes
children and parameters. Assigning a block to an attribute makes it a child of that name; assigning a
L<parameter|AI::MXNet::Gluon::Parameter> makes it a parameter of the block. Attributes need not be declared: a method that
there is not, called with a value, makes one, and without a value it is undef. A typing error in the name of a method
therefore dies on classes, but not on objects.

An attribute that holds a block or a parameter can only be given another object of that class, or, a parameter, none at all.
Blocks in lists and hashes are not seen; use C<register_child> or a C<Sequential>.

A method C<python_constructor_arguments> returns a list ref of the names of those attributes that the constructor takes
also by position: C<< nn->Dense(10) >>.

A plain class works as well: C<use base 'AI::MXNet::Gluon::Block'>, a C<new> that calls C<SUPER::new>, and
C<register_child> for each child.

=head2 Names

A block's prefix is what its constructor was given, or a word for its class and a number, such as C<dense0_>. Inside of
C<name_scope>, prefixes of new blocks follow that of the block, and the numbers count in that block. A parameter's name is
the prefix of the block that made it and a name of its own.

=head1 ATTRIBUTES

    my $layer = AI::MXNet::Gluon::Block->new(prefix => 'my_', params => $block->params);

=head2 prefix

What the names of its parameters begin with. If it is empty, the block has no scope of its own.

=head2 params

The L<dictionary|AI::MXNet::Gluon::ParameterDict> of the block's own parameters, without those of its children. Given to the
constructor, the parameters of another block are shared, under their names.

=head2 name, class

    print join(' ', $block->name, $block->class), "\n";    # res Residual

The prefix without the underscore at its end; the last word of the class.

=head1 METHODS

=head2 name_scope

    $block->name_scope(sub { $block->second(AI::MXNet::Gluon::NN->Dense(3, in_units => 3)) });
    print $block->second->name, "\n";    # res_dense1

Runs code, whose blocks get names inside of this block's.

=head2 collect_params

    my $weights = $block->collect_params('.*weight');

The parameters of the block and of all below it, in order, as a dictionary; only those whose name a pattern matches.

=head2 initialize

    $block->initialize('ones', force_reinit => 1);
    $block->initialize(mx->init->Normal(0.1), ctx => [mx->cpu(0), mx->cpu(1)], force_reinit => 1);

Fills all parameters by an initializer or its name (C<Uniform>), on one or several contexts (the current one). C<verbose>
reports each. Parameters that have values already are left alone, with a warning, unless C<force_reinit>.

=head2 call

    my $output = $block->call(nd->ones([1, 3], ctx => mx->cpu(1)));    # the same as $block->(...)

Runs C<forward> and the hooks.

=head2 forward

What a class defines.

=head2 register_child

    $block->register_child(AI::MXNet::Gluon::NN->Dropout(0.5), 'dropout');

Adds a child, under a name, or under its number.

=head2 register_forward_pre_hook, register_forward_hook

    my $handle = $block->register_forward_hook(sub {
        my ($self, $inputs, $outputs) = @_;
        print $self->name, " gave $outputs->[0]\n";
    });
    $handle->detach;

Code that is called with the block and the list of inputs, before C<forward>; or also with the list of outputs, after it.
Either may change the lists. C<detach> of the handle takes the code off again.

=head2 apply

    $block->apply(sub { my ($any) = @_; print $any->name, "\n" });

Calls code with every block, children first. Returns the block.

=head2 cast

    $block->cast('float64');

Changes the dtype of all parameters.

=head2 hybridize

    $block->hybridize;

Hybridizes all L<hybrid blocks|AI::MXNet::Gluon::HybridBlock> below.

=head2 save_parameters, load_parameters, save_params, load_params

    $block->save_parameters('/tmp/residual.params');
    $block->load_parameters('/tmp/residual.params', ctx => [mx->cpu(0), mx->cpu(1)]);

Files in MXNet's format, where a parameter is named by the attributes that lead to it: C<body.weight>, or C<0.weight> in a
C<Sequential>. Values of several contexts are averaged. Loading takes also files by full names, of older versions, and knows
C<ctx> (the current one), C<allow_missing> and C<ignore_extra>.

=head2 summary

    $block->hybridize(0);
    $block->summary(nd->ones([1, 3], dtype => 'float64', ctx => mx->cpu(1)));

Calls the block and prints a table of its layers, with the shape of what each gave and the number of its parameters.

=head2 to_html, iperl_data_representations

A table of the layers with their parameters, and what IPerl shows: see L<AI::MXNet::Prompt>.

=head2 attributes_hash

All attributes that are declared, by name.

=head2 register

    Residual->register('AI::MXNet::Gluon::NN');
    my $another = AI::MXNet::Gluon::NN->Residual(units => 2);

Gives a package a constructor named like the class.

=head1 ERRORS

Everything dies with an L<AI::MXNet::Error>, attributes of a wrong type with Mouse's message.

=head1 SEE ALSO

L<AI::MXNet::Gluon>, L<AI::MXNet::Gluon::HybridBlock>, L<AI::MXNet::Gluon::Mouse>

=cut
