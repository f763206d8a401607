package AI::MXNet::Gluon::Utils;
# Helpers for training: splitting batches, clipping gradients, fetching files. POD at the end.
use strict;
use warnings;
use AI::MXNet ();
use Exporter ();
use Scalar::Util ();
use AI::MXNet::Error;
use AI::MXNet::Logging;
use AI::MXNet::NDArray;
use AI::MXNet::NS;

our @EXPORT_OK = qw(download check_sha1);

sub import { goto &Exporter::import }

# Called as a class method, too.
sub _arguments { my @arguments = @_; shift @arguments if defined $arguments[0] and not ref $arguments[0] and $arguments[0] eq __PACKAGE__; return @arguments }

sub split_data
{
    my ($class, $data, $parts, @options) = @_;
    my $axis = @options % 2 ? shift @options : 0;
    my %options = (batch_axis => $axis, even_split => 1, @options);
    $data = $data->sever if Scalar::Util::blessed($data) and $data->isa('AI::MXNet::NDArray::Slice');
    AI::MXNet::Error::expect('split_data takes an NDArray', 'AI::MXNet::NDArray', $data);
    AI::MXNet::Error::fail('split_data: the number of slices is an integer from 1, but got ', $parts // 'undef')
        unless ($parts // '') =~ /\A[1-9][0-9]*\z/;
    ($axis, my $even) = @options{qw(batch_axis even_split)};
    my @shape = @{ $data->shape };
    AI::MXNet::Error::fail('split_data: the data of shape [', join(',', @shape), "] has no axis $axis") if $axis >= @shape or $axis < -@shape;
    my $size = $shape[$axis];
    AI::MXNet::Error::fail('data with shape ', join(',', @shape), " cannot be evenly split into $parts slices along axis $axis. ",
        "Use a batch size that's multiple of $parts or set even_split=>0 to allow uneven partitioning of data.") if $even and $size % $parts;
    AI::MXNet::Error::fail("Too many slices for data with shape ", join(',', @shape), ". Arguments are num_slice=$parts and batch_axis=$axis.")
        if $size < $parts;
    return [$data] if $parts == 1;
    my $step = int($size / $parts);
    return [map { AI::MXNet::NDArray->slice_axis($data, { axis => $axis, begin => $_ * $step, end => $_ < $parts - 1 ? ($_ + 1) * $step : $size }) } 0 .. $parts - 1];
}

sub split_and_load
{
    my ($class, $data, @options) = @_;
    unshift @options, 'ctx_list' if @options % 2;    # also by position
    my %options = @options;
    my $contexts = $options{ctx_list} // AI::MXNet::Error::fail('split_and_load needs ctx_list => [contexts]');
    $contexts = [$contexts] if ref $contexts ne 'ARRAY';
    AI::MXNet::Error::expect('split_and_load takes a list of contexts', 'AI::MXNet::Context', @$contexts);
    $data = AI::MXNet::NDArray->array($data, ctx => $contexts->[0]) unless Scalar::Util::blessed($data) and $data->isa('AI::MXNet::NDArray');
    return [$data->as_in_context($contexts->[0])] if @$contexts == 1;
    my $parts = $class->split_data($data, scalar @$contexts, $options{batch_axis} // 0, even_split => $options{even_split} // 1);
    return [map { $parts->[$_]->as_in_context($contexts->[$_]) } 0 .. $#$parts];
}

sub clip_global_norm
{
    my ($class, $arrays, $max_norm) = @_;
    AI::MXNet::Error::fail('clip_global_norm takes a list of NDArrays, but got ', $arrays // 'undef') unless ref $arrays eq 'ARRAY' and @$arrays;
    AI::MXNet::Error::fail('clip_global_norm takes a number as the largest norm, but got ', $max_norm // 'undef')
        unless Scalar::Util::looks_like_number($max_norm);
    my $ctx = $arrays->[0]->context;
    my @squares = map { AI::MXNet::NDArray->multi_sum_sq($_, num_arrays => 1)->as_in_context($ctx) } @$arrays;
    my $norm = AI::MXNet::NDArray->add_n(@squares)->sqrt->asscalar;
    if ($norm != $norm or $norm == 9**9**9) {
        AI::MXNet::Logging->warning('nan or inf is detected. Clipping results will be undefined.');
    }
    my $scale = $max_norm / ($norm + 1e-8);
    if ($scale < 1) { $_ *= $scale for @$arrays }
    return $norm;
}

sub check_sha1
{
    my ($filename, $hash) = _arguments(@_);
    AI::MXNet::Error::fail('check_sha1 takes the name of a file and its sha1, but there is no file ', $filename // 'undef')
        unless defined $filename and -e $filename and defined $hash;
    AI::MXNet::NS::load('Digest/SHA.pm');
    return Digest::SHA->new(1)->addfile($filename, 'b')->hexdigest eq lc $hash;
}

# Fetches a file, unless it is there and as it should be. Returns its name.
sub download
{
    my ($url, %options) = _arguments(@_);
    my $path = $options{path} // '';
    my ($name) = $url =~ m{([^/]+)\z} or AI::MXNet::Error::fail("download: the address $url has no file name: say where to put it, path => ...");
    $path = $path eq '' ? $name : -d $path || $path =~ m{/\z} ? $path =~ s{/*\z}{/$name}r : $path;
    my $hash = $options{sha1_hash};
    return $path if -e $path and not $options{overwrite} and (not defined $hash or check_sha1($path, $hash));
    AI::MXNet::NS::load('File/Path.pm');
    AI::MXNet::NS::load('File/Basename.pm');
    File::Path::make_path(File::Basename::dirname($path));
    AI::MXNet::Logging->info("Downloading $path from $url ...");
    # to a temporary name first, so that nobody takes half a file for a whole one
    my $part = "$path.$$.part";
    my $trouble = $url =~ m{\A(?:file://)?(/.*)\z} ? _copy($1, $part) : _fetch($url, $part);
    $trouble //= 'it has another sha1 than ' . $hash if defined $hash and not check_sha1($part, $hash);
    if (defined $trouble) {
        unlink $part;
        AI::MXNet::Error::fail("Failed downloading url $url: $trouble");
    }
    rename $part, $path or AI::MXNet::Error::fail("Failed downloading url $url: $path: $!");
    return $path;
}

sub _copy
{
    my ($from, $to) = @_;
    AI::MXNet::NS::load('File/Copy.pm');
    return File::Copy::copy($from, $to) ? undef : "$!";
}

sub _fetch
{
    my ($url, $to) = @_;
    AI::MXNet::NS::load('HTTP/Tiny.pm');
    my $http = HTTP::Tiny->new(verify_SSL => 1);
    my $answer = $http->mirror($url, $to);
    return $answer->{success} ? undef : "$answer->{status} $answer->{reason}" . ($answer->{status} == 599 ? ": $answer->{content}" : '');
}

1;

__END__

=head1 NAME

AI::MXNet::Gluon::Utils - helpers for training

=head1 SYNOPSIS

    use AI::MXNet qw(mx nd);
    use AI::MXNet::Gluon qw(gluon);
    use AI::MXNet::Gluon::Utils qw(download check_sha1);

    my $batch = nd->arange(stop => 8)->reshape([4, 2]);
    my $parts = gluon->utils->split_and_load($batch, ctx_list => [mx->cpu(0), mx->cpu(1)]);
    print join(' ', map { $_->context } @$parts), "\n";    # cpu(0) cpu(1)

=head1 DESCRIPTION

C<< gluon->utils >> is this package. C<download> and C<check_sha1> are exported where they are asked for.

=head1 METHODS

=head2 split_data

    my $halves = gluon->utils->split_data($batch, 2);
    $halves = gluon->utils->split_data($batch, 2, batch_axis => 1);

A list ref of slices along an axis (0). If they cannot be of one size it dies, unless C<< even_split => 0 >>, which makes the
last one larger.

=head2 split_and_load

The same of an array, a piddle or a list, a slice on each context of C<ctx_list>.

=head2 clip_global_norm

    my $norm = gluon->utils->clip_global_norm([$batch], 1);

Scales arrays in place, so that the norm of all their elements is at most the number given. Returns what it was.

=head1 FUNCTIONS

=head2 download

    open my $source, '>', '/tmp/source.bin' or die $!;
    print $source 'content';
    close $source;
    local $AI::MXNet::Logging::silent = 1;
    my $file = download('file:///tmp/source.bin', path => '/tmp/copies/', overwrite => 1);

Fetches a file by C<http>, C<https> or from a path, and returns its name: C<path>, or in the folder C<path>, or in the
current one. A file that is there already is kept, unless C<overwrite>, or if C<sha1_hash> is not its hash. Dies if the file
cannot be had or has another hash; then nothing is left behind. C<https> needs the module L<IO::Socket::SSL>.

=head2 check_sha1

    print "complete\n" if check_sha1($file, '040f06fd774092478d450774f5ba30c5da78acc8');

Whether a file has that SHA-1 hash.

=head1 SEE ALSO

L<AI::MXNet::Gluon>

=cut
