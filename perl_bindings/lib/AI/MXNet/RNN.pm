package AI::MXNet::RNN;
# mx->rnn: symbolic recurrent networks. POD at the end.
use strict;
use warnings;
use AI::MXNet::Error;
use AI::MXNet::NS;
use AI::MXNet::RNN::Cell;
use AI::MXNet::RNN::ConvCell;
use AI::MXNet::RNN::FusedCell;
use AI::MXNet::RNN::ModifierCell;
use AI::MXNet::RNN::SequentialCell;

sub import { my ($class, @names) = @_; return AI::MXNet::NS::install($class, scalar caller, @names) }

my %constructors = (
    RNNCell => 'Cell', LSTMCell => 'LSTMCell', GRUCell => 'GRUCell', FusedRNNCell => 'FusedCell', SequentialRNNCell => 'SequentialCell',
    BidirectionalCell => 'BidirectionalCell', DropoutCell => 'DropoutCell', ZoneoutCell => 'ZoneoutCell', ResidualCell => 'ResidualCell',
    ConvRNNCell => 'ConvCell', ConvLSTMCell => 'ConvLSTMCell', ConvGRUCell => 'ConvGRUCell',
);
for my $name (keys %constructors) {
    my $class = "AI::MXNet::RNN::$constructors{$name}";
    no strict 'refs';
    *{$name} = sub { my (undef, @arguments) = @_; return $class->new(@arguments) };
}

sub encode_sentences
{
    my ($class, @arguments) = @_;
    AI::MXNet::NS::load('AI/MXNet/RNN/IO.pm');
    return AI::MXNet::RNN::IO->encode_sentences(@arguments);
}

sub BucketSentenceIter
{
    my ($class, @arguments) = @_;
    AI::MXNet::NS::load('AI/MXNet/RNN/IO.pm');
    return AI::MXNet::BucketSentenceIter->new(@arguments);
}

1;
