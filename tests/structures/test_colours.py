"""Display colours of track ids."""

import numpy as np

from deepsort_reid.structures.colours import id_colour


def test_colours_of_nearby_ids_are_bright_and_differ():
    colours = np.array([id_colour(track_id) for track_id in range(1, 61)])
    assert len(np.unique(colours, axis=0)) == 60
    assert colours.max(axis=1).min() >= 200
    for distance in (1, 2):
        difference = np.abs(colours[distance:] - colours[:-distance]).max(axis=1)
        assert difference.min() > 60


def test_colour_of_an_id_does_not_change():
    # The timeline of the evaluation report computes the same colours in JavaScript.
    assert [id_colour(track_id) for track_id in (0, 1, 5)] == [
        (255, 142, 38),
        (79, 38, 255),
        (252, 255, 115),
    ]
