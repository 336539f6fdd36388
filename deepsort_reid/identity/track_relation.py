"""Track relation: pairs of tracks, such as those seen together, as bit masks.

Pairs of a crowd grow with the square of its size. A mask of 1024 tracks takes the memory of two
entries of a set, and one operation relates a track to all of them.
"""

from collections.abc import Collection, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.identity.journal import Journal

Flags = NDArray[np.bool_]
Masks = dict[int, int]  # number of a block of tracks -> bits of its tracks

_BLOCK = 1024  # tracks
BLOCK_ROW = np.dtype([("block", "<i8"), ("bits", "u1", _BLOCK // 8)])


def mask_of(keys: Iterable[int]) -> Masks:
    """The mask of tracks."""
    masks: Masks = {}
    for key in keys:
        block = key // _BLOCK
        masks[block] = masks.get(block, 0) | 1 << key % _BLOCK
    return masks


def keys_of(masks: Masks) -> list[int]:
    """The tracks of a mask, in ascending order."""
    rows = _block_rows(masks)
    block, bit = np.nonzero(np.unpackbits(rows["bits"], axis=1, bitorder="little"))
    keys: list[int] = (rows["block"][block] * _BLOCK + bit).tolist()
    return keys


def union(masks: Masks, others: Masks) -> Masks:
    """The tracks in one of two masks or in both."""
    return {**masks, **{block: bits | masks.get(block, 0) for block, bits in others.items()}}


def common(masks: Masks, others: Masks) -> Masks:
    """The tracks in both of two masks."""
    return {block: bits & others[block] for block, bits in masks.items() if block in others}


def relation_state(tracks: list[tuple[int, NDArray[np.void]]]) -> dict[str, Any]:
    """The state of a relation, from tracks and their `BLOCK_ROW`s, as plain arrays."""
    rows = np.concatenate([np.empty(0, dtype=BLOCK_ROW), *[each for _, each in tracks]])
    keys = [key for key, _ in tracks]
    track = np.repeat(np.array(keys, dtype=np.int64), [len(each) for _, each in tracks])
    return {"track": track, "block": rows["block"].copy(), "bits": rows["bits"].copy()}


class TrackRelation:
    """A symmetric relation between different tracks; a journal reverts its changes."""

    def __init__(self) -> None:
        self._masks: dict[int, Masks] = {}

    def mask(self, key: int) -> Masks:
        """The mask of the tracks that are related to one."""
        return self._masks.get(key, {})

    def of(self, key: int) -> set[int]:
        """The tracks that are related to one."""
        return set(keys_of(self.mask(key)))

    def add(
        self, journal: Journal, keys: Collection[int], others: Collection[int]
    ) -> tuple[dict[int, Masks], set[int]]:
        """Relate each of the tracks `keys` to each of `others`, except to itself.

        Returns the tracks that are newly related to each of `keys`, and all tracks that changed.
        """
        with_others = mask_of(others)
        added = {key: new for key in keys if (new := self._relate(journal, key, with_others))}
        related: Masks = {}
        for new in added.values():
            related = union(related, new)
        with_keys, related_keys = mask_of(added), keys_of(related)
        for other in related_keys:
            self._relate(journal, other, with_keys)
        return added, {*added, *related_keys}

    def remove(self, journal: Journal, key: int) -> list[int]:
        """Remove all pairs of a track; returns the tracks that were related to it."""
        masks = self._masks.get(key, {})
        related = keys_of(masks)
        block, bit = key // _BLOCK, 1 << key % _BLOCK
        for other in related:
            own = self._masks[other]
            journal.add(own.__setitem__, block, own[block])
            own[block] &= ~bit
        journal.add(self._masks.__setitem__, key, masks)
        self._masks.pop(key, None)
        return related

    def flags(self, keys: Collection[int], first_key: int, number: int) -> Flags:
        """Whether each of K tracks is related to each of N in the order of their keys: (K, N)."""
        first, last = first_key // _BLOCK, (first_key + max(number, 1) - 1) // _BLOCK
        bits = np.zeros((len(keys), (last - first + 1) * _BLOCK // 8), dtype=np.uint8)
        for row, key in enumerate(keys):
            for block, each in self.mask(key).items():
                if not each:
                    continue  # of removed tracks, which may be before the first row
                start = (block - first) * _BLOCK // 8
                bits[row, start : start + _BLOCK // 8] = np.frombuffer(_to_bytes(each), np.uint8)
        flags = np.unpackbits(bits, axis=1, bitorder="little")
        start = first_key - first * _BLOCK
        return flags[:, start : start + number].view(bool)

    def block_rows(self, key: int) -> NDArray[np.void]:
        """What is known of a track, as `BLOCK_ROW`s."""
        return _block_rows(self.mask(key))

    def state_dict(self) -> dict[str, Any]:
        """All masks as plain arrays."""
        return relation_state([(key, self.block_rows(key)) for key in sorted(self._masks)])

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a `state_dict`."""
        track = np.asarray(state["track"], dtype=np.int64)
        rows = np.zeros(len(track), dtype=BLOCK_ROW)
        for name in ("block", "bits"):
            rows[name] = state[name]
        for key, row in zip(track.tolist(), rows, strict=True):
            bits = int.from_bytes(row["bits"].tobytes(), "little")
            self._masks.setdefault(key, {})[int(row["block"])] = bits

    def _relate(self, journal: Journal, key: int, others: Masks) -> Masks:
        """Relate a track to those of a mask; returns those that are new to it."""
        own = self._masks.setdefault(key, {})
        added: Masks = {}
        for block, bits in others.items():
            known = own.get(block, 0)
            if block == key // _BLOCK:
                bits &= ~(1 << key % _BLOCK)
            if new := bits & ~known:
                journal.add(own.__setitem__, block, known)
                own[block] = known | bits
                added[block] = new
        return added


def _block_rows(masks: Masks) -> NDArray[np.void]:
    """The blocks of a mask that are not empty, in ascending order."""
    kept = sorted((block, bits) for block, bits in masks.items() if bits)
    data = b"".join(block.to_bytes(8, "little") + _to_bytes(bits) for block, bits in kept)
    return np.frombuffer(data, dtype=BLOCK_ROW)


def _to_bytes(bits: int) -> bytes:
    return bits.to_bytes(_BLOCK // 8, "little")
