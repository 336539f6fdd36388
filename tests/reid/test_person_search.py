"""Person search: references, outcomes against ground truth, montage."""

import math

import numpy as np
import pytest

from deepsort_reid.io.mot import read_ground_truth
from deepsort_reid.io.video_reader import iter_frames
from deepsort_reid.reid.data.crop_extraction import select_pedestrians
from deepsort_reid.reid.evaluation.montage import CORRECT, NEUTRAL, WRONG
from deepsort_reid.reid.person_search import (
    Gallery,
    LastMatch,
    Outcome,
    SearchLog,
    SearchResult,
    SearchSummary,
    find_person,
    identity_at,
    search_montage,
)
from deepsort_reid.structures.mot_rows import MotRows
from deepsort_reid.vision.embedder import Embedder
from tests.reid import synthetic_sequence


def direction(degrees):
    angle = np.radians(np.asarray(degrees, float))
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1).astype(np.float32)


def by_colour(frame, xyxy):
    """Embedding of a box: its mean colour as a unit row."""
    rows = [frame[int(t) : int(b), int(x) : int(r)].mean((0, 1)) for x, t, r, b in xyxy]
    rows = np.array(rows, np.float32).reshape(-1, 3)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def colour_of(person):
    colour = np.array(synthetic_sequence.COLOURS[person], np.float32)
    return colour / np.linalg.norm(colour)


def search(person, *, truth=True, reference=LastMatch, hide=(), **settings):
    rows = synthetic_sequence.truth()
    frames = iter(range(1, synthetic_sequence.FRAMES + 1))

    def detect(_):
        number = next(frames)
        here = (rows.frame == number) & ~np.isin(rows.id, hide)
        return rows.xyxy[here]

    own = rows[rows.id == person] if truth else None
    found = find_person(
        synthetic_sequence.frames(),
        detect,
        by_colour,
        reference(colour_of(person)),
        truth=own,
        **settings,
    )
    return SearchSummary(list(found))


def test_person_of_most_matches_is_found_where_no_one_is_similar_enough():
    frame, near, far = np.zeros((20, 20, 3), np.uint8), direction(10), direction(80)
    # The person is at 10 degrees, in frame 4 at 80; another one with number 7 is at 90.
    seen = [(near, 5), (near, 5), (near, 0), (far, 5), (None, None), (near, 5)]
    rows = iter(seen)
    current: list = []

    def detect(_):
        current[:] = next(rows)
        return np.array([[10.0, 1, 18, 19], [1.0, 1, 8, 19]])[
            (0 if current[1] is not None else 1) :
        ]

    def embed(_, xyxy):
        own = [current[0]] if len(xyxy) == 2 else []
        return np.stack([*own, direction(90)])

    def identify(_, xyxy, embedding):
        assert len(xyxy) == len(embedding)
        return np.array([current[1], 7] if len(xyxy) == 2 else [7])

    frames = [(number, frame) for number in range(1, 7)]
    reference = Gallery(direction(0))
    found = list(find_person(frames, detect, embed, reference, threshold=0.9, identify=identify))
    expected = [Outcome.FOUND] * 4 + [Outcome.ABSENT, Outcome.FOUND]
    assert [each.outcome for each in found] == expected
    assert [each.number for each in found] == [5, 5, 0, 5, 0, 5]
    assert found[3].xyxy.tolist() == [10, 1, 18, 19]
    assert found[3].similarity < 0.9
    rows = iter(seen)
    alone = list(find_person(frames, detect, embed, Gallery(direction(0)), threshold=0.9))
    assert [each.outcome for each in alone][3] == Outcome.ABSENT


@pytest.mark.parametrize("reference", [LastMatch, Gallery])
def test_person_is_found_in_all_frames_with_the_person_and_no_others(reference):
    found = search(3, reference=reference, threshold=0.9)
    assert [s.frame for s in found.results] == list(range(1, 13))
    assert found.count(Outcome.ABSENT) == 4
    assert (found.count(Outcome.FOUND), found.frames_present, found.recall) == (8, 8, 1)
    assert found.frames_without_candidate == 0
    assert found.results[-1].xyxy.tolist() == [130, 40, 150, 84]
    assert found.results[-1].similarity == pytest.approx(1, abs=1e-3)


def test_candidates_below_the_threshold_are_not_matched():
    found = search(3, hide=[3], threshold=0.9)
    assert found.count(Outcome.MISSED) == found.frames_without_candidate == 8
    assert found.recall == 0
    assert all(s.xyxy is None for s in found.results)
    assert [s.crop is not None for s in found.results] == [False] * 4 + [True] * 8


def test_match_of_another_person_is_wrong_or_a_false_alarm():
    found = search(3, hide=[3], threshold=-1)
    assert found.count(Outcome.FALSE_ALARM) == 4
    assert found.count(Outcome.WRONG) == found.frames_present == 8


def test_without_ground_truth_every_match_counts_as_found():
    found = search(3, truth=False, threshold=0.9)
    assert (found.count(Outcome.FOUND), found.count(Outcome.ABSENT)) == (8, 4)


