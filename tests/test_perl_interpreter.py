"""Python drives Perl: every kind of value, reference, call, exception and end, with a real Perl."""

import doctest
import gc
import operator
import pickle
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest

from python_engine.perl import (
    Interpreter,
    PerlArray,
    PerlCode,
    PerlException,
    PerlHash,
    PerlObject,
    PerlScalar,
)

ROOT = Path(__file__).resolve().parent.parent


# -- evaluation ------------------------------------------------------------------------------------------------------


def test_code_is_evaluated_in_the_context_that_is_asked_for(i):
    context = 'wantarray ? "list" : defined wantarray ? "scalar" : "void"'
    i.Fcontext = i(f"sub {{ {context} }}")
    assert i("context()") == "scalar"
    assert i["context()"] == i.list_context("context()") == ["list"]
    i.void_context("sub note { $noted = " + context + " } note()")
    assert i.Snoted == "void"
    assert (i.Fcontext(), i.Fcontext.list_context()) == ("scalar", ["list"])
    assert i.Fnote.void_context() is None
    assert i.Snoted == "void"


def test_contexts_give_what_perl_gives(i):
    assert i("my @x = (7, 8, 9); @x") == 3
    assert i["my @x = (7, 8, 9); @x"] == [7, 8, 9]
    assert i("return") is None
    assert i["return"] == []
    assert i.void_context("7") is None


def test_code_sees_the_values_behind_it_and_nothing_of_ours(i):
    assert i("join '-', @_", 1, "b", None, 2.5) == "1-b--2.5"
    assert i("join ',', grep { !defined } $CODE, $ERROR, $socket, $codec, @RESULT") == ",,,"
    assert i("__PACKAGE__") == "main"
    assert i("no strict; $undeclared_before = 3; ${'undeclared_before'}") == 3


def test_code_may_be_many_lines_with_here_documents_packages_and_text(i):
    code = """
        package Counter;
        my $count = 0;
        sub next_one { return ++$count }
        package main;
        my $text = <<END;
naïve ☃
END
        chomp $text;
        Counter::next_one() . Counter::next_one() . " $text";
    """
    assert i(code) == "12 naïve ☃"
    assert i("length '☃'") == 1


def test_errno_survives_from_call_to_call(i):
    i.void_context("open my $file, '<', '/nonexistent/file'")
    assert i("$!{ENOENT} ? 1 : 0") == 1


# -- variables, arrays, hashes, references ---------------------------------------------------------------------------


def test_variables_are_attributes(i):
    i.Sx, i.Ax, i.Hx = 5, (1, "b"), {"k": [1], 2: None}
    assert i('"$x @x $x{k}[0]"') == "5 1 b 1"
    assert (i.Sx, list(i.Ax), i.Hx) == (5, [1, "b"], {"k": [1], "2": None})
    i.void_context("$x = [1, 2]; @x = (); $x{new} = 1")
    assert (i.Sx, i.Ax, sorted(i.Hx)) == ([1, 2], [], ["2", "k", "new"])
    i.void_context("$Deep::Er::v = 6")
    assert getattr(i, "SDeep::Er::v") == 6
    i.Fdouble = lambda x: 2 * x
    assert i("double(21)") == i.Fdouble(21) == 42
    assert i.Sundefined is None


def test_attributes_that_are_no_variables_are_refused(i):
    for name in "Fundefined", "foo", "Xfoo", "S", "S-x":
        with pytest.raises(AttributeError):
            getattr(i, name)
    with pytest.raises(AttributeError):
        i.foo = 3
    with pytest.raises(TypeError):
        i.Ffoo = 3


