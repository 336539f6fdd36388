"""benchmarks/two_cameras.py on cases counted by hand, and on a short scene."""

import numpy as np
import pytest

from benchmarks import two_cameras
from benchmarks.street_recovery import Observed, Outcome
from benchmarks.two_cameras import Visit
from deepsort_reid.scene import TwoCameras
from deepsort_reid.structures.detections import Detections

# Two cameras, 100 frames, three people. Person 0 goes from the first camera to the second, person 1
# stays in the first, person 2 is in the first camera before frame 50 only.
PRESENT = np.zeros((2, 100, 3), dtype=bool)
PRESENT[0, :40, 0] = PRESENT[1, 60:, 0] = True
PRESENT[0, :, 1] = PRESENT[0, :50, 2] = True


def test_visits_are_walks_of_persons_who_were_in_view_before():
    assert list(two_cameras.visits_of(PRESENT)) == [Visit(camera=1, person=0, begin=60)]


@pytest.mark.parametrize(
    ("shown", "outcome"),
    [
        (1, Outcome.SAME),
        (9, Outcome.NEW),
        (2, Outcome.SWAPPED),  # the person of somebody in view
        (3, Outcome.WRONG),  # the person of somebody who has left
        (0, Outcome.NONE),
    ],
)
def test_outcome_is_the_person_after_the_beginning_of_the_visit(shown, outcome):
    persons = np.where(PRESENT, np.array([1, 2, 3]), 0)
    persons[1, 60:, 0] = shown
    assert two_cameras.outcome_of(Visit(1, 0, 60), persons, PRESENT) == outcome


def test_identities_of_both_cameras_are_one_set():
    """A person that has another number in the second camera is half right."""
    scene = TwoCameras(people=2, frames=4, width=320, height=180)
    boxes = np.array([[10.0, 10, 30, 70], [100, 10, 120, 70]])
    in_both = tuple(Detections(boxes) for _ in range(4)), tuple(np.array([1, 2]) for _ in range(4))
    observed = [Observed(street, *in_both) for street in scene.cameras]
    persons = np.tile(np.array([1, 2]), (2, 4, 1))
    assert two_cameras.score(observed, persons).identity.idf1 == 1
    persons[1, :, 1] = 3
    assert two_cameras.score(observed, persons).identity.idf1 == 0.75


def test_short_scene_is_tracked_with_one_registry(tmp_path, capsys):
    arguments = ["--seeds", "0", "--frames", "60", "--people", "3", "--cache", str(tmp_path)]
    for _ in range(2):
        assert two_cameras.main(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines[3:7]] == ["apart"] * 2 + ["overlapping"] * 2
    assert len(list(tmp_path.iterdir())) == 4
    assert lines[3:7] == lines[-4:]
