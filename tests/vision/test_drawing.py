"""Drawing: on copies of frames, in stable colours, with labels inside the frame."""

from dataclasses import replace

import numpy as np
import pytest

from deepsort_reid.structures.colours import id_colour
from deepsort_reid.structures.tracks import State, Tracks
from deepsort_reid.vision.drawing import (
    DARK,
    Drawer,
    draw_label,
    draw_tracks,
    id_colour_bgr,
    line_width,
)


def make_tracks(*rows, state=State.CONFIRMED):
    """Tracks from rows (id, left, top, right, bottom)."""
    table = np.array(rows, dtype=np.float64).reshape(-1, 5)
    count = len(table)
    misses = np.full(count, int(state == State.COASTING))
    return Tracks(
        table[:, 0].astype(np.int64),
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


def grey_frame(height=240, width=320, level=120):
    return np.full((height, width, 3), level, dtype=np.uint8)


def colour_fraction(image, colour, region=(slice(None), slice(None))):
    return float((image[region] == colour).all(axis=-1).mean())


def test_input_frame_is_not_modified():
    frame = grey_frame()
    image = Drawer()(frame, make_tracks((1, 50, 60, 90, 160)))
    assert (frame == 120).all()
    assert image.shape == frame.shape
    assert (image != 120).any()


def test_frame_without_tracks_is_an_unchanged_copy():
    frame = grey_frame()
    image = draw_tracks(frame, make_tracks())
    np.testing.assert_array_equal(image, frame)
    assert image is not frame


def test_box_is_drawn_at_its_position_in_the_colour_of_the_id():
    image = draw_tracks(grey_frame(), make_tracks((7, 50, 60, 90, 160)))
    for y, x in ((100, 50), (100, 90), (160, 70)):
        assert tuple(image[y, x]) == id_colour_bgr(7)
    assert tuple(image[100, 70]) == (120, 120, 120)


def test_colours_are_those_of_the_ids_in_bgr_order():
    assert id_colour_bgr(5) == id_colour(5)[::-1]


def test_coasting_track_gets_corners_and_tentative_track_a_grey_box():
    box = (3, 50, 60, 90, 160)
    coasting = draw_tracks(grey_frame(), make_tracks(box, state=State.COASTING))
    assert tuple(coasting[62, 50]) == id_colour_bgr(3)
    assert tuple(coasting[110, 50]) == (120, 120, 120)
    tentative = draw_tracks(grey_frame(), make_tracks((0, *box[1:]), state=State.TENTATIVE))
    assert tuple(tentative[110, 50]) == (160, 160, 160)
    assert (tentative[:58] == 120).all()  # no label


def test_trail_follows_the_bottom_of_the_box_and_expires():
    drawer = Drawer(trail=10)
    for number in range(8):
        left = 20 + 20 * number
        image = drawer(grey_frame(), make_tracks((1, left, 60, left + 20, 160)))
    behind = (slice(150, 170), slice(40, 140))
    assert colour_fraction(image, 120, behind) < 0.95
    for _ in range(12):
        image = drawer(grey_frame(), make_tracks())
    np.testing.assert_array_equal(image, grey_frame())


def test_memory_holds_recently_matched_tracks_only():
    drawer = Drawer(trail=5)
    for number in range(200):
        drawer(grey_frame(), make_tracks((number + 1, 50, 60, 90, 160), (999, 150, 60, 190, 160)))
    assert set(drawer._trails) == {999, *range(196, 201)}
    assert len(drawer._trails[999]) == 5


def test_no_trail_is_drawn_with_length_zero():
    drawer = Drawer(trail=0)
    for left in (20, 120):
        image = drawer(grey_frame(), make_tracks((1, left, 60, left + 20, 160)))
    np.testing.assert_array_equal(
        image, draw_tracks(grey_frame(), make_tracks((1, 120, 60, 140, 160)))
    )


def test_trails_are_warped_by_camera_motion():
    shift = np.array([[1.0, 0.0, 30.0], [0.0, 1.0, 0.0]])
    panned, static = Drawer(), Drawer()
    for number in range(6):
        left = 40 + 30 * number
        panned(grey_frame(), make_tracks((1, left, 60, left + 20, 160)), camera=shift)
        static(grey_frame(), make_tracks((1, 190, 60, 210, 160)))
    x = [point[1] for point in panned._trails[1]]
    np.testing.assert_allclose(x, 200)
    with pytest.raises(ValueError, match=r"expected a finite warp of shape \(2, 3\)"):
        panned(grey_frame(), make_tracks(), camera=np.eye(3))


@pytest.mark.parametrize("corner", [(-40, -40), (-40, 250), (315, -3), (315, 235), (100, 4)])
def test_labels_stay_inside_the_frame(corner):
    image = grey_frame()
    draw_label(image, "128", corner, (10, 250, 250))
    drawn = (image != 120).any(axis=-1)
    whole = grey_frame(1000, 1000)[:240, :320].copy()
    draw_label(whole, "128", (100, 120), (10, 250, 250))
    assert drawn.sum() == (whole != 120).any(axis=-1).sum()


@pytest.mark.parametrize("level", [0, 90, 160, 255])
@pytest.mark.parametrize("track_id", range(1, 13))
def test_label_text_contrasts_with_its_background(track_id, level):
    image = grey_frame(level=level)
    draw_label(image, "8", (100, 120), id_colour_bgr(track_id))
    label = image[(image != level).any(axis=-1)].astype(float) @ (0.114, 0.587, 0.299)
    assert label.max() - label.min() > 90


def test_line_width_grows_with_the_frame():
    sizes = [(120, 160), (480, 640), (576, 768), (1080, 1920), (2160, 3840)]
    assert [line_width(np.empty((h, w, 3), dtype=np.uint8)) for h, w in sizes] == [1, 2, 2, 3, 6]


def test_boxes_far_outside_the_frame_are_not_drawn():
    drawer = Drawer()
    for huge in (1e6, 1e12, -1e12):
        image = drawer(grey_frame(), make_tracks((1, huge, huge, huge + 1e6, huge + 1e6)))
        assert image.shape == (240, 320, 3)
    alone = draw_tracks(grey_frame(), make_tracks((1, 400, 60, 440, 160)))
    np.testing.assert_array_equal(alone, grey_frame())


@pytest.mark.parametrize("frame", [None, np.zeros((9, 9), np.uint8), np.zeros((9, 9, 3))])
def test_invalid_frame_is_rejected(frame):
    with pytest.raises(ValueError, match="expected a BGR uint8 array"):
        Drawer()(frame, make_tracks())


def test_negative_trail_length_is_rejected():
    with pytest.raises(ValueError, match="trail: expected 0 or more frames, got -1"):
        Drawer(trail=-1)


def test_box_has_a_dark_outline_on_a_background_of_its_colour():
    colour = id_colour_bgr(7)
    frame = np.empty((240, 320, 3), dtype=np.uint8)
    frame[:] = colour
    assert colour_fraction(draw_tracks(frame, make_tracks((7, 50, 60, 90, 160))), DARK) > 0


@pytest.mark.parametrize(("person_ids", "shown"), [(True, 5), (False, 2)])
def test_label_and_colour_are_those_of_the_person_or_of_the_track(person_ids, shown):
    tracks = make_tracks((2, 40, 60, 90, 180))
    drawn = Drawer(person_ids=person_ids)(
        grey_frame(), replace(tracks, person_id=np.array([5], dtype=np.int64))
    )
    expected = Drawer()(grey_frame(), make_tracks((shown, 40, 60, 90, 180)))
    np.testing.assert_array_equal(drawn, expected)


def test_trail_keeps_the_colour_of_its_person_while_the_track_is_not_seen():
    drawer = Drawer()
    for left in (40, 44, 48, 80):
        tracks = make_tracks((2, left, 60, left + 50, 180))
        drawer(grey_frame(), replace(tracks, person_id=np.array([5], dtype=np.int64)))
    image = drawer(grey_frame(), make_tracks())
    assert colour_fraction(image, id_colour_bgr(5)) > 0
    assert colour_fraction(image, id_colour_bgr(2)) == 0
