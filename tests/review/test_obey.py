"""Corrections of a review reach the registry of persons, and later runs obey them."""

import json

import numpy as np
import pytest

from deepsort_reid import PersonRegistry
from deepsort_reid.review import (
    Delete,
    MarkDifferent,
    MarkSame,
    MergePersons,
    Move,
    Rename,
    Review,
    SplitTrack,
)
from tests.review import run_folders

RED, BLUE, GREEN = np.eye(8, dtype=np.float32)[:3]
# Track -> embedding. The registry takes all of them for other persons.
EMBEDDING = {1: RED, 2: BLUE, 3: np.eye(8, dtype=np.float32)[3], 4: GREEN}


@pytest.fixture
def registry_path(tmp_path):
    path = tmp_path / "people.sqlite"
    with PersonRegistry(path) as registry:
        for id, (first, last, *_) in run_folders.TRACKS.items():
            registry.add_track("door", first / 10, last / 10, EMBEDDING[id][None], id=id)
    return path


@pytest.fixture
def run(tmp_path, video, registry_path):
    link = {"path": str(registry_path), "camera": "door", "run": 1, "ids": {}}
    return run_folders.write_run(tmp_path / "run", video, registry=link)


def persons(path, run=1):
    with PersonRegistry(path, read_only=True) as registry:
        return {id: registry.person_of("door", id, run) for id in EMBEDDING}


def correct(run, *edits):
    with Review.open(run) as review:
        for edit in edits:
            review.undo() if edit == "undo" else review.apply(edit)
    return review.registry_notes


def test_run_says_that_it_has_a_registry(run):
    with Review.open(run, read_only=True) as review:
        assert review.info.warnings == []


@pytest.mark.parametrize("edit", [MergePersons(1, 3), MarkSame(1, 3), Move(3, 20, 30, 1)])
def test_later_run_obeys_a_merge(run, registry_path, edit):
    assert len(set(persons(registry_path).values())) == 4
    assert correct(run, edit, Rename(1, "Ada")) == []
    found = persons(registry_path)
    assert found[1] == found[3]
    assert len(set(found.values())) == 3
    with PersonRegistry(registry_path) as registry:
        assert registry.name(found[1]) == "Ada"
        registry.start_camera("door")
        # Who looks as in either track is this person.
        for embedding in (EMBEDDING[1], EMBEDDING[3]):
            assert registry.add_track("door", None, None, embedding[None]) == found[1]


def test_later_run_obeys_that_two_persons_differ(run, registry_path):
    assert correct(run, MarkDifferent(1, 3)) == []
    with (
        PersonRegistry(registry_path) as registry,
        pytest.raises(ValueError, match="were declared to be different"),
    ):
        registry.same(("door", 1), ("door", 3))


def test_tracks_that_leave_a_person_together_stay_together(run, registry_path, tmp_path):
    with PersonRegistry(registry_path) as registry:
        registry.same(("door", 1), ("door", 3))
        registry.same(("door", 1), ("door", 4))
    people = run / "people.csv"
    text = people.read_text().replace("\n3,3,", "\n3,1,").replace("\n4,4,", "\n4,1,")
    people.write_text(text)
    with Review.open(run) as review:
        (person,) = {each.person for each in review.pieces()} - {2}
        review.apply(Move(3, 1, 30))
        new = review.pieces()[2].person
        review.apply(Move(4, 1, 30, new))
    assert review.registry_notes == []
    found = persons(registry_path)
    assert found[3] == found[4] != found[1]
    # The next run has corrections of its own; those of this one are made again, to no effect.
    assert correct(run, Rename(person, "Ada")) == []
    assert persons(registry_path) == found


def test_track_of_two_persons_stays_whole_in_the_registry(run, registry_path):
    (note,) = correct(run, SplitTrack(2, 25), MergePersons(1, 5))
    assert "track 2 is of several persons" in note
    assert len(set(persons(registry_path).values())) == 4


def test_edits_that_were_undone_do_not_reach_it(run, registry_path):
    before = persons(registry_path)
    assert correct(run, MergePersons(1, 3), "undo") == []
    assert persons(registry_path) == before


def test_runs_after_this_one_are_not_confused_with_it(run, registry_path):
    """The ids of a later run of the camera are the same."""
    with PersonRegistry(registry_path) as registry:
        registry.start_camera("door")
        for id in EMBEDDING:
            registry.add_track("door", None, None, np.eye(8)[4 + id % 4][None], id=id)
    before = persons(registry_path, run=2)
    assert correct(run, MergePersons(1, 3)) == []
    assert persons(registry_path, run=2) == before
    found = persons(registry_path)
    assert found[1] == found[3]


def test_registry_in_use_is_said_and_gets_the_corrections_next_time(run, registry_path):
    with PersonRegistry(registry_path):
        (note,) = correct(run, MergePersons(1, 3))
    assert "people.sqlite" in note
    assert "given to the registry when the review is closed next time" in note
    with Review.open(run) as review:
        assert len(review.persons()) == 3
    assert review.registry_notes == []
    found = persons(registry_path)
    assert found[1] == found[3]


def test_track_that_the_registry_no_longer_has_is_said(run, registry_path):
    with PersonRegistry(registry_path) as registry:
        registry.forget(registry.person_of("door", 3))
    (note,) = correct(run, MergePersons(1, 3), Rename(2, "Ada"))
    assert "no track 3 of camera 'door'" in note
    with PersonRegistry(registry_path, read_only=True) as registry:
        assert registry.name(registry.person_of("door", 2)) == "Ada"


def test_tracks_have_other_ids_in_the_registry(run, registry_path):
    """As with `track --lag`."""
    summary = json.loads((run / "summary.json").read_text())
    summary["registry"]["ids"] = {"3": 4, "4": 3}
    (run / "summary.json").write_text(json.dumps(summary))
    assert correct(run, MergePersons(1, 3)) == []
    found = persons(registry_path)
    assert found[1] == found[4] != found[3]


def test_run_without_a_registry_says_so(tmp_path, video):
    run = run_folders.write_run(tmp_path / "alone", video)
    with Review.open(run, read_only=True) as review:
        assert "no registry of persons: corrections change this run" in review.info.warnings[0]
    assert correct(run, MergePersons(1, 3)) == [
        "no registry of persons: the corrections are kept in the run folder alone"
    ]
    gone = {"path": str(tmp_path / "gone.sqlite"), "camera": "door", "run": 1, "ids": {}}
    run = run_folders.write_run(tmp_path / "gone", video, registry=gone)
    with Review.open(run, read_only=True) as review:
        assert "gone.sqlite: no such registry of persons" in review.info.warnings[0]
    assert correct(run, Delete(4)) == []
    assert not (tmp_path / "gone.sqlite").exists()
