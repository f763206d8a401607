package AI::MXNet::Initializer;
# First values of parameters: which rule applies to which parameter; the registry. POD at the end.
use strict;
use warnings;
use AI::MXNet::Mouse;
use Scalar::Util qw(blessed refaddr);
use AI::MXNet::Base ();
use AI::MXNet::Error;
use AI::MXNet::Logging;
use AI::MXNet::NDArray;
use AI::MXNet::NS;
use overload
    '&{}' => sub { my ($self) = @_; return sub { $self->call(@_) } },
    '""'  => sub { $_[0]->_as_json },
    fallback => 1;

has _verbose    => (is => 'rw', isa => 'Bool', default => 0);
has _print_func => (is => 'rw', isa => 'CodeRef', default => sub { \&_mean_size });

# for the classes that say what may be given by position
around BUILDARGS => \&AI::MXNet::Base::process_arguments;

sub import { my ($class, @names) = @_; return AI::MXNet::NS::install($class, scalar caller, @names) }

# -- the registry --------------------------------------------------------------------------------------------------

my %registry;

sub get_init_registry { return \%registry }

sub register
{
    my ($class, @names) = @_;
    my ($name) = $class =~ /(\w+)\z/;
    for my $name ($name, @names) {
        AI::MXNet::Logging->warning('New initializer %s is overriding existing initializer %s', $class, $registry{ lc $name })
            if exists $registry{ lc $name } and $registry{ lc $name } ne $class;
        $registry{ lc $name } = $class;
        AI::MXNet::NS::constructor(__PACKAGE__, $name, $class);
    }
    return $class;
}

AI::MXNet::NS::constructor(__PACKAGE__, $_) for qw(Load Mixed InitDesc);

