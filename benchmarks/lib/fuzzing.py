"""Fuzzing of the tracker: random trackers, scenes and arguments, and the properties that must hold.

An episode is one tracker with random settings over some frames; its seed determines everything.
Some calls have invalid arguments, some are interrupted: the tracker must be the same afterwards.
"""

import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepsort_reid import DeepSort, DeepSortConfig, Detections, FixedLag, State, Tracks
from deepsort_reid.tracking import (
    AppearanceLLR,
    AspectMotion,
    GalleryAppearance,
    LikelihoodRatio,
    Linking,
    MatchingCascade,
    MeanAppearance,
    MotionLLR,
    SizeMotion,
    published,
)

Rng = np.random.Generator
Array = NDArray[np.float64]

EPISODE_FRAMES = 80
WIDTH, HEIGHT = 640, 480
INVALID_RATE, INTERRUPT_RATE = 0.1, 0.02  # of the frames, before the valid call
_SAME = "state after a refused call"


@dataclass
class Findings:
    """Counts of what was done, and all failures in words."""

    counts: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def add(self, other: "Findings") -> None:
        """Add the counts and failures of another episode."""
        self.counts += other.counts
        self.failures += other.failures


class Interrupted(BaseException):
    """Stands for KeyboardInterrupt in the middle of an update."""


def run_episode(seed: int, frames: int = EPISODE_FRAMES) -> Findings:
    """Run one tracker over `frames` frames."""
    rng, findings = np.random.default_rng([seed]), Findings()
    tracker = random_tracker(rng)
    checks = LagChecks() if isinstance(tracker, FixedLag) else None
    findings.counts["episodes"] += 1
    scene = random_scene(rng)
    for number in range(1, frames + 1):
        place = f"seed {seed}, frame {number}"
        detections = next(scene)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                # Random embeddings do not tell identities apart: this warning is right.
                warnings.filterwarnings("ignore", "the embedder does not tell identities apart")
                _run_frame(rng, tracker, detections, checks, findings)
        except Warning as warning:
            findings.counts["warnings"] += 1
            findings.failures.append(f"{place}: {type(warning).__name__}: {warning}")
        except AssertionError as error:
            findings.counts["broken properties"] += 1
            findings.failures.append(f"{place}: broken property: {error}")
        except Exception as error:
            findings.counts["exceptions"] += 1
            findings.failures.append(f"{place}: {type(error).__name__}: {error!s:.200}")
        if findings.failures:
            break  # what follows would be consequences
    if checks is not None and not findings.failures:
        _flush(tracker, checks, findings, seed)
    findings.counts["frames"] += number
    return findings


def _run_frame(
    rng: Rng,
    tracker: DeepSort | FixedLag,
    detections: Detections,
    checks: "LagChecks | None",
    findings: Findings,
) -> None:
    """Make an invalid and an interrupted call in some frames, then the valid one."""
    if rng.random() < INVALID_RATE:
        _refused_call(rng, tracker, findings)
    if rng.random() < INTERRUPT_RATE:
        _interrupted_call(tracker, detections, findings)
    arguments = random_arguments(rng)
    result = tracker.update(detections, **arguments)
    findings.counts["updates"] += 1
    inner = tracker if isinstance(tracker, DeepSort) else tracker.tracker
    _check_table(inner)
    if isinstance(result, Tracks):
        findings.counts["rows"] += len(result)
        _check_tracks(result, detections)
        _check_persons(inner, result)
        old = result.id[result.age > 1]  # a track that begins was compared with nothing
        if inner.decision_log is not None and len(old):
            str(inner.explain(len(inner.decision_log), int(rng.choice(old))))
            findings.counts["explanations"] += 1
    elif checks is not None:
        checks.given.append(detections)
        if result is not None:
            findings.counts["delayed rows"] += len(result.tracks)
            _check_lagged(rng, tracker, result, checks, findings)


def _refused_call(rng: Rng, tracker: DeepSort | FixedLag, findings: Findings) -> None:
    """Call with an invalid argument; it must raise ValueError and change nothing."""
    before = tracker.state_dict()
    kind, call = random_invalid_call(rng, tracker)
    try:
        call()
    except ValueError:
        findings.counts["refused calls"] += 1
    else:
        raise AssertionError(f"accepted an invalid {kind}")
    _check(_equal(before, tracker.state_dict()), f"{_SAME}: {kind}")


