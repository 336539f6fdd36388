"""XML of the annotation tool CVAT: "CVAT for video 1.1".

Frames count from 0. Tracks are written with a keyframe for every box, so that CVAT interpolates
nothing; a box with outside="1" ends each uninterrupted part.
"""

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO
from xml.parsers import expat
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

from deepsort_reid.io.atomic import open_atomically
from deepsort_reid.structures.mot_rows import MotRows

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

PERSON_LABEL = "person"
_PERSON_LABELS = frozenset({"person", "pedestrian", "people", "human"})
_MAX_BOXES = 20_000_000  # of a file, those between keyframes included


def write_cvat_xml(
    path: Path,
    rows: MotRows,
    *,
    name: str,
    frames: int,
    size: tuple[int, int],
    every: int = 1,
    names: Mapping[int, str] | None = None,
) -> None:
    """Write "CVAT for video 1.1": a track per identity, with its number and name as attributes.

    Args:
        path: the XML file.
        rows: boxes; `id` is the identity. Two boxes of one in a frame are not allowed.
        name: of the task.
        frames: number of frames of the video.
        size: width and height of a frame in pixels.
        every: step from one labelled frame to the next; those between are interpolated by CVAT.
        names: of identities.

    Raises OSError that names the file when it cannot be written.
    """
    with open_atomically(path) as file:
        file.write(_xml_head(name, frames, size).encode())
        order = np.lexsort((rows.frame, rows.id))
        ids, starts = np.unique(rows.id[order], return_index=True)
        stops = [*starts[1:].tolist(), len(rows)]
        for number, (id, start, stop) in enumerate(
            zip(ids.tolist(), starts.tolist(), stops, strict=True)
        ):
            track = rows[order[start:stop]]
            text = _xml_track(number, id, track, frames, every, (names or {}).get(id, ""))
            file.write(text.encode())
        file.write(b"</annotations>\n")


def read_cvat_xml(path: Path, file: BinaryIO) -> MotRows:
    """Read the tracks of an XML file; see `read_cvat`. `path` is for messages."""
    tracks = _XmlTracks()
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse
    parser.StartElementHandler, parser.EndElementHandler = tracks.start, tracks.end
    parser.CharacterDataHandler = tracks.text
    try:
        parser.ParseFile(file)
    except expat.ExpatError as error:
        raise ValueError(f"{path}: expected XML of CVAT: {error}") from None
    except ValueError as error:
        raise ValueError(f"{path}:{parser.CurrentLineNumber}: {error}") from None
    if not tracks.is_cvat:
        raise ValueError(f"{path}: expected XML of CVAT, with annotations, got another file")
    if not sum(map(len, tracks.parts)):
        raise ValueError(
            f'{path}: expected tracks with boxes, found none (export as "CVAT for video 1.1")'
        )
    table = np.concatenate(tracks.parts)
    number, label = table[:, 1].astype(np.int64), table[:, 2].astype(np.int64)
    identity = np.array(_identities(tracks.identities))[number]
    class_id = np.array(classes_of_labels(tracks.labels))[label]
    return _sorted_rows(path, table[:, 0].astype(np.int64), identity, table[:, 3:], class_id)


def _refuse(*arguments: Any) -> None:
    raise ValueError("a document type declaration is not allowed here")


def classes_of_labels(labels: list[str]) -> list[int]:
    """The class of each label: 1 for people."""
    people = [label.strip().lower() in _PERSON_LABELS for label in labels]
    if len(labels) == 1:
        people = [True]
    others = iter(range(2, 2 + len(labels)))
    return [1 if person else next(others) for person in people]


def _identities(given: list[str]) -> list[int]:
    """A number for each track: the given one, or a new one where it has none of its own.

    Where a track was split in CVAT, both parts have the number, and the later one is new.
    """
    numbers: list[int] = []
    for each in given:
        number = int(each) if each.isascii() and each.isdecimal() and len(each) < 10 else -1
        numbers.append(-1 if number in numbers else number)
    new = itertools.count(max(numbers, default=0) + 1)
    return [next(new) if number < 1 else number for number in numbers]


def _sorted_rows(path: Path, frame: Ints, id: Ints, xyxy: Floats, class_id: Ints) -> MotRows:
    order = np.lexsort((id, frame))
    one = np.ones(len(order))
    try:
        rows = MotRows(frame[order], id[order], xyxy[order], one, class_id[order])
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    repeated = (np.diff(rows.frame) == 0) & (np.diff(rows.id) == 0)
    if repeated.any():
        row = int(np.flatnonzero(repeated)[0])
        raise ValueError(
            f"{path}: identity {rows.id[row]} has two boxes in frame {rows.frame[row] - 1} of CVAT"
        )
    return rows


def _xml_head(name: str, frames: int, size: tuple[int, int]) -> str:
    attribute = (
        "<attribute><name>{}</name><mutable>False</mutable><input_type>text</input_type>"
        "<default_value></default_value><values></values></attribute>"
    )
    attributes = "".join(map(attribute.format, ("identity", "name")))
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n'
        f"<meta><task><name>{escape(_xml_text(name))}</name><size>{frames}</size>"
        f"<mode>interpolation</mode><overlap>0</overlap><start_frame>0</start_frame>"
        f"<stop_frame>{frames - 1}</stop_frame><frame_filter></frame_filter>"
        f"<labels><label><name>{PERSON_LABEL}</name><attributes>{attributes}</attributes>"
        f"</label></labels><original_size><width>{size[0]}</width><height>{size[1]}</height>"
        "</original_size></task></meta>\n"
    )


