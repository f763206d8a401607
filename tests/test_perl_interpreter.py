"""Python drives Perl: every kind of value, reference, call, exception and end, with a real Perl."""

import contextlib
import doctest
import gc
import operator
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path

import numpy as np
import pytest

from python_engine.perl import (
    Interpreter,
    InterpreterGone,
    PerlArray,
    PerlCode,
    PerlException,
    PerlHash,
    PerlObject,
    PerlScalar,
)
from python_engine.perl.values import DTYPES

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def i():
    """One interpreter for all tests that leave it as it was."""
    with Interpreter() as interpreter:
        yield interpreter


@pytest.fixture
def own():
    """An interpreter of the test's own."""
    with Interpreter() as interpreter:
        yield interpreter


@pytest.fixture(scope="module")
def same(i):
    """A Perl function that returns its argument."""
    return i("sub { $_[0] }")


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


# -- values ----------------------------------------------------------------------------------------------------------

INTEGERS = [0, 1, -1, 127, 128, -129, 2**31, -(2**31), 2**53 + 1, 2**63 - 1, -(2**63), 2**63, 2**64 - 1]
TEXTS = ["", "a", "12", "0", "naïve", "日本", "\U0001f40d", "a\0b", "\n", "x" * 70_000, "é" * 300]


@pytest.mark.parametrize("value", INTEGERS)
def test_integers_of_64_bits_are_exact(same, value):
    assert same(value) == value
    assert type(same(value)) is int
    assert same.list_context(value) == [value]


@pytest.mark.parametrize("value", [2**64, -(2**63) - 1, 10**40, -(3**200)])
def test_larger_integers_are_big_ints(i, same, value):
    number = same(value)
    assert i("ref $_[0]", value) == "Math::BigInt"
    assert (int(number), str(number)) == (value, str(value))
    assert int(number + 1) == value + 1


@pytest.mark.parametrize("value", [0.0, -0.0, 1.5, 1e300, 5e-324, 0.1, 3.0, float("inf"), float("-inf"), float("nan")])
def test_floats_are_exact(same, value):
    back = same(value)
    assert type(back) is float
    np.testing.assert_array_equal(np.float64(back).tobytes(), np.float64(value).tobytes())


@pytest.mark.parametrize("value", TEXTS, ids=lambda text: repr(text[:6]))
def test_text_is_text(i, same, value):
    assert same(value) == value
    assert i("length $_[0]", value) == len(value)


@pytest.mark.parametrize("value", [b"\xff\x00", bytes(range(256)), "é".encode(), b"\x80" * 70_000])
def test_bytes_are_bytes(i, same, value):
    assert same(value) == value
    assert i("length $_[0]", value) == len(value)
    assert same(bytearray(value)) == same(memoryview(value)) == value


def test_ascii_strings_are_text_whatever_they_were(same):
    assert same(b"abc") == "abc"


def test_numbers_used_as_strings_and_strings_used_as_numbers_stay_what_they_are(i):
    assert i('my $n = 5; my $s = "$n"; $n') == 5
    assert i('my $n = 2.5; my $s = "$n"; $n') == 2.5
    assert i('my $n = "5"; my $m = $n + 1; $n') == "5"
    assert i('"12" + "30"') == 42
    assert i("$_[0] + 1", "41") == 42
    for count in "my @none; @none", "grep { 1 } ()", "0", "length ''", "my %none; keys %none":
        assert type(i(count)) is int and i(count) == 0


def test_true_and_false_are_booleans(i, same):
    assert same(True) == 1
    assert not same(False)
    assert i("$_[0] eq ''", False)
    if i("$] >= 5.036"):
        assert [same(True), same(False), i("1 == 1"), i("!1"), same(np.bool_(True))] == [True, False, True, False, True]
        assert all(type(x) is bool for x in (same(True), same(False), i("1 == 2")))


def test_characters_that_python_lacks_are_refused(i):
    with pytest.raises(PerlException, match=r"no characters beyond U\+10FFFF"):
        i('"\\x{110000}"')
    assert i('"\\x{10FFFF}"') == "\U0010ffff"
    assert i("ord $_[0]", "\ud800") == 0xD800