def test_an_array_reference_is_a_list_that_both_sides_see(i):
    a = i("$shared = [1, 'b', [3]]")
    assert type(a) is PerlArray
    assert (a[0], a[-1][0], a[0:2], a[::-1][1:]) == (1, 3, [1, "b"], ["b", 1])
    a[1], a[-1] = "B", 3.5
    a.append(4)
    a += [5, 6]
    a.insert(0, "first")
    a.insert(-1, "last but one")
    assert i('join " ", @$shared') == "first 1 B 3.5 4 5 last but one 6"
    del a[0], a[-1]
    a[1:4] = ["x"]
    assert list(a) == [1, "x", 5, "last but one"]
    del a[2:]
    i.void_context("push @$shared, 'z'")
    assert (a, len(a), a.pop(), "x" in a, a.index("x")) == ([1, "x", "z"], 3, "z", True, 1) or a == [1, "x"]
    assert a == [1, "x"] and a != [1] and a != "1x"
    a.clear()
    assert i("scalar @$shared") == 0
    assert repr(a).startswith("<PerlArray ARRAY #")


def test_an_array_reference_has_the_errors_of_a_list(i):
    a = i("[1, 2]")
    for act in (lambda: a[2], lambda: a[-3], lambda: a.__setitem__(2, 0), lambda: a.__delitem__(2)):
        with pytest.raises(IndexError, match="of 2 elements"):
            act()
    with pytest.raises(TypeError, match="an int or a slice"):
        a["x"]
    with pytest.raises(TypeError):
        hash(a)


def test_a_hash_reference_is_a_dict_that_both_sides_see(i):
    h = i("$shared = { a => 1, 'ü' => [2] }")
    assert type(h) is PerlHash
    assert (h["a"], h["ü"][0], h.get("x"), "a" in h, "x" in h, len(h)) == (1, 2, None, True, False, 2)
    h["b"] = {"c": 3}
    assert i("$shared->{b}{c}") == 3
    i.void_context("delete $shared->{a}")
    assert sorted(h) == sorted(h.keys()) == ["b", "ü"]
    assert dict(h.items())["b"] == {"c": 3}
    assert h.pop("b")["c"] == 3
    h.update(x=1, y=2)
    del h["x"]
    assert h == {"ü": [2], "y": 2}
    assert h.to_dict() == {"ü": [2], "y": 2}
    for act in (lambda: h["x"], lambda: h.__delitem__("x")):
        with pytest.raises(KeyError, match="x"):
            act()
    h.clear()
    assert i("scalar keys %$shared") == 0


def test_a_scalar_reference_is_read_and_written(i):
    s = i("$target = 5; \\$target")
    assert (type(s), s.value) == (PerlScalar, 5)
    s.value = ["a"]
    assert i("$target->[0]") == "a"
    assert i("\\\\'x'").value.value == "x"


def test_one_referent_is_one_object(i, same):
    a = i("$one = [[1], {}]")
    assert a is same(a) is i.Sone
    assert a[0] is a[0] is list(a)[0]
    assert i("$_[0] == $one", a)
    assert i.Ax is i("\\@x")
    code = i("sub { 1 }")
    assert same(code) is code


def test_undef_in_data_is_none_and_not_missing(i):
    assert i("[undef]")[0] is None
    assert i("{ k => undef }")["k"] is None
    assert i("[undef, undef]") == [None, None]


def test_proxies_can_neither_be_copied_nor_pickled(i):
    for value in i("[]"), i("bless {}, 'Some'"):
        with pytest.raises(TypeError, match="lives in a Perl process"):
            pickle.dumps(value)


# -- classes, objects, code ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def point(i):
    i.void_context("""
        package Point;
        use overload '+' => sub { Point->new($_[0]{x} + (ref $_[1] ? $_[1]{x} : $_[1]), 0) },
            '-' => sub { my ($s, $o, $swapped) = @_; Point->new($swapped ? $o - $s->{x} : $s->{x} - $o, 0) },
            '<=>' => sub { my ($s, $o, $swapped) = @_; ($s->{x} <=> (ref $o ? $o->{x} : $o)) * ($swapped ? -1 : 1) },
            '""' => sub { "($_[0]{x}, $_[0]{y})" }, 'bool' => sub { $_[0]{x} != 0 };
        sub new { my ($class, $x, $y) = @_; return bless { x => $x, y => $y }, $class }
        sub xy {
            my ($self, %add) = @_;
            return wantarray ? @$self{qw(x y)} : $self->{x} + $self->{y} + ($add{plus} // 0);
        }
        sub _private { 'private' }
    """)
    return i.package("Point")


