"""Labels of people in a video: MOT text, files of CVAT, COCO with `track_id`."""

from pathlib import Path

from deepsort_reid.io.coco import read_coco
from deepsort_reid.io.cvat import read_cvat
from deepsort_reid.io.mot import read_ground_truth
from deepsort_reid.structures.mot_rows import MotRows

_READERS = {".xml": read_cvat, ".zip": read_cvat, ".json": read_coco}


def read_labels(path: Path) -> MotRows:
    """Read labels in the format that the suffix tells; MOT ground truth by default.

    Raises OSError when the file cannot be read, and ValueError, in one line that names it, when it
    has another format.
    """
    return _READERS.get(path.suffix.lower(), read_ground_truth)(path)
