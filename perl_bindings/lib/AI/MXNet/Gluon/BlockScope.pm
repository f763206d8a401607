package AI::MXNet::Gluon::BlockScope;
# What names the blocks and parameters that are made inside of a block: its prefix, and a count of each hint.
use strict;
use warnings;
use AI::MXNet::Gluon::ParameterDict;
use AI::MXNet::Symbol::NameManager;

our $CURRENT;    # the block whose scope it is

# The prefix and the parameters of a new block, made of what its constructor was given.
sub create
{
    my ($class, $prefix, $params, $hint) = @_;
    if (not defined $CURRENT) {
        $prefix //= AI::MXNet::Symbol::NameManager->current->get(undef, $hint) . '_';
        return ($prefix, defined $params ? _sharing($params) : AI::MXNet::Gluon::ParameterDict->new($prefix));
    }
    $prefix //= $hint . $CURRENT->{_name_counts}{$hint}++ . '_';
    my $parent = $CURRENT->params;
    $params = defined $params ? _sharing($params) : AI::MXNet::Gluon::ParameterDict->new($parent->prefix . $prefix, $parent->_shared);
    return ($CURRENT->prefix . $prefix, $params);
}

sub _sharing { my ($params) = @_; return AI::MXNet::Gluon::ParameterDict->new($params->prefix, $params) }

# Runs the code in the scope of a block. A block that was made without prefix has none of its own.
sub within
{
    my ($class, $block, $code) = @_;
    AI::MXNet::Error::expect('name_scope takes code', CODE => $code);
    return $code->() if $block->{_scopeless};
    local $CURRENT = $block;
    local $AI::MXNet::NameManager = AI::MXNet::Symbol::Prefix->new(prefix => $block->prefix);
    return $code->();
}

1;

__END__

=head1 NAME

AI::MXNet::Gluon::BlockScope - names of what is made inside of a block

=head1 DESCRIPTION

Internal, and no part of the interface: it may change with any release. What C<< $block->name_scope >> stands on.

=head1 SEE ALSO

L<AI::MXNet::Gluon::Block>

=cut