def test_numpy_scalars_are_numbers(same):
    assert (same(np.int8(-3)), same(np.uint64(2**64 - 1)), same(np.float32(0.5))) == (-3, 2**64 - 1, 0.5)


def test_lists_and_dicts_are_copied_to_perl(i):
    data = {"a": [1, [2, {"b": None}], (3,)], "ü": {}, b"\xfe": [], 5: "five"}
    got = i("$_[0]", data)
    assert type(got) is PerlHash
    assert got.to_dict() == {"a": [1, [2, {"b": None}], [3]], "ü": {}, b"\xfe": [], "5": "five"}
    got["a"].append(9)
    assert len(data["a"]) == 3


def test_deep_and_circular_data_are_refused(i, same):
    deep = []
    for _ in range(99):
        deep = [deep]
    assert same(deep).to_list() == deep
    circle = []
    circle.append(circle)
    for value in [deep], circle:
        with pytest.raises(ValueError, match="deeper than 100 levels"):
            same(value)
    with pytest.raises(PerlException, match="deeper than 100 levels"):
        i("my $x = []; $x->[0] = $x; $x").to_list()
    i.void_context("undef $_[0][0]", i("my $x = []; $x->[0] = $x; $x"))
    assert same(1) == 1


def test_messages_that_no_frame_holds_are_refused(i, same):
    with pytest.raises(ValueError, match="large data travel as arrays"):
        same([0] * 300_000)
    with pytest.raises(PerlException, match="large data travel as piddles"):
        i["1 .. 300_000"]
    assert len(same([0] * 100_000)) == 100_000


@pytest.mark.parametrize("key", [None, 1.5, True, (1,)])
def test_keys_that_perl_has_not_are_refused(i, same, key):
    with pytest.raises(TypeError, match="a key of a Perl hash"):
        same({key: 1})
    with pytest.raises(TypeError, match="a key of a Perl hash"):
        i("{}")[key]


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


# -- what lives and dies -----------------------------------------------------------------------------------------------


def test_a_thousand_objects_leave_none_on_either_side(own):
    own.void_context("package Some; sub new { bless {}, $_[0] } sub DESTROY { $destroyed++ }")
    some = own.package("Some")
    before = own.counts()
    objects = [some.new() for _ in range(1000)]
    assert own.counts() == (before[0] + 1000, before[1])
    objects.clear()
    gc.collect()
    assert own.counts() == before
    assert own("$Some::destroyed") == 1000

    class Thing:
        pass

    own.Aheld = [Thing() for _ in range(500)] + [lambda n=n: n for n in range(500)]
    assert own("$held[700]->()") == 200
    references = [weakref.ref(own.Aheld[0]), weakref.ref(own.Aheld[999])]
    assert own.counts() == (before[0], before[1] + 1000)
    own.Aheld = []
    gc.collect()
    assert own.counts() == before
    assert [r() for r in references] == [None, None]


def test_exceptions_calls_and_refused_messages_leave_nothing(own):
    before = own.counts()

    def fails(_):
        raise ValueError

    for _ in range(50):
        with pytest.raises(ValueError):
            own("$_[0]->([$_[0]])", fails)
        with pytest.raises(PerlException):
            own("die [1]")
        with pytest.raises(TypeError):
            own("1", object(), fails, np.array([None]))
        own("$_[0]", fails)
        own("[$_[0]]", own("{}"))
    with pytest.raises(PerlException, match="one message cannot carry"):
        own["[], {}, (0) x 300_000"]
    gc.collect()
    own("1")
    assert own.counts() == before


def test_an_object_on_its_way_again_is_not_lost(own):
    own.Skept = [1]
    for _ in range(200):
        # the last proxy of the array dies while the next message brings it again
        assert own.Skept == [1]
        assert own.Skept[0] == 1
    thing = object()
    own.Sthing = thing
    for _ in range(200):
        assert own("my $x = $thing; undef $thing; $thing = $_[0]; $x", thing) is thing


def test_destructors_may_call_python(own):
    said = []
    own.void_context("package Talks; sub new { bless { f => $_[1] }, $_[0] } sub DESTROY { $_[0]{f}->('bye') }")
    talks = own.package("Talks").new(lambda word: said.append(own(f"'{word}' . '!'")))
    del talks
    own("1")
    assert said == ["bye!"]


