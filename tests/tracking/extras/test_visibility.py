"""Image border, from frames or estimated, and occlusion ratio."""

import numpy as np
import pytest

from deepsort_reid import DeepSort, DeepSortConfig, Detections
from deepsort_reid.tracking.extras.visibility import ImageBorder, occlusion_ratio
from tests.tracking.scenarios import boxes_at, orthogonal_embeddings

WIDTH, BORDER = 20, 640


def boxes_leaving(frames=20, border=BORDER):
    """One box in each frame of a person who leaves to the right, clipped at the border."""
    left = border - WIDTH + np.arange(frames) * WIDTH / frames
    return [np.array([[x, 100, border, 150.0]]) for x in left]


def border_after(make_tracks):
    border = ImageBorder()
    for xyxy in make_tracks:
        border.update(xyxy, None)
    return border


def test_border_is_known_from_the_frame_shape():
    border = ImageBorder()
    border.update(np.empty((0, 4)), (480, BORDER, 3))
    at = boxes_at(0, 2, 3, 300, 617, 618, 640)
    assert border.is_truncated(at).tolist() == [True, True, False, False, False, True, True]


def test_border_is_estimated_where_boxes_end_and_narrow():
    border = border_after(boxes_leaving())
    assert border.is_truncated(boxes_at(617, 618)).tolist() == [False, True]
    mirrored = [
        np.column_stack([BORDER - x[:, [2]], x[:, 1:2], BORDER - x[:, [0]], x[:, 3:]])
        for x in boxes_leaving()
    ]
    assert border_after(mirrored).is_truncated(boxes_at(2, 3)).tolist() == [True, False]


def test_standing_box_does_not_define_the_border():
    assert not border_after([boxes_at(600)] * 50).is_truncated(boxes_at(600)).any()


def test_few_boxes_do_not_define_the_border():
    assert not border_after(boxes_leaving(9)).is_truncated(boxes_at(620)).any()


def test_box_further_out_resets_the_estimate():
    border = border_after([*boxes_leaving(), boxes_at(700)])
    assert not border.is_truncated(boxes_at(620, 700)).any()


def test_left_border_is_known_without_frames():
    assert ImageBorder().is_truncated(boxes_at(-5, 2, 3)).tolist() == [True, True, False]


def test_predicted_box_is_outside_beyond_the_image_or_all_boxes():
    border = border_after([boxes_at(100, 400)])
    at = boxes_at(89, 100, 400, 411)
    assert border.is_outside(at).tolist() == [True, False, False, True]
    border.update(np.empty((0, 4)), (480, 400, 3))
    assert border.is_outside(boxes_at(-11, 0, 389, 391)).tolist() == [True, False, False, True]


def test_no_boxes_are_accepted():
    assert border_after([np.empty((0, 4))]).is_truncated(boxes_at(10)).tolist() == [False]
    assert ImageBorder().is_truncated(np.empty((0, 4))).shape == (0,)


def test_occlusion_ratio_is_the_share_covered_by_a_lower_box():
    back, front = [0, 0, 10, 20], [5, 10, 15, 30]
    np.testing.assert_allclose(occlusion_ratio(np.array([back, front], float)), [50 / 200, 0])
    assert occlusion_ratio(np.empty((0, 4))).shape == (0,)
    np.testing.assert_allclose(occlusion_ratio(np.array([back, back], float)), [0, 0])


@pytest.mark.parametrize(("left", "alive"), [(0, 2), (100, 9), (620, 2)])
def test_max_age_at_border_applies_to_tracks_at_the_border(left, alive):
    tracker = DeepSort(DeepSortConfig(max_age=9))
    frame = np.zeros((480, BORDER, 3), dtype=np.uint8)
    for _ in range(3):
        tracker.update(Detections(boxes_at(left)), frame=frame)
    for _ in range(alive):
        tracker.update(Detections.empty(), frame=frame)
    assert len(tracker.tracks) == 1
    tracker.update(Detections.empty(), frame=frame)
    assert len(tracker.tracks) == 0


def test_person_entering_where_another_left_gets_another_id():
    people = orthogonal_embeddings(2)
    tracker = DeepSort()
    frame = np.zeros((480, BORDER, 3), dtype=np.uint8)
    far = [[100, 100, 120, 150]]
    for box in boxes_leaving():
        out = tracker.update(Detections([*far, *box], embedding=people[[0, 1]]), frame=frame)
    for _ in range(5):
        tracker.update(Detections(far, embedding=people[:1]), frame=frame)
    assert out.id.tolist() == [1, 2]
    # The strongly truncated newcomer has the same embedding as the person who left.
    for box in boxes_leaving()[:15:-1]:
        back = tracker.update(Detections([*far, *box], embedding=people[:2]), frame=frame)
    assert len(tracker.tracks) == 2
    assert back.id[0] == 1


def test_embeddings_of_truncated_boxes_are_provisional():
    a, b, c = orthogonal_embeddings(3)
    frame = np.zeros((480, BORDER, 3), dtype=np.uint8)
    tracker = DeepSort()
    truncated, complete = boxes_at(0, width=10), boxes_at(5)

    def mean_embedding_after(xyxy, embedding):
        tracker.update(Detections(xyxy, embedding=embedding[None]), frame=frame)
        return tracker._galleries.mean_embedding(int(tracker._table.slot[0]))

    np.testing.assert_allclose(mean_embedding_after(truncated, a), a, atol=1e-6)
    np.testing.assert_allclose(mean_embedding_after(truncated, b), a, atol=1e-6)
    np.testing.assert_allclose(mean_embedding_after(complete, a), a, atol=1e-6)
    assert mean_embedding_after(complete, c) @ c > 0.01
    before = mean_embedding_after(complete, a)
    np.testing.assert_allclose(mean_embedding_after(truncated, c), before, atol=1e-6)
