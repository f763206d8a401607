# Worker processes of a DataLoader: the same batches, however many there are; and what becomes of them.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/lib";
use File::Temp qw(tempdir);
use PDL;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);
use AI::MXNet qw(mx nd autograd);
use AI::MXNet::Gluon qw(gluon);
use AI::MXNet::Gluon::NN;
use Processes qw(is_alive number_of_descriptors soon);

plan skip_all => 'the tests look into /proc' unless -d "/proc/$$";
alarm 120;    # nothing may hang
my $data = gluon->data;
my $folder = tempdir(CLEANUP => 1);

sub made { my ($code, @samples) = @_; return $data->SimpleDataset(\@samples)->transform($code) }
sub loader { my ($set, @options) = @_; return $data->DataLoader($set, batch_size => 4, num_workers => 2, @options) }
sub values_of { my ($loader) = @_; return [map { $_->aspdl->unpdl } @$loader] }

# The process ids of the workers, by samples that are their maker's.
sub workers_of
{
    my ($loader) = @_;
    my %seen;
    while (defined(my $batch = <$loader>)) { $seen{ $_ }++ for $batch->aspdl->list }
    return sort keys %seen;
}

sub error_of { my ($code) = @_; return eval { $code->(); 1 } ? 'none' : $@ }

subtest 'the same batches, whatever their number' => sub {
    my $set = made(sub { my ($x) = @_; return [float($x, rand), $x, PDL->random(2), nd->random->normal(shape => 2), { name => $x / 2 }] }, 1 .. 19);
    my $flat = sub {
        my ($batch) = @_;
        return join ' ', map { ref eq 'HASH' ? $_->{name}->aspdl : ($_->dtype, "@{ $_->shape }", $_->aspdl) } @$batch;
    };
    my @runs;
    for my $workers (0, 1, 3) {
        my $loader = loader($set, num_workers => $workers, shuffle => 1, seed => 3);
        push @runs, [map { $flat->($_) } map { @$loader } 1, 2];
    }
    is @{ $runs[0] }, 10;
    is_deeply $runs[$_], $runs[0] for 1, 2;
    isnt $runs[0][0], $runs[0][5], 'other ones in each run';
    my $unseeded = sub { CORE::srand(8); my $loader = loader($set, num_workers => $_[0], shuffle => 1); return [map { $flat->($_) } @$loader] };
    is_deeply $unseeded->(3), $unseeded->(1), 'without a seed, srand decides';
    my $small = loader(made(sub { [$_[0], rand] }, 1 .. 8), seed => 1, num_workers => 1);
    my $large = loader(made(sub { [$_[0], rand] }, 1 .. 8), seed => 1, batch_sampler => $data->BatchSampler($data->SequentialSampler(8), 8), batch_size => undef);
    is_deeply [map { $_->[1]->aspdl->list } @$small], [map { $_->[1]->aspdl->list } @$large], 'a sample\'s numbers do not depend on its batch';
};

subtest 'they do not know each other, nor the parent\'s engine' => sub {
    my $loader = loader(made(sub { long($_[0], $$, AI::MXNet::Engine::is_ours() ? 1 : 0) }, 1 .. 16));
    my @rows = map { @{ $_->aspdl->unpdl } } (map { @$_ } $loader->list, $loader->list);
    my %pids = map { $_->[1] => 1 } @rows;
    is keys %pids, 2, 'two processes';
    ok !$pids{$$};
    is_deeply [map { $_->[0] } @rows], [(1 .. 16) x 2];
    is scalar(grep { $_->[2] } @rows), 0, 'which have no engines as long as they need none';
    is wait(), -1, 'and are nobody\'s children';
};

