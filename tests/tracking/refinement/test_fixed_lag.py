"""The corrected stream, counted by hand: what leaves, when, and under which id."""

import numpy as np
import pytest

from deepsort_reid import DeepSort, DeepSortConfig, Detections, FixedLag, State
from deepsort_reid.tracking import Linking
from deepsort_reid.tracking.refinement.linking import unit_rows
from tests.tracking.people import alike, crowd, looks, standing


def stream(late, frames, **extras):
    """Everything that leaves, the rest at the end: {number of the frame: tracks}."""
    left = [found for here in frames if (found := late.update(here, **extras)) is not None]
    left += late.flush()
    assert [number for number, _ in left] == list(range(1, len(frames) + 1))
    return dict(left)


def ids(left):
    """The ids of each frame that left, in the order of the frames."""
    return [tracks.id.tolist() for tracks in left.values()]


def sure(*lefts, look=None):
    boxes = standing(*lefts)
    return Detections(boxes, np.full(len(boxes), 0.9), embedding=look)


def test_an_id_is_there_from_the_first_frame_on_and_not_only_from_the_confirmation():
    frames = [sure(100 + k) for k in range(10)]
    online = DeepSort()
    assert [online.update(here).id.tolist() for here in frames] == [[], []] + [[1]] * 8
    assert ids(stream(FixedLag(DeepSort(), 4), frames)) == [[1]] * 10


def test_each_frame_leaves_once_as_many_updates_later_as_asked_for():
    late, number = FixedLag(DeepSort(), 3), []
    for here in [sure(100)] * 8:
        found = late.update(here)
        number.append(None if found is None else found.number)
    assert number == [None, None, None, 1, 2, 3, 4, 5]
    assert [found.number for found in late.flush()] == [6, 7, 8]
    assert late.flush() == []


def test_frames_without_anybody_are_frames():
    left = stream(FixedLag(DeepSort(), 2), [Detections.empty()] * 5)
    assert ids(left) == [[]] * 5


def test_without_a_lag_it_is_the_online_tracker():
    online, late = DeepSort(), FixedLag(DeepSort(), 0)
    for number, here in enumerate(crowd(60), start=1):
        expected, found = online.update(here), late.update(here)
        assert found.number == number
        for name in ("id", "xyxy", "filtered_xyxy", "score", "detection", "state", "age"):
            np.testing.assert_array_equal(getattr(found.tracks, name), getattr(expected, name))
    assert late.flush() == []


def test_who_is_never_confirmed_never_leaves():
    frames = [sure(100, 300), sure(101, 300), sure(102), sure(103), sure(104, 500)]
    assert ids(stream(FixedLag(DeepSort(), 3), frames)) == [[1]] * 5


def test_a_gap_is_filled_when_its_end_is_within_the_lag():
    # Seen in frames 1 to 10 and 16 to 25, at 2 pixels a frame.
    frames = [sure(100 + 2 * k) if k < 10 or k >= 15 else Detections.empty() for k in range(25)]
    left = stream(FixedLag(DeepSort(), 10), frames)
    assert ids(left) == [[1]] * 25
    for number, tracks in left.items():
        filled = 10 < number <= 15
        assert tracks.state.tolist() == [State.COASTING if filled else State.CONFIRMED]
        assert tracks.detection.tolist() == [-1 if filled else 0]
        assert tracks.misses.tolist() == [number - 10 if filled else 0]
        assert tracks.age.tolist() == [number]
        np.testing.assert_allclose(tracks.xyxy[0], frames_box(number), atol=0.6)
    # With a lag of 5 the end of the gap is just known when its first frame leaves; with one of 4 it
    # is not, and half a gap is no better than none.
    assert ids(stream(FixedLag(DeepSort(), 5), frames)) == [[1]] * 25
    assert ids(stream(FixedLag(DeepSort(), 4), frames)) == [[1]] * 10 + [[]] * 5 + [[1]] * 10


def frames_box(number):
    return standing(98 + 2 * number)[0]


