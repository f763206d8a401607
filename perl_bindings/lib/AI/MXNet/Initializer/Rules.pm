package AI::MXNet::Initializer::Rules;
# The initializers. Documented in AI::MXNet::Initializer.
use strict;
use warnings;
use AI::MXNet::Base ();
use AI::MXNet::Random;
use AI::MXNet::RNN::Weights;

package AI::MXNet::Zero;
use AI::MXNet::Mouse;

extends 'AI::MXNet::Initializer';

sub _init_weight { my ($self, @rest) = @_; return $self->_init_zero(@rest) }

__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('Zeros');

package AI::MXNet::One;
use AI::MXNet::Mouse;

extends 'AI::MXNet::Initializer';

sub _init_weight { my ($self, @rest) = @_; return $self->_init_one(@rest) }

__PACKAGE__->meta->make_immutable;
__PACKAGE__->register('Ones');

package AI::MXNet::Constant;
use AI::MXNet::Mouse;

extends 'AI::MXNet::Initializer';

has value => (is => 'ro', isa => 'Num', required => 1);

sub python_constructor_arguments { return ['value'] }

sub _init_weight { my ($self, $name, $array) = @_; $array .= $self->value }

__PACKAGE__->meta->make_immutable;
__PACKAGE__->register;

package AI::MXNet::Uniform;
use AI::MXNet::Mouse;

extends 'AI::MXNet::Initializer';

has scale => (is => 'ro', isa => 'Num', default => 0.07);

sub python_constructor_arguments { return ['scale'] }

sub _init_weight { my ($self, $name, $array) = @_; AI::MXNet::Initializer::_draw($array, 'uniform', -$self->scale, $self->scale) }

__PACKAGE__->meta->make_immutable;
__PACKAGE__->register;

package AI::MXNet::Normal;
use AI::MXNet::Mouse;

extends 'AI::MXNet::Initializer';

has sigma => (is => 'ro', isa => 'Num', default => 0.01);

sub python_constructor_arguments { return ['sigma'] }

sub _init_weight { my ($self, $name, $array) = @_; AI::MXNet::Initializer::_draw($array, 'normal', 0, $self->sigma) }

__PACKAGE__->meta->make_immutable;
__PACKAGE__->register;

package AI::MXNet::Orthogonal;
use AI::MXNet::Mouse;
use Mouse::Util::TypeConstraints ();

extends 'AI::MXNet::Initializer';

has scale     => (is => 'ro', isa => 'Num', default => 1.414);
has rand_type => (is => 'ro', isa => Mouse::Util::TypeConstraints::enum([qw(uniform normal)]), default => 'uniform');

sub python_constructor_arguments { return [qw(scale rand_type)] }

# Q of a random matrix, its signs fixed: Mezzadri, How to generate random matrices from the classical compact groups
# (2007). Of rows and columns, the fewer ones are orthogonal.
sub _init_weight
{
    my ($self, $name, $array) = @_;
    my ($rows, @rest) = @{ $array->shape };
    my $columns = AI::MXNet::Base::product(@rest);
    my $tall = $rows > $columns;
    my $shape = $tall ? [$columns, $rows] : [$rows, $columns];
    my $random = $self->rand_type eq 'uniform' ? AI::MXNet::Random->uniform(-1, 1, shape => $shape) : AI::MXNet::Random->normal(0, 1, shape => $shape);
    my ($q, $l) = @{ AI::MXNet::NDArray->linalg_gelqf($random) };
    ($q, $l) = ($l, $q) if "@{ $q->shape }" ne "@$shape";
    $q = $q * $l->diag->sign->reshape([1, -1])->T;
    $q = $q->T if $tall;
    $array .= ($self->scale * $q)->reshape($array->shape)->astype($array->dtype);
}

__PACKAGE__->meta->make_immutable;
__PACKAGE__->register;

package AI::MXNet::Xavier;
use AI::MXNet::Mouse;
use Mouse::Util::TypeConstraints ();

extends 'AI::MXNet::Initializer';

has magnitude   => (is => 'rw', isa => 'Num', default => 3);
has rnd_type    => (is => 'ro', isa => Mouse::Util::TypeConstraints::enum([qw(uniform gaussian)]), default => 'uniform');
has factor_type => (is => 'ro', isa => Mouse::Util::TypeConstraints::enum([qw(avg in out)]), default => 'avg');

sub python_constructor_arguments { return [qw(rnd_type factor_type magnitude)] }

