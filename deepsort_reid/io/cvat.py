"""Files of the annotation tool CVAT: "CVAT for video 1.1" (XML) and "MOT 1.1" (zip).

Formats: docs.cvat.ai, "CVAT for videos" and "MOT sequence".
"""

import io
import lzma
import tempfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath

import numpy as np

from deepsort_reid.io.atomic import open_atomically
from deepsort_reid.io.cvat_xml import PERSON_LABEL, classes_of_labels, read_cvat_xml
from deepsort_reid.io.mot import read_ground_truth, save_rows
from deepsort_reid.structures.mot_rows import MotRows

_MAX_BYTES = 2 * 1024**3  # of a file in a zip file, unpacked
# What `zipfile` raises; RuntimeError for an encrypted file.
_DAMAGED = (
    zipfile.BadZipFile,
    NotImplementedError,
    EOFError,
    RuntimeError,
    zlib.error,
    lzma.LZMAError,
)
_ANNOTATIONS, _GROUND_TRUTH, _LABELS = "annotations.xml", "gt.txt", "labels.txt"


def write_cvat_mot(path: Path, rows: MotRows) -> None:
    """Write "MOT 1.1": a zip file with gt/gt.txt and gt/labels.txt.

    rows: boxes; `id` is the identity, and all are of one class. Raises OSError that names the file
    when it cannot be written.
    """
    text = io.BytesIO()
    visibility = np.where(np.isnan(rows.visibility), 1.0, rows.visibility)
    one = np.ones(len(rows))
    labelled = MotRows(rows.frame, rows.id, rows.xyxy, one, one.astype(np.int64), visibility)
    save_rows(text, labelled, "gt")
    with (
        open_atomically(path) as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        archive.writestr("gt/gt.txt", text.getvalue())
        archive.writestr("gt/labels.txt", f"{PERSON_LABEL}\n")


def read_cvat(path: Path) -> MotRows:
    """Read the tracks of an XML or zip file that CVAT exported, as ground truth.

    Boxes that are outside, and shapes that are no boxes, are left out. Frames between keyframes
    are interpolated. The class is 1 for people, by the name of the label, or where there is only
    one label; others count from 2. A track in CVAT is an identity, whose number is that of its
    attribute "identity", or a new one.

    Nothing is unpacked to the disk, and a document type declaration in the XML is refused, with
    all entities.

    Raises OSError when the file cannot be read; ValueError, in one line that names it, when it has
    no tracks or is another file.
    """
    try:
        with path.open("rb") as file:
            if not zipfile.is_zipfile(file):
                file.seek(0)
                return read_cvat_xml(path, file)
            file.seek(0)
            with zipfile.ZipFile(file) as archive:
                return _read_zip(path, archive)
    except _DAMAGED as error:
        raise ValueError(
            f"{path}: expected a zip file of CVAT, got a damaged one: {error}"
        ) from None


def _read_zip(path: Path, archive: zipfile.ZipFile) -> MotRows:
    """Tracks of a zip file; only the files that are needed are read, into memory."""
    found = {PurePosixPath(each.filename).name: each for each in archive.infolist()}
    if _ANNOTATIONS in found:
        return read_cvat_xml(path, io.BytesIO(_member(path, archive, found[_ANNOTATIONS])))
    if _GROUND_TRUTH not in found:
        raise ValueError(
            f"{path}: expected a zip file of CVAT, with {_ANNOTATIONS} or gt/{_GROUND_TRUTH}"
        )
    data = _member(path, archive, found[_GROUND_TRUTH])
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / _GROUND_TRUTH
        text.write_bytes(data)
        try:
            rows = read_ground_truth(text)
        except ValueError as error:
            raise ValueError(str(error).replace(str(text), f"{path}/gt/{_GROUND_TRUTH}")) from None
    labels = []
    if _LABELS in found:
        names = _member(path, archive, found[_LABELS]).decode("utf-8", errors="replace")
        labels = [line.strip() for line in names.splitlines() if line.strip()]
    if labels:
        classes = np.array([-1, *classes_of_labels(labels)])
        known = (rows.class_id >= 1) & (rows.class_id <= len(labels))
        rows.class_id[:] = classes[np.where(known, rows.class_id, 0)]
    return rows


def _member(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """The content of a file in a zip file; ValueError when it is too large."""
    with archive.open(member) as file:
        data = file.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise ValueError(f"{path}: {member.filename} has more than {_MAX_BYTES} bytes")
    return data