# -- piddles -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pdl(i):
    i.use("PDL")
    return i


VIEWS = {
    "whole": lambda a: a,
    "transposed": lambda a: a.T,
    "strided": lambda a: a[::2, 1:],
    "reversed": lambda a: a[::-1, ::-1],
    "Fortran order": np.asfortranarray,
    "empty": lambda a: a[:0],
    "without dimensions": lambda a: np.array(a[1, 1]),
    "four dimensions": lambda a: a.reshape(2, 2, 1, 3),
}


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_arrays_of_every_type_and_layout_return_unchanged(pdl, same, dtype):
    base = (np.arange(12) * 7 - (0 if dtype.kind == "u" else 20)).astype(dtype).reshape(4, 3)
    if dtype.kind == "c":
        base = base * (1 + 2j)
    if dtype.kind in "iu":
        base[0, :2] = np.iinfo(dtype).min, np.iinfo(dtype).max
    base = base.astype(dtype)
    for name, view in VIEWS.items():
        array = view(base)
        back = same(array)
        assert (back.dtype, back.shape) == (dtype, array.shape), name
        np.testing.assert_array_equal(back, array, err_msg=name)
        assert back.flags.writeable and back.base is not base


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_perl_sees_the_same_numbers_and_types(pdl, dtype):
    array = np.array([[1, 2, 3], [4, 5, 6]]).astype(dtype)
    assert pdl.list_context("$_[0]->dims", array) == [3, 2]
    assert pdl("$_[0]->at(2, 0) == 3 && $_[0]->at(0, 1) == 4 ? 1 : 0", array) == 1
    types = {"longdouble": "ldouble", "clongdouble": "cldouble", "int64": "longlong", "uint8": "byte", "int8": "sbyte"}
    types |= {"complex64": "cfloat", "complex128": "cdouble", "float32": "float", "float64": "double"}
    types |= {"int16": "short", "uint16": "ushort", "int32": "long", "uint32": "ulong", "uint64": "ulonglong"}
    assert pdl("$_[0]->type . ''", array) == types[DTYPES[dtype]]


def test_piddles_of_every_kind_arrive(pdl):
    np.testing.assert_array_equal(pdl("sequence(4, 3)"), np.arange(12.0).reshape(3, 4))
    np.testing.assert_array_equal(pdl("sequence(4, 3)->slice('-1:0:-2,1:')"), np.arange(12.0).reshape(3, 4)[1:, ::-2])
    np.testing.assert_array_equal(pdl("sequence(4, 3)->transpose"), np.arange(12.0).reshape(3, 4).T)
    np.testing.assert_array_equal(pdl("sequence(3)->dummy(0, 2)"), [[0, 0], [1, 1], [2, 2]])
    np.testing.assert_array_equal(pdl("sequence(5)->which"), [1, 2, 3, 4])
    assert pdl("pdl(7)").shape == () and pdl("pdl(7)") == 7
    assert pdl("zeroes(0)").shape == (0,) and pdl("zeroes(long, 2, 0, 3)").shape == (3, 0, 2)
    assert pdl("which(pdl(1))").dtype == np.int64
    arrays = pdl["sequence(2), xvals(long, 2, 2), 'text', ones(1)"]
    assert [getattr(a, "shape", a) for a in arrays] == [(2,), (2, 2), "text", (1,)]
    nested = pdl("{ w => ones(2), l => [zeroes(1)] }").to_dict()
    assert nested["w"].tolist() == [1, 1] and nested["l"][0].tolist() == [0]


def test_large_arrays_go_both_ways(pdl, same):
    a, b = np.arange(70_000.0), np.arange(20_000, dtype=np.int32).reshape(100, 200).T
    back = pdl.list_context("@_", a, b, 5, a[:3])
    for got, want in zip(back, (a, b, 5, a[:3]), strict=True):
        np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(pdl("$_[0]->(a => $_[1] + 1)", lambda _, x: x * 2, a), (a + 1) * 2)
    huge = np.full((80, 1 << 20), 3, np.int8)  # after which the file is emptied
    assert pdl("$_[0]->sum", huge) == huge.size * 3
    assert same(huge).sum() == huge.size * 3
    np.testing.assert_array_equal(same(a), a)