def _xml_track(number: int, id: int, rows: MotRows, frames: int, every: int, name: str) -> str:
    """A track; `rows` are sorted by frame."""
    attributes = f'<attribute name="identity">{id}</attribute>'
    if name:
        attributes += f'<attribute name="name">{escape(_xml_text(name))}</attribute>'
    lines = [f'<track id="{number}" label="{PERSON_LABEL}" source="auto">']
    last = np.append(np.diff(rows.frame) > every, True)
    for frame, box, ends in zip(
        rows.frame.tolist(), rows.xyxy.tolist(), last.tolist(), strict=True
    ):
        sides = 'xtl="{:.10g}" ytl="{:.10g}" xbr="{:.10g}" ybr="{:.10g}"'.format(*box)
        for at, outside in ((frame - 1, 0), (frame, 1)) if ends else ((frame - 1, 0),):
            if at < frames:
                lines.append(
                    f'<box frame="{at}" outside="{outside}" occluded="0" keyframe="1" {sides} '
                    f'z_order="0">{attributes}</box>'
                )
    return "\n".join([*lines, "</track>\n"])


def _xml_text(text: str) -> str:
    """The text without characters that XML cannot hold."""
    return "".join(mark for mark in text if mark in "\t\n" or " " <= mark not in "\ufffe\uffff")


class _XmlTracks:
    """Collects the boxes of the tracks while a file is parsed.

    Attributes:
        is_cvat: whether the element of CVAT was found.
        labels: names of the labels, in the order of the file.
        identities: the attribute "identity" of each track, "" without one.
        parts: frame, track, label and corners (B, 7) of the boxes of each track.
    """

    def __init__(self) -> None:
        self.is_cvat = False
        self.labels: list[str] = []
        self.identities: list[str] = []
        self.parts: list[Floats] = []
        self._boxes: list[tuple[float, ...]] | None = None  # of the track that is open
        self._text: list[str] | None = None
        self._num_boxes = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        self.is_cvat |= tag == "annotations"
        if tag == "track":
            self._boxes = []
            self.identities.append("")
            label = attributes.get("label", "")
            if label not in self.labels:
                self.labels.append(label)
            self._label = self.labels.index(label)
        elif tag == "box" and self._boxes is not None:
            self._boxes.append(_box(attributes))
        elif tag == "attribute" and self._boxes is not None:
            is_read = attributes.get("name") == "identity" and not self.identities[-1]
            self._text = [] if is_read else None

    def end(self, tag: str) -> None:
        """An element ends."""
        if tag == "attribute" and self._text is not None:
            self.identities[-1] = "".join(self._text).strip()
            self._text = None
        elif tag == "track" and self._boxes:
            part = _every_frame(np.array(sorted(self._boxes)))
            self._num_boxes += len(part)
            if self._num_boxes > _MAX_BOXES:
                raise ValueError(f"expected up to {_MAX_BOXES} boxes, got more")
            track = np.full((len(part), 2), (len(self.identities) - 1, self._label))
            self.parts.append(np.column_stack([part[:, 0] + 1, track, part[:, 1:]]))
            self._boxes = None

    def text(self, data: str) -> None:
        """Text of an element."""
        if self._text is not None and len(self._text) < 100:
            self._text.append(data)


def _box(attributes: dict[str, str]) -> tuple[float, ...]:
    """Frame, whether it is outside, and corners of a box; ValueError for one without them."""
    try:
        frame = int(attributes["frame"])
        corners = [float(attributes[side]) for side in ("xtl", "ytl", "xbr", "ybr")]
    except KeyError as error:
        raise ValueError(f"a box has no {error}") from None
    if not 0 <= frame < 2**31:
        raise ValueError(f"frame of a box must be from 0, got {frame}")
    return frame, attributes.get("outside") == "1", *corners


def _every_frame(boxes: Floats) -> Floats:
    """The boxes of a track in every frame in which it is not outside: frame and corners (B, 5).

    boxes: (K, 6) frame, outside and corners, in the order of the frames. CVAT exports every frame;
    where only keyframes are given, the corners are interpolated between them.
    """
    frame, outside, corners = boxes[:, 0], boxes[:, 1] > 0, boxes[:, 2:]
    if (np.diff(frame) == 0).any():
        raise ValueError(f"a track has two boxes in frame {frame[:-1][np.diff(frame) == 0][0]:.0f}")
    length = int(frame[-1] - frame[0]) + 1
    if length > _MAX_BOXES:
        raise ValueError(f"expected up to {_MAX_BOXES} frames of a track, got {length}")
    every = frame[0] + np.arange(length)
    before = np.searchsorted(frame, every, side="right") - 1
    after = np.minimum(before + 1, len(frame) - 1)
    after = np.where(outside[after], before, after)  # it stays where it was until it is outside
    step = np.maximum(frame[after] - frame[before], 1)
    share = np.where(after > before, (every - frame[before]) / step, 0)[:, None]
    found = corners[before] + share * (corners[after] - corners[before])
    return np.asarray(np.column_stack([every, found])[~outside[before]])
