import json

import numpy as np
import pytest

from deepsort_reid import MotRows
from deepsort_reid.io.coco import read_coco, write_coco

ROWS = MotRows(
    np.array([1, 1, 4]),
    np.array([3, 7, 7]),
    np.array([[0, 1, 10.5, 21], [30, 30, 40, 60], [31, 30, 41, 60.25]]),
    np.array([0.5, 1, 0.25]),
)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "a.json"
    write_coco(path, ROWS, name="street", size=(640, 480), names={7: '"Ada" </script>'})
    return path


def test_coco_is_read_as_it_was_written(path):
    found = read_coco(path)
    assert found.frame.tolist() == [1, 1, 4]
    assert found.id.tolist() == [3, 7, 7]
    np.testing.assert_allclose(found.xyxy, ROWS.xyxy)
    assert found.class_id.tolist() == [1, 1, 1]


def test_annotations_have_the_fields_of_the_format(path):
    data = json.loads(path.read_text())
    assert data["images"][1] == {
        "id": 4,
        "file_name": "000004.jpg",
        "width": 640,
        "height": 480,
        "video_id": 1,
        "frame_id": 4,
    }
    assert data["annotations"][1] == {
        "id": 2,
        "image_id": 1,
        "category_id": 1,
        "bbox": [30, 30, 10, 30],
        "area": 300,
        "iscrowd": 0,
        "track_id": 7,
        "score": 1,
        "track_name": '"Ada" </script>',
    }


def test_other_categories_are_no_people(path):
    data = json.loads(path.read_text())
    data["categories"].append({"id": 2, "name": "dog"})
    data["annotations"][0]["category_id"] = 2
    path.write_text(json.dumps(data))
    assert read_coco(path).class_id.tolist() == [3, 1, 1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data.pop("images"), "got none: no 'images'"),
        (lambda data: data["annotations"][0].pop("track_id"), "got none: no 'track_id'"),
        (lambda data: data["annotations"][0].update(image_id=9), "got none: no 9"),
        (lambda data: data["annotations"][0].update(bbox=[1, 2]), "expected a COCO file of tracks"),
        (lambda data: data["annotations"][0].update(bbox=[1, 2, 0, 4]), "right > left"),
        (lambda data: data["images"][0].update(video_id=2), "images of one video only"),
        (lambda data: data.update(images=7), "expected a COCO file of tracks"),
    ],
)
def test_other_json_is_named_in_one_line(path, change, message):
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))
    with pytest.raises(ValueError, match=message) as caught:
        read_coco(path)
    assert "a.json" in str(caught.value)
    assert "\n" not in str(caught.value)
