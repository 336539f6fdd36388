"""Two rendered cameras: the same persons, one after the other or at the same time."""

import numpy as np
import pytest

from deepsort_reid.scene import Street, TwoCameras
from deepsort_reid.scene.two_cameras import to_second


def small(**arguments) -> TwoCameras:
    return TwoCameras(**{"width": 480, "height": 270, "frames": 500, "people": 8, **arguments})


def in_view(scene: TwoCameras) -> np.ndarray:
    """Whether a person is in the truth: (cameras, people, frames + 1)."""
    seen = np.zeros((2, scene.people, scene.frames + 1), dtype=bool)
    for camera, street in enumerate(scene.cameras):
        seen[camera, street.truth.id - 1, street.truth.frame] = True
    return seen


def test_cameras_that_are_apart_never_see_one_person_at_the_same_time():
    scene = small(seed=2, frames=900)
    first, second = in_view(scene)
    assert not (first & second).any()
    assert (first.any(axis=1) & second.any(axis=1)).sum() >= 5  # persons who walk to the other


@pytest.mark.parametrize("seconds", [(2.0, 3.0), (5.0, 9.0)])
def test_time_between_two_walks_is_the_travel_time(seconds):
    scene = small(seed=4, frames=900, travel_seconds=seconds)
    number = 0
    for person in in_view(scene).any(axis=0):
        seen = np.flatnonzero(person)
        absences = np.diff(seen)[np.diff(seen) > 1] - 1
        number += len(absences)
        assert (absences >= 25 * seconds[0] - 1).all()
        assert (absences <= 25 * seconds[1] + 1).all()
    assert number >= 5


def test_overlapping_cameras_see_a_person_at_one_place_from_opposite_sides():
    scene = small(seed=2, overlapping=True)
    first, second = (street._walks for street in scene.cameras)
    both = ~np.isnan(first[:, :, 0]) & ~np.isnan(second[:, :, 0])
    assert both.sum() > 500
    assert (np.isnan(first) ^ np.isnan(second)).any()  # only a part of the ground is in both
    np.testing.assert_array_equal(to_second(first)[both], second[both])
    heading = first[both][:, 2] - second[both][:, 2]
    np.testing.assert_allclose(np.abs(heading), np.pi)


def test_crossing_of_overlapping_cameras_is_at_one_place():
    first, second = (street._geometry for street in small(overlapping=True).cameras)
    place = np.array([first.crossing_x, 13.5, 0, 0, 0])
    np.testing.assert_allclose(to_second(place)[:2], [second.crossing_x, 13.5])


def test_persons_wear_the_same_and_the_second_camera_is_darker_and_bluer():
    scene = small(seed=1)
    first, second = scene.cameras
    assert first._persons == second._persons
    bright, dark = (street.frame(1).reshape(-1, 3).mean(axis=0) for street in scene.cameras)
    assert dark.mean() < bright.mean() - 10
    assert dark[0] / dark[2] > 1.2 * bright[0] / bright[2]


@pytest.mark.parametrize("overlapping", [False, True])
def test_scenes_are_equal_for_equal_seeds_only(overlapping):
    scenes = [small(seed=seed, overlapping=overlapping, frames=60) for seed in (1, 1, 2)]
    for streets in zip(*(scene.cameras for scene in scenes), strict=True):
        frames = [street.frame(30) for street in streets]
        np.testing.assert_array_equal(frames[0], frames[1])
        assert (frames[0] != frames[2]).mean() > 0.5


def test_tone_curves_change_the_colours_by_gamma_and_balance():
    plain = Street(width=320, height=180, noise=0, light_change=0)
    toned = Street(
        width=320, height=180, noise=0, light_change=0, colour_balance=(0.5, 1, 1.2), gamma=2
    )
    expected = (plain.frame(1) / 255) ** 2 * (0.5, 1, 1.2) * 255
    assert np.abs(toned.frame(1) - expected.clip(0, 255)).max() <= 0.5 + 1e-9


@pytest.mark.parametrize(
    "arguments", [{"travel_seconds": (3, 2)}, {"travel_seconds": (0, 2)}, {"people": 0}]
)
def test_wrong_arguments_are_refused(arguments):
    with pytest.raises(ValueError, match=r"must be"):
        TwoCameras(**arguments)


@pytest.mark.parametrize("arguments", [{"gamma": 0}, {"colour_balance": (1, 0, 1)}])
def test_wrong_light_is_refused(arguments):
    with pytest.raises(ValueError, match="gamma and the three factors"):
        Street(**arguments)
