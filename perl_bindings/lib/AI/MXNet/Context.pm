package AI::MXNet::Context;
# Where an array lives. cpu(n) are labels of one memory; there is no GPU, and arrays cannot be made on one.
use strict;
use warnings;
use Scalar::Util ();
use AI::MXNet::Error;
use AI::MXNet::NS;
use overload
    '""' => sub { "$_[0]{device_type}($_[0]{device_id})" },
    '==' => sub { ref $_[1] && "$_[0]" eq "$_[1]" },
    '!=' => sub { !ref $_[1] || "$_[0]" ne "$_[1]" },
    'eq' => sub { defined $_[1] && "$_[0]" eq "$_[1]" },
    'ne' => sub { !defined $_[1] || "$_[0]" ne "$_[1]" },
    'bool' => sub { 1 },
    fallback => 1;

sub import { my ($class, @names) = @_; return AI::MXNet::NS::install($class, scalar caller, @names) }

my %ids = (cpu => 1, gpu => 2, cpu_pinned => 3);
my %known;

# The current context; code may localise $mx::Context or $AI::MXNet::Context.
sub current_ctx { $AI::MXNet::Context //= $_[0]->cpu }
sub current     { $_[0]->current_ctx }
sub current_context { $_[0]->current_ctx }

sub set_current
{
    my ($class, $context) = @_;
    AI::MXNet::Error::expect('set_current takes a context', __PACKAGE__, $context);
    return $AI::MXNet::Context = $context;
}

sub new
{
    my ($class, @arguments) = @_;
    my %fields = (device_type => 'cpu', device_id => 0);
    if (@arguments and ref $arguments[0] and $arguments[0]->isa(__PACKAGE__)) { return $arguments[0] }
    elsif (@arguments and !exists $fields{ $arguments[0] }) { @fields{qw(device_type device_id)} = (@arguments, 0) }
    else { %fields = (%fields, @arguments) }
    my ($type, $id) = @fields{qw(device_type device_id)};
    AI::MXNet::Error::fail("device_type is one of cpu, gpu, cpu_pinned, but got '$type'") if !$ids{$type};
    AI::MXNet::Error::fail("device_id is an integer from 0, but got '$id'") if $id !~ /\A[0-9]+\z/;
    # in scripts, AI::MXNet::Context->new calls the sub Context of AI::MXNet first: $class may be a context
    return $known{"$type($id)"} //= bless { device_type => $type, device_id => $id }, ref $class || $class;
}

sub cpu        { $_[0]->new('cpu',        $_[1] // 0) }
sub cpu_pinned { $_[0]->new('cpu_pinned', $_[1] // 0) }
sub gpu        { $_[0]->new('gpu',        $_[1] // 0) }

sub num_gpus        {0}
sub gpu_memory_info { AI::MXNet::Error::fail('MXNetError: there is no GPU: this engine computes on the CPU') }

sub device_type    { $_[0]{device_type} }
sub device_type_id { $ids{ $_[0]{device_type} } }
sub device_id      { $_[0]{device_id} }
sub deepcopy       { $_[0] }

# The context that an argument `ctx` means, for arrays to live there: an object, its text, or undef for the current one.
sub of
{
    my ($given) = @_;
    return __PACKAGE__->current_ctx->usable unless defined $given;
    return $given->usable if Scalar::Util::blessed($given) and $given->isa(__PACKAGE__);
    my ($type, $id) = $given =~ /\A(cpu|gpu|cpu_pinned)(?:\(([0-9]+)\))?\z/
        or AI::MXNet::Error::fail("ctx is a context such as mx->cpu, or its text, but got '$given'");
    return __PACKAGE__->new($type, $id // 0)->usable;
}

# The context itself, if arrays can live there.
sub usable
{
    my ($self) = @_;
    return $self if $self->{device_type} ne 'gpu';
    AI::MXNet::Error::fail("MXNetError: no array can be made on $self: this engine computes on the CPU, use mx->cpu");
}

1;

__END__

=head1 NAME

AI::MXNet::Context - where an array lives

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd);

    my $ctx = mx->cpu(1);
    my $x = nd->ones([2], ctx => $ctx);
    print $x->context, "\n";                        # cpu(1)
    print "here\n" if $x->context == mx->cpu(1);

=head1 DESCRIPTION

The engine computes on the CPU and has one memory: C<cpu(n)> are labels, by which programs written for several devices
keep running. C<gpu(n)> can be named, but no array can be made there.

A result has the context of its first input. C<==>, C<!=>, C<eq> and C<ne> compare; as a string a context is C<cpu(0)>.

=head1 ATTRIBUTES

=head2 device_type, device_id, device_type_id

    print join(' ', $ctx->device_type, $ctx->device_id, $ctx->device_type_id), "\n";    # cpu 1 1

C<cpu> is 1, C<gpu> 2 and C<cpu_pinned> 3.

=head1 METHODS

=head2 new

    my $same = AI::MXNet::Context->new('cpu', 1);
    $same = AI::MXNet::Context->new(device_type => 'cpu', device_id => 1);

There is one object for each device.

=head2 cpu, cpu_pinned, gpu

    my $pinned = AI::MXNet::Context->cpu_pinned;    # cpu_pinned(0); the number is the only argument

=head2 current_ctx, current_context, current, set_current

    {
        local $mx::Context = mx->cpu(2);
        print mx->context->current_ctx, "\n";       # cpu(2)
    }

The context of arrays that are made without C<ctx>: the value of C<$AI::MXNet::Context>, for scripts also
C<$mx::Context>. C<set_current> sets it.

=head2 num_gpus

0.

=head2 gpu_memory_info

Dies: there is none.

=head2 deepcopy

The context itself.

=head2 of

    my $second = AI::MXNet::Context::of('cpu(1)');

The context that an argument C<ctx> means: an object, its text, where C<cpu> is C<cpu(0)>, or the current one for undef.
Dies of anything else, and where no array can be made.

=head2 usable

The context itself, or dies if no array can be made there.

=head2 chosen

For the other modules: the usable context of an argument C<ctx>.

=head1 SEE ALSO

L<AI::MXNet>

=cut
