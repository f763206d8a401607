# gluon->fit: the training loop, its callbacks, and trainings that are interrupted and go on.
use strict;
use warnings;
use FindBin qw($Bin);
use File::Temp qw(tempdir);
use PDL;
use Test::More;
use AI::MXNet qw(mx nd autograd);
use AI::MXNet::Gluon qw(gluon);
use AI::MXNet::Gluon::NN qw(nn);

my $folder = tempdir(CLEANUP => 1);
my $call = gluon->callbacks;

sub content { my ($path) = @_; open my $file, '<:raw', $path or die "$path: $!"; local $/; return readline $file }

# Points of two classes, and a network that tells them apart.
sub points
{
    my ($count, $batch_size, @options) = @_;
    my $class = sequence($count) % 2;
    my $x = cat(map { sin(sequence($count) * $_) + $class * 0.8 } 1, 3)->xchg(0, 1)->float;
    return gluon->data->DataLoader(gluon->data->ArrayDataset($x, $class->float), batch_size => $batch_size, @options);
}

sub network
{
    my (@layers) = @_;
    mx->random->seed(4);
    my $net = nn->Sequential;
    $net->name_scope(sub { $net->add(@layers ? @layers : (nn->Dense(8, activation => 'tanh', in_units => 2), nn->Dense(2, in_units => 8))) });
    $net->initialize(mx->init->Xavier);
    return $net;
}

sub weights { my ($net) = @_; return [map { $_->data->aspdl->unpdl } $net->collect_params->values] }

sub fitted
{
    my ($net, @options) = @_;
    return gluon->fit(net => $net, loss => gluon->loss->SoftmaxCrossEntropyLoss, train_data => points(40, 8), epochs => 3, seed => 5,
        optimizer => 'adam', optimizer_params => { learning_rate => 0.05 }, verbose => 0, @options);
}

subtest 'is the loop that one would write' => sub {
    my $net = network();
    my $trainer = gluon->Trainer($net->collect_params, 'adam', { learning_rate => 0.05 });
    my $loss = gluon->loss->SoftmaxCrossEntropyLoss;
    my $accuracy = mx->metric->Accuracy;
    my ($total, $data) = (0, points(40, 8));
    for my $epoch (1 .. 3) {
        $accuracy->reset;
        $total = 0;
        while (defined(my $batch = <$data>)) {
            my ($x, $y) = @$batch;
            my ($out, $l);
            autograd->record(sub { $out = $net->($x); $l = $loss->($out, $y) });
            $l->backward;
            $trainer->step(8);
            $accuracy->update([$y], [$out]);
            $total += $l->sum->asscalar;
        }
    }
    my $same = network();
    my $fit = fitted($same, metrics => 'acc', val_data => points(20, 6));
    is_deeply weights($same), weights($net), 'the same weights';
    my $last = $fit->history->[-1];
    cmp_ok abs($last->{loss} - $total / 40), '<', 1e-6, 'the same loss';
    is $last->{accuracy}, ($accuracy->get)[1], 'and accuracy';
    is_deeply $fit->columns, [qw(epoch loss accuracy val_loss val_accuracy learning_rate seconds)];
    is_deeply [map { $_->{epoch} } @{ $fit->history }], [1, 2, 3];
    is_deeply $fit->evaluate(points(20, 6)), { loss => $last->{val_loss}, accuracy => $last->{val_accuracy} }, 'evaluate' or diag explain $last;
    isnt $last->{val_loss}, $last->{loss};
};

