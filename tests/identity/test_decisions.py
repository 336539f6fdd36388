import numpy as np

from deepsort_reid.identity import PersonMatching, PersonRegistry
from deepsort_reid.identity.matching import PersonMatch
from tests.identity.people import DIM, People, show


class Scripted(PersonMatching):
    """Answers with a person for each track, by its number of embeddings."""

    def __init__(self, answers):
        super().__init__()
        self.answers = answers
        self.asked = []

    def match(self, track, gallery, current=None):
        count = int(track.counts.sum())
        self.asked.append(count)
        person = self.answers.get(count)
        return PersonMatch(person, 0.9, person, 0.1, None, np.inf, 0.0, "said so")


def test_person_is_searched_again_when_the_number_of_embeddings_has_doubled_and_at_the_end():
    matching = Scripted({})
    show(PersonRegistry(matching=matching), People(), {1: 0}, frames=21, ended=[1])
    assert matching.asked == [1, 2, 4, 8, 16, 21]
    matching.asked.clear()
    show(PersonRegistry(matching=matching), People(), {1: 0}, frames=16, ended=[1])
    assert matching.asked == [1, 2, 4, 8, 16]


def test_person_set_by_hand_is_not_searched_and_the_gallery_grows():
    matching = Scripted({})
    registry, people = PersonRegistry(matching=matching), People()
    show(registry, people, {1: 0}, frames=2)
    registry.rename(1, "Ada")
    matching.asked.clear()
    show(registry, people, {1: 5}, start=2, frames=30, ended=[1])
    assert matching.asked == []
    assert registry.gallery(1).counts.sum() == 32


def test_other_tracks_of_the_person_do_not_follow_a_track_that_is_corrected():
    matching = Scripted({1: None, 3: 2, 8: 1})
    registry, people = PersonRegistry(matching=matching), People()
    for id, frames in ((1, 1), (2, 1), (3, 2)):
        show(registry, people, {id: id}, start=10 * id, frames=frames, ended=[id])
    # Track 3 becomes person 2 with the third embedding, and person 1 with the eighth.
    registry._records.row(3)["next_search"] = 3
    show(registry, people, {3: 3}, start=40, frames=1)
    assert [registry.person_of("door", id) for id in (1, 2, 3)] == [1, 2, 2]
    registry._records.row(3)["next_search"] = 8
    changes = show(registry, people, {3: 3}, start=41, frames=5).changes
    assert [registry.person_of("door", id) for id in (1, 2, 3)] == [1, 2, 1]
    assert {change.id for change in changes} == {3}


def test_surest_match_is_decided_first():
    registry, people = PersonRegistry(), People(noise=0.001)
    show(registry, people, {1: 0}, ended=[1])
    near, exact = people.embed([0, 0])
    near = near + 0.5 * people.embed([5])[0]
    rows = np.stack([near / np.linalg.norm(near), exact])
    assert registry.matching.max_normalized_distance > 1 - rows[0] @ exact
    update = registry.update("door", 50, [2, 3], rows)
    assert update.person_id.tolist() == [2, 1]


def test_matching_is_calibrated_by_tracks_of_one_frame():
    registry, people = PersonRegistry(), People(number=2, noise=0)
    directions = people.embed([0, 1])
    expected = 1 - float(directions[0] @ directions[1])
    for time in range(64):
        registry.update("door", time, [1, 2], directions)
    assert abs(registry.matching.inter_identity_distance - expected) < 1e-3
    assert directions.shape == (2, DIM)


def test_matching_is_calibrated_by_added_tracks_of_one_time():
    registry, people = PersonRegistry(), People(number=2, noise=0)
    directions = people.embed([0, 1])
    registry.add_track("door", 0, 5, directions[:1])
    before = registry.matching.inter_identity_distance
    registry.add_track("hall", 3, 9, directions[1:])
    assert registry.matching.inter_identity_distance == before
    registry.add_track("door", 3, 9, directions[1:])
    expected = 1 - float(directions[0] @ directions[1])
    assert abs(registry.matching.inter_identity_distance - expected) < 1e-6
