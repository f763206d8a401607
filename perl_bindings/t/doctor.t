# The doctor tells what is well, finds what is broken, and names the command that mends it.
use strict;
use warnings;
use Cwd qw(realpath);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use Test::More;
use AI::MXNet qw(mx);

my $folder = tempdir(CLEANUP => 1);
my @include = map { '-I' . realpath($_) } grep { !ref and -d } @INC;
delete $ENV{AI_MXNET_ENGINE};
my $python = mx->engine->info->{executable};
my $package = mx->engine->info->{package};
$ENV{AI_MXNET_PYTHON} = $python;

sub file
{
    my ($path, @lines) = @_;
    make_path("$folder/$path" =~ s{/[^/]*\z}{}r);
    open my $file, '>', "$folder/$path" or die "$path: $!\n";
    print {$file} map { "$_\n" } @lines;
    close $file or die $!;
    return "$folder/$path";
}

# The lines of a check by their part, and its exit status. Words before it may make a world of their own.
sub check
{
    my (%options) = @_;
    my @command = (@{ $options{in} // [] }, $^X, @{ $options{include} // [] }, @include, '-MAI::MXNet::Doctor',
        '-e', ($options{first} // '') . 'check');
    open my $output, '-|', @command or die "cannot run $command[0]: $!\n";
    my %lines = map { /\A(ok|not ok|-) +(.+?): (.*)/ ? ($2 => [$1, $3]) : () } readline $output;
    close $output;
    return (\%lines, $? >> 8);
}

# Looks for the lines that shall not be ok, and whether the exit status says so.
sub finds
{
    my ($expected, $lines, $status) = @_;
    is_deeply [sort grep { $lines->{$_}[0] eq 'not ok' } keys %$lines], [sort keys %$expected], 'it finds what is broken';
    like $lines->{$_}[1] // '', $expected->{$_}, "and why: $_" for sort keys %$expected;
    is $status, 1, 'and its exit status says so';
    return;
}

# What makes Perl not find a module.
sub hiding
{
    my ($file) = @_;
    file('Hide.pm', 'package Hide;', "my \$file = q($file);",
        'unshift @INC, sub { die "Can\'t locate $file in \@INC\n" if $_[1] eq $file; return };', '1;');
    return "-I$folder -MHide";
}

subtest 'all is well' => sub {
    my ($lines, $status) = check();
    is_deeply [grep { $lines->{$_}[0] eq 'not ok' } sort keys %$lines], [];
    is $status, 0;
    for my $part (qw(Perl PDL Mouse Function::Parameters Data::MessagePack File::Map engine Python NumPy msgpack AI::MXNet
        conversation), 'protocol and operator table', 'shared memory')
    {
        is $lines->{$part}[0], 'ok', $part;
    }
    ok $lines->{$_}, "$_ is looked for" for 'PDL::LinearAlgebra', 'PDL::CCS';
    like $lines->{engine}[1], qr/\A\Q$package\E, from /;
    like $lines->{Python}[1], qr/\A3\.[0-9.]+ \(\Q$python\E\)/;
    like $lines->{NumPy}[1], qr/\A\Q@{[mx->engine->info->{numpy}]}\E/;
};

subtest 'a Perl module and a Python package are missing' => sub {
    my $bare = "$folder/bare";
    is system($python, '-m', 'venv', '--without-pip', $bare), 0, 'a virtual environment without packages';
    local $ENV{PERL5OPT} = hiding('Data/MessagePack.pm');
    local $ENV{AI_MXNET_PYTHON} = "$bare/bin/python";
    my $missing = qr/\Ais not installed; mend it with: .*-m (?:pip install|venv) .*'numpy>=.*'msgpack>=/;
    my ($lines, $status) = check();
    finds({
        'Data::MessagePack' => qr/\Ais not installed .*; mend it with: (?:apt-get install lib|cpanm )data\W+messagepack/i,
        'AI::MXNet'         => qr{\Adoes not load: .*Data/MessagePack},
        NumPy               => $missing,
        msgpack             => $missing,
    }, $lines, $status);
    is $lines->{Python}[0], 'ok', 'Python itself is well';
    is $lines->{conversation}[0], '-', 'what cannot be told is not told';
};

subtest 'PDL is missing' => sub {
    local $ENV{PERL5OPT} = hiding('PDL.pm');
    finds({
        PDL         => qr/\Ais not installed .*; mend it with: (?:apt-get install pdl|cpanm PDL)\z/,
        'AI::MXNet' => qr/\Adoes not load: .*PDL\.pm/,
    }, check());
};

subtest 'a Python package is too old' => sub {
    for (['NumPy', 'numpy', '1.19.5'], ['msgpack', 'msgpack', '0.6.2']) {
        my ($part, $name, $version) = @$_;
        file("old $name/$name/__init__.py", 'raise ImportError("the check comes first")');
        file("old $name/$name-$version.dist-info/METADATA", "Name: $name", "Version: $version");
        local $ENV{PYTHONPATH} = "$folder/old $name";
        finds({ $part => qr/\A\Q$version\E is older than \S+; mend it with: / }, check());
    }
};

subtest 'the Python is the wrong one' => sub {
    my $old = file('python3.8', '#!/bin/sh', 'start=$2; shift 2',
        qq{exec "$python" -c "import sys; sys.version_info = (3, 8, 18); \$start" "\$@"});
    chmod 0755, $old or die $!;
    local $ENV{AI_MXNET_PYTHON} = $old;
    finds({ Python => qr/\A3\.8\.18 .* is older than 3\.10; mend it with: / }, check());
    $ENV{AI_MXNET_PYTHON} = "$folder/no-python";
    finds({ engine => qr/\Acannot run \Q$folder\E\/no-python, .*: No such file.*; mend it with: unset AI_MXNET_PYTHON\z/ }, check());
    $ENV{AI_MXNET_PYTHON} = '/bin/true';
    finds({ engine => qr/is no engine of this version: status 0 and no message/ }, check());
};

subtest 'one of the modules is broken' => sub {
    file('broken/AI/MXNet/Shape.pm', 'package AI::MXNet::Shape;', 'sub {', '1;');
    my ($lines, $status) = check(include => ["-I$folder/broken"]);
    finds({ 'AI::MXNet' => qr/\Adoes not load: .*Shape\.pm/ }, $lines, $status);
    is $lines->{$_}[0], 'ok', "$_ is examined all the same" for 'engine', 'NumPy', 'PDL';
};

subtest 'the command of the engine is wrong' => sub {
    local $ENV{AI_MXNET_ENGINE} = "$folder/none";
    my $reason = qr{\Acannot run \Q$folder\E/none, .*: No such file.*; mend it with: unset AI_MXNET_ENGINE\z};
    finds({ engine => $reason }, check());
    $ENV{AI_MXNET_ENGINE} = "$^X -e 0";
    my ($lines, $status) = check();
    finds({ engine => qr/is no engine of this version: .*about/ }, $lines, $status);
    $ENV{AI_MXNET_ENGINE} = 'one "two';
    ($lines, $status) = check();
    is $lines->{engine}[0], 'not ok', 'quotes that do not match';
    is $status, 1;
};

subtest 'the engine is of another version' => sub {
    file('other.py', 'import sys', 'sys.path[0] = ' . "'" . $package =~ s{/[^/]+\z}{}r . "'",
        'import python_engine.table as table', 'table.digest = lambda: "f" * 64',
        'from python_engine.__main__ import main', 'main()');
    local $ENV{AI_MXNET_ENGINE} = qq('$python' '$folder/other.py');
    finds({ 'protocol and operator table' => qr/\Adiffer: table of the modules (?!ffff)\w+, of the engine ffff/ }, check());
};

subtest 'the engine does not answer' => sub {
    my $silent = file('silent.py', 'import os, sys, time',
        "'--about' in sys.argv and os.execv(sys.executable, [sys.executable, '-m', 'python_engine', '--about'])",
        'time.sleep(60)');
    local $ENV{AI_MXNET_ENGINE} = qq('$python' '$silent');
    local $ENV{PYTHONPATH} = $package =~ s{/[^/]+\z}{}r;
    finds({ conversation => qr/does not answer within 2 s/ }, check(first => '$AI::MXNet::Doctor::PATIENCE = 2; '));
};

subtest 'there is no /proc' => sub {
    my ($world) = grep { system("$_ true 2>/dev/null") == 0 } 'unshare -m', 'unshare -rm';
    plan skip_all => 'mount namespaces cannot be made here' unless defined $world;
    my @in = (split(/ /, $world), 'sh', '-c', 'mount -t tmpfs none /proc && exec "$@"', 'sh');
    plan skip_all => '/proc cannot be covered here' if system("@in[0 .. 1] sh -c 'mount -t tmpfs none /proc' 2>/dev/null");
    my $reason = qr{\A/proc is not mounted; .*; mend it with: mount -t proc proc /proc\z};
    finds({ 'shared memory' => $reason }, check(in => \@in));
};

done_testing;
