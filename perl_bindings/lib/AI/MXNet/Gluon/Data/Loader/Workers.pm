package AI::MXNet::Gluon::Data::Loader::Workers;
# Processes that make batches ahead of their use. Each has two: one to make, or made and not yet fetched, and the next.
#
# A task is [seed, number of a sample ...]; an answer is a header, and the values of its arrays behind it. A worker lives as
# long as its parent holds the other end of its pipe, `life`: when that is closed, the kernel kills it, whatever it does.
use strict;
use warnings;
use Data::MessagePack;
use Errno qw(EINTR);
use Fcntl qw(F_SETFL F_SETOWN O_ASYNC);
use PDL::Core ();
use POSIX ();
use Scalar::Util qw(blessed refaddr weaken);
use Socket qw(AF_UNIX PF_UNSPEC SOCK_STREAM);
use AI::MXNet::DType;
use AI::MXNet::Engine;
use AI::MXNet::Error;
use AI::MXNet::NDArray;
use AI::MXNet::Gluon::Data::Loader::Draws;
use AI::MXNet::Gluon::Data::Loader::Inheritance;

my $codec = Data::MessagePack->new->utf8(1);
my %open;    # all workers of this process, weakly, whose handles a new one must close

# The code makes a batch: see AI::MXNet::Gluon::Data::Loader. What it uses may hold arrays of the parent's.
sub new
{
    my ($class, $count, $make, @uses) = @_;
    return bless { count => $count, make => $make, uses => \@uses, workers => [], process => $$ }, $class;
}

# -- in the parent -------------------------------------------------------------------------------------------------

# The next batch of a pass; undef at its end.
sub next
{
    my ($self, $pass) = @_;
    AI::MXNet::Error::fail('this run over a DataLoader belongs to the parent process: call reset, or begin another') if $pass->{process} != $$;
    @$self{qw(workers process)} = ([], $$) if $self->{process} != $$;
    my $queue = $pass->{queue};
    $self->_keep_busy($pass);
    my $task = $queue->[0] // return undef;
    until ($task->{answer}) { $self->_give($task); $self->_collect($task->{slot}) }
    shift @$queue;
    $pass->{number}++;
    $self->_keep_busy($pass);
    my ($ok, @rest) = @{ $task->{answer} };
    return _decoded(@rest) if $ok;
    _throw(@rest);
}

