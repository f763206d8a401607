package AI::MXNet::KVStore;
# Arrays by key, to which contexts and workers add and which they fetch. POD at the end.
use strict;
use warnings;
use Mouse;
use List::Util ();
use Scalar::Util qw(blessed);
use AI::MXNet::Base ();
use AI::MXNet::Error;
use AI::MXNet::NDArray;
use AI::MXNet::NS;
use AI::MXNet::Optimizer;

extends 'Mouse::Object';

has type     => (is => 'ro', isa => 'Str', default => 'local');
has _updater => (is => 'rw', init_arg => undef);
has _stored  => (is => 'ro', default => sub { {} }, init_arg => undef);
has [qw(_threshold _residuals)] => (is => 'rw', init_arg => undef);

sub import { my ($class, @names) = @_; return AI::MXNet::NS::install($class, scalar caller, @names) }

my %class = (
    map({ $_ => __PACKAGE__ } qw(local local_update_cpu local_allreduce_cpu local_allreduce_device device)),
    map({ $_ => 'AI::MXNet::KVStore::Synchronous' } qw(dist dist_sync dist_device_sync dist_sync_device)),
    dist_async => 'AI::MXNet::KVStore::Asynchronous',
);

sub create
{
    my ($package, $name) = @_;
    $name //= 'local';
    my $class = $class{$name} // AI::MXNet::Error::fail("KVStore->create takes one of ", join(', ', sort keys %class), ", but got '$name'");
    (my $file = "$class.pm") =~ s{::}{/}g;
    AI::MXNet::NS::load($file);
    return $class->new(type => $name);
}

sub rank        {0}
sub num_workers {1}

# -- arguments -----------------------------------------------------------------------------------------------------