def test_boxes_are_nearer_to_the_truth_than_the_detections_are():
    rng = np.random.default_rng(0)
    truth = [standing(100 + 2 * k) for k in range(80)]
    frames = [Detections(box + rng.normal(0, 2, (1, 4)), [0.9]) for box in truth]
    left = stream(FixedLag(DeepSort(), 20), frames)
    off = [abs(left[k + 1].xyxy - truth[k]).mean() for k in range(80)]
    given = [abs(frames[k].xyxy - truth[k]).mean() for k in range(80)]
    assert np.mean(off) < 0.6 * np.mean(given)
    for k, tracks in enumerate(left.values()):
        assert tracks.detection.tolist() == [0]  # the detection's own box is one look away
        np.testing.assert_array_equal(tracks.xyxy, tracks.filtered_xyxy)
        assert tracks.id_of_detection(len(frames[k])).tolist() == [1]


def test_a_longer_lag_than_the_video_smooths_by_all_of_it():
    rng = np.random.default_rng(1)
    frames = [
        Detections(standing(100 + 2 * k) + rng.normal(0, 2, (1, 4)), [0.9]) for k in range(40)
    ]
    whole = stream(FixedLag(DeepSort(), 100), frames)
    most = stream(FixedLag(DeepSort(), 39), frames)
    some = stream(FixedLag(DeepSort(), 2), frames)
    for number in whole:
        np.testing.assert_allclose(whole[number].xyxy, most[number].xyxy)
    assert any(abs(whole[k].xyxy - some[k].xyxy).max() > 0.1 for k in whole)


def two_fragments(lag, change=None, jump=0, **rule):
    """A person who is lost and found as somebody new: seen to frame 30 and from frame 36.

    The tracker does not wait for anybody, so it gives a second id.
    """
    look, rng = looks(2), np.random.default_rng(0)
    after = look[:1] if change is None else look[1:]
    frames = [sure(100 + 2 * k, look=alike(look[:1], rng)) for k in range(30)]
    frames += [sure(look=np.zeros((0, 16)))] * 5
    frames += [sure(100 + jump + 2 * k, look=alike(after, rng)) for k in range(35, 70)]
    # Somebody else stands there, so that it is known what different people look like.
    other = np.linalg.qr(np.random.default_rng(5).normal(size=(16, 16)))[0][:1]
    frames = [
        Detections(
            np.concatenate([here.xyxy, standing(900)]),
            np.append(here.score, 0.9),
            embedding=np.concatenate([here.embedding, alike(other, rng)]),
        )
        for here in frames
    ]
    tracker = DeepSort(DeepSortConfig(max_age=3, identity_memory_size=0))
    return stream(FixedLag(tracker, lag, linking=Linking(**rule)), frames)


def fragment_ids(left):
    """The id at the walker's place in each frame, 0 where there is none."""
    return [
        next((int(i) for i, x in zip(t.id, t.xyxy[:, 0], strict=True) if x < 850), 0)
        for t in left.values()
    ]


def test_two_fragments_of_one_person_leave_under_one_id_and_the_gap_is_filled():
    nobody = two_fragments(20, min_llr=1e9)
    assert fragment_ids(nobody) == [1] * 30 + [0] * 5 + [3] * 35
    assert fragment_ids(two_fragments(20)) == [1] * 70


def test_somebody_else_at_that_place_is_not_linked():
    assert fragment_ids(two_fragments(20, change=True)) == [1] * 30 + [0] * 5 + [3] * 35


def test_who_looks_the_same_elsewhere_is_left_to_the_memory_of_the_tracker():
    assert fragment_ids(two_fragments(20, jump=500)) == [1] * 30 + [0] * 5 + [3] * 35


def test_a_link_lasts_longer_than_the_window():
    left = two_fragments(8)
    assert set(fragment_ids(left)[35:]) == {1}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("lag", [1, 7, 30])
