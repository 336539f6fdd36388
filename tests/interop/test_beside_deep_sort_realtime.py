"""`interop.deep_sort_realtime` beside deep-sort-realtime: each test runs with both.

What is expected is what its README and its own tests say, and what it does where these are silent.
"""

from collections import Counter
from datetime import date
from importlib import import_module

import numpy as np
import pytest

from deepsort_reid.scene import Street
from deepsort_reid.structures.boxes import iou

BOTH = ("deepsort_reid.interop.deep_sort_realtime", "deep_sort_realtime.deepsort_tracker")
WHITE = np.full((240, 640, 3), 255, dtype=np.uint8)
TWO = [([100, 100, 50, 50], 0.5, "person"), ([300, 50, 50, 50], 0.4, "dog")]
EMBEDS = [np.array([0.1, 0.1, 0.1, 0.1]), np.array([-1.0, 1.0, 0.5, -0.5])]


def import_class(name):
    """`DeepSort` of one of the two modules."""
    return pytest.importorskip(name, reason=f"needs {name.split('.')[0]}").DeepSort


@pytest.fixture(params=BOTH)
def deep_sort(request):
    return import_class(request.param)


def run(tracker, frames=4, detections=TWO, **arguments):
    for _ in range(frames):
        # A copy: deep-sort-realtime appends to the list of polygons.
        tracks = tracker.update_tracks(list(detections), **{"embeds": EMBEDS, **arguments})
    return tracks


def ids(tracks):
    return [track.track_id for track in tracks]


def test_example_of_the_readme(deep_sort):
    tracker = deep_sort(max_age=5)
    seen = []
    for step in range(5):
        bbs = [([100 + 5 * step, 50, 40, 100], 0.9, "person"), ([300, 60, 42, 96], 0.4, "bicycle")]
        for track in tracker.update_tracks(bbs, frame=WHITE):
            if not track.is_confirmed():
                continue
            seen.append((step, track.track_id, track.to_ltrb()))
    assert [(step, id) for step, id, _ in seen] == [
        (step, id) for step in (2, 3, 4) for id in ("1", "2")
    ]
    # Filtered boxes: those of the moving person may lag behind.
    for step, id, ltrb in seen:
        left = 100 + 5 * step if id == "1" else 300
        assert ltrb[0] == pytest.approx(left, abs=6)
        assert ltrb[3] == pytest.approx(150 if id == "1" else 156, abs=6)


def test_example_with_an_embedder_of_your_own(deep_sort):
    tracks = run(deep_sort(max_age=5, embedder=None))
    assert ids(tracks) == ["1", "2"]
    np.testing.assert_allclose([track.get_feature() for track in tracks], EMBEDS)


def test_boxes_of_the_detection_or_of_the_filter(deep_sort):
    tracker = deep_sort(embedder=None)
    tracks = run(tracker)
    np.testing.assert_allclose(tracks[0].to_ltwh(orig=True), TWO[0][0])
    np.testing.assert_allclose(tracks[0].to_ltrb(orig=True), [100, 100, 150, 150])
    np.testing.assert_allclose(tracks[0].to_ltwh(), TWO[0][0], atol=1e-3)
    np.testing.assert_allclose(tracks[0].to_tlbr(), tracks[0].to_ltrb())
    np.testing.assert_allclose(tracks[0].to_tlwh(), tracks[0].to_ltwh())
    tracks = tracker.update_tracks([], embeds=[])
    assert tracks[0].to_ltrb(orig=True, orig_strict=True) is None
    np.testing.assert_allclose(tracks[0].to_ltrb(orig=True), [100, 100, 150, 150], atol=1)


def test_what_a_track_keeps_of_its_detection(deep_sort):
    tracker = deep_sort(embedder=None)
    masks = [np.ones((3, 3)), np.zeros((3, 3))]
    tracks = run(tracker, 1, others=["a", "b"], instance_masks=masks)
    assert [track.get_det_supplementary() for track in tracks] == ["a", "b"]
    assert [track.get_instance_mask().sum() for track in tracks] == [9, 0]
    assert [track.get_det_class() for track in tracks] == ["person", "dog"]
    assert [track.get_det_conf() for track in tracks] == [0.5, 0.4]
    track = run(tracker)[0]
    assert (track.get_det_supplementary(), track.get_instance_mask()) == (None, None)
    tracker.update_tracks([], embeds=[])
    assert (track.get_det_class(), track.get_det_conf()) == ("person", None)


def test_states_counts_and_the_end_of_tracks(deep_sort):
    tracker = deep_sort(embedder=None, max_age=3, n_init=2)
    first = run(tracker, 1)
    assert [(track.state, track.is_tentative(), track.is_confirmed()) for track in first] == [
        (1, True, False)
    ] * 2
    second = run(tracker, 1)
    assert [a is b for a, b in zip(first, second, strict=True)] == [True, True]
    assert [(t.state, t.hits, t.age, t.time_since_update) for t in second] == [(2, 2, 2, 0)] * 2
    lengths = [len(tracker.update_tracks([], embeds=[])) for _ in range(4)]
    assert lengths == [2, 2, 2, 0]
    assert [(t.state, t.is_deleted(), t.is_confirmed()) for t in first] == [(3, True, False)] * 2
    tracker = deep_sort(embedder=None)
    run(tracker, 2)
    assert tracker.update_tracks([], embeds=[]) == []  # never confirmed


