package AI::MXNet::Gluon::ModelZoo;
# Known networks by their names. POD at the end.
use strict;
use warnings;
use AI::MXNet::Error;
use AI::MXNet::Gluon::ModelZoo::Vision;

my %models = (
    (map { my $v = $_; map { ("resnet${_}_v$v" => "resnet${_}_v$v") } 18, 34, 50, 101, 152 } 1, 2),
    (map { ("vgg$_" => "vgg$_", "vgg${_}_bn" => "vgg${_}_bn") } 11, 13, 16, 19),
    (map { ("densenet$_" => "densenet$_") } 121, 161, 169, 201),
    (map { my $name = s/[.]/_/r; ("mobilenet$_" => "mobilenet$name", "mobilenetv2_$_" => "mobilenet_v2_$name") } qw(1.0 0.75 0.5 0.25)),
    (map { ("squeezenet$_" => 'squeezenet' . s/[.]/_/r) } qw(1.0 1.1)),
    alexnet => 'alexnet', inceptionv3 => 'inception_v3',
);

# get_model is also a function that is exported.
sub import
{
    my ($class, @names) = @_;
    my $caller = caller;
    no strict 'refs';
    for my $name (@names) {
        AI::MXNet::Error::fail("AI::MXNet::Gluon::ModelZoo does not export $name, but get_model") if $name !~ /\A(?::all|get_model)\z/;
        *{"${caller}::get_model"} = \&get_model;
    }
    return;
}

sub vision {'AI::MXNet::Gluon::ModelZoo::Vision'}

sub get_model
{
    my @arguments = @_;
    shift @arguments if @arguments % 2 == 0;    # called as a class method
    my ($name, %options) = @arguments;
    my $method = $models{ lc($name // '') };
    AI::MXNet::Error::fail('Model ', $name // 'undef', " is not present in the zoo\nValid models are:\n", join "\n", sort keys %models) unless defined $method;
    return AI::MXNet::Gluon::ModelZoo::Vision->$method(%options);
}

1;
