package AI::MXNet::Operator;
# Operators written in Perl: mx->nd->Custom and mx->sym->Custom. POD at the end.
use strict;
use warnings;
use Scalar::Util qw(blessed);
use AI::MXNet::AutoGrad;
use AI::MXNet::CachedOp;
use AI::MXNet::Context;
use AI::MXNet::Engine;
use AI::MXNet::Error;
use AI::MXNet::NDArray;
use AI::MXNet::Operators;
use AI::MXNet::Symbol;

my (%classes, %announced, %functions);

sub register
{
    my ($class, $type, $prop) = @_;
    AI::MXNet::Error::fail('register takes the name of an operator and a class that extends AI::MXNet::CustomOpProp, but got ', $prop // 'undef')
        unless defined $type and length $type and defined $prop and not ref $prop and $prop->isa('AI::MXNet::CustomOpProp');
    $classes{$type} = $prop;
    %functions = ();
    return $prop;
}

sub get_all_registered_operators { return [sort keys %classes] }

# Tells the engine, each new one once, of which types there are functions here.
sub announce
{
    AI::MXNet::Engine::wake();
    for my $type (sort keys %classes) {
        next if ($announced{$type} // -1) == $AI::MXNet::Engine::STALE;
        AI::MXNet::Engine->send(['custom', AI::MXNet::Symbol::_texts($type), AI::MXNet::Engine->register(sub { _asked($type); return [] })]);
        $announced{$type} = $AI::MXNet::Engine::STALE;
    }
    return;
}

# A call on arrays: that of the symbol, which is made once for each set of attributes.
sub call
{
    my ($arrays, $named) = @_;
    announce();
    my %attributes = map { $_ => $named->{$_} } grep { not AI::MXNet::Operators::_is_array($named->{$_}) } keys %$named;
    delete @attributes{qw(name ctx out)};
    my $key = join "\0", $AI::MXNet::Engine::STALE, map { ($_, AI::MXNet::Symbol::Base::text($attributes{$_})) } sort keys %attributes;
    my $function = $functions{$key} //= do {
        my $symbol = AI::MXNet::Symbol->Custom(%attributes, name => 'custom');
        AI::MXNet::CachedOp->new($symbol);
    };
    my @names = map {s/\Acustom_//r} @{ $function->symbol->list_inputs };
    my %given = map { $_ => $named->{$_} } grep { AI::MXNet::Operators::_is_array($named->{$_}) } keys %$named;
    my @inputs = (@$arrays, map { delete $given{$_} // () } @names[@$arrays .. $#names]);
    AI::MXNet::Error::fail("the custom operator $attributes{op_type} takes the arrays @names, but got ", scalar @inputs, map {", $_"} sort keys %given)
        if %given or @inputs != @names;
    return $function->call(@inputs);
}

# -- what the engine asks ------------------------------------------------------------------------------------------

# What it wants to know: words, and numbers.
sub _question
{
    my @words = AI::MXNet::Symbol::_request('question');
    utf8::decode($_) for grep { defined } @words;
    return @words;
}

sub _tell { AI::MXNet::Engine->send(['explain', [@_]]); return }

# Lists, each behind its length.
sub _counted { my ($code, @lists) = @_; return map { my $list = $_ // []; (scalar @{[@$list]} + 0, map { $code->($_) } @$list) } @lists }

sub _shape { my ($shape) = @_; return (scalar @{[@$shape]} + 0, map { 0 + $_ } @$shape) }

# Takes shapes, behind their number, from a list of words.
sub _take_shapes
{
    my ($words) = @_;
    return map { my $ndim = shift @$words; [splice @$words, 0, $ndim] } 1 .. shift @$words;
}

sub _asked
{
    my ($type) = @_;
    my ($what, $count, @words) = _question();
    my %attributes = splice @words, 0, 2 * $count;
    delete $attributes{op_type};
    my $prop = $classes{$type}->new(%attributes);
    if ($what eq 'lists') {
        return _tell(_counted(\&AI::MXNet::Symbol::_texts, $prop->list_arguments, $prop->list_outputs, $prop->list_auxiliary_states));
    }
    return _tell($prop->need_top_grad ? 0 : 1) if $what eq 'is_loss';
    return _tell(_counted(\&_shape, _three($prop, 'infer_shape', [_take_shapes(\@words)]))) if $what eq 'shapes';
    return _tell(_counted(\&AI::MXNet::Symbol::_texts, _three($prop, 'infer_type', [@words[1 .. $#words]]))) if $what eq 'types';
    my @shapes = _take_shapes(\@words);
    return _tell(0 + AI::MXNet::Engine->register(_instance($prop, \@shapes, \@words)));
}

# What infer_shape or infer_type returns: lists for arguments, outputs and auxiliary states.
sub _three
{
    my ($prop, $method, $known) = @_;
    my @lists = $prop->$method($known);
    @lists = @{ $lists[0] } if @lists == 1 and ref $lists[0] eq 'ARRAY' and ref $lists[0][0] eq 'ARRAY';
    AI::MXNet::Error::fail(ref $prop, "->$method returns list refs for arguments, outputs and auxiliary states, but returned ", scalar @lists, ' values')
        if @lists < 2 or @lists > 3 or grep { ref ne 'ARRAY' } @lists;
    return ($lists[0], $lists[1], $lists[2] // []);
}

# Code that computes for arguments of these shapes and dtypes.
sub _instance
{
    my ($prop, $shapes, $dtypes) = @_;
    my $operator = $prop->create_operator(AI::MXNet::Context::->cpu, $shapes, $dtypes);
    AI::MXNet::Error::fail(ref $prop, '->create_operator returns an AI::MXNet::CustomOp, but returned ', $operator // 'undef')
        unless blessed $operator and $operator->can('forward') and $operator->can('backward');
    my (undef, $out_shapes) = _three($prop, 'infer_shape', $shapes);
    my (undef, $out_dtypes) = _three($prop, 'infer_type',  $dtypes);
    my $zeros = sub { my ($shape, $dtype) = @_; AI::MXNet::NDArray->zeros($shape, dtype => $dtype) };
    return sub {
        my ($recording, @arrays) = @_;
        my ($what, $training, @words) = _question();
        my $take = sub { return [splice @arrays, 0, shift @words] };
        if ($what eq 'forward') {
            my ($in_data, $aux) = ($take->(), $take->());
            my @out_data = map { $zeros->($out_shapes->[$_], $out_dtypes->[$_]) } 0 .. $#$out_shapes;
            AI::MXNet::AutoGrad->pause(sub { $operator->forward($training, [('write') x @out_data], $in_data, \@out_data, $aux) }, train_mode => $training);
            return \@out_data;
        }
        my ($out_grad, $in_data, $out_data, $aux) = map { $take->() } 1 .. 4;
        my @in_grad = map { $zeros->($_->shape, $_->dtype) } @$in_data;
        my @req = map { $_ ? 'write' : 'null' } @words;
        my $run = sub { $operator->backward(\@req, $out_grad, $in_data, $out_data, \@in_grad, $aux) };
        if   ($recording) { AI::MXNet::AutoGrad::tracked_call($run, @$out_grad, @$in_data, @$out_data) }
        else              { AI::MXNet::AutoGrad->pause($run, train_mode => $training) }
        return \@in_grad;
    };
}

# -- the classes that users extend ---------------------------------------------------------------------------------

package AI::MXNet::CustomOp;
use strict;
use warnings;
use AI::MXNet::Mouse;

sub forward  { my ($self) = @_; return AI::MXNet::Error::fail(ref $self, ' has no method forward') }
sub backward { my ($self) = @_; return AI::MXNet::Error::fail(ref $self, ' has no method backward') }

# Stores a result as the request says.
sub assign
{
    my ($self, $to, $request, $value) = @_;
    if    ($request eq 'write' or $request eq 'inplace') { $to .= $value }
    elsif ($request eq 'add')                            { $to += $value }
    elsif ($request ne 'null') { AI::MXNet::Error::fail("a request is null, write, inplace or add, but got $request") }
    return;
}

__PACKAGE__->meta->make_immutable;

package AI::MXNet::CustomOpProp;
use strict;
use warnings;
use AI::MXNet::Mouse;

has need_top_grad => (is => 'ro', isa => 'Bool', default => 1);

sub list_arguments        { return ['data'] }
sub list_outputs          { return ['output'] }
sub list_auxiliary_states { return [] }

sub infer_shape { my ($self, $shapes) = @_; return ($shapes, [map { $shapes->[0] } @{ $self->list_outputs }], []) }

sub infer_type
{
    my ($self, $dtypes) = @_;
    return ($dtypes, map { [map { $dtypes->[0] } @$_] } $self->list_outputs, $self->list_auxiliary_states);
}

sub create_operator { my ($self) = @_; return AI::MXNet::Error::fail(ref $self, ' has no method create_operator') }

__PACKAGE__->meta->make_immutable;

1;

__END__

=head1 NAME

AI::MXNet::Operator - operators written in Perl

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd autograd);

    {
        package Softplus;    # what computes
        use Mouse;
        extends 'AI::MXNet::CustomOp';

        sub forward
        {
            my ($self, $is_train, $req, $in_data, $out_data, $aux) = @_;
            $self->assign($out_data->[0], $req->[0], (1 + $in_data->[0]->exp)->log);
        }

        sub backward
        {
            my ($self, $req, $out_grad, $in_data, $out_data, $in_grad, $aux) = @_;
            $self->assign($in_grad->[0], $req->[0], $out_grad->[0] * $in_data->[0]->sigmoid);
        }

        package SoftplusProp;    # what is known before
        use Mouse;
        extends 'AI::MXNet::CustomOpProp';

        sub create_operator { return Softplus->new }
    }

    mx->operator->register(softplus => 'SoftplusProp');

    my $x = nd->array([0, 1]);
    $x->attach_grad;
    autograd->record(sub { nd->Custom($x, op_type => 'softplus')->sum->backward });
    print $x->grad->aspdl, "\n";    # [0.5 0.731059]

    my $net = mx->sym->Custom(mx->sym->var('data'), op_type => 'softplus', name => 'sp');

=head1 DESCRIPTION

The counterpart of MXNet's C<mx.operator> for Perl, which the original does not have. An operator is two classes: one of
AI::MXNet::CustomOpProp says what its inputs and outputs are, one of AI::MXNet::CustomOp computes. C<< nd->Custom >> calls
it on arrays, C<< mx->sym->Custom >> puts it into a symbol, also of a network that is hybridized or bound to an executor.
C<op_type> is the name it was registered under; all other named arguments are attributes, which the prop's constructor gets
as text, or inputs.

The engine calls Perl when it computes, and waits meanwhile; so a call of such an operator waits for the engine, and
exceptions of its methods arrive where the call is.

=head1 FUNCTIONS

C<< mx->operator >> is this package.

=head2 register

    mx->operator->register(softplus => 'SoftplusProp');

Makes a class of AI::MXNet::CustomOpProp the operator of that C<op_type>.

=head2 get_all_registered_operators

A list ref of the names.

=head2 announce, call

For the other modules.

=head1 METHODS OF AI::MXNet::CustomOpProp

=over 4

=item need_top_grad

An attribute, 1: whether C<backward> needs the gradients of the outputs. A loss has 0.

=item list_arguments, list_outputs, list_auxiliary_states

List refs of names: C<['data']>, C<['output']> and none, if not written.

=item infer_shape($shapes), infer_type($dtypes)

From those of the arguments those of arguments, outputs and auxiliary states, as three list refs, of which the last may be
left out. If not written, all outputs have the shape and dtype of the first argument. The first shape is known; another one
that is not is C<[]>.

=item create_operator($ctx, $shapes, $dtypes)

A new AI::MXNet::CustomOp for arguments of these shapes and dtypes.

=back

=head1 METHODS OF AI::MXNet::CustomOp

=over 4

=item forward($is_train, $req, $in_data, $out_data, $aux)

Computes: list refs of arrays, of which C<$out_data> are zeros to be written to. C<$req> says for each output what to do
with it: C<write>.

=item backward($req, $out_grad, $in_data, $out_data, $in_grad, $aux)

Computes the gradients of the arguments, into C<$in_grad>; those whose C<$req> is C<null> are not needed. If it calls
operators of MXNet only, gradients of the gradient work.

=item assign($to, $req, $value)

Stores a value as a request says: C<write> and C<inplace>, C<add>, or C<null>, nothing.

=back

An executor has one operator object from binding on; else there is one for each call that is recorded, so that C<forward>
can leave something in the object for C<backward>.

=head1 SEE ALSO

L<AI::MXNet::AutoGrad::Function>, L<AI::MXNet::Symbol>

=cut
