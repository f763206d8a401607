package StreamVectors;
# The recorded frames and values of protocol/vectors, which the tests of the engine read, too.
use strict;
use warnings;
use B ();
use Exporter 'import';
use FindBin qw($Bin);
use JSON::PP ();

our @EXPORT_OK = qw(as_sent perl_value vectors);

my $folder = "$Bin/../../protocol/vectors";

# The rows of a file, or nothing where the folder is not part of the distribution.
sub vectors
{
    my ($name) = @_;
    return unless -d $folder;
    open my $file, '<:raw', "$folder/$name" or die "$folder/$name: $!\n";
    return @{ JSON::PP::decode_json(do { local $/; readline $file }) };
}

# JSON as the Perl modules send it: text as bytes.
sub as_sent
{
    my ($value) = @_;
    return [map { as_sent($_) } @$value] if ref $value eq 'ARRAY';
    return $value if not defined $value or B::svref_2object(\$value)->FLAGS & (B::SVp_IOK | B::SVp_NOK);
    utf8::encode(my $text = $value);
    return $text;
}

# The value of Perl that a row of attributes.json describes, such as {"float": 3}, which is no integer to Perl.
sub perl_value
{
    my ($kind, $given) = %{ $_[0] };
    return $given if $kind eq 'int' or $kind eq 'text';
    return unpack 'd', pack 'd', $given if $kind eq 'float';
    return if $kind eq 'undef';
    return $given ? !!1 : !!0 if $kind eq 'truth';
    return [map { scalar perl_value($_) } @$given] if $kind eq 'list';
    if ($kind eq 'number used as text') {
        my $text = "$given";
        return $given;
    }
    if ($kind eq 'piddle') {
        require PDL::Lite;
        my ($type, $list) = @$given;
        return PDL->new($list)->convert(PDL::Type->new($type));
    }
    die "a value of kind $kind is unknown";
}

1;
