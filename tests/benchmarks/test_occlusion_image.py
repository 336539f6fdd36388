"""The picture of one occlusion: which one it shows, and that it shows it."""

import cv2
import numpy as np
import pytest

from benchmarks import occlusion_image as script
from deepsort_reid.scene import Street
from deepsort_reid.structures.tracks import State, Tracks


@pytest.fixture(scope="module")
def street():
    return Street(seed=2, people=8, frames=160, width=480, height=270)


def told(street, person=0, since=0):
    """Tracks of every frame: everybody's own number, one person's 100 more from a frame on."""
    found = []
    for number in range(1, street.frames + 1):
        rows = street.rows(number)
        seen = rows[rows.visibility >= script.VISIBLE]
        id = seen.id + 100 * ((seen.id == person) & (number > since))
        n, whole = len(seen), np.ones(len(seen), dtype=np.int64)
        found.append(
            Tracks(
                id.astype(np.int64),
                seen.xyxy,
                seen.xyxy,
                np.ones(n),
                0 * whole,
                np.arange(n),
                State.CONFIRMED * whole,
                whole,
                0 * whole,
            )
        )
    return found


def test_somebody_is_seen_on_either_side_of_an_occlusion_and_never_within(street):
    times = script.occlusions(street)
    assert times
    assert [each.hidden for each in times] == sorted((e.hidden for e in times), reverse=True)
    for each in times:
        for frame in range(each.last, each.first + 1):
            rows = street.rows(frame + 1)
            (visible,) = rows.visibility[rows.id == each.person]
            assert (visible >= script.VISIBLE) == (frame in (each.last, each.first))


def test_the_one_is_shown_that_changes_the_first_trackers_id_alone(street):
    times = script.occlusions(street)
    chosen = next(each for each in times[1:] if each.first + 5 < street.frames)
    kept, changed = told(street), told(street, chosen.person, chosen.first)
    assert script.changed_and_kept(street, {"a": changed, "b": kept}, times, 5) == chosen
    for other in ({"a": kept, "b": kept}, {"a": kept, "b": changed}, {"a": changed, "b": changed}):
        assert script.changed_and_kept(street, other, times, 5) is None


@pytest.mark.filterwarnings("ignore:this embedder does not tell people apart")
def test_the_picture_has_a_row_for_each_tracker(tmp_path, monkeypatch, capsys):
    def embedder(model):
        return lambda frame, xyxy: np.eye(1, 4, dtype=np.float32).repeat(len(xyxy), 0)

    monkeypatch.setattr(script, "Embedder", embedder)
    monkeypatch.setattr(script, "changed_and_kept", lambda street, found, times, after: times[-1])
    out = tmp_path / "new" / "picture.jpg"
    assert script.main(["--frames", "60", "--people", "8", "--after", "3", "--out", str(out)]) == 0
    wide, high = 3 * 2 * script.AROUND[0], 2 * 2 * script.AROUND[1]
    assert cv2.imread(str(out)).shape[:2] == (high * script.ZOOM, wide * script.ZOOM)
    assert "is hidden for" in capsys.readouterr().out
    monkeypatch.setattr(script, "changed_and_kept", lambda street, found, times, after: None)
    assert script.main(["--frames", "3", "--people", "2", "--out", str(out)]) == 1
