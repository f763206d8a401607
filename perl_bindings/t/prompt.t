# Arrays, networks, tables and pictures at prompts and in notebooks.
use strict;
use warnings;
use Compress::Zlib ();
use File::Temp qw(tempdir);
use FindBin qw($Bin);
use PDL;
use Test::More;
use AI::MXNet qw(mx nd);
use AI::MXNet::Chart;
use AI::MXNet::Gluon qw(gluon);
use AI::MXNet::Gluon::NN qw(nn);
use AI::MXNet::Picture;

# What a program prints that is run line by line, as a prompt does.
sub session
{
    my (@lines) = @_;
    my $program = join '', map { "eval q{$_}; print \$\@ if \$\@;" } @lines;
    open my $pipe, '-|', $^X, "-I$Bin/../lib", '-MPDL', '-e', $program or die $!;
    return join '', readline $pipe;
}

my $x = nd->array([[0, 1.5], [2, 3]]);

subtest 'at a prompt, arrays show their values' => sub {
    is session('use AI::MXNet::Prompt', '$x = nd->arange(start => 0, stop => 4)->reshape([2, 2])', 'print $x, "\n"', 'print $x->slice(0), "\n"'),
        "[[0 1]\n [2 3]]\n<AI::MXNet::NDArray 2x2 \@cpu(0)> float32\n[[0 1]]\n<AI::MXNet::NDArray 1x2 \@cpu(0)> float32\n";
    is "$x", '<AI::MXNet::NDArray 2x2 @cpu(0)>', 'and elsewhere what they are';
};

subtest 'the short names load what is behind them' => sub {
    is session('use AI::MXNet::Prompt', '$net = nn->Dense(2, in_units => 2)', '$net->initialize(init => mx->init->One)',
        'print $net->(nd->ones([1, 2]))->asstr, ref gluon->loss->L2Loss, " ", ref sym->var("x"), autograd->is_recording'),
        '[[2 2]]AI::MXNet::Gluon::L2Loss AI::MXNet::Symbol0';
};

subtest 'what NiceSlice makes of a call' => sub {
    is session('use AI::MXNet::Prompt', '$net = nn->Lambda(sub { $_[0] * 2 })', 'print $net->slice(nd->ones([2]))->asstr'), '[2 2]';
};

subtest 'a dialect holds for a session' => sub {
    is session('use AI::MXNet::Prompt qw(:numpy)', '$x = nd->arange(4)', 'print $x->slice([1, 2])->asstr', 'use AI::MXNet::Prompt qw(:mxnet)',
        'print $x->slice([1, 2])->asstr'), '[1][1 2]';
    like session('use AI::MXNet::Prompt qw(numpy)'), qr/use AI::MXNet::Prompt knows the tags :mxnet and :numpy, but got 'numpy' at/;
};

subtest 'arrays as HTML' => sub {
    is $x->to_html, <<'HTML';
<table>
<caption>&lt;AI::MXNet::NDArray 2x2 @cpu(0)&gt; float32</caption>
<tr><th></th><th>0</th><th>1</th></tr>
<tr><td>0</td><td>0</td><td>1.5000</td></tr>
<tr><td>1</td><td>2</td><td>3.0000</td></tr>
</table>
HTML
    like $x->slice(1)->to_html, qr{1x2.*<tr><td>0</td><td>2</td><td>3</td></tr>}s;
    like nd->array([-1, 2])->to_html, qr{<tr><th>0</th><th>1</th></tr>\n<tr><td>-1</td><td>2</td></tr>};
    like nd->ones([1, 1, 2])->to_html, qr{\A<pre>\[\[\[1 1\]\]\]\n&lt;AI::MXNet::NDArray 1x1x2 \@cpu\(0\)&gt; float32</pre>};
    like nd->zeros([100, 100])->to_html,
        qr{<tr><th></th><th>0</th><th>1</th><th>2</th><th>\.\.\.</th><th>97</th>.*<tr><td>2</td>.*<tr><td>\.\.\.</td>.*<tr><td>97</td>}s;
};

subtest 'what IPerl asks for' => sub {
    my $shown = $x->iperl_data_representations;
    is $shown->{'text/html'}, $x->to_html;
    is $shown->{'text/plain'}, "[[     0 1.5000]\n [     2 3.0000]]\n$x float32";
    for my $object ($x, $x->slice(0), nn->Dense(2), mx->sym->var('a') + 1, AI::MXNet::Picture->new($x)) {
        ok $object->can('iperl_data_representations'), ref $object;
        is join(' ', sort keys %{ $object->iperl_data_representations }), 'text/html text/plain';
    }
};