# An initializer from its text: a name, or ["name",{"attribute":"value"}].
sub _from_text
{
    my ($text) = @_;
    my ($name, $attributes) = ($text, {});
    if ($text =~ /\A\s*\[/) {
        AI::MXNet::NS::load('JSON/PP.pm');
        my $content = eval { JSON::PP->new->decode($text) };
        AI::MXNet::Error::fail("an initializer as text is a name or [\"name\",{...}], but got $text")
            unless ref $content eq 'ARRAY' and defined $content->[0] and ref($content->[1] // {}) eq 'HASH';
        ($name, $attributes) = ($content->[0], $content->[1] // {});
    }
    my $class = $registry{ lc $name }
        // AI::MXNet::Error::fail("Cannot find initializer $name: there are ", join ', ', sort keys %registry);
    return $class->new(%$attributes);
}

sub _as_json
{
    my ($self) = @_;
    AI::MXNet::NS::load('JSON/PP.pm');
    my ($name) = lc(ref $self) =~ /(\w+)\z/;
    my %attributes = map { $_ => '' . $self->$_ }
        grep { !/\A_/ && defined $self->$_ && (not(ref $self->$_) || blessed $self->$_) } map { $_->name } $self->meta->get_all_attributes;
    return JSON::PP->new->canonical->encode([$name, \%attributes]);
}

# -- applying ------------------------------------------------------------------------------------------------------

sub set_verbosity
{
    my ($self, $verbose, $print_func) = @_;
    $self->_verbose($verbose // 0);
    $self->_print_func($print_func // \&_mean_size);
    return $self;
}

sub _mean_size { my ($array) = @_; return ($array->norm / sqrt $array->size)->asscalar }

# What a name ends in, and the rule for it.
my @rules = (
    [qr/weight\z/ => '_init_weight'],
    [qr/bias\z/   => '_init_bias'],
    [qr/gamma\z/  => '_init_gamma'],
    [qr/beta\z/   => '_init_beta'],
    [qr/min\z/    => '_init_zero'],
    [qr/max\z/    => '_init_one'],
);

# The same for names that are plain text, the older way.
my @legacy_rules = (
    [qr/\Aupsampling/               => '_init_bilinear'],
    [qr/\Astn_loc.*weight\z/        => '_init_zero'],
    [qr/\Astn_loc.*bias\z/          => '_init_loc_bias'],
    [qr/bias\z/                     => '_init_bias'],
    [qr/gamma\z/                    => '_init_gamma'],
    [qr/beta\z/                     => '_init_beta'],
    [qr/weight\z/                   => '_init_weight'],
    [qr/moving_mean\z/              => '_init_zero'],
    [qr/moving_var\z/               => '_init_one'],
    [qr/moving_inv_var\z/           => '_init_zero'],
    [qr/moving_avg\z/               => '_init_zero'],
    [qr/min\z/                      => '_init_zero'],
    [qr/max\z/                      => '_init_one'],
);

sub call
{
    my ($self, $desc, $array) = @_;
    AI::MXNet::Error::fail('an initializer takes an InitDesc, or a name, and an NDArray, but got ', $desc // 'undef', ' and ', $array // 'undef')
        unless defined $desc and blessed $array and $array->isa('AI::MXNet::NDArray');
    my ($rules, $initializer) = (\@rules, $self);
    if (not blessed $desc) {
        AI::MXNet::Logging->warning('Calling initializer with init($str, $NDArray) has been deprecated. '
            . 'please use init(mx->init->InitDesc(...), NDArray) instead.');
        $rules = \@legacy_rules;
    }
    elsif (my $own = $desc->attrs->{__init__}) {
        $initializer = blessed $own ? $own : _from_text($own);
        $rules = [[qr/\A/ => '_init_weight']];
    }
    for my $rule (@$rules) {
        my ($pattern, $method) = @$rule;
        next unless "$desc" =~ /$pattern/;
        $initializer->$method("$desc", $array);
        return unless $self->_verbose;
        my $how = refaddr $initializer == refaddr $self ? $method =~ s/\A_init_//r : $initializer;
        AI::MXNet::Logging->info('Initialized %s as %s: %s', $desc, $how, $self->_print_func->($array));
        return;
    }
    return $self->_init_default("$desc", $array);
}

sub _init_zero  { my ($self, $name, $array) = @_; $array .= 0 }
sub _init_one   { my ($self, $name, $array) = @_; $array .= 1 }
sub _init_bias  { my ($self, $name, $array) = @_; $array .= 0 }
sub _init_gamma { my ($self, $name, $array) = @_; $array .= 1 }
sub _init_beta  { my ($self, $name, $array) = @_; $array .= 0 }

sub _init_bilinear { my ($self, @rest) = @_; return AI::MXNet::Bilinear::->new->_init_weight(@rest) }

# of the transformer that changes nothing
sub _init_loc_bias
{
    my ($self, $name, $array) = @_;
    AI::MXNet::Error::fail("the parameter $name is to have shape [6], but has [@{ $array->shape }]") unless "@{ $array->shape }" eq '6';
    $array .= [1, 0, 0, 0, 1, 0];
}

sub _init_weight { AI::MXNet::Error::fail(ref $_[0], ' is an initializer without a method _init_weight($name, $array)') }

sub _init_default
{
    my ($self, $name) = @_;
    AI::MXNet::Error::fail("Unknown initialization pattern for $name. Default initialization is now limited to "
        . '"weight", "bias", "gamma" (1.0), and "beta" (0.0). Please use mx->sym->Variable(init => mx->init->*) to set initialization pattern');
}

# Draws into an array, in float32 if samplers do not know its type.
sub _draw
{
    my ($array, $distribution, @parameters) = @_;
    my $dtype = $array->dtype =~ /\Afloat/ ? $array->dtype : 'float32';
    $array .= AI::MXNet::Random->$distribution(@parameters, shape => $array->shape, dtype => $dtype, ctx => $array->context)->astype($array->dtype);
}

__PACKAGE__->meta->make_immutable;

package AI::MXNet::InitDesc;
use strict;
use warnings;
use AI::MXNet::Mouse;
use overload '""' => sub { $_[0]->name }, fallback => 1;

has name  => (is => 'ro', isa => 'Str', required => 1);
has attrs => (is => 'rw', isa => 'HashRef', default => sub { {} });

around BUILDARGS => \&AI::MXNet::Base::process_arguments;

sub python_constructor_arguments { return ['name', 'attrs'] }

__PACKAGE__->meta->make_immutable;

require AI::MXNet::Initializer::Rules;

1;

__END__

=head1 NAME

AI::MXNet::Initializer - first values of parameters

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd);

    my $weight = nd->zeros([10, 20]);
    my $xavier = mx->init->Xavier(magnitude => 2);
    $xavier->(mx->init->InitDesc('fc1_weight'), $weight);
    print "$xavier\n";    # ["xavier",{"factor_type":"avg","magnitude":"2","rnd_type":"uniform"}]

=head1 DESCRIPTION

An initializer is called with a description of a parameter and its array, which it fills. The description is a name, and
may have attributes. What the name ends in decides: C<weight> is filled by the class's rule, C<bias>, C<beta> and C<min>
with 0, C<gamma> and C<max> with 1; other names die. If the description has the attribute C<__init__>, an initializer or
its text, that one's rule is used, whatever the name.

C<mx-E<gt>init> and C<mx-E<gt>initializer> are this package; each class up to FusedRNN is also a method of it. Random
values come from L<AI::MXNet::Random>.

=head1 CLASSES

=head2 Zero, Zeros, One, Ones, Constant

    my $half = mx->init->Constant(0.5);

0, 1, or C<value>.

=head2 Uniform, Normal

    my $small = mx->init->Uniform(0.01);

Uniform in plus and minus C<scale> (0.07); normal with the standard deviation C<sigma> (0.01).

=head2 Orthogonal

A random matrix whose rows (or columns, if they are fewer) are orthogonal, times C<scale> (1.414), from values that are
C<uniform> or C<normal> (C<rand_type>). Saxe and others, Exact solutions to the nonlinear dynamics of learning (2013).

=head2 Xavier

C<rnd_type> C<uniform> in plus and minus s, or C<gaussian> with the standard deviation s, where s is
sqrt(C<magnitude> / fan), C<magnitude> 3, and fan is the number of inputs of a unit (C<factor_type> C<in>), of outputs
(C<out>), or their mean (C<avg>). Glorot and Bengio, Understanding the difficulty of training deep feedforward networks
(2010).

=head2 MSRAPrelu

Xavier with C<rnd_type> gaussian and magnitude 2 / (1 + C<slope>**2), C<slope> 0.25. He and others, Delving deep into
rectifiers (2015).

=head2 Bilinear

The weight of a deconvolution that enlarges an image, [channels, 1, height, width].

=head2 LSTMBias

    my $bias = nd->zeros([8]);
    my $text = mx->init->LSTMBias(1) . '';
    mx->init->Zero->(mx->init->InitDesc('lstm_bias', attrs => { __init__ => $text }), $bias);
    print $bias->aspdl, "\n";    # [0 0 1 1 0 0 0 0]

C<forget_bias> in the second quarter of a vector, and 0 elsewhere.

=head2 FusedRNN

    my $init = mx->init->FusedRNN(init => mx->init->Xavier, num_hidden => 4, num_layers => 2, mode => 'lstm');

The parameter vector of the operator C<RNN>: C<init>, an initializer or its text, for the matrices of each gate, and
C<forget_bias> (1) for the forget gates of an LSTM. C<mode> is C<rnn_relu>, C<rnn_tanh>, C<lstm> or C<gru>;
C<bidirectional> 0.

=head2 Load

    my $load = AI::MXNet::Load->new(param => { 'arg:fc1_weight' => nd->ones([10, 20]) }, default_init => $xavier);
    $load->('fc1_weight', $weight);

Values of C<param>, a hash ref of arrays or a file of them, by name, without C<arg:> or C<aux:>, else C<default_init>. C<verbose> (0) reports.

=head2 Mixed

    my $mixed = mx->init->Mixed(patterns => ['bias', '.*'], initializers => [mx->init->Zero, $xavier]);
    $mixed->(mx->init->InitDesc('fc1_weight'), $weight);

The initializer at the first pattern, a regular expression, that matches the name.

=head1 METHODS

=head2 call

    $xavier->call(mx->init->InitDesc('fc2_weight'), $weight);    # also: $xavier->(...)

Fills the array. A plain string instead of a description warns, and knows some more names: those that begin with
C<upsampling> or C<stn_loc>, and the moving averages of BatchNorm.

=head2 InitDesc

A description: a name, which it also is as a string, and C<attrs>, a hash ref.

=head2 set_verbosity

    $xavier->set_verbosity(1, sub { my ($array) = @_; return $array->mean->asscalar });

Whether to report each parameter through L<AI::MXNet::Logging>, and what of it: its norm over the root of its size, if not
said. Returns the initializer.

=head2 register, get_init_registry

    package Halves {
        use Mouse;
        extends 'AI::MXNet::Initializer';
        sub _init_weight { my ($self, $name, $array) = @_; $array .= 0.5 }
        __PACKAGE__->register;
    }
    mx->init->Halves->(mx->init->InitDesc('fc1_weight'), $weight);

An initializer of one's own has a method C<_init_weight>; C<_init_bias> and so on may be replaced as well. C<register>
makes it known by the last word of its class, and by further names. C<get_init_registry> is a hash ref of all, in lower
case.

=head1 ERRORS

What does not fit dies with an L<AI::MXNet::Error>, attributes of a wrong type with Mouse's message.

=head1 SEE ALSO

L<AI::MXNet::Random>

=cut