def _interrupted_call(
    tracker: DeepSort | FixedLag, detections: Detections, findings: Findings
) -> None:
    """Interrupt an update after its association; nothing may have changed."""
    inner = tracker if isinstance(tracker, DeepSort) else tracker.tracker
    before, association = tracker.state_dict(), inner.association

    def interrupt(inputs: Any) -> Any:
        association(inputs)
        raise Interrupted

    inner.association = interrupt  # type: ignore[assignment]
    try:
        tracker.update(detections)
    except Interrupted:
        findings.counts["interrupted calls"] += 1
    finally:
        inner.association = association
    _check(_equal(before, tracker.state_dict()), "state after an interrupted call")


# -- Properties ------------------------------------------------------------------------------------


def _check(holds: Any, what: str) -> None:
    if not holds:
        raise AssertionError(what)


def _check_table(tracker: DeepSort) -> None:
    """Properties of all live tracks."""
    tracks = tracker.tracks
    ids = tracks.id[tracks.id > 0]
    _check(len(np.unique(ids)) == len(ids), "ids of live tracks are unique")
    keys = tracker.table.key
    _check((np.diff(keys) > 0).all() if len(keys) else True, "keys ascend")
    _check(((tracks.id > 0) == (tracks.state != State.TENTATIVE)).all(), "ids of confirmed tracks")
    _check((tracks.age >= 1).all() and (tracks.misses < tracks.age).all(), "age above misses")
    _check(((tracks.misses == 0) == (tracks.detection >= 0)).all(), "misses are 0 with a match")
    _check((ids <= tracker.last_id).all(), "ids up to last_id")
    _check(np.isfinite(tracks.xyxy).all(), "boxes are finite")
    _check(((tracks.person_id > 0) == (tracks.id > 0)).all(), "persons of tracks with an id")


def _check_tracks(tracks: Tracks, detections: Detections) -> None:
    """Properties of the output of an update."""
    _check((np.diff(tracks.id) > 0).all() and (tracks.id > 0).all(), "ids are unique and ascend")
    _check((tracks.state == State.CONFIRMED).all(), "reported tracks are confirmed")
    _check((tracks.age >= 1).all() and (tracks.misses == 0).all(), "reported tracks have a match")
    _check_rows(tracks, detections)


def _check_persons(tracker: DeepSort, tracks: Tracks) -> None:
    """The persons of reported tracks are those of the registry, where there is one.

    A filled row may have none: that of its track is seen elsewhere in the frame.
    """
    _check((tracks.person_id[tracks.detection >= 0] > 0).all(), "matched tracks have a person")
    known = tracks.person_id[tracks.person_id > 0].tolist()
    _check(len(set(known)) == len(known), "tracks of one frame are different people")
    if tracker.persons.is_active:
        for person in known:
            tracker.persons.registry.history(person)  # ValueError for one that does not exist


def _check_rows(tracks: Tracks, detections: Detections) -> None:
    """Properties of rows with a match, of frames with or without delay."""
    matched = tracks.detection >= 0
    rows = tracks.detection[matched]
    _check(len(np.unique(rows)) == len(rows), "a detection has one track")
    _check((rows < len(detections)).all(), "detections exist")
    _check((tracks.score[matched] == detections.score[rows]).all(), "scores of the detections")
    persons = tracks.person_id[matched]
    _check(len(np.unique(persons)) == len(persons), "tracks matched in one frame are other people")
    _check(np.isfinite(tracks.xyxy).all(), "boxes are finite")
    _check(np.isfinite(tracks.filtered_xyxy).all(), "filtered boxes are finite")
    _check((tracks.xyxy[:, 2:] >= tracks.xyxy[:, :2]).all(), "boxes have a size")


class LagChecks:
    """What is known of the output of a `FixedLag` so far."""

    def __init__(self) -> None:
        self.given: list[Detections] = []
        self.number = 0  # of the last emitted frame
        self.in_gap: set[int] = set()
        self.reported: set[int] = set()


