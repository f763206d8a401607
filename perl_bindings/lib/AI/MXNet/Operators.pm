package AI::MXNet::Operators;
# The operator table that the engine exports, and calls of it from Perl: resolving arguments, checking attributes,
# predicting the outputs.
use strict;
use warnings;
use Data::MessagePack;
use File::Basename qw(dirname);
use List::Util qw(first);
use Scalar::Util qw(blessed looks_like_number);
use AI::MXNet::Context;
use AI::MXNet::Engine;
use AI::MXNet::Error;
use AI::MXNet::Shape;

my (@rows, %rows, $digest);

_load();

# What the handshake compares.
sub digest {$digest}

# The row of an operator by name or alias, or undef.
sub row { my $row = $rows{ $_[0] }; return defined $row && !$row->{position} ? _prepared($row) : $row }

# Operators of MXNet that Perl could never call to any use, and what does the same.
my %of_no_use = (
    (map { $_ => 'MXNet gives it symbols to call, which Perl never could; if, for and while do on arrays what it does' } qw(_cond _foreach _while_loop)),
    _imdecode => 'it failed at every call in MXNet; nd->imdecode reads images',
);

# Dies because a package has no such method.
sub refuse
{
    my ($name, $package) = @_;
    my $why = $of_no_use{$name};
    return AI::MXNet::Error::fail("Can't locate object method \"$name\" via package \"$package\"", defined $why ? ": $why" : '');
}

# Every name and alias.
sub names { keys %rows }

# Where a file that is written from the operator table lies.
sub table_file
{
    my ($name) = @_;
    my $folder = dirname(__FILE__);
    return (first { -e } "$folder/$name", "$folder/../../../../protocol/$name")
        // die "the operator table $name is neither beside $folder nor in protocol/ of a clone\n";
}

sub _load
{
    my $path = table_file('operators.msgpack');
    open my $file, '<:raw', $path or die "$path: $!\n";
    my $table = Data::MessagePack->new->unpack(do { local $/; readline $file });
    ($digest, my $list) = @$table;
    for my $row (@$list) {
        $row->{number} = 0 + @rows;    # not the bare count, which for none is also text
        push @rows, $row;
        $rows{$_} = $row for $row->{name}, @{ $row->{aliases} };
    }
    return;
}

