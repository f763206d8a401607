"""Makes the .params files of this folder again: `python make.py`, with a Python that has mxnet 1.9.1.

`CASES` says what each file holds, in numpy alone; the tests read it too. MXNet writes the files of the current
format. No MXNet of today writes the old ones: they are assembled here, and MXNet must read from them what CASES says.
"""

import struct
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent


def counting(shape, dtype="float32"):
    return np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)


def rows(data, indices, shape):
    return ("row_sparse", data, np.array(indices, "int64"), shape)


def csr(data, indptr, indices, shape):
    return ("csr", data, np.array(indptr, "int64"), np.array(indices, "int64"), shape)


PLAIN = [counting((5,)), counting((2, 3)) - 2.5, counting((1, 2, 1, 3))]

CASES = {
    "empty": [],
    "list": PLAIN,
    "named": {"arg:fc1_weight": counting((2, 3)), "aux:läuft_日本": counting((4,)), "": counting((1,))},
    "dtypes": {
        "float32": np.array([0.1, -0.0, np.inf, np.nan], "float32"),
        "float64": np.array([0.1, -np.inf, 1e300], "float64"),
        "float16": np.array([0.1, 65504, 6e-8], "float16"),
        "uint8": np.array([0, 255], "uint8"),
        "int32": np.array([-(2**31), 2**31 - 1], "int32"),
        "int8": np.array([-128, 127, 1], "int8"),
        "int64": np.array([-(2**63), 2**53 + 1, 2**63 - 1], "int64"),
        "bool": np.array([True, False, True]),
    },
    "zero_size": [np.zeros((0,), "float32"), np.zeros((2, 0), "float64"), counting((2,))],
    "scalar": [np.array(3, "float32"), counting((2,))],
    "sparse": {
        "rows": rows(counting((2, 3)) + 1, [0, 4], (5, 3)),
        "rows3": rows(counting((1, 2, 2), "float64"), [2], (3, 2, 2)),
        "no_rows": rows(np.zeros((0, 3), "float32"), [], (5, 3)),
        "matrix": csr(counting((3,)) + 1, [0, 1, 1, 3], [1, 0, 2], (3, 3)),
        "matrix_int32": csr(counting((2,), "int32"), [0, 2], [0, 5], (1, 6)),
        "no_entries": csr(np.zeros((0,), "float32"), [0, 0, 0], [], (2, 3)),
        "unallocated": csr(np.zeros((0,), "float32"), [], [], (2, 3)),
        "dense": counting((2,)),
    },
    "np_shape": [np.array(3, "float32"), np.zeros((0, 2), "float32"), counting((2, 2))],
    "v1": {f"a{i}": array for i, array in enumerate(PLAIN)},
    "legacy": PLAIN,
}

OLD_HEADS = {
    "v1": lambda shape: struct.pack(f"<Ii{len(shape)}q", 0xF993FAC8, len(shape), *shape),
    "legacy": lambda shape: struct.pack(f"<I{len(shape)}I", len(shape), *shape),
}


def old_file(head, arrays):
    """The bytes of a list of float32 arrays, as MXNet before 1.0 wrote them."""
    names = list(arrays) if isinstance(arrays, dict) else []
    values = list(arrays.values()) if names else arrays
    parts = [struct.pack("<QQQ", 0x112, 0, len(values))]
    for array in values:
        parts += [head(array.shape), struct.pack("<iii", 1, 0, 0), array.tobytes()]
    parts.append(struct.pack("<Q", len(names)))
    for name in names:
        parts += [struct.pack("<Q", len(name)), name.encode()]
    return b"".join(parts)


def main():
    import mxnet as mx

    def to_mxnet(value):
        if isinstance(value, np.ndarray):
            return mx.nd.array(value, dtype=value.dtype)
        kind, data, *indices, shape = value
        if indices[0].size == 0 and kind == "csr":
            index_types = ["int64", "int64"]
            handle = mx.nd.sparse._new_alloc_handle("csr", shape, mx.cpu(), True, data.dtype.type, index_types)
            return mx.nd.sparse.CSRNDArray(handle)
        if data.size == 0:
            return mx.nd.sparse.zeros(kind, shape, dtype=data.dtype)
        if kind == "csr":
            indptr, columns = indices
            return mx.nd.sparse.csr_matrix((data, columns, indptr), shape=shape, dtype=data.dtype)
        return mx.nd.sparse.row_sparse_array((data, *indices), shape=shape, dtype=data.dtype)

    for name, case in CASES.items():
        path = HERE / f"{name}.params"
        if name in OLD_HEADS:
            path.write_bytes(old_file(OLD_HEADS[name], case))
            loaded = mx.nd.load(str(path))
            assert type(loaded) is type(case) and len(loaded) == len(case), name
            for key in case if isinstance(case, dict) else range(len(case)):
                np.testing.assert_array_equal(loaded[key].asnumpy(), case[key])
        else:
            with mx.util.np_shape(name == "np_shape"):
                if isinstance(case, dict):
                    arrays = {key: to_mxnet(value) for key, value in case.items()}
                else:
                    arrays = [to_mxnet(value) for value in case]
                mx.nd.save(str(path), arrays)


if __name__ == "__main__":
    main()
