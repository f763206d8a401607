package AI::MXNet::NS;
# Short names: `use AI::MXNet qw(mx)` and its kin give the caller names for packages, and packages have constructors
# named like classes: nn->Dense(10). And modules loaded late.
use strict;
use warnings;
use AI::MXNet::Engine::Process;
use AI::MXNet::OnDemand;

# Short names that stand for a package of their own, whatever package is asked for them.
my %packages = (
    mx       => 'AI::MXNet',
    nd       => 'AI::MXNet::NDArray',
    sym      => 'AI::MXNet::Symbol',
    autograd => 'AI::MXNet::AutoGrad',
    gluon    => 'AI::MXNet::Gluon',
    nn       => 'AI::MXNet::Gluon::NN',
    rnn      => 'AI::MXNet::Gluon::RNN',
);

# Packages of which a single imported name becomes an alias, so that `mx::nd()` and `$mx::Context` work, in every
# file of the program.
my %global = map { $_ => 1 } qw(AI::MXNet AI::MXNet::AutoGrad AI::MXNet::Gluon AI::MXNet::Gluon::NN AI::MXNet::Gluon::RNN);

# Gives $caller a function for each name, that returns the package the name stands for.
sub install
{
    my ($class, $caller, @names) = @_;
    my @clean = grep { length and !/\A:/ } map { s/[^A-Za-z0-9_:]//gr } @names;
    for my $name (@clean) {
        my $package = @clean > 1 || $class eq 'AI::MXNet' ? $packages{$name} // $class : $class;
        load("$package.pm" =~ s{::}{/}gr) if $package ne $class;
        no strict 'refs';
        no warnings qw(redefine once);
        *{"${caller}::$name"} = sub () {$package};
        *{"${name}::"} = *{"${package}::"} if $global{$package} and $name eq $clean[0] and $package !~ /\A\Q$name\E\z/;
    }
    return;
}

# Gives $package a method $name, by default the last word of $class, that makes an object of that class. It lies in a
# parent of the package, because a sub AI::MXNet::Gluon::NN::Dense would hide the class of that name from scripts. A $file
# is loaded at the first call. Without arguments the method gives the class itself, if $bare.
sub register
{
    my ($class, $package, $name, $file, $bare) = @_;
    my $parent = "AI::MXNet::NS::Constructors::$package";
    ($name) = $class =~ /(\w+)\z/ unless defined $name;
    no strict 'refs';
    no warnings 'redefine';
    *{"${parent}::$name"} = sub {
        my ($called, @arguments) = @_;
        load($file) if $file;
        return $bare && !@arguments ? $class : construct($class, @arguments);
    };
    push @{"${package}::ISA"}, $parent unless grep { $_ eq $parent } @{"${package}::ISA"};
    return $class;
}

# A new object. An error of its attributes names the class.
sub construct
{
    my ($class, @arguments) = @_;
    no warnings 'once';
    local $AI::MXNet::Mouse::Attribute::MAKING = $class;
    return $class->new(@arguments);
}

# Gives $package a sub $name that makes an object of $class, by default the class of AI::MXNet of that name.
sub constructor
{
    my ($package, $name, $class) = @_;
    $class //= "AI::MXNet::$name";
    no strict 'refs';
    no warnings 'redefine';
    *{"${package}::$name"} = sub { my (undef, @arguments) = @_; return construct($class, @arguments) };
    return;
}

# Loads a module, by its file, where its first use comes late. No handler of a signal breaks that off: Perl refuses to
# load again what was loaded in part.
sub load
{
    my ($file) = @_;
    $INC{$file} or AI::MXNet::Engine::Process::undisturbed(sub { require $file });
    return;
}

1;

__END__

=head1 NAME

AI::MXNet::NS - short names for packages

=head1 DESCRIPTION

Internal, and no part of the interface: it may change with any release. What C<use AI::MXNet qw(mx nd)> and its kin do,
constructors such as C<< nn->Dense >>, and the loading of modules at their first use.

=head1 SEE ALSO

L<AI::MXNet/IMPORTS>

=cut
