package AI::MXNet::Symbol;
# Graphs of operators on named variables, which live in the engine. POD at the end.
#
# The class goes on in Symbol/Inference.pm (shapes, dtypes and storage types).
use strict;
use warnings;
use Scalar::Util qw(blessed looks_like_number);
use AI::MXNet::Base ();
use AI::MXNet::Engine;
use AI::MXNet::Error;
use AI::MXNet::NS;
use AI::MXNet::Symbol::Base;
use AI::MXNet::Symbol::Generic;
use AI::MXNet::Symbol::Inference;

our @ISA = ('AI::MXNet::Symbol::Base');

use overload
    '+'  => sub { _arithmetic(@_, qw(_Plus _PlusScalar)) },
    '-'  => sub { _arithmetic(@_, qw(_Minus _MinusScalar _RMinusScalar)) },
    '*'  => sub { _arithmetic(@_, qw(_Mul _MulScalar)) },
    '/'  => sub { _arithmetic(@_, qw(_Div _DivScalar _RDivScalar)) },
    '**' => sub { _arithmetic(@_, qw(_Power _PowerScalar _RPowerScalar)) },
    '%'  => sub { _arithmetic(@_, qw(_Mod _ModScalar _RModScalar)) },
    '!=' => sub { _arithmetic(@_, qw(_not_equal _not_equal_scalar)) },
    '>'  => sub { _arithmetic(@_, qw(_greater _greater_scalar _lesser_scalar)) },
    '>=' => sub { _arithmetic(@_, qw(_greater_equal _greater_equal_scalar _lesser_equal_scalar)) },
    '<'  => sub { _arithmetic(@_, qw(_lesser _lesser_scalar _greater_scalar)) },
    '<=' => sub { _arithmetic(@_, qw(_lesser_equal _lesser_equal_scalar _greater_equal_scalar)) },
    '=='   => sub { _arithmetic(@_, qw(_equal _equal_scalar)) },
    (map { my $function = $_; $function => sub { $_[0]->$function } } qw(abs sqrt exp log sin cos)),
    'atan2' => \&atan2,
    '&{}'  => sub { my ($self) = @_; sub { $self->call(@_) } },
    '@{}'  => sub { my ($self) = @_; [map { $self->_part('output', $_) } 0 .. $self->{count} - 1] },
    '""'   => \&stringify,
    'cmp'  => sub { my ($x, $y, $swapped) = @_; ("$x" cmp "$y") * ($swapped ? -1 : 1) },
    'bool' => sub {1},
    '='    => sub { $_[0] };

sub import { my ($class, @names) = @_; return AI::MXNet::NS::install($class, scalar caller, @names) }

# -- making symbols ------------------------------------------------------------------------------------------------

# Asks the engine for a new symbol; undef if there is none. It is an object as soon as the answer is there, which says the
# number of its outputs, even where waiting for that was broken off.
sub _ask
{
    my ($class, $message, @fields) = @_;
    AI::MXNet::Engine::notice_fork();
    AI::MXNet::Engine::locate();
    my $handle = AI::MXNet::Engine::handle();
    my $take = sub { my (undef, $count) = @_; defined $count ? bless { handle => $handle, count => $count }, ref $class || $class : undef };
    my ($new) = AI::MXNet::Engine->ask($take, $message, $handle, @fields);
    return $new;
}

# The fields of the engine's answer to a message.
sub _request
{
    my (@message) = @_;
    AI::MXNet::Engine::locate();
    return AI::MXNet::Engine->ask(\&_fields, @message);
}

sub _fields { my (undef, @fields) = @_; return @fields }

sub DESTROY { AI::MXNet::Engine::release($_[0]{handle}) }

sub handle { $_[0]{handle} }

# Text as the wire wants it; a copy, for a number would become text.
sub _texts
{
    return map { my $text = "$_"; utf8::encode($text); $text } @_;
}

