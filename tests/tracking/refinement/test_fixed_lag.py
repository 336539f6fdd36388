"""Fixed-lag output of hand-counted scenes: emitted frames, their ids and boxes."""

import numpy as np
import pytest

from deepsort_reid import (
    DeepSort,
    DeepSortConfig,
    Detections,
    FixedLag,
    PersonRegistry,
    State,
)
from deepsort_reid.tracking import Linking
from deepsort_reid.tracking.refinement.linking import normalize_rows
from tests.tracking.scenarios import boxes_at, crowd, orthogonal_embeddings, perturbed


def run(fixed_lag, frames, **arguments):
    """All emitted frames, those of `flush` included: {frame number: tracks}."""
    emitted = [
        lagged for detections in frames if (lagged := fixed_lag.update(detections, **arguments))
    ]
    emitted += fixed_lag.flush()
    assert [number for number, _ in emitted] == list(range(1, len(frames) + 1))
    return dict(emitted)


def ids_by_frame(emitted):
    return [tracks.id.tolist() for tracks in emitted.values()]


def high_score(*lefts, embedding=None):
    """Detections of score 0.9 at these left edges."""
    boxes = boxes_at(*lefts)
    return Detections(boxes, np.full(len(boxes), 0.9), embedding=embedding)


def test_track_has_its_id_from_its_first_frame_on():
    frames = [high_score(100 + k) for k in range(10)]
    online = DeepSort()
    assert [online.update(detections).id.tolist() for detections in frames] == [[], []] + [[1]] * 8
    assert ids_by_frame(run(FixedLag(DeepSort(), 4), frames)) == [[1]] * 10


def test_each_frame_is_emitted_once_after_the_lag():
    fixed_lag, numbers = FixedLag(DeepSort(), 3), []
    for detections in [high_score(100)] * 8:
        lagged = fixed_lag.update(detections)
        numbers.append(None if lagged is None else lagged.number)
    assert numbers == [None, None, None, 1, 2, 3, 4, 5]
    assert [lagged.number for lagged in fixed_lag.flush()] == [6, 7, 8]
    assert fixed_lag.flush() == []


def test_frames_without_detections_are_emitted():
    emitted = run(FixedLag(DeepSort(), 2), [Detections.empty()] * 5)
    assert ids_by_frame(emitted) == [[]] * 5


def test_lag_of_zero_equals_the_online_tracker():
    online, fixed_lag = DeepSort(), FixedLag(DeepSort(), 0)
    for number, detections in enumerate(crowd(60), start=1):
        expected, lagged = online.update(detections), fixed_lag.update(detections)
        assert lagged.number == number
        for name in ("id", "xyxy", "filtered_xyxy", "score", "detection", "state", "age"):
            np.testing.assert_array_equal(getattr(lagged.tracks, name), getattr(expected, name))
    assert fixed_lag.flush() == []


def test_track_that_is_never_confirmed_is_not_emitted():
    frames = [high_score(100, 300), high_score(101, 300)]
    frames += [high_score(102), high_score(103), high_score(104, 500)]
    assert ids_by_frame(run(FixedLag(DeepSort(), 3), frames)) == [[1]] * 5


def test_gap_is_filled_if_its_end_is_within_the_lag():
    # Detected in frames 1 to 10 and 16 to 25, at 2 pixels per frame.
    detected = [k < 10 or k >= 15 for k in range(25)]
    frames = [high_score(100 + 2 * k) if detected[k] else Detections.empty() for k in range(25)]
    emitted = run(FixedLag(DeepSort(), 10), frames)
    assert ids_by_frame(emitted) == [[1]] * 25
    for number, tracks in emitted.items():
        in_gap = 10 < number <= 15
        assert tracks.state.tolist() == [State.COASTING if in_gap else State.CONFIRMED]
        assert tracks.detection.tolist() == [-1 if in_gap else 0]
        assert tracks.misses.tolist() == [number - 10 if in_gap else 0]
        assert tracks.age.tolist() == [number]
        np.testing.assert_allclose(tracks.xyxy[0], boxes_at(98 + 2 * number)[0], atol=0.6)
    # With a lag of 5 the end of the gap is just known when its first frame is emitted. With a lag
    # of 4 it is not, and a gap is never filled in part.
    assert ids_by_frame(run(FixedLag(DeepSort(), 5), frames)) == [[1]] * 25
    with_gap = [[1]] * 10 + [[]] * 5 + [[1]] * 10
    assert ids_by_frame(run(FixedLag(DeepSort(), 4), frames)) == with_gap