def _check_lagged(
    rng: Rng | None,
    fixed_lag: Any,
    lagged: Any,
    checks: LagChecks,
    findings: Findings,
) -> None:
    """Properties of one emitted frame."""
    number, tracks = lagged
    checks.number += 1
    _check(number == checks.number, "every frame is emitted once, in order")
    ids = tracks.id.tolist()
    _check((np.diff(tracks.id) > 0).all() and (tracks.id > 0).all(), "ids are unique and ascend")
    _check((tracks.age >= 1).all() and (tracks.misses < tracks.age).all(), "age above misses")
    _check(((tracks.misses == 0) == (tracks.detection >= 0)).all(), "gaps have misses")
    _check_rows(tracks, checks.given[number - 1])
    filled = set(tracks.id[tracks.detection < 0].tolist())
    if fixed_lag.frames:
        _check(filled <= checks.reported, "a gap begins after a match")
        _check(checks.in_gap <= set(ids), "a gap is filled as a whole")
    checks.in_gap, checks.reported = filled, set(ids)
    _check_persons(fixed_lag.tracker, tracks)
    if rng is not None and ids and fixed_lag.tracker.decision_log is not None:
        fixed_lag.explain(number, int(rng.choice(ids)))
        findings.counts["explanations"] += 1


def _flush(fixed_lag: Any, checks: LagChecks, findings: Findings, seed: int) -> None:
    """Properties of the frames that were still buffered."""
    try:
        for lagged in fixed_lag.flush():
            findings.counts["delayed rows"] += len(lagged.tracks)
            _check_lagged(None, fixed_lag, lagged, checks, findings)
        _check(checks.number == len(checks.given), "every frame is emitted")
        _check(not checks.in_gap, "no gap at the end")
    except AssertionError as error:
        findings.counts["broken properties"] += 1
        findings.failures.append(f"seed {seed}, flush: broken property: {error}")
    except Exception as error:
        findings.counts["exceptions"] += 1
        findings.failures.append(f"seed {seed}, flush: {type(error).__name__}: {error!s:.200}")


def _equal(first: Any, second: Any) -> bool:
    """Whether two state dictionaries are equal to the bit."""
    if isinstance(first, np.ndarray):
        same_kind = isinstance(second, np.ndarray) and first.dtype == second.dtype
        return same_kind and first.shape == second.shape and first.tobytes() == second.tobytes()
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(_equal(first[k], second[k]) for k in first)
    if isinstance(first, list | tuple):
        same_length = len(first) == len(second)
        return same_length and all(map(_equal, first, second))
    return bool(first == second or (first != first and second != second))


# -- Random trackers -------------------------------------------------------------------------------


def _one(rng: Rng, *choices: Any) -> Any:
    return choices[int(rng.integers(len(choices)))]


def random_tracker(rng: Rng) -> DeepSort | FixedLag:
    """A tracker with random settings, in half of the cases behind a fixed lag."""
    explain = bool(rng.random() < 0.3)
    if rng.random() < 0.15:
        tracker = _one(rng, DeepSort, published)(explain=explain)
    else:
        tracker = DeepSort(
            random_config(rng),
            association=random_association(rng),
            motion=_one(rng, None, AspectMotion(), SizeMotion(), _random_motion(rng)),
            appearance=_one(
                rng,
                *(None, MeanAppearance(momentum=float(rng.uniform(0, 0.99)))),
                GalleryAppearance(budget=int(rng.integers(1, 30))),
            ),
            explain=explain,
        )
    if rng.random() < 0.5:
        return tracker
    linking = _one(rng, None, Linking(min_llr=float(rng.uniform(-5, 5)), margin=0.0))
    return FixedLag(tracker, int(_one(rng, 0, 1, 2, 5, 12, 30, 60)), linking=linking)


def random_config(rng: Rng) -> DeepSortConfig:
    """A configuration with every field at random; some of the values are extreme."""
    return DeepSortConfig(
        n_init=int(_one(rng, 1, 2, 3, 6)),
        max_age=int(_one(rng, 0, 1, 5, 30, 120, 10**9)),
        max_age_at_border=int(_one(rng, 0, 2, 30)),
        min_score=float(_one(rng, -np.inf, 0.1, 0.5)),
        high_score_threshold=float(_one(rng, -np.inf, 0.4, 0.7, np.inf)),
        new_track_score=float(_one(rng, -np.inf, 0.3, 0.6)),
        max_new_track_overlap=float(rng.random()),
        min_gallery_score=float(_one(rng, -np.inf, 0.6, 2.0)),
        store_truncated=bool(rng.random() < 0.5),
        max_stored_occlusion=float(_one(rng, 0.0, 0.5, 1.0)),
        reuse_ids=bool(rng.random() < 0.8),
        coasting_size_velocity_decay=float(_one(rng, 0.0, 0.5, 1.0)),
        common_motion_compensation=bool(rng.random() < 0.5),
        smooth_boxes=bool(rng.random() < 0.5),
        nsa_kalman=bool(rng.random() < 0.5),
        class_agnostic=bool(rng.random() < 0.5),
    )


