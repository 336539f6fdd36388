"""Snapshot of the tracker's state, from which an update that ends with an exception is undone."""

from typing import Any


class Snapshot:
    """The attributes of several objects at one moment.

    The values are not copied. An object that writes to its arrays, lists or dictionaries has a
    method `copy_written`, which replaces those by copies; writes that are undone in another way are
    undone by its method `undo_writes`.
    """

    def __init__(self, *objects: Any) -> None:
        self._attributes = [vars(changed) for changed in objects]
        self._saved = [attributes.copy() for attributes in self._attributes]
        self._undone = [each for each in objects if hasattr(each, "undo_writes")]
        for each in objects:
            if hasattr(each, "copy_written"):
                each.copy_written()

    def restore(self) -> None:
        """Set all attributes to their values at that moment, of all objects or of none.

        Python raises KeyboardInterrupt only between two of its own instructions, and the last one
        here is one: the loop over the objects runs in C. The ones before it may be repeated.
        """
        for each in self._undone:
            each.undo_writes()
        list(map(dict.update, self._attributes, self._saved))
