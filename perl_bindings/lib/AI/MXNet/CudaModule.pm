package AI::MXNet::CudaModule;
# Kernels for GPUs, which this engine cannot run. POD at the end.
use strict;
use warnings;
use AI::MXNet::Error;

sub new
{
    AI::MXNet::Error::fail('MXNetError: CudaModule compiles code for a GPU, but the engine computes on the CPU alone: '
        . 'write the computation with operators, or its gradient with AI::MXNet::AutoGrad::Function');
}

1;

__END__

=head1 NAME

AI::MXNet::CudaModule - kernels for GPUs, which there are none of

=head1 SYNOPSIS

    use AI::MXNet qw(mx);

    eval { mx->CudaModule('extern "C" __global__ void f() {}') };
    print $@;    # MXNetError: CudaModule compiles code for a GPU, but the engine computes on the CPU alone ...

=head1 DESCRIPTION

In AI::MXNet it compiles kernels in CUDA C. Here it dies and says so.

=head1 METHODS

=head2 new

Dies.

=head1 SEE ALSO

L<AI::MXNet::AutoGrad::Function>

=cut
