"""Image files as MXNet reads them, borders and sizes. perl_bindings/t/data holds files, and the pixels MXNet saw."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from python_engine import ops  # noqa: F401
from python_engine.errors import ArgumentError, MXNetError, ShapeError
from python_engine.formats import images, params
from python_engine.registry import find

pytest.importorskip("PIL")
from PIL import Image  # noqa: E402

DATA = Path(__file__).parent.parent / "perl_bindings" / "t" / "data"
PIXELS = params.load(DATA / "pixels.params")


def run(name, *inputs, **attrs):
    row = find(name)
    return row.forward(*inputs, **row.parse(attrs))


def content(name):
    return np.frombuffer((DATA / name).read_bytes(), np.uint8)


@pytest.mark.parametrize("name", ["picture.jpg", "picture.png"])
@pytest.mark.parametrize("flag", [0, 1])
def test_files_give_the_pixels_that_mxnet_sees(name, flag):
    expected = PIXELS[f"{name} {flag}"]
    np.testing.assert_array_equal(run("_cvimdecode", content(name), flag=flag), expected)
    np.testing.assert_array_equal(run("_cvimread", filename=str(DATA / name), flag=flag), expected)


def test_blue_first():
    pixels = run("_cvimdecode", content("picture.png"), to_rgb=False)
    np.testing.assert_array_equal(pixels, PIXELS["picture.png 1"][:, :, ::-1])


@pytest.mark.parametrize("interp", range(5))
@pytest.mark.parametrize("what, size", [("smaller", (7, 5)), ("larger", (16, 15))])
def test_resizing_differs_from_mxnet_by_no_more_than_rounding(what, size, interp):
    got = run("_cvimresize", PIXELS["picture.png 1"], w=size[0], h=size[1], interp=interp)
    difference = np.abs(got.astype(int) - PIXELS[f"{what} {interp}"])
    assert difference.max() <= (1 if interp > 1 else 0) and difference.mean() < 0.2


def test_interp_9_chooses_by_the_sizes():
    image = PIXELS["picture.png 1"]
    for (w, h), interp in {(5, 5): 3, (20, 20): 2, (20, 5): 1}.items():
        np.testing.assert_array_equal(
            run("_cvimresize", image, w=w, h=h, interp=9), run("_cvimresize", image, w=w, h=h, interp=interp)
        )


def saved(pixels, mode, **options):
    file = io.BytesIO()
    Image.fromarray(np.array(pixels), mode).save(file, "PNG", **options)
    return np.frombuffer(file.getvalue(), np.uint8)


def png(depth, kind, rows):
    """A PNG file of these rows of samples, written by hand: Pillow does not write all kinds."""
    height, width = len(rows), len(rows[0]) // (1, None, 3)[kind]
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"".join(b"\0" + np.array(row, f">u{depth // 8}").tobytes() for row in rows))),
        (b"IEND", b""),
    ]
    parts = [struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks]
    return np.frombuffer(b"\x89PNG\r\n\x1a\n" + b"".join(parts), np.uint8)


def test_of_16_bits_the_upper_8_are_taken():
    grey = png(16, 0, [[0, 255, 256], [0x1234, 0x8001, 0xFFFF]])
    np.testing.assert_array_equal(run("_cvimdecode", grey, flag=0)[:, :, 0], [[0, 0, 1], [0x12, 0x80, 0xFF]])
    np.testing.assert_array_equal(run("_cvimdecode", grey)[1, 1], [0x80] * 3)
    colours = png(16, 2, [[0x1234, 0x8001, 0xFFFF]])
    np.testing.assert_array_equal(run("_cvimdecode", colours), [[[0x12, 0x80, 0xFF]]])


def test_palettes_bits_and_transparency_become_plain_colours():
    palette = Image.new("P", (2, 1))
    palette.putpalette([10, 20, 30, 40, 50, 60])
    palette.putpixel((1, 0), 1)
    file = io.BytesIO()
    palette.save(file, "PNG", transparency=0)
    np.testing.assert_array_equal(
        run("_cvimdecode", np.frombuffer(file.getvalue(), np.uint8)), [[[10, 20, 30], [40, 50, 60]]]
    )
    bits = io.BytesIO()
    Image.new("1", (2, 1), 1).save(bits, "PNG")
    assert run("_cvimdecode", np.frombuffer(bits.getvalue(), np.uint8)).tolist() == [[[255] * 3] * 2]


@pytest.mark.parametrize("what", ["cut", "text", "postscript"])
def test_what_is_no_image_is_refused(what):
    bytes_ = {"cut": content("picture.png")[:60], "text": np.full(9, 65, np.uint8)}.get(what)
    if bytes_ is None:  # Pillow would hand it to another program
        bytes_ = np.frombuffer(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", np.uint8)
    with pytest.raises(MXNetError, match="Decoding failed. Invalid image file"):
        run("_cvimdecode", bytes_)


def test_bad_arguments_of_reading():
    with pytest.raises(ShapeError, match="needs to be uint8 buffer, but got float32"):
        run("_cvimdecode", np.ones(3, np.float32))
    with pytest.raises(ShapeError, match="cannot be an empty buffer"):
        run("_cvimdecode", np.ones(0, np.uint8))
    with pytest.raises(ArgumentError, match="Invalid value 2 for Parameter flag"):
        run("_cvimdecode", np.ones(3, np.uint8), flag=2)
    with pytest.raises(MXNetError, match=r"Imread: '/none\.jpg' couldn't open file: No such file"):
        run("_cvimread", filename="/none.jpg")


def test_without_pillow_the_message_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    with pytest.raises(MXNetError, match="image files need Pillow.*-m pip install pillow"):
        run("_cvimdecode", np.ones(3, np.uint8))


def test_what_is_written_is_read_again():
    image = PIXELS["picture.png 1"]
    for pixels in (image, image[:, :, :1]):
        for ending, quality in ((".png", 9), ("bmp", 50)):
            file = run("_image_encode", pixels, format=ending, quality=quality)
            flag = int(pixels.shape[2] == 3)
            np.testing.assert_array_equal(run("_cvimdecode", file, flag=flag), pixels)
    assert np.abs(images.decode(images.encode(image, ".jpg", 95)).astype(int) - image).mean() < 5


# -- borders: MXNet's, of [[0, 1, 2], [3, 4, 5]] ---------------------------------------------------------------------

BORDERS = {
    0: [[9, 9, 9, 9, 9], [9, 9, 0, 1, 2], [9, 9, 3, 4, 5], [9, 9, 9, 9, 9]],
    1: [[0, 0, 0, 1, 2], [0, 0, 0, 1, 2], [3, 3, 3, 4, 5], [3, 3, 3, 4, 5]],
    2: [[1, 0, 0, 1, 2], [1, 0, 0, 1, 2], [4, 3, 3, 4, 5], [4, 3, 3, 4, 5]],
    3: [[4, 5, 3, 4, 5], [1, 2, 0, 1, 2], [4, 5, 3, 4, 5], [1, 2, 0, 1, 2]],
    4: [[5, 4, 3, 4, 5], [2, 1, 0, 1, 2], [5, 4, 3, 4, 5], [2, 1, 0, 1, 2]],
}


@pytest.mark.parametrize("kind", BORDERS)
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_borders(kind, dtype):
    image = np.arange(6, dtype=dtype).reshape(2, 3, 1)
    got = run("_cvcopyMakeBorder", image, top=1, bot=1, left=2, right=0, type=kind, value=9)
    np.testing.assert_array_equal(got[:, :, 0], BORDERS[kind])
    assert got.dtype == dtype


@pytest.mark.parametrize(
    "attrs, expected",
    [
        ({"value": 7.6}, [8, 8]),
        ({"values": (1, 2)}, [1, 2]),
        ({"value": 300}, [255, 255]),
        ({"value": 5, "values": (9,)}, [9, 5]),
    ],
)
def test_colours_of_a_border(attrs, expected):
    got = run("_cvcopyMakeBorder", np.zeros((1, 1, 2), np.uint8), top=1, bot=0, left=0, right=0, **attrs)
    assert got[0, 0].tolist() == expected


def test_bad_arguments_of_sizes_and_borders():
    image = np.zeros((2, 2, 1), np.uint8)
    with pytest.raises(ArgumentError, match="value 0 for Parameter w should be greater equal to 1"):
        run("_cvimresize", image, w=0, h=3)
    with pytest.raises(ArgumentError, match="interp is a number from 0 to 4, or 9, but got 5"):
        run("_cvimresize", image, w=1, h=3, interp=5)
    with pytest.raises(ArgumentError, match="at most 268435456 pixels"):
        run("_cvimresize", image, w=1 << 20, h=1 << 20)
    with pytest.raises(ArgumentError, match="left is a number of pixels from 0, but got -1"):
        run("_cvcopyMakeBorder", image, top=0, bot=0, left=-1, right=0)
    with pytest.raises(ShapeError, match=r"\(height, width, channels\), none of them 0, but got \[2, 2\]"):
        run("_cvimresize", image[:, :, 0], w=1, h=3)


def test_the_engine_does_not_load_pillow_before_it_is_needed(tmp_path):
    import subprocess
    import sys

    code = "import sys, python_engine.session; print('PIL' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
