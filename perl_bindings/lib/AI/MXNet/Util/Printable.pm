package AI::MXNet::Util::Printable;
# Hashes that show what is in them. POD at the end.
use strict;
use warnings;
use Data::Dumper ();
use overload '""' => sub { my ($self) = @_; return Data::Dumper->new([{%$self}])->Indent(1)->Sortkeys(1)->Terse(1)->Dump }, fallback => 1;

1;

__END__

=head1 NAME

AI::MXNet::Util::Printable - hashes that show what is in them

=head1 SYNOPSIS

    use AI::MXNet::Util::Printable;

    my $settings = bless { rate => 0.1 }, 'AI::MXNet::Util::Printable';
    print "settings: $settings";

=head1 DESCRIPTION

A hash that is blessed into this class, or one that inherits from it, is as text what L<Data::Dumper> makes of it, with its
keys in order.

=head1 SEE ALSO

L<Data::Dumper>

=cut
