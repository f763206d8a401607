package AI::MXNet::Gluon::Constant;
# A parameter that training leaves alone. POD at the end.
use strict;
use warnings;
use AI::MXNet::Mouse;
use Scalar::Util ();
use AI::MXNet::NDArray;

extends 'AI::MXNet::Gluon::Parameter';

has value => (is => 'ro', required => 1);

around BUILDARGS => sub {
    my ($original, $class, @arguments) = @_;
    my $options = $class->$original(@arguments);
    my $value = $options->{value};
    $value = AI::MXNet::NDArray->array(ref $value ? $value : [$value]) unless Scalar::Util::blessed($value) and $value->isa('AI::MXNet::NDArray');
    return {
        %$options, value => $value, shape => $value->shape, dtype => $value->dtype, grad_req => 'null',
        init => AI::MXNet::Gluon::Constant::Value->new(array => $value),
    };
};

sub python_constructor_arguments { return ['name', 'value'] }

# always null, whatever is asked for
sub grad_req {'null'}

sub _has_value
{
    my ($self, $value) = @_;
    my $other = AI::MXNet::Gluon::Constant->new($self->name, $value)->value;
    return "@{ $other->shape }" eq "@{ $self->value->shape }" && ($other != $self->value)->sum->asscalar == 0;
}

no AI::MXNet::Mouse;
__PACKAGE__->meta->make_immutable;

package AI::MXNet::Gluon::Constant::Value;
# The initializer that sets a given value.
use strict;
use warnings;
use AI::MXNet::Mouse;

extends 'AI::MXNet::Initializer';

has array => (is => 'ro', required => 1);

sub _init_weight { my ($self, $name, $array) = @_; $array .= $self->array }

no AI::MXNet::Mouse;
__PACKAGE__->meta->make_immutable;

1;

__END__

=head1 NAME

AI::MXNet::Gluon::Constant - a parameter that training leaves alone

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd);
    use AI::MXNet::Gluon qw(gluon);

    my $params = gluon->ParameterDict('net_');
    my $mean = $params->get_constant('mean', [0.5, 0.4, 0.4]);
    $params->initialize;
    print $mean->data->aspdl, "\n";

=head1 DESCRIPTION

A L<parameter|AI::MXNet::Gluon::Parameter> with a value that it is always initialized with, and no gradient. A block makes it
by C<< $self->params->get_constant >> and assigns it to an attribute.

=head1 ATTRIBUTES

=head2 value

    print $mean->value->shape->[0], "\n";    # 3

The array. The constructor takes it after the name: an array, or what one can be made of, which is then float32.

=head2 grad_req

C<null>, whatever is asked for.

=head1 SEE ALSO

L<AI::MXNet::Gluon::Parameter>

=cut