@pytest.mark.parametrize("first", [2, 5, 20])
def test_track_is_not_emitted_before_its_first_detection(first):
    frames = [high_score(100) if k < first - 1 else high_score(100, 300) for k in range(30)]
    emitted = run(FixedLag(DeepSort(), 10), frames)
    assert ids_by_frame(emitted) == [[1]] * (first - 1) + [[1, 2]] * (31 - first)
    for number, tracks in emitted.items():
        assert tracks.age.tolist() == [number, number - first + 1][: len(tracks)]
        assert tracks.score.tolist() == [0.9, 0.9][: len(tracks)]


def test_smoothed_boxes_are_closer_to_the_truth_than_detections():
    rng = np.random.default_rng(0)
    truth = [boxes_at(100 + 2 * k) for k in range(80)]
    frames = [Detections(box + rng.normal(0, 2, (1, 4)), [0.9]) for box in truth]
    emitted = run(FixedLag(DeepSort(), 20), frames)
    smoothed_error = [abs(emitted[k + 1].xyxy - truth[k]).mean() for k in range(80)]
    detection_error = [abs(frames[k].xyxy - truth[k]).mean() for k in range(80)]
    assert np.mean(smoothed_error) < 0.6 * np.mean(detection_error)
    for k, tracks in enumerate(emitted.values()):
        assert tracks.detection.tolist() == [0]
        np.testing.assert_array_equal(tracks.xyxy, tracks.filtered_xyxy)
        assert tracks.id_of_detection(len(frames[k])).tolist() == [1]


def test_lag_longer_than_the_video_smooths_over_the_whole_video():
    rng = np.random.default_rng(1)
    frames = [
        Detections(boxes_at(100 + 2 * k) + rng.normal(0, 2, (1, 4)), [0.9]) for k in range(40)
    ]
    longer = run(FixedLag(DeepSort(), 100), frames)
    as_long = run(FixedLag(DeepSort(), 39), frames)
    short = run(FixedLag(DeepSort(), 2), frames)
    for number in longer:
        np.testing.assert_allclose(longer[number].xyxy, as_long[number].xyxy)
    assert any(abs(longer[number].xyxy - short[number].xyxy).max() > 0.1 for number in longer)


def track_interrupted_walk(lag, other_person=False, jump=0, **linking):
    """The left edge of a walker's box is 100 + 2k in frames 1 to 30, and in frames 36 to 70.

    The tracker drops the track in between and gives the walker a second id. After the gap there can
    be another person, or the walker at a position `jump` pixels away. A second person stands at 900
    all the time, from whom the inter-identity distance is learned.
    """
    embeddings, rng = orthogonal_embeddings(2), np.random.default_rng(0)
    before, after = embeddings[:1], embeddings[1:] if other_person else embeddings[:1]
    frames = [high_score(100 + 2 * k, embedding=perturbed(before, rng)) for k in range(30)]
    frames += [high_score(embedding=np.zeros((0, 16)))] * 5
    frames += [
        high_score(100 + jump + 2 * k, embedding=perturbed(after, rng)) for k in range(35, 70)
    ]
    standing_person = np.linalg.qr(np.random.default_rng(5).normal(size=(16, 16)))[0][:1]
    frames = [
        Detections(
            np.concatenate([detections.xyxy, boxes_at(900)]),
            np.append(detections.score, 0.9),
            embedding=np.concatenate([detections.embedding, perturbed(standing_person, rng)]),
        )
        for detections in frames
    ]
    tracker = DeepSort(DeepSortConfig(max_age=3, reuse_ids=False))
    return run(FixedLag(tracker, lag, linking=Linking(**linking)), frames)


def walker_ids(emitted):
    """The id of the walker in each frame, 0 where the walker is not reported."""
    return [
        next((int(i) for i, x in zip(t.id, t.xyxy[:, 0], strict=True) if x < 850), 0)
        for t in emitted.values()
    ]


TWO_IDS = [1] * 30 + [0] * 5 + [3] * 35


def test_two_fragments_of_one_person_are_linked_and_the_gap_is_filled():
    assert walker_ids(track_interrupted_walk(20, min_llr=1e9)) == TWO_IDS
    assert walker_ids(track_interrupted_walk(20)) == [1] * 70


def test_another_person_at_the_same_position_is_not_linked():
    assert walker_ids(track_interrupted_walk(20, other_person=True)) == TWO_IDS


def test_person_who_reappears_elsewhere_is_not_linked():
    assert walker_ids(track_interrupted_walk(20, jump=500)) == TWO_IDS


def test_linked_id_is_kept_after_the_link_left_the_buffer():
    assert set(walker_ids(track_interrupted_walk(8))[35:]) == {1}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("lag", [1, 7, 30])
