"""The track table, its documented state machine, and the limits n_init and max_age."""

import numpy as np
import pytest

from deepsort_reid import DeepSort, DeepSortConfig, Detections, State
from deepsort_reid.tracking import track_table
from deepsort_reid.tracking.track_table import DELETED, TrackTable, next_state
from tests.tracking.scenarios import boxes_at

STATE = {"deleted": DELETED, **{state.name.lower(): state for state in State}}


def documented_transitions():
    """The transitions in the module's docstring; an empty cell stands for both values."""
    for line in track_table.__doc__.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 5 and cells[0] in ("(new)", *STATE):
            yield tuple(cells)


ROWS = list(documented_transitions())


def test_documented_table_has_every_transition_once():
    transitions = []
    for state, matched, hits_reached, misses_exceeded, _ in ROWS:
        if state != "(new)":
            limit = hits_reached if matched == "yes" else misses_exceeded
            transitions += [
                (state, matched, answer) for answer in ([limit] if limit else ["no", "yes"])
            ]
    expected = {
        (state, matched, limit)
        for state in ("tentative", "confirmed", "coasting")
        for matched in ("yes", "no")
        for limit in ("yes", "no")
    }
    assert len(transitions) == len(set(transitions))
    assert set(transitions) == expected


@pytest.mark.parametrize("row", ROWS, ids=" ".join)
def test_documented_transition_holds(row):
    state, matched, hits_reached, misses_exceeded, becomes = row
    for hits in {"yes": [3, 4], "no": [1, 2], "": [1, 2, 3, 4]}[hits_reached]:
        for misses in {"yes": [6, 99], "no": [1, 5], "": [1, 5, 6]}[misses_exceeded]:
            if state == "(new)":
                tracker = DeepSort(DeepSortConfig(n_init=1 if hits_reached == "yes" else 2))
                tracker.update(Detections(boxes_at(0)))
                assert tracker.tracks.state == STATE[becomes]
                continue
            after = next_state(
                np.array([STATE[state]]),
                np.array([matched == "yes"]),
                np.array([hits]),
                np.array([0 if matched == "yes" else misses]),
                n_init=3,
                max_age=5,
            )
            assert after == STATE[becomes]


def test_next_state_handles_all_tracks_at_once():
    after = next_state(
        np.array([State.TENTATIVE, State.TENTATIVE, State.CONFIRMED, State.COASTING]),
        np.array([True, False, False, False]),
        np.array([3, 2, 9, 9]),
        np.array([0, 1, 1, 6]),
        n_init=3,
        max_age=5,
    )
    np.testing.assert_array_equal(after, [State.CONFIRMED, DELETED, State.COASTING, DELETED])


def states_of_one_track(config, seen):
    """State of the only track after each frame, DELETED without a track."""
    tracker = DeepSort(config)
    states = []
    for present in seen:
        tracker.update(Detections(boxes_at(0)) if present else Detections.empty())
        states.append(tracker.tracks.state.tolist() or [DELETED])
    return [state for (state,) in states]


T, C, K = State.TENTATIVE, State.CONFIRMED, State.COASTING


@pytest.mark.parametrize(
    ("n_init", "max_age", "seen", "expected"),
    [
        (1, 0, [1, 1, 0, 0, 1], [C, C, DELETED, DELETED, C]),
        (1, 1, [1, 0, 1, 0, 0], [C, K, C, K, DELETED]),
        (2, 0, [1, 1, 0, 1], [T, C, DELETED, T]),
        (3, 2, [1, 1, 1, 0, 0, 1], [T, T, C, K, K, C]),
        (3, 2, [1, 1, 1, 0, 0, 0], [T, T, C, K, K, DELETED]),
        (3, 2, [1, 1, 0, 1, 1, 1], [T, T, DELETED, T, T, C]),
        (4, 9, [1, 1, 1, 1], [T, T, T, C]),
    ],
)
def test_states_at_the_limits_of_n_init_and_max_age(n_init, max_age, seen, expected):
    config = DeepSortConfig(n_init=n_init, max_age=max_age)
    assert states_of_one_track(config, seen) == expected


def test_track_stays_confirmed_after_gaps():
    seen = [1, 1, 1, 0, 1, 0, 0, 1, 1]
    assert states_of_one_track(DeepSortConfig(n_init=3, max_age=2), seen)[3:] == [K, C, K, K, C, C]