def test_in_a_crowd_no_id_is_twice_in_a_frame_and_no_detection_is_two_people(seed, lag):
    frames = list(crowd(150, people=20, seed=seed))
    late = FixedLag(DeepSort(DeepSortConfig(max_age=10)), lag)
    for number, tracks in stream(late, frames).items():
        assert len(np.unique(tracks.id)) == len(tracks)
        assert (np.diff(tracks.id) > 0).all()
        assert (tracks.id > 0).all()
        seen = tracks.detection[tracks.detection >= 0]
        assert len(np.unique(seen)) == len(seen)
        assert len(seen) == 0 or seen.max() < len(frames[number - 1])
        assert (tracks.xyxy[:, 2:] > tracks.xyxy[:, :2]).all()


def test_what_online_reported_leaves_too():
    frames = list(crowd(120, people=20, seed=4))
    online, late = DeepSort(), stream(FixedLag(DeepSort(), 15), frames)
    for here, tracks in zip(frames, late.values(), strict=True):
        assert set(online.update(here).detection.tolist()) <= set(tracks.detection.tolist())


def test_reset_forgets_the_video_and_the_frames_held():
    frames = list(crowd(50))
    late = FixedLag(DeepSort(), 10)
    once = stream(late, frames)
    for here in frames[:20]:
        late.update(here)
    late.reset()
    again = stream(late, frames)
    for number in once:
        np.testing.assert_array_equal(once[number].id, again[number].id)
        np.testing.assert_array_equal(once[number].xyxy, again[number].xyxy)


def test_a_known_camera_leaves_a_standing_person_standing():
    rng = np.random.default_rng(0)
    shake = np.cumsum(rng.normal(0, 8, (60, 2)), axis=0)
    late, left, there = FixedLag(DeepSort(), 15), [], []
    for k in range(60):
        step = shake[k] - (shake[k - 1] if k else 0)
        box = standing(300) + np.tile(shake[k], 2)
        there.append(box)
        camera = np.column_stack([np.eye(2), step])
        left.append(late.update(Detections(box, [0.9]), camera=camera))
    left = [*filter(None, left), *late.flush()]
    for (_, tracks), box in zip(left, there, strict=True):
        np.testing.assert_allclose(tracks.xyxy, box, atol=1e-6)


def test_memory_is_bounded_by_the_window():
    rng, people = np.random.default_rng(0), 4
    late = FixedLag(DeepSort(DeepSortConfig(max_age=5, identity_memory_size=10)), 10)
    for visit in range(60):  # each time four others, who are there for six frames
        look = unit_rows(rng.normal(size=(people, 16)))
        boxes = standing(*(100 * np.arange(people) + 1000 * (visit % 5)))
        for _ in range(6):
            late.update(Detections(boxes, embedding=look))
        # Those of the last three visits at most: in the window, or waited for.
        assert len(late._persons) <= 3 * people
        assert len(late._held) == min(10, 6 * visit + 6)
        assert len(late._persons.numbers) <= 2 * (10 + 3 * people)
    assert late.tracker.identities.last_id > 100


@pytest.mark.parametrize("frames", [-1, 2.5, "30", None, True])
def test_a_lag_that_is_no_number_of_frames_is_refused(frames):
    with pytest.raises(ValueError, match="frames must be a whole number, at least 0, got"):
        FixedLag(DeepSort(), frames)


@pytest.mark.parametrize(
    ("given", "extras", "message"),
    [
        ([1, 2], {}, "update expects Detections, got list"),
        (sure(100), {"dt": 0}, "dt must be a positive number of frames, got 0"),
        (sure(100), {"camera": np.eye(3)}, r"camera must be a finite affine \(2, 3\)"),
        (sure(100), {"camera": np.zeros((2, 3))}, "camera must not map the picture on a line"),
    ],
)
def test_a_refused_update_changes_nothing(given, extras, message):
    late, untouched = FixedLag(DeepSort(), 2), FixedLag(DeepSort(), 2)
    for here in [sure(100)] * 4:
        late.update(here)
        untouched.update(here)
    with pytest.raises(ValueError, match=message):
        late.update(given, **extras)
    for one, two in zip(late.flush(), untouched.flush(), strict=True):
        assert one.number == two.number
        np.testing.assert_array_equal(one.tracks.xyxy, two.tracks.xyxy)