def test_classes_construct_and_methods_keep_contexts(i, point):
    p = point(3, 4)
    assert (type(p), str(p), repr(point)) == (PerlObject, "(3, 4)", "<PerlClass Point>")
    assert (p.xy(), p.xy.list_context(), p.xy.void_context()) == (7, [3, 4], None)
    assert p.xy(plus=10) == 17
    assert point.new(1, 2).xy() == 3
    assert (p._private(), p.isa("Point"), bool(point.can("xy"))) == ("private", True, True)
    assert i("$_[0]->new(5, 6)", point).xy() == 11
    assert getattr(p, "Point::xy")() == 7
    assert repr(p).startswith("<PerlObject Point #")


def test_objects_are_read_through(i, point):
    p = point(3, 4)
    assert (p["x"], len(p), sorted(p), "y" in p, "z" in p) == (3, 2, ["x", "y"], True, False)
    p["z"] = [1]
    assert p["z"] == [1]
    del p["z"]
    for act in (lambda: p["z"], lambda: p.__delitem__("z")):
        with pytest.raises(KeyError, match="z"):
            act()
    array = i("bless [5, 6], 'Some'")
    assert (array[1], array[-1], len(array), list(array)) == (6, 6, 2, [5, 6])
    array[0] = 7
    assert i("$_[0][0]", array) == 7
    for act in (lambda: array[2], lambda: array.__setitem__(2, 0)):
        with pytest.raises(IndexError):
            act()
    with pytest.raises(PerlException, match="neither array nor hash"):
        len(i("bless \\my $x, 'Some'"))
    assert i("package Both; use overload '@{}' => sub { [1, 2] }; bless {}, 'Both'")[1] == 2


def test_objects_have_perls_operators(i, point):
    p = point(3, 4)
    assert (str(p + 1), str(1 + p), str(p + p)) == ("(4, 0)", "(4, 0)", "(6, 0)")
    assert (str(p - 1), str(10 - p), str(-p)) == ("(2, 0)", "(7, 0)", "(-3, 0)")
    assert p < 4 and p <= 3 and p > point(2, 9) and operator.lt(2, p) and p == 3 and p != 4 and p == point(3, 0)
    assert bool(p) and not point(0, 1)
    with pytest.raises(TypeError):
        p * 2
    with pytest.raises(TypeError, match="no operator ~"):
        operator.invert(p)
    plain = i("bless {}, 'Some'")
    assert plain == plain and plain != i("bless {}, 'Some'") and plain in {plain}
    with pytest.raises(TypeError):
        plain + 1


def test_objects_that_are_numbers_convert(i):
    i.use("Math::BigInt")
    big = i("Math::BigInt->new('123456789012345678901234567890')")
    assert int(big) == 123456789012345678901234567890
    assert float(big) == 1.2345678901234568e29
    assert int(i("package N; use overload '0+' => sub { 2.75 }, '\"\"' => sub { 'two' }; bless [], 'N'")) == 2
    for value in i("bless [], 'Some'"), i("package T; use overload '\"\"' => sub { 'two' }; bless [], 'T'"):
        with pytest.raises(TypeError, match="is not a number"):
            float(value)


def test_missing_methods_and_modules_raise_perls_message(i, point):
    with pytest.raises(PerlException, match='object method "nope" via package "Point"'):
        point(1, 2).nope()
    with pytest.raises(PerlException, match="Can't locate No/Such/Module.pm"):
        i.use("No::Such::Module")
    for name in "No such", "A::B;die", "", "../x":
        with pytest.raises(PerlException, match="no name of a module"):
            i.use(name)
    for name in "__array__", "_repr_html_":
        assert not hasattr(point, name) and not hasattr(point(1, 2), name)


