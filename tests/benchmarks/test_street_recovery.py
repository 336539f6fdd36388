"""benchmarks/street_recovery.py on short streets."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import street_recovery
from deepsort_reid.scene import Street
from deepsort_reid.tracking import DeepSort, FixedLag


def test_outcome_is_same_or_new_by_the_id_after_the_return() -> None:
    street = Street(people=4, frames=120, absences=(20, 20, 20))
    absences = {absence.identity: absence for absence in street.returns}
    ids = np.tile(np.arange(1, 5), (120, 1))
    for identity, new in ((1, 1), (2, 9), (3, 7)):
        ids[absences[identity].left_at :, identity - 1] = 0
        ids[absences[identity].back_at :, identity - 1] = new
    found = street_recovery.outcomes(ids, street)
    kinds = dict(zip((absence.identity for absence in street.returns), found, strict=True))
    assert kinds[1] == (20, street_recovery.Outcome.SAME)
    assert kinds[2] == (20, street_recovery.Outcome.NEW)
    assert kinds[3] == (20, street_recovery.Outcome.NEW)


def test_id_of_another_person_is_wrong_if_absent_and_swapped_if_present() -> None:
    street = Street(people=8, frames=200, absences=(20, 60))
    absences = {absence.identity: absence for absence in street.returns}
    back = absences[1].back_at - 1
    assert absences[2].left_at < back < absences[2].back_at - 1  # person 2 is absent
    ids = np.tile(np.arange(1, 9), (200, 1))
    for identity, absence in absences.items():
        ids[absence.left_at : absence.back_at - 1, identity - 1] = 0

    def outcome(first_id: int) -> street_recovery.Outcome:
        ids[back : back + 10, 0] = first_id
        found = zip(street.returns, street_recovery.outcomes(ids, street), strict=True)
        return next(kind for absence, (_, kind) in found if absence.identity == 1)

    assert outcome(99) == street_recovery.Outcome.SAME
    assert outcome(2) == street_recovery.Outcome.WRONG
    present = set(street.rows(back + 1).id.tolist()) - {1}
    assert outcome(present.pop()) == street_recovery.Outcome.SWAPPED


def test_street_is_rendered_once_and_track_ids_are_per_person(tmp_path: Path) -> None:
    street, calls = Street(people=3, frames=12, width=320, height=180), []

    def embedder(frame: np.ndarray, xyxy: np.ndarray) -> np.ndarray:
        calls.append(frame.shape)
        return np.eye(1, 4, dtype=np.float32).repeat(len(xyxy), 0)

    for _ in range(2):
        observed = street_recovery.observe(street, embedder, tmp_path / "street.npz")
    assert calls == [(180, 320, 3)] * 12
    ids = street_recovery.track_ids(DeepSort(), observed)
    assert ids.shape == (12, 3)
    delayed = street_recovery.track_ids(FixedLag(DeepSort(), frames=5), observed)
    assert (delayed[ids > 0] == ids[ids > 0]).all()
    assert (delayed > 0).sum() > (ids > 0).sum()  # ids from the first frame on
    assert (ids[:2] == 0).all()  # no track is confirmed before the third frame
    assert (ids[2:] > 0).any()


def test_outcome_of_a_track_is_what_is_known_when_it_has_ended() -> None:
    street = Street(people=8, frames=200, absences=(20, 60))
    absence = next(each for each in street.returns if each.identity == 1)
    ids = np.tile(np.arange(1, 9), (200, 1))
    ids[absence.back_at - 1 :, 0] = 9  # the track after the return
    absent = next(each.identity for each in street.returns if each.identity != 1)
    present = next(each for each in street.rows(absence.back_at).id.tolist() if each != 1)

    def outcome(person: int) -> street_recovery.Outcome:
        persons = [*range(9), person]
        return street_recovery._outcome_of_track(ids, street, absence, 9, persons)

    assert outcome(1) == street_recovery.Outcome.SAME
    assert outcome(50) == street_recovery.Outcome.NEW
    assert outcome(absent) == street_recovery.Outcome.WRONG
    assert outcome(present) == street_recovery.Outcome.SWAPPED


@pytest.mark.filterwarnings("ignore:the embedder does not tell identities apart")
def test_outcomes_at_the_end_of_tracks_of_a_short_street(tmp_path: Path) -> None:
    street = Street(people=3, frames=130, width=320, height=180, absences=(20,))

    def embedder(frame: np.ndarray, xyxy: np.ndarray) -> np.ndarray:
        return np.eye(1, 4, dtype=np.float32).repeat(len(xyxy), 0)

    observed = street_recovery.observe(street, embedder, tmp_path / "street.npz")
    found = street_recovery.outcomes_at_end(observed)
    assert [frames for frames, _ in found] == [each.frames for each in street.returns]
