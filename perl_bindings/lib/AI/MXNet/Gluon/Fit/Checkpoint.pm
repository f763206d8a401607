package AI::MXNet::Gluon::Fit::Checkpoint;
# Saves a training after each epoch, and goes on from there bit for bit. Documented in AI::MXNet::Gluon::Fit::Callbacks.
#
# A checkpoint is epoch-NNNN.params (weights), .states (optimizer), .arrays (of callbacks) and .training, which is written
# last: where it is, the others are whole.
use strict;
use warnings;
use Data::MessagePack;
use Scalar::Util qw(blessed looks_like_number);
use AI::MXNet::Base ();
use AI::MXNet::Error;
use AI::MXNet::NDArray;
use AI::MXNet::Random;

use constant FORMAT => 'AI::MXNet training 1';

my $codec = Data::MessagePack->new->utf8(1);

# What else has a state: runs over data, and callbacks.
sub _parts { my ($fit) = @_; return (grep { blessed $_ && $_->can('get_state') } $fit->train_data, $fit->val_data), @{ $fit->callbacks } }

sub save
{
    my ($fit, $folder) = @_;
    my $base = sprintf '%s/epoch-%04d', $folder, $fit->epoch;
    _renamed("$base.params", sub { $fit->net->save_parameters($_[0]) });
    _renamed("$base.states", sub { $fit->trainer->save_states($_[0]) });
    my @parts = _parts($fit);
    my %arrays;
    for my $i (0 .. $#parts) {
        my $arrays = $parts[$i]->can('arrays') ? $parts[$i]->arrays : {};
        $arrays{"$i:$_"} = $arrays->{$_} for keys %$arrays;
    }
    _renamed("$base.arrays", sub { AI::MXNet::NDArray->save($_[0], \%arrays) }) if %arrays;
    my %training = (
        format => FORMAT, epoch => $fit->epoch, seed => $fit->seed, random => AI::MXNet::Random->get_state, columns => $fit->columns,
        history => $fit->history, parts => [map { [ref $_, $_->get_state] } @parts], arrays => %arrays ? 1 : 0);
    AI::MXNet::Base::_write_file('Checkpoint', "$base.training", $codec->pack(_plain(\%training)));
    return;
}

# Through a file of another name, so that a file of this name is whole.
sub _renamed
{
    my ($path, $write) = @_;
    $write->("$path.$$.new");
    rename "$path.$$.new", $path or AI::MXNet::Error::fail("Checkpoint: $path: $!");
    return;
}

# A copy in which numbers are numbers: those that were also used as text would be saved as text, which rounds them.
sub _plain
{
    my ($value) = @_;
    return [map { _plain($_) } @$value] if ref $value eq 'ARRAY';
    return { map { $_ => _plain($value->{$_}) } keys %$value } if ref $value eq 'HASH';
    return defined $value && looks_like_number($value) ? 0 + $value : $value;
}

# The numbers of the epochs after which a checkpoint was made, the last one first.
sub epochs
{
    my ($folder) = @_;
    opendir my $handle, $folder or return;
    return sort { $b <=> $a } map { /\Aepoch-([0-9]+)\.training\z/ ? 0 + $1 : () } readdir $handle;
}

sub remove
{
    my ($folder, $epoch) = @_;
    my $base = sprintf '%s/epoch-%04d', $folder, $epoch;
    unlink map {"$base.$_"} qw(training params states arrays);
    return;
}

# Brings a training to where the last checkpoint of a folder was made; does nothing where there is none.
sub restore
{
    my ($fit, $folder) = @_;
    my ($epoch) = epochs($folder) or return;
    my $base = sprintf '%s/epoch-%04d', $folder, $epoch;
    my $training = eval { $codec->unpack(AI::MXNet::Base::_read_file('resume', "$base.training")) };
    AI::MXNet::Error::fail("resume: $base.training is no checkpoint of a training")
        unless ref $training eq 'HASH' and ($training->{format} // '') eq FORMAT;
    my @parts = _parts($fit);
    my ($now, $then) = map { join ' ', @$_ } [map {ref} @parts], [map { $_->[0] } @{ $training->{parts} }];
    AI::MXNet::Error::fail("resume: $base.training is of a training with ($then), but this one has ($now)") if $now ne $then;
    $fit->net->load_parameters("$base.params");
    $fit->trainer->load_states("$base.states");
    my $arrays = $training->{arrays} ? AI::MXNet::NDArray->load("$base.arrays") : {};
    for my $i (0 .. $#parts) {
        $parts[$i]->set_state($training->{parts}[$i][1]);
        my %own = map { /\A$i:(.*)\z/s ? ($1 => $arrays->{$_}) : () } keys %$arrays;
        $parts[$i]->set_arrays(\%own) if %own;
    }
    $fit->$_($training->{$_}) for qw(epoch seed columns history);
    AI::MXNet::Random->set_state($training->{random});
    return;
}

package AI::MXNet::Gluon::Fit::Callback::Checkpoint;
use AI::MXNet::Mouse;

extends 'AI::MXNet::Gluon::Fit::Callback';

has folder => (is => 'ro', isa => 'Str', required => 1);
has every  => (is => 'ro', isa => 'Int', default => 1);
has keep   => (is => 'ro', isa => 'Maybe[Int]', default => 1);

sub python_constructor_arguments { return ['folder', 'every', 'keep'] }

sub last { return 1 }

sub train_begin
{
    my ($self) = @_;
    my $folder = $self->folder;
    mkdir($folder) || -d $folder or AI::MXNet::Error::fail("Checkpoint: $folder: $!");
    # what a killed training left half-written
    opendir my $handle, $folder or AI::MXNet::Error::fail("Checkpoint: $folder: $!");
    unlink map {"$folder/$_"} grep {/\Aepoch-[0-9]+\.\w+\.[0-9]+\.new\z/} readdir $handle;
    return;
}

sub epoch_end
{
    my ($self, $fit) = @_;
    return if $fit->epoch % $self->every and $fit->epoch < $fit->epochs and not defined $fit->stopped;
    AI::MXNet::Gluon::Fit::Checkpoint::save($fit, $self->folder);
    return unless defined $self->keep;
    my @epochs = AI::MXNet::Gluon::Fit::Checkpoint::epochs($self->folder);
    AI::MXNet::Gluon::Fit::Checkpoint::remove($self->folder, $_) for splice @epochs, $self->keep;
    return;
}

__PACKAGE__->meta->make_immutable;
AI::MXNet::Gluon::Fit::Callbacks::_constructor('Checkpoint');

1;

__END__

=head1 NAME

AI::MXNet::Gluon::Fit::Checkpoint - saves and restores a training

=head1 DESCRIPTION

Internal, a part of L<AI::MXNet::Gluon::Fit::Callbacks>: the callback Checkpoint is interface, and documented there; this
file may change.

=head1 SEE ALSO

L<AI::MXNet::Gluon::Fit>

=cut