def test_use_loads_and_imports(i):
    i.use("List::Util", "sum0", "first")
    assert i("sum0(1 .. 4)") == 10
    assert i.Ffirst(i("sub { $_ > 2 }"), 1, 2, 3, 4) == 3
    assert i.use("File::Spec").catfile("a", "b") == "a/b"
    i.use("POSIX")
    assert i("floor(2.5)") == 2


def test_include_names_folders_of_modules(tmp_path):
    (tmp_path / "Local.pm").write_text("package Local; sub one { 1 } 1;")
    with Interpreter(include=[tmp_path]) as i:
        assert i.use("Local").one() == 1


def test_code_references_are_called(i):
    add = i("sub { $_[0] + $_[1] }")
    assert (type(add), add(2, 3)) == (PerlCode, 5)
    assert i("sub { @_ }").list_context(1, [2], key="v") == [1, [2], "key", "v"]
    assert i("bless sub { \"called $_[0]\" }, 'Some'")(1) == "called 1"
    counter = i("my $n = 0; sub { ++$n }")
    assert [counter(), counter()] == [1, 2]


def test_file_handles_and_patterns_are_objects(i, tmp_path):
    path = str(tmp_path / "file")
    handle = i("open my $f, '>', $_[0] or die; $f", path)
    i.void_context("print { $_[0] } 'text'; close $_[0]", handle)
    assert Path(path).read_text() == "text"
    pattern = i("qr/a+/i")
    assert (str(pattern), i("'xAAy' =~ $_[0] ? $& : ''", pattern)) == ("(?^i:a+)", "AA")
    assert i("fileno $_[0]", i("*STDOUT")) == 1


# -- calls of Python ---------------------------------------------------------------------------------------------------


def test_python_functions_are_code_references(i, same):
    def add(a, b=10):
        return a + b

    assert i("ref $_[0]", add) == "CODE"
    assert i("$_[0]->(1, 2) . $_[0]->(5)", add) == "315"
    assert same(add) is add
    assert same(len) is len and i("$_[0]->([1, 2])", len) == 2
    assert i("my %h = (f => $_[0]); \\%h", add)["f"] is add
    assert i("$_[0]->('2a', 16)", int) == 42


def test_functions_see_the_context_through_tuples(i):
    def pair():
        return 1, [2]

    assert i.list_context("$_[0]->()", pair) == [1, [2]]
    assert i("$_[0]->()", pair) == [1, [2]]
    assert i.list_context("$_[0]->()", lambda: [1, 2]) == [[1, 2]]
    assert i.list_context("$_[0]->()", lambda: ()) == []
    assert i.list_context("$_[0]->()", lambda: None) == [None]


def test_perl_calls_python_calls_perl(i):
    def factorial(n):
        return 1 if n <= 1 else i("$_[0] * $_[1]->($_[0] - 1)", n, factorial)

    assert factorial(15) == 1307674368000
    words = i.list_context("sort { $_[0]->($a, $b) } qw(pear fig apple)", lambda a, b: len(a) - len(b))
    assert words == ["fig", "pear", "apple"]


def test_calls_nest_to_a_limit(i):
    def forever(n):
        return i("$_[0]->($_[1] + 1)", forever, n)

    with pytest.raises(RecursionError, match="deeper than 32"):
        forever(0)
    assert i("1") == 1


def test_other_objects_of_python_are_opaque_and_themselves_again(i, same):
    class Thing:
        pass

    thing = Thing()
    assert same(thing) is thing
    assert i("ref $_[0]", thing) == "AI::MXNet::Interpreter::Object"
    assert i('"$_[0]"', thing) == "a Python object of type Thing"
    assert i("$_[0] == $_[1]", thing, thing) and not i("$_[0] == $_[1]", thing, Thing())
    i.Sthing, held = thing, weakref.ref(thing)
    del thing
    gc.collect()
    assert type(held()) is Thing and i.Sthing is held()
    for value in {1, 2}, 1j, object, i:
        assert same(value) is value


