package AI::MXNet::Gluon::Fit::Callback;
# What is done in the course of a training besides training. POD at the end.
use strict;
use warnings;
use AI::MXNet::Mouse;
use AI::MXNet::Base ();
use AI::MXNet::Error;
use AI::MXNet::NS;

around BUILDARGS => \&AI::MXNet::Base::process_arguments;

sub python_constructor_arguments { return [] }

sub register { my ($class, $container) = @_; return AI::MXNet::NS::register($class, $container) }

# called with the training, some with what it has found
sub train_begin { return }
sub epoch_begin { return }
sub batch_end   { return }
sub epoch_end   { return }
sub train_end   { return }

# What a checkpoint keeps: plain data, and arrays by name.
sub get_state { return {} }
sub set_state { return }
sub arrays    { return {} }
sub set_arrays { return }

# Whether it is called after the others.
sub last { return 0 }

__PACKAGE__->meta->make_immutable;

package AI::MXNet::Gluon::Fit::Callbacks;

sub _constructor { my ($name) = @_; return "AI::MXNet::Gluon::Fit::Callback::$name"->register('AI::MXNet::Gluon::Fit::Callbacks') }

# A value of an epoch by its name.
sub _monitored
{
    my ($callback, $values) = @_;
    my $name = $callback->monitor;
    my $value = $values->{$name};
    AI::MXNet::Error::fail(ref($callback) =~ s/.*:://r, " watches $name, but there are ", join ', ', sort keys %$values) unless defined $value;
    return $value;
}

# Values as a line of text.
sub _line
{
    my ($columns, $values) = @_;
    return join '  ', map { sprintf /rate/ ? '%s %g' : '%s %.4f', $_, $values->{$_} } grep { !/\A(?:epoch|seconds)\z/ } @$columns;
}

# -- a bar, and a line for each epoch --------------------------------------------------------------------------------

package AI::MXNet::Gluon::Fit::Callback::Progress;
use AI::MXNet::Mouse;
use Time::HiRes ();

extends 'AI::MXNet::Gluon::Fit::Callback';

has always => (is => 'ro', isa => 'Bool', default => 0);
has every  => (is => 'ro', isa => 'Num', default => 0.2);
has shown  => (is => 'rw', init_arg => undef, default => 0);
has drawn  => (is => 'rw', init_arg => undef, default => 0);

sub epoch_begin { my ($self) = @_; $self->shown(Time::HiRes::time()); return }

# To show the loss is to wait for it, so it is shown at times only.
sub batch_end
{
    my ($self, $fit, $tally) = @_;
    return if not -t STDERR or Time::HiRes::time() - $self->shown < $self->every;
    my $data = $fit->train_data;
    my $all = ref $data eq 'ARRAY' ? @$data : $data->can('len') ? $data->len : 0;
    my %values = $tally->values;
    my $done = $all ? int(20 * $tally->batches / $all) : 0;
    my $bar = $all ? '[' . '=' x $done . ' ' x (20 - $done) . "] $all" : '';
    my $line = AI::MXNet::Gluon::Fit::Callbacks::_line([sort keys %values], \%values);
    printf STDERR "\r\e[K%s %d/%s  %s", $self->_title($fit, $fit->epoch + 1), $tally->batches, $bar, $line;
    $self->drawn(1);
    $self->shown(Time::HiRes::time());
    return;
}

sub _title { my ($self, $fit, $epoch) = @_; return "epoch $epoch/" . $fit->epochs }

sub epoch_end
{
    my ($self, $fit, $values) = @_;
    return unless $self->always or -t STDERR;
    print STDERR "\r\e[K" if $self->drawn;
    $self->drawn(0);
    my $line = AI::MXNet::Gluon::Fit::Callbacks::_line($fit->columns, $values);
    printf STDERR "%s  %s  %.1f s\n", $self->_title($fit, $values->{epoch}), $line, $values->{seconds};
    return;
}

sub train_end
{
    my ($self, $fit) = @_;
    print STDERR 'stopped: ', $fit->stopped, "\n" if defined $fit->stopped and ($self->always or -t STDERR);
    return;
}

__PACKAGE__->meta->make_immutable;
AI::MXNet::Gluon::Fit::Callbacks::_constructor('Progress');

# -- what looks at one value -----------------------------------------------------------------------------------------

# Whether a value is the best so far.
package AI::MXNet::Gluon::Fit::Callback::Monitor;
use AI::MXNet::Mouse;

extends 'AI::MXNet::Gluon::Fit::Callback';

has monitor   => (is => 'ro', isa => 'Str', default => 'val_loss');
has mode      => (is => 'ro', isa => 'Maybe[Str]');
has patience  => (is => 'ro', isa => 'Int', default => 3);
has min_delta => (is => 'ro', isa => 'Num', default => 0);
has [qw(best best_epoch)] => (is => 'rw', init_arg => undef);
has waited => (is => 'rw', init_arg => undef, default => 0);

sub python_constructor_arguments { return ['monitor', 'patience'] }

sub BUILD
{
    my ($self) = @_;
    AI::MXNet::Error::fail('mode is min or max, but got ', $self->mode) if defined $self->mode and $self->mode !~ /\Am(?:in|ax)\z/;
    return;
}

sub is_better
{
    my ($self, $value) = @_;
    return 0 if $value != $value;    # not a number
    return 1 if not defined $self->best;
    my $mode = $self->mode // ($self->monitor =~ /acc|auc|f1|mcc|correlation/i ? 'max' : 'min');
    return $mode eq 'max' ? $value > $self->best + $self->min_delta : $value < $self->best - $self->min_delta;
}

# Notes a value; true if it is the best.
sub note
{
    my ($self, $values) = @_;
    my $value = 0 + AI::MXNet::Gluon::Fit::Callbacks::_monitored($self, $values);
    if ($self->is_better($value)) {
        $self->best($value);
        $self->best_epoch($values->{epoch});
        $self->waited(0);
        return 1;
    }
    $self->waited($self->waited + 1);
    return 0;
}

sub get_state { my ($self) = @_; return { map { $_ => $self->$_ } qw(best best_epoch waited) } }
sub set_state { my ($self, $state) = @_; $self->$_($state->{$_}) for keys %$state; return }

__PACKAGE__->meta->make_immutable;

package AI::MXNet::Gluon::Fit::Callback::EarlyStopping;
use AI::MXNet::Mouse;

extends 'AI::MXNet::Gluon::Fit::Callback::Monitor';

has restore_best => (is => 'ro', isa => 'Bool', default => 1);
has weights      => (is => 'rw', init_arg => undef, default => sub { {} });

# a training that was stopped stays so when it is resumed
sub train_begin { my ($self, $fit) = @_; $self->_stop($fit) if $self->waited and $self->waited >= $self->patience; return }

sub epoch_end
{
    my ($self, $fit, $values) = @_;
    if ($self->note($values)) {
        my @parameters = $fit->net->collect_params->values;
        # by their places, because names count on in a process
        $self->weights({ map { $_ => scalar $parameters[$_]->list_data->[0]->copy } 0 .. $#parameters }) if $self->restore_best;
    }
    elsif ($self->waited >= $self->patience) { $self->_stop($fit) }
    return;
}

sub _stop
{
    my ($self, $fit) = @_;
    $fit->stop(defined $self->best
        ? sprintf '%s was best in epoch %d, at %g', $self->monitor, $self->best_epoch, $self->best
        : sprintf '%s was no number in %d epochs', $self->monitor, $self->waited);
    return;
}

sub train_end
{
    my ($self, $fit) = @_;
    my ($weights, @parameters) = ($self->weights, $fit->net->collect_params->values);
    $parameters[$_]->set_data($weights->{$_}) for keys %$weights;
    return;
}

sub arrays     { my ($self) = @_; return $self->weights }
sub set_arrays { my ($self, $arrays) = @_; $self->weights($arrays); return }

__PACKAGE__->meta->make_immutable;
AI::MXNet::Gluon::Fit::Callbacks::_constructor('EarlyStopping');

package AI::MXNet::Gluon::Fit::Callback::ReduceOnPlateau;
use AI::MXNet::Mouse;

extends 'AI::MXNet::Gluon::Fit::Callback::Monitor';

has factor => (is => 'ro', isa => 'Num', default => 0.1);
has min_lr => (is => 'ro', isa => 'Num', default => 0);

sub epoch_end
{
    my ($self, $fit, $values) = @_;
    return if $self->note($values) or $self->waited < $self->patience;
    $self->waited(0);
    my $lr = $fit->trainer->learning_rate * $self->factor;
    $fit->trainer->set_learning_rate($lr > $self->min_lr ? $lr : $self->min_lr);
    return;
}

__PACKAGE__->meta->make_immutable;
AI::MXNet::Gluon::Fit::Callbacks::_constructor('ReduceOnPlateau');

# -- learning rates by a schedule ------------------------------------------------------------------------------------

package AI::MXNet::Gluon::Fit::Callback::LRSchedule;
use AI::MXNet::Mouse;

extends 'AI::MXNet::Gluon::Fit::Callback';

has schedule => (is => 'ro', isa => 'Ref', required => 1);

sub python_constructor_arguments { return ['schedule'] }

sub epoch_begin
{
    my ($self, $fit) = @_;
    $fit->trainer->set_learning_rate($self->schedule->($fit->epoch));
    return;
}

__PACKAGE__->meta->make_immutable;
AI::MXNet::Gluon::Fit::Callbacks::_constructor('LRSchedule');

# -- files -----------------------------------------------------------------------------------------------------------

package AI::MXNet::Gluon::Fit::Callback::CSVLog;
use AI::MXNet::Mouse;

extends 'AI::MXNet::Gluon::Fit::Callback';

has path => (is => 'ro', isa => 'Str', required => 1);

sub python_constructor_arguments { return ['path'] }

# All of it each time, so that it is right whatever was there.
sub epoch_end
{
    my ($self, $fit) = @_;
    my $columns = $fit->columns;
    my $text = join ',', @$columns;
    for my $values (@{ $fit->history }) { $text .= "\n" . join ',', map { my $value = $values->{$_} // ''; $value } @$columns }
    AI::MXNet::Base::_write_file('CSVLog', $self->path, "$text\n");
    return;
}

__PACKAGE__->meta->make_immutable;
AI::MXNet::Gluon::Fit::Callbacks::_constructor('CSVLog');

package AI::MXNet::Gluon::Fit::Callback::Curves;
use AI::MXNet::Mouse;

extends 'AI::MXNet::Gluon::Fit::Callback';

has path  => (is => 'ro', isa => 'Str', required => 1);
has title => (is => 'ro', isa => 'Str', default => '');

sub python_constructor_arguments { return ['path', 'title'] }

# A chart for each value, in training and in validation.
sub epoch_end
{
    my ($self, $fit) = @_;
    AI::MXNet::NS::load('AI/MXNet/Chart.pm');
    my $history = $fit->history;
    my @names = grep { !/\A(?:val_.*|epoch|seconds)\z/ } @{ $fit->columns };
    my @charts = map {
        my $name = $_;
        my @lines = map { my $column = $_; [$column => [map { $_->{$column} } @$history]] } grep { exists $history->[0]{$_} } $name, "val_$name";
        { title => $name, x => 'epoch', lines => \@lines };
    } @names;
    $charts[0]{title} = $self->title . ': ' . $charts[0]{title} if length $self->title;
    AI::MXNet::Chart->write($self->path, @charts);
    return;
}

__PACKAGE__->meta->make_immutable;
AI::MXNet::Gluon::Fit::Callbacks::_constructor('Curves');

# -- code ------------------------------------------------------------------------------------------------------------

package AI::MXNet::Gluon::Fit::Callback::Code;
use AI::MXNet::Mouse;

extends 'AI::MXNet::Gluon::Fit::Callback';

has code => (is => 'ro', isa => 'CodeRef', required => 1);

sub epoch_end { my ($self, @arguments) = @_; $self->code->(@arguments); return }

__PACKAGE__->meta->make_immutable;

require AI::MXNet::Gluon::Fit::Checkpoint;

1;

__END__

=head1 NAME

AI::MXNet::Gluon::Fit::Callbacks - what is done in the course of a training

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd);
    use AI::MXNet::Gluon qw(gluon);
    use AI::MXNet::Gluon::NN qw(nn);
    use File::Temp qw(tempdir);

    my $folder = tempdir(CLEANUP => 1);
    my $net = nn->Dense(1, in_units => 3);
    $net->initialize;
    my $data = gluon->data->DataLoader(gluon->data->ArrayDataset(nd->ones([20, 3]), nd->ones([20])), batch_size => 5);
    my $call = gluon->callbacks;
    gluon->fit(
        net => $net, loss => gluon->loss->L2Loss, train_data => $data, epochs => 4, optimizer => 'sgd',
        callbacks => [
            $call->Checkpoint("$folder/checkpoints"),
            $call->EarlyStopping('loss', 3),
            $call->LRSchedule(sub { my ($epoch) = @_; return 0.1 * 0.9**$epoch }),
            $call->CSVLog("$folder/log.csv"),
            $call->Curves("$folder/curves.svg", 'A line'),
            sub { my ($fit, $values) = @_; printf "%d %.3f\n", @$values{qw(epoch loss)} },
        ],
        resume => "$folder/checkpoints",
    );

=head1 DESCRIPTION

Callbacks of L<AI::MXNet::Gluon::Fit>. C<gluon-E<gt>callbacks> is this package, and each class a method of it. They are
called in the order in which they are given.

=head1 CLASSES

=head2 EarlyStopping

    my $early = $call->EarlyStopping('val_accuracy', 5, min_delta => 0.001);

Stops the training when a value of the epochs, C<monitor> (C<val_loss>), has not become better for C<patience> (3) epochs,
by more than C<min_delta> (0). C<mode> is C<min> or C<max>; if it is not given, more is better of accuracies, F1, AUC and
correlations, less of all else. At the end of the training the network has the weights of the best epoch, unless
C<restore_best> is 0. By position: monitor, patience.

=head2 ReduceOnPlateau

    my $slower = $call->ReduceOnPlateau('val_loss', 2, factor => 0.5, min_lr => 1e-5);

Multiplies the learning rate by C<factor> (0.1), to C<min_lr> (0) at least, when a value has not become better for
C<patience> epochs. Otherwise as C<EarlyStopping>.

=head2 LRSchedule

A function of the epoch, from 0 on, that returns its learning rate; or a scheduler of L<AI::MXNet::LRScheduler>.

=head2 Checkpoint

    my $save = $call->Checkpoint("$folder/checkpoints", every => 5, keep => 2);

Saves weights, optimizer, random numbers and callbacks into a folder after each epoch, or after C<every>-th and the last
one. The last C<keep> (1) checkpoints stay; all with C<< keep => undef >>. C<resume> of C<< gluon->fit >> goes on from the
last one. Its file F<epoch-NNNN.params> is what C<load_parameters> reads.

=head2 CSVLog

Writes the values of all epochs into a file.

=head2 Curves

Draws them, as an SVG picture: a chart for each value. By position: path, title.

=head2 Progress

A bar on a terminal and a line for each epoch, on standard error. A training has one anyway. C<every> is how many seconds
pass between two bars (0.2); C<always> is for lines where there is no terminal.

=head1 CALLBACKS OF ONE'S OWN

    package Clock {
        use Mouse;
        extends 'AI::MXNet::Gluon::Fit::Callback';
        has begin => (is => 'rw');
        sub train_begin { my ($self) = @_; $self->begin(time); return }
        sub train_end { my ($self, $fit) = @_; printf "%d epochs in %d s\n", $fit->epoch, time - $self->begin; return }
    }
    my $clock = Clock->new;

A class that extends AI::MXNet::Gluon::Fit::Callback, with some of these methods. All get the training.

=over 4

=item train_begin, train_end

=item epoch_begin

Before each epoch.

=item batch_end

After each step. The second argument has C<batches> and C<samples>, their numbers in this epoch, and C<values>, names and
values of loss and metrics up to here, for which it waits.

=item epoch_end

After each epoch, with a hash ref of its values.

=item get_state, set_state, arrays, set_arrays

What belongs into a checkpoint: plain data, and a hash ref of NDArrays.

=back

=head1 SEE ALSO

L<AI::MXNet::Gluon::Fit>, L<AI::MXNet::Chart>

=cut
