# The model zoo: structure and parameter names of the original, whose weights must load.
use strict;
use warnings;
use FindBin qw($Bin);
use Test::More;
use File::Temp qw(tempdir);
use JSON::PP ();
use AI::MXNet qw(mx nd);
use AI::MXNet::Gluon qw(gluon);
use AI::MXNet::Gluon::ModelZoo qw(get_model);

# recorded from MXNet 1.9.1: shape by path of attributes
open my $file, '<', "$Bin/../../tests/data/model_zoo.json" or die "tests/data/model_zoo.json: $!";
my $recorded = JSON::PP->new->decode(do { local $/; readline $file });

for my $name (sort keys %$recorded) {
    subtest $name => sub {
        my $net = get_model($name, classes => 10);
        $net->initialize;
        my $size = $name =~ /inception/ ? 299 : 224;
        $net->infer_shape(nd->zeros([1, 3, $size, $size]));
        my $parameters = $net->_by_path('');
        my %shapes = map { $_ => join 'x', @{ $parameters->get($_)->shape } } $parameters->keys;
        is_deeply \%shapes, $recorded->{$name}, 'the parameters have the paths and shapes of the original';
    };
}

subtest 'weights from a file' => sub {
    my $folder = tempdir(CLEANUP => 1);
    like eval { get_model('squeezenet1.1', pretrained => 1, root => $folder); 1 } // $@, qr/squeezenet1\.1-33ba0f93\.params.*\Q$folder\E/, 'a missing one is named';
    my $net = get_model('squeezenet1.1', classes => 3);
    $net->initialize(mx->init->Xavier);
    my $x = nd->random->uniform(shape => [1, 3, 64, 64]);
    my $y = eval { $net->features->($x) };
    $net->infer_shape(nd->zeros([1, 3, 224, 224]));
    $_->_finish_deferred_init for grep { $_->_deferred_init } $net->collect_params->values;
    $net->save_parameters("$folder/squeezenet1.1.params");
    my $again = get_model('squeezenet1.1', classes => 3, pretrained => 1, root => $folder);
    is +($again->features->($x) - $net->features->($x))->abs->max->asscalar, 0, 'are loaded';
};

subtest 'ways to ask for a network' => sub {
    isa_ok gluon->model_zoo->vision->resnet18_v1(classes => 2, thumbnail => 1), 'AI::MXNet::Gluon::ModelZoo::Vision::ResNet::V1';
    isa_ok +AI::MXNet::Gluon::ModelZoo->get_model('vgg11_bn', classes => 2), 'AI::MXNet::Gluon::ModelZoo::Vision::VGG';
    like eval { get_model('resnet19_v1'); 1 } // $@, qr/\AModel resnet19_v1 is not present in the zoo\nValid models are:\nalexnet\n/, 'an unknown one';
    my $net = gluon->model_zoo->vision->resnet18_v2(classes => 4, thumbnail => 1);
    $net->initialize;
    $net->hybridize;
    is_deeply $net->(nd->ones([2, 3, 32, 32]))->shape, [2, 4], 'and it computes';
};

done_testing;