# A row with what calls look up, made when the operator is first asked for.
sub _prepared
{
    my ($row) = @_;
    $row->{rule} = AI::MXNet::Shape::rule($row->{shape});
    my (@order, %position, %types);
    for (@{ $row->{attributes} }) {
        my ($name, $type) = @$_;
        $position{$name} = @order;
        push @order, $name;
        $types{$name} = $type;
        push @{ $row->{required} }, $name unless exists $type->{default};
    }
    $row->{input} = { map { $row->{inputs}[$_] => $_ } 0 .. $#{ $row->{inputs} } };
    $row->{least} = @{ $row->{inputs} } - @{ $row->{optional} // [] };
    # beside any number of arrays a list can mean nothing else, where no attribute is one
    $row->{takes_lists} = $row->{variadic} && !grep { $_->{type} =~ /\A(?:Shape|tuple)/ } values %types;
    @$row{qw(order types position)} = (\@order, \%types, \%position);
    $row->{names} = { map { $_ => 1 } qw(out name ctx shape), @{ $row->{inputs} }, @order };
    return $row;
}

our $given = 0;    # arrays that a call has beside the arguments that are being resolved

# Calls an operator with arguments as a user writes them. $self is the object that the method was called on, or a class.
sub call
{
    my ($row, $self, @arguments) = @_;
    my $arrays = 0;
    $arrays++ while $arrays < @arguments and ref $arguments[$arrays] eq 'AI::MXNet::NDArray';
    if ($arrays or ref $self eq 'AI::MXNet::NDArray') {
        my $known = _known_values($row, $arrays + (ref $self ? 1 : 0), @arguments[$arrays .. $#arguments]);
        if (defined $known) {
            $#arguments = $arrays - 1;
            unshift @arguments, $self if $arrays < $row->{least} and ref $self;
            return _invoke_known($row, \@arguments, $known) if @arguments >= $row->{least} and @arguments <= @{ $row->{inputs} };
        }
    }
    my ($inputs, $attrs, $out) = resolve($row, $self, splice @arguments);
    return invoke($row, $inputs, $attrs, $out);
}

# What follows the arrays in most calls: plain values. These are sorted out and checked once, and then known by their
# text: { attrs, wire, types of the outputs by those of the inputs }. Undef for all else.
sub _known_values
{
    my ($row, $arrays, @values) = @_;
    return undef if $row->{variadic} or $row->{shape} eq 'value';
    my $key = '';
    for my $value (@values) {
        return undef unless defined $value;
        if (not ref $value) {
            $key .= "$value\0";
            # a number that its text is not
            $key .= sprintf '%.17g', $value if looks_like_number($value) and "$value" != $value;
        }
        elsif (ref $value eq 'ARRAY') {
            return undef if $arrays < $row->{least};    # it stands for an array
            for (@$value) { return undef if not defined or ref or looks_like_number($_) && "$_" != $_ }
            $key .= "@$value\1";
        }
        else { return undef }
    }
    return $row->{known}{$key} if $row->{known}{$key};
    local $given = $arrays;
    my ($inputs, $attrs, $out) = resolve($row, __PACKAGE__, @values);
    return undef if @$inputs or defined $out or exists $attrs->{ctx};
    return _know($row, $key, $attrs);
}

sub _know
{
    my ($row, $key, $attrs) = @_;
    # values that change with each call, such as a learning rate, must not fill the memory
    $row->{known} = {} if keys %{ $row->{known} } > 1_000;
    return $row->{known}{$key} = { attrs => $attrs, wire => [%$attrs || $row->{required} ? _row_of_values($row, $attrs) : ()], types => {} };
}

# The output of an operator of one input for attributes that a text names; the code gives them, the first time.
sub call_named
{
    my ($row, $input, $text, $attributes) = @_;
    return _invoke_known($row, [$input], $row->{known}{"\0$text"} // _know($row, "\0$text", { $attributes->() }));
}

sub _invoke_known
{
    my ($row, $inputs, $known) = @_;
    $AI::MXNet::Engine::STALE and AI::MXNet::Engine::refuse_stale(@$inputs);
    my $handles = [map { $_->{handle} } @$inputs];
    my $key = join ' ', map { $_->{type}{id} } @$inputs;
    my $types = $known->{types}{$key};
    # what the engine finds wrong with attributes and shapes, it finds at the first call with these
    AI::MXNet::Engine::locate() if $row->{fails} or not $types;
    if (not $types) {
        $known->{types} = {} if keys %{ $known->{types} } > 1_000;
        my $rule = $row->{rule};
        $types = $known->{types}{$key} = [_by_rule($row, $rule, $known->{attrs}, map { $_->{type} } @$inputs)] if $rule;
    }
    my @outputs = $types ? _issue($row, $known->{wire}, $inputs, $handles, $types) : _ask($row, $known->{wire}, $inputs, $handles, $inputs->[0]{type}{ctx});
    $known->{types}{$key} //= [map { $_->{type} } @outputs];
    return @outputs == 1 ? $outputs[0] : \@outputs;
}

# Positional, named and hash-ref arguments as (inputs, attributes by name, out).
sub resolve
{
    my ($row, $self, @arguments) = @_;
    my ($attrs, $placed, $out) = _take_named($row, \@arguments);
    my (@inputs, @values);
    my $wanted = $row->{variadic} ? 1 : $row->{least};
    for my $argument (@arguments) {
        if (ref $argument eq 'AI::MXNet::NDArray' or _is_array($argument)) { push @inputs, $argument }
        elsif ($row->{variadic} and ref $argument eq 'ARRAY' and @$argument and _is_array($argument->[0])) { push @inputs, @$argument }
        # where an array is missing, a list of numbers or a piddle is one
        elsif (ref $argument and $given + @inputs + keys(%$placed) + (ref $self ? 1 : 0) < $wanted || $row->{takes_lists} and _is_source($argument)) {
            push @inputs, AI::MXNet::NDArray->array($argument);
        }
        # an input that is not given, as a bias that is undef
        elsif (not defined $argument and not @values and @inputs >= $row->{least} and @inputs < @{ $row->{inputs} }) { }
        else { push @values, $argument }
    }
    _name_values($row, $attrs, @values) if @values;
    unshift @inputs, $self if ref $self and (@inputs + keys %$placed < $wanted or $row->{variadic} && !defined $out);
    _place_inputs($row, \@inputs, $placed) if %$placed;
    ref $_ eq 'AI::MXNet::NDArray::Slice' and $_ = $_->sever for @inputs;
    return (\@inputs, $attrs, $out);
}

# Takes the named arguments off the end of a list: (attributes, inputs, out), the first two by name.
sub _take_named
{
    my ($row, $arguments) = @_;
    my (%attrs, %inputs, $out, @named);
    my $strict = @$arguments && ref $arguments->[-1] eq 'HASH';
    if ($strict) { @named = %{ pop @$arguments } }
    else {
        my $names = $row->{names};
        push @named, splice @$arguments, -2
            while @$arguments >= 2 and defined $arguments->[-2] and not ref $arguments->[-2] and $names->{ $arguments->[-2] };
    }
    while (@named) {
        my ($name, $value) = splice @named, 0, 2;
        if    (exists $row->{position}{$name}) { $attrs{$name} = ref $value ? _plain($value) : $value }
        elsif (exists $row->{input}{$name})    { $inputs{$name} = $value }
        elsif ($name eq 'out')                 { $out = $value }
        elsif ($name eq 'ctx')                 { $attrs{ctx} = $value }
        elsif ($strict and $name ne 'name')    { _unknown($row, $name) }
    }
    return (\%attrs, \%inputs, $out);
}

# Values by position are the attributes that are not given by name, in declared order.
sub _name_values
{
    my ($row, $attrs, @values) = @_;
    my @open = grep { not exists $attrs->{$_} } @{ $row->{order} };
    AI::MXNet::Error::fail("Too many positional arguments for operator $row->{name}: it takes ",
        join(', ', @{ $row->{inputs} }, @{ $row->{order} }), ', but got also ',
        join ', ', map { $_ // 'undef' } @values[@open .. $#values])
        if @values > @open;
    $attrs->{ shift @open } = _plain($_) for @values;
    return;
}

# Puts inputs that are given by name among those given by position.
sub _place_inputs
{
    my ($row, $inputs, $placed) = @_;
    for my $name (sort { $row->{input}{$a} <=> $row->{input}{$b} } keys %$placed) {
        my $value = $placed->{$name};
        if ($row->{variadic}) { push @$inputs, ref $value eq 'ARRAY' ? @$value : $value; next }
        $value = AI::MXNet::NDArray->array($value) if ref $value and not _is_array($value) and _is_source($value);
        next unless defined $value;
        AI::MXNet::Error::fail("MXNetError: the argument $name of operator $row->{name} is an NDArray, but got $value") unless _is_array($value);
        push @$inputs, undef while @$inputs < $row->{input}{$name};
        splice @$inputs, $row->{input}{$name}, 0, $value;
    }
    return;
}

sub _is_array { blessed $_[0] && ($_[0]->isa('AI::MXNet::NDArray') || $_[0]->isa('AI::MXNet::NDArray::Slice')) }
sub _is_source { ref $_[0] eq 'ARRAY' or blessed $_[0] && $_[0]->isa('PDL') }

sub _unknown
{
    my ($row, $name) = @_;
    AI::MXNet::Error::fail("MXNetError: Cannot find argument '$name', Possible Arguments: ",
        join(', ', @{ $row->{order} }), ", in operator $row->{name}(name=\"\")");
}

# A one-element array or piddle stands for its number; a longer piddle is left to what takes lists.
sub _plain
{
    my ($value) = @_;
    return $value unless blessed $value;
    return $value->asscalar if $value->isa('AI::MXNet::NDArray');
    return $value->sclr if $value->isa('PDL') and $value->nelem == 1;
    return "$value" if $value->isa('AI::MXNet::Context');
    return $value;
}

my %predicted;    # types of the outputs by operator, attributes and input types: told by a rule, or by the engine once

# Calls an operator on arrays. Returns an NDArray, a list ref of several, or $out.
sub invoke
{
    my ($row, $inputs, $attrs, $out) = @_;
    if ($row->{variadic}) {
        my $count = $row->{position}{num_args};
        AI::MXNet::Error::fail("MXNetError: operator $row->{name} takes at least one array") unless @$inputs;
        AI::MXNet::Error::fail("MXNetError: Operator $row->{name} expects $attrs->{num_args} inputs, but got ", scalar @$inputs, ' instead.')
            if defined $attrs->{num_args} and $attrs->{num_args} ne @$inputs;
        $attrs->{num_args} = @$inputs if defined $count;
    }
    # what writes into its only input may have it as `out`, as in MXNet
    elsif (not @$inputs and defined $out and $row->{least} == 1 and @{ $row->{mutates} // [] } and _is_array($out)) { $inputs = [$out] }
    elsif (@$inputs < $row->{least} or @$inputs > @{ $row->{inputs} }) {
        my $wanted = $row->{least} == @{ $row->{inputs} } ? $row->{least} : "$row->{least} to " . @{ $row->{inputs} };
        AI::MXNet::Error::fail("MXNetError: Operator $row->{name} takes $wanted inputs (",
            join(', ', @{ $row->{inputs} }), '), but got ', scalar @$inputs);
    }
    $AI::MXNet::Engine::STALE and AI::MXNet::Engine::refuse_stale(@$inputs, defined $out ? ref $out eq 'ARRAY' ? @$out : $out : ());
    my $ctx = delete $attrs->{ctx};
    $ctx = @$inputs ? $inputs->[0]{type}{ctx} : AI::MXNet::Context::->current_ctx unless defined $ctx;
    $ctx = AI::MXNet::Context::of($ctx) unless ref $ctx;
    if (defined $out and not @{ $row->{inputs} } and blessed $out and $out->isa('AI::MXNet::NDArray')) {
        # what is made from nothing is made like `out`
        for my $name (grep { exists $row->{position}{$_} } qw(shape dtype)) { $attrs->{$name} //= $out->$name }
    }
    my @wire = %$attrs || $row->{required} ? _row_of_values($row, $attrs) : ();
    AI::MXNet::Engine::locate() if $row->{fails};
    my $handles = [map { defined $_ ? $_->{handle} : undef } @$inputs];
    return _write_into($row, \@wire, $inputs, $attrs, $handles, $out) if defined $out;
    my @outputs;
    if ($row->{shape} eq 'value') { @outputs = _ask($row, \@wire, $inputs, $handles, $ctx) }
    else {
        my $key = join ' ', $row->{name}, @$inputs ? () : "$ctx", (map { defined $_ ? $_->{type}{id} : '-' } @$inputs), ':',
            map { _as_text($_) } @wire;
        my $types = $predicted{$key};
        if (not defined $types and my $rule = $row->{rule} and not grep { defined and $_->{type}{sparse} } @$inputs) {
            AI::MXNet::Engine::locate();
            $types = $predicted{$key} = [_by_rule($row, $rule, $attrs, map { $_->{type} } @$inputs)];
        }
        @outputs = $types ? _issue($row, \@wire, $inputs, $handles, $types) : _ask($row, \@wire, $inputs, $handles, $ctx);
        $predicted{$key} = [map { $_->{type} } @outputs] unless $types;
        # attributes that change with each call, such as a learning rate, must not fill the memory
        %predicted = () if keys %predicted > 10_000;
    }
    return @outputs == 1 ? $outputs[0] : \@outputs;
}

# Shape rules that keep the shape []. The other operators of 1.x see [1] in its place, as the engine has it.
my %elementwise = map { $_ => 1 } qw(same equal broadcast scalar transpose);

sub _by_rule
{
    my ($row, $rule, $attrs, @types) = @_;
    unless ($row->{zero_dim} or $elementwise{ $row->{shape} }) {
        @types = map { @{ $_->{shape} } ? $_ : AI::MXNet::Shape::type([1], $_->{name}, $_->{ctx}) } @types;
    }
    local @AI::MXNet::Shape::INPUTS = @types;
    return $rule->($row, $attrs, @types);
}

# A value as text; of a copy, because a number that was used as text would travel as text.
sub _as_text
{
    my ($value) = @_;
    return not(defined $value) ? '-' : ref $value ? '(' . join(',', map { _as_text($_) } @$value) . ')' : "$value";
}

sub _issue
{
    my ($row, $wire, $inputs, $handles, $types) = @_;
    $AI::MXNet::Engine::AWAKE or AI::MXNet::Engine::wake();
    my $tracked = $AI::MXNet::AutoGrad::RECORDING ? AI::MXNet::AutoGrad::tracks(@$inputs) : 0;
    my $size = 0;
    my @new = map { $size += $_->{size}; pop @AI::MXNet::Engine::FREE // ++$AI::MXNet::Engine::LAST } @$types;
    my $item = [$row->{number}, (@$wire ? $wire : undef), (@new == 1 ? $new[0] : \@new), @$handles];
    # issued and made objects in one statement, so that a signal's handler finds both or neither
    my (undef, @outputs) = (push(@AI::MXNet::Engine::STREAM, $item),
        map { bless { handle => $new[$_], type => $types->[$_], rec => $tracked }, $types->[$_]{class} } 0 .. $#new);
    AI::MXNet::Engine::flush() if $size > 4096 or @AI::MXNet::Engine::STREAM >= AI::MXNet::Engine::BATCH;
    AI::MXNet::AutoGrad::note_undifferentiable() if $tracked and not $row->{differentiable};
    return @outputs;
}

# Asks the engine for what cannot be predicted: it computes and says what the outputs are.
sub _ask
{
    my ($row, $wire, $inputs, $handles, $ctx) = @_;
    AI::MXNet::Engine::locate();
    my $take = sub { AI::MXNet::NDArray->adopt(@_[1 .. $#_], $ctx) };
    my @outputs = AI::MXNet::Engine->ask($take, 'call', $row->{number}, (@$wire ? $wire : undef), @$handles);
    my $tracked = AI::MXNet::AutoGrad::tracks(@$inputs);
    $_->{rec} = $tracked for @outputs;
    AI::MXNet::AutoGrad::note_undifferentiable() if $tracked and not $row->{differentiable};
    return @outputs;
}

sub _write_into
{
    my ($row, $wire, $inputs, $attrs, $handles, $out) = @_;
    my @outs = ref $out eq 'ARRAY' ? @$out : $out;
    for my $array (@outs) {
        AI::MXNet::Error::fail("out of operator $row->{name} is an NDArray, but got $array") unless _is_array($array);
        AI::MXNet::Error::fail('the array ', $array->describe, ' is not writable') unless $array->writable;
    }
    # as in the original, a forbidden write is done before it is refused
    my @forbidden = $AI::MXNet::AutoGrad::RECORDING ? grep { $_->is_on_tape } @outs : ();
    if (my $rule = $row->{rule}) {
        my ($type) = _by_rule($row, $rule, $attrs, map { $_->{type} } @$inputs);
        AI::MXNet::Error->throw(kind => 'shape', message => "MXNetError: the output of $row->{name} has shape [@{ $type->{shape} }], "
            . "but the array given as out has [@{ $outs[0]{type}{shape} }]") if "@{ $type->{shape} }" ne "@{ $outs[0]{type}{shape} }";
    }
    else { AI::MXNet::Engine::locate() }
    my $item = ['into', $row->{number}, (@$wire ? $wire : undef), [map { $_->{handle} } @outs], @$handles];
    if (@forbidden) {
        AI::MXNet::AutoGrad->pause(sub { AI::MXNet::Engine->send($item) }, train_mode => $AI::MXNet::AutoGrad::TRAINING);
        AI::MXNet::AutoGrad::refuse_write($forbidden[0]);
    }
    AI::MXNet::Engine->send($item);
    my $tracked = AI::MXNet::AutoGrad::tracks(@$inputs);
    $_->{rec} = $tracked for grep { $tracked } @outs;
    return $out;
}

# The values of the attributes in declared order, checked; undef stands for the default.
sub _row_of_values
{
    my ($row, $attrs) = @_;
    my @wire;
    for my $name (keys %$attrs) {
        my $type = $row->{types}{$name};
        _unknown($row, $name) unless $type;
        $wire[$row->{position}{$name}] = $attrs->{$name} = value($row, $name, $type, $attrs->{$name});
    }
    for my $name (@{ $row->{required} // [] }) {
        AI::MXNet::Error::fail("MXNetError: Required parameter $name of ", described($row->{types}{$name}),
            " is not presented, in operator $row->{name}(name=\"\")") unless exists $attrs->{$name};
    }
    # explicit undef is None; a gap is a default
    exists $attrs->{$_} and not defined $attrs->{$_} and $wire[$row->{position}{$_}] = 'None' for keys %$attrs;
    return @wire;
}

# An attribute's value as its type wants it, or an error in MXNet's words.
sub value
{
    my ($row, $name, $type, $value) = @_;
    my $kind = $type->{type};
    if (not defined $value or not ref $value and $value eq 'None' and $type->{optional}) {
        return undef if $type->{optional} or $kind eq 'choice';
        _bad($row, $name, $type, 'None');
    }
    if (ref $value eq 'ARRAY' or ref $value and $kind =~ /^(?:Shape|tuple)/) {
        $value = [$value->list] if blessed $value and $value->isa('PDL');
        _bad($row, $name, $type, $value) if $kind !~ /^(?:Shape|tuple)/ or ref $value ne 'ARRAY';
        my $item = $kind =~ /<(.*)>/ ? $1 : 'int';
        return [map { defined $_ ? value($row, $name, { type => $item }, _plain($_)) : undef } @$value];
    }
    $value = _plain($value);
    _bad($row, $name, $type, $value) if ref $value;
    if ($kind eq 'int') {
        _bad($row, $name, $type, $value) unless looks_like_number($value) and $value == int $value and abs $value <= 2**63;
        return int $value;
    }
    if ($kind eq 'float') {
        _bad($row, $name, $type, $value) unless looks_like_number($value);
        return 0 + $value;
    }
    if ($kind eq 'boolean') {
        return 1 if $value eq '1' or lc $value eq 'true';
        return 0 if $value eq '0' or $value eq '' or lc $value eq 'false';
        _bad($row, $name, $type, $value);
    }
    if ($type->{choices}) {
        _bad($row, $name, $type, $value) unless first { $_ eq $value } @{ $type->{choices} };
        return "$value";
    }
    if ($kind =~ /^(?:Shape|tuple)/) {
        if (looks_like_number($value)) {
            _bad($row, $name, $type, $value) if $kind !~ /float/ and $value != int $value;
            return [0 + $value];
        }
        if ($value =~ /\A\s*[\(\[](.*?),?\s*[\)\]]\s*\z/) {
            return [map { /None/ ? undef : value($row, $name, { type => $kind =~ /float/ ? 'float' : 'int' }, s/\s//gr) } split /,/, $1];
        }
        _bad($row, $name, $type, $value);
    }
    utf8::encode(my $text = "$value");
    return $text;
}

sub _bad
{
    my ($row, $name, $type, $value) = @_;
    $value = '(' . join(', ', map { $_ // 'None' } @$value) . ')' if ref $value eq 'ARRAY';
    AI::MXNet::Error::fail("MXNetError: Invalid Parameter format for $name expect ", described($type),
        " but value='$value', in operator $row->{name}(name=\"\")");
}

# A type in MXNet's words.
sub described
{
    my ($type) = @_;
    my $text = $type->{choices} ? '{' . join(', ', map {"'$_'"} @{ $type->{choices} }) . '}' : $type->{type};
    return $type->{optional} ? "$text or None" : $text;
}

1;

__END__

=head1 NAME

AI::MXNet::Operators - calls of the operator table

=head1 DESCRIPTION

Internal, and no part of the interface: it may change with any release. Loads the table that the engine exports, sorts
out the arguments of a call, checks them, predicts the outputs and issues the instruction.

=head1 SEE ALSO

L<AI::MXNet::NDArray/OPERATORS>

=cut