def test_ids_are_dense_and_tentative_tracks_use_none():
    rng = np.random.default_rng(0)
    tracker, ids = DeepSort(DeepSortConfig(n_init=3, max_age=1)), []
    for frame in range(60):
        # One person stays for frames 0-9, the next for 10-19, ...; false positives last one frame.
        stay = boxes_at(300.0 * (frame // 10))
        false_positives = boxes_at(*rng.permutation(20)[:3] * 40.0, top=1000 + 300 * (frame % 3))
        tracks = tracker.update(Detections(np.concatenate([false_positives, stay])))
        ids.append(tracks.id.tolist())
    expected = [[] if frame % 10 < 2 else [1 + frame // 10] for frame in range(60)]
    assert ids == expected
    assert (tracker.tracks.id[tracker.tracks.state == T] == 0).all()


def filled_table(n):
    """A table of n tracks in which every column holds the row number."""
    table = TrackTable()
    append_rows(table, n)
    return table


def append_rows(table, n):
    """Add n tracks, every column of which holds their row number."""
    number = np.arange(n)
    table.append(
        motion=np.tile(number[:, None, None], (1, 5, 4)).astype(np.float64),
        smoother_state=np.tile(number[:, None, None], (1, 4, 4)).astype(np.float64),
        xyxy=np.tile(number[:, None], (1, 4)).astype(np.float64),
        score=number.astype(np.float64),
        **dict.fromkeys(("id", "state", "hits", "age", "misses", "detection", "slot"), number),
    )


def columns(table):
    """All per-track arrays of a table, reduced to one number per row."""
    return [
        getattr(table, name).reshape(len(table), -1)[:, 0]
        for name in (
            *("motion", "smoother_state", "xyxy", "score", "id", "state", "hits"),
            *("age", "misses", "detection", "slot"),
        )
    ]


def test_keep_applies_to_every_column():
    table = filled_table(5)
    table.vote(np.arange(5), np.array([0, 1, 2, 3, 4]), np.ones(5))
    table.keep(np.array([True, False, False, True, True]))
    assert len(table) == 3
    for column in columns(table):
        np.testing.assert_array_equal(column, [0, 3, 4])
    np.testing.assert_array_equal(table.class_id(), [0, 3, 4])


def test_empty_table_accepts_keep_append_and_vote():
    table = TrackTable()
    table.keep(np.empty(0, dtype=bool))
    no_rows = np.empty(0, dtype=np.int64)
    table.vote(no_rows, no_rows, np.empty(0))
    assert len(table) == 0
    assert table.class_id().shape == (0,)
    assert len(filled_table(0)) == 0


def test_keys_number_new_tracks_and_move_with_their_rows():
    table = filled_table(3)
    assert table.key.tolist() == [1, 2, 3]
    table.keep(np.array([False, True, False]))
    assert table.key.tolist() == [2]
    table.keep(np.array([False]))
    append_rows(table, 2)
    assert table.key.tolist() == [4, 5]
    append_rows(table, 0)
    assert table.key.tolist() == [4, 5]


def test_votes_are_weighted_by_score_and_new_classes_get_a_column():
    table = filled_table(2)
    both = np.array([0, 1])
    table.vote(both, np.array([7, 3]), np.array([0.9, 0.5]))
    table.vote(both, np.array([3, 3]), np.array([0.5, 0.5]))
    np.testing.assert_array_equal(table.class_id(), [7, 3])
    table.vote(np.array([0]), np.array([3]), np.array([0.5]))  # 1.0 against 0.9
    np.testing.assert_array_equal(table.class_id(), [3, 3])
    table.vote(np.array([1]), np.array([-1]), np.array([1.1]))  # 1.1 against 1.0
    np.testing.assert_array_equal(table.class_id(), [3, -1])


def test_class_without_votes_of_a_live_track_is_forgotten():
    table = filled_table(3)
    rows = np.arange(3)
    table.vote(rows, np.array([7, 5, 9]), np.ones(3))
    table.vote(rows[:1], np.array([9]), np.ones(1) / 2)
    table.keep(np.array([True, False, True]))
    np.testing.assert_array_equal(table.classes, [7, 9])
    np.testing.assert_array_equal(table.votes, [[1, 0.5], [0, 1]])
    np.testing.assert_array_equal(table.class_id(), [7, 9])
    table.vote(np.arange(2), np.array([5, 5]), np.ones(2) * 3)
    np.testing.assert_array_equal(table.class_id(), [5, 5])
    table.keep(np.zeros(2, dtype=bool))
    assert table.votes.shape == (0, 0)
    assert len(table.classes) == 0


def test_table_holds_only_the_classes_of_live_tracks_after_many_classes():
    tracker = DeepSort(DeepSortConfig(max_age=2))
    for number in range(300):
        class_id = np.arange(4) + 4 * number
        tracker.update(Detections(boxes_at(100, 200, 300, 400), class_id=class_id))
        tracker.update(Detections.empty())
    assert len(tracker._table.classes) <= 4 * 3


def test_votes_equal_one_counter_per_track():
    rng = np.random.default_rng(1)
    table, counted = filled_table(6), [{} for _ in range(6)]
    for _ in range(50):
        rows = rng.permutation(6)[: rng.integers(0, 7)]
        class_id, score = rng.integers(-2, 9, len(rows)), rng.random(len(rows))
        table.vote(rows, class_id, score)
        for row, name, weight in zip(rows, class_id.tolist(), score, strict=True):
            counted[row][name] = counted[row].get(name, 0) + weight
    np.testing.assert_array_equal(
        table.class_id(), [max(votes, key=votes.get) for votes in counted]
    )


def test_negative_score_still_counts_as_a_vote():
    table = filled_table(2)
    table.vote(np.array([0, 1]), np.array([0, 5]), np.array([1.0, -3.0]))
    # No vote for class 0, one with a negative score for class 5.
    np.testing.assert_array_equal(table.class_id(), [0, 5])