def test_frames_without_candidates_have_nan_similarity():
    found = search(1, hide=[1, 2, 3])
    assert all(math.isnan(s.similarity) for s in found.results)
    assert found.count(Outcome.MISSED) == 12


def test_recall_without_labelled_frames_is_nan():
    assert math.isnan(SearchSummary([SearchResult(1, None, 0.1, Outcome.ABSENT, None)]).recall)


def test_last_match_follows_gradual_changes():
    reference = LastMatch(direction(0))
    for degrees in range(20, 200, 20):
        assert reference.similarity(direction([degrees]))[0] == pytest.approx(np.cos(np.pi / 9))
        reference.update(direction(degrees), 0.94, 1.0)
    assert reference.similarity(direction([0]))[0] < 0


def test_gallery_has_the_query_and_confident_matches():
    reference = Gallery(direction(0))
    reference.update(direction(60), 0.9, 0.2)
    assert reference.similarity(direction([0, 60, 30])) == pytest.approx(
        [1, 1, np.cos(np.pi / 6)], abs=1e-6
    )


@pytest.mark.parametrize(("similarity", "margin"), [(0.59, 1.0), (0.95, 0.04)])
def test_match_that_is_not_confident_is_not_added_to_the_gallery(similarity, margin):
    reference = Gallery(direction(0))
    reference.update(direction(60), similarity, margin)
    assert reference.similarity(direction([60]))[0] == pytest.approx(0.5)


def test_full_gallery_drops_its_oldest_match_but_keeps_the_query():
    reference = Gallery(direction(0), size=2)
    for degrees in (90, 180, 270):
        reference.update(direction(degrees), 1.0, 1.0)
    assert reference.similarity(direction([0, 90, 180, 270])) == pytest.approx(
        [1, 0, 1, 1], abs=1e-6
    )


def test_gallery_size_and_threshold_out_of_range_are_rejected():
    with pytest.raises(ValueError, match="size 0"):
        Gallery(direction(0), size=0)
    with pytest.raises(ValueError, match=r"\[-1, 1\], got 7"):
        search(1, threshold=7)


def test_identity_at_a_query_box():
    rows = synthetic_sequence.truth()
    assert identity_at(rows, 6, np.array([131, 42, 151, 84])) == 3
    with pytest.raises(ValueError, match=r"no labelled person in frame 6 .*expected at least 0.5"):
        identity_at(rows, 6, np.array([60, 40, 70, 80]))
    with pytest.raises(ValueError, match="the frame has no labels"):
        identity_at(MotRows.empty(), 1, np.array([0, 0, 10, 10]))


def colours(page):
    return {tuple(colour) for colour in page.reshape(-1, 3).tolist()}


def test_montage_frames_misses_in_red_and_matches_in_green():
    assert WRONG in colours(search_montage(search(3, hide=[3], threshold=0.9).results))
    some = search(3, threshold=0.9).results[:6]
    lost = search(3, hide=[3], threshold=0.9).results[6:]
    assert {CORRECT, WRONG} <= colours(search_montage([*some, *lost]))


def test_montage_without_ground_truth_uses_neutral_frames():
    page = search_montage(search(3, truth=False, threshold=0.9).results)
    assert NEUTRAL in colours(page)
    assert not {CORRECT, WRONG} & colours(page)


def test_montage_without_matches_is_rejected():
    with pytest.raises(ValueError, match="no match in any frame"):
        search_montage([SearchResult(1, None, 0.1, Outcome.ABSENT, None)])


@pytest.mark.data
@pytest.mark.slow
def test_gallery_search_on_pets_matches_the_matlab_example(data_root):
    folder = data_root / "mot" / "PETS09-S2L1"
    truth = select_pedestrians(read_ground_truth(folder / "gt" / "gt.txt"))
    embedder = Embedder(data_root / "models" / "osnet_x0_25_msmt17.onnx", threads=2)
    numbers = iter(range(2, 75))

    def detect(_):
        return truth.xyxy[truth.frame == next(numbers)]

    _, first = next(iter_frames(folder))
    query = embedder(first, [[258, 219, 291, 308]])[0]
    own = truth[truth.id == identity_at(truth, 1, np.array([258, 219, 291, 308]))]
    found = SearchSummary(
        list(find_person(iter_frames(folder, 2, 74), detect, embedder, Gallery(query), truth=own))
    )
    # The MATLAB example re-identifies its person in 68 of 73 frames.
    assert found.frames_present == 73
    assert found.count(Outcome.FOUND) >= 68


def test_log_of_a_long_search_keeps_few_crops_evenly_spaced():
    log, crop = SearchLog(max_crops=10), np.zeros((2, 1, 3), np.uint8)
    for number in range(1, 1001):
        shown = crop if number % 2 else None
        log.append(SearchResult(number, None, 0.5, Outcome.FOUND, shown))
    assert [result.frame for result in log.results] == list(range(1, 1001))
    kept = [result.frame for result in log.results if result.crop is not None]
    assert 5 <= len(kept) <= 10
    assert len(set(np.diff(kept))) == 1
    assert kept[-1] > 1000 - 2 * (kept[1] - kept[0])
