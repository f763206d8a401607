package AI::MXNet::Executor;
# A symbol bound to arrays, which forward and backward compute. POD at the end.
use strict;
use warnings;
use List::Util qw(first);
use Scalar::Util qw(blessed);
use AI::MXNet::Context;
use AI::MXNet::Engine;
use AI::MXNet::Error;
use AI::MXNet::NDArray;
use AI::MXNet::Symbol;

# -- binding -------------------------------------------------------------------------------------------------------

# Arrays for names, from a hash or a list in order. A name without one is an error, unless $partial.
sub _in_order
{
    my ($what, $given, $names, $partial) = @_;
    if (ref $given eq 'ARRAY') {
        AI::MXNet::Error::fail("Length of $what does not match the number of arguments: ", scalar @$given, ' for ', scalar @$names)
            if @$given != @$names;
        return [@$given];
    }
    AI::MXNet::Error::fail("Only accept list of NDArrays or hash of str to NDArray for $what") if ref $given ne 'HASH';
    return [map { $given->{$_} // ($partial ? undef : AI::MXNet::Error::fail("key $_ is missing in $what")) } @$names];
}

# The grad_req of each argument.
sub _requests
{
    my ($given, $names) = @_;
    my @requests = ref $given eq 'HASH' ? map { $given->{$_} // 'null' } @$names : ref $given eq 'ARRAY' ? @$given : ($given) x @$names;
    AI::MXNet::Error::fail('grad_req has ', scalar @requests, ' entries for ', scalar @$names, ' arguments') if @requests != @$names;
    for (@requests) {
        AI::MXNet::Error::fail("grad_req is write, add or null, but got $_") unless /\A(?:write|add|null)\z/;
    }
    return \@requests;
}

sub _bind
{
    my ($class, $symbol, @options) = @_;
    my %options = AI::MXNet::NDArray::_named('bind', [qw(ctx args args_grad grad_req aux_states group2ctx shared_exec)], @options);
    my $ctx = $options{ctx} // AI::MXNet::Context::->current_ctx;
    my $names = $symbol->list_arguments;
    my $aux_names = $symbol->list_auxiliary_states;
    my $args = _in_order('args', $options{args} // {}, $names);
    my $aux = _in_order('aux_states', $options{aux_states} // {}, $aux_names);
    my $requests = _requests($options{grad_req} // 'write', $names);
    my $grads = defined $options{args_grad} ? _in_order('args_grad', $options{args_grad}, $names, 1) : [(undef) x @$names];
    for my $i (0 .. $#$names) {
        $grads->[$i] = undef if $requests->[$i] eq 'null';
        $requests->[$i] = 'null' unless defined $grads->[$i];
    }
    my $self = $class->_new($symbol, $ctx, $args, $grads, $requests, $aux);
    $self->{grad_arrays} = undef unless defined $options{args_grad};
    return $self;
}

sub _simple_bind
{
    my ($class, $symbol, @options) = @_;
    my %options = _simple_options(@options);
    my $ctx = $options{ctx} // AI::MXNet::Context::->current_ctx;
    my ($names, $aux_names) = ($symbol->list_arguments, $symbol->list_auxiliary_states);
    my ($arg_shapes, $aux_shapes, $arg_types, $aux_types) = _inferred($symbol, $options{shapes} // {}, $options{type_dict});
    my @stypes = $symbol->_infer_storage(%{ $options{stype_dict} // {} });
    my $requests = _requests($options{grad_req} // 'write', $names);
    my $new = _maker($symbol, $ctx, $options{group2ctx} // {});
    my ($old_args, $old_grads, $old_aux) = defined $options{shared_exec} ? map { $options{shared_exec}->$_ } qw(arg_dict grad_dict aux_dict) : ();
    my ($buffer, %is_shared) = ($options{shared_buffer}, map { $_ => 1 } @{ $options{shared_arg_names} // [] });
    my (@args, @grads);
    for my $i (0 .. $#$names) {
        my ($name, @form) = ($names->[$i], $arg_shapes->[$i], $arg_types->[$i]);
        my $is_buffered = $buffer && !$is_shared{$name};
        my $arg = _fitting(@form, $old_args->{$name}, $is_buffered ? $buffer->{$name} : ()) // $new->($name, @form, $stypes[$i]);
        push @args, $arg;
        $buffer->{$name} = $arg if $is_buffered;
        push @grads, $requests->[$i] eq 'null' ? undef : _fitting(@form, $old_grads->{$name}) // $new->($name, @form, $stypes[@$names + $i]);
    }
    my @aux = map {
        my ($name, @form) = ($aux_names->[$_], $aux_shapes->[$_], $aux_types->[$_]);
        _fitting(@form, $old_aux->{$name}) // $new->($name, @form, 'default')
    } 0 .. $#$aux_names;
    return $class->_new($symbol, $ctx, \@args, \@grads, $requests, \@aux);
}

sub _simple_options
{
    my (@options) = @_;
    AI::MXNet::Error::fail('simple_bind takes named arguments') if @options % 2;
    my %options = @options;
    my %known = map { $_ => 1 } qw(ctx grad_req shapes type_dict stype_dict group2ctx shared_arg_names shared_exec shared_buffer);
    for my $name (grep { not $known{$_} } sort keys %options) {
        AI::MXNet::Error::fail("In method simple_bind: no such named parameter: $name. The shapes of the inputs go into the hash shapes");
    }
    return %options;
}

# The first of these arrays that has the shape and dtype, if there is one.
sub _fitting
{
    my ($shape, $dtype, @arrays) = @_;
    return first { defined and "@{ $_->shape }" eq "@$shape" and $_->dtype eq $dtype } @arrays;
}

# Code that makes an array for a variable, on the context of the group that the variable is in.
sub _maker
{
    my ($symbol, $ctx, $contexts) = @_;
    my $attributes = %$contexts ? $symbol->attr_dict : {};
    return sub {
        my ($name, $shape, $dtype, $stype) = @_;
        my $group = ($attributes->{$name} // {})->{__ctx_group__};
        return AI::MXNet::NDArray->zeros($shape, ctx => defined $group ? $contexts->{$group} // $ctx : $ctx, dtype => $dtype, stype => $stype);
    };
}

# Shapes and dtypes of arguments and auxiliary states, or an error in the original's form.
sub _inferred
{
    my ($symbol, $shapes, $types) = @_;
    my @found = eval { $symbol->_infer_shape(0, %$shapes) };
    if (not @found) {
        my $why
            = ref $@ ? $@->message =~ s/\AMXNetError: //r
            : $@     ? $@ =~ s{\n}{}r
            :          'the shapes of some arguments are not known: ' . join ', ', map { $_->[0] } $symbol->_undecided(%$shapes);
        my @given = map {
            my $shape = $shapes->{$_};
            "$_: " . (ref $shape eq 'ARRAY' ? '(' . join(',', @$shape) . ')' : $shape // 'undef')
        } sort keys %$shapes;
        AI::MXNet::Error::fail("simple_bind failed: Error: $why; Arguments: {", join(', ', @given), '}');
    }
    my ($arg_types, undef, $aux_types) = $symbol->_infer_type(1, %{ $types // {} });
    $_ //= 'float32' for @$arg_types, @$aux_types;
    return (@found[0, 2], $arg_types, $aux_types);
}

sub _new
{
    my ($class, $symbol, $ctx, $args, $grads, $requests, $aux, $shared) = @_;
    AI::MXNet::Error::expect('bind takes NDArrays', 'AI::MXNet::NDArray', @$args, @$aux, grep { defined } @$grads);
    my ($of, $shared_with) = AI::MXNet::Engine::handles_of($symbol, $shared);
    my @handles = map { [AI::MXNet::Engine::handles_of(@$_)] } $args, $grads, $aux;
    AI::MXNet::Engine::locate();
    $AI::MXNet::Engine::AWAKE or AI::MXNet::Engine::wake();
    my $self = bless {
        symbol => $symbol, ctx => $ctx, arg_arrays => $args, grad_arrays => $grads, aux_arrays => $aux, reqs => $requests,
        outputs => [], needs_head => [],
    }, $class;
    my $handle = AI::MXNet::Engine::handle();
    my $take = sub {
        my (undef, @fields) = @_;
        $self->{handle} = $handle;
        while (@fields) {
            my $length = 3 + $fields[2];
            push @{ $self->{outputs} }, AI::MXNet::NDArray->adopt(splice(@fields, 0, $length), $ctx);
            push @{ $self->{needs_head} }, shift @fields;
        }
        return;
    };
    AI::MXNet::Engine->ask($take, 'bind', $handle, $of, @handles[0, 1], [@$requests], $handles[2], $shared_with);
    $self->{waits} = $symbol->_is_custom;
    return $self;
}

sub _known_as { my ($self) = @_; return 'executor of the ' . $self->{symbol}->_known_as }

sub DESTROY { AI::MXNet::Engine::release($_[0]{handle}) }

# -- arrays --------------------------------------------------------------------------------------------------------

sub handle      { $_[0]{handle} }
sub symbol      { $_[0]{symbol} }
sub ctx         { $_[0]{ctx} }
sub arg_arrays  { $_[0]{arg_arrays} }
sub grad_arrays { $_[0]{grad_arrays} }
sub aux_arrays  { $_[0]{aux_arrays} }
sub outputs     { $_[0]{outputs} }

sub _dict
{
    my ($names, $arrays) = @_;
    my %seen;
    for my $name (@$names) {
        AI::MXNet::Error::fail("Find duplicated argument name, please make all weight name non-duplicated, arguments are @$names") if $seen{$name}++;
    }
    return { map { $names->[$_] => $arrays->[$_] } 0 .. $#$names };
}

sub arg_dict    { my ($self) = @_; return $self->{arg_dict}    //= _dict($self->{symbol}->list_arguments,        $self->{arg_arrays}) }
sub grad_dict   { my ($self) = @_; return $self->{grad_dict}   //= _dict($self->{symbol}->list_arguments,        $self->{grad_arrays} // []) }
sub aux_dict    { my ($self) = @_; return $self->{aux_dict}    //= _dict($self->{symbol}->list_auxiliary_states, $self->{aux_arrays}) }
sub output_dict { my ($self) = @_; return $self->{output_dict} //= _dict($self->{symbol}->list_outputs,          $self->{outputs}) }

# -- computing -----------------------------------------------------------------------------------------------------

sub forward
{
    my ($self, $is_train, @inputs) = @_;
    my ($handle) = AI::MXNet::Engine::handles_of($self);
    ($is_train, @inputs) = (0, $is_train, @inputs) if defined $is_train and @inputs % 2 and $is_train !~ /\A[01]?\z/;
    AI::MXNet::Error::fail('forward takes is_train, then names and arrays in turn') if @inputs % 2;
    my %inputs = @inputs;
    for my $name (sort keys %inputs) {
        my $array = $self->arg_dict->{$name} // AI::MXNet::Error::fail("unknown argument $name");
        my $value = $inputs{$name};
        $value = AI::MXNet::NDArray->array($value, dtype => $array->dtype) unless blessed $value and $value->isa('AI::MXNet::NDArray');
        AI::MXNet::Error::fail("Shape not match! Argument $name, need: @{ $array->shape }, received: @{ $value->shape }")
            if "@{ $array->shape }" ne "@{ $value->shape }";
        $value->copyto($array);
    }
    AI::MXNet::Engine::locate();
    my $train = $is_train ? 1 : 0;
    if (my $monitor = $self->{monitor}) {
        my $take = sub {
            my (undef, @fields) = @_;
            my @seen;
            while (@fields) {
                my $name = shift @fields;
                push @seen, [$name, AI::MXNet::NDArray->adopt(splice(@fields, 0, 3 + $fields[2]), $self->{ctx})];
            }
            return @seen;
        };
        $monitor->(@$_) for AI::MXNet::Engine->ask($take, 'watch', $handle, $train);
    }
    else { $self->_issue($self->{outputs}, 'forward', $handle, $train) }
    return $self->{outputs};
}

sub backward
{
    my ($self, $out_grads, $is_train) = @_;
    my @heads = not(defined $out_grads) ? () : ref $out_grads eq 'ARRAY' ? @$out_grads
        : ref $out_grads eq 'HASH' ? @{$out_grads}{ @{ $self->{symbol}->list_outputs } } : $out_grads;
    AI::MXNet::Error::fail('backward takes ', scalar @{ $self->{outputs} }, ' gradients, one for each output, but got ', scalar @heads)
        if @heads and @heads != @{ $self->{outputs} };
    AI::MXNet::Error::expect('inputs must be NDArray', 'AI::MXNet::NDArray', grep { defined } @heads);
    if (grep { $_ ne 'null' } @{ $self->{reqs} }) {
        for my $i (0 .. $#{ $self->{outputs} }) {
            AI::MXNet::Error::fail('MXNetError: Check failed: i < head_grads.size() && !head_grads[i].is_none(): Because the last operator is not Loss function, '
                . 'head_gradient is required when calling backward.')
                if $self->{needs_head}[$i] and not defined $heads[$i];
        }
    }
    my @handles = AI::MXNet::Engine::handles_of($self, @heads);
    AI::MXNet::Engine::locate();
    $self->_issue([grep { defined } @{ $self->{grad_arrays} // [] }], 'differentiate', shift @handles, ($is_train // 1) ? 1 : 0, @handles);
    return;
}

# Sends an order that computes these arrays, and waits for them where the graph calls Perl, whose exceptions then are
# raised here.
sub _issue
{
    my ($self, $arrays, @order) = @_;
    AI::MXNet::Engine->send([@order]);
    if   ($self->{waits}) { AI::MXNet::Engine->request('wait', map { $_->{handle} } @$arrays) }
    else                  { AI::MXNet::Engine::flush() }
    return;
}

sub set_monitor_callback { my ($self, $code) = @_; $self->{monitor} = $code; return }

sub copy_params_from
{
    my ($self, $args, $aux, $allow_extra) = @_;
    AI::MXNet::Error::expect('copy_params_from takes hashes of NDArrays by name', HASH => $args, $aux // {});
    for my $pair ([$args, $self->arg_dict, 'arguments'], [$aux // {}, $self->aux_dict, 'auxiliary states']) {
        my ($given, $own, $what) = @$pair;
        for my $name (sort keys %$given) {
            if (defined $own->{$name}) { $given->{$name}->astype($own->{$name}->dtype)->copyto($own->{$name}) }
            elsif (not $allow_extra) { AI::MXNet::Error::fail("Found name \"$name\" that is not in the $what") }
        }
    }
    return;
}

# A new executor for inputs of other shapes, with the same parameters.
sub reshape
{
    my ($self, $shapes, @options) = @_;
    AI::MXNet::Error::fail('reshape takes a hash ref of names and shapes, then named arguments, but got ', $shapes // 'undef')
        if ref $shapes ne 'HASH';
    my %options = AI::MXNet::NDArray::_named('reshape', [qw(partial_shaping allow_up_sizing)], @options);
    my $symbol = $self->{symbol};
    my ($arg_shapes, undef, $aux_shapes) = $symbol->infer_shape(%$shapes);
    AI::MXNet::Error::fail('Insufficient argument shapes provided.') unless defined $arg_shapes;
    my $names = $symbol->list_arguments;
    my (@args, @grads);
    for my $i (0 .. $#$names) {
        my ($name, $shape, $array) = ($names->[$i], $arg_shapes->[$i], $self->{arg_arrays}[$i]);
        my $grad = ($self->{grad_arrays} // [])->[$i];
        if ("@$shape" ne "@{ $array->shape }") {
            AI::MXNet::Error::fail("Shape of unspecified array arg:$name changed. This can cause the new executor to not share parameters with the old one. "
                . 'Please check for error in network. If this is intended, set partial_shaping=True to suppress this warning.')
                unless $options{partial_shaping} or exists $shapes->{$name};
            AI::MXNet::Error::fail("New shape of arg:$name larger than original. First making a big executor and then down sizing it ",
                'is more efficient than the reverse.If you really want to up size, set allow_up_sizing=True to enable allocation of new arrays.')
                if $array->size($shape) > $array->size and not $options{allow_up_sizing};
            ($array, $grad) = map { defined $_ ? _resized($_, $shape) : undef } $array, $grad;
        }
        push @args,  $array;
        push @grads, $grad;
    }
    my $aux_names = $symbol->list_auxiliary_states;
    my @aux = map {
        my ($shape, $array) = ($aux_shapes->[$_], $self->{aux_arrays}[$_]);
        "@$shape" eq "@{ $array->shape }" ? $array : AI::MXNet::NDArray->zeros($shape, ctx => $self->{ctx}, dtype => $array->dtype)
    } 0 .. $#$aux_names;
    my $new = (ref $self)->_new($symbol, $self->{ctx}, \@args, \@grads, [@{ $self->{reqs} }], \@aux, $self);
    $new->{grad_arrays} = undef unless defined $self->{grad_arrays};
    $new->{monitor} = $self->{monitor};
    return $new;
}

# An array of that shape, in the same memory where it fits.
sub _resized
{
    my ($array, $shape) = @_;
    my $size = $array->size($shape);
    return $array->reshape([-1])->_slice([0, $size - 1])->reshape($shape) if $size and $size <= $array->size and $array->stype eq 'default';
    return AI::MXNet::NDArray->zeros($shape, ctx => $array->context, dtype => $array->dtype, stype => $array->stype);
}

sub debug_str { my ($self) = @_; return $self->{symbol}->debug_str }

1;

__END__

=head1 NAME

AI::MXNet::Executor - a symbol bound to arrays

=head1 SYNOPSIS

    use AI::MXNet qw(mx);

    my $net = mx->sym->FullyConnected(mx->sym->Variable('data'), name => 'fc', num_hidden => 1);
    $net = mx->sym->LinearRegressionOutput($net, name => 'out');
    my $executor = $net->simple_bind(ctx => mx->cpu, shapes => { data => [3, 1] });
    for (1 .. 200) {
        $executor->forward(1, data => [[0], [1], [2]], out_label => [1, 3, 5]);
        $executor->backward;
        for my $name (qw(fc_weight fc_bias)) {
            $executor->arg_dict->{$name} -= 0.1 * $executor->grad_dict->{$name};
        }
    }
    print $executor->arg_dict->{fc_weight}->aspdl, $executor->arg_dict->{fc_bias}->aspdl, "\n";    # about 2 and 1

=head1 DESCRIPTION

Made by C<simple_bind> and C<bind> of L<AI::MXNet::Symbol>. Calls return before the engine has computed; reading an output
or a gradient waits. What fails is told where it is read, with the line of the call.

=head1 ARRAYS

=head2 arg_arrays, grad_arrays, aux_arrays, outputs

List refs of arrays, in the order of the symbol's C<list_arguments>, C<list_auxiliary_states> and C<list_outputs>.
C<grad_arrays> has undef where there is no gradient, and is undef where none was bound. The outputs are the same arrays
all the time; C<forward> puts new values into them.

=head2 arg_dict, grad_dict, aux_dict, output_dict

The same as hash refs by name. Where two have one name, they die.

=head2 symbol, ctx, handle

The symbol, the device, and what names the executor to the engine.

=head1 METHODS

=head2 forward

    my $outputs = $executor->forward(0, data => [[0], [1], [2]]);

Computes the outputs and returns them. The first argument says whether this is training: for Dropout and BatchNorm, and
for C<backward>. Then names and values of arguments, arrays, piddles or lists, which are copied into the bound arrays; they
must have their shape.

=head2 backward

    my $square = mx->sym->var('x')->square->simple_bind(shapes => { x => [2] });
    $square->forward(1, x => [3, 4]);
    $square->backward(mx->nd->array([1, 10]));
    print $square->grad_dict->{x}->aspdl, "\n";    # [6 80]

Computes the gradients and writes them to C<grad_arrays>, or adds them to what is there, as C<grad_req> said. It takes the
gradients of the outputs: an array, a list ref, or a hash ref by names of outputs. Outputs of loss layers need none. A
second argument, true by default, says whether layers behave as in training.

=head2 copy_params_from

    $executor->copy_params_from({ fc_weight => mx->nd->ones([1, 1]) }, {});

Copies arrays, of arguments and of auxiliary states, by name; dtypes may differ. A name that the executor does not have
dies, unless a third argument is true.

=head2 reshape

    my $smaller = $executor->reshape({ data => [2, 1], out_label => [2] });

A new executor for inputs of these shapes, which shares the memory of all arrays that do not grow. An array that changes its
shape and is not named dies, unless C<< partial_shaping => 1 >>; one that becomes larger, unless C<< allow_up_sizing => 1 >>.

=head2 set_monitor_callback

    $executor->set_monitor_callback(sub { my ($name, $array) = @_; print "$name: @{ $array->shape }\n" });
    $executor->forward(0);                       # fc_output: 3 1, then out_output: 3 1

A function that C<forward> calls for each output of each call in the graph. Such a C<forward> waits for the engine.

=head2 debug_str

The graph in lines.

=head1 SEE ALSO

L<AI::MXNet::Symbol>, L<AI::MXNet::CachedOp>

=cut