subtest 'arrays' => sub {
    my $mean = nd->array([1, 2]);
    my $net = AI::MXNet::Gluon::NN->Dense(3, in_units => 2);
    $net->initialize;
    my %sets = (
        'of the dataset' => $data->ArrayDataset(nd->array([map { [$_, 2 * $_] } 1 .. 9]), nd->array([1 .. 9]))->transform_first(sub { $_[0] * 2 }),
        'that the function refers to' => made(sub { nd->array([$_[0], 2 * $_[0]]) - $mean }, 1 .. 9),
        'of a network' => $data->SimpleDataset([map { nd->ones([1, 2]) * $_ } 1 .. 9])->transform($net),
        'of half precision' => made(sub { nd->array([$_[0]], dtype => 'float16') / 3 }, 1 .. 9),
        'large ones' => made(sub { nd->ones([300, 300]) * $_[0] }, 1 .. 9),
        'large piddles' => made(sub { zeroes(long, 300, 300) + $_[0] }, 1 .. 9),
        'on the tape of nobody' => made(sub { my $x = nd->array([$_[0]]); $x->attach_grad; my $y; autograd->record(sub { $y = $x * $x }); $y->backward; $x->grad }, 1 .. 9),
    );
    my $flat = sub { my ($batch) = @_; return map { ($_->dtype, @{ $_->shape }, $_->aspdl->sum) } ref $batch eq 'ARRAY' ? @$batch : $batch };
    for my $kind (sort keys %sets) {
        is_deeply [map { $flat->($_) } @{ loader($sets{$kind}) }], [map { $flat->($_) } @{ loader($sets{$kind}, num_workers => 0) }], $kind;
    }
    package Held { use Mouse; extends 'AI::MXNet::Gluon::Data::Set'; has parts => (is => 'ro'); sub len {3} sub at { my ($self, $i) = @_; $self->parts->{rows}[0]->at($i) } }
    my $rows = nd->array([[1, 2], [3, 4], [5, 6]]);
    my $set = Held->new(parts => { rows => [$rows] });
    is_deeply values_of(loader($set)), [[[1, 2], [3, 4], [5, 6]]], 'deep within a class of the user';
    $rows *= 2;
    is_deeply values_of(loader($set)), [[[2, 4], [6, 8], [10, 12]]], 'as they are when the workers start';
    our $global = nd->ones([1]);
    like error_of(sub { loader(made(sub { $global + $_[0] }, 1 .. 3))->next }), qr/belongs to another engine: that of the parent process.*at sample 0/, 'others are refused by name';
    my $x;
    autograd->record(sub { $x = loader(made(sub { nd->array([$_[0]]) * 2 }, 1 .. 3))->next * 3 });
    is_deeply $x->aspdl->unpdl, [[6], [12], [18]], 'within record';
};

subtest 'batches of the user\'s own form' => sub {
    my $loader = sub { my ($code) = @_; return loader(made(sub { $_[0] }, 1 .. 4), batchify_fn => $code) };
    my $batch = $loader->(sub { return { text => "\x{263a} @{ $_[0] }", list => [1, undef, 2.5, ''], piddle => short(@{ $_[0] }), array => nd->array($_[0]) * 2 } })->next;
    is $batch->{text}, "\x{263a} 1 2 3 4";
    is_deeply $batch->{list}, [1, undef, 2.5, ''];
    is_deeply [$batch->{piddle}->type . '', $batch->{piddle}->unpdl], ['short', [1 .. 4]];
    is_deeply $batch->{array}->aspdl->unpdl, [2, 4, 6, 8];
    like error_of(sub { $loader->(sub { sub { } })->next }), qr/a batch of a worker process is of NDArrays, .* but there is CODE in it/;
};

subtest 'a dataset that batches itself needs no workers' => sub {
    my $loader = loader($data->ArrayDataset(nd->array([1 .. 6])->reshape([6, 1]), nd->array([1 .. 6])));
    my $before = number_of_descriptors($$);
    my $batch = <$loader>;
    is number_of_descriptors($$), $before;
    is_deeply $batch->[1]->aspdl->unpdl, [1, 2, 3, 4];
};

subtest 'runs' => sub {
    my $loader = loader(made(sub { $_[0] }, 1 .. 10));
    my $all = [[1 .. 4], [5 .. 8], [9, 10]];
    <$loader>;
    $loader->reset;
    is_deeply values_of($loader), $all, 'one that is begun anew';
    for my $batch (@$loader) { last }
    is_deeply values_of($loader), $all, 'after one that was left';
    my ($one, $two) = map { $loader->list } 1, 2;
    is_deeply [map { ($one->[$_]->aspdl->unpdl, $two->[$_]->aspdl->unpdl) } 0 .. 2], [map { ($_, $_) } @$all], 'two at once';
    is_deeply [map { $_->aspdl->unpdl } reverse @$loader], [reverse @$all], 'in any order';
    my $rollover = loader(made(sub { $_[0] }, 1 .. 6), last_batch => 'rollover');
    is_deeply [map { @{ values_of($rollover) } } 1, 2], [[1 .. 4], [5, 6, 1, 2], [3 .. 6]], 'rollover';
    my $before = join ' ', workers_of(my $same = loader(made(sub { $$ }, 1 .. 16)));
    is join(' ', workers_of($same)), $before, 'the workers of one run are those of the next';
};