# Keys and values, one or lists of both, as [key, values ...].
sub _pairs
{
    my ($method, $keys, $values) = @_;
    AI::MXNet::Error::fail("$method takes a key, or a list of keys, and as many values") if ref $keys ne 'ARRAY' ? !defined $keys || ref $keys : ref $values ne 'ARRAY' || @$keys != @$values;
    my @pairs = ref $keys eq 'ARRAY' ? map { [$keys->[$_], AI::MXNet::Base::as_array($values->[$_])] } 0 .. $#$keys : [$keys, AI::MXNet::Base::as_array($values)];
    for my $pair (@pairs) {
        my ($key, $arrays) = @$pair;
        AI::MXNet::Error::fail("$method: there is no value for the key '$key'") unless @$arrays;
        for (@$arrays) {
            blessed $_ && $_->isa('AI::MXNet::NDArray') or AI::MXNet::Error::fail("$method: the value of '$key' is an NDArray, or a list of them, but got ", $_ // 'undef');
        }
    }
    return map { [$_->[0], @{ $_->[1] }] } @pairs;
}

sub _stored_at
{
    my ($self, $method, $key) = @_;
    return $self->_stored->{$key} // AI::MXNet::Error::fail("$method: key $key doesn't exist. Did you init?");
}

sub _check_fits
{
    my ($self, $method, $key, @arrays) = @_;
    my $shape = join 'x', @{ $self->_stored_at($method, $key)->shape };
    for (map { join 'x', @{ $_->shape } } @arrays) {
        AI::MXNet::Error->throw(kind => 'shape', message => "$method: the value of key '$key' has shape $shape, but got $_") if $_ ne $shape;
    }
    return;
}

# -- values --------------------------------------------------------------------------------------------------------

sub init
{
    my ($self, $keys, $values) = @_;
    my @pairs = _pairs('init', $keys, $values);
    my %seen;
    for (@pairs) {
        my ($key, @arrays) = @$_;
        AI::MXNet::Error::fail("init: duplicate init of key $key") if $seen{$key}++ or defined $self->_stored->{$key};
    }
    my @arrays = map { $_->[1]->copy } @pairs;
    $self->_agree([map { $_->[0] } @pairs], \@arrays);
    $self->_stored->{ $pairs[$_][0] } = $arrays[$_] for 0 .. $#pairs;
    return;
}

# Makes the arrays of all workers those of the first; adds them up, sums of some number of arrays. Here there is but one.
sub _agree  { return }
sub _reduce { return }

sub push
{
    my ($self, $keys, $values, @options) = @_;
    AI::MXNet::NDArray::_named('push', ['priority'], @options);
    my (%arrays, @order);
    for (_pairs('push', $keys, $values)) {
        my ($key, @given) = @$_;
        $self->_check_fits('push', $key, @given);
        push @order, $key unless $arrays{$key};
        push @{ $arrays{$key} }, defined $self->_threshold ? $self->_compressed($key, @given) : @given;
    }
    my @sums = map { _sum($arrays{$_}, $self->_stored->{$_}->context) } @order;
    $self->_reduce(List::Util::max(map { scalar @$_ } values %arrays), @sums);
    return $self->_apply(\@order, \@sums);
}

# A new array: what is pushed stays as it is.
sub _sum
{
    my ($arrays, $context) = @_;
    my ($first, @rest) = map { $_->as_in_context($context) } @$arrays;
    return $first->copy unless @rest;
    return AI::MXNet::NDArray->add_n($first, @rest) unless grep { $_->stype ne 'default' } $first, @rest;
    $first = $first + $_ for @rest;
    return $first;
}

# Has the stored values take in what was pushed.
sub _apply
{
    my ($self, $keys, $sums) = @_;
    my ($updater, $stored) = ($self->_updater, $self->_stored);
    if (not defined $updater) { $sums->[$_]->copyto($stored->{ $keys->[$_] }) for 0 .. $#$keys }
    elsif (ref $updater eq 'CODE') { $updater->($keys->[$_], $sums->[$_], $stored->{ $keys->[$_] }) for 0 .. $#$keys }
    else { $updater->_call_all(map { [$keys->[$_], $sums->[$_], $stored->{ $keys->[$_] }] } 0 .. $#$keys) }
    return;
}

sub pull
{
    my ($self, $keys, @options) = @_;
    for ($self->_targets($keys, @options)) {
        my ($key, @outs) = @$_;
        $self->_stored->{$key}->copyto($_) for @outs;
    }
    return;
}

# What a pull is to write to: keys with arrays.
sub _targets
{
    my ($self, $keys, @options) = @_;
    my %options = (ignore_sparse => 1, AI::MXNet::NDArray::_named('pull', [qw(out priority ignore_sparse)], @options));
    AI::MXNet::Error::fail('pull: out is required') unless defined $options{out};
    my @pairs = _pairs('pull', $keys, $options{out});
    $self->_check_fits('pull', @$_) for @pairs;
    return $options{ignore_sparse} ? grep { $self->_stored->{ $_->[0] }->stype eq 'default' } @pairs : @pairs;
}

sub row_sparse_pull
{
    my ($self, $keys, @options) = @_;
    my %options = AI::MXNet::NDArray::_named('row_sparse_pull', [qw(out priority row_ids)], @options);
    AI::MXNet::Error::fail("row_sparse_pull: $_ is required") for grep { not defined $options{$_} } qw(out row_ids);
    my @targets = _pairs('row_sparse_pull', $keys, $options{out});
    my $ids = $options{row_ids};
    for my $k (0 .. $#targets) {
        my ($key, @outs) = @{ $targets[$k] };
        my @rows = blessed $ids ? $ids : ref $keys eq 'ARRAY' ? @{ AI::MXNet::Base::as_array($ids->[$k]) } : @$ids;
        @rows = (@rows) x @outs if @rows == 1;
        AI::MXNet::Error::fail("row_sparse_pull: there are ", scalar @outs, " arrays for the key '$key', but ", scalar @rows, ' of row_ids') if @rows != @outs;
        my $value = $self->_stored_at('row_sparse_pull', $key);
        for my $i (0 .. $#outs) {
            AI::MXNet::Error::fail("row_sparse_pull: out is row_sparse, but got ", $outs[$i]->stype) unless $outs[$i]->stype eq 'row_sparse';
            AI::MXNet::NDArray->_kvstore_rows($value, $rows[$i])->copyto($outs[$i]);
        }
    }
    return;
}

# -- optimizers ----------------------------------------------------------------------------------------------------

sub set_optimizer
{
    my ($self, $optimizer) = @_;
    _check_optimizer($optimizer);
    return $self->_updater(AI::MXNet::Optimizer->get_updater($optimizer));
}

sub _check_optimizer
{
    my ($optimizer) = @_;
    blessed $optimizer && $optimizer->isa('AI::MXNet::Optimizer') or AI::MXNet::Error::fail('set_optimizer takes an optimizer, but got ', $optimizer // 'undef');
    return;
}

sub _set_updater { my ($self, $updater) = @_; return $self->_updater($updater) }

sub save_optimizer_states
{
    my ($self, $path, @options) = @_;
    my %options = AI::MXNet::NDArray::_named('save_optimizer_states', ['dump_optimizer'], @options);
    return AI::MXNet::Base::_write_file('save_optimizer_states', $path, $self->_get_states($options{dump_optimizer}));
}

sub load_optimizer_states
{
    my ($self, $path) = @_;
    return $self->_set_states(AI::MXNet::Base::_read_file('load_optimizer_states', $path));
}

sub _get_states { my ($self, $dump_optimizer) = @_; return $self->_updater_with_states->get_states($dump_optimizer) }
sub _set_states { my ($self, $bytes) = @_; return $self->_updater_with_states->set_states($bytes) }

sub _updater_with_states
{
    my ($self) = @_;
    my $updater = $self->_updater;
    return $updater if blessed $updater;
    return AI::MXNet::Error::fail('Cannot save or load states: this store (', $self->type, ') has no optimizer; set_optimizer gives it one');
}

# -- compression ---------------------------------------------------------------------------------------------------

sub set_gradient_compression
{
    my ($self, $params) = @_;
    AI::MXNet::Error::fail('Gradient compression is not supported for this type of kvstore: ', $self->type, '; it is for device and dist') unless $self->type =~ /device|dist/;
    my %params = (type => '', threshold => 0.5, %$params);
    AI::MXNet::Error::fail("gradient compression is { type => '2bit', threshold => a number above 0 }, but got { ", join(', ', map {"$_ => $params{$_}"} sort keys %params), ' }')
        unless $params{type} eq '2bit' and $params{threshold} > 0 and keys %params == 2;
    $self->_threshold(0 + $params{threshold});
    $self->_residuals({});
    return;
}

# Each gradient as the threshold, its negative or zero; the rest is kept for the next time.
sub _compressed
{
    my ($self, $key, @gradients) = @_;
    my $threshold = $self->_threshold;
    my $residuals = $self->_residuals->{$key} //= [map { $_->zeros_like } @gradients];
    return map {
        my ($gradient, $residual) = ($gradients[$_], $residuals->[$_]);
        $residual += $gradient;
        my $sent = (($residual >= $threshold) - ($residual <= -$threshold)) * $threshold;
        $residual -= $sent;
        $sent;
    } 0 .. $#gradients;
}

sub _barrier { return }

__PACKAGE__->meta->make_immutable;

1;
