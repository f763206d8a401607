"""What the tests of `mx.nd` share."""

import numpy as np

from python_engine.nd import NDArray


def same(array, values, dtype="float32"):
    assert isinstance(array, NDArray)
    assert array.dtype is np.dtype(dtype).type
    np.testing.assert_array_equal(array.asnumpy(), np.array(values, dtype))
    assert array.shape == np.shape(values)
