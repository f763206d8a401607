package AI::MXNet::Gluon::Summary;
# The table that $block->summary prints.
use strict;
use warnings;
use Scalar::Util ();
use AI::MXNet::Error;

# Calls the block on the inputs and prints a row for each call of a layer.
sub show
{
    my ($block, @inputs) = @_;
    my @rows = ({ name => 'Input', shape => _shapes(@inputs), all => 0, trained => 0, shared => 0 });
    my (%seen, %hooked, @handles);
    my $row = sub {
        my ($layer, undef, $outputs) = @_;
        my %row = (name => $layer->class . '-' . @rows, shape => _shapes(@$outputs), all => 0, trained => 0, shared => 0);
        for my $parameter ($layer->params->values) {
            my $size = $parameter->list_data->[0]->size;
            $row{all}     += $size;
            $row{trained} += $size if $parameter->grad_req ne 'null';
            $row{shared}  += $size if $seen{ Scalar::Util::refaddr($parameter) }++;
        }
        push @rows, \%row;
    };
    my $done = eval {
        $block->apply(sub {
            my ($layer) = @_;
            AI::MXNet::Error::fail('"', $layer->name, '" must not be hybridized to print summary.') if $layer->{_active};
            return if ref($layer) =~ /::NN::(?:Hybrid)?Sequential\z/ or $hooked{ Scalar::Util::refaddr($layer) }++;
            push @handles, $layer->register_forward_hook($row);
        });
        $block->call(@inputs);
        1;
    };
    my $error = $@;
    $_->detach for @handles;
    die $error unless $done;
    _print(@rows);
    return;
}

sub _shapes { return join ', ', map { ref $_ eq 'ARRAY' ? '[' . _shapes(@$_) . ']' : defined $_ ? '(' . join(', ', @{ $_->shape }) . ')' : 'None' } @_ }

sub _print
{
    my (@rows) = @_;
    my $format = "%20s  %42s %15s\n";
    my %sum;
    for my $row (@rows) { $sum{$_} += $row->{$_} for qw(all trained shared) }
    local ($\, $,);
    print '-' x 80, "\n", sprintf($format, 'Layer (type)', 'Output Shape', 'Param #'), '=' x 80, "\n";
    printf $format, @$_{qw(name shape all)} for @rows;
    print '=' x 80, "\n", "Parameters in forward computation graph, duplicate included\n",
        "   Total params: $sum{all}\n", '   Non-trainable params: ', $sum{all} - $sum{trained}, "\n",
        "Shared params in forward computation graph: $sum{shared}\n", 'Unique parameters in model: ', $sum{all} - $sum{shared}, "\n", '-' x 80, "\n";
    return;
}

1;

__END__

=head1 NAME

AI::MXNet::Gluon::Summary - the table of a network's layers

=head1 DESCRIPTION

Internal, and no part of the interface: it may change with any release. What C<< $block->summary >> prints.

=head1 SEE ALSO

L<AI::MXNet::Gluon::Block>

=cut
