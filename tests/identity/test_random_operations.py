"""Random sequences of operations: what must hold after each of them."""

import numpy as np
import pytest

from deepsort_reid.identity import PersonRegistry, Topology
from tests.identity.people import People
from tests.identity.test_registry import state_of

CAMERAS = ("door", "hall", "yard")
TOPOLOGY = Topology(CAMERAS, same_place=[("door", "hall")], travel_time={("hall", "yard"): (3, 80)})


class World:
    """People who walk in front of three cameras, whose tracks are updated in a registry."""

    def __init__(self, registry, seed):
        self.registry = registry
        self.rng = np.random.default_rng(seed)
        self.people = People(number=8, noise=0.15, seed=seed)
        self.time = 0.0
        self.tracks = {camera: {} for camera in CAMERAS}  # id -> person
        self.next_id = dict.fromkeys(CAMERAS, 1)

    def frame(self):
        """Update a camera with a random frame; tracks appear, pause, end and come back."""
        camera, tracks = str(self.rng.choice(CAMERAS)), None
        self.time += float(self.rng.choice([0.04, 0.5, 5.0]))
        tracks = self.tracks[camera]
        if self.rng.random() < 0.3:
            tracks[self.next_id[camera]] = int(self.rng.integers(8))
            self.next_id[camera] += int(self.rng.integers(1, 3))
        present = [id for id in tracks if self.rng.random() < 0.8]
        ended = [id for id in tracks if id not in present and self.rng.random() < 0.3]
        for id in ended:
            if self.rng.random() < 0.8:  # others may be matched again
                del tracks[id]
        embedding = self.people.embed([tracks[id] for id in present])
        embedding[self.rng.random(len(present)) < 0.2] = 0
        storable = self.rng.random(len(present)) < 0.7
        return self.registry.update(camera, self.time, present, embedding, storable, ended)

    def correction(self):
        """A random edit by hand, which may be refused."""
        registry, persons = self.registry, self.registry.persons
        first, second = (int(self.rng.choice(list(persons))) for _ in range(2))
        tracks = [(track.camera, track.id) for track in persons[first]]
        other = [(track.camera, track.id) for track in persons[second]]
        edits = (
            lambda: registry.merge(first, second),
            lambda: registry.split(first, tracks[:1]),
            lambda: registry.rename(first, f"name {self.rng.integers(5)}"),
            lambda: registry.different(tracks[0], other[-1]),
            lambda: registry.same(tracks[0], other[-1]),
            lambda: registry.forget(first),
        )
        edit = edits[int(self.rng.integers(len(edits)))]
        before = state_of(registry)
        try:
            edit()
        except ValueError:
            assert state_of(registry) == before


def check(registry):
    """Every track has one person, and no person is two of which that is known to be impossible."""
    records = registry._records
    rows = records.rows
    owner = {key: person for person, row in records.persons.items() for key in row.tracks}
    keys = (np.flatnonzero(rows["person"] > 0) + records.first_key).tolist()
    assert owner == {key: int(records.row(key)["person"]) for key in keys}
    assert all(row.tracks for row in records.persons.values())
    for relation in (records.seen_together, records.apart):
        flags = relation.flags(keys, records.first_key, records.num_tracks)
        assert (set(np.flatnonzero(flags.any(axis=0)) + records.first_key)) <= set(keys)
        for key, row in zip(keys, flags, strict=True):
            assert set((np.flatnonzero(row) + records.first_key).tolist()) == relation.of(key)
            for other in relation.of(key):
                assert key in relation.of(other)
                by_hand = rows["by_hand"][[key - records.first_key, other - records.first_key]]
                assert owner[key] != owner[other] or by_hand.all()
    gallery = records.gallery
    stored = gallery.track[gallery.track >= 0]
    assert set(stored.tolist()) <= set(keys)
    live = rows["slot"][rows["live"]].tolist()
    assert len(set(live)) == len(live)
    used = records.prototypes.state_dict()["used"]
    assert sorted(live) == np.flatnonzero(used).tolist()


@pytest.mark.parametrize("seed", range(4))
def test_records_stay_consistent(seed):
    registry = PersonRegistry(topology=TOPOLOGY)
    world = World(registry, seed)
    for step in range(150):
        update = world.frame()
        assert len(update.person_id) == len(set(update.person_id.tolist())) or any(
            track.by_hand for tracks in registry.persons.values() for track in tracks
        )
        if step % 10 == 9 and registry.persons:
            world.correction()
        check(registry)


@pytest.mark.parametrize("seed", range(2))
def test_undone_update_can_be_repeated_with_the_same_result(seed):
    registry = PersonRegistry(topology=TOPOLOGY)
    world = World(registry, seed)
    for _ in range(60):
        before = state_of(registry)
        rng, people = world.rng.bit_generator.state, world.people._rng.bit_generator.state
        now, tracks, ids = (
            world.time,
            {c: dict(t) for c, t in world.tracks.items()},
            dict(world.next_id),
        )
        first = world.frame()
        after = state_of(registry)
        registry._operations.undo()
        assert state_of(registry) == before
        world.rng.bit_generator.state, world.people._rng.bit_generator.state = rng, people
        world.time, world.tracks, world.next_id = now, tracks, ids
        assert repr(world.frame()) == repr(first)
        assert state_of(registry) == after


@pytest.mark.parametrize("seed", range(2))
def test_file_holds_what_memory_holds(tmp_path, seed):
    path = tmp_path / "people.sqlite"
    registry = PersonRegistry(path, topology=TOPOLOGY)
    world = World(registry, seed)
    for step in range(120):
        world.frame()
        if step % 20 == 19:
            world.correction()
            registry._operations._next_write = 0  # as if a second had passed
            assert registry.persons
    expected = registry.persons
    records = registry._records
    keys = [key for row in records.cameras.values() for key in row.key_of_id.values()]
    pairs = {key: records.seen_together.of(key) for key in keys}
    galleries = {person: registry.gallery(person) for person in expected}
    registry.close()
    with PersonRegistry(path, topology=TOPOLOGY) as again:
        assert again.persons == expected
        assert {key: again._records.seen_together.of(key) for key in keys} == pairs
        for person, gallery in galleries.items():
            assert np.allclose(again.gallery(person).embedding, gallery.embedding, atol=1e-6)
        check(again)


@pytest.mark.parametrize("seed", range(2))
def test_loaded_state_continues_as_the_original(seed):
    registry, loaded = PersonRegistry(topology=TOPOLOGY), PersonRegistry(topology=TOPOLOGY)
    world = World(registry, seed)
    for _ in range(100):
        world.frame()
    loaded.load_state_dict(registry.state_dict())
    other = World(loaded, seed)
    other.time, other.next_id = world.time, dict(world.next_id)
    other.tracks = {camera: dict(tracks) for camera, tracks in world.tracks.items()}
    other.rng.bit_generator.state = world.rng.bit_generator.state
    other.people._rng.bit_generator.state = world.people._rng.bit_generator.state
    for _ in range(50):
        assert repr(world.frame()) == repr(other.frame())
    assert state_of(registry) == state_of(loaded)