def test_mapped_piddles_arrive(pdl, tmp_path):
    pdl.use("PDL::IO::FastRaw")
    code = "my $p = mapfraw($_[0], { Creat => 1, Dims => [80_000], Datatype => double->enum }); $p .= 5; $p"
    np.testing.assert_array_equal(pdl(code, str(tmp_path / "raw")), np.full(80_000, 5.0))


def test_dtypes_without_a_piddle_type_widen_or_are_refused(same):
    for dtype, wider in (bool, "uint8"), ("float16", "float32"), (">i4", "int32"), (">f8", "float64"):
        back = same(np.array([0, 1], dtype))
        assert (back.dtype, back.tolist()) == (np.dtype(wider), [0, 1])
    for array in np.array(["a"]), np.array([None]), np.array([0], "M8[s]"), np.zeros(1, "i4,f4"):
        with pytest.raises(TypeError, match="PDL has no type"):
            same(array)
    with pytest.raises(TypeError, match="masked array"):
        same(np.ma.masked_array([1, 2], [True, False]))


def test_bad_values_are_refused(pdl):
    with pytest.raises(PerlException, match="holds bad values"):
        pdl("pdl(1, 2, 3)->setbadif(pdl(0, 1, 0))")
    np.testing.assert_array_equal(pdl("my $p = pdl(1, 2); $p->badflag(1); $p"), [1, 2])


def test_subclasses_of_piddles_and_references_to_them_stay_objects(pdl):
    piddle = pdl("package Sub; our @ISA = ('PDL'); sub new { bless { PDL => PDL->sequence(3) }, $_[0] } Sub->new")
    assert type(piddle) is PerlObject and piddle.sum() == 3
    assert type(pdl("\\ sequence(3)")) is PerlScalar
    assert pdl("\\ sequence(3)").value.tolist() == [0, 1, 2]


# -- the process -------------------------------------------------------------------------------------------------------


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for(condition, seconds=5):
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.01)
    return condition()


def test_two_interpreters_know_nothing_of_each_other(own, i):
    own.Sx, i.Sx = "own", "other"
    assert (own("$x"), i("$x")) == ("own", "other")
    code = own('sub { "$x $_[0]" }')
    # a function of the one is a function of Python's to the other
    assert i("$_[0]->($x)", code) == "own other"
    assert own("ref $_[0]", i("[1]")) == "AI::MXNet::Interpreter::Object"
    assert own.pid != i.pid


