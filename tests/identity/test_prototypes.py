import numpy as np

from deepsort_reid.identity.ended_track import summarize
from deepsort_reid.identity.prototypes import MAX_PROTOTYPES, PrototypeTable
from tests.identity.people import DIM, People, directions, unit


def test_embeddings_near_a_prototype_join_it_as_their_mean():
    rows = People(noise=0.01).embed([0] * 30)
    found = summarize(rows, join_distance=0.1)
    assert found.counts.tolist() == [30]
    assert np.allclose(found.embedding[0], unit(rows.sum(axis=0)), atol=1e-6)


def test_each_pose_has_a_prototype_however_few_frames_show_it():
    rows = np.concatenate([People().embed([0] * 500), People().embed([1] * 3)])
    found = summarize(rows, join_distance=0.2)
    assert found.counts.tolist() == [500, 3]


def test_two_nearest_prototypes_are_merged_when_there_are_too_many():
    poses = directions(MAX_PROTOTYPES + 1)
    poses[4] = unit(poses[2] + 0.3 * poses[4])
    found = summarize(poses, join_distance=0.01)
    assert len(found.counts) == MAX_PROTOTYPES
    assert sorted(found.counts.tolist()) == [1] * (MAX_PROTOTYPES - 1) + [2]
    similarity = found.embedding @ poses.T
    assert (similarity.max(axis=0) > 0.98).all()
    assert similarity[:, 2].argmax() == similarity[:, 4].argmax()


def test_new_pose_is_kept_after_many_frames_of_others():
    poses = directions(MAX_PROTOTYPES + 1)
    poses[1] = unit(poses[0] + 0.8 * poses[1])
    rows = np.repeat(poses[:-1], 200, axis=0)
    found = summarize(np.concatenate([rows, poses[-1:]]), join_distance=0.1)
    assert sorted(found.counts.tolist()) == [1, 200, 200, 200, 200, 400]
    assert (found.embedding @ poses[-1]).max() > 0.99


def test_prototypes_hardly_depend_on_the_frame_rate():
    people = People(number=4, noise=0.02)
    rows = people.embed(np.repeat([0, 1, 2, 3, 0, 1], 40))
    fast, slow = (summarize(each, join_distance=0.1) for each in (rows, rows[::4]))
    nearest = (fast.embedding @ slow.embedding.T).max(axis=1)
    assert len(fast.counts) == len(slow.counts) == 4
    assert (nearest > 0.95).all()


def test_slots_do_not_influence_each_other():
    table, people = PrototypeTable(), People(noise=0.2)
    table.set_dim(DIM)
    rows = people.embed(np.arange(120) % 6).reshape(20, 6, DIM)
    empty = summarize(np.zeros((1, DIM)), join_distance=0.1)
    slots = []
    for _ in range(6):
        slots.append(table.free_slot())
        table.allocate(slots[-1], empty)
    for frame in rows:
        table.update(np.array(slots), frame, np.ones(6, dtype=bool), 0.1)
    for index, slot in enumerate(slots):
        alone = summarize(rows[:, index], join_distance=0.1)
        assert np.allclose(table.prototypes(slot).embedding, alone.embedding, atol=1e-6)


def test_restore_reverts_an_update():
    table, people = PrototypeTable(), People(noise=0.3)
    table.set_dim(DIM)
    slot = table.free_slot()
    table.allocate(slot, summarize(people.embed([0] * 9), join_distance=0.1))
    before, slots = table.state_dict(), np.array([slot])
    backup = table.backup(slots)
    for _ in range(5):
        table.update(slots, people.embed([1]), np.ones(1, dtype=bool), 0.1)
    table.restore(backup)
    after = table.state_dict()
    assert all(np.array_equal(after[name], before[name], equal_nan=True) for name in before)


def test_released_slot_holds_nothing():
    table = PrototypeTable()
    table.set_dim(DIM)
    slot = table.free_slot()
    table.allocate(slot, summarize(People().embed([0] * 9), join_distance=0.1))
    table.release(slot)
    assert not table.state_dict()["sum"].any()
    assert table.free_slot() == slot
