package AI::MXNet::Gluon::Fit;
# Trains a network on batches: the loop that scripts write. POD at the end.
use strict;
use warnings;
use AI::MXNet::Mouse;
use PDL::Primitive ();
use Scalar::Util qw(blessed);
use Time::HiRes ();
use AI::MXNet::AutoGrad;
use AI::MXNet::Error;
use AI::MXNet::Metric;
use AI::MXNet::Random;
use AI::MXNet::Types ();
use AI::MXNet::Gluon::Block;
use AI::MXNet::Gluon::Trainer;
use AI::MXNet::Gluon::Data::Loader::Draws;
use AI::MXNet::Gluon::Fit::Callbacks;
use AI::MXNet::Gluon::Fit::Checkpoint;

has net              => (is => 'ro', isa => 'AI::MXNet::Gluon::Block', required => 1);
has loss             => (is => 'ro', isa => 'Ref', required => 1);
has train_data       => (is => 'ro', isa => 'Ref', required => 1);
has val_data         => (is => 'ro', isa => 'Maybe[Ref]');
has epochs           => (is => 'ro', isa => 'Int', required => 1);
has metrics          => (is => 'rw', isa => AI::MXNet::Types::_declare('Maybe[Metric]'));
has trainer          => (is => 'rw', isa => 'Maybe[AI::MXNet::Gluon::Trainer]');
has optimizer        => (is => 'ro', isa => 'Maybe[Optimizer]');
has optimizer_params => (is => 'ro', isa => 'Maybe[HashRef]');
has callbacks        => (is => 'rw', isa => 'ArrayRef', default => sub { [] });
has step             => (is => 'ro', isa => 'Maybe[CodeRef]');
has seed             => (is => 'rw', isa => 'Maybe[Int]');
has resume           => (is => 'ro', isa => 'Maybe[Str]');
has verbose          => (is => 'ro', isa => 'Maybe[Bool]');
has epoch            => (is => 'rw', isa => 'Int', init_arg => undef, default => 0);
has history          => (is => 'rw', isa => 'ArrayRef[HashRef]', init_arg => undef, default => sub { [] });
has [qw(stopped columns progress)] => (is => 'rw', init_arg => undef);