def test_threads_take_turns(own):
    results = []

    def work(n):
        results.extend(own("my $s = 0; $s += $_ for 1 .. $_[0]; $s", n) == n * (n + 1) // 2 for _ in range(30))

    threads = [threading.Thread(target=work, args=[n]) for n in (10, 100, 1000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 90


def test_close_runs_end_blocks_and_says_so_afterwards(capfd):
    with Interpreter() as i:
        i.void_context('END { print "at the end\\n"; warn "last words\\n" }')
        value = i("[1]")
        pid = i.pid
    assert capfd.readouterr() == ("at the end\n", "last words\n")
    for act in (lambda: i("1"), lambda: value[0], lambda: i.Sx, lambda: i.counts()):
        with pytest.raises(InterpreterGone, match="was closed"):
            act()
    i.close()
    assert not Path(f"/proc/{pid}").exists()
    assert repr(i) == "<Interpreter of Perl, gone>"


def test_an_interpreter_that_nobody_refers_to_ends():
    i = Interpreter()
    pid, array = i.pid, i("[1]")
    del i
    assert array[0] == 1
    del array
    assert not Path(f"/proc/{pid}").exists()


def test_a_killed_interpreter_is_reported():
    i = Interpreter()
    i.void_context('print STDERR "one\\ntwo\\n"')
    os.kill(i.pid, signal.SIGKILL)
    for _ in range(2):
        with pytest.raises(InterpreterGone, match="killed by SIGKILL; the end of its stderr:\n    one\n    two"):
            i("1")
    assert not Path(f"/proc/{i.pid}").exists()


def test_a_perl_that_exits_or_is_killed_while_it_works_is_reported():
    for code, how in ("exit 3", "ended with status 3"), ("kill KILL => $$; sleep 9", "killed by SIGKILL"):
        with pytest.raises(InterpreterGone, match=how):
            Interpreter()(code)


def test_the_death_is_seen_although_a_forked_child_holds_the_socket():
    i = Interpreter()
    child = i("my $pid = fork; if (!$pid) { sleep 60; exit } $pid")
    try:
        with pytest.raises(InterpreterGone, match="SIGKILL"):
            i("kill KILL => $$; sleep 9")
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_forked_child_of_perl_ends_where_it_would_return(own):
    assert own("my $pid = fork; $pid && waitpid $pid, 0; defined $pid")
    assert own("$?") == 0
    assert own("6 * 7") == 42


def test_a_perl_that_cannot_start_is_reported(tmp_path):
    with pytest.raises(FileNotFoundError, match="no-such-perl"):
        Interpreter(perl="no-such-perl")
    (tmp_path / "AI/MXNet").mkdir(parents=True)
    (tmp_path / "AI/MXNet/Interpreter.pm").write_text("die 'broken module'")
    with pytest.raises(InterpreterGone, match="broken module"):
        Interpreter(include=[tmp_path])


def test_a_fork_of_python_cannot_use_its_parents_interpreter(own):
    child = os.fork()
    if child == 0:
        status = 1
        with contextlib.suppress(BaseException):
            try:
                own("1")
            except InterpreterGone as reason:
                status = 0 if "belongs to another process" in str(reason) else 2
            own.close()
        os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert own("1") == 1


def test_perl_ends_when_python_is_killed_even_while_it_computes():
    code = "from python_engine.perl import Interpreter; i = Interpreter(); print(i.pid, flush=True); i('1 while 1')"
    python = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    pid = int(python.stdout.readline())
    time.sleep(0.1)
    assert alive(pid)
    python.kill()
    python.wait()
    python.stdout.close()
    assert wait_for(lambda: not alive(pid))


def test_programs_that_perl_starts_do_not_inherit_the_channel(own):
    own.void_context("$| = 1")
    assert own("qx(ls /proc/self/fd)").split()[:3] == ["0", "1", "2"]
    inherited = [own(f"qx(readlink /proc/self/fd/{n})") for n in range(3, 12)]
    assert not [name for name in inherited if "socket:" in name or "python-perl" in name]


@contextlib.contextmanager
def interrupted_after(*moments):
    """Sends this process the signal of Ctrl-C that many seconds from now."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell lets its background jobs ignore
    timers = [threading.Timer(moment, os.kill, [os.getpid(), signal.SIGINT]) for moment in moments]
    for timer in timers:
        timer.start()
    try:
        yield
    finally:
        for timer in timers:
            timer.cancel()
            timer.join()
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("code", ["1 while 1", "sleep 100", "$_[0]->() while 1"])
def test_an_interrupt_leaves_a_usable_interpreter(own, code):
    own.void_context("sub cleanup::DESTROY { $cleaned = 1 }")
    with interrupted_after(0.1), pytest.raises(KeyboardInterrupt):
        own(f"my $guard = bless [], 'cleanup'; {code}", lambda: own("1"))
    assert own("$cleaned . '!'") == "1!"
    assert own("$_[0]->()", lambda: 42) == 42


def test_an_interrupt_of_a_callback_is_an_exception_of_the_callback(own):
    def waits():
        time.sleep(10)

    with interrupted_after(0.1), pytest.raises(KeyboardInterrupt):
        own("eval { $_[0]->() }; $type = $@->type; die $@", waits)
    assert own.Stype == "KeyboardInterrupt"


def test_a_second_interrupt_kills_a_perl_that_does_not_react():
    i = Interpreter()
    with interrupted_after(0.1, 0.3), pytest.raises(KeyboardInterrupt):
        i("while (1) { eval { sleep 100 } }")
    with pytest.raises(InterpreterGone, match="killed by SIGKILL"):
        i("1")


def test_an_exception_that_a_signal_throws_into_a_call_ends_the_interpreter():
    class Alarm(Exception):
        pass

    def ring(*_):
        raise Alarm

    i = Interpreter()
    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        with pytest.raises(Alarm):
            i("1 while 1")
    finally:
        signal.signal(signal.SIGALRM, before)
    with pytest.raises(InterpreterGone, match="left by Alarm"):
        i("1")


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
