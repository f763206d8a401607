package AI::MXNet::OnDemand;
# Classes that every one of our modules offers, whose own modules are loaded when one of their methods is called.
#
# Until then such a class inherits from this one, whose methods load the module and go on with the method that was
# meant. `can` and `isa` do so too, so that Mouse's `extends` finds the real class. Then it is taken out of their @ISA,
# where `extends` has not done so before.
use strict;
use warnings;

my %networks = (
    'ModelStore'         => ['ModelStore'],
    'Vision/Inception'   => ['Vision::Inception::V3'],
    'Vision/MobileNet'   => [map {"Vision::$_"} qw(MobileNet MobileNetV2 MobileNet::RELU6 MobileNet::LinearBottleneck)],
    'Vision/ResNet'      => [map {"Vision::ResNet::$_"} qw(V1 V2 BasicBlockV1 BasicBlockV2 BottleneckV1 BottleneckV2)],
    (map { ("Vision/$_" => ["Vision::$_"]) } qw(AlexNet DenseNet SqueezeNet VGG)),
);
my %classes = (
    'AI/MXNet/Optimizer.pm'   => [qw(Optimizer Updater SGD NAG Signum SGLD DCASGD LBSGD FTML Adam AdaGrad RMSProp AdaDelta Ftrl Adamax Nadam Test)],
    'AI/MXNet/LRScheduler.pm' => [qw(LRScheduler FactorScheduler MultiFactorScheduler)],
    'AI/MXNet/Initializer.pm' => [qw(Initializer InitDesc Load Mixed Zero One Constant Uniform Normal Orthogonal Xavier MSRAPrelu Bilinear LSTMBias FusedRNN)],
    'AI/MXNet/IO.pm'          => [qw(IO DataDesc DataBatch DataIter NDArrayIter ResizeIter PrefetchingIter MXDataIter)],
    'AI/MXNet/Callback.pm'    => [qw(Callback Speedometer ProgressBar LogValidationMetricsCallback)],
    'AI/MXNet/Monitor.pm'     => [qw(Monitor)],
    'AI/MXNet/Image/Iter.pm'  => [qw(ImageIter)],
    (map { ("AI/MXNet/Gluon/$_.pm" => ["Gluon::$_"]) } qw(Block HybridBlock Parameter ParameterDict SymbolBlock Trainer Utils)),
    'AI/MXNet/Gluon/NN.pm'   => [map {"Gluon::NN::$_"} qw(
        Sequential HybridSequential Dense Dropout BatchNorm InstanceNorm LayerNorm GroupNorm Embedding Flatten Lambda HybridLambda
        Activation LeakyReLU PReLU ELU SELU GELU Swish Conv Pooling ReflectionPad2D),
        map { ("Conv${_}D", "Conv${_}DTranspose", "MaxPool${_}D", "AvgPool${_}D", "GlobalMaxPool${_}D", "GlobalAvgPool${_}D") } 1 .. 3],
    'AI/MXNet/Gluon/RNN.pm'  => [map {"Gluon::RNN::$_"} qw(
        RecurrentCell HybridRecurrentCell RNNCell LSTMCell GRUCell SequentialRNNCell DropoutCell ModifierCell ZoneoutCell ResidualCell
        BidirectionalCell Layer RNN LSTM GRU)],
    'AI/MXNet/Gluon/Loss.pm' => ['Gluon::Loss', map {"Gluon::${_}Loss"} qw(
        L2 L1 SigmoidBinaryCrossEntropy SoftmaxCrossEntropy KLDiv CTC Huber Hinge SquaredHinge Logistic Triplet PoissonNLL CosineEmbedding)],
    'AI/MXNet/Gluon/Contrib.pm' => [map {"Gluon::NN::$_"} qw(Concurrent HybridConcurrent Identity SparseEmbedding)],
    'AI/MXNet/Symbol/NameManager.pm' => [qw(Symbol::NameManager Symbol::Prefix)],
    'AI/MXNet/RecordIO.pm'    => [qw(RecordIO IndexedRecordIO IRHeader)],
    'AI/MXNet/Gluon/Data/Set.pm'     => [map {"Gluon::Data::$_"} qw(Set SimpleDataset ArrayDataset RecordFileSet)],
    'AI/MXNet/Gluon/Data/Sampler.pm' => [map {"Gluon::Data::$_"} qw(Sampler Sampler::SequentialSampler Sampler::RandomSampler Sampler::BatchSampler)],
    'AI/MXNet/Gluon/Data/Loader.pm'  => ['Gluon::Data::Loader::DataLoader'],
    'AI/MXNet/Gluon/Data/Vision.pm'  => [map {"Gluon::Data::Vision::$_"} qw(
        DownloadedDataSet DownloadedDataSet::MNIST DownloadedDataSet::FashionMNIST DownloadedDataSet::CIFAR10
        RecordFileSet::ImageRecordDataset Set::ImageFolderDataset)],
    'AI/MXNet/Metric.pm' => [qw(
        Metric EvalMetric CompositeEvalMetric CustomMetric Accuracy TopKAccuracy F1 MCC Perplexity MAE MSE RMSE
        CrossEntropy NegativeLogLikelihood ConfusionMatrix AUC PearsonCorrelation Loss Confidence)],
    'AI/MXNet/Symbol.pm'           => ['Symbol'],
    'AI/MXNet/Operator.pm'         => [qw(Operator CustomOp CustomOpProp)],
    'AI/MXNet/Module/Base.pm'      => [qw(Module::Base BatchEndParam)],
    'AI/MXNet/Executor/Group.pm'   => ['DataParallelExecutorGroup'],
    'AI/MXNet/RNN.pm'              => ['RNN', map {"RNN::$_"} qw(
        Params Cell::Base Cell LSTMCell GRUCell ConvCell::Base ConvCell ConvLSTMCell ConvGRUCell FusedCell SequentialCell
        BidirectionalCell ModifierCell DropoutCell ZoneoutCell ResidualCell)],
    'AI/MXNet/RNN/IO.pm'           => [qw(RNN::IO BucketSentenceIter)],
    'AI/MXNet/Visualization.pm'    => [qw(Visualization Visualization::PythonGraphviz)],
    'AI/MXNet/NDArray/Sparse.pm'   => [map {"NDArray::$_"} qw(Sparse CSR RowSparse)],
    (map { ("AI/MXNet/$_.pm" => [s{/}{::}gr]) } qw(
        CachedOp CudaModule Executor Gluon/Constant KVStore KVStoreServer Module Module/Bucketing NDArray/Doc Profiler RunTime Symbol/AttrScope Symbol/Doc)),
    (map { my $file = $_; ("AI/MXNet/Gluon/ModelZoo/$file.pm" => [map {"Gluon::ModelZoo::$_"} @{ $networks{$file} }]) } keys %networks),
);
my %module;

