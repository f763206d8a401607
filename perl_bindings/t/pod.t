# Every module's page is valid POD and names all public functions; the examples of a page, in order, are a program that
# runs without a warning. An example that begins with a prompt, "$ ", is for the shell.

# above all lexical variables, so that the programs see none of them
sub evaluated { return eval $_[0] }

use strict;
use warnings;
use B ();
use File::Find qw(find);
use File::Spec ();
use FindBin qw($Bin);
use Pod::Checker ();
use Test::More;
use AI::MXNet qw(mx);

my $lib = "$Bin/../lib";
my @files;
find({ no_chdir => 1, wanted => sub { push @files, $_ if /\.pm\z/ } }, $lib);

# The page of a file as (paragraph, its line) pairs.
sub paragraphs
{
    my ($file) = @_;
    open my $handle, '<:raw', $file or die "$file: $!\n";
    my ($code, $pod) = split /^__END__\n\n/m, do { local $/; readline $handle }, 2;
    return unless defined $pod;
    my $line = 3 + ($code =~ tr/\n//);
    my @paragraphs;
    for my $text (split /(\n{2,})/, $pod) {
        push @paragraphs, [$text, $line] if $text =~ /\S/;
        $line += $text =~ tr/\n//;
    }
    return @paragraphs;
}

# The functions that a package defines itself and does not keep to itself.
sub public_functions
{
    my ($package) = @_;
    no strict 'refs';
    return grep {
        !/\A(?:[_(].*|import|meta|python_constructor_arguments|[A-Z][A-Z_]+)\z/
            and defined &{"${package}::$_"}
            and B::svref_2object(\&{"${package}::$_"})->GV->STASH->NAME eq $package
    } sort keys %{"${package}::"};
}

# All that a program says besides its output: warnings, the exception that ends it, failures that it did not read.
sub complaints
{
    my ($program) = @_;
    my @said;
    open my $null, '>', File::Spec->devnull or die $!;
    my $before = select $null;
    {
        local $SIG{__WARN__} = sub { push @said, @_ };
        evaluated("$program\n;1") or push @said, $@;
        push @said, evaluated('mx->engine->failures');
        push @said, $@;
    }
    select $before;
    return join '', @said;
}

for my $file (sort @files) {
    my $package = $file =~ s{\A\Q$lib\E/|\.pm\z}{}gr =~ s{/}{::}gr;
    subtest $package => sub {
        my $report = '';
        open my $out, '>', \$report or die $!;
        my $checker = Pod::Checker->new(-warnings => 1);
        $checker->parse_from_file($file, $out);
        ok $checker->num_errors == 0 && $checker->num_warnings == 0, 'is valid' or diag $report || 'no POD';

        my @paragraphs = paragraphs($file) or return;
        my @heads = map { $_->[0] =~ /\A=head1 (.+)/ ? $1 : () } @paragraphs;
        ok scalar(grep { $_->[0] =~ /\A\Q$package\E - / } @paragraphs), 'NAME says what it is';
        is $heads[-1], 'SEE ALSO';
        return if grep { $_->[0] =~ /\AInternal, / } @paragraphs;

        is "@heads[0 .. 2]", 'NAME SYNOPSIS DESCRIPTION';
        my %named = map { $_ => 1 } map { $_->[0] =~ /\A=head2 (.+)/s ? split /,\s*/, $1 : () } @paragraphs;
        ok eval "require $package", 'loads' or diag $@;
        is_deeply [grep { !$named{$_} } public_functions($package)], [], 'names every function';

        my @examples = grep { $_->[0] =~ /\A\s++(?!\$ )/ } @paragraphs;
        my $program = join "\n", "package Examples::$package; use strict; use warnings;",
            map {qq(# line $_->[1] "$file"\n$_->[0])} @examples;
        my $said = complaints($program);
        SKIP: {
            skip 'Pillow is not installed', 1 if $said =~ /install pillow/;
            is $said, '', 'its examples run and say nothing on standard error';
        }
    };
}

done_testing;