subtest 'what dies in a worker' => sub {
    my $set = made(sub { die "no good\n" if $_[0] == 6; die { code => 7 } if $_[0] == 11; nd->ones([2])->reshape([3]) if $_[0] == 14; $_[0] }, 1 .. 16);
    my $loader = loader($set);
    is <$loader>->aspdl->at(0), 1;
    like error_of(sub { <$loader> }), qr/\Ano good\n\(in a worker process of a DataLoader, at sample 5\)\n\z/, 'its message, and where';
    like error_of(sub { <$loader> }), qr/\AHASH.*at sample 10\)/s;
    my $error = error_of(sub { <$loader> });
    isa_ok $error, 'AI::MXNet::Error';
    is $error->kind, 'shape';
    like $error, qr/at sample 13\) at \Q$0\E line \d+\.\n\z/;
    is <$loader>, undef, 'one can go on after it';
    is <$loader>->aspdl->at(0), 1;
    my $bad = loader(made(sub { $_[0] == 3 ? nd->take(nd->ones([2]), nd->array([9]), mode => 'raise') : nd->ones([1]) }, 1 .. 4));
    like error_of(sub { <$bad> }), qr/index 9 is out of bounds/, 'what only its engine finds';
};

subtest 'a worker that ends' => sub {
    for my $how (['killed', sub { kill KILL => $$ }], ['by exit', sub { POSIX::_exit(3) }], ['of a broken extension', sub { kill SEGV => $$ }]) {
        my ($name, $end) = @$how;
        my $loader = loader(made(sub { $end->() if $_[0] == 6; $_[0] }, 1 .. 12));
        is <$loader>->aspdl->at(0), 1;
        my $begin = time;
        my $error = error_of(sub { <$loader> });
        like $error, qr/\AA worker process of a DataLoader is gone: it was killed, or called exit, while it made the batch of samples 4, 5, 6, 7 at \Q$0\E line/, $name;
        is $error->kind, 'worker';
        cmp_ok time - $begin, '<', 5;
        is_deeply <$loader>->aspdl->unpdl, [9 .. 12], 'another takes its place';
        is <$loader>, undef;
    }
    my $loader = loader(made(sub { $$ }, 1 .. 16));
    my @workers = workers_of($loader);
    kill KILL => @workers;
    ok soon(sub { !grep { is_alive($_) } @workers }, 5);
    like error_of(sub { <$loader> }), qr/is gone/ for 1, 2;
    isnt <$loader>->aspdl->at(0), $workers[0], 'killed between two runs';
};

subtest 'nothing is left' => sub {
    my $descriptors = number_of_descriptors($$);
    my $begun = sub { my ($loader) = @_; my %pid = map { $_->aspdl->at(0) => 1 } map { scalar <$loader> } 1 .. 3; return keys %pid };
    my $loader = loader(made(sub { $$ }, 1 .. 100));
    my @workers = $begun->($loader);
    is @workers, 2;
    undef $loader;
    ok soon(sub { !grep { is_alive($_) } @workers }, 5), 'of a loader dropped in the midst of a run';
    is number_of_descriptors($$), $descriptors;

    $loader = loader(made(sub { if ($_[0] > 12) { 1 while 1 } $$ }, 1 .. 100));
    @workers = $begun->($loader);
    undef $loader;
    ok soon(sub { !grep { is_alive($_) } @workers }, 5), 'also if the workers are busy for ever';

    my @two = map { loader(made(sub { $$ }, 1 .. 100)) } 1, 2;
    my @first = $begun->($two[0]);
    $begun->($two[1]);
    shift @two;
    ok soon(sub { !grep { is_alive($_) } @first }, 5), 'those of a later loader do not hold them';

    my $script = <<'PERL';
use AI::MXNet qw(mx nd); use AI::MXNet::Gluon qw(gluon);
$| = 1;
my $set = gluon->data->SimpleDataset([1 .. 100])->transform(sub { $engine ? nd->ones([1]) * $$ : $$ });
my $loader = gluon->data->DataLoader($set, batch_size => 4, num_workers => 2);
print join(' ', map { <$loader>->aspdl->flat->at(0) } 1 .. 2), "\n";
PERL
    my %ends = ('returns' => '', 'dies' => 'close STDERR; die;', 'is killed' => 'sleep 60;', 'calls exec' => q(exec 'true';), 'is told to end' => 'sleep 60;');
    for my $end (sort keys %ends) {
        my $pid = open my $out, '-|', $^X, "-I$Bin/../lib", '-e', q(our $engine = ) . ($end eq 'is killed' ? 1 : 0) . "; $script $ends{$end}" or die $!;
        my @workers = split ' ', readline $out;
        is @workers, 2;
        kill KILL => $pid if $end eq 'is killed';
        kill TERM => $pid if $end eq 'is told to end';
        close $out;
        ok soon(sub { !grep { is_alive($_) } @workers }, 5), "of a script that $end";
    }
};