def test_track_at_the_border_of_the_image_lives_as_long_as_others(deep_sort):
    tracker = deep_sort(embedder=None)
    run(tracker, detections=[([0, 0, 50, 50], 0.5, "person"), ([50, 50, 50, 50], 0.5, "person")])
    assert [len(tracker.update_tracks([], embeds=[])) for _ in range(31)] == [2] * 30 + [0]


def test_empty_frames_and_empty_boxes(deep_sort):
    tracker = deep_sort(embedder=None)
    assert tracker.update_tracks([], embeds=[]) == []
    empty = [([0, 0, 0, 5], 0.9, "empty")]
    assert tracker.update_tracks(empty, embeds=EMBEDS[:1]) == []


def test_suppression_of_overlapping_detections(deep_sort):
    twice = [*TWO, ([102, 100, 50, 50], 0.9, "second")]
    assert len(run(deep_sort(embedder=None), 1, twice, embeds=np.eye(3))) == 3
    tracks = run(deep_sort(embedder=None, nms_max_overlap=0.5), 1, twice, embeds=np.eye(3))
    assert sorted(track.get_det_class() for track in tracks) == ["dog", "second"]


def test_polygons(deep_sort):
    tracker = deep_sort(embedder=None, polygon=True)
    polygons = [[0, 0, 10, 0, 10, 10, 0, 10], [20, 20, 30, 20, 30, 30, 20, 30]]
    tracks = run(tracker, 1, [polygons, [0, 1], [0.5, 0.5]])
    np.testing.assert_allclose(
        [track.to_ltwh() for track in tracks], [[0, 0, 11, 11], [20, 20, 11, 11]]
    )
    assert [track.get_det_supplementary() for track in tracks] == polygons
    polygons = [[0, 5, 15, 5, 15, 10, 10, 25], [20, 20, 30, 20, 30, 30, 25, 30]]
    tracks = run(tracker, 3, [polygons, [3, 3], [0.9, 0.6]])
    assert {track.get_det_class() for track in tracks} == {3}
    boxes = sorted(track.to_ltwh(orig=True).tolist() for track in tracks)
    assert boxes == [[0, 5, 16, 21], [20, 20, 11, 11]]


def test_date_before_the_ids(deep_sort):
    today = date.today()
    tracks = run(deep_sort(embedder=None, today=today), today=today)
    assert ids(tracks) == [f"{today}_1", f"{today}_2"]
    assert ids(run(deep_sort(embedder=None), today=today)) == ["1", "2"]


def test_ids_start_over_when_all_tracks_are_deleted(deep_sort):
    tracker = deep_sort(embedder=None)
    run(tracker)
    tracker.refresh_track_ids()
    assert ids(run(tracker, 1)) == ["1", "2"]  # live tracks keep their ids
    tracker.delete_all_tracks()
    assert ids(run(tracker)) == ["1", "2"]


def test_a_track_class_of_your_own(deep_sort):
    kind = type(run(deep_sort(embedder=None), 1)[0])

    class Named(kind):
        def name(self):
            return f"person {self.track_id}"

    tracks = run(deep_sort(embedder=None, override_track_class=Named))
    assert [track.name() for track in tracks] == ["person 1", "person 2"]


def test_both_follow_the_same_people_of_a_street():
    """True boxes of a rendered street, with the person as the embedding."""
    street = Street(seed=1, people=8, frames=120, width=640, height=360)
    trackers = [import_class(name)(embedder=None) for name in BOTH]
    followed = [Counter(), Counter()]  # (person, track) -> frames
    for number in range(1, street.frames + 1):
        rows = street.clipped(street.truth)
        rows = rows[(rows.frame == number) & (rows.visibility > 0.3)]
        tlwh = np.hstack([rows.xyxy[:, :2], rows.xyxy[:, 2:] - rows.xyxy[:, :2]])
        bbs = [(box, 0.9, "person") for box in tlwh.tolist()]
        for counts, tracker in zip(followed, trackers, strict=True):
            tracks = tracker.update_tracks(bbs, embeds=np.eye(50)[rows.id])
            live = [t for t in tracks if t.is_confirmed() and t.time_since_update == 0]
            boxes = np.array([t.to_ltrb() for t in live]).reshape(-1, 4)
            if not len(live) or not len(rows):
                continue
            overlap = iou(boxes, rows.xyxy)
            for track, best in zip(live, overlap.argmax(axis=1), strict=True):
                counts[int(rows.id[best]), track.track_id] += 1
    people = [{person for (person, _), n in counts.items() if n > 10} for counts in followed]
    assert people[0] == people[1]
    assert len(people[0]) >= 4
    # A track is one person, in both.
    for counts in followed:
        best = Counter()
        for (_, track), n in counts.items():
            best[track] = max(best[track], n)
        assert sum(best.values()) >= 0.97 * sum(counts.values())


def test_arguments_have_the_same_names():
    import inspect

    ours, theirs = (import_class(name) for name in BOTH)
    for name in ("__init__", "update_tracks"):
        parameters = [
            list(inspect.signature(getattr(each, name)).parameters) for each in (ours, theirs)
        ]
        assert parameters[0] == parameters[1]


def test_modules_are_those_that_their_users_import():
    module = import_module(BOTH[0])
    assert module.Track is type(run(module.DeepSort(embedder=None), 1)[0])
