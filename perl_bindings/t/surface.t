# The interface of AI::MXNet 1.6, name by name: tests/data/perl_surface.json lists it, and the table below what is not to
# come. It fails where a name is missing that the table does not have, and where the table has a name that is there.
use strict;
use warnings;
use FindBin qw($Bin);
use JSON::PP ();
use Test::More;
use AI::MXNet qw(mx);
use AI::MXNet::Base ();
use AI::MXNet::Gluon qw(gluon);
use AI::MXNet::Types ();

# what scripts had to ask for in the original, too
use AI::MXNet::Gluon::Contrib ();
use AI::MXNet::Gluon::ModelZoo ();
use AI::MXNet::TestUtils ();

# Never to come: how the original was made inside.
my @INSIDE = (
    # the store is no object of a C library, and each kind of module has its own symbol
    map({"AI::MXNet::$_"} qw(KVStore(handle) KVStoreServer(handle) KVStoreServer(init_logging) Module::Base(symbol))),
    # there is no GPU to run kernels on
    map({"AI::MXNet::$_"} qw(CudaKernel CudaModule->get_kernel)),
    map({"AI::MXNet::CudaModule($_)"} qw(exports handle options source), 'source options exports'),
    # a layer of this kind is not a special case of that kind
    map({"AI::MXNet::Gluon::$_"} 'Constant isa AI::MXNet::Initializer', map { my $d = $_; map {"NN::$_"} (
        "AvgPool${d}D isa AI::MXNet::Gluon::NN::MaxPool${d}D", "GlobalAvgPool${d}D isa AI::MXNet::Gluon::NN::AvgPool${d}D",
        "GlobalMaxPool${d}D isa AI::MXNet::Gluon::NN::MaxPool${d}D") } 1 .. 3),
    # the class says it, not an argument
    map({"AI::MXNet::Gluon::NN::$_"} map { ("$_(adj)", "$_(op_name)") } 'Conv', map {"Conv${_}DTranspose"} 1 .. 3),
    map({"AI::MXNet::Gluon::NN::$_(global_pool)"} 'Pooling', map { ("GlobalAvgPool${_}D", "GlobalMaxPool${_}D") } 1 .. 3),
    map({"AI::MXNet::Gluon::RNN::$_(mode)"} qw(GRU LSTM Layer RNN)),
    'AI::MXNet::Gluon::RNN::Layer(hidden_size num_layers layout dropout bidirectional input_size i2h_weight_initializer h2h_weight_initializer'
        . ' i2h_bias_initializer h2h_bias_initializer mode projection_size h2r_weight_initializer lstm_state_clip_min lstm_state_clip_max'
        . ' lstm_state_clip_nan)',
    # counts and caches, set by nobody
    map({"AI::MXNet::$_"} qw(Adam(kwargs) Executor(grad_req) Executor(group2ctx) Gluon::BlockScope(block) LBSGD(beta2) LBSGD(epsilon) SGD(kwargs))),
    map({ my $cell = $_; map {"AI::MXNet::Gluon::RNN::$cell($_)"} qw(counter init_counter) } qw(HybridRecurrentCell SequentialRNNCell)),
    map({"AI::MXNet::NDArrayIter($_)"} qw(cursor data_list num_data num_source)),
    # they call symbols as functions, which Perl cannot give them; and one failed at every call
    map({ ("nd->$_", "sym->$_") } qw(_cond _foreach _imdecode _while_loop)),
    # a method of another class in the same line
    qw(AI::MXNet::Gluon::RNN::SequentialRNNCell->hybrid_forward AI::MXNet::NDArray::Base->stype),
);

my %gap = map { $_ => 1 } @INSIDE;
my %seen;

# Tests that just those of the names are there that should be.
sub check
{
    my ($what, $is_there, @names) = @_;
    my %there = map { $_ => $is_there->($_) ? 1 : 0 } @names;
    $seen{$_} = 1 for @names;
    is(join("\n", grep { not $there{$_} and not $gap{$_} } @names), '', "all $what, but for the gaps");
    is(join("\n", grep { $there{$_} and $gap{$_} } @names),         '', "the gaps among the $what");
    return;
}