def test_callbacks_leave_the_eval_error_of_their_caller_alone(i):
    assert i("eval { die qq(kept\\n) }; $_[0]->(); $@", lambda: i("eval { 1 }")) == "kept\n"


def test_perl_is_not_called_while_a_message_is_made(own):
    class Calls(dict):
        def items(self):
            return own("1")

    with pytest.raises(RuntimeError, match="while a message to it is made"):
        own("1", Calls())
    with pytest.raises(RuntimeError, match="while a message to it is made"):
        own("$_[0]->()", Calls)
    assert own("2") == 2


# -- exceptions --------------------------------------------------------------------------------------------------------


def test_perls_message_names_the_line_of_python(i):
    line = sys._getframe().f_lineno + 2
    with pytest.raises(PerlException) as caught:
        i("die 'oops'")
    assert str(caught.value) == f"oops at {__file__} line {line}."
    assert caught.value.value == f"oops at {__file__} line {line}.\n"
    i.void_context("sub fails { require Carp; Carp::croak('croaked') }")
    line = sys._getframe().f_lineno + 2
    with pytest.raises(PerlException) as caught:
        i.Ffails()
    assert str(caught.value) == f"croaked at {__file__} line {line}."


def test_syntax_errors_and_falsy_exceptions_are_exceptions(i):
    with pytest.raises(PerlException, match="syntax error"):
        i("1 +")
    with pytest.raises(PerlException, match="^0$"):
        i('die "0\\n"')
    with pytest.raises(PerlException):
        i("package False; use overload 'bool' => sub { 0 }, '\"\"' => sub { '' }; die bless [], 'False'")
    with pytest.raises(PerlException, match="real"):
        i("package Clears; sub DESTROY { eval { 1 } } package main; my $x = bless [], 'Clears'; die 'real'")
    assert i("eval { die 'caught' }; 5") == 5


def test_exception_objects_keep_the_object(i):
    with pytest.raises(PerlException) as caught:
        i("package My::Error; use overload '\"\"' => sub { 'text of it' }; sub code { $_[0]{code} } "
          "die bless { code => 7 }, 'My::Error'")  # fmt: skip
    assert (str(caught.value), caught.value.value.code(), caught.value.value["code"]) == ("text of it", 7, 7)
    with pytest.raises(PerlException, match="has no text"):
        i("package Mute; use overload '\"\"' => sub { die 'no' }; die bless [], 'Mute'")


def test_python_exceptions_pass_through_perl(i):
    failure = ValueError("bad ☃")

    def fails():
        raise failure

    with pytest.raises(ValueError) as caught:
        i("$_[0]->()", fails)
    assert caught.value is failure
    text = i("eval { $_[0]->(); 1 } ? 'none' : qq($@)", fails)
    assert text.startswith("ValueError: bad ☃ at ") and text.endswith(".\n")
    assert i("eval { $_[0]->() }; join '|', ref $@, $@->type, $@->message", fails) == (
        "AI::MXNet::Interpreter::Exception|ValueError|bad ☃"
    )
    assert i("eval { $_[0]->() }; $@", fails) is failure
    with pytest.raises(ValueError) as caught:
        i("eval { $_[0]->() }; die $@", fails)
    assert caught.value is failure
    with pytest.raises(TypeError, match="missing 1 required"):
        i("$_[0]->()", lambda x: x)


def test_perls_exceptions_pass_through_python(i):
    error = i("$error = bless {}, 'My::Plain::Error'")
    assert i("eval { $_[0]->() }; $@ == $error", lambda: i("die $error"))
    with pytest.raises(PerlException) as caught:
        i("$_[0]->()", lambda: i("die $error"))
    assert caught.value.value is error
    assert i("eval { $_[0]->() }; $@", lambda: i('die "text\\n"')) == "text\n"

    def raises():
        raise PerlException("made in Python")

    assert i("eval { $_[0]->() }; $@", raises).startswith(f"made in Python at {__file__} line ")


