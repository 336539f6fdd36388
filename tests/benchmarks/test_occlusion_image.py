"""benchmarks/occlusion_image.py: choice of the occlusion, and the image."""

import cv2
import numpy as np
import pytest

from benchmarks import occlusion_image
from benchmarks.occlusion_image import CROP_HALF_SIZE, ZOOM, find_id_change
from deepsort_reid.scene import Street
from deepsort_reid.structures.tracks import State, Tracks


@pytest.fixture(scope="module")
def street():
    return Street(seed=2, people=8, frames=160, width=480, height=270)


def tracks_with_true_ids(street, identity=0, since=0):
    """Return tracks of every frame with true ids; 100 is added to one identity after a frame."""
    found = []
    for number in range(1, street.frames + 1):
        rows = street.rows(number)
        visible = rows[rows.visibility >= occlusion_image.MIN_VISIBILITY]
        ids = visible.id + 100 * ((visible.id == identity) & (number > since))
        n, ones = len(visible), np.ones(len(visible), dtype=np.int64)
        found.append(
            Tracks(
                ids.astype(np.int64),
                ids.astype(np.int64),
                visible.xyxy,
                visible.xyxy,
                np.ones(n),
                0 * ones,
                np.arange(n),
                State.CONFIRMED * ones,
                ones,
                0 * ones,
            )
        )
    return found


def test_person_is_visible_before_and_after_an_occlusion_only(street):
    found = occlusion_image.occlusions(street)
    assert found
    lengths = [each.frames for each in found]
    assert lengths == sorted(lengths, reverse=True)
    for each in found:
        for frame in range(each.last, each.first + 1):
            rows = street.rows(frame + 1)
            (visible,) = rows.visibility[rows.id == each.identity]
            assert (visible >= occlusion_image.MIN_VISIBILITY) == (frame in (each.last, each.first))


def test_chosen_occlusion_changes_the_id_of_the_first_tracker_only(street):
    found = occlusion_image.occlusions(street)
    chosen = next(each for each in found[1:] if each.first + 5 < street.frames)
    kept = tracks_with_true_ids(street)
    changed = tracks_with_true_ids(street, chosen.identity, chosen.first)
    assert find_id_change(street, {"a": changed, "b": kept}, found, 5) == chosen
    for other in ({"a": kept, "b": kept}, {"a": kept, "b": changed}, {"a": changed, "b": changed}):
        assert find_id_change(street, other, found, 5) is None


@pytest.mark.filterwarnings("ignore:the embedder does not tell identities apart")
def test_image_has_a_row_for_each_tracker(tmp_path, monkeypatch, capsys):
    def embedder(model):
        return lambda frame, xyxy: np.eye(1, 4, dtype=np.float32).repeat(len(xyxy), 0)

    monkeypatch.setattr(occlusion_image, "Embedder", embedder)
    monkeypatch.setattr(
        occlusion_image, "find_id_change", lambda street, tracks, found, after: found[-1]
    )
    out = tmp_path / "new" / "image.jpg"
    assert (
        occlusion_image.main(["--frames", "60", "--people", "8", "--after", "3", "--out", str(out)])
        == 0
    )
    width, height = (
        3 * 2 * CROP_HALF_SIZE[0],
        2 * 2 * CROP_HALF_SIZE[1],
    )
    assert cv2.imread(str(out)).shape[:2] == (
        height * ZOOM,
        width * ZOOM,
    )
    assert "is occluded for" in capsys.readouterr().out
    monkeypatch.setattr(occlusion_image, "find_id_change", lambda *args: None)
    assert occlusion_image.main(["--frames", "3", "--people", "2", "--out", str(out)]) == 1