def test_ids_and_detections_are_unique_within_a_frame_of_a_crowd(seed, lag):
    frames = list(crowd(150, people=20, seed=seed))
    fixed_lag = FixedLag(DeepSort(DeepSortConfig(max_age=10)), lag)
    for number, tracks in run(fixed_lag, frames).items():
        assert len(np.unique(tracks.id)) == len(tracks)
        assert (np.diff(tracks.id) > 0).all()
        assert (tracks.id > 0).all()
        matched = tracks.detection[tracks.detection >= 0]
        assert len(np.unique(matched)) == len(matched)
        assert len(matched) == 0 or matched.max() < len(frames[number - 1])
        assert (tracks.xyxy[:, 2:] > tracks.xyxy[:, :2]).all()


def test_every_match_of_the_online_tracker_is_emitted():
    frames = list(crowd(120, people=20, seed=4))
    online, emitted = DeepSort(), run(FixedLag(DeepSort(), 15), frames)
    for detections, tracks in zip(frames, emitted.values(), strict=True):
        assert set(online.update(detections).detection.tolist()) <= set(tracks.detection.tolist())


def test_embedder_is_called_once_per_frame():
    calls = []

    def embedder(frame, xyxy):
        calls.append(len(xyxy))
        return np.eye(8, dtype=np.float32)[: len(xyxy)]

    image = np.zeros((200, 400, 3), dtype=np.uint8)
    fixed_lag = FixedLag(DeepSort(embedder=embedder), 2)
    frames = [high_score(100 + k, 300 - k) for k in range(6)]
    emitted = run(fixed_lag, frames, frame=image)
    assert calls == [2] * 6
    assert ids_by_frame(emitted) == [[1, 2]] * 6
    # The embeddings are learned from as if they had been passed.
    fixed_lag.reset()
    given = [detections.with_embedding(np.eye(2, 8)) for detections in frames]
    assert calls == [2] * 6
    for first, second in zip(emitted.values(), run(fixed_lag, given).values(), strict=True):
        np.testing.assert_array_equal(first.xyxy, second.xyxy)
    assert calls == [2] * 6


def test_reset_clears_tracks_and_buffered_frames():
    frames = list(crowd(50))
    fixed_lag = FixedLag(DeepSort(), 10)
    first = run(fixed_lag, frames)
    for detections in frames[:20]:
        fixed_lag.update(detections)
    fixed_lag.reset()
    second = run(fixed_lag, frames)
    for number in first:
        np.testing.assert_array_equal(first[number].id, second[number].id)
        np.testing.assert_array_equal(first[number].xyxy, second[number].xyxy)


def test_known_camera_motion_does_not_affect_the_smoothing():
    rng = np.random.default_rng(0)
    offset = np.cumsum(rng.normal(0, 8, (60, 2)), axis=0)
    fixed_lag, emitted, boxes = FixedLag(DeepSort(), 15), [], []
    for k in range(60):
        shift = offset[k] - (offset[k - 1] if k else 0)
        boxes.append(boxes_at(300) + np.tile(offset[k], 2))
        camera = np.column_stack([np.eye(2), shift])
        emitted.append(fixed_lag.update(Detections(boxes[k], [0.9]), camera=camera))
    emitted = [*filter(None, emitted), *fixed_lag.flush()]
    for (_, tracks), box in zip(emitted, boxes, strict=True):
        np.testing.assert_allclose(tracks.xyxy, box, atol=1e-6)


def test_memory_is_bounded_by_the_lag():
    rng, people = np.random.default_rng(0), 4
    registry = PersonRegistry(max_tracks=10)
    fixed_lag = FixedLag(DeepSort(DeepSortConfig(max_age=5), registry=registry), 10)
    for visit in range(60):  # four new people each time, for six frames
        embedding = normalize_rows(rng.normal(size=(people, 16)))
        boxes = boxes_at(*(100 * np.arange(people) + 1000 * (visit % 5)))
        for _ in range(6):
            fixed_lag.update(Detections(boxes, embedding=embedding))
        # The people of the last three visits at most are in the buffer or in the tracker's table.
        assert len(fixed_lag._histories) <= 3 * people
        assert len(fixed_lag._buffer) == min(10, 6 * visit + 6)
        assert len(fixed_lag._histories.output_ids) <= 2 * (10 + 3 * people)
    assert fixed_lag.tracker.last_id > 100


@pytest.mark.parametrize("frames", [-1, 2.5, "30", None, True])
def test_lag_that_is_no_number_of_frames_is_refused(frames):
    with pytest.raises(ValueError, match="frames must be a whole number, at least 0, got"):
        FixedLag(DeepSort(), frames)


def test_tracker_of_another_type_is_refused():
    with pytest.raises(ValueError, match="tracker must be a DeepSort, got NoneType"):
        FixedLag(None)


