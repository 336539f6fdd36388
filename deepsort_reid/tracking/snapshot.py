"""Snapshot of the tracker's state, from which an update that ends with an exception is undone."""

from typing import Any


class Snapshot:
    """The attributes of several objects at one moment.

    The values are not copied: arrays that are written to afterwards must be copied before.
    """

    def __init__(self, *objects: Any) -> None:
        self._attributes = [vars(changed) for changed in objects]
        self._saved = [attributes.copy() for attributes in self._attributes]

    def restore(self) -> None:
        """Set all attributes to their values at that moment, of all objects or of none.

        Python raises KeyboardInterrupt only between two of its own instructions, and this is one:
        the loop over the objects runs in C.
        """
        list(map(dict.update, self._attributes, self._saved))