# Glorot and Bengio, Understanding the difficulty of training deep feedforward neural networks (2010).
sub _init_weight
{
    my ($self, $name, $array) = @_;
    my @shape = @{ $array->shape };
    AI::MXNet::Error::fail("Xavier initializer cannot be applied to vector \"$name\" of shape [@shape]. It requires at least 2D.") if @shape < 2;
    my $size = AI::MXNet::Base::product(@shape[2 .. $#shape]);
    my %fan = (in => $shape[1] * $size, out => $shape[0] * $size);
    $fan{avg} = ($fan{in} + $fan{out}) / 2;
    my $scale = sqrt($self->magnitude / $fan{ $self->factor_type });
    return AI::MXNet::Initializer::_draw($array, $self->rnd_type eq 'uniform' ? (uniform => -$scale, $scale) : (normal => 0, $scale));
}

__PACKAGE__->meta->make_immutable;
__PACKAGE__->register;

package AI::MXNet::MSRAPrelu;
use AI::MXNet::Mouse;

extends 'AI::MXNet::Xavier';

has '+rnd_type'    => (default => 'gaussian');
has '+factor_type' => (default => 'avg');
has slope          => (is => 'ro', isa => 'Num', default => 0.25);

sub python_constructor_arguments { return [qw(factor_type slope)] }

# He and others, Delving deep into rectifiers (2015).
sub BUILD { my ($self) = @_; $self->magnitude(2 / (1 + $self->slope**2)) }

__PACKAGE__->meta->make_immutable;
__PACKAGE__->register;

package AI::MXNet::Bilinear;
use AI::MXNet::Mouse;
use POSIX ();

extends 'AI::MXNet::Initializer';

# Long, Shelhamer and Darrell, Fully convolutional networks for semantic segmentation (2015).
sub _init_weight
{
    my ($self, $name, $array) = @_;
    my @shape = @{ $array->shape };
    AI::MXNet::Error::fail("Bilinear initializer takes the weight of a deconvolution, of 4 dimensions, but \"$name\" has shape [@shape]")
        if @shape != 4;
    my $factor = POSIX::ceil($shape[3] / 2);
    my $center = (2 * $factor - 1 - $factor % 2) / (2 * $factor);
    my ($y, $x) = map { my $size = $_; [map { 1 - abs($_ / $factor - $center) } 0 .. $size - 1] } @shape[2, 3];
    my $kernel = AI::MXNet::NDArray->array([map { my $row = $_; [map { $row * $_ } @$x] } @$y], dtype => $array->dtype);
    $array .= $kernel->broadcast_to(\@shape);
}

__PACKAGE__->meta->make_immutable;
__PACKAGE__->register;

package AI::MXNet::LSTMBias;
use AI::MXNet::Mouse;

extends 'AI::MXNet::Initializer';

has forget_bias => (is => 'ro', isa => 'Num', required => 1);

sub python_constructor_arguments { return ['forget_bias'] }

# the gates are input, forget, cell and output
sub _init_weight
{
    my ($self, $name, $array) = @_;
    my $hidden = $array->shape->[0] / 4;
    $array .= 0;
    my $forget = $array->_slice([$hidden, 2 * $hidden - 1]);
    $forget .= $self->forget_bias;
}

__PACKAGE__->meta->make_immutable;
__PACKAGE__->register;

package AI::MXNet::FusedRNN;
use AI::MXNet::Mouse;

extends 'AI::MXNet::Initializer';

has init          => (is => 'ro', isa => 'Str|AI::MXNet::Initializer', required => 1);
has num_hidden    => (is => 'ro', isa => 'Int',  required => 1);
has num_layers    => (is => 'ro', isa => 'Int',  required => 1);
has mode          => (is => 'ro', isa => 'Str',  required => 1);
has bidirectional => (is => 'ro', isa => 'Bool', default => 0);
has forget_bias   => (is => 'ro', isa => 'Num',  default => 1);

sub python_constructor_arguments { return [qw(init num_hidden num_layers mode bidirectional forget_bias)] }

sub _init_weight
{
    my ($self, $name, $array) = @_;
    my $init = ref $self->init ? $self->init : AI::MXNet::Initializer::_from_text($self->init);
    my $position = 0;
    for ($self->_parts($name, $array->size)) {
        my ($part_name, $shape) = @$_;
        my $size = AI::MXNet::Base::product(@$shape);
        my $part = $array->_slice([$position, $position + $size - 1])->reshape($shape);
        if ($self->mode eq 'lstm' and $part_name =~ /_f_bias\z/) { $part .= $self->forget_bias }
        else { $init->(AI::MXNet::InitDesc::->new(name => $part_name), $part) }
        $position += $size;
    }
    return;
}

# The names and shapes of what the vector of weights consists of.
sub _parts
{
    my ($self, $name, $size) = @_;
    my @form = (AI::MXNet::RNN::Weights::gates('FusedRNN', $self->mode), $self->num_hidden, $self->num_layers, $self->bidirectional ? qw(l r) : 'l');
    my $inputs = AI::MXNet::RNN::Weights::inputs($size, @form)
        // AI::MXNet::Error::fail("FusedRNN: the parameter $name of $size elements does not fit this network");
    return AI::MXNet::RNN::Weights::parts($inputs, @form);
}

__PACKAGE__->meta->make_immutable;
__PACKAGE__->register;

package AI::MXNet::Load;
use AI::MXNet::Mouse;

extends 'AI::MXNet::Initializer';

has param        => (is => 'rw', isa => 'Str|HashRef[AI::MXNet::NDArray]', required => 1);
has default_init => (is => 'rw', isa => 'Maybe[AI::MXNet::Initializer]');
has verbose      => (is => 'rw', isa => 'Int', default => 0);

sub python_constructor_arguments { return [qw(param default_init verbose)] }

sub BUILD
{
    my ($self) = @_;
    my $arrays = ref $self->param ? $self->param : AI::MXNet::NDArray->load($self->param);
    AI::MXNet::Error::fail('Load takes arrays with names, but those of ', $self->param, ' have none') unless ref $arrays eq 'HASH';
    $self->param({ map { s/\A(?:arg|aux)://r => $arrays->{$_} } keys %$arrays });
}

sub call
{
    my ($self, $name, $array) = @_;
    return $self->_load($name, $array) || $self->default_init->($name, $array);
}

sub _init_weight
{
    my ($self, $name, $array) = @_;
    return $self->_load($name, $array) || $self->default_init->_init_weight($name, $array);
}

# False if there is nothing to be loaded, but a default.
sub _load
{
    my ($self, $name, $array) = @_;
    my $loaded = $self->param->{$name};
    if (defined $loaded) {
        my ($expected, $got) = map { join ',', @{ $_->shape } } $array, $loaded;
        AI::MXNet::Error::fail("Parameter $name cannot be initialized from loading. Shape mismatch, target [$expected] vs loaded [$got]")
            if $expected ne $got;
        $array .= $loaded->astype($array->dtype);
    }
    elsif (not defined $self->default_init) {
        AI::MXNet::Error::fail("Cannot Initialize parameter $name. Not found in loaded param and no default Initializer is provided.");
    }
    AI::MXNet::Logging->info('Initialized %s by %s', $name, defined $loaded ? 'loading' : 'default') if $self->verbose;
    return defined $loaded;
}

__PACKAGE__->meta->make_immutable;

package AI::MXNet::Mixed;
use AI::MXNet::Mouse;

extends 'AI::MXNet::Initializer';

has patterns     => (is => 'ro', isa => 'ArrayRef[Str]', required => 1);
has initializers => (is => 'ro', isa => 'ArrayRef[AI::MXNet::Initializer]', required => 1);

sub python_constructor_arguments { return ['patterns', 'initializers'] }

sub BUILD
{
    my ($self) = @_;
    my ($patterns, $initializers) = map { scalar @$_ } $self->patterns, $self->initializers;
    AI::MXNet::Error::fail("Mixed takes as many patterns as initializers, but got $patterns and $initializers") if $patterns != $initializers;
}

sub call         { my ($self, $name, $array) = @_; return $self->_chosen($name)->($name, $array) }
sub _init_weight { my ($self, $name, $array) = @_; return $self->_chosen($name)->_init_weight($name, $array) }

sub _chosen
{
    my ($self, $name) = @_;
    for my $i (0 .. $#{ $self->patterns }) {
        return $self->initializers->[$i] if "$name" =~ /$self->{patterns}[$i]/;
    }
    AI::MXNet::Error::fail("Parameter name $name did not match any pattern. Consider add a \".*\" pattern at the and with default Initializer.");
}

__PACKAGE__->meta->make_immutable;

1;

__END__

=head1 NAME

AI::MXNet::Initializer::Rules - classes of initializers

=head1 DESCRIPTION

Internal, a part of L<AI::MXNet::Initializer>: the classes are interface, and documented there; this file may change.

=head1 SEE ALSO

L<AI::MXNet::Initializer>

=cut