def test_values_that_cannot_be_returned_raise_where_they_are(i):
    assert "dtype object" in i("eval { $_[0]->() }; qq($@)", lambda: np.array([None]))
    with pytest.raises(TypeError, match="dtype object"):
        i("$_[0]->()", lambda: np.array([None]))


def test_warnings_appear_on_stderr_and_prints_on_stdout(capfd):
    i = Interpreter()
    i.void_context('print "printed ☃" =~ s/☃/!/r; print STDERR "told\\n"; warn "warned\\n"')
    out, err = capfd.readouterr()
    assert (out, err) == ("printed !", "told\nwarned\n")


# -- both languages ----------------------------------------------------------------------------------------------------


def test_the_examples_of_the_document_are_true():
    failures, count = doctest.testfile(str(ROOT / "docs/python_drives_perl.md"), module_relative=False)
    assert count > 30 and failures == 0


def test_ai_mxnet_trains_in_perl_and_python_checks_the_weights(own):
    own.use("AI::MXNet", "mx", "nd")
    own.void_context("""
        sub train {
            my ($x, $y, $rate, $steps) = @_;
            my ($w, $b) = (nd->zeros([$x->shape->[1], 1]), nd->zeros([1]));
            $_->attach_grad for $w, $b;
            my @losses;
            for (1 .. $steps) {
                my $loss;
                mx->autograd->record(sub { $loss = ((nd->dot($x, $w) + $b - $y) ** 2)->mean });
                $loss->backward;
                $_ -= $rate * $_->grad for $w, $b;
                push @losses, $loss->asscalar;
            }
            return ($w->aspdl, $b->aspdl, \\@losses);
        }
    """)
    nd = own.package("nd")
    x = np.random.standard_normal((64, 3)).astype(np.float32)
    y = x @ np.array([[1.5], [-2.0], [0.5]], np.float32) + 0.25
    weights, bias, losses = own.Ftrain.list_context(nd.array(x), nd.array(y), 0.2, 60)
    assert (weights.dtype, weights.shape, bias.shape) == (np.float32, (3, 1), (1,))
    np.testing.assert_allclose(weights, [[1.5], [-2.0], [0.5]], atol=1e-3)
    np.testing.assert_allclose(bias, [0.25], atol=1e-3)
    losses = losses.to_list()
    assert len(losses) == 60 and losses[-1] < 1e-5 < losses[0]

    # the same steps in NumPy
    w, b = np.zeros((3, 1), np.float32), np.zeros(1, np.float32)
    for loss in losses[:10]:
        error = x @ w + b - y
        np.testing.assert_allclose(loss, np.mean(error**2), rtol=1e-4)
        w, b = w - 0.2 * 2 * x.T @ error / 64, b - 0.2 * 2 * error.mean(keepdims=True)[0]


def test_ndarrays_of_perl_are_objects_with_operators_and_errors(own):
    own.use("AI::MXNet", "mx", "nd")
    nd = own.package("nd")
    x = nd.array([[1, 2], [3, 4]], dtype="float64")
    np.testing.assert_array_equal(((x + 1) * x - 1 / x).aspdl(), [[1, 5.5], [12 - 1 / 3, 19.75]])
    assert x.shape() == [2, 2] and x.dtype() == "float64"
    line = sys._getframe().f_lineno + 2
    with pytest.raises(PerlException, match=rf"MXNetError: .*at {__file__} line {line}\."):
        nd.dot(nd.ones([2, 3]), nd.ones([2, 3]))
    large = np.random.standard_normal((300, 400)).astype(np.float32)
    np.testing.assert_array_equal(nd.array(large).T().aspdl(), large.T)
