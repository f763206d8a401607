# What goes well and wrong between workers: checks.pl CHECK, one of the subs below.
use strict;
use warnings;
use AI::MXNet qw(mx nd);

$| = 1;
my %check = (
    sums              => ['dist_sync',  \&sums],
    compressed        => ['dist_sync',  \&compressed],
    asynchronous      => ['dist_async', \&asynchronous],
    out_of_step       => ['dist_sync',  \&out_of_step],
    other_shapes      => ['dist_sync',  \&other_shapes],
    failed_array      => ['dist_sync',  \&failed_array],
    killed_engine     => ['dist_sync',  \&killed_engine],
    script_that_dies  => ['dist_sync',  \&script_that_dies],
    forked            => ['dist_sync',  \&forked],
);
my ($type, $code) = @{ $check{ $ARGV[0] } };
my $store = mx->kv->create($type);
my $rank = $store->rank;
$code->();

sub told { my (@words) = @_; print "worker $rank: @words\n"; return }
sub numbers { return join ' ', map { sprintf '%g', $_ } map { $_->aspdl->list } @_ }
# an array that turns out to have failed when it is read, as the first one has shown what comes out
sub broken { my ($count) = @_; return (map { nd->take(nd->ones([2]), nd->array([($_) x $count]), mode => 'raise') } 0, 9)[1] }
sub pulled { my ($key, $like) = @_; my $out = $like->zeros_like; $store->pull($key, out => $out); return $out }
sub tried { my ($code) = @_; eval { $code->(); 1 } or told('died of', $@ =~ s/ at \S+ line \d+\.\n//r); return }

sub sums
{
    # more than travels at once, in each dtype, and a sparse one
    my %values = (map({ $_ => nd->ones([3, 2], dtype => $_) * ($rank + 1) } qw(float16 float32 float64 uint8 int8 int32 int64)),
        large => nd->ones([3_000_000]) * ($rank + 1), larger => nd->ones([1_000_000]) * ($rank + 2));
    my @keys = sort keys %values;
    $store->init(\@keys, [@values{@keys}]);
    told('first values', numbers(map { pulled($_, $values{$_})->max } @keys));
    $store->push(\@keys, [map { [$values{$_}, $values{$_}] } @keys]);
    told('sums', map { my $sum = pulled($_, $values{$_}); join ' ', $sum->dtype eq $values{$_}->dtype ? () : $sum->dtype, numbers($sum->min, $sum->max) } @keys);
    my $rows = nd->sparse->row_sparse_array([nd->ones([1, 2]) * ($rank + 1), nd->array([$rank])], shape => [4, 2]);
    $store->init('rows', $rows->zeros_like);
    $store->push('rows', $rows);
    my $out = nd->sparse->zeros('row_sparse', [4, 2]);
    $store->row_sparse_pull('rows', out => $out, row_ids => nd->array([0, 1, 2]));
    told('rows', numbers($out));
    $store->_barrier;
    return;
}

sub compressed
{
    $store->set_gradient_compression({ type => '2bit', threshold => 0.5 });
    $store->init('w', nd->zeros([3]));
    for (1 .. 3) {
        $store->push('w', nd->array([0.3, -0.6, 0.1 * $rank]));
        told('has', numbers(pulled('w', nd->ones([3]))));
    }
    return;
}

sub asynchronous
{
    $store->init(['w', 'v'], [nd->ones([2]) * ($rank + 1), nd->zeros([1])]);
    told('begins with', numbers(pulled('w', nd->ones([2]))));
    tried(sub { $store->_set_updater(sub { }) });
    $store->_barrier;
    $store->set_optimizer(mx->optimizer->SGD(learning_rate => 0.5, lr_scheduler => AI::MXNet::FactorScheduler->new(step => 1000, factor => 0.1)));
    $store->push(['w', 'v'], [nd->ones([2]), [nd->ones([1]), nd->ones([1])]]) for 1 .. 3;
    $store->_barrier;
    told('ends with', numbers(pulled('w', nd->ones([2])), pulled('v', nd->ones([1]))));
    tried(sub { $store->push('w', broken(2)); pulled('w', nd->ones([2]))->aspdl });
    my $file = "$ARGV[1]-$rank.states";
    $store->save_optimizer_states($file, dump_optimizer => 1);
    $store->load_optimizer_states($file);
    tried(sub { $store->load_optimizer_states($0) });
    return;
}

sub out_of_step
{
    $store->init('w', nd->zeros([3]));
    my $sum = nd->zeros([3]);
    for (1 .. ($rank == 1 ? 2 : 3)) { $store->push('w', nd->ones([3])) }
    tried(sub { pulled('w', $sum)->aspdl });
    exit 3 if $rank != 1;
    return;
}

sub other_shapes { tried(sub { $store->init('w', nd->ones([2 + $rank])); pulled('w', nd->ones([2 + $rank]))->aspdl }); return }

sub failed_array
{
    $store->init('w', nd->zeros([3]));
    $store->push('w', $rank == 1 ? broken(3) : nd->ones([3]));
    tried(sub { pulled('w', nd->ones([3]))->aspdl });
    sleep 2;    # mpirun ends all with the first that fails
    exit 3;
}

sub killed_engine
{
    $store->init('w', nd->zeros([3]));
    if ($rank == 1) { $store->_barrier; kill KILL => mx->engine->pid; sleep 30 }
    $store->_barrier;
    $store->push('w', nd->ones([3]));
    tried(sub { pulled('w', nd->ones([3]))->aspdl });
    exit 3;
}

sub script_that_dies
{
    $store->init('w', nd->zeros([3]));
    die "the script of worker 1 dies\n" if $rank == 1;
    $store->push('w', nd->ones([3]));
    pulled('w', nd->ones([3]))->aspdl;
    return;
}

sub forked
{
    $store->init('w', nd->ones([2]));
    my $child = fork;
    if (not $child) {
        tried(sub { mx->kv->create('dist_sync') });
        told('child computes', numbers(nd->ones([2]) * 2));
        exit;
    }
    waitpid $child, 0;
    $store->push('w', nd->ones([2]));
    told('has', numbers(pulled('w', nd->ones([2]))));
    return;
}