@pytest.mark.parametrize(
    ("detections", "arguments", "message"),
    [
        ([1, 2], {}, "update expects Detections, got list"),
        (high_score(100), {"dt": 0}, "dt must be a positive number of frames, got 0"),
        (high_score(100), {"camera": np.eye(3)}, r"camera must be a finite affine \(2, 3\)"),
        (high_score(100), {"camera": np.zeros((2, 3))}, "camera must be an invertible affine"),
    ],
)
def test_refused_update_changes_nothing(detections, arguments, message):
    fixed_lag, untouched = FixedLag(DeepSort(), 2), FixedLag(DeepSort(), 2)
    for valid in [high_score(100)] * 4:
        fixed_lag.update(valid)
        untouched.update(valid)
    with pytest.raises(ValueError, match=message):
        fixed_lag.update(detections, **arguments)
    for first, second in zip(fixed_lag.flush(), untouched.flush(), strict=True):
        assert first.number == second.number
        np.testing.assert_array_equal(first.tracks.xyxy, second.tracks.xyxy)


@pytest.mark.data
@pytest.mark.parametrize("detector", ["public", "yolox"])
def test_lag_does_not_lower_hota_and_idf1_on_a_real_sequence(data_root, detector):
    from benchmarks.lib import inputs
    from benchmarks.refinement import run_fixed_lag
    from deepsort_reid.metrics import evaluate

    sequence = inputs.load(f"TUD-Campus-{detector}", data_root)
    online, _ = run_fixed_lag(sequence, FixedLag(DeepSort(), 0))
    lagged, _ = run_fixed_lag(sequence, FixedLag(DeepSort(), 30))
    for frame in range(1, sequence.length + 1):
        ids = lagged.id[lagged.frame == frame]
        assert len(np.unique(ids)) == len(ids)
    before, after = (
        evaluate(sequence.truth, rows, protocol=sequence.protocol) for rows in (online, lagged)
    )
    assert after.hota.hota.mean() >= before.hota.hota.mean()
    assert after.identity.idf1 >= before.identity.idf1


def explained_lag(**config):
    return FixedLag(DeepSort(DeepSortConfig(**config), explain=True), 4)


def emitted_frames(fixed_lag, scene):
    emitted = [lagged for each in scene if (lagged := fixed_lag.update(each)) is not None]
    return emitted + fixed_lag.flush()


def test_every_row_of_the_delayed_output_is_explained():
    scene = list(crowd(30, people=6, seed=3))
    fixed_lag = explained_lag(max_age=4)
    texts = []
    for number, tracks in emitted_frames(fixed_lag, scene):
        for row, id in enumerate(tracks.id.tolist()):
            text = fixed_lag.explain(number, id)
            assert text.startswith(f"frame {number}, track {id}: ")
            matched = int(tracks.detection[row])
            began = f"began at detection {matched}" in text
            assert began or f"matched to detection {matched}\n" in f"{text}\n" or matched < 0
            assert ("reported in the gap" in text) == (matched < 0)
            texts.append(text)
    assert any("reported in the gap" in text for text in texts)
    assert any("known without an id in this frame; later frames gave" in text for text in texts)


def test_explanation_of_a_tracker_with_updates_before_is_of_the_same_frame():
    scene = list(crowd(12, people=4))
    tracker = DeepSort(explain=True)
    for detections in scene[:5]:
        tracker.update(detections)
    fixed_lag = FixedLag(tracker, 2)
    for number, tracks in emitted_frames(fixed_lag, scene[5:]):
        for id, detection in zip(tracks.id.tolist(), tracks.detection.tolist(), strict=True):
            text = fixed_lag.explain(number, id)
            assert f"detection {detection}" in text or detection < 0
    without_delay = FixedLag(DeepSort(DeepSortConfig(n_init=1), explain=True), 0)
    for detections in scene[:3]:
        without_delay.update(detections)
    assert without_delay.explain(3, 1) == str(without_delay.tracker.explain(3, 1))
    assert "track 1: the track began at detection" in without_delay.explain(1, 1)


def test_explanation_of_what_was_not_reported_is_refused():
    fixed_lag = explained_lag()
    for detections in crowd(9, people=3):
        fixed_lag.update(detections)
    with pytest.raises(ValueError, match="no track 99 reported in frame 1; tracks were"):
        fixed_lag.explain(1, 99)
    with pytest.raises(ValueError, match=r"no track 1 reported in frame 9; tracks were \[\]"):
        fixed_lag.explain(9, 1)
    with pytest.raises(ValueError, match="frame must be in 1 to 9, got 10"):
        fixed_lag.explain(10, 1)
    with pytest.raises(ValueError, match="keeps no decisions"):
        FixedLag(DeepSort(), 3).explain(1, 1)
