package AI::MXNet::Gluon::NN::ConvLayers;
# Convolution, pooling and padding. Documented in AI::MXNet::Gluon::NN.
use strict;
use warnings;
use AI::MXNet::Gluon::HybridBlock;
use AI::MXNet::Gluon::NN::Activations;

my @layouts = (undef, 'NCW', 'NCHW', 'NCDHW');

# A number as one for each axis; a list must have as many.
sub per_axis
{
    my ($name, $value, $axes) = @_;
    my @values = ref $value eq 'ARRAY' ? @$value : ($value) x $axes;
    AI::MXNet::Error::fail("$name takes a number or a list of $axes, but got ", ref $value eq 'ARRAY' ? "[@values]" : $value // 'undef')
        if @values != $axes or grep { not defined $_ or $_ !~ /\A[0-9]+\z/ } @values;
    return [map { 0 + $_ } @values];
}

sub _shown { return '(' . join(',', @{ $_[0] }) . ')' }

# Classes that differ from others in what methods tell of them: layer => [base, method => value ...].
sub declare
{
    my (%layers) = @_;
    for my $layer (sort keys %layers) {
        my ($base, %methods) = @{ $layers{$layer} };
        my $class = "AI::MXNet::Gluon::NN::$layer";
        my $meta = Mouse::Meta::Class->create($class, superclasses => ["AI::MXNet::Gluon::NN::$base"]);
        for my $name (keys %methods) {
            my $value = $methods{$name};
            $meta->add_method($name => ref $value eq 'CODE' ? $value : sub {$value});
        }
        $meta->make_immutable;
        $class->register('AI::MXNet::Gluon::NN');
    }
    return;
}

package AI::MXNet::Gluon::NN::Conv;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;
use AI::MXNet::Types;

extends 'AI::MXNet::Gluon::HybridBlock';

has channels    => (is => 'rw', isa => 'Int', required => 1);
has in_channels => (is => 'rw', isa => 'Int', default => 0);
has kernel_size => (is => 'rw', required => 1);
has [qw(strides dilation)]        => (is => 'rw', default => 1);
has [qw(padding output_padding)] => (is => 'rw', default => 0);
has groups     => (is => 'rw', isa => 'Int', default => 1);
has layout     => (is => 'rw', isa => 'Str', default => sub { $_[0]->_layout });
has activation => (is => 'rw', isa => 'Maybe[Str]');
has use_bias   => (is => 'rw', isa => 'Bool', default => 1);
has weight_initializer => (is => 'rw', isa => 'Maybe[Initializer]');
has bias_initializer   => (is => 'rw', isa => 'Maybe[Initializer]', default => 'zeros');
has [qw(weight bias act)] => (is => 'rw', init_arg => undef);

sub python_constructor_arguments { return [qw(channels kernel_size strides padding dilation)] }

sub _alias    {'conv'}
sub op_name   {'Convolution'}
sub _layout   { return $layouts[ $_[0]->_axes ] }
sub _axes     { my ($self) = @_; return ref $self->kernel_size ? scalar @{ $self->kernel_size } : 2 }

sub BUILD
{
    my ($self) = @_;
    my $axes = $self->_axes;
    $self->{$_} = AI::MXNet::Gluon::NN::ConvLayers::per_axis($_, $self->{$_}, $axes) for qw(kernel_size strides padding dilation output_padding);
    AI::MXNet::Error::fail("Only supports $layouts[$axes] layout for now, but got ", $self->layout) if $self->layout ne $layouts[$axes];
    my ($channels, $inputs, $groups) = ($self->channels, $self->in_channels, $self->groups);
    my $is_transposed = $self->op_name eq 'Deconvolution';
    my @shape = $is_transposed ? ($inputs, int($channels / $groups)) : ($channels, int($inputs / $groups));
    $self->{_options} = [
        kernel => $self->{kernel_size}, stride => $self->{strides}, pad => $self->{padding}, dilate => $self->{dilation},
        num_filter => $channels, num_group => $groups, layout => $self->layout, no_bias => $self->use_bias ? 0 : 1,
        $is_transposed ? (adj => $self->{output_padding}) : (), name => 'fwd',
    ];
    $self->name_scope(sub {
        $self->weight($self->params->get('weight', shape => [@shape, @{ $self->{kernel_size} }], init => $self->weight_initializer, allow_deferred_init => 1));
        $self->bias($self->params->get('bias', shape => [$channels], init => $self->bias_initializer, allow_deferred_init => 1)) if $self->use_bias;
        $self->act(AI::MXNet::Gluon::NN->Activation($self->activation, prefix => $self->activation . '_')) if defined $self->activation;
    });
}

sub hybrid_forward
{
    my ($self, $F, $x, %parameters) = @_;
    my $operator = $self->op_name;
    $x = $F->$operator($x, $parameters{weight}, ($self->{use_bias} ? $parameters{bias} : ()), @{ $self->{_options} });
    return defined $self->{act} ? $self->{act}->call($x) : $x;
}

sub _describe
{
    my ($self) = @_;
    my $shown = \&AI::MXNet::Gluon::NN::ConvLayers::_shown;
    my ($channels, $groups) = ($self->channels, $self->groups);
    my $inputs = $self->weight->shape->[$self->op_name eq 'Deconvolution' ? 0 : 1];
    my $text = $self->class . '(' . ($inputs ? "$inputs -> $channels" : $channels)
        . ', kernel_size=' . $shown->($self->kernel_size) . ', stride=' . $shown->($self->strides);
    $text .= ', padding=' . $shown->($self->padding) if grep { $_ } @{ $self->padding };
    $text .= ', dilation=' . $shown->($self->dilation) if grep { $_ != 1 } @{ $self->dilation };
    $text .= ', output_padding=' . $shown->($self->output_padding) if grep { $_ } @{ $self->output_padding };
    $text .= ", groups=$groups" if $groups != 1;
    $text .= ', bias=False' unless $self->use_bias;
    $text .= ', ' . $self->act if defined $self->act;
    return "$text)";
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;

package AI::MXNet::Gluon::NN::Pooling;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::HybridBlock';

has pool_size         => (is => 'rw', default => sub { $_[0]->_size });
has strides           => (is => 'rw');
has padding           => (is => 'rw', default => 0);
has layout            => (is => 'rw', default => sub { $layouts[ $_[0]->_axes ] });
has ceil_mode         => (is => 'rw', isa => 'Bool', default => sub { $_[0]->global_pool });
has pool_type         => (is => 'rw', default => sub { $_[0]->_type });
has count_include_pad => (is => 'rw', isa => 'Bool', default => 1);

sub python_constructor_arguments
{
    my ($class) = @_;
    return $class->_axes == 1 ? [qw(pool_size strides padding layout ceil_mode)] : [qw(pool_size strides padding)];
}

sub _alias      {'pool'}
sub _axes       {2}
sub _type       {'max'}
sub _size       { return $_[0]->global_pool ? 1 : 2 }
sub global_pool {0}

sub BUILD
{
    my ($self) = @_;
    my $axes = $self->_axes;
    $self->{strides} //= $self->{pool_size};
    $self->{$_} = AI::MXNet::Gluon::NN::ConvLayers::per_axis($_, $self->{$_}, $axes) for qw(pool_size strides padding);
    AI::MXNet::Error::fail("Only supports $layouts[$axes] layout for now, but got ", $self->layout) if $self->layout ne $layouts[$axes];
    $self->{_options} = [
        kernel => $self->{pool_size}, stride => $self->{strides}, pad => $self->{padding}, global_pool => $self->global_pool,
        pool_type => $self->pool_type, pooling_convention => $self->ceil_mode ? 'full' : 'valid',
        $self->pool_type eq 'avg' ? (count_include_pad => $self->count_include_pad) : (), name => 'fwd',
    ];
}

sub hybrid_forward { my ($self, $F, $x) = @_; return $F->Pooling($x, @{ $self->{_options} }) }

sub _describe
{
    my ($self) = @_;
    my ($size, $stride, $padding) = map { AI::MXNet::Gluon::NN::ConvLayers::_shown($_) } $self->pool_size, $self->strides, $self->padding;
    return $self->class . "(size=$size, stride=$stride, padding=$padding, ceil_mode=" . ($self->ceil_mode ? 1 : 0) . ')';
}

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;

AI::MXNet::Gluon::NN::ConvLayers::declare(
    (map { ("Conv${_}D" => ['Conv', _axes => $_], "Conv${_}DTranspose" => ['Conv', _axes => $_, op_name => 'Deconvolution']) } 1 .. 3),
    (map { ("MaxPool${_}D" => ['Pooling', _axes => $_], "AvgPool${_}D" => ['Pooling', _axes => $_, _type => 'avg']) } 1 .. 3),
    (map {
        ("GlobalMaxPool${_}D" => ['Pooling', _axes => $_, global_pool => 1],
         "GlobalAvgPool${_}D" => ['Pooling', _axes => $_, global_pool => 1, _type => 'avg'])
    } 1 .. 3),
);

package AI::MXNet::Gluon::NN::ReflectionPad2D;
use strict;
use warnings;
use AI::MXNet::Gluon::Mouse;

extends 'AI::MXNet::Gluon::HybridBlock';

has padding => (is => 'rw', default => 0);

sub python_constructor_arguments { return ['padding'] }

sub BUILD
{
    my ($self) = @_;
    my $padding = $self->padding;
    $padding = [(0) x 4, ($padding) x 4] unless ref $padding;
    AI::MXNet::Error::expect('ReflectionPad2D takes a number or a list of 8 as padding', ARRAY => $padding);
    AI::MXNet::Error::fail("ReflectionPad2D takes a number or a list of 8 as padding, but got [@$padding]") if @$padding != 8;
    $self->padding($padding);
}

sub hybrid_forward { my ($self, $F, $x) = @_; return $F->pad($x, mode => 'reflect', pad_width => $self->{padding}) }

no AI::MXNet::Gluon::Mouse;
__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('AI::MXNet::Gluon::NN');

1;

__END__

=head1 NAME

AI::MXNet::Gluon::NN::ConvLayers - convolution, pooling and padding

=head1 DESCRIPTION

Internal, a part of L<AI::MXNet::Gluon::NN>: the classes are interface, and documented there; this file may change.

=head1 SEE ALSO

L<AI::MXNet::Gluon::NN>

=cut
