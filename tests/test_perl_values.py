"""What Python and Perl hand to each other: values of every kind, and piddles as NumPy arrays, with a real Perl."""

from pathlib import Path

import numpy as np
import pytest

from python_engine.perl import (
    PerlException,
    PerlHash,
    PerlObject,
    PerlScalar,
)
from python_engine.perl.values import DTYPES

ROOT = Path(__file__).resolve().parent.parent


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