for my $module (keys %classes) {
    for my $class (map {"AI::MXNet::$_"} @{ $classes{$module} }) {
        no strict 'refs';
        my $parents = \@{"${class}::ISA"};    # from here on Perl knows the package
        next if $INC{$module} or @$parents;   # a script may begin with any module, which may be defining the class
        $module{$class} = $module;
        @$parents = (__PACKAGE__);
    }
}

# Loads the module that $class waits for; false if there is none.
sub _load
{
    my ($class) = @_;
    AI::MXNet::NS::load('mro.pm');
    my ($unloaded) = grep { $module{$_} } @{ mro::get_linear_isa($class) };
    return 0 unless defined $unloaded;
    my $module = $module{$unloaded};
    AI::MXNet::NS::load($module);
    AI::MXNet::NS::load('AI/MXNet/Types.pm') if $INC{'Mouse.pm'};
    for my $loaded (map {"AI::MXNet::$_"} @{ $classes{$module} }) {
        no strict 'refs';
        @{"${loaded}::ISA"} = grep { $_ ne __PACKAGE__ } @{"${loaded}::ISA"};
        delete $module{$loaded};
    }
    return 1;
}

sub can { my ($class, $method) = @_; return _load($class) ? $class->can($method) : UNIVERSAL::can($class, $method) }
sub isa { my ($class, $other)  = @_; return _load($class) ? $class->isa($other)  : UNIVERSAL::isa($class, $other) }

# Of an object whose module was loaded by itself.
sub DESTROY
{
    my ($self) = @_;
    _load(ref $self);
    my $code = $self->can('DESTROY');
    return if not defined $code or $code == \&DESTROY;    # at the end of the program there may be nothing left to load
    return $self->$code;
}

our $AUTOLOAD;

sub AUTOLOAD
{
    my ($class) = @_;
    my $method = $AUTOLOAD =~ s/.*:://r;
    _load($class);
    my $code = $class->can($method)
        // AI::MXNet::Operators::refuse($method, $class);
    goto &$code;
}

1;

__END__

=head1 NAME

AI::MXNet::OnDemand - classes whose modules are loaded at their first use

=head1 DESCRIPTION

Internal, and no part of the interface: it may change with any release. Loading any module makes optimizers, schedulers,
initializers and metrics available, as C<< AI::MXNet::SGD->new >> or as base of a class of the script, without the time
that loading them takes.

=head1 SEE ALSO

L<AI::MXNet>

=cut
