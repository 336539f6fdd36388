"""Identity-balanced batches."""

from collections import Counter

import numpy as np
import pytest

from deepsort_reid.reid.data.samplers import identity_batches, local_batch

# Ten people with 3 to 12 pictures, shuffled.
IDENTITY = np.random.default_rng(0).permutation(np.repeat(np.arange(10), np.arange(3, 13)))


def batches(epoch=0, seed=0, people=4, images_per_identity=3):
    return list(identity_batches(IDENTITY, people, images_per_identity, seed=seed, epoch=epoch))


def test_every_batch_holds_so_many_people_with_so_many_pictures_side_by_side():
    for rows in batches():
        groups = IDENTITY[rows].reshape(4, 3)
        assert (groups == groups[:, :1]).all()
        assert len(set(groups[:, 0])) == 4
        assert len(set(rows)) == 12


def test_an_epoch_shows_as_many_pictures_as_there_are():
    assert len(batches()) == len(IDENTITY) // 12


def test_the_same_seed_and_epoch_give_the_same_batches_and_others_give_others():
    again = [np.array_equal(a, b) for a, b in zip(batches(), batches(), strict=True)]
    assert all(again)
    assert not np.array_equal(batches()[0], batches(epoch=1)[0])
    assert not np.array_equal(batches()[0], batches(seed=1)[0])


def test_all_people_come_before_anybody_comes_again():
    shown = np.concatenate([IDENTITY[rows][::3] for rows in batches(people=5)])
    for start in range(0, len(shown) - 9, 10):
        assert len(set(shown[start : start + 10])) == 10


def test_all_pictures_of_a_person_come_before_any_comes_again():
    identity = np.repeat([0, 1], [6, 6])
    rows = np.concatenate(list(identity_batches(identity, 2, 3, seed=0, epoch=0)))
    assert sorted(rows) == list(range(12))


def test_a_person_with_fewer_pictures_repeats_them():
    identity = np.array([0, 1, 1, 1, 1])
    (rows,) = identity_batches(identity, 2, 4, seed=0, epoch=0)
    assert Counter(rows.tolist()) == {0: 4, 1: 1, 2: 1, 3: 1, 4: 1}


def test_the_shares_of_the_processes_are_whole_people_and_together_the_batch():
    rows = batches()[0]
    shares = [local_batch(rows, 3, rank, 2) for rank in range(2)]
    assert np.array_equal(np.concatenate(shares), rows)
    assert not set(IDENTITY[shares[0]]) & set(IDENTITY[shares[1]])


def test_people_that_do_not_divide_among_processes_are_refused():
    with pytest.raises(ValueError, match="got 4 for 3"):
        local_batch(batches()[0], 3, 0, 3)


def test_more_people_in_a_batch_than_in_the_data_are_refused():
    with pytest.raises(ValueError, match="a batch of 11 people needs as many in the data, got 10"):
        batches(people=11)
