package AI::MXNet::Gluon::Mouse;
# Mouse for blocks: assigning a block or a parameter to an attribute registers it. POD at the end.
use strict;
use warnings;
use AI::MXNet::Mouse ();
use AI::MXNet::Types ();

sub import
{
    my $caller = caller;
    AI::MXNet::Mouse::into($caller, sub { declare($caller, @_) }) unless $caller eq 'main';
    return;
}

sub unimport
{
    AI::MXNet::Mouse::out_of(scalar caller);
    return;
}

# `has` for a class. An attribute without `is` can be read and written.
sub declare
{
    my ($class, $names, %options) = @_;
    for my $name (ref $names ? @$names : $names) {
        my %own = %options;
        if ($name !~ /\A\+/) {
            $own{is} //= 'rw' unless exists $own{reader} or exists $own{writer} or exists $own{accessor};
            delete $own{is} if ($own{is} // '') eq 'bare';
        }
        my $trigger = $own{trigger};
        $own{trigger} = sub {
            my ($self, $value, @rest) = @_;
            $self->_assigned($name =~ s/\A\+//r, $value) if $self->can('_assigned');    # of blocks
            $trigger->($self, $value, @rest) if $trigger;
        } if $trigger or $name !~ /\A\+/;
        AI::MXNet::Mouse::declare($class, $name, %own);
    }
    return;
}

1;

__END__

=head1 NAME

AI::MXNet::Gluon::Mouse - Mouse for classes of blocks

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd);

    package Net {
        use AI::MXNet::Gluon::Mouse;
        use AI::MXNet::Function::Parameters;
        use AI::MXNet::Gluon::NN qw(nn);
        extends 'AI::MXNet::Gluon::HybridBlock';
        has hidden => (is => 'ro', default => 8);

        sub BUILD
        {
            my ($self) = @_;
            $self->name_scope(sub {
                $self->first(nn->Dense($self->hidden, in_units => 4, activation => 'relu'));
                $self->second(nn->Dense(2, in_units => $self->hidden));
            });
        }

        method hybrid_forward($F, $x) { return $self->second->($self->first->($x)) }
    }

    my $net = Net->new;
    $net->initialize;
    print $net->(nd->ones([3, 4])), "\n";    # <AI::MXNet::NDArray 3x2 @cpu(0)>

=head1 DESCRIPTION

Gives a class what L<Mouse> does (C<has extends with before after around override super augment inner blessed confess>).
Attributes that C<has> declares tell the block when a block or a parameter is assigned to them, so that it becomes a
child, or a parameter of the block. C<is> is C<rw> where it is not said.

Attributes need not be declared: a method that a block does not have makes one, as C<first> and C<second> above.

=head1 FUNCTIONS

=head2 declare

    AI::MXNet::Gluon::Mouse::declare('Net', dropout => (is => 'rw', default => 0.5));

What C<has> does, for the class named.

=head2 unimport

    package Net { no AI::MXNet::Gluon::Mouse }

Takes the keywords out of a class again, so that attributes may be called C<inner>, C<after> and so on.

=head1 SEE ALSO

L<AI::MXNet::Gluon::Block>, L<Mouse>

=cut
