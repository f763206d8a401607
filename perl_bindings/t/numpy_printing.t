use strict;
use warnings;
use Test::More;
use AI::MXNet qw(mx nd);

sub printed
{
    my ($code) = @_;
    my $text = '';
    open my $handle, '>', \$text or die $!;
    my $before = select $handle;
    $code->();
    select $before;
    return $text;
}

subtest 'one dimension: each element has its own form' => sub {
    is nd->array([1, 2, 3])->asstr, '[1 2 3]';
    is nd->array([1.5, 2, -3.25])->asstr, '[ 1.5000       2 -3.2500]';
    is nd->array([-1, 100, 5])->asstr, '[  -1  100    5]';
    is nd->array([1, 'nan', 'inf', '-inf'])->asstr, '[   1  NaN  Inf -Inf]';
    is nd->array([])->asstr, '[]';
    is nd->std(nd->array([1, 3]))->asstr, '1.0000', 'none: the number';
    is nd->array([9007199254740991], dtype => 'int64')->asstr, '[9007199254740991]';
    is nd->isnan(nd->array([1, 'nan']))->asstr, '[0 1]';
};

subtest 'more dimensions: a column has one form' => sub {
    is nd->array([[1, 2.5], [3, -4]])->asstr, "[[      1  2.5000]\n [      3 -4.0000]]";
    is nd->array([[[1.5, 2]], [[-3, 4]]])->asstr, "[[[ 1.5000       2]]\n\n [[-3.0000       4]]]";
    is nd->ones([2, 1, 1, 1])->asstr, "[[[[1]]]\n\n\n [[[1]]]]";
};

subtest 'formats' => sub {
    my $x = nd->array([1.5, 2, -3.25]);
    is $x->asstr('%.2f'), '[ 1.50  2.00 -3.25]', 'one with places is for every element';
    is $x->asstr('%d'), '[ 1  2 -3]';
    is $x->asstr('%g'), '[  1.5     2 -3.25]', 'another leaves whole numbers';
    is $x->asstr('%8.3f'), '[    1.500     2.000    -3.250]';
};

subtest 'long arrays' => sub {
    is nd->array([0 .. 1000])->asstr, '[   0    1    2 ...  998  999 1000]';
    my $wide = nd->zeros([4, 300]);
    $wide->slice(1, 100) .= -12345;
    is((split /\n/, $wide->asstr)[0], '[[     0      0      0 ...      0      0      0]', 'hidden elements count for the width');
    is length nd->array([0 .. 999])->asstr, 4001, 'a thousand are shown';
};

subtest 'options' => sub {
    my $x = nd->array([[1, 2.5], [3, -4.125]]);
    nd->set_printoptions(precision => 2);
    is $x->asstr, "[[    1  2.50]\n [    3 -4.12]]";
    nd->set_printoptions(suppress => 1);
    is $x->asstr, "[[     1    2.5]\n [     3 -4.125]]";
    nd->set_printoptions(threshold => 5, edge => 1);
    is nd->array([[0 .. 3], [4 .. 7], [8 .. 11]])->asstr, "[[ 0 ...  3]\n ...\n [ 8 ... 11]]";
    nd->set_printoptions(8);
    is nd->array([1 / 3])->asstr, '[0.33333334]';
    nd->set_printoptions();
    is nd->array([1 / 3])->asstr, '[0.3333]';
    ok !eval { nd->set_printoptions(width => 3); 1 };
    like $@, qr/no such named parameter: width/;
    ok !eval { nd->set_printoptions(precision => -1); 1 };
    like $@, qr/precision is an integer from 0, but got -1/;
};

subtest 'print' => sub {
    my $x = nd->array([1, 2]);
    my $line = "<AI::MXNet::NDArray 2 \@cpu(0)> AI::MXNet::NDArray float32\n";
    is printed(sub { nd->print('Data:', $x) }), "Data:[1 2]\n$line";
    is printed(sub { $x->print }), "[1 2]\n$line";
    is printed(sub { nd->print('text') }), "text\n";
    is printed(sub { nd->print([1, 'a', { b => [] }]) }), qq([1, "a", { b => [] }]\n);
    is printed(sub { nd->print({ b => $x, a => 3 }) }), "a => 3b:\n[1 2]\n$line";
    is printed(sub { nd->print('%d of %s', 1, 'x') }), "1 of x\n";
    my $slice = nd->array([[1, 2], [3, 4]])->slice([0, 1], 0);
    like printed(sub { nd->print($slice) }), qr/2x1 \@cpu\(0\)> AI::MXNet::NDArray::Slice float32$/;
    like printed(sub { $slice->print }), qr/AI::MXNet::NDArray::Slice float32$/;
};

subtest 'printf' => sub {
    my $x = nd->array([1, 2]);
    my $line = "<AI::MXNet::NDArray 2 \@cpu(0)> AI::MXNet::NDArray float32";
    is printed(sub { nd->printf('%.2f', $x) }), "[1.00 2.00]\n$line\n";
    is printed(sub { nd->printf("Data:\n%.1f\n", $x) }), "Data:\n[1.0 2.0]\n$line\n\n";
    is printed(sub { nd->printf('%d and %s', 3, 'abc') }), "3 and abc\n";
    is printed(sub { nd->printf('shape: %s', [2, 2]) }), "shape: [2, 2]\n";
    is printed(sub { nd->printf("%5.1f|%d\n", $x, 3) }), "[  1.0   2.0]\n$line\n|3\n\n", 'with a width';
    is printed(sub { $x->printf }), "[1 2]\n$line\n";
};

subtest 'help' => sub {
    like printed(sub { nd->help('dot') }), qr/\A={80}\ndot .*nd->dot\(\$lhs, \$rhs, transpose_a => 0.*Gradient: yes.*Example:\n\s+nd->dot\(\[\[1, 2\], \[3, 4\]\], \[\[5\], \[6\]\]\)\n\s+\[\[17\] \[39\]\]/s;
    like printed(sub { nd->help('std') }), qr/_npi_std\n\nnd->std\(\$a, axis => undef/;
    is printed(sub { nd->help('no_such_function') }), "No documentation found for pattern or function: 'no_such_function'\n";
    my @soft = nd->find_functions('*soft*', 1);
    ok 3 < @soft && !grep { $_->{__name__} !~ /soft/ or !length $_->{__doc__} } @soft;
    like printed(sub { nd->find_functions('one_hot') }), qr/^\d+ one_hot$/m;
    my $first = nd->find_functions('argmax', 1);
    is $first->{__name__}, 'argmax', 'the name itself comes first';
    like printed(sub { nd->list_functions }), qr/^_npi_std\n.*^softmax$/ms;
};

subtest 'the examples of help run' => sub {
    my ($run, @wrong) = (0);
    for my $found (nd->find_functions('*', 1)) {
        my ($code, $result) = $found->{__doc__} =~ /^Example:\n    (nd->[\w>-]+\([^\$]*\))\n        ([\[0-9].*)\z/m or next;
        my $value = eval $code;
        $value = [$value] unless ref $value eq 'ARRAY';
        my $got = eval { join ', ', map { $_->asstr('%.4f') =~ s/\n//gr =~ s/(\.\d*?)0+(?=[\] ]|\z)/$1/gr =~ s/\.(?=[\] ]|\z)//gr =~ s/ +/ /gr =~ s/\[ /[/gr =~ s/-0(?=[\] ])/0/gr } @$value } // $@;
        $run++;
        push @wrong, "$code: $got" if $got ne $result =~ s/-0(?=[\] ])/0/gr;
    }
    ok $run > 40;
    is_deeply \@wrong, [];
};

done_testing;
