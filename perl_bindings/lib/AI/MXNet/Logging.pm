package AI::MXNet::Logging;
# Messages of the library, on stderr. POD at the end.
use strict;
use warnings;

our $silent;

sub get_logger { return shift }

for my $level (qw(debug info warning error critical)) {
    no strict 'refs';
    *{$level} = sub {
        my ($class, $format, @values) = @_;
        warn((@values ? sprintf($format, map { $_ // '' } @values) : $format) . "\n") unless $silent;
        return;
    };
}

1;

__END__

=head1 NAME

AI::MXNet::Logging - messages on stderr

=head1 SYNOPSIS

    use AI::MXNet::Logging;

    local $AI::MXNet::Logging::silent = 1;    # without this, the next line prints: epoch 3, loss 0.250
    AI::MXNet::Logging->info('epoch %d, loss %.3f', 3, 0.25);

=head1 DESCRIPTION

Where the library reports progress, such as a changed learning rate. Messages are Perl warnings, so C<$SIG{__WARN__}>
sees them. While C<$AI::MXNet::Logging::silent> is true there are none.

=head1 METHODS

=head2 debug, info, warning, error, critical

    AI::MXNet::Logging->warning('%d of %d', 1, 2);

A line: the values in a format of C<sprintf>, or the text as it is if there are no values.

=head2 get_logger

The class itself.

=head1 SEE ALSO

L<AI::MXNet::LRScheduler>, L<AI::MXNet::Initializer>, which report changes here

=cut
