"""Makes the files of this folder again, with a Python that has mxnet 1.9.1 and Pillow: `python make.py`.

MXNet writes the records, and says what pixels it reads from the images."""

import io
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


def picture(height, width):
    """A PNG file whose pixels are easy to compute: 7 y, 9 x and 5 (x + y), modulo 256."""
    y, x = np.mgrid[0:height, 0:width]
    file = io.BytesIO()
    Image.fromarray(np.stack([7 * y, 9 * x, 5 * (x + y)], axis=2).astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


def data_sets():
    """Files for iterators, and the batches that MXNet makes of the images."""
    sizes = [(20, 30), (31, 18), (16, 16), (40, 25), (22, 22)]
    labels = {
        "images": [1.5 * i for i in range(5)],
        "labels": [[i, i + 0.5] for i in range(5)],
        "boxes": [[2, 5, i, 0.1, 0.2, 0.5, 0.6] + [9, 0, 0.25, 1, 1] * (i == 1) for i in range(5)],
    }
    for name, values in labels.items():
        file = mx.recordio.MXIndexedRecordIO(str(HERE / f"{name}.idx"), str(HERE / f"{name}.rec"), "w")
        for i, (size, label) in enumerate(zip(sizes, values)):
            file.write_idx(i, mx.recordio.pack(mx.recordio.IRHeader(0, label, i, 0), picture(*size)))
        file.close()
    plain = {"path_imgrec": str(HERE / "images.rec"), "data_shape": (3, 12, 10), "batch_size": 5, "verbose": 0}
    made = {
        "centre": mx.io.ImageRecordIter(**plain),
        "normal": mx.io.ImageRecordIter(**plain, mean_r=10, mean_g=20, std_b=5, scale=3),
        "resize": mx.io.ImageRecordIter(**plain, resize=16, mirror=True),
        "enlarge": mx.io.ImageRecordIter(**{**plain, "data_shape": (3, 50, 50)}),
        "turned": mx.io.ImageRecordIter(**plain, rotate=30, pad=1, fill_value=9),
    }
    boxes = {**plain, "path_imgrec": str(HERE / "boxes.rec")}
    made["boxes"] = mx.io.ImageDetRecordIter(**boxes, rand_mirror_prob=1)
    made["shrink"] = mx.io.ImageDetRecordIter(**boxes, resize_mode="shrink", label_pad_width=20)
    batches = {}
    for name, iterator in made.items():
        batch = next(iterator)
        batches[f"{name} data"], batches[f"{name} label"] = batch.data[0], batch.label[0]
    mx.nd.save(str(HERE / "batches.params"), batches)


if __name__ == "__main__":
    records()
    image()
    data_sets()