sub BUILD
{
    my ($self) = @_;
    if (not defined $self->trainer) {
        AI::MXNet::Error::fail('fit takes a trainer, or an optimizer and its optimizer_params') unless defined $self->optimizer;
        $self->trainer(AI::MXNet::Gluon::Trainer->new($self->net->collect_params, $self->optimizer, $self->optimizer_params // {}));
    }
    elsif (defined $self->optimizer) { AI::MXNet::Error::fail('fit takes a trainer or an optimizer, but got both') }
    my $metrics = $self->metrics // [];
    $metrics = [$metrics] if ref $metrics ne 'ARRAY';
    $self->metrics([map { AI::MXNet::Metric->create($_) } @$metrics]);
    my @callbacks = map { ref eq 'CODE' ? AI::MXNet::Gluon::Fit::Callback::Code->new(code => $_) : $_ } @{ $self->callbacks };
    for (@callbacks) {
        blessed $_ && $_->isa('AI::MXNet::Gluon::Fit::Callback')
            or AI::MXNet::Error::fail('a callback is code, or an object of gluon->callbacks, but got ', $_ // 'undef');
    }
    unshift @callbacks, AI::MXNet::Gluon::Fit::Callbacks->Progress(always => $self->verbose // 0) if $self->verbose // -t STDERR;
    # what is saved is the state after all others have done their work
    @callbacks = ((grep { !$_->last } @callbacks), grep { $_->last } @callbacks);
    $self->callbacks(\@callbacks);
    if (defined $self->seed) { AI::MXNet::Random->seed($self->seed) }
    else { $self->seed(int CORE::rand 2**32) }
    return;
}

# -- the loop --------------------------------------------------------------------------------------------------------

sub run
{
    my ($self) = @_;
    AI::MXNet::Gluon::Fit::Checkpoint::restore($self, $self->resume) if defined $self->resume;
    $self->_call('train_begin');
    while ($self->epoch < $self->epochs and not defined $self->stopped) {
        $self->_begin_epoch;
        my $begin = Time::HiRes::time();
        my %values = $self->_train;
        if (defined $self->val_data) {
            my $found = $self->evaluate($self->val_data);
            $values{"val_$_"} = $found->{$_} for keys %$found;
        }
        @values{qw(epoch learning_rate seconds)} = ($self->epoch + 1, 0 + $self->trainer->learning_rate, Time::HiRes::time() - $begin);
        push @{ $self->history }, \%values;
        $self->epoch($self->epoch + 1);
        $self->_call('epoch_end', \%values);
    }
    $self->_call('train_end');
    return $self;
}

sub stop { my ($self, $why) = @_; $self->stopped($why // 'asked to'); return }

sub _call { my ($self, $event, @arguments) = @_; $_->$event($self, @arguments) for @{ $self->callbacks }; return }

# What an epoch draws from Perl's and PDL's random numbers depends on the seed and its number alone.
sub _begin_epoch
{
    my ($self) = @_;
    my $seed = AI::MXNet::Gluon::Data::Loader::Draws::derive($self->seed, $self->epoch);
    CORE::srand($seed);
    PDL::srand($seed);
    $self->_call('epoch_begin');
    return;
}

sub _train
{
    my ($self) = @_;
    my $next = _batches($self->train_data);
    my $tally = AI::MXNet::Gluon::Fit::Tally->new($self->metrics);
    $self->progress($tally);
    while (defined(my $batch = $next->())) {
        my ($loss, $labels, $outputs, $size) = $self->step ? $self->step->($self, $batch) : $self->_step($batch);
        $tally->add($loss, $labels, $outputs, $size);
        $self->_call('batch_end', $tally);
    }
    AI::MXNet::Error::fail('fit: the training data have no batch') unless $tally->batches;
    return $self->_values($tally);
}

# One step of training. The loss of each sample, list refs of labels and outputs, and the number of samples.
sub _step
{
    my ($self, $batch) = @_;
    my ($loss, @found);
    AI::MXNet::AutoGrad->record(sub { ($loss, @found) = $self->forward($batch) });
    $loss->backward;
    $self->trainer->step($found[-1]);
    return ($loss, @found);
}

sub forward
{
    my ($self, $batch) = @_;
    my ($data, $labels) = _parts($batch);
    my @outputs = $self->net->(@$data);
    return (scalar $self->loss->(@outputs, @$labels), $labels, \@outputs, $data->[0]->shape->[0]);
}

sub evaluate
{
    my ($self, $batches) = @_;
    my $next = _batches($batches);
    my $tally = AI::MXNet::Gluon::Fit::Tally->new($self->metrics);
    AI::MXNet::AutoGrad->pause(sub {
        while (defined(my $batch = $next->())) { $tally->add($self->forward($batch)) }
    });
    AI::MXNet::Error::fail('evaluate: the data have no batch') unless $tally->batches;
    return { $self->_values($tally) };
}

# The names in the order in which they are shown: loss, and the metrics.
sub _values
{
    my ($self, $tally) = @_;
    my @values = $tally->values;
    if (not $self->columns) {
        my @names = grep { !ref } map { $values[2 * $_] } 0 .. $#values / 2;
        $self->columns(['epoch', @names, (defined $self->val_data ? map {"val_$_"} @names : ()), 'learning_rate', 'seconds']);
    }
    return @values;
}

# -- data ------------------------------------------------------------------------------------------------------------

# Code that gives one batch after the other, from the first.
sub _batches
{
    my ($batches) = @_;
    if (ref $batches eq 'ARRAY') { my $i = 0; return sub { $batches->[$i++] } }
    AI::MXNet::Error::fail("batches come from a DataLoader, an iterator of mx->io or a list, but got $batches")
        unless blessed $batches and $batches->can('next');
    $batches->reset if $batches->can('reset');
    return sub { scalar $batches->next };
}

# Data and labels of a batch: a list whose last element is the label, data alone, or what mx->io gives.
sub _parts
{
    my ($batch) = @_;
    return map { ref eq 'ARRAY' ? $_ : defined ? [$_] : [] } $batch->data, $batch->label
        if blessed $batch and $batch->can('label') and $batch->can('data');
    return ([$batch], []) if ref $batch ne 'ARRAY';
    my @data = @$batch;
    my @labels = @data > 1 ? pop @data : ();
    return (\@data, \@labels);
}

__PACKAGE__->meta->make_immutable;

# The loss and the metrics of the batches so far. Metrics wait for the engine, so they are one batch behind: while they
# read the outputs of a batch, the engine works on the next.
package AI::MXNet::Gluon::Fit::Tally;

sub new
{
    my ($class, $metrics) = @_;
    $_->reset for @$metrics;
    return bless { metrics => $metrics, batches => 0, samples => 0 }, $class;
}

sub batches { my ($self) = @_; return $self->{batches} }
sub samples { my ($self) = @_; return $self->{samples} }

sub add
{
    my ($self, $loss, $labels, $outputs, $size) = @_;
    my $sum = $loss->mean->astype('float64') * $size;
    $self->{loss} = defined $self->{loss} ? $self->{loss} + $sum : $sum;
    $self->{batches}++;
    $self->{samples} += $size;
    $self->_score;
    $self->{waiting} = [$labels, [@$outputs[0 .. $#$labels]]] if @{ $self->{metrics} } and @$labels;
    return;
}

sub _score
{
    my ($self) = @_;
    my $waiting = delete $self->{waiting} // return;
    $_->update(@$waiting) for @{ $self->{metrics} };
    return;
}

# The names and values of loss and metrics, as they are now.
sub values
{
    my ($self) = @_;
    $self->_score;
    my @values = (loss => $self->{loss}->asscalar / $self->{samples});
    for my $metric (@{ $self->{metrics} }) {
        my ($names, $values) = $metric->get;
        ($names, $values) = ([$names], [$values]) unless ref $names;
        push @values, map { ($names->[$_] // 'metric', $values->[$_]) } 0 .. $#$names;
    }
    return @values;
}

1;

__END__

=head1 NAME

AI::MXNet::Gluon::Fit - trains a network

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd autograd);
    use AI::MXNet::Gluon qw(gluon);
    use AI::MXNet::Gluon::NN qw(nn);

    my $x    = nd->random->normal(shape => [200, 4]);
    my $y    = $x->sum(axis => 1) > 0;
    my $data = gluon->data->DataLoader(gluon->data->ArrayDataset($x, $y), batch_size => 20, shuffle => 1);

    my $net = nn->Dense(2, in_units => 4);
    $net->initialize(mx->init->Xavier);
    my $fit = gluon->fit(
        net        => $net,
        loss       => gluon->loss->SoftmaxCrossEntropyLoss,
        train_data => $data,
        val_data   => $data,
        epochs     => 5,
        metrics    => ['acc'],
        optimizer  => 'adam', optimizer_params => { learning_rate => 0.05 },
        callbacks  => [gluon->callbacks->EarlyStopping('val_accuracy', 2)],
    );
    printf "%.2f\n", $fit->history->[-1]{val_accuracy};

=head1 DESCRIPTION

The loop that scripts write: for each epoch and batch, it records the network and the loss, goes backward, and lets the
trainer make a step. Between the epochs it evaluates, and calls L<callbacks|AI::MXNet::Gluon::Fit::Callbacks>, which stop
early, change the learning rate, write logs, draw curves and save what is needed to go on after an interruption.

On a terminal a bar and a line for each epoch appear on standard error.

=head1 ARGUMENTS

C<< gluon->fit(...) >> takes them by name, trains, and returns an object of this class.

=head2 net, loss

An initialized L<AI::MXNet::Gluon::Block>, and a loss of C<< gluon->loss >> or a function: it gets the outputs of the
network and the labels, and returns an array of losses, one for each sample.

=head2 train_data, val_data

What gives batches: a L<DataLoader|AI::MXNet::Gluon::Data::Loader>, an iterator of C<< mx->io >>, a list ref of batches, or
an object with C<next>, which returns undef at the end, and perhaps C<reset>. A batch is a list ref of data and, as its last
element, the label; or data alone; or an object with C<data> and C<label>. C<val_data> may be left out.

=head2 epochs

How many there are in all, also when a training is resumed.

=head2 metrics

One of L<AI::MXNet::Metric>, a name of one, or a list ref of these.

=head2 optimizer, optimizer_params, trainer

What updates the weights: a name or an L<AI::MXNet::Optimizer>, and a hash ref of its settings; or an
AI::MXNet::Gluon::Trainer.

=head2 callbacks

A list ref of objects of L<gluon-E<gt>callbacks|AI::MXNet::Gluon::Fit::Callbacks>, and of functions, which are called at the
end of each epoch with this object and a hash ref of its values.

=head2 seed

    my $repeatable = gluon->fit(net => $net, loss => gluon->loss->SoftmaxCrossEntropyLoss, train_data => $data, epochs => 1,
        optimizer => 'sgd', seed => 42);

An integer on which all random numbers of the training depend, those of the engine, of Perl's C<rand> and of PDL. It is
drawn by C<rand> if it is not given. Each epoch seeds Perl's and PDL's.

=head2 resume

A folder. Where the callback C<Checkpoint> has left something there, the training goes on after that epoch, with the same
numbers as if it had never stopped; else it begins. The program must make the same network, data and callbacks as before.

=head2 verbose

With 1, lines appear also where there is no terminal, with 0 nothing appears.

=head2 step

    my $clipped = gluon->fit(net => $net, loss => gluon->loss->SoftmaxCrossEntropyLoss, train_data => $data, epochs => 1,
        optimizer => 'sgd', step => sub {
            my ($fit, $batch) = @_;
            my ($loss, $labels, $outputs, $size);
            autograd->record(sub { ($loss, $labels, $outputs, $size) = $fit->forward($batch) });
            $loss->backward;
            gluon->utils->clip_global_norm([map { $_->grad } $net->collect_params->values], 1);
            $fit->trainer->step($size);
            return ($loss, $labels, $outputs, $size);
        });

A function that does a step in another way than described. It gets this object and a batch, and returns the losses, list
refs of labels and outputs, and the number of samples.

=head1 METHODS

=head2 history, columns

    for my $values (@{ $fit->history }) { print join(' ', map { $values->{$_} } @{ $fit->columns }), "\n" }

A list ref with a hash ref for each epoch: C<epoch> (from 1 on), C<loss>, the metrics by their names, the same of the
validation with C<val_> in front, C<learning_rate> and C<seconds>. C<columns> is a list ref of these names in that order.

=head2 epoch, stopped, stop

    $fit->stop('enough');

How many epochs are through; why the training stopped before its end, or undef. A callback calls C<stop> to end it after
this epoch.

=head2 evaluate, forward

    my $values = $fit->evaluate($data);    # { loss => ..., accuracy => ... }
    my ($loss, $labels, $outputs, $size) = $fit->forward($data->next);

Loss and metrics of the network for other data; and what C<step> uses: the losses of a batch, list refs of labels and
outputs, and the number of samples.

=head2 run

Trains, up to the last epoch; C<< gluon->fit >> has done so.

=head2 progress

For callbacks: what is known in the midst of an epoch.

=head1 ERRORS

What does not fit dies with an L<AI::MXNet::Error>, attributes of a wrong type with Mouse's message.

=head1 SEE ALSO

L<AI::MXNet::Gluon::Fit::Callbacks>, L<AI::MXNet::Gluon::Data::Loader>, L<AI::MXNet::Metric>

=cut
