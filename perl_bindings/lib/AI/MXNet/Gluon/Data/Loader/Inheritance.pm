package AI::MXNet::Gluon::Data::Loader::Inheritance;
# The parent's arrays that a worker may use: those in a dataset, and those that a function of it refers to.
use strict;
use warnings;
use B ();
use PDL::Core ();
use Scalar::Util qw(blessed refaddr reftype);
use AI::MXNet::NDArray;

# What AI::MXNet::Engine::INHERITED is to be in a child: for the handle of each array, code that makes the child's copy. The
# values are piddles, large ones in memory that all processes share.
sub of
{
    my %copies;
    for my $array (_arrays(@_)) {
        my $dtype = $array->dtype;
        # what has failed, or is of no type that is made here, is refused in the child as any other array of the parent's
        my $piddle = eval { AI::MXNet::DType::check($dtype); $array->aspdl } // next;
        $copies{ $array->handle } = sub { return AI::MXNet::NDArray->array($piddle, dtype => $dtype) };
    }
    return %copies;
}

sub _arrays
{
    my @todo = @_;
    my (%seen, @arrays);
    while (@todo) {
        my $value = pop @todo;
        next if not ref $value or $seen{ refaddr $value }++;
        if (blessed $value) {
            next if $value->isa('PDL');
            if ($value->isa('AI::MXNet::NDArray')) { push @arrays, $value unless $value->{type}{sparse}; next }
        }
        no overloading;
        my $kind = reftype $value;
        push @todo,
              $kind eq 'ARRAY' ? grep {ref} @$value
            : $kind eq 'HASH' ? grep {ref} values %$value
            : $kind eq 'REF'  ? $$value
            : $kind eq 'CODE' ? _captured($value)
            :                   ();
    }
    return @arrays;
}

# References to the variables of outer scopes that a sub uses.
sub _captured
{
    my ($code) = @_;
    my $pads = B::svref_2object($code)->PADLIST;
    return unless $pads->isa('B::PADLIST') and $pads->MAX >= 1;
    my ($names, $values) = map { [$pads->ARRAYelt($_)->ARRAY] } 0, 1;
    my @outer = grep { $names->[$_]->isa('B::PADNAME') && $names->[$_]->FLAGS & B::PADNAMEt_OUTER() } 0 .. $#$names;
    return map { $_->object_2svref } grep { !$_->isa('B::SPECIAL') } @$values[@outer];
}

1;

__END__

=head1 NAME

AI::MXNet::Gluon::Data::Loader::Inheritance - arrays that worker processes inherit

=head1 DESCRIPTION

Internal, and no part of the interface: it may change with any release. Finds the arrays that a dataset uses, so that
worker processes, which have engines of their own, get copies.

=head1 SEE ALSO

L<AI::MXNet::Gluon::Data::Loader>

=cut
