"""Small arrays that are updated alike, side by side in one memory, so that one call updates them all.

For a bias or a small weight, the call of an optimizer's rule takes far longer than its arithmetic. So, when an update
of many parameters comes, the small ones move together: a root array for the parameters, one for their gradients and one
for each state, of which they become views (see ndarray.py). From then on the rule is computed once, on the roots.
"""

from operator import is_

import numpy as np

from .ndarray import NDArray
from .tape import SWAP_BYTES, state


class FlatParameters(NDArray):
    """The root of parameters that lie together. `others`: those of their gradients and of each state."""

    __slots__ = ("members", "others")

    def __init__(self, groups):
        """groups: lists of a parameter, its gradient and its states, all of one shape; and all of one dtype."""
        places = list(zip(*groups))
        size = sum(x.data.size for x in places[0])
        memory = [np.empty(size, places[0][0].data.dtype) for _ in places]
        super().__init__(memory[0])
        self.others = [NDArray(data) for data in memory[1:]]
        for root, arrays in zip((self, *self.others), places):
            start = 0
            for array in arrays:
                end = start + array.data.size
                array.move_into(root, root.data[start:end].reshape(array.data.shape))
                start = end
        self.members = [x.data for group in groups for x in group]

    def holds(self, groups):
        """True where these are the arrays that came together, and they lie where they did."""
        data = [None if x is None else x.data for group in groups for x in group]
        return len(data) == len(self.members) and all(map(is_, data, self.members))


def gathered(operator, groups):
    """What to call `operator` on to update each group of arrays (None stands for one that does not exist): pairs of
    positions in `groups`, and arrays. Brings together what can be."""
    if len(groups) == 1 or not operator.elementwise or state.recording:
        return [([position], group) for position, group in enumerate(groups)]
    flats, small, single = {}, [], []
    for position, group in enumerate(groups):
        root = None if group[0] is None else group[0].root
        if type(root) is FlatParameters:
            flats.setdefault(id(root), (root, []))[1].append(position)
        elif len(group) == len(operator.inputs) and _may_move(group):
            small.append(position)
        else:
            single.append(position)
    if len(small) > 1 and _are_alike([x for position in small for x in groups[position]]):
        new = FlatParameters([groups[position] for position in small])
        flats[id(new)] = new, small
    else:
        single += small
    result = []
    for flat, positions in flats.values():
        if flat.holds([groups[position] for position in positions]):
            result.append((positions, [flat, *flat.others]))
        else:
            single += positions
    return result + [([position], groups[position]) for position in single]


def _may_move(group):
    """True for small arrays of one shape, whose memory nobody else knows."""
    shape = None
    for x in group:
        data = None if x is None else x.data
        if type(data) is not np.ndarray or data.nbytes >= SWAP_BYTES or (shape is not None and data.shape != shape):
            return False
        if x.root is not None or x.lender is not None or x.views or x.borrowers:
            return False
        shape = data.shape
    return True


def _are_alike(arrays):
    """True for arrays of one dtype, each of them there only once."""
    return len({id(x) for x in arrays}) == len(arrays) and len({x.data.dtype for x in arrays}) == 1