subtest 'signals' => sub {
    my $loader = loader(made(sub { if ($_[0] == 9) { sleep 0.01 until -e "$folder/go" } $_[0] }, 1 .. 16));
    is <$loader>->aspdl->at(0), 1;
    is <$loader>->aspdl->at(0), 5;
    {
        local $SIG{ALRM} = sub { die "timeout\n" };
        Time::HiRes::ualarm(50_000);
        is error_of(sub { <$loader> }), "timeout\n", 'a wait can be left';
        alarm 120;
        open my $file, '>', "$folder/go" or die $!;
    }
    is_deeply [map { <$loader>->aspdl->unpdl } 1, 2], [[9 .. 12], [13 .. 16]], 'and goes on where it was';
    $loader = loader(made(sub { $$ }, 1 .. 16));
    my @workers = workers_of($loader);
    kill $_ => @workers for qw(INT HUP TERM QUIT);
    is scalar(grep { is_alive($_) } @workers), 2, 'those that the whole process group gets are the parent\'s';
    is join(' ', workers_of($loader)), "@workers";
};

subtest 'a forked child of the script' => sub {
    my $loader = loader(made(sub { $_[0] }, 1 .. 8));
    <$loader>;
    my $pid = open(my $out, '-|') // die $!;
    if (!$pid) {
        print error_of(sub { <$loader> });
        $loader->reset;
        print join ' ', map { <$loader>->aspdl->list } 1, 2;
        POSIX::_exit(!close STDOUT);
    }
    my @lines = readline $out;
    like $lines[0], qr/belongs to the parent process: call reset/, 'does not disturb a run';
    is $lines[1], '1 2 3 4 5 6 7 8', 'but has its own';
    ok close $out;
    is <$loader>->aspdl->at(0), 5, 'the parent goes on';
};

subtest 'what a worker prints appears, once' => sub {
    my $script = q(use AI::MXNet qw(mx); use AI::MXNet::Gluon qw(gluon); print "begin\n"; my $l = gluon->data->DataLoader(gluon->data->SimpleDataset([1 .. 3])->transform(sub { print "sample $_[0]\n"; warn "w\n"; $_[0] }), batch_size => 3, num_workers => 1); print scalar(@$l), " $_\n" for @$l; END { print "end\n" });
    my $text = qx($^X '-I$Bin/../lib' -e '$script' 2>'$folder/err');
    is $text, "begin\nsample 1\nsample 2\nsample 3\n1 <AI::MXNet::NDArray 3 \@cpu(0)>\nend\n";
    is -s "$folder/err", 6;
};

subtest 'a file of records' => sub {
    my $file = mx->recordio->MXIndexedRecordIO("$folder/test.idx", "$folder/test.rec", 'w');
    $file->write_idx($_, "record $_") for 0 .. 40;
    $file->close;
    my $set = $data->RecordFileSet("$folder/test.rec");
    $set->at(0);
    my $loader = loader($set, batch_size => 5, batchify_fn => sub { join ' ', @{ $_[0] } });
    is join(' ', @$loader), join(' ', map {"record $_"} 0 .. 40), 'that several processes read at once';
};

done_testing;
