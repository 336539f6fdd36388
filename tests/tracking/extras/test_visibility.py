"""The edges of the picture, told or learned, and who stands behind whom."""

import numpy as np
import pytest

from deepsort_reid import DeepSort, DeepSortConfig, Detections
from deepsort_reid.tracking.extras.visibility import ImageBorder, occlusion_ratio
from tests.tracking.people import looks, standing

WIDTH, EDGE = 20, 640


def leaving(frames=20, edge=EDGE):
    """A box in each frame that walks out to the right, clipped at the edge."""
    left = edge - WIDTH + np.arange(frames) * WIDTH / frames
    return [np.array([[x, 100, edge, 150.0]]) for x in left]


def learned(scene):
    view = ImageBorder()
    for xyxy in scene:
        view.update(xyxy, None)
    return view


def test_with_frames_both_edges_are_known_at_once():
    view = ImageBorder()
    view.update(np.empty((0, 4)), (480, EDGE, 3))
    at = standing(0, 2, 3, 300, 617, 618, 640)
    assert view.is_truncated(at).tolist() == [True, True, False, False, False, True, True]


def test_without_frames_the_edge_is_where_boxes_end_while_they_get_narrower():
    view = learned(leaving())
    assert view.is_truncated(standing(617, 618)).tolist() == [False, True]
    mirrored = [
        np.column_stack([EDGE - x[:, [2]], x[:, 1:2], EDGE - x[:, [0]], x[:, 3:]])
        for x in leaving()
    ]
    assert learned(mirrored).is_truncated(standing(2, 3)).tolist() == [True, False]


def test_who_stands_furthest_out_is_no_edge():
    assert not learned([standing(600)] * 50).is_truncated(standing(600)).any()


def test_a_few_boxes_are_no_edge():
    assert not learned(leaving(9)).is_truncated(standing(620)).any()


def test_somebody_further_out_makes_the_edge_unknown_again():
    view = learned([*leaving(), standing(700)])
    assert not view.is_truncated(standing(620, 700)).any()


def test_nobody_says_nothing():
    assert learned([np.empty((0, 4))]).is_truncated(standing(0)).tolist() == [False]
    assert ImageBorder().is_truncated(np.empty((0, 4))).shape == (0,)


def test_hidden_is_what_lies_behind_a_box_that_stands_lower():
    back, front = [0, 0, 10, 20], [5, 10, 15, 30]
    np.testing.assert_allclose(occlusion_ratio(np.array([back, front], float)), [50 / 200, 0])
    assert occlusion_ratio(np.empty((0, 4))).shape == (0,)
    np.testing.assert_allclose(occlusion_ratio(np.array([back, back], float)), [0, 0])


@pytest.mark.parametrize(("left", "alive"), [(0, 2), (100, 9), (620, 2)])
def test_who_was_last_seen_at_the_edge_has_left_soon(left, alive):
    tracker = DeepSort(DeepSortConfig(max_age=9))
    frame = np.zeros((480, EDGE, 3), dtype=np.uint8)
    for _ in range(3):
        tracker.update(Detections(standing(left)), frame=frame)
    for _ in range(alive):
        tracker.update(Detections.empty(), frame=frame)
    assert len(tracker.tracks) == 1
    tracker.update(Detections.empty(), frame=frame)
    assert len(tracker.tracks) == 0


def test_somebody_who_comes_in_where_another_went_out_is_not_the_other():
    people = looks(2)
    tracker = DeepSort()
    frame = np.zeros((480, EDGE, 3), dtype=np.uint8)
    far = [[100, 100, 120, 150]]
    for box in leaving():
        out = tracker.update(Detections([*far, *box], embedding=people[[0, 1]]), frame=frame)
    for _ in range(5):
        tracker.update(Detections(far, embedding=people[:1]), frame=frame)
    assert out.id.tolist() == [1, 2]
    # A sliver of a person looks like nothing in particular: the same as the one before.
    for box in leaving()[:15:-1]:
        back = tracker.update(Detections([*far, *box], embedding=people[:2]), frame=frame)
    assert len(tracker.tracks) == 2
    assert back.id[0] == 1


def test_cut_off_boxes_are_remembered_only_for_want_of_better_ones():
    a, b, c = looks(3)
    frame = np.zeros((480, EDGE, 3), dtype=np.uint8)
    tracker = DeepSort()
    cut, whole = standing(0, width=10), standing(5)

    def look_after(xyxy, look):
        tracker.update(Detections(xyxy, embedding=look[None]), frame=frame)
        return tracker._galleries.mean_embedding(int(tracker._table.slot[0]))

    np.testing.assert_allclose(look_after(cut, a), a, atol=1e-6)
    np.testing.assert_allclose(look_after(cut, b), a, atol=1e-6)
    np.testing.assert_allclose(look_after(whole, a), a, atol=1e-6)
    assert look_after(whole, c) @ c > 0.01
    before = look_after(whole, a)
    np.testing.assert_allclose(look_after(cut, c), before, atol=1e-6)
