package AI::MXNet::Gluon::Data::Loader::Draws;
# Random numbers of a sample's own, whichever process makes it: those of Perl's rand, of PDL, and of the engine.
use strict;
use warnings;
use Digest::MD5 ();
use PDL::Primitive ();
use AI::MXNet::Engine;

my $seed;    # of the sample that is being made

# A seed from two numbers.
sub derive { my ($base, $number) = @_; return unpack 'N', Digest::MD5::md5(pack 'd2', $base, $number) }

sub begin
{
    ($seed) = @_;
    CORE::srand($seed);
    PDL::srand($seed);
    _tell($seed) if AI::MXNet::Engine::is_ours();
    return;
}

sub _tell { my ($number) = @_; AI::MXNet::Engine->send(['aside', $number]); return }

# In a forked child: an engine that starts in the midst of a sample draws from that sample's numbers.
sub follow { $AI::MXNet::Engine::BORN = sub { _tell($seed) if defined $seed }; return }

# What the code returns in scalar context. The program's own random numbers go on as if it had not drawn any.
sub aside
{
    my ($code) = @_;
    my ($perl, $pdl) = (int CORE::rand 2**32, int PDL->random(1)->sclr * 2**32);
    my $result;
    my $done = eval { $result = $code->(); 1 };
    my $error = $@;
    CORE::srand($perl);
    PDL::srand($pdl);
    _tell(undef);
    die $error unless $done;
    return $result;
}

1;

__END__

=head1 NAME

AI::MXNet::Gluon::Data::Loader::Draws - random numbers of single samples

=head1 DESCRIPTION

Internal, and no part of the interface: it may change with any release. Seeds the random numbers of a sample by what it is,
so that they do not depend on the process that makes it.

=head1 SEE ALSO

L<AI::MXNet::Gluon::Data::Loader>

=cut
