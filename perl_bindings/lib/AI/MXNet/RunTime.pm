package AI::MXNet::RunTime;
# What the engine can do, in MXNet's words. POD at the end.
use strict;
use warnings;
use AI::MXNet::Mouse;
use AI::MXNet::Error;
use AI::MXNet::NS;
use overload '""' => sub { $_[0]->_describe }, fallback => 1;

has features => (is => 'ro', isa => 'HashRef[Bool]', default => sub { _found() });

sub import { my ($class, @names) = @_; return AI::MXNet::NS::install($class, scalar caller, @names) }

my $features;

sub Features { my ($class) = @_; return $features //= $class->new }

my @NAMES = qw(
    BLAS_APPLE BLAS_ATLAS BLAS_MKL BLAS_OPEN CAFFE CPU_AVX CPU_AVX2 CPU_SSE CPU_SSE2 CPU_SSE3 CPU_SSE4A CPU_SSE4_1 CPU_SSE4_2 CUDA CUDA_RTC CUDNN
    CXX14 DEBUG DIST_KVSTORE F16C INT64_TENSOR_SIZE JEMALLOC LAPACK MKLDNN NCCL OPENCV OPENMP PROFILER SIGNAL_HANDLER SSE TENSORRT TVM_OP);

# what NumPy tells of its BLAS and of the processor
my %blas = (BLAS_OPEN => qr/openblas/, BLAS_MKL => qr/mkl/, BLAS_ATLAS => qr/atlas/, BLAS_APPLE => qr/accelerate/);
my @SSE  = qw(SSE CPU_SSE CPU_SSE2 CPU_SSE3 CPU_SSE4_1 CPU_SSE4_2);
my %simd = (
    X86_V2 => \@SSE, X86_V3 => [qw(CPU_AVX CPU_AVX2 F16C)], SSE => [qw(SSE CPU_SSE)], SSE2 => ['CPU_SSE2'], SSE3 => ['CPU_SSE3'],
    SSE41 => ['CPU_SSE4_1'], SSE42 => ['CPU_SSE4_2'], AVX => ['CPU_AVX'], AVX2 => ['CPU_AVX2'], F16C => ['F16C'],
);

sub _found
{
    AI::MXNet::NS::load('AI/MXNet/Doctor.pm');
    AI::MXNet::Doctor::_engine(\my %seen);
    my $about = $seen{about} // AI::MXNet::Error->throw(kind => 'engine', message => 'The engine does not say what it can do');
    my %enabled = map { $_ => 0 } @NAMES;
    $enabled{$_} = 1 for qw(LAPACK PROFILER INT64_TENSOR_SIZE);
    $enabled{OPENCV} = 1 if $about->{pillow};
    my $blas = lc join ' ', @{ $about->{blas} // [] };
    $enabled{$_} = $blas =~ $blas{$_} ? 1 : 0 for keys %blas;
    for my $found (map { split ' ' } @{ $about->{simd} // [] }) { $enabled{$_} = 1 for @{ $simd{$found} // [] } }
    return \%enabled;
}

sub is_enabled
{
    my ($self, $feature) = @_;
    return $self->features->{$feature} // AI::MXNet::Error::fail("Feature $feature does not exist");
}

sub _describe
{
    my ($self) = @_;
    my $features = $self->features;
    return '[' . join(', ', map { ($features->{$_} ? "\x{2714}" : "\x{2716}") . " $_" } sort keys %$features) . ']';
}

__PACKAGE__->meta->make_immutable;

1;

__END__

=head1 NAME

AI::MXNet::RunTime - what the engine can do, in MXNet's words

=head1 SYNOPSIS

    use AI::MXNet qw(mx);

    my $features = mx->runtime->Features;
    print $features->is_enabled('OPENCV') ? "image files can be read\n" : "install Pillow\n";

=head1 DESCRIPTION

MXNet can be built with and without parts of it, and tells which by names. Here C<OPENCV> says whether image files can be
read, C<BLAS_OPEN> and its kin which library multiplies matrices, C<CPU_AVX2> and its kin what NumPy uses of the processor.
What is about GPUs and other libraries is not enabled.

=head1 FUNCTIONS

=head2 Features

The one object of this class. As a string it lists all features with signs for yes and no, which are wide characters.

=head1 METHODS

=head2 is_enabled

1 or 0; dies for a name that does not exist.

=head2 features

    print join(' ', grep { $features->features->{$_} } sort keys %{ $features->features }), "\n";

A hash ref, 1 or 0 by name.

=head1 SEE ALSO

L<AI::MXNet::Doctor>, which examines an installation

=cut
