# Learning rates that change with the number of updates.
use strict;
use warnings;
use Test::More;
use AI::MXNet qw(mx);
use AI::MXNet::Logging;

my @messages;
local $SIG{__WARN__} = sub { push @messages, @_ };

is_deeply [grep {m{AI/MXNet/(?:Optimizer|LRScheduler|Initializer|Metric)}} keys %INC], [], 'nothing of training is loaded until it is used';

subtest 'a factor after every so many updates' => sub {
    my $schedule = AI::MXNet::FactorScheduler->new(step => 3, factor => 0.5);
    is $schedule->base_lr, 0.01, 'the rate to begin with';
    $schedule->base_lr(1);
    is join(' ', map { $schedule->($_) } 1 .. 8), '1 1 1 1 0.5 0.5 0.5 0.25';
    is_deeply \@messages, ["Update[5]: Changed learning rate to 5.00000e-01\n", "Update[8]: Changed learning rate to 2.50000e-01\n"], 'changes are reported';
    is $schedule->call(14), 0.0625, 'updates that were skipped count';
};

subtest 'the rate stops falling' => sub {
    my $schedule = AI::MXNet::FactorScheduler->new(step => 1, factor => 0.1, stop_factor_lr => 0.005, base_lr => 0.5);
    is join(' ', map { $schedule->($_) } 1 .. 5), '0.5 0.5 0.05 0.005 0.005';
    like $messages[-1], qr/\AUpdate\[5\]: now learning rate arrived at 5\.00000e-03, will not change in the future\n/;
};

subtest 'a factor after certain updates' => sub {
    my $schedule = mx->lr_scheduler->MultiFactorScheduler(step => [2, 4], factor => 0.1, base_lr => 1);
    is join(' ', map { sprintf '%g', $schedule->($_) } 1 .. 6), '1 1 0.1 0.1 0.01 0.01';
};

subtest 'impossible arguments die at the line of the call' => sub {
    my %wrong = (
        'greater or equal than 1' => sub { AI::MXNet::FactorScheduler->new(step => 0) },
        'no more than 1'          => sub { AI::MXNet::FactorScheduler->new(step => 1, factor => 2) },
        'increasing integer list' => sub { AI::MXNet::MultiFactorScheduler->new(step => [5, 3]) },
        'at least one update'     => sub { AI::MXNet::MultiFactorScheduler->new(step => []) },
        'without a method call'   => sub { AI::MXNet::LRScheduler->new->(1) },
    );
    for my $words (sort keys %wrong) {
        ok !eval { $wrong{$words}->(); 1 };
        like $@, qr/\Q$words\E.* at \Q$0\E line \d+\.$/;
    }
    ok !eval { AI::MXNet::FactorScheduler->new; 1 };
    like $@, qr/\QAttribute (step) is required\E/;
};

package Warmup {
    use Mouse;
    extends 'AI::MXNet::LRScheduler';
    has '+base_lr' => (default => 2);
    sub call { my ($self, $num_update) = @_; return $self->base_lr * $num_update / 10 }
}

is(Warmup->new->(5), 1, 'a scheduler of one\'s own extends the class');
is(mx->optimizer->SGD(learning_rate => 4, lr_scheduler => Warmup->new)->lr_scheduler->base_lr, 4, 'an optimizer sets the rate to begin with');

{
    local $AI::MXNet::Logging::silent = 1;
    @messages = ();
    AI::MXNet::FactorScheduler->new(step => 1, factor => 0.5)->(9);
    is_deeply \@messages, [], 'messages can be turned off';
}

done_testing;