sub contents
{
    my ($name) = @_;
    open my $file, '<', "$Bin/../../tests/data/$name" or die "tests/data/$name: $!";
    return JSON::PP::decode_json(do { local $/; readline $file });
}

my $surface = contents('perl_surface.json');
gluon->$_ for qw(data loss nn rnn utils);
gluon->data->vision;

check('accessors', sub { AI::MXNet->can($_[0] =~ s/.*>//r) }, map {"mx->$_"} @{ $surface->{accessors} });

# Whether a package is there once somebody calls a method of it.
sub is_package
{
    my ($package) = @_;
    $package->can('new');
    no strict 'refs';
    return scalar grep { defined &{"${package}::$_"} } keys %{"${package}::"};
}

my $packages = $surface->{packages};
check('packages', \&is_package, sort keys %$packages);

my @present = grep { not $gap{$_} } sort keys %$packages;
my %facts;
for my $package (@present) {
    my $facts = $packages->{$package};
    push @{ $facts{bases} },      "$package isa $facts->{isa}" if $facts->{isa};
    push @{ $facts{methods} },    map {"$package->$_"} @{ $facts->{methods} // [] };
    push @{ $facts{functions} },  map {"${package}::$_"} @{ $facts->{functions} // [] };
    push @{ $facts{attributes} }, map {"$package($_)"} @{ $facts->{attributes} // [] };
    push @{ $facts{positions} },  "$package(@{ $facts->{positional} })" if $facts->{positional};
}

# A class that is none of Mouse's has at least a method for each.
sub is_attribute
{
    my ($class, $name) = $_[0] =~ /(.*)\((.*)\)/;
    return $class->can($name) unless $class->can('meta');
    return scalar grep { ($_->init_arg // '') eq $name } $class->meta->get_all_attributes;
}

check('base classes', sub { my ($class, $base) = split / isa /, $_[0]; $class->isa($base) }, @{ $facts{bases} });
check('methods', sub { my ($class, $method) = split /->/, $_[0]; $class->can($method) }, @{ $facts{methods} });
check('functions', sub { no strict 'refs'; defined &{ $_[0] } }, @{ $facts{functions} });
check('attributes', \&is_attribute, @{ $facts{attributes} });
check('positional arguments', sub {
    my ($class, $order) = $_[0] =~ /(.*)\((.*)\)/;
    return $class->can('python_constructor_arguments') && join(' ', @{ $class->python_constructor_arguments }) eq $order;
}, @{ $facts{positions} });
check('constructors', sub { my ($class, $name) = split /->/, $_[0]; $class->can($name) },
    map { my $package = $_; map {"$package->$_"} @{ $surface->{constructors}{$package} } } sort keys %{ $surface->{constructors} });

check('packages that can be imported under a name', sub {
    my ($package) = $_[0] =~ /"(.*)"/;
    my ($file, $name) = ($package =~ s{::}{/}gr . '.pm', lc $package =~ s/\W//gr);
    return 0 unless eval { require $file };
    $package->import($name);
    my $function = main->can($name) or return 0;
    return $function->() eq $package;
}, map {"use \"$_\""} grep { not $gap{$_} } @{ $surface->{importers} });

for my $from (qw(Base TestUtils)) {
    my $package = "AI::MXNet::$from";
    no strict 'refs';
    my %exported = map { $_ => 1 } @{"${package}::EXPORT"}, @{"${package}::EXPORT_OK"};
    check("what $from exports", sub { $exported{ $_[0] } && $package->can($_[0]) }, @{ $surface->{ lc $from } });
}
check('types', sub { AI::MXNet::Types::find_type_constraint($_[0]) }, @{ $surface->{types} });
check('modules', sub { my $file = $_[0]; eval { require $file } }, @{ $surface->{modules} });

# Operators of the NumPy dialect have methods in another namespace.
my $operators = contents('mxnet_operator_names.json')->{operators};
my @operators = grep { !/\A_np/ } sort map { ($_, @{ $operators->{$_} }) } keys %$operators;
for my $namespace (qw(nd sym)) {
    my $package = mx->$namespace;
    check("operators of $namespace", sub { $package->can($_[0] =~ s/.*>//r) }, map {"$namespace->$_"} @operators);
}

is_deeply([grep { not $seen{$_} } sort keys %gap], [], 'what is called missing is a part of the interface');

done_testing;
