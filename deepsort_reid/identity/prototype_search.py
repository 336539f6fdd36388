"""Prototype search: an index of faiss that finds the nearest of many prototypes.

A search compares a track with all prototypes, which is exact. That takes time and memory bandwidth
in proportion to their number; above `MAX_EXACT_ROWS`, an inverted file lists the candidates, which
are then compared exactly (Jegou, Douze, Schmid 2011, "Product quantization for nearest neighbor
search", section IV; without its product quantization: the index holds float16).
"""

import math
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

Embeddings = NDArray[np.float32]
Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]

MAX_EXACT_ROWS = 100_000
NUM_CANDIDATES = 256  # rows for each prototype of a query
_NUM_PROBED = 32  # lists that are searched
_TRAINING_ROWS = 64  # for each list
_BATCH_ROWS = 65_536  # added at once
_GROWTH = 4  # of the number of rows, after which the lists are chosen anew

_is_warned = False


class FaissIndex:
    """Index of the rows of a matrix of prototypes.

    Args:
        embedding: unit rows (K, D) from which the lists are chosen; none is added.
        num_rows: of the matrix, for which the lists are chosen.
        num_probed: lists that are searched, the nearest ones; all of them make the search exact.

    Attributes:
        is_complete: False after an exception in `update` or `remove`: it must not be used then.

    Raises ImportError without faiss.
    """

    def __init__(self, embedding: Embeddings, num_rows: int, num_probed: int = _NUM_PROBED) -> None:
        faiss = _faiss()
        num_lists = max(1, min(math.isqrt(num_rows), len(embedding)))
        self._max_rows = _GROWTH * num_rows
        self._added = np.zeros(0, dtype=bool)
        description = f"IVF{num_lists},SQfp16"
        dim = embedding.shape[1]
        self._faiss = faiss.index_factory(dim, description, faiss.METRIC_INNER_PRODUCT)
        self._faiss.train(np.ascontiguousarray(embedding))
        self._faiss.nprobe = min(num_probed, num_lists)
        # A row is removed whenever its track grows: found by its number, not by reading all lists.
        self._faiss.set_direct_map_type(faiss.DirectMap.Hashtable)
        self.is_complete = True

    def __len__(self) -> int:
        return int(self._faiss.ntotal)

    def fits(self, num_rows: int) -> bool:
        """Whether the lists still suit a matrix of that many rows."""
        return self.is_complete and num_rows <= self._max_rows

    def update(self, embedding: Embeddings, used: Flags) -> None:
        """Add rows of the matrix (G, D) that are in use (G,) and not yet in the index."""
        if len(used) > len(self._added):
            more = np.zeros(len(used) - len(self._added), dtype=bool)
            self._added = np.concatenate([self._added, more])
        missing = np.flatnonzero(used & ~self._added[: len(used)])
        self.is_complete = False
        for first in range(0, len(missing), _BATCH_ROWS):  # copies of one batch, not of all rows
            rows = missing[first : first + _BATCH_ROWS]
            self._faiss.add_with_ids(embedding[rows], rows)
            self._added[rows] = True
        self.is_complete = True

    def remove(self, first: int, end: int) -> None:
        """Remove the rows from `first` to the one before `end`, where they are in the index."""
        rows = first + np.flatnonzero(self._added[first:end])
        if not len(rows):
            return
        self.is_complete = False
        self._faiss.remove_ids(_faiss().IDSelectorArray(rows))
        self._added[rows] = False
        self.is_complete = True

    def nearest(self, query: Embeddings, number: int = NUM_CANDIDATES) -> Ints:
        """Rows (K,), ascending: the `number` nearest to each query (P, D)."""
        _, rows = self._faiss.search(np.ascontiguousarray(query), number)
        found: Ints = np.unique(rows)
        return found[found >= 0]  # -1: fewer than `number` in the lists that were searched


def make_index(embedding: Embeddings, used: Flags) -> FaissIndex | None:
    """An empty index for the rows of a matrix (G, D) that are in use (G,).

    None without faiss, with a warning that is given once in a process.
    """
    global _is_warned
    rows = np.flatnonzero(used)
    # Prototypes of one track are neighbours in the matrix: a regular sample has many tracks.
    step = max(1, len(rows) // (_TRAINING_ROWS * math.isqrt(len(rows))))
    try:
        return FaissIndex(embedding[rows[::step]], len(rows))
    except ImportError:
        if not _is_warned:
            _is_warned = True
            warnings.warn(
                f"the person registry has more than {MAX_EXACT_ROWS:,} prototypes, and compares "
                "each track with all of them; an index is faster: "
                "pip install 'deepsort-reid[cluster]'",
                stacklevel=2,
            )
        return None


def _faiss() -> Any:
    """The module faiss, without its type hints: they lack most of it."""
    import faiss

    return faiss
