"""COCO files of tracks: images, boxes and their `track_id`, as multi-object tracking uses them.

The format is that of cocodataset.org, section "Object Detection"; `track_id` is added to each
annotation, and `frame_id` to each image, from 1.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from deepsort_reid.io.atomic import write_atomically
from deepsort_reid.io.json_file import read_json_object
from deepsort_reid.structures import boxes
from deepsort_reid.structures.mot_rows import MotRows

_PERSON = {"id": 1, "name": "person", "supercategory": "person"}


def write_coco(
    path: Path,
    rows: MotRows,
    *,
    name: str,
    size: tuple[int, int],
    names: Mapping[int, str] | None = None,
) -> None:
    """Write a COCO file, an image per frame that has boxes.

    Args:
        path: the JSON file.
        rows: boxes; `id` is the identity, which becomes the `track_id`.
        name: of the video.
        size: width and height of a frame in pixels.
        names: of identities, which become the `track_name`.

    Raises OSError that names the file when it cannot be written.
    """
    data = {
        "info": {"description": name},
        "licenses": [],
        "videos": [{"id": 1, "name": name}],
        "images": _images(rows, size),
        "annotations": _annotations(rows, names or {}),
        "categories": [_PERSON],
    }
    write_atomically(path, json.dumps(data))


def _images(rows: MotRows, size: tuple[int, int]) -> list[dict[str, Any]]:
    return [
        {
            "id": frame,
            "file_name": f"{frame:06d}.jpg",
            "width": size[0],
            "height": size[1],
            "video_id": 1,
            "frame_id": frame,
        }
        for frame in np.unique(rows.frame).tolist()
    ]


def _annotations(rows: MotRows, names: Mapping[int, str]) -> list[dict[str, Any]]:
    columns = (
        rows.frame,
        rows.id,
        boxes.xyxy_to_tlwh(rows.xyxy),
        boxes.area(rows.xyxy),
        rows.score,
    )
    return [
        {
            "id": number,
            "image_id": frame,
            "category_id": _PERSON["id"],
            "bbox": tlwh,
            "area": area,
            "iscrowd": 0,
            "track_id": id,
            "score": score,
            **({"track_name": names[id]} if id in names else {}),
        }
        for number, (frame, id, tlwh, area, score) in enumerate(
            zip(*(column.tolist() for column in columns), strict=True), 1
        )
    ]


def read_coco(path: Path) -> MotRows:
    """Read the boxes of a COCO file with `track_id`, as ground truth, sorted by frame.

    The frame is the `frame_id` of the image, from 1; of one video only. The class is 1 for the
    category "person", others keep their number plus 1.

    Raises OSError when the file cannot be read; ValueError, in one line that names it, when it is
    another file or has no `track_id`.
    """
    data = read_json_object(path)
    try:
        frames = {image["id"]: int(image["frame_id"]) for image in data["images"]}
        people = {each["id"] for each in data["categories"] if each["name"] == "person"}
        if len({image.get("video_id") for image in data["images"]}) > 1:
            raise ValueError("images of one video only")
        table = [_row(each, frames, people) for each in data["annotations"]]
        values = np.array(table, dtype=np.float64).reshape(-1, 7)
        values = values[np.lexsort((values[:, 1], values[:, 0]))]
        frame, id, class_id = (values[:, column].astype(np.int64) for column in (0, 1, 2))
        return MotRows(frame, id, boxes.tlwh_to_xyxy(values[:, 3:]), np.ones(len(id)), class_id)
    except KeyError as error:
        raise ValueError(f"{path}: expected a COCO file of tracks, got none: no {error}") from None
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: expected a COCO file of tracks: {error}") from None


def _row(annotation: dict[str, Any], frames: dict[Any, int], people: set[Any]) -> list[float]:
    category = annotation["category_id"]
    class_id = 1 if category in people else int(category) + 1
    frame, id = frames[annotation["image_id"]], int(annotation["track_id"])
    left, top, width, height = map(float, annotation["bbox"])
    return [frame, id, class_id, left, top, width, height]
