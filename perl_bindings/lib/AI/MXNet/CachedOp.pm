package AI::MXNet::CachedOp;
# A symbol as a function of arrays: one instruction a call. POD at the end.
use strict;
use warnings;
use AI::MXNet::AutoGrad;
use AI::MXNet::Engine;
use AI::MXNet::Error;
use AI::MXNet::NDArray;
use AI::MXNet::Symbol;
use overload '&{}' => sub { my ($self) = @_; return sub { $self->call(@_) } }, fallback => 1;

sub new
{
    my ($class, $symbol, $flags) = @_;
    AI::MXNet::Error::expect('CachedOp takes a Symbol', 'AI::MXNet::Symbol', $symbol);
    my $inputs = $symbol->list_inputs;
    # a graph that calls Perl is waited for, so that an exception there is raised here
    return bless { waits => $symbol->_is_custom, symbol => $symbol, inputs => $inputs, count => scalar @$inputs, types => {} }, $class;
}

sub handle { $_[0]{symbol}{handle} }
sub symbol { $_[0]{symbol} }

# Computes the symbol on arrays, in the order of its inputs. Several outputs are a list ref.
sub call
{
    my ($self, @inputs) = @_;
    my %named;
    while (@inputs >= 2 and defined $inputs[-2] and not ref $inputs[-2]) {
        my ($name, $value) = splice @inputs, -2;
        $named{$name} = $value;
    }
    my $out = delete $named{out};
    AI::MXNet::Error::fail('AI::MXNet::CachedOp::call got unexpected keyword argument(s): ', join ', ', sort keys %named) if %named;
    my @outputs = $self->_outputs(@inputs);
    return @outputs == 1 ? $outputs[0] : \@outputs if not defined $out;
    my @into = ref $out eq 'ARRAY' ? @$out : $out;
    AI::MXNet::Error::fail('The graph has ', scalar @outputs, ' outputs, but out has room for ', scalar @into) if @into != @outputs;
    $outputs[$_]->copyto($into[$_]) for 0 .. $#into;
    return $out;
}

# The outputs as a list. The first call on arrays of some types asks the engine what comes out, as for operators that Perl
# cannot predict.
sub _outputs
{
    my ($self, @inputs) = @_;
    AI::MXNet::Error::fail("The graph takes $self->{count} arrays (@{ $self->{inputs} }), but got ", scalar @inputs) if @inputs != $self->{count};
    ref $_ eq 'AI::MXNet::NDArray::Slice' and $_ = $_->sever for @inputs;
    my ($handle, @handles) = AI::MXNet::Engine::handles_of($self->{symbol}, @inputs);
    AI::MXNet::Engine::locate();
    my $types = $self->{waits} ? undef : $self->{types}{ join ' ', map { $_->{type}{id} } @inputs };
    my $tracked = $AI::MXNet::AutoGrad::RECORDING ? AI::MXNet::AutoGrad::tracks(@inputs) : 0;
    my @outputs;
    if ($types) {
        $AI::MXNet::Engine::AWAKE or AI::MXNet::Engine::wake();
        my @new = map { AI::MXNet::Engine::handle() } @$types;
        my $item = ['run', $handle, [@new], @handles];
        # issued and made objects in one statement, so that a signal's handler finds both or neither
        (undef, @outputs) = (push(@AI::MXNet::Engine::STREAM, $item),
            map { bless { handle => $new[$_], type => $types->[$_], rec => $tracked }, $types->[$_]{class} } 0 .. $#new);
        AI::MXNet::Engine::flush();
    }
    else {
        my $ctx = @inputs ? $inputs[0]{type}{ctx} : AI::MXNet::Context::->current_ctx;
        my $take = sub { AI::MXNet::NDArray->adopt(@_[1 .. $#_], $ctx) };
        @outputs = AI::MXNet::Engine->ask($take, 'evaluate', $handle, @handles);
        $_->{rec} = $tracked for @outputs;
        $self->{types}{ join ' ', map { $_->{type}{id} } @inputs } = [map { $_->{type} } @outputs];
    }
    return @outputs;
}

1;

__END__

=head1 NAME

AI::MXNet::CachedOp - a symbol as a function of arrays

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd);
    use AI::MXNet::CachedOp;

    my ($x, $y) = map { mx->sym->Variable($_) } qw(x y);
    my $f = AI::MXNet::CachedOp->new($x * 2 + $y);
    print $f->(nd->array([1, 2]), nd->array([3, 4]))->aspdl, "\n";    # [5 8]

=head1 DESCRIPTION

What a hybridized block calls: the whole graph is one instruction to the engine, recorded as its operators would be.

=head1 METHODS

=head2 new

    my $double = AI::MXNet::CachedOp->new($x * 2, { static_alloc => 1 });

Of a symbol. The flags of the original (C<static_alloc> and the like) are accepted and have no effect.

=head2 call

    my $sum = $f->call(nd->ones([2]), nd->zeros([2]));
    $double->(nd->ones([2]), out => $sum);

Computes the symbol: an array for each of C<< $symbol->list_inputs >>, in that order. Returns its output, or a list ref of
several. They are copied into C<out> instead, an array or a list ref of arrays, if that is given. What cannot be computed dies here at the first call with arrays of such shapes and dtypes, else where the output
is read.

=head2 symbol, handle

The symbol, and its handle.

=head1 SEE ALSO

L<AI::MXNet::Symbol>, L<AI::MXNet::Gluon::HybridBlock>

=cut
