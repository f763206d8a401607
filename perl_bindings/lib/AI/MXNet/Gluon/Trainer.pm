package AI::MXNet::Gluon::Trainer;
# Updates the parameters of a network by their gradients. POD at the end.
use strict;
use warnings;
use Mouse;
use Scalar::Util ();
use AI::MXNet::Base ();
use AI::MXNet::Error;
use AI::MXNet::Optimizer;

has _given_params         => (is => 'ro', init_arg => 'params', required => 1);
has _given_optimizer      => (is => 'ro', init_arg => 'optimizer', isa => 'Optimizer', required => 1);
has optimizer_params      => (is => 'ro', isa => 'Maybe[HashRef]');
has kvstore               => (is => 'ro', isa => 'Maybe[KVStore]', default => 'device');
has compression_params    => (is => 'ro', isa => 'Maybe[HashRef]');
has update_on_kvstore     => (is => 'ro', isa => 'Maybe[Bool]');
has [qw(_params _scale _optimizer _updaters _contexts)] => (is => 'rw', init_arg => undef);

around BUILDARGS => \&AI::MXNet::Base::process_arguments;

sub python_constructor_arguments { return [qw(params optimizer optimizer_params kvstore compression_params update_on_kvstore)] }

sub BUILD
{
    my ($self) = @_;
    my $params = $self->_given_params;
    $params = [map { $params->{$_} } sort keys %$params] if ref $params eq 'HASH';
    $params = [$params->values] if Scalar::Util::blessed($params) and $params->isa('AI::MXNet::Gluon::ParameterDict');
    AI::MXNet::Error::fail('First argument must be a array or hash of Parameters, got ', $params // 'undef') unless ref $params eq 'ARRAY';
    for (@$params) {
        Scalar::Util::blessed($_) && $_->isa('AI::MXNet::Gluon::Parameter')
            or AI::MXNet::Error::fail('First argument must be a array or hash of Parameters, got list of [', $_ // 'undef', '].');
    }
    $self->_params($params);
    my %options = %{ $self->optimizer_params // {} };
    my $optimizer = $self->_given_optimizer;
    AI::MXNet::Error::fail('optimizer_params must be empty if optimizer is an instance of Optimizer instead of str') if ref $optimizer and %options;
    $optimizer = AI::MXNet::Optimizer->create($optimizer, %options) unless ref $optimizer;
    $optimizer->param_dict({ map { $_ => $params->[$_] } 0 .. $#$params });
    $self->_scale($optimizer->rescale_grad);
    $self->_optimizer($optimizer);
}

sub step
{
    my ($self, $batch_size, $ignore_stale_grad) = @_;
    $self->_optimizer->rescale_grad($self->_scale / $batch_size);
    $self->_updaters([AI::MXNet::Optimizer->get_updater($self->_optimizer)]) unless defined $self->_updaters;
    my $params = $self->_params;
    for my $i (0 .. $#$params) {
        my $param = $params->[$i];
        next if $param->grad_req eq 'null';
        $self->_updaters->[0]->call($i, $param->list_grad->[0], $param->list_data->[0]);
    }
    return;
}

no Mouse;
__PACKAGE__->meta->make_immutable;

1;
