package AI::MXNet::RNN::Weights;
# The weights of the operator RNN, which are one vector: all weights, then all biases; in each of them layers, directions,
# input and hidden, gates. POD at the end.
use strict;
use warnings;
use AI::MXNet::Error;

my %gates = (rnn_relu => [''], rnn_tanh => [''], lstm => [qw(_i _f _c _o)], gru => [qw(_r _z _o)]);

# What the names of the gates of a mode end in, a list ref.
sub gates
{
    my ($what, $mode) = @_;
    return $gates{$mode} // AI::MXNet::Error::fail("$what: mode is one of ", join(', ', sort keys %gates), ", but got $mode");
}

# How many inputs a network has whose vector is of that size; undef if there is none.
sub inputs
{
    my ($size, $gates, $hidden, $layers, @directions) = @_;
    my $inputs = $size / (@directions * @$gates * $hidden) - ($layers - 1) * ($hidden * (@directions + 1) + 2) - $hidden - 2;
    return $inputs >= 1 && $inputs == int $inputs ? $inputs : undef;
}

# The parts of the vector in order: [name, shape].
sub parts
{
    my ($inputs, $gates, $hidden, $layers, @directions) = @_;
    my (@weights, @biases);
    for my $layer (0 .. $layers - 1) {
        my $columns = $layer ? $hidden * @directions : $inputs;
        for (map { (["$_${layer}_i2h", $columns], ["$_${layer}_h2h", $hidden]) } @directions) {
            my ($group, $width) = @$_;
            push @weights, map { ["$group${_}_weight", [$hidden, $width]] } @$gates;
            push @biases,  map { ["$group${_}_bias",   [$hidden]] } @$gates;
        }
    }
    return (@weights, @biases);
}

1;

__END__

=head1 NAME

AI::MXNet::RNN::Weights - the vector of weights of the operator RNN

=head1 DESCRIPTION

Internal, and no part of the interface: it may change with any release. Tells what the vector consists of, for
L<AI::MXNet::RNN> and L<AI::MXNet::Initializer>.

=head1 SEE ALSO

L<AI::MXNet::RNN>

=cut