subtest 'batches of all kinds' => sub {
    my @list = @{ points(40, 8) };
    my $from_list = network();
    fitted($from_list, train_data => \@list);
    my $from_loader = network();
    fitted($from_loader);
    is_deeply weights($from_list), weights($from_loader), 'a list';
    package Iterator {
        use Mouse;
        has [qw(at batches)] => (is => 'rw');
        sub reset { $_[0]->at(0) }
        sub next { my ($self) = @_; my $batch = $self->batches->[$self->at] // return undef; $self->at($self->at + 1); return Batch->new($batch) }
        package Batch; sub new { return bless { batch => $_[1] } } sub data { [$_[0]{batch}[0]] } sub label { [$_[0]{batch}[1]] }
    }
    my $from_iterator = network();
    fitted($from_iterator, train_data => Iterator->new(batches => \@list), metrics => ['acc', 'ce']);
    is_deeply weights($from_iterator), weights($from_loader), 'an iterator of data batches';
    my $autoencoder = network(nn->Dense(2, in_units => 2));
    my $fit = fitted($autoencoder, train_data => [map { $_->[0] } @list], loss => sub { my ($out) = @_; return ($out * $out)->mean(axis => 1) });
    cmp_ok $fit->history->[-1]{loss}, '<', $fit->history->[0]{loss}, 'data without labels, and a loss that is a function';
    my $steps = 0;
    my $net = network();
    my $own = fitted($net, step => sub {
        my ($fit, $batch) = @_;
        my ($loss, @found);
        autograd->record(sub { ($loss, @found) = $fit->forward($batch) });
        $loss->backward;
        $fit->trainer->step(8) if $steps++ % 2;
        return ($loss, @found);
    }, metrics => 'acc');
    is $steps, 15, 'a step of one\'s own';
    is keys %{ $own->history->[0] }, 5;
};

subtest 'callbacks' => sub {
    my @events;
    package Recorder {
        use Mouse;
        extends 'AI::MXNet::Gluon::Fit::Callback';
        for my $event (qw(train_begin epoch_begin batch_end epoch_end train_end)) {
            __PACKAGE__->meta->add_method($event => sub { push @events, $event });
        }
    }
    fitted(network(), epochs => 1, train_data => [@{ points(16, 8) }], callbacks => [Recorder->new, sub { my ($fit, $values) = @_; push @events, $values->{epoch}; $fit->stop }]);
    is_deeply \@events, [qw(train_begin epoch_begin batch_end batch_end epoch_end), 1, 'train_end'];
    my $stopped = fitted(network(), epochs => 9, callbacks => [sub { $_[0]->stop('enough') if $_[1]{epoch} == 2 }]);
    is_deeply [$stopped->epoch, $stopped->stopped], [2, 'enough'], 'stop';

    my $rates = fitted(network(), callbacks => [$call->LRSchedule(sub { 0.1 / (1 + $_[0]) })]);
    is_deeply [map { sprintf '%.4f', $_->{learning_rate} } @{ $rates->history }], ['0.1000', '0.0500', '0.0333'], 'LRSchedule';
    my $plateau = fitted(network(), epochs => 5, callbacks => [$call->ReduceOnPlateau('loss', 2, factor => 0.1, min_lr => 0.001, min_delta => 9)]);
    is_deeply [map { $_->{learning_rate} } @{ $plateau->history }], [0.05, 0.05, 0.05, 0.005, 0.005], 'ReduceOnPlateau';
    ok !eval { fitted(network(), callbacks => [$call->EarlyStopping('val_f1')]) };
    like $@, qr/EarlyStopping watches val_f1, but there are epoch, learning_rate, loss, seconds at \Q$0\E/;
};

subtest 'early stopping' => sub {
    my @seen;
    my $net = network();
    my @quality = (0.5, 0.7, 0.6, 0.65, 0.9);
    my $judge = mx->metric->create(sub { 0 }, name => 'accuracy');
    my $stop = $call->EarlyStopping('judged', 2, mode => 'max');
    my $fit = fitted($net, epochs => 5, callbacks => [sub { my ($fit, $values) = @_; $values->{judged} = $quality[$fit->epoch - 1]; push @seen, weights($net) }, $stop]);
    is $fit->epoch, 4;
    is $fit->stopped, 'judged was best in epoch 2, at 0.7';
    is_deeply weights($net), $seen[1], 'the best weights are back';
    my $kept = network();
    @seen = ();
    fitted($kept, epochs => 5, callbacks => [sub { my ($fit, $values) = @_; $values->{judged} = $quality[$fit->epoch - 1]; push @seen, weights($kept) },
        $call->EarlyStopping('judged', patience => 2, mode => 'max', restore_best => 0)]);
    is_deeply weights($kept), $seen[3], 'or not';
    my %modes = (val_loss => [0, 1], val_accuracy => [1, 0], 'val_top_k_accuracy_2' => [1, 0], auc => [1, 0], mae => [0, 1]);
    for my $name (sort keys %modes) {
        my $callback = $call->EarlyStopping($name);
        $callback->note({ $name => 1, epoch => 1 });
        is_deeply [map { $callback->is_better($_) ? 1 : 0 } 2, 0.5], $modes{$name}, "whether more is better: $name";
        ok !$callback->is_better('nan');
    }
    my $lost = sub { my ($fit, $values) = @_; $values->{judged} = 'nan' };
    my @said;
    local $SIG{__WARN__} = sub { push @said, @_ };
    is fitted(network(), epochs => 5, callbacks => [$lost, $call->EarlyStopping('judged', 2)])->stopped, 'judged was no number in 2 epochs';
    is fitted(network(), epochs => 5, callbacks => [$lost, $call->EarlyStopping('judged', 0)])->epoch, 1, 'no patience';
    is_deeply \@said, [];
    ok !eval { $call->EarlyStopping('loss', mode => 'up') };
    like $@, qr/mode is min or max, but got up/;
};

subtest 'logs and pictures' => sub {
    my $fit = fitted(network(), metrics => 'acc', val_data => points(20, 6), callbacks => [$call->CSVLog("$folder/log.csv"), $call->Curves("$folder/curves.svg", 'A < B')]);
    my @rows = map { [split /,/] } split /\n/, content("$folder/log.csv");
    is_deeply $rows[0], $fit->columns;
    is @rows, 4;
    cmp_ok abs($rows[3][1] - $fit->history->[2]{loss}), '<', 1e-12;
    my $svg = content("$folder/curves.svg");
    like $svg, qr/\A<svg .*<\/svg>\n\z/s;
    is scalar(() = $svg =~ /<polyline/g), 5, 'loss, accuracy, in training and validation, and the learning rate';
    like $svg, qr/A &lt; B: loss/;
    is scalar(() = $svg =~ /<g /g), scalar(() = $svg =~ /<\/g>/g);
    require AI::MXNet::Chart;
    AI::MXNet::Chart->write("$folder/odd.svg", lines => [[x => [1, 'nan', 9**9**9, undef, 2]], [y => []]]);
    unlike content("$folder/odd.svg"), qr/nan|inf/i;
};

sub on_stderr
{
    my ($code) = @_;
    open my $saved, '>&', \*STDERR or die $!;
    open STDERR, '>', "$folder/stderr" or die $!;
    $code->();
    open STDERR, '>&', $saved or die $!;
    return content("$folder/stderr") // '';
}

subtest 'what is shown' => sub {
    is on_stderr(sub { fitted(network(), verbose => undef) }), '', 'nothing where there is no terminal';
    is on_stderr(sub { fitted(network(), verbose => 0) }), '';
    my $text = on_stderr(sub { fitted(network(), verbose => 1, metrics => 'acc', callbacks => [sub { $_[0]->stop('enough') if $_[1]{epoch} == 2 }]) });
    like $text, qr/\Aepoch 1\/3  loss \d\.\d{4}  accuracy \d\.\d{4}  learning_rate 0\.05  \d+\.\d s\nepoch 2\/3  .*\nstopped: enough\n\z/, 'lines where they are wanted';
    open my $file, '>', "$folder/bar.pl" or die $!;
    print {$file} <<'PERL';
use AI::MXNet qw(mx nd); use AI::MXNet::Gluon qw(gluon); use AI::MXNet::Gluon::NN qw(nn);
my $net = nn->Dense(1, in_units => 1);
$net->initialize;
gluon->fit(net => $net, loss => gluon->loss->L2Loss, train_data => [([nd->ones([2, 1]), nd->ones([2])]) x 9], epochs => 1, optimizer => 'sgd',
    callbacks => [gluon->callbacks->Progress(every => 0)]);
PERL
    close $file;
    my $shown = qx(script -qec "$^X '-I$Bin/../lib' '$folder/bar.pl'" /dev/null 2>&1);
    SKIP: {
        skip 'no program script', 1 if $? >> 8 == 127;
        like $shown, qr/\r\e\[Kepoch 1\/1 \d\/\[=+ *\] 9  loss \d\.\d+/, 'a bar on a terminal' or diag $shown;
    }
};

# The program trains for 6 epochs with all that draws random numbers, and ends in epoch $ARGV[1] if that is not 0.
my $program = <<'PERL';
use strict; use warnings; use PDL; use AI::MXNet qw(mx nd); use AI::MXNet::Gluon qw(gluon); use AI::MXNet::Gluon::NN qw(nn);
my ($folder, $end) = @ARGV;
mx->random->seed(7);
CORE::srand(7);
my $net = nn->Sequential;
$net->name_scope(sub { $net->add(nn->Dense(8, activation => 'relu', in_units => 2), nn->BatchNorm(in_channels => 8), nn->Dropout(0.3), nn->Dense(2, in_units => 8)) });
$net->initialize(mx->init->Xavier);
my $x = cat(map { sin(sequence(50) * $_) } 1, 3)->xchg(0, 1)->float;
my $set = gluon->data->ArrayDataset($x, (sequence(50) % 2)->float)->transform_first(sub { ($_[0] + 0.1 * rand)->float });
my $call = gluon->callbacks;
my $fit = gluon->fit(net => $net, loss => gluon->loss->SoftmaxCrossEntropyLoss, metrics => 'acc', epochs => 6, resume => $folder, verbose => 0,
    train_data => gluon->data->DataLoader($set, batch_size => 8, shuffle => 1, last_batch => 'rollover', num_workers => 1),
    val_data => gluon->data->DataLoader($set, batch_size => 25, seed => 3),
    optimizer => 'adam', optimizer_params => { learning_rate => 0.02, wd => 0.01 },
    callbacks => [$call->Checkpoint($folder, keep => undef), $call->ReduceOnPlateau('val_loss', 1, factor => 0.7), $call->EarlyStopping('val_accuracy', 20),
        $call->CSVLog("$folder/log.csv"), EndIn->new(epoch => $end)]);
$net->save_parameters("$folder/final");
BEGIN { package EndIn; use Mouse; use AI::MXNet::Gluon::Fit::Callbacks; extends 'AI::MXNet::Gluon::Fit::Callback'; has epoch => (is => 'ro');
    sub batch_end { my ($self, $fit, $tally) = @_; kill KILL => $$ if $fit->epoch + 1 == $self->epoch and $tally->batches == 3 } }
PERL

subtest 'a training that is interrupted goes on bit for bit' => sub {
    my %status;
    for my $run (['whole', 0], ['parts', 4], ['parts', 5], ['parts', 0]) {
        my ($name, $end) = @$run;
        push @{ $status{$name} }, system $^X, "-I$Bin/../lib", '-e', $program, "$folder/$name", $end;
    }
    is_deeply \%status, { whole => [0], parts => [9, 9, 0] }, 'killed twice';
    ok content("$folder/whole/final") eq content("$folder/parts/final"), 'the weights';
    for my $epoch (1 .. 6) {
        my ($whole, $parts) = map { content("$folder/$_/epoch-000$epoch.params") } qw(whole parts);
        ok $whole eq $parts, "after epoch $epoch";
    }
    ok content("$folder/whole/epoch-0006.$_") eq content("$folder/parts/epoch-0006.$_"), $_ for qw(arrays);
    my ($whole, $parts) = map { content("$folder/$_/log.csv") =~ s/,[^,\n]*$//gmr } qw(whole parts);
    is $parts, $whole, 'the log';
    my %rates = map { $_ => 1 } map { (split /,/)[5] } split /\n/, $whole;
    cmp_ok keys %rates, '>', 2, 'in which the learning rate changes';
};

subtest 'checkpoints' => sub {
    my $net = network();
    my @options = (epochs => 5, callbacks => [$call->Checkpoint("$folder/check", every => 2, keep => 2)]);
    fitted($net, @options);
    is_deeply [sort map { s{.*/}{}r } glob "$folder/check/*"], [map { ("epoch-000$_.params", "epoch-000$_.states", "epoch-000$_.training") } 4, 5], 'of every second epoch and the last, two of them kept';
    my $again = network();
    my $fit = fitted($again, @options, resume => "$folder/check");
    is_deeply weights($again), weights($net), 'one that is through is not repeated';
    is @{ $fit->history }, 5;
    is fitted(network(), epochs => 1, resume => "$folder/nowhere")->epoch, 1, 'without one, it begins';
    ok !eval { fitted(network(), epochs => 5, resume => "$folder/check") };
    like $@, qr/resume: \S+ is of a training with \(.*Checkpoint\), but this one has \(/, 'callbacks must be the same';
    open my $file, '>', "$folder/check/epoch-0009.training" or die $!;
    close $file;
    ok !eval { fitted(network(), @options, resume => "$folder/check") };
    like $@, qr/epoch-0009.training is no checkpoint of a training/;
};

subtest 'errors' => sub {
    my %wrong = (
        'fit takes a trainer, or an optimizer' => [optimizer => undef],
        'fit takes a trainer or an optimizer, but got both' => [trainer => gluon->Trainer(network()->collect_params, 'sgd')],
        'a callback is code, or an object of gluon->callbacks, but got 7' => [callbacks => [7]],
        'fit: the training data have no batch' => [train_data => []],
        'batches come from a DataLoader, an iterator of mx->io or a list, but got HASH' => [train_data => {}],
        'Attribute (epochs)' => [epochs => 'many'],
    );
    for my $message (sort keys %wrong) {
        ok !eval { fitted(network(), @{ $wrong{$message} }) };
        like $@, qr/\A\Q$message\E/, $message;
    }
};

done_testing;