def random_association(rng: Rng) -> Any:
    """An association with random settings; None for the default."""
    return _one(
        rng,
        None,
        MatchingCascade(),
        MatchingCascade(
            max_cosine_distance=float(rng.uniform(0, 2)),
            max_iou_distance=float(rng.uniform(0, 1.2)),
            gating_threshold=float(10 ** rng.uniform(-2, 6)),
            motion_weight=float(rng.random()),
        ),
        LikelihoodRatio(
            min_llr=float(rng.uniform(-10, 5)),
            min_llr_motion_only=float(rng.uniform(-10, 5)),
            min_iou=float(rng.uniform(-0.2, 1)),
            min_low_score_iou=float(rng.uniform(-0.2, 1)),
            motion=MotionLLR(degrees_of_freedom=float(10 ** rng.uniform(-2, 4))),
            appearance=AppearanceLLR(
                time_constant=float(10 ** rng.uniform(-3, 4)), llr_cap=np.inf, llr_floor=-np.inf
            ),
        ),
    )


def _random_motion(rng: Rng) -> AspectMotion:
    return AspectMotion(
        position_noise=float(10 ** rng.uniform(-6, 3)),
        velocity_noise=float(10 ** rng.uniform(-6, 3)),
    )


# -- Random scenes and arguments -------------------------------------------------------------------


def random_scene(rng: Rng) -> Iterator[Detections]:
    """Frames without end: people who walk, leave and return, false boxes, and extreme values."""
    people = int(_one(rng, 0, 1, 3, 8, 20))
    scale = float(_one(rng, 1, 1, 1, 1, 1e-3, 1e4))  # of the image
    embedded, classes = bool(rng.random() < 0.7), int(_one(rng, 1, 1, 3, 1000))
    strange = float(_one(rng, 0, 0, 0.02, 0.3))  # share of boxes with extreme values
    identity = _unit(rng.standard_normal((people, 16)))
    center = rng.uniform(0, [WIDTH, HEIGHT], (people, 2))
    velocity, height = rng.normal(0, 3, (people, 2)), rng.uniform(40, 160, people)
    class_id, away = rng.integers(0, classes, people), np.zeros(people, dtype=np.int64)
    while True:
        center = center + velocity
        jump = rng.random(people) < 0.01
        center[jump] = rng.uniform(0, [WIDTH, HEIGHT], (int(jump.sum()), 2))
        away = np.where((away == 0) & (rng.random(people) < 0.03), rng.integers(1, 40), away - 1)
        away = np.maximum(away, 0)
        seen = np.flatnonzero((away == 0) & (rng.random(people) < 0.9))
        false = int(rng.poisson(1)) if rng.random() < 0.95 else 40
        xywh = np.concatenate(
            [
                np.column_stack([center[seen], 0.4 * height[seen], height[seen]]),
                np.column_stack(
                    [
                        rng.uniform(-100, [WIDTH, HEIGHT], (false, 2)),
                        10 ** rng.uniform(0, 2.5, (false, 2)),
                    ]
                ),
            ]
        )
        xywh[:, :2] += rng.normal(0, 1, (len(xywh), 2))
        embedding = _unit(
            np.concatenate([identity[seen], rng.standard_normal((false, 16))])
            + rng.normal(0, 0.1, (len(xywh), 16))
        )
        classes_now = np.concatenate([class_id[seen], rng.integers(0, classes, false)])
        if rng.random() < 0.03:
            xywh, embedding, classes_now = xywh[:0], embedding[:0], classes_now[:0]
        yield _made_strange(rng, strange, scale * xywh, embedding, classes_now, embedded)


