package AI::MXNet::Doctor;
# Says of each part whether it is well, and if not, what mends it. POD at the end.
#
# It must work where nothing else does, so it loads none of our modules: what may fail, be killed or hang runs in a
# process of its own.
use strict;
use warnings;
use Exporter qw(import);
use Config;
use POSIX ();

our @EXPORT_OK = our @EXPORT = qw(check);
our $PATIENCE = 30;    # seconds that a part may take

# Module, least version, Debian package, what it is for. Makefile.PL and the check know the needs from here.
our @NEEDED = (
    ['PDL',                  '2.081', 'pdl',                          'the arrays that scripts pass in and get back'],
    ['Mouse',                0,       'libmouse-perl',                'the classes that users extend'],
    ['Function::Parameters', '2.0',   'libfunction-parameters-perl',  'named, typed and default arguments'],
    ['Data::MessagePack',    '1.02',  'libdata-messagepack-perl',     'the encoding of the frames to the engine'],
    ['File::Map',            '0.67',  'libfile-map-perl',             'large arrays in memory shared with the engine'],
);
our @OPTIONAL = (
    ['PDL::LinearAlgebra', 0, 'libpdl-linearalgebra-perl', 'matrix decompositions of piddles'],
    ['PDL::CCS',           0, 'libpdl-ccs-perl',           'sparse piddles in and out of sparse arrays'],
    ['GraphViz',           0, 'libgraphviz-perl',          'pictures of networks'],
);

# Prints a line for each part; exits with 0 if all is well, otherwise with 1.
sub check
{
    local $| = 1;
    my $wrong = grep { $_->{state} eq 'not ok' } examine(sub { print _line($_[0]), "\n" });
    print $wrong ? "Not all is well: see the lines that begin with 'not ok'.\n" : "All is well.\n";
    exit($wrong ? 1 : 0);
}

# Examines all parts, tells the function each finding as it is made, and returns them: hashes of `part`, `state` ('ok',
# 'not ok', or '-' for what may be missing or cannot be told), `text` and `mend`.
sub examine
{
    my ($tell) = @_;
    my (%seen, @findings);
    for my $part (\&_perl, \&_needed, \&_engine, \&_python, \&_modules, \&_table, \&_conversation, \&_memory, \&_optional) {
        for my $finding ($part->(\%seen)) {
            $tell->($finding) if $tell;
            push @findings, $finding;
        }
    }
    return @findings;
}

sub _line
{
    my ($finding) = @_;
    my $line = sprintf '%-7s %s: %s', @$finding{qw(state part text)};
    $line .= "; mend it with: $finding->{mend}" if defined $finding->{mend};
    return $line =~ s/\s*\n\s*/ /gr;
}

sub _ok      { my ($part, $text)        = @_; return { part => $part, state => 'ok',     text => $text } }
sub _not_ok  { my ($part, $text, $mend) = @_; return { part => $part, state => 'not ok', text => $text, mend => $mend } }
sub _unknown { my ($part, $text, $mend) = @_; return { part => $part, state => '-',      text => $text, mend => $mend } }

# -- Perl and its modules ------------------------------------------------------------------------------------------

# Where /proc is missing, $^X may be a bare name.
my $PERL = $^X =~ m{/} ? $^X : $Config{perlpath};

sub _perl
{
    my $text = sprintf '%vd (%s)', $^V, $PERL;
    return $] >= 5.030 ? _ok(Perl => $text) : _not_ok(Perl => "$text is older than 5.30", 'install Perl 5.30 or later');
}

sub _needed
{
    my ($seen) = @_;
    my @findings = map { _module(\&_not_ok, @$_) } @NEEDED;
    $seen->{modules} = not grep { $_->{state} ne 'ok' } @findings;
    return @findings;
}