sub _keep_busy
{
    my ($self, $pass) = @_;
    my $queue = $pass->{queue};
    while (@$queue < 2 * $self->{count} and defined(my $indices = $pass->indices)) {
        my $slot = ($pass->{assigned}++ // 0) % $self->{count};
        my $body = $codec->pack([$pass->{base}, @$indices]);
        push @$queue, { slot => $slot, indices => $indices, frame => pack('V', length $body) . $body };
        $self->_give($queue->[-1]);
    }
    return;
}

# Gives a worker its task, unless it has it. That the worker may be gone is noticed when it is asked for the answer.
sub _give
{
    my ($self, $task) = @_;
    return if $task->{given};
    my ($slot, $frame) = @$task{qw(slot frame)};
    # While it writes an answer, a worker reads no tasks: there must be room for the next. And another run over the same
    # loader may have left it something to do.
    my $most = length $frame < 65536 ? 1 : 0;
    $self->_collect($slot) while @{ $self->_worker($slot)->{tasks} } > $most;
    my $worker = $self->_worker($slot);
    AI::MXNet::Engine::Process::undisturbed(sub {
        push @{ $worker->{tasks} }, $task;
        $task->{given} = 1;
        while (length $frame) {
            my $sent = send $worker->{channel}, $frame, eval { Socket::MSG_NOSIGNAL() } // 0;
            if (defined $sent) { substr $frame, 0, $sent, '' }
            elsif ($! != EINTR) { last }
        }
    });
    return;
}

# A worker that lives. All that are missing are started, so that what they inherit is read once.
sub _worker
{
    my ($self, $slot) = @_;
    my $workers = $self->{workers};
    return $workers->[$slot] if $workers->[$slot];
    my %inherited = AI::MXNet::Gluon::Data::Loader::Inheritance::of(@{ $self->{uses} });
    $workers->[$_] //= $self->_start(\%inherited) for 0 .. $self->{count} - 1;
    return $workers->[$slot];
}

sub _start
{
    my ($self, $inherited) = @_;
    local $^F = 2;    # what is opened here is closed in every program that the script runs
    socketpair(my $ours, my $theirs, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or AI::MXNet::Error::fail("a worker of a DataLoader: socketpair: $!");
    pipe(my $life, my $life_end) or AI::MXNet::Error::fail("a worker of a DataLoader: pipe: $!");
    $_ = AI::MXNet::Engine::Process::beyond_stderr($_) for $ours, $theirs, $life, $life_end;
    my $worker = { channel => $ours, life => $life_end, tasks => [] };
    delete @open{ grep { not defined $open{$_} } keys %open };
    weaken($open{ refaddr $worker } = $worker);
    AI::MXNet::Engine::Process::detached(sub { $self->_work($theirs, $life, $inherited) });
    return $worker;
}

# Waits for the answer of a worker. What has arrived of it is kept, should a signal's handler leave this place.
sub _collect
{
    my ($self, $slot) = @_;
    my $worker = $self->_worker($slot);
    return unless @{ $worker->{tasks} };
    my $in = $worker->{in} //= { parts => [{ size => 4, bytes => '' }], next => 0 };
    while ($in->{next} < @{ $in->{parts} }) {
        my $part = $in->{parts}[$in->{next}];
        if (length $part->{bytes} < $part->{size}) {
            my $got = sysread $worker->{channel}, $part->{bytes}, $part->{size} - length $part->{bytes}, length $part->{bytes};
            next if $got or not defined $got and $! == EINTR;
            return $self->_gone($slot);
        }
        # the size of the header, then the header, which tells the sizes of the others
        if ($in->{next} == 0) { $in->{parts}[1] = { size => unpack('V', $part->{bytes}), bytes => '' } }
        elsif ($in->{next} == 1) {
            $in->{header} = $codec->unpack($part->{bytes});
            my $sizes = pop @{ $in->{header} };
            splice @{ $in->{parts} }, 2, @{ $in->{parts} }, map { { size => $_, bytes => '' } } @$sizes;
        }
        $in->{next}++;
    }
    my @values = map { \$_->{bytes} } @{ $in->{parts} }[2 .. $#{ $in->{parts} }];
    # in one statement, so that a signal's handler finds the answer taken, or not
    ($worker->{in}, (shift @{ $worker->{tasks} })->{answer}) = (undef, [@{ $in->{header} }, \@values]);
    return;
}

# Another worker does what this one has left undone.
sub _gone
{
    my ($self, $slot) = @_;
    my ($task, @rest) = @{ $self->{workers}[$slot]{tasks} };
    my @indices = @{ $task->{indices} };
    my $shown = join ', ', map { $_ // 'undef' } @indices > 8 ? (@indices[0 .. 6], '...') : @indices;
    my $message = "A worker process of a DataLoader is gone: it was killed, or called exit, while it made the batch of samples $shown";
    $task->{answer} = [0, $message, undef, { kind => 'worker', message => $message }, []];
    $_->{given} = 0 for @rest;
    $self->{workers}[$slot] = undef;
    $self->_give($_) for @rest;
    return;
}

# Raises what a worker has died of: the same text, and where it was.
sub _throw
{
    my ($text, $index, $fields) = @_;
    my $where = defined $index ? "(in a worker process of a DataLoader, at sample $index)" : '(in a worker process of a DataLoader)';
    die $text =~ s/\n*\z/\n$where\n/r unless $fields;
    $fields->{message} .= " $where" if $fields->{kind} ne 'worker';
    AI::MXNet::Error->throw(%$fields);
}

# -- in a worker ---------------------------------------------------------------------------------------------------

sub _work
{
    my ($self, $channel, $life, $inherited) = @_;
    for my $worker (grep {defined} values %open) { close $worker->{$_} for qw(channel life) }
    AI::MXNet::Engine::leave();
    # what is sent to the whole process group is the parent's to handle
    $SIG{$_} = 'IGNORE' for qw(HUP INT QUIT TERM USR1 USR2);
    $SIG{$_} = 'DEFAULT' for qw(ALRM CHLD IO PIPE);
    fcntl $life, F_SETOWN, $$ and fcntl $life, F_SETFL, O_ASYNC;
    POSIX::sigprocmask(POSIX::SIG_SETMASK(), POSIX::SigSet->new);
    ($AI::MXNet::AutoGrad::RECORDING, $AI::MXNet::AutoGrad::TRAINING) = (0, 0);
    %AI::MXNet::Engine::INHERITED = %$inherited;
    AI::MXNet::Gluon::Data::Loader::Draws::follow();
    $| = 1 for (select(STDOUT))[0];
    while (defined(my $size = _read($channel, 4))) {
        my ($base, @indices) = @{ $codec->unpack(_read($channel, unpack 'V', $size) // last) };
        my ($at, @parts);
        my $header = eval {
            my $batch = $self->{make}->(\@indices, $base, \$at);
            $codec->pack([1, _encoded($batch, \@parts), [map { length $$_ } @parts]]);
        } // $codec->pack([0, _failure($@, $at), [map { length $$_ } @parts = ()]]);
        _write($channel, \(pack('V', length $header) . $header), @parts) or last;
    }
    return;
}

sub _read
{
    my ($channel, $size) = @_;
    my $bytes = '';
    while (length $bytes < $size) {
        my $got = sysread $channel, $bytes, $size - length $bytes, length $bytes;
        return undef unless $got or not defined $got and $! == EINTR;
    }
    return $bytes;
}

sub _write
{
    my ($channel, @parts) = @_;
    for my $part (@parts) {
        my $done = 0;
        while ($done < length $$part) {
            my $written = syswrite $channel, $$part, length($$part) - $done, $done;
            return 0 unless defined $written or $! == EINTR;
            $done += $written // 0;
        }
    }
    return 1;
}

sub _failure
{
    my ($error, $at) = @_;
    my %fields;
    if (blessed $error and $error->isa('AI::MXNet::Error')) {
        %fields = map { $_ => '' . $error->$_ } qw(kind message operator shapes file line trace);
    }
    return ("$error", $at, %fields ? \%fields : undef);
}

# -- batches as lists of text and numbers, with the bytes of their arrays apart ------------------------------------

sub _encoded
{
    my ($value, $parts) = @_;
    return ['value', $value] unless ref $value;
    return ['list', map { _encoded($_, $parts) } @$value] if ref $value eq 'ARRAY';
    return ['hash', map { ($_, _encoded($value->{$_}, $parts)) } keys %$value] if ref $value eq 'HASH';
    if (blessed $value) {
        return _encoded_values('array', @$value, $parts) if $value->isa('AI::MXNet::Gluon::Data::Loader::Values');
        return _encoded_values('array', $value->aspdl, $value->dtype, $parts) if $value->isa('AI::MXNet::NDArray');
        return _encoded_values('piddle', $value, '', $parts) if $value->isa('PDL');
    }
    AI::MXNet::Error::fail('a batch of a worker process is of NDArrays, piddles, numbers, text, lists and hashes, but there is ', ref $value, ' in it');
}

sub _encoded_values
{
    my ($kind, $piddle, $dtype, $parts) = @_;
    my $size = PDL::Core::howbig($piddle->get_datatype) * $piddle->nelem;
    my $bytes = $piddle->get_dataref;
    push @$parts, length $$bytes == $size ? $bytes : \substr $$bytes, 0, $size;
    return [$kind, $dtype, 0 + $piddle->get_datatype, $piddle->badflag ? 1 : 0, $piddle->dims];
}

# The arrays' bytes are taken in the order in which they were encoded.
sub _decoded
{
    my ($code, $parts) = @_;
    my ($kind, @fields) = @$code;
    return $fields[0] if $kind eq 'value';
    return [map { _decoded($_, $parts) } @fields] if $kind eq 'list';
    if ($kind eq 'hash') {
        my %hash;
        while (my ($key, $value) = splice @fields, 0, 2) { $hash{$key} = _decoded($value, $parts) }
        return \%hash;
    }
    my ($dtype, $type, $bad, @dims) = @fields;
    my $piddle = AI::MXNet::DType::_piddle($type, shift @$parts, @dims);
    $piddle->badflag(1) if $bad;
    return $kind eq 'piddle' ? $piddle : AI::MXNet::NDArray->array($piddle, dtype => $dtype);
}

1;

__END__

=head1 NAME

AI::MXNet::Gluon::Data::Loader::Workers - processes that make batches

=head1 DESCRIPTION

Internal, and no part of the interface: it may change with any release. Starts the worker processes of a DataLoader, which
are nobody's children, gives them the numbers of the samples of each batch and receives the batches.

=head1 SEE ALSO

L<AI::MXNet::Gluon::Data::Loader>

=cut