def _made_strange(
    rng: Rng, share: float, xywh: Array, embedding: Array, class_id: Any, embedded: bool
) -> Detections:
    """The detections, some of them with extreme but valid values."""
    n = len(xywh)
    xyxy = np.concatenate([xywh[:, :2] - xywh[:, 2:] / 2, xywh[:, :2] + xywh[:, 2:] / 2], axis=1)
    score, class_id = rng.uniform(0.05, 1, n), class_id.copy()
    for row in np.flatnonzero(rng.random(n) < share).tolist():
        kind = int(rng.integers(8))
        if kind == 0:
            xyxy[row] = [-1e9, -1e9, 1e9, 1e9]
        elif kind == 1:  # a box of next to no size
            xyxy[row, 2:] = xyxy[row, :2] + 10 ** rng.uniform(-6, 0, 2)
        elif kind == 2:
            xyxy[row] = [1e9 - 50, 1e9 - 100, 1e9, 1e9]
        elif kind == 3:
            score[row] = _one(rng, -1e9, -1, 0, 1, 1e9)
        elif kind == 4:
            class_id[row] = _one(rng, -(2**63), 2**63 - 1, -1)
        elif kind == 5:
            embedding[row] = _one(rng, 0.0, np.nan)
        elif kind == 6 and n:
            xyxy[row] = xyxy[int(rng.integers(n))]  # exactly on another box
        elif kind == 7:
            xyxy[row, 2] = xyxy[row, 0] + 10 ** rng.uniform(-3, 6)
    xyxy[:, 2:] = np.maximum(xyxy[:, 2:], np.nextafter(xyxy[:, :2], np.inf))
    return Detections(xyxy, score, class_id, embedding if embedded else None)


def random_arguments(rng: Rng) -> dict[str, Any]:
    """Further valid arguments of an update."""
    arguments: dict[str, Any] = {}
    if rng.random() < 0.2:
        arguments["dt"] = _one(rng, 1e-9, 0.5, 2, 3.7, 100, 1e6, np.float32(2))
    if rng.random() < 0.2:
        angle, zoom = rng.normal(0, 0.05), _one(rng, 1.0, 1.0, 0.98, 1.1)
        camera = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        arguments["camera"] = np.column_stack([camera, rng.normal(0, 10, 2)])
    return arguments


def random_invalid_call(rng: Rng, tracker: DeepSort | FixedLag) -> tuple[str, Callable[[], object]]:
    """A call that must be refused, and what is invalid in it."""
    box, no_number = [[10.0, 10, 30, 60]], _one(rng, None, "1", 1j, [], {}, object(), [[1], 2])
    not_finite = float(_one(rng, np.nan, np.inf, -np.inf))
    some = Detections(box)
    dt = _one(rng, 0, -1, not_finite, 1e19, 10**400, no_number, True if rng.random() < 0 else "1")
    camera = _one(
        rng,
        *(np.eye(3), np.full((2, 3), not_finite), np.eye(2, 3) * 1e300, {}, "camera", 1, [[1], 2]),
    )
    xyxy = _one(
        rng,
        *([[0, 0, 0, 5]], [[5, 5, 1, 1]], [[0, 0, 1e10, 5]], [[0, 0, not_finite, 9]]),
        *(
            [[1, 2, 3]],
            "box",
            [[1j] * 4],
            [[None] * 4],
            np.zeros((1, 2, 4)),
            [[0, 0, 1e308, 1e308]],
        ),
    )
    frame = _one(
        rng, np.zeros((4, 4)), np.zeros((4, 4, 3)), "frame", np.zeros((0, 0, 3), np.uint8), 3
    )
    calls: dict[str, Callable[[], object]] = {
        "dt": lambda: tracker.update(some, dt=dt),
        "camera": lambda: tracker.update(some, camera=camera),
        "detections": lambda: tracker.update(_one(rng, None, box, {}, 3)),
        "frame": lambda: tracker.update(some, frame=frame),
        "embedding length": lambda: tracker.update(_with_embedding(box, tracker)),
        "xyxy": lambda: Detections(xyxy),
        "score": lambda: Detections(box, _one(rng, [not_finite], [1e300], [{}], "x", [1, 2])),
        "class_id": lambda: Detections(box, None, _one(rng, [1.5], [1e30], [2**64], ["a"], [1, 2])),
        "embedding": lambda: Detections(
            box, embedding=_one(rng, [[0.5, 0]], [[1e300, 0]], [[np.nan, 1]], [1], "x", [[1j]])
        ),
        "state": lambda: tracker.load_state_dict(_one(rng, None, {}, {"version": 0}, [])),
        "config": lambda: DeepSort(DeepSortConfig(max_age=_one(rng, -1, 10**30, no_number))),
    }
    kind = _one(rng, *calls)
    return kind, calls[kind]


def _with_embedding(box: Any, tracker: DeepSort | FixedLag) -> Detections:
    """A detection whose embedding has another length than those before."""
    inner = tracker if isinstance(tracker, DeepSort) else tracker.tracker
    dim = inner._galleries.dim
    if not dim:  # none so far: use another invalid argument
        raise ValueError("any length is valid")
    # A low score must not hide it.
    return Detections(box, [1e9], embedding=np.eye(1, dim + 1))


def _unit(rows: Array) -> Array:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
