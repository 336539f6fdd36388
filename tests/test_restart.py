"""A run that is stopped and started again with the same registry: persons in view stay."""

import pytest

from deepsort_reid import DeepSort, Detections, Embedder, PersonRegistry, track_video
from deepsort_reid.scene import Street

FRAMES, STOP = 150, 90
MIN_VISIBILITY = 0.5


class TrueBoxes:
    """Detects everybody who is visible; `id` holds who each detection of the last frame shows."""

    def __init__(self, street, first):
        self._street, self._number = street, first - 1

    def __call__(self, frame):
        self._number += 1
        rows = self._street.clipped(self._street.rows(self._number))
        rows = rows[rows.visibility >= MIN_VISIBILITY]
        self.id = rows.id
        return Detections(rows.xyxy)


def persons_of(street, registry, first, last, embedder):
    """Person of each identity in the last frame of a part of the street."""
    detector = TrueBoxes(street, first)
    frames = (frame for number, frame, _ in street if first <= number <= last)
    tracker = DeepSort(embedder=embedder, registry=registry)
    for _number, _frame, tracks in track_video(frames, detector, tracker):
        seen = dict(
            zip(detector.id[tracks.detection].tolist(), tracks.person_id.tolist(), strict=True)
        )
    return seen


@pytest.mark.parametrize("seed", [1, 3])
def test_nobody_in_view_changes_person_when_the_process_is_started_again(tmp_path, seed):
    street = Street(seed=seed, people=10, frames=FRAMES, width=640, height=360)
    embedder, path = Embedder(threads=1), tmp_path / "people.sqlite"
    with PersonRegistry(path) as registry:
        before = persons_of(street, registry, 1, STOP, embedder)
    with PersonRegistry(path) as registry:
        after = persons_of(street, registry, STOP + 1, FRAMES, embedder)
    in_view = before.keys() & after.keys()
    assert len(in_view) >= 5
    assert {id: after[id] for id in in_view} == {id: before[id] for id in in_view}
    assert len(set(after.values())) == len(after)