sub _optional
{
    my ($seen) = @_;
    my $about = $seen->{about} // {};
    my $python = ($about->{python} // [''])->[0] =~ s/^\S+ //r;
    my @packages = map {
        my ($name, $purpose) = @$_;
        my $package = lc $name;
        $about->{$package} ? _ok($name => $about->{$package}[0])
            : _unknown($name => "is not installed ($purpose)", length $python ? "'$python' -m pip install $package" : undef);
    } [Pillow => 'image files'], [mpi4py => 'training by several processes'];
    return (@packages, map { _module(\&_unknown, @$_) } @OPTIONAL);
}

sub _module
{
    my ($lacking, $module, $least, $package, $purpose) = @_;
    (my $file = "$module.pm") =~ s{::}{/}g;
    my ($status, $output) = _perl_process("require $module; print STDOUT qq(\\nversion ), $module->VERSION // 0");
    my ($version) = $output =~ /^version (.+)/m;
    if (defined $version) {
        return _ok($module, $version) if eval { version->parse($version) >= version->parse($least) };
        return $lacking->($module, "$version is older than $least ($purpose)", "cpanm $module");
    }
    my $missing = $output =~ /^Can't locate \Q$file\E /m;
    my $text = $missing ? 'is not installed' : 'does not load: ' . _first_line($output, $status);
    my ($install, $name) = $PERL eq '/usr/bin/perl' && -x '/usr/bin/apt-get' ? ('apt-get install', $package) : ('cpanm', $module);
    $install .= ' --reinstall' unless $missing;
    return $lacking->($module, "$text ($purpose)", "$install $name");
}

# -- the engine, as it describes itself ------------------------------------------------------------------------------

sub _engine
{
    my ($seen) = @_;
    my $command = eval { require AI::MXNet::Engine::Process; AI::MXNet::Engine::Process->command };
    return _not_ok(engine => _first_line($@), 'unset AI_MXNET_ENGINE') if $@ =~ /\AAI_MXNET_ENGINE /;
    return _not_ok(engine => 'the module that starts it does not load: ' . _first_line($@), _reinstall()) unless $command;
    $seen->{command} = $command;
    my ($status, $output, $failed) = _process(@{ $command->{words} }, '--about');
    ($status, $output, $failed) = _process(@{ $command->{otherwise} }, '--about')
        if defined $failed and $command->{otherwise};
    my %about;
    push @{ $about{$1} }, $2 while $output =~ /^(engine|python|numpy|msgpack|blas|simd|pillow|mpi4py|protocol|table|lack|mend) (.+)/mg;
    my $words = "$command->{words}[0], from $command->{from}";
    return _not_ok(engine => "cannot run $words: $failed", $command->{mend}) if defined $failed;
    return _not_ok(engine => "$words, is no engine of this version: " . _last_line($output, $status), $command->{mend})
        unless $about{engine} and $about{python};
    $seen->{about} = \%about;
    my $engine = "$about{engine}[0], from " . AI::MXNet::Engine::Process->origin($command, $about{engine}[0]);
    return _ok(engine => $engine) if $about{table} or $about{lack};
    return _not_ok(engine => "$engine, does not load: " . _last_line($output, $status), _reinstall());
}

# Python, NumPy and msgpack.
sub _python
{
    my ($seen) = @_;
    my $about = $seen->{about} or return _unknown('Python, NumPy, msgpack' => 'cannot be told before the engine is there');
    my %lack = map { split / /, $_, 2 } @{ $about->{lack} // [] };
    my $mend = $about->{mend} && $about->{mend}[0];
    my ($version, $path) = split / /, $about->{python}[0], 2;
    return _not_ok(Python => "$version ($path) $lack{Python}", $mend) if $lack{Python};
    my @findings = _ok(Python => "$version ($path)");
    for (['NumPy', 'numpy', $about->{blas} ? " with $about->{blas}[0]" : ''], ['msgpack', 'msgpack', '']) {
        my ($part, $name, $more) = @$_;
        push @findings, $lack{$name} ? _not_ok($part, $lack{$name}, $mend)
            : _ok($part, $about->{$name}[0] . $more);
    }
    return @findings;
}

# -- both together -----------------------------------------------------------------------------------------------------

# Loads AI::MXNet and talks to the engine. Prints what it finds as `key value` lines, so far as it gets.
sub _talk
{
    local $| = 1;
    my $tell = sub { my ($key, $text) = @_; print "$key ", $text =~ s/\s*\n\s*/ /gr, "\n" };
    $tell->(broken => _first_line($@)), return if not eval { require AI::MXNet; 1 };
    $tell->(loaded   => "$AI::MXNet::VERSION ($INC{'AI/MXNet.pm'})");
    $tell->(protocol => AI::MXNet::Engine::PROTOCOL());
    $tell->(table    => AI::MXNet::Operators::digest());
    my $info = eval { AI::MXNet::Engine->info };
    $tell->(silent => $@), return if not $info;
    $tell->(pid => $info->{pid});
    my $same = eval {
        require PDL;
        my $piddle = PDL->sequence(PDL::long(), AI::MXNet::Engine::SHARE_BYTES());
        PDL::all(AI::MXNet::NDArray->array($piddle, dtype => 'int32')->aspdl == $piddle) or die "it comes back changed\n";
        1;
    };
    $tell->($same ? (shared => AI::MXNet::Engine->info->{shared_memory}) : (lost => $@));
    return;
}

sub _modules
{
    my ($seen) = @_;
    my ($status, $output) = _perl_process('require AI::MXNet::Doctor; AI::MXNet::Doctor::_talk()');
    $seen->{talk} = { $output =~ /^(broken|loaded|protocol|table|silent|pid|lost|shared) (.*)/mg };
    my ($loaded, $broken) = @{ $seen->{talk} }{qw(loaded broken)};
    return _ok('AI::MXNet' => $loaded) if $loaded;
    $broken //= _last_line($output, $status);
    return _not_ok('AI::MXNet' => "does not load: $broken", !$seen->{modules} ? undef
        : $broken =~ /operators\.msgpack/ && _export($seen) || _reinstall());
}

sub _table
{
    my ($seen) = @_;
    my ($about, $talk) = @$seen{qw(about talk)};
    my $part = 'protocol and operator table';
    return _unknown($part => 'cannot be compared before AI::MXNet loads and the engine is well')
        unless $talk->{table} and $about and $about->{table};
    my @differ = grep { $talk->{$_} ne $about->{$_}[0] } qw(protocol table);
    return _ok($part => "agree (protocol $talk->{protocol}, table " . _brief($talk->{table}) . ')') unless @differ;
    $seen->{differ} = 1;
    my $text = join ', ',
        map { "$_ of the modules " . _brief($talk->{$_}) . ', of the engine ' . _brief($about->{$_}[0]) } @differ;
    return _not_ok($part => "differ: $text", 'unset AI_MXNET_ENGINE') if $seen->{command}{from} =~ /AI_MXNET_ENGINE\z/;
    return _not_ok($part => "differ: $text", _export($seen) || _reinstall() . ', and the same of the engine');
}

sub _brief { substr $_[0], 0, 12 }

# The command that exports the operator table anew in a clone; undef elsewhere.
sub _export
{
    my ($seen) = @_;
    my ($clone) = ($seen->{command}{from} // '') =~ /\Athe clone (.+)/s or return;
    my $python = $seen->{about}{python} or return;
    return "cd '$clone' && '" . ($python->[0] =~ s/^\S+ //r) . "' -m python_engine.table";
}

sub _conversation
{
    my ($seen) = @_;
    my ($about, $talk) = @$seen{qw(about talk)};
    return _ok(conversation => "process $talk->{pid} answers") if $talk->{pid};
    return _unknown(conversation => 'cannot be tried before AI::MXNet loads, the engine is well and the tables agree')
        if not $talk->{loaded} or not $about->{table} or $seen->{differ};
    return _not_ok(conversation => $talk->{silent} // "the engine does not answer within $PATIENCE s");
}

sub _memory
{
    my ($seen) = @_;
    my $talk = $seen->{talk};
    my $part = 'shared memory';
    return _unknown($part => 'cannot be tried before the engine answers') unless $talk->{pid};
    return _not_ok($part => "a large array does not arrive: $talk->{lost}") if $talk->{lost};
    return _not_ok($part => "a large array does not come back within $PATIENCE s") unless defined $talk->{shared};
    return _ok($part => 'works') if $talk->{shared};
    my $slow = 'large arrays travel through the socket, which is slower';
    return _unknown($part => "is there on Linux only; $slow") if $^O ne 'linux';
    return _not_ok($part => "/proc is not mounted; $slow", 'mount -t proc proc /proc') unless -e '/proc/self/fd';
    return _unknown($part => "the engine may run on another machine; $slow")
        if $seen->{command}{from} =~ /AI_MXNET_ENGINE\z/;
    return _not_ok($part => "the engine's /proc/$talk->{pid}/fd cannot be opened; $slow");
}

# -- processes -----------------------------------------------------------------------------------------------------------

# Runs Perl code in a Perl of its own with our @INC: the wait status and all output.
sub _perl_process
{
    my ($code) = @_;
    return _process($PERL, (map { "-I$_" } grep { !ref } @INC), '-e', $code);
}

# Runs a command with no input: the wait status (-1 after $PATIENCE), its stdout and stderr, and why it cannot be run.
sub _process
{
    my @words = @_;
    pipe my $read, my $write or die "pipe: $!\n";
    pipe my $failed, my $failure or die "pipe: $!\n";    # closed by a successful exec
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        setpgrp;    # so that all that it starts can be ended together
        open STDIN, '<', '/dev/null';
        POSIX::dup2(fileno $write, $_) for 1, 2;
        { no warnings 'exec'; exec { $words[0] } @words }
        syswrite $failure, "$!";
        POSIX::_exit(127);
    }
    close $_ for $write, $failure;
    my ($output, $reason) = ('', '');
    my $late = !eval {
        local $SIG{ALRM} = sub { die "late\n" };
        alarm $PATIENCE;
        1 while sysread $read, $output, 65536, length $output;
        alarm 0;
        1;
    };
    kill KILL => -$pid if $late;
    waitpid $pid, 0;
    sysread $failed, $reason, 1024;
    return ($late ? -1 : $?, $output, length $reason ? $reason : undef);
}

sub _first_line { _pick(0, @_) }
sub _last_line { _pick(-1, @_) }

sub _pick
{
    my ($index, $output, $status) = @_;
    my @lines = grep { /\S/ } split /\n/, $output;
    return $lines[$index] =~ s/\A\s+//r if @lines;
    return "no answer within $PATIENCE s" if $status == -1;
    return $status & 127 ? 'killed by signal ' . ($status & 127) : 'status ' . ($status >> 8) . ' and no message';
}

# How to get whole modules again, where they are installed.
sub _reinstall { -e (__FILE__ =~ s{[^/]*\z}{operators.msgpack}r) ? 'perl Makefile.PL && make && make install' : undef }

1;

__END__

=head1 NAME

AI::MXNet::Doctor - says what of an installation is well, and what mends the rest

=head1 SYNOPSIS

    $ perl -MAI::MXNet::Doctor -e check

=head1 DESCRIPTION

Examines, one after the other, all that AI::MXNet needs: Perl and its modules, the engine and the Python, NumPy and
msgpack that it runs on, whether the two halves fit together and talk, and whether large arrays go through shared
memory. It needs no other part to be well: it loads none of the modules that it examines, and tries what may fail in a
process of its own.

A line begins with C<ok>, with C<not ok>, or with C<-> for an optional part that is missing and for what cannot be told
before another part is well. Where a command mends the part, the line ends with it:

    $ perl -MAI::MXNet::Doctor -e check
    ok      Perl: 5.36.0 (/usr/bin/perl)
    ok      PDL: 2.081
    not ok  Mouse: is not installed (the classes that users extend); mend it with: apt-get install libmouse-perl
    ...

=head1 FUNCTIONS

=head2 check

Prints a line for each part and exits: with status 0 if all is well, with 1 if a line begins with C<not ok>. It is
exported.

=head2 examine

The findings without the printing: a list of hashes with C<part>, C<state> (C<ok>, C<not ok> or C<->), C<text>, and
C<mend>, the command, or undef. A function that is given is called with each finding as soon as it is made.

    use AI::MXNet::Doctor ();
    my @wrong = grep { $_->{state} eq 'not ok' } AI::MXNet::Doctor::examine();

A part that does not answer within C<$AI::MXNet::Doctor::PATIENCE> seconds (30) is not ok.

=head1 ENVIRONMENT

C<AI_MXNET_ENGINE> and C<AI_MXNET_PYTHON> choose the engine and its Python here as in every script.

=head1 SEE ALSO

L<AI::MXNet>
