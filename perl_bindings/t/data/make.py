"""Makes the files of this folder again, with a Python that has mxnet 1.9.1 and Pillow: `python make.py`.

MXNet writes the records, and says what pixels it reads from the images."""

import struct
from pathlib import Path

import mxnet as mx
import numpy as np
from PIL import Image

HERE = Path(__file__).parent
MAGIC = struct.pack("<I", 0xCED7230A)
RECORDS = [
    b"", b"a", b"abcd", b"hello", MAGIC, MAGIC * 2, b"xx" + MAGIC, b"abcd" + MAGIC + b"efg",
    MAGIC + b"1234" + MAGIC * 2 + b"z", b"abc" + MAGIC + b"d" + MAGIC, b"abcd" + MAGIC,
]  # fmt: skip


def records():
    """Records with the magic number at all kinds of places, and some with headers."""
    file = mx.recordio.MXIndexedRecordIO(str(HERE / "mxnet.idx"), str(HERE / "mxnet.rec"), "w")
    headers = [(0, 4.5, 2574, 7), (0, [1, 2, 3.5], 2**40, 0)]
    packed = [mx.recordio.pack(mx.recordio.IRHeader(*header), b"abc") for header in headers]
    for i, record in enumerate(RECORDS + packed):
        file.write_idx(3 * i, record)
    file.close()


def image():
    """A small picture as JPEG and PNG, and how MXNet sees it."""
    y, x = np.mgrid[0:12, 0:10]
    pixels = np.stack([20 * y, 25 * x, 255 - 10 * (x + y)], axis=2).astype(np.uint8)
    for name, options in {"picture.jpg": {"quality": 90}, "picture.png": {}}.items():
        Image.fromarray(pixels).save(HERE / name, **options)
    seen = {}
    for name in ("picture.jpg", "picture.png"):
        for flag in (0, 1):
            seen[f"{name} {flag}"] = mx.image.imread(str(HERE / name), flag=flag)
    colours = seen["picture.png 1"]
    for interp in range(5):
        seen[f"smaller {interp}"] = mx.image.imresize(colours, 7, 5, interp)
        seen[f"larger {interp}"] = mx.image.imresize(colours, 16, 15, interp)
    mx.nd.save(str(HERE / "pixels.params"), seen)


if __name__ == "__main__":
    records()
    image()