subtest 'networks and symbols as HTML' => sub {
    my $net = nn->HybridSequential(prefix => 'net_');
    $net->name_scope(sub { $net->add(nn->Dense(3, activation => 'relu', in_units => 4), nn->Dropout(0.5), nn->Dense(2)) });
    is $net->to_html, <<'HTML';
<table>
<caption>HybridSequential net: a yet unknown number of parameters</caption>
<tr><th></th><th>layer</th><th>parameters</th><th>size</th></tr>
<tr><td>0</td><td>Dense(3 -&gt; 4, Activation(relu))</td><td>net_dense0_weight (3, 4), net_dense0_bias (3)</td><td>15</td></tr>
<tr><td>0.act</td><td>Activation(relu)</td><td></td><td></td></tr>
<tr><td>1</td><td>Dropout(p = 0.5)</td><td></td><td></td></tr>
<tr><td>2</td><td>Dense(2 -&gt; 0, linear)</td><td>net_dense1_weight (2, 0), net_dense1_bias (2)</td><td>?</td></tr>
</table>
HTML
    like +(mx->sym->var('<a>') + 1)->to_html, qr{<td>_plusscalar\d</td><td>_plus_scalar</td><td>&lt;a&gt;</td><td>scalar=1</td>};
};

# The rows of a PNG file's pixels.
sub pixels
{
    my ($png) = @_;
    my ($width, $height, undef, $type) = unpack 'x16 NNCC', $png;
    my ($data) = $png =~ /IDAT(.*)....\0\0\0\0IEND....\z/s;
    my $rows = Compress::Zlib::uncompress($data);
    my $stride = $width * { 0 => 1, 2 => 3, 4 => 2, 6 => 4 }->{$type} + 1;
    return map { [unpack 'xC*', substr $rows, $_ * $stride, $stride] } 0 .. $height - 1;
}

subtest 'pictures' => sub {
    my $grey = AI::MXNet::Picture->new(nd->array([[0, 0.5, 1], [2, -1, 'nan' + 0]]));
    is_deeply [pixels($grey->png)], [[0, 128, 255], [255, 0, 0]];
    is_deeply [$grey->width, $grey->height], [3, 2];
    is_deeply [pixels(AI::MXNet::Picture->new(pdl(byte, [[7, 8]]), scale => 2)->png)], [[7, 7, 8, 8], [7, 7, 8, 8]];
    is_deeply [pixels(AI::MXNet::Picture->new(nd->array([[5, 10]]), range => [0, 10])->png)], [[128, 255]];
    is_deeply [pixels(AI::MXNet::Picture->new(nd->array([[[1, 2, 3], [4, 5, 6]]], dtype => 'uint8'))->png)], [[1 .. 6]], 'colours';
    is_deeply [pixels(AI::MXNet::Picture->new(nd->array([[[1, 4]], [[2, 5]], [[3, 6]]], dtype => 'uint8'), layout => 'CHW')->png)], [[1 .. 6]];
    is_deeply [pixels(AI::MXNet::Picture->new(nd->array([[[1]], [[2]], [[3]]], dtype => 'uint8'), layout => 'NHW')->png)],
        [[1, 255, 2], [255, 255, 255], [3, 255, 255]], 'several side by side';
    my $path = tempdir(CLEANUP => 1) . '/x.png';
    $grey->write($path);
    is -s $path, length $grey->png;
    like $grey->to_html, qr{<img width="3" height="2" src="data:image/png;base64,[A-Za-z0-9+/=]+"/>};
    is mx->image->imdecode($grey->png, flag => 0)->shape->[1], 3, 'is a PNG file' if eval { mx->image->imdecode($grey->png) };
};

subtest 'what is no picture' => sub {
    my $failure = sub { my @arguments = @_; eval { AI::MXNet::Picture->new(@arguments); 1 } ? 'no error' : "$@" };
    like $failure->(nd->ones([3])), qr/Picture: a picture has 2 to 4 axes, but the shape is \[3\] at \S*prompt\.t line/;
    like $failure->(nd->ones([2, 2, 5])), qr/1 to 4 channels can be shown, but the shape is \[2,2,5\] of layout HWC/;
    like $failure->(nd->ones([2, 2]), layout => 'NHWC'), qr/layout NHWC is for 4 axes, but the shape is \[2,2\]/;
    like $failure->(nd->ones([2, 2]), layout => 'HH'), qr/a layout has H, W and perhaps C and N, each once, but got 'HH'/;
    like $failure->([1]), qr/it takes an NDArray or a piddle, but got ARRAY/;
    like $failure->(nd->ones([2, 2]), zoom => 2), qr/no option 'zoom'; there are columns, gap, layout, range, scale/;
    like $failure->(nd->ones([2, 2]), scale => 0), qr/scale is a whole number of pixels, but got 0/;
};

subtest 'charts as text' => sub {
    like +AI::MXNet::Chart->svg(lines => [['<loss>' => [2, 1]]]), qr{\A<svg .*&lt;loss.*</svg>\n\z}s;
};

done_testing;
