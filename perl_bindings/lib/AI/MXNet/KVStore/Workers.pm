package AI::MXNet::KVStore::Workers;
# What stores of several workers share: they join, and leave when the script ends.
use strict;
use warnings;
use AI::MXNet::Mouse;
use AI::MXNet::Engine;
use AI::MXNet::Error;
use AI::MXNet::KVStore;

extends 'AI::MXNet::KVStore';

has [qw(rank num_workers)] => (is => 'ro', init_arg => undef);

my ($script, $engine);    # the processes that have joined
my @last;                  # what is to be done before they leave

sub at_end { push @last, @_; return }

# Processes of the job that are no workers: the last ones.
sub spare {0}

sub BUILD
{
    my ($self) = @_;
    my $pid = AI::MXNet::Engine->pid;
    # a number in the environment, so that programs that this one runs see it, too
    my $joined = $ENV{AI_MXNET_JOINED};
    AI::MXNet::Error::fail($self->type, ": the engine $joined has joined the workers already; neither a fork of its script, ",
        'nor a program that it runs, nor an engine started later can do so again')
        if defined $joined and $joined != $pid;
    my ($fields) = AI::MXNet::Engine->request('join', $self->spare);
    my (undef, $rank, $processes) = @$fields;
    my $launched = $ENV{OMPI_COMM_WORLD_SIZE} // $ENV{PMI_SIZE} // $processes;    # as Open MPI and MPICH tell
    AI::MXNet::Error::fail($self->type, ": mpirun has started $launched processes, but the MPI of the engine's Python sees $processes: they are of different MPIs")
        if $launched != $processes;
    ($script, $engine, $ENV{AI_MXNET_JOINED}) = ($$, $pid, $pid);
    my $workers = $processes - $self->spare;
    AI::MXNet::Error::fail($self->type, ' needs a process beside the workers, so two at least: mpirun -np 2 perl script.pl') if $workers < 1;
    @$self{qw(rank num_workers)} = ($rank, $workers);
    return;
}

sub _barrier { AI::MXNet::Engine->request('barrier'); return }

# A script that fails leaves nothing: its end tells mpirun to end the others.
END {
    if (defined $script and $script == $$ and $? == 0) {
        local $@;
        eval {
            if (AI::MXNet::Engine->pid == $engine) {
                $_->() for @last;
                AI::MXNet::Engine->request('leave');
                print STDERR $_ for AI::MXNet::Engine->failures;
                # mpirun takes an end before that of the engine for a failure
                AI::MXNet::Engine->finish;
            }
            1;
        } or do {
            print STDERR ref $@ ? $@->message . "\n" : $@;
            $? = 1;
        };
    }
}

__PACKAGE__->meta->make_immutable;

1;

__END__

=head1 NAME

AI::MXNet::KVStore::Workers - stores of several workers

=head1 DESCRIPTION

Internal, a part of L<AI::MXNet::KVStore>, which documents it.

=head1 SEE ALSO

L<AI::MXNet::KVStore/SEVERAL WORKERS>

=cut
