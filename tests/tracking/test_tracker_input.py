"""Arguments that the tracker refuses, its messages, and that it stays unchanged; embedding."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

from deepsort_reid import DeepSort, DeepSortConfig, Detections, FixedLag
from deepsort_reid.tracking import published
from tests.tracking.scenarios import boxes_at, crowd, each_tracker, orthogonal_embeddings

FRAME = np.zeros((120, 160, 3), dtype=np.uint8)
ONE = Detections(boxes_at(10), embedding=orthogonal_embeddings(1))


def embed_by_position(frame, xyxy):
    """An embedder whose embedding depends on the position."""
    rows = np.zeros((len(xyxy), 8), dtype=np.float32)
    rows[np.arange(len(xyxy)), (xyxy[:, 0] // 20).astype(int) % 8] = 1
    return rows


BAD_CALLS = {
    "grey frame": (
        {"frame": FRAME[:, :, 0]},
        r"frame: expected a BGR uint8 .*got a grey image \(120",
    ),
    "frame with alpha": ({"frame": np.zeros((120, 160, 4), np.uint8)}, r"got shape .*, 4\)"),
    "float frame": (
        {"frame": FRAME / 255},
        "frame: expected a BGR uint8 .*, got dtype float64",
    ),
    "frame as list": ({"frame": [[0, 0, 0]]}, "frame: expected a BGR uint8 .*, got list$"),
    "another frame size": (
        {"frame": np.zeros((100, 160, 3), np.uint8)},
        r"keep their size: expected \(120, 160, 3\), got \(100, 160, 3\); call reset\(\)",
    ),
    "camera of another shape": ({"camera": np.eye(3)}, r"finite affine \(2, 3\), got .*\(3, 3\)"),
    "camera with NaN": ({"camera": np.full((2, 3), np.nan)}, r"finite affine \(2, 3\)"),
    "camera as a dictionary": ({"camera": {}}, r"finite affine \(2, 3\), got {}"),
    "camera of text": ({"camera": [["a"] * 3] * 2}, r"finite affine \(2, 3\), got \[\['a'"),
    "complex camera": ({"camera": np.ones((2, 3)) * 1j}, r"finite affine \(2, 3\), got array"),
    "camera too large": ({"camera": np.full((2, 3), 1e200)}, r"from -1e\+06 to 1e\+06, got \[\[1e"),
    "dt too large": ({"dt": 1e19}, r"dt must be at most 1000000 frames, got 1e\+19; call reset"),
    "dt beyond float": ({"dt": 10**400}, "dt must be at most 1000000 frames, got 1000"),
    "dt None": ({"dt": None}, "dt must be a positive number of frames, got None"),
    "dt text": ({"dt": "1"}, "dt must be a positive number of frames, got '1'"),
    "dt complex": ({"dt": 1j}, "dt must be a positive number of frames, got 1j"),
    "dt array": ({"dt": np.ones(2)}, r"dt must be a positive number of frames, got array"),
    "dt zero": ({"dt": 0}, "dt must be a positive number of frames, got 0"),
    "dt negative": ({"dt": -1.0}, "dt must be a positive number of frames, got -1"),
    "dt NaN": ({"dt": np.nan}, "dt must be a positive number of frames, got nan"),
    "dt infinite": ({"dt": np.inf}, "dt must be a positive number of frames, got inf"),
}


@pytest.mark.parametrize(("call", "message"), BAD_CALLS.values(), ids=BAD_CALLS.keys())
def test_bad_argument_is_refused_and_leaves_the_tracker_unchanged(call, message):
    frames = list(crowd(20))
    tracker, untouched = DeepSort(), DeepSort()
    for detections in frames[:10]:
        tracker.update(detections, frame=FRAME)
        untouched.update(detections, frame=FRAME)
    with pytest.raises(ValueError, match=message):
        tracker.update(frames[10], **call)
    for detections in frames[10:]:
        tracks = tracker.update(detections, frame=FRAME)
        expected = untouched.update(detections, frame=FRAME)
        np.testing.assert_array_equal(tracks.id, expected.id)
        np.testing.assert_array_equal(tracks.filtered_xyxy, expected.filtered_xyxy)
        np.testing.assert_array_equal(tracker.tracks.misses, untouched.tracks.misses)


@each_tracker
def test_boxes_of_extreme_sizes_and_long_times_give_finite_tracks_without_warnings(make):
    rng = np.random.default_rng(3)
    tracker = make(n_init=1, max_age=1000)
    for dt in (1.0, 1e6, 1e-300, 1e6, 0.5):
        corner = rng.uniform(-9e8, 9e8, (8, 2)) * (np.arange(8) < 4)[:, None]
        size = 10.0 ** rng.uniform(-6, 8, (8, 2))
        size[4:6, 1] = 1e-302
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            tracker.update(Detections(np.hstack([corner, corner + size])), dt=dt)
        assert np.isfinite(tracker.tracks.xyxy).all()
        assert np.isfinite(tracker.tracks.filtered_xyxy).all()


def test_refused_first_call_sets_neither_frame_shape_nor_embedding_length():
    tracker = DeepSort()
    for call in ({"camera": np.eye(3)}, {"dt": 0}):
        with pytest.raises(ValueError, match="must be a"):
            tracker.update(ONE, frame=FRAME, **call)
    other = Detections(boxes_at(10), embedding=orthogonal_embeddings(1, 8))
    tracker.update(other, frame=np.zeros((50, 50, 3), np.uint8))
    assert len(tracker.tracks) == 1


@each_tracker
def test_embeddings_of_another_length_are_refused_and_leave_the_tracker_unchanged(make):
    tracker, untouched = make(), make()
    frames = list(crowd(20, seed=1))
    for detections in frames:
        narrow = Detections(
            detections.xyxy, embedding=np.tile(orthogonal_embeddings(1, 8), (len(detections), 1))
        )
        if len(untouched.tracks):
            with pytest.raises(ValueError, match="keep their length: expected 16, got 8"):
                tracker.update(narrow)
        tracks, expected = tracker.update(detections), untouched.update(detections)
        np.testing.assert_array_equal(tracks.id, expected.id)
        np.testing.assert_array_equal(tracks.filtered_xyxy, expected.filtered_xyxy)
        np.testing.assert_array_equal(tracker.tracks.age, untouched.tracks.age)


@each_tracker
def test_embedding_length_of_unused_detections_is_not_checked(make):
    # The output of an embedder without boxes; detections with too low a score.
    tracker = make(n_init=1, min_score=0.5)
    tracker.update(ONE)
    assert len(tracker.update(Detections([], embedding=np.empty((0, 0))))) == 0
    assert (
        len(tracker.update(Detections(boxes_at(10), [0.1], embedding=orthogonal_embeddings(1, 8))))
        == 0
    )
    np.testing.assert_array_equal(tracker.update(ONE).id, [1])


@pytest.mark.parametrize("given", [None, [], boxes_at(10), [[10, 20, 30, 60]], {}])
def test_update_refuses_other_types_than_detections(given):
    name = f"{type(given).__module__}.{type(given).__name__}".removeprefix("builtins.")
    expected = f"update expects Detections, got {name}; .*Detections\\(xyxy, score\\)"
    with pytest.raises(ValueError, match=expected):
        DeepSort().update(given)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: DeepSort(embed_by_position),
            "config must be a DeepSortConfig, got function; .*by name",
        ),
        (lambda: DeepSort({"max_age": 30}), "config must be a DeepSortConfig, got dict"),
        (lambda: DeepSort(embedder="mine.onnx"), r"got str; .*Embedder\('FILE.onnx'\)"),
        (lambda: FixedLag(DeepSortConfig()), "tracker must be a DeepSort, got DeepSortConfig"),
    ],
)
def test_constructor_refuses_arguments_of_the_wrong_type(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_config_cannot_be_replaced_because_parts_of_the_state_depend_on_it():
    tracker = DeepSort()
    with pytest.raises(AttributeError, match=r"cannot be replaced.*make a new tracker: DeepSort\("):
        tracker.config = replace(tracker.config, max_age=3)
    assert tracker.config == DeepSortConfig()


def test_tracker_with_embedder_requires_the_frame_for_bare_detections():
    tracker = DeepSort(embedder=embed_by_position)
    bare = Detections(boxes_at(10))
    with pytest.raises(ValueError, match=r"this tracker embeds: pass update\(.*frame=frame\)"):
        tracker.update(bare)
    assert len(tracker.tracks) == 0
    tracker.update(Detections(boxes_at(10), embedding=orthogonal_embeddings(1, 8)))
    tracker.update(Detections.empty())
    tracker.update(bare, frame=FRAME)


def test_embedder_gets_only_used_boxes_without_embeddings():
    calls = []

    def embedder(frame, xyxy):
        assert frame is FRAME
        calls.append(xyxy[:, 0].tolist())
        return embed_by_position(frame, xyxy)

    tracker = DeepSort(DeepSortConfig(min_score=0.5), embedder=embedder)
    tracker.update(Detections(boxes_at(10, 60, 90), [0.9, 0.1, 0.5]), frame=FRAME)
    tracker.update(Detections(boxes_at(10), embedding=orthogonal_embeddings(1, 8)), frame=FRAME)
    tracker.update(Detections.empty(), frame=FRAME)
    tracker.update(Detections(boxes_at(10), [0.2]), frame=FRAME)
    assert calls == [[10, 90]]


def test_embedding_inside_update_gives_the_same_tracks_as_before_update():
    rng, embedding_of = np.random.default_rng(1), {}

    def embedder(frame, xyxy):
        return np.array([embedding_of[box] for box in map(tuple, xyxy.tolist())])

    inside, before = DeepSort(embedder=embedder), DeepSort()
    for frame in crowd(60):
        # A third have low scores: embedded before update, but not inside.
        score = np.where(rng.random(len(frame)) < 0.3, 0.2, frame.score)
        embedding_of.update(zip(map(tuple, frame.xyxy.tolist()), frame.embedding, strict=True))
        tracks = inside.update(Detections(frame.xyxy, score), frame=FRAME)
        embedded = Detections(frame.xyxy, score, embedding=frame.embedding)
        expected = before.update(embedded, frame=FRAME)
        np.testing.assert_array_equal(tracks.id, expected.id)
        np.testing.assert_array_equal(tracks.filtered_xyxy, expected.filtered_xyxy)
    learned, known = inside._galleries.calibration, before._galleries.calibration
    assert (learned.intra_identity_distance, learned.inter_identity_distance) == (
        known.intra_identity_distance,
        known.inter_identity_distance,
    )
    assert learned.intra_identity_distance < 0.1 < learned.inter_identity_distance


def test_update_computes_embeddings_only_where_there_are_none():
    bare = Detections(boxes_at(10, 70), [0.9, 0.1])
    expected = embed_by_position(FRAME, bare.xyxy)
    tracker = DeepSort(embedder=embed_by_position)
    tracker.update(bare, frame=FRAME)
    # A low-score detection gets a zero row without being embedded.
    np.testing.assert_array_equal(tracker.last_detections.embedding, expected * [[1], [0]])
    paper = published(embedder=embed_by_position)
    paper.update(bare, frame=FRAME)
    np.testing.assert_array_equal(paper.last_detections.embedding, expected)
    given = bare.with_embedding(expected[::-1])
    tracker.update(given)
    assert tracker.last_detections is given
    without = DeepSort()
    without.update(bare, frame=FRAME)
    assert without.last_detections is bare
    tracker.update(Detections.empty())
    with pytest.raises(ValueError, match="this tracker embeds"):
        tracker.update(bare)
    assert tracker.last_detections.embedding is None


def test_last_detections_are_all_rows_with_their_embeddings():
    tracker = DeepSort(embedder=embed_by_position)
    assert len(tracker.last_detections) == 0
    bare = Detections(boxes_at(10, 70, 90), [0.05, 0.9, 0.2])
    tracker.update(bare, frame=FRAME)
    kept = tracker.last_detections
    np.testing.assert_array_equal(kept.xyxy, bare.xyxy)
    np.testing.assert_array_equal(kept.score, bare.score)
    expected = embed_by_position(FRAME, bare.xyxy)
    np.testing.assert_array_equal(kept.embedding, expected * [[0], [1], [0]])
    with pytest.raises(ValueError, match="this tracker embeds"):
        tracker.update(bare)
    assert tracker.last_detections is kept
    tracker.reset()
    assert len(tracker.last_detections) == 0


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.eye(2, 8), r"one embedding per box: expected shape \(1, D\), got \(2, 8\)"),
        (np.full((1, 8), 3.0), "rows of length 1"),
        (np.ones(8), r"one embedding per box: expected shape \(1, D\), got \(8,\)"),
        (None, "an embedder must return one row for each box, got None"),
    ],
)
def test_invalid_embedder_output_is_refused(rows, message):
    tracker = DeepSort(embedder=lambda frame, xyxy: rows)
    with pytest.raises(ValueError, match=message):
        tracker.update(Detections(boxes_at(10)), frame=FRAME)
    assert len(tracker.tracks) == 0
