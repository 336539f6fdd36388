"""Edits of a review: what a person changes in the result of a run."""

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

_MAX_NAME = 200  # characters


@dataclass(frozen=True)
class MergePersons:
    """Give all pieces of one person to another one."""

    kind: ClassVar[str] = "merge_persons"
    into: int
    from_: int


@dataclass(frozen=True)
class SplitTrack:
    """Split a piece: the part from `frame` on becomes a piece of a new person."""

    kind: ClassVar[str] = "split_track"
    piece: int
    frame: int


@dataclass(frozen=True)
class Move:
    """Give the frames `first_frame` to `last_frame` of a piece to a person; None for a new one."""

    kind: ClassVar[str] = "move"
    piece: int
    first_frame: int
    last_frame: int
    person: int | None = None


@dataclass(frozen=True)
class Rename:
    """Name a person; None or a blank name removes the name."""

    kind: ClassVar[str] = "rename"
    person: int
    name: str | None


@dataclass(frozen=True)
class Delete:
    """Delete a piece: it is a false track."""

    kind: ClassVar[str] = "delete"
    piece: int


@dataclass(frozen=True)
class MarkSame:
    """Declare two persons to be one, which merges `other` into `person`.

    With one person twice: its tracks are confirmed to be of one person.
    """

    kind: ClassVar[str] = "mark_same"
    person: int
    other: int


@dataclass(frozen=True)
class MarkDifferent:
    """Declare two persons to be different: they cannot be merged any more."""

    kind: ClassVar[str] = "mark_different"
    person: int
    other: int


@dataclass(frozen=True)
class Confirm:
    """Declare that the tracker was right in a case of doubt, named by `Doubt.key`."""

    kind: ClassVar[str] = "confirm"
    doubt: str


Edit = MergePersons | SplitTrack | Move | Rename | Delete | MarkSame | MarkDifferent | Confirm
_KINDS: dict[str, type[Any]] = {
    each.kind: each
    for each in (
        MergePersons,
        SplitTrack,
        Move,
        Rename,
        Delete,
        MarkSame,
        MarkDifferent,
        Confirm,
    )
}
_OPTIONAL = {"person": "move", "name": "rename"}  # field that may be None -> kind


def edit_to_dict(edit: Edit) -> dict[str, Any]:
    """The edit as plain data: its kind, and its fields without a trailing underscore."""
    fields = {name.rstrip("_"): value for name, value in dataclasses.asdict(edit).items()}
    return {"kind": edit.kind, **fields}


def edit_from_dict(data: Any) -> Edit:
    """The edit of `edit_to_dict`; raises ValueError, in one line, for anything else."""
    if not isinstance(data, dict):
        raise ValueError(f"expected an edit, an object with a kind, got {data!r:.80}")
    made = _KINDS.get(str(data.get("kind")))
    if made is None:
        kinds = ", ".join(_KINDS)
        raise ValueError(f"expected an edit of kind {kinds}, got {data.get('kind')!r:.80}")
    names = {field.name.rstrip("_"): field.name for field in dataclasses.fields(made)}
    given = {name: value for name, value in data.items() if name != "kind"}
    optional = {name for name, kind in _OPTIONAL.items() if kind == made.kind}
    if not set(names) - optional <= set(given) <= set(names):
        raise ValueError(
            f"expected an edit {made.kind} with {', '.join(names)}, got "
            f"{', '.join(map(str, given))[:80] or 'nothing'}"
        )
    for name in names:
        given.setdefault(name, None)
        _check(made.kind, name, given[name], may_be_none=name in optional)
    edit: Edit = made(**{names[name]: value for name, value in given.items()})
    return edit


def _check(kind: str, name: str, value: Any, *, may_be_none: bool) -> None:
    """Raise ValueError unless a field of an edit has the type that it needs."""
    if value is None and may_be_none:
        return
    if name in ("name", "doubt"):
        if not isinstance(value, str) or len(value) > _MAX_NAME:
            raise ValueError(
                f"expected {name} of an edit {kind} to be text of up to {_MAX_NAME} characters, "
                f"got {value!r:.80}"
            )
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueError(f"expected {name} of an edit {kind} to be Unicode text") from None
    elif not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 2**31:
        raise ValueError(
            f"expected {name} of an edit {kind} to be a whole number from 1, got {value!r:.80}"
        )