# What the arguments of a variable are called among the attributes of a symbol file.
my %attribute_of = (
    (map { $_ => "__${_}__" } qw(shape lr_mult wd_mult dtype init)), stype => '__storage_type__', __layout__ => '__layout__',
);

sub Variable
{
    my ($class, @arguments) = @_;
    unshift @arguments, 'name' if @arguments % 2;    # in front of the named arguments, or one of them
    my %options = @arguments;
    my $name = delete $options{name};
    AI::MXNet::Error::fail('Expect a string for variable `name`, but got ', $name // 'undef') if not defined $name or ref $name;
    my %attributes = %{ AI::MXNet::Symbol::AttrScope->current->get(AI::MXNet::Symbol::Base::_checked(delete $options{attr})) };
    my %kwargs = %{ delete $options{kwargs} // {} };
    for my $key (keys %kwargs) {
        AI::MXNet::Error::fail("Attribute name=$key is not supported. Additional attributes must start and end with double underscores, e.g, __yourattr__")
            unless $key =~ /\A__\w*__\z/;
        $attributes{$key} = "$kwargs{$key}";
    }
    for my $key (keys %options) {
        AI::MXNet::Error::fail("Variable has no argument $key: it takes attr, kwargs, ", join ', ', sort keys %attribute_of) unless $attribute_of{$key};
        my $value = $options{$key};
        next unless defined $value;
        $value = AI::MXNet::Base::DTYPE_STR_TO_MX()->{$value} // $value        if $key eq 'dtype';
        $value = AI::MXNet::Base::STORAGE_TYPE_STR_TO_ID()->{$value} // $value if $key eq 'stype';
        $attributes{ $attribute_of{$key} } = AI::MXNet::Symbol::Base::text($value);
    }
    my $new = $class->_ask('variable', _texts($name), [_texts(map { $_ => $attributes{$_} } sort keys %attributes)]);
    $new->{name} = "$name";
    return $new;
}

*var = \&Variable;

sub _compose
{
    my ($class, $row, $operator, $name, $attributes, $symbols, $named) = @_;
    AI::MXNet::Error::fail('_compose only accept input Symbols either as positional or keyword arguments, not both') if @$symbols and %$named;
    $name = AI::MXNet::Symbol::NameManager->current->get($name, lc $operator);
    my @names = sort keys %$named;
    my $new = $class->_ask('compose', _texts($row->{name}, $name), [_texts(map { $_ => $attributes->{$_} } sort keys %$attributes)],
        (@names ? [_texts(@names)] : undef), AI::MXNet::Engine::handles_of(@$symbols, @{$named}{@names}));
    $new->{name} = "$name";
    return bless $new, __PACKAGE__;
}

# An operator of the user's own, of the type op_type (see AI::MXNet::Operator).
sub Custom
{
    my ($self, @arguments) = @_;
    AI::MXNet::NS::load('AI/MXNet/Operator.pm');
    AI::MXNet::Operator::announce();
    my @symbols = ref $self ? $self : ();
    push @symbols, shift @arguments while @arguments and AI::MXNet::Symbol::Base::_is_symbol($arguments[0]);
    my %named = @arguments == 1 && ref $arguments[0] eq 'HASH' ? %{ $arguments[0] } : @arguments % 2
        ? AI::MXNet::Error::fail('Custom takes symbols, then named arguments, but got ', $arguments[0] // 'undef') : @arguments;
    my $name = delete $named{name};
    my %inputs = map { $_ => delete $named{$_} } grep { AI::MXNet::Symbol::Base::_is_symbol($named{$_}) } keys %named;
    my $attributes = AI::MXNet::Symbol::AttrScope->current->get(AI::MXNet::Symbol::Base::_checked(delete $named{attr}));
    %$attributes = (%$attributes, map { $_ => AI::MXNet::Symbol::Base::text($named{$_}) } grep { defined $named{$_} } keys %named);
    return __PACKAGE__->_compose({ name => 'Custom' }, 'Custom', $name, $attributes, \@symbols, \%inputs);
}

sub Group
{
    my ($class, $symbols) = @_;
    AI::MXNet::Error::fail('Expect Symbols in the list input')
        if ref $symbols ne 'ARRAY' or not @$symbols or grep { !blessed $_ or !$_->isa(__PACKAGE__) } @$symbols;
    return $class->_ask('group', AI::MXNet::Engine::handles_of(@$symbols));
}

sub load
{
    my ($class, $path) = @_;
    return $class->load_json(AI::MXNet::Base::_read_file('Symbol->load', $path));
}

sub load_json
{
    my ($class, $text) = @_;
    utf8::decode($text) unless utf8::is_utf8($text);
    AI::MXNet::Operator::announce() if $INC{'AI/MXNet/Operator.pm'};
    return $class->_ask('parse', _texts($text));
}

# Constants, and what takes no symbols.
sub _filled
{
    my ($operator, $class, $defaults, @options) = @_;
    unshift @options, 'shape' if ref $options[0];    # by position, as for arrays
    my %options = (%$defaults, @options);
    delete $options{$_} for grep { not defined $options{$_} } keys %options;
    return AI::MXNet::Symbol::Base::call($operator, $class, %options);
}

sub zeros { my $class = shift; return _filled('_zeros', $class, { dtype => 'float32' }, @_) }
sub ones  { my $class = shift; return _filled('_ones',  $class, { dtype => 'float32' }, @_) }
sub arange { my $class = shift; return _filled('_arange', $class, { start => 0 }, @_) }

sub astype { my ($self, $dtype) = @_; return $self->Cast(dtype => $dtype) }

sub histogram { my $self = shift; return AI::MXNet::Symbol::Base::call('_histogram', $self, @_) }

sub reshape
{
    my ($self, @arguments) = @_;
    @arguments = (shape => $arguments[0]) if ref $self and @arguments == 1 and ref $arguments[0] eq 'ARRAY';
    return AI::MXNet::Symbol::Base::call('reshape', $self, @arguments);
}

# -- parts, copies, composition ------------------------------------------------------------------------------------

sub _part
{
    my ($self, $what, @index) = @_;
    return __PACKAGE__->_ask('part', AI::MXNet::Engine::handles_of($self), $what, map { looks_like_number($_) ? 0 + $_ : _texts($_) } @index);
}

sub get_internals { my ($self) = @_; return $self->_part('internals') }
sub get_children  { my ($self) = @_; return $self->_part('children') }

sub slice
{
    my ($self, @slices) = @_;
    return AI::MXNet::Symbol::Base::call('slice', $self, @slices) if @slices != 1 or ref $slices[0];
    return $self->_part('output', $slices[0]);
}

sub deepcopy { my ($self) = @_; return __PACKAGE__->_ask('recompose', AI::MXNet::Engine::handles_of($self), undef, []) }

# A copy in which variables are replaced by the symbols given for them.
sub call
{
    my ($self, @arguments) = @_;
    AI::MXNet::Error::fail('General composition only support kwargs for now, but got ', scalar @arguments, ' arguments')
        if @arguments % 2 or grep { ref } @arguments[map { 2 * $_ } 0 .. @arguments / 2 - 1];
    my %symbols = @arguments;
    my $name = delete $symbols{name};
    my @names = sort keys %symbols;
    for my $key (@names) {
        AI::MXNet::Error::fail("Compose expect `Symbol` as arguments, but $key is ", $symbols{$key} // 'undef')
            unless blessed $symbols{$key} and $symbols{$key}->isa(__PACKAGE__);
    }
    $name = AI::MXNet::Symbol::NameManager->current->get($name) if defined $name;
    return __PACKAGE__->_ask('recompose', AI::MXNet::Engine::handles_of($self), (defined $name ? _texts($name) : undef), [_texts(@names)],
        AI::MXNet::Engine::handles_of(@symbols{@names}));
}

# -- what a symbol is ----------------------------------------------------------------------------------------------

sub _names
{
    my ($self, $what) = @_;
    my @names = _request('names', AI::MXNet::Engine::handles_of($self), $what);
    utf8::decode($_) for grep { defined } @names;
    return \@names;
}

sub name                  { my ($self) = @_; return $self->{name} // $self->_names('name')->[0] }
sub list_arguments        { my ($self) = @_; return $self->_names('arguments') }
sub list_outputs          { my ($self) = @_; return $self->_names('outputs') }
sub list_auxiliary_states { my ($self) = @_; return $self->_names('auxiliary_states') }
sub list_inputs           { my ($self) = @_; return $self->_names('inputs') }
sub _is_custom            { my ($self) = @_; return scalar @{ $self->_names('custom') } }

sub stringify
{
    my ($self) = @_;
    my $name = $self->name;
    return defined $name
        ? sprintf '<%s %s>', ref $self, $name
        : sprintf '<%s group [%s]>', ref $self, join ', ', map { $_->name } @$self;
}

sub _known_as
{
    my ($self) = @_;
    return sprintf 'symbol <%s %s>', ref $self, $self->{name} // "of $self->{count} output" . ($self->{count} == 1 ? '' : 's');
}

sub attr_dict
{
    my ($self) = @_;
    my @fields = _request('attributes', AI::MXNet::Engine::handles_of($self));
    utf8::decode($_) for grep { defined } @fields;
    my %attributes;
    while (@fields) {
        my ($name, $count) = splice @fields, 0, 2;
        $attributes{$name} = { splice @fields, 0, 2 * $count };
    }
    return \%attributes;
}

sub list_attr
{
    my ($self, @options) = @_;
    my %options = AI::MXNet::Error::paired('list_attr', @options);
    AI::MXNet::Error::fail('Symbol.list_attr with recursive=True has been deprecated. Please use attr_dict instead.') if $options{recursive};
    my $name = $self->name;
    return { %{ (defined $name ? $self->attr_dict->{$name} : undef) // {} } };
}

sub attr { my ($self, $key) = @_; return $self->list_attr->{$key} }

sub _set_attr
{
    my ($self, %attributes) = @_;
    _request('set_attributes', AI::MXNet::Engine::handles_of($self), [_texts(map { $_ => $attributes{$_} } sort keys %attributes)]);
    return;
}

sub tojson
{
    my ($self) = @_;
    my ($text) = _request('dump', AI::MXNet::Engine::handles_of($self));
    utf8::decode($text);
    return $text;
}

sub save
{
    my ($self, $path) = @_;
    my $text = $self->tojson;
    utf8::encode($text);
    AI::MXNet::Base::_write_file('Symbol->save', $path, $text);
    return;
}

sub to_html { my ($self) = @_; AI::MXNet::NS::load('AI/MXNet/Notebook.pm'); return AI::MXNet::Notebook::symbol($self) }

sub iperl_data_representations { my ($self) = @_; return AI::MXNet::Notebook::representations($self->to_html, $self->stringify) }

# What a symbol file says, as hashes and lists.
sub _graph
{
    my ($self) = @_;
    AI::MXNet::NS::load('JSON/PP.pm');
    return JSON::PP->new->decode($self->tojson);
}

sub debug_str
{
    my ($self) = @_;
    my $graph = $self->_graph;
    my @nodes = @{ $graph->{nodes} };
    my $text = "Symbol Outputs:\n";
    my $number = 0;
    $text .= sprintf "\toutput[%d]=%s(%d)\n", $number++, $nodes[ $_->[0] ]{name}, $_->[1] for @{ $graph->{heads} };
    for my $node (@nodes) {
        if ($node->{op} eq 'null') { $text .= "Variable:$node->{name}\n"; next }
        $text .= '-' x 20 . "\nOp:$node->{op}, Name=$node->{name}\nInputs:\n";
        my $position = 0;
        for my $input (@{ $node->{inputs} }) {
            my $from = $nodes[ $input->[0] ];
            $text .= sprintf "\targ[%d]=%s(%d)%s\n", $position++, $from->{name}, $input->[1], $from->{op} eq 'null' ? " version=$input->[2]" : '';
        }
        my $attributes = $node->{attrs} or next;
        $text .= "Attrs:\n" . join '', map {"\t$_=$attributes->{$_}\n"} sort keys %$attributes;
    }
    return $text;
}

# -- computing -----------------------------------------------------------------------------------------------------

sub simple_bind { my $self = shift; AI::MXNet::NS::load('AI/MXNet/Executor.pm'); return AI::MXNet::Executor->_simple_bind($self, @_) }
sub bind        { my $self = shift; AI::MXNet::NS::load('AI/MXNet/Executor.pm'); return AI::MXNet::Executor->_bind($self, @_) }

sub eval
{
    my ($self, @options) = @_;
    my %options = AI::MXNet::Error::paired('eval', @options);
    return $self->bind(ctx => $options{ctx} // AI::MXNet::Context::->cpu, args => $options{args} // {})->forward;
}

sub grad { my ($self) = @_; AI::MXNet::Error::fail('Symbol->grad is not implemented: bind the symbol with args_grad, and call backward of its executor') }

# -- arithmetic ----------------------------------------------------------------------------------------------------

sub _arithmetic
{
    my ($self, $other, $swapped, $operator, $scalar, $reversed) = @_;
    if (blessed $other and $other->isa(__PACKAGE__)) {
        return AI::MXNet::Symbol::Base::call($operator, $swapped ? ($other, $self) : ($self, $other));
    }
    AI::MXNet::Error::fail('type ', ref $other || $other // 'undef', ' not supported')
        if not defined $other or ref $other and not(blessed $other and $other->isa('PDL') and $other->nelem == 1);
    return AI::MXNet::Symbol::Base::call($swapped && $reversed ? $reversed : $scalar, $self, scalar => ref $other ? $other->sclr : $other);
}

my %functions = (
    add => ['_Plus', '_PlusScalar'], subtract => ['_Minus', '_MinusScalar', '_RMinusScalar'], multiply => ['_Mul', '_MulScalar'],
    divide => ['_Div', '_DivScalar', '_RDivScalar'], true_divide => ['_Div', '_DivScalar', '_RDivScalar'],
    power => ['_Power', '_PowerScalar', '_RPowerScalar'],
    (map { $_ => ['_Mod', '_ModScalar', '_RModScalar'] } qw(mod modulo)),
    equal => ['_equal', '_equal_scalar'], not_equal => ['_not_equal', '_not_equal_scalar'],
    greater => ['_greater', '_greater_scalar', '_lesser_scalar'], greater_equal => ['_greater_equal', '_greater_equal_scalar', '_lesser_equal_scalar'],
    lesser => ['_lesser', '_lesser_scalar', '_greater_scalar'], lesser_equal => ['_lesser_equal', '_lesser_equal_scalar', '_greater_equal_scalar'],
    maximum => ['_maximum', '_maximum_scalar'], minimum => ['_minimum', '_minimum_scalar'], hypot => ['_hypot', '_hypot_scalar'],
);

for my $name (keys %functions) {
    my @operators = @{ $functions{$name} };
    no strict 'refs';
    *{$name} = sub {
        my ($self, $other, $reverse) = @_;
        ($self, $other, $reverse) = ($other, $reverse, 0) if not ref $self;
        ($self, $other, $reverse) = ($other, $self, 1) if not ref $self;
        return _arithmetic($self, $other, $reverse, @operators);
    };
}

# -- namespaces ----------------------------------------------------------------------------------------------------

# method => [package, how the names of its operators begin]
my %namespaces = (
    linalg  => ['AI::MXNet::LinAlg::Symbol',  '_linalg_'],
    contrib => ['AI::MXNet::Contrib::Symbol', '_contrib_'],
    sparse  => ['AI::MXNet::Symbol::Sparse',  '_sparse_'],
    image   => ['AI::MXNet::Image::Symbol',   '_image_'],
);
for my $name (keys %namespaces) {
    my ($package, $prefix) = @{ $namespaces{$name} };
    my $installed;
    no strict 'refs';
    *{$name} = sub { $installed++ or AI::MXNet::Symbol::Base::install($package, $prefix); return $package };
}

sub random { AI::MXNet::NS::load('AI/MXNet/Symbol/Random.pm'); return 'AI::MXNet::Symbol::Random' }

# -- files of other modules ----------------------------------------------------------------------------------------

sub STORABLE_freeze { my ($self, $cloning) = @_; return $self->tojson }

sub STORABLE_thaw
{
    my ($self, $cloning, $json) = @_;
    my $new = __PACKAGE__->load_json($json);
    %$self = %$new;
    %$new = ();
    return;
}

1;

__END__

=head1 NAME

AI::MXNet::Symbol - graphs of operators on named variables

=head1 SYNOPSIS

    use AI::MXNet qw(mx);

    my $data = mx->sym->Variable('data');
    my $net  = mx->sym->FullyConnected($data, name => 'fc1', num_hidden => 8);
    $net = mx->sym->Activation($net, act_type => 'relu');
    $net = mx->sym->FullyConnected($net, name => 'fc2', num_hidden => 2);
    $net = mx->sym->SoftmaxOutput($net, name => 'softmax');

    print "@{ $net->list_arguments }\n";    # data fc1_weight fc1_bias fc2_weight fc2_bias softmax_label
    my (undef, $shapes) = $net->infer_shape(data => [16, 4]);
    print "@{ $shapes->[0] }\n";            # 16 2

    my $executor = $net->simple_bind(ctx => mx->cpu, shapes => { data => [16, 4] });
    $executor->forward(1, data => mx->nd->ones([16, 4]));
    $executor->backward;

=head1 DESCRIPTION

A symbol says what is to be computed before there are arrays: it is one output of a graph of operators, or several. Its
free variables are its arguments, such as data, weights and labels, and its auxiliary states, such as the moving averages
of BatchNorm, which no gradient changes. L</simple_bind> makes arrays for all of them. C<< mx->sym >> and
C<< mx->symbol >> are this package; C<use AI::MXNet::Symbol qw(sym)> imports it under that name.

=head1 OPERATORS

Every operator of F<docs/operators.md> is a method. It takes symbols by position or by name (not both), then its
attributes by name, or all names in a hash ref at the end. Called on a symbol, that is the first input.

    my ($x, $w) = map { mx->sym->Variable($_) } qw(x w);
    my $fc = mx->sym->FullyConnected($x, $w, num_hidden => 3, no_bias => 1);
    $fc = mx->sym->FullyConnected(data => $x, weight => $w, num_hidden => 3, no_bias => 1, name => 'fc');
    $fc = $x->FullyConnected($w, { num_hidden => 3, no_bias => 1, name => 'fc' });

Inputs that are not given become variables, whose names are that of the call and that of the input: C<fc_weight>. A call
without C<name> is called as its operator, with a number: C<fullyconnected0> (see L<AI::MXNet::Symbol::NameManager>).
C<attr>, a hash ref, and the scope (L<AI::MXNet::Symbol::AttrScope>) give it attributes of the form C<__word__>, and
C<lr_mult>, C<wd_mult>, C<ctx_group> likewise; the variables it makes have them, too. Array refs stand for tuples.

Perl's operators C<+ - * / ** %>, C<< == != > >= < <= >>, C<abs> and C<-$x> work on symbols and numbers. They do not
broadcast: both symbols have one shape. C<broadcast_add> and its kin do. All of them make new symbols; C<+=> puts the new
one into the variable.

A symbol is true, is its name as a string, an array of its outputs as C<@$symbol>, and a function that composes:

    my $two = mx->sym->Group([$x * 2, $w]);
    print scalar(@$two), ' ', $two->[1]->name, "\n";    # 2 w
    my $other = $fc->(x => mx->sym->Variable('y') + 1, name => 'composed');

=head1 MAKING

Class methods.

=head2 Variable, var

    my $v = mx->sym->Variable('v', shape => [2, 3], dtype => 'float32', init => mx->init->Zero, lr_mult => 2);

A variable of that name. Arguments: C<shape> (0: a dimension that is not known), C<dtype>, C<stype>, C<init> (an
initializer), C<lr_mult> and C<wd_mult> for optimizers, C<attr>, a hash ref of strings, C<kwargs>, one of attributes
C<__word__>, and C<__layout__>.

=head2 Group

    my $both = mx->sym->Group([$x, $fc]);

The outputs of several symbols as one.

=head2 Custom

An operator of the user's own, C<< mx->sym->Custom($x, op_type => 'name') >>: see L<AI::MXNet::Operator>.

=head2 load, load_json

    $fc->save('/tmp/fc-symbol.json');
    my $again = mx->sym->load('/tmp/fc-symbol.json');
    $again = mx->sym->load_json($fc->tojson);
    unlink '/tmp/fc-symbol.json';

The symbol of a file, or of the text of one. Files of MXNet from 0.8 on are read. What is no symbol file, or names an
operator that does not exist, dies.

=head2 astype

    my $half = $fc->astype('float16');

In another dtype.

=head2 zeros, ones, arange

    my $zeros = mx->sym->zeros(shape => [0, 3]);              # as many rows as what it is added to
    my $same  = mx->sym->zeros([0, 3]);
    my $steps = mx->sym->arange(start => 1, stop => 4, step => 0.5);

Constants, by named arguments: C<shape>, or C<start>, C<stop>, C<step> and C<repeat>; C<dtype>, C<name>.

=head2 full, concatenate

    my $sevens = mx->sym->full([2, 3], 7);
    my $tall   = mx->sym->concatenate([$x, $sevens], axis => 0);

A constant of one value; symbols one after another along an axis.

=head2 random, linalg, contrib, image, sparse

Namespaces: C<< mx->sym->random->uniform(...) >> is L<AI::MXNet::Symbol::Random>, C<< mx->sym->contrib->name >> the
operator C<_contrib_name>, and so on.

=head1 ARITHMETIC

=head2 add, subtract, multiply, divide, true_divide, power, mod, modulo

    my $difference = $x->subtract(1, 1);    # 1 - $x

The operators C<+ - * / ** %> as methods; a true second argument exchanges the sides.

=head2 equal, not_equal, greater, greater_equal, lesser, lesser_equal

The comparisons, which give 1 and 0.

=head2 maximum, minimum, hypot

Of a symbol and another, or a number.

=head2 reshape

    my $matrix = $x->reshape([-1, 4]);

The operator Reshape, also with its named arguments.

=head2 slice

    my $first = $two->slice(0);
    my $named = $fc->get_internals->slice('fc_output');
    my $part  = $x->slice(begin => [0, 1], end => [2, 3]);

One of the outputs, by position or name; with more arguments the operator slice.

=head2 histogram

The operator _histogram.

=head1 AS ARRAYS

Methods of L<AI::MXNet::NDArray>, so that the code of a hybrid block serves both. An operator of NumPy's set may go by its
short name, as there: C<< mx->sym->eye(3) >>.

=head2 T, moveaxis

    my $transposed = $x->T;
    my $last_first = $x->moveaxis(-1, 0);

The axes in reverse order, and one axis at another place.

=head2 detach, copy, sever

The same values: C<detach> lets no gradient through.

=head2 as_in_context, copyto, tostype

The same values; contexts are chosen when a symbol is bound. C<copyto> takes a context only.

=head2 atan2

The arc tangent of the quotient.

=head1 PARTS AND NAMES

=head2 name

The name of the call that makes the outputs; undef for those of several.

=head2 list_arguments, list_auxiliary_states, list_inputs, list_outputs

List refs of names. C<list_inputs> has arguments and auxiliary states, in the order of the graph.

=head2 get_internals, get_children

    my $hidden = $fc->get_internals->slice('fc_output');

All outputs of all calls and variables below, or the direct inputs (undef: it is a variable), as one symbol.

=head2 deepcopy, call

C<< $symbol->call(x => $other) >> is C<< $symbol->(x => $other) >>: a copy in which C<$other> replaces the variable x;
C<name> names the copy.

=head2 attr, list_attr, attr_dict

    my $rate = $x->attr('__lr_mult__');

An attribute, or undef; the attributes of this call or variable as a hash ref; those of all in the graph, by name. An
operator's parameters are attributes, too. C<__lr_mult__> and its kin appear without underscores as well.

=head2 stringify, debug_str, tojson, to_html, iperl_data_representations

The name in angle brackets, as a symbol prints; the graph in lines; the text of a symbol file; an HTML table of the
operators, and what IPerl shows (L<AI::MXNet::Prompt>).

=head2 save

    $fc->save('/tmp/model-symbol.json');
    unlink '/tmp/model-symbol.json';

Writes a file that MXNet reads. It is complete or not there at all.

=head2 handle

What names the symbol to the engine.

=head2 STORABLE_freeze, STORABLE_thaw

L<Storable> keeps a symbol as the text of its file.

=head1 INFERENCE

=head2 infer_shape, infer_shape_partial

    my ($arguments, $outputs, $states) = $fc->infer_shape(x => [5, 4]);
    ($arguments, $outputs, $states) = $fc->infer_shape([5, 4]);

The shapes of all arguments, outputs and auxiliary states, in the order of the lists, from those of some, by name or
position (undef: not known). What is known of one input tells of others, in both directions. Where something stays
unknown, C<infer_shape> warns which and gives (undef, undef, undef); C<infer_shape_partial> gives what there is, C<[]> for
nothing and 0 for an unknown dimension. Shapes that contradict each other die, with the name of the call.

=head2 infer_type

    my ($types) = $fc->infer_type(x => 'float64');

The same of dtypes.

=head1 COMPUTING

=head2 simple_bind

    my $bound = $fc->simple_bind(ctx => mx->cpu, shapes => { x => [5, 4] }, grad_req => 'write');

An L<AI::MXNet::Executor> on new arrays of zeros, for arguments, gradients and auxiliary states. Named arguments:

=over 4

=item shapes

Hash ref of the shapes of inputs; the others must follow from them.

=item ctx, type_dict, stype_dict

The device; dtypes and storage types of arguments, by name.

=item grad_req

C<write>, C<add> or C<null> (no gradient) for all arguments, or a list ref in their order, or a hash ref (those missing:
null).

=item shared_exec, shared_buffer, shared_arg_names

An executor with whose arrays those of the same name and shape are shared; a hash ref of arrays to take and to leave
there, but for those named.

=item group2ctx

A hash ref of names of groups and contexts: arrays of variables that have C<ctx_group> get these contexts. All is computed
in one place.

=back

Dies with C<simple_bind failed: Error: ...; Arguments: {...}>.

=head2 bind

    my $args  = { x => mx->nd->ones([5, 4]), w => mx->nd->ones([3, 4]) };
    my $grads = { w => mx->nd->zeros([3, 4]) };
    $bound = $fc->bind(ctx => mx->cpu, args => $args, args_grad => $grads, grad_req => 'add');

An executor on these arrays: C<args>, C<args_grad> and C<aux_states> as hash refs, or list refs in the order of the
lists. C<args_grad> may name only some; without it there are no gradients.

=head2 eval

    my $results = $fc->eval(ctx => mx->cpu, args => $args);

Binds and runs once: the outputs as a list ref.

=head2 grad

Dies: C<bind> with C<args_grad> and C<backward> compute gradients.

=head1 SEE ALSO

L<AI::MXNet::Executor>, L<AI::MXNet::CachedOp>, L<AI::MXNet::Symbol::AttrScope>, L<AI::MXNet::Symbol::NameManager>

=cut
