"""Pictures: drawn on copies, in stable colours, with letters inside the frame."""

import numpy as np
import pytest

from deepsort_reid.structures.tracks import State, Tracks
from deepsort_reid.vision.drawing import (
    DARK,
    Drawer,
    colour_of,
    draw_label,
    draw_tracks,
    line_width,
)


def tracks_of(*people, state=State.CONFIRMED):
    """Tracks from (id, left, top, right, bottom)."""
    table = np.array(people, dtype=np.float64).reshape(-1, 5)
    count = len(table)
    misses = np.full(count, int(state == State.COASTING))
    return Tracks(
        table[:, 0].astype(np.int64),
        table[:, 1:],
        table[:, 1:],
        np.ones(count),
        np.zeros(count, dtype=np.int64),
        np.arange(count),
        np.full(count, int(state)),
        np.full(count, 9),
        misses,
    )


def grey(height=240, width=320, level=120):
    return np.full((height, width, 3), level, dtype=np.uint8)


def share_of(picture, colour, region=(slice(None), slice(None))):
    return float((picture[region] == colour).all(axis=-1).mean())


def test_the_frame_itself_is_not_drawn_on():
    frame = grey()
    picture = Drawer()(frame, tracks_of((1, 50, 60, 90, 160)))
    assert (frame == 120).all()
    assert picture.shape == frame.shape
    assert (picture != 120).any()


def test_a_frame_without_tracks_is_an_unchanged_copy():
    frame = grey()
    picture = draw_tracks(frame, tracks_of())
    np.testing.assert_array_equal(picture, frame)
    assert picture is not frame


def test_the_box_is_drawn_where_it_is_in_the_colour_of_the_id():
    picture = draw_tracks(grey(), tracks_of((7, 50, 60, 90, 160)))
    for y, x in ((100, 50), (100, 90), (160, 70)):
        assert tuple(picture[y, x]) == colour_of(7)
    assert tuple(picture[100, 70]) == (120, 120, 120)


def test_colours_are_stable_bright_enough_and_differ_between_neighbours():
    assert colour_of(5) == colour_of(5)
    colours = np.array([colour_of(identity) for identity in range(1, 61)])
    assert len(np.unique(colours, axis=0)) == 60
    assert colours.max(axis=1).min() >= 200
    for apart in (1, 2):
        assert np.abs(colours[apart:] - colours[:-apart]).max(axis=1).min() > 60


def test_coasting_tracks_get_corners_and_tentative_ones_a_grey_box():
    box = (3, 50, 60, 90, 160)
    coasting = draw_tracks(grey(), tracks_of(box, state=State.COASTING))
    assert tuple(coasting[62, 50]) == colour_of(3)
    assert tuple(coasting[110, 50]) == (120, 120, 120)
    tentative = draw_tracks(grey(), tracks_of((0, *box[1:]), state=State.TENTATIVE))
    assert tuple(tentative[110, 50]) == (160, 160, 160)
    assert (tentative[:58] == 120).all()  # no label


def test_trails_follow_the_feet_and_end_when_they_are_old():
    drawer = Drawer(trail=10)
    for number in range(8):
        left = 20 + 20 * number
        picture = drawer(grey(), tracks_of((1, left, 60, left + 20, 160)))
    behind = (slice(150, 170), slice(40, 140))
    assert share_of(picture, 120, behind) < 0.95
    for _ in range(12):
        picture = drawer(grey(), tracks_of())
    np.testing.assert_array_equal(picture, grey())


def test_memory_is_bounded_by_who_was_there_lately():
    drawer = Drawer(trail=5)
    for number in range(200):
        drawer(grey(), tracks_of((number + 1, 50, 60, 90, 160), (999, 150, 60, 190, 160)))
    assert set(drawer._trails) == {999, *range(196, 201)}
    assert len(drawer._trails[999]) == 5


def test_no_trail_is_drawn_when_its_length_is_zero():
    drawer = Drawer(trail=0)
    for left in (20, 120):
        picture = drawer(grey(), tracks_of((1, left, 60, left + 20, 160)))
    np.testing.assert_array_equal(picture, draw_tracks(grey(), tracks_of((1, 120, 60, 140, 160))))


def test_trails_move_with_the_camera():
    shift = np.array([[1.0, 0.0, 30.0], [0.0, 1.0, 0.0]])
    panned, still = Drawer(), Drawer()
    for number in range(6):
        left = 40 + 30 * number
        panned(grey(), tracks_of((1, left, 60, left + 20, 160)), camera=shift)
        still(grey(), tracks_of((1, 190, 60, 210, 160)))
    x = [point[1] for point in panned._trails[1]]
    np.testing.assert_allclose(x, 200)
    with pytest.raises(ValueError, match=r"expected a finite warp of shape \(2, 3\)"):
        panned(grey(), tracks_of(), camera=np.eye(3))


@pytest.mark.parametrize("corner", [(-40, -40), (-40, 250), (315, -3), (315, 235), (100, 4)])
def test_labels_stay_inside_the_frame(corner):
    picture = grey()
    draw_label(picture, "128", corner, (10, 250, 250))
    drawn = (picture != 120).any(axis=-1)
    whole = grey(1000, 1000)[:240, :320].copy()
    draw_label(whole, "128", (100, 120), (10, 250, 250))
    assert drawn.sum() == (whole != 120).any(axis=-1).sum()


@pytest.mark.parametrize("level", [0, 90, 160, 255])
@pytest.mark.parametrize("identity", range(1, 13))
def test_letters_stand_out_from_their_plate_on_any_background(identity, level):
    picture = grey(level=level)
    draw_label(picture, "8", (100, 120), colour_of(identity))
    plate = picture[(picture != level).any(axis=-1)].astype(float) @ (0.114, 0.587, 0.299)
    assert plate.max() - plate.min() > 90


def test_lines_grow_with_the_frame():
    sizes = [(120, 160), (480, 640), (576, 768), (1080, 1920), (2160, 3840)]
    assert [line_width(np.empty((h, w, 3), dtype=np.uint8)) for h, w in sizes] == [1, 2, 2, 3, 6]


def test_boxes_far_outside_the_frame_do_no_harm():
    drawer = Drawer()
    for huge in (1e6, 1e12, -1e12):
        picture = drawer(grey(), tracks_of((1, huge, huge, huge + 1e6, huge + 1e6)))
        assert picture.shape == (240, 320, 3)
    alone = draw_tracks(grey(), tracks_of((1, 400, 60, 440, 160)))
    np.testing.assert_array_equal(alone, grey())


@pytest.mark.parametrize("frame", [None, np.zeros((9, 9), np.uint8), np.zeros((9, 9, 3))])
def test_bad_frames_are_refused(frame):
    with pytest.raises(ValueError, match="expected a BGR uint8 array"):
        Drawer()(frame, tracks_of())


def test_a_trail_of_negative_length_is_refused():
    with pytest.raises(ValueError, match="trail: expected 0 or more frames, got -1"):
        Drawer(trail=-1)


def test_dark_rims_make_boxes_visible_on_their_own_colour():
    colour = colour_of(7)
    frame = np.empty((240, 320, 3), dtype=np.uint8)
    frame[:] = colour
    assert share_of(draw_tracks(frame, tracks_of((7, 50, 60, 90, 160))), DARK) > 0
