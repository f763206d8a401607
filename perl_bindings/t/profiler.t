# A profile of what Perl, the stream and the engine do.
use strict;
use warnings;
use File::Temp qw(tempdir);
use JSON::PP ();
use Test::More;
use AI::MXNet qw(mx nd);
use AI::MXNet::Profiler;

my $file = tempdir(CLEANUP => 1) . '/profile.json';
my $profiler = 'AI::MXNet::Profiler';

# The events of the file, by lane.
sub lanes
{
    open my $handle, '<:raw', $file or die "$file: $!";
    my $events = JSON::PP->new->decode(do { local $/; readline $handle })->{traceEvents};
    my (%name, %lanes);
    for (@$events) {
        if ($_->{ph} eq 'M') { $name{"$_->{pid} $_->{tid}"} = $_->{args}{name} }
        else { push @{ $lanes{ $name{"$_->{pid} $_->{tid}"} } }, $_ }
    }
    return \%lanes;
}

sub names { my ($events) = @_; my %names; $names{ $_->{name} }++ for @{ $events // [] }; return \%names }

$profiler->profiler_set_config({ filename => $file, mode => 'all' });

subtest 'three lanes on one clock' => sub {
    my $x = nd->ones([8, 8]);
    $x->attach_grad;
    $x->wait_to_read;
    $profiler->profiler_set_state(1);
    my $loss;
    mx->autograd->record(sub { $loss = nd->dot($x, $x)->sigmoid->sum });
    $loss->backward;
    my $gradient = $x->grad->aspdl;
    $profiler->profiler_set_state('stop');
    nd->dot($x, $x)->wait_to_read;
    $profiler->dump_profile;
    my $lanes = lanes();
    is_deeply [sort keys %$lanes], [qw(Perl engine stream)];
    my ($perl, $engine) = map { names($lanes->{$_}) } qw(Perl engine);
    is $perl->{$_}, 1, "Perl calls $_" for qw(dot sigmoid sum);
    is $perl->{'waits for read'}, 1;
    is $engine->{dot}, 3, 'the engine computes dot, twice for the gradient';
    is $engine->{$_}, 1, "and $_" for qw(sigmoid sum backward read);
    like $lanes->{stream}[0]{name}, qr/\A\d+ instructions\z/;
    my ($asked) = grep { $_->{name} eq 'waits for read' } @{ $lanes->{Perl} };
    my ($read)  = grep { $_->{name} eq 'read' } @{ $lanes->{engine} };
    my ($sum)   = grep { $_->{name} eq 'sum' } @{ $lanes->{Perl} };
    cmp_ok $sum->{ts}, '<=', $read->{ts}, 'the engine reads after Perl has called';
    cmp_ok $read->{ts}, '<=', $asked->{ts} + $asked->{dur}, 'and before Perl goes on';
    ok !(grep { $_->{dur} < 0 } map {@$_} values %$lanes);
};

subtest 'what was written is forgotten, and nothing is watched any more' => sub {
    nd->ones([2])->sigmoid->wait_to_read;
    $profiler->dump_profile;
    is_deeply lanes(), {};
};

subtest 'failures, and code that leaves a wait' => sub {
    $profiler->profiler_set_state('run');
    ok !eval { nd->dot(nd->ones([2, 3]), nd->ones([2, 3])); 1 }, 'a refused call';
    ok !eval { nd->take(nd->ones([2]), nd->array([7]), mode => 'raise')->aspdl; 1 }, 'a failed one';
    like $@, qr/at \Q$0\E line/;
    $profiler->profiler_set_state(0);
    $profiler->dump_profile;
    is names(lanes()->{engine})->{take}, 1;
};

subtest 'sparse operators and graphs' => sub {
    my $csr = nd->array([[1, 0], [0, 2]])->tostype('csr');
    my $net = mx->sym->FullyConnected(mx->sym->var('data'), num_hidden => 2, name => 'fc')->simple_bind(shapes => { data => [2, 2] });
    $profiler->profiler_set_state(1);
    nd->dot($csr, nd->ones([2, 2]))->wait_to_read;
    $net->forward(0)->[0]->wait_to_read;
    $profiler->profiler_set_state(0);
    $profiler->dump_profile;
    my $engine = names(lanes()->{engine});
    ok $engine->{dot}, 'a sparse operator';
    is $engine->{FullyConnected}, 1, 'the operators of a graph';
};

for (['an unknown option', sub { $profiler->profiler_set_config({ colour => 1 }) }, qr/there is no option 'colour'/],
    ['no hash', sub { $profiler->profiler_set_config(1) }, qr/takes a hash/],
    ['another state', sub { $profiler->profiler_set_state(2) }, qr/1 \(run\) or 0 \(stop\), but got '2'/],
    ['a file that cannot be', sub { $profiler->profiler_set_config({ filename => '/none/profile.json' }); $profiler->dump_profile }, qr{/none/profile\.json\.\d+\.part: No such file}])
{
    my ($name, $code, $words) = @$_;
    ok !eval { $code->(); 1 }, $name;
    like $@, $words;
}

done_testing;
