"""Identity-balanced batches."""

from collections import Counter

import numpy as np
import pytest

from deepsort_reid.reid.data.samplers import group_batches, identity_batches, local_batch

# Ten identities with 3 to 12 images, shuffled.
IDENTITY = np.random.default_rng(0).permutation(np.repeat(np.arange(10), np.arange(3, 13)))


def batches(epoch=0, seed=0, identities=4, images_per_identity=3):
    return list(identity_batches(IDENTITY, identities, images_per_identity, seed=seed, epoch=epoch))


def test_batch_has_the_requested_identities_and_images_per_identity():
    for rows in batches():
        groups = IDENTITY[rows].reshape(4, 3)
        assert (groups == groups[:, :1]).all()
        assert len(set(groups[:, 0])) == 4
        assert len(set(rows)) == 12


def test_epoch_has_as_many_images_as_the_data():
    assert len(batches()) == len(IDENTITY) // 12


def test_batches_depend_on_seed_and_epoch():
    again = [np.array_equal(a, b) for a, b in zip(batches(), batches(), strict=True)]
    assert all(again)
    assert not np.array_equal(batches()[0], batches(epoch=1)[0])
    assert not np.array_equal(batches()[0], batches(seed=1)[0])


def test_all_identities_are_drawn_before_any_is_repeated():
    shown = np.concatenate([IDENTITY[rows][::3] for rows in batches(identities=5)])
    for start in range(0, len(shown) - 9, 10):
        assert len(set(shown[start : start + 10])) == 10


def test_all_images_of_an_identity_are_drawn_before_any_is_repeated():
    identity = np.repeat([0, 1], [6, 6])
    rows = np.concatenate(list(identity_batches(identity, 2, 3, seed=0, epoch=0)))
    assert sorted(rows) == list(range(12))


def test_identity_with_few_images_repeats_them():
    identity = np.array([0, 1, 1, 1, 1])
    (rows,) = identity_batches(identity, 2, 4, seed=0, epoch=0)
    assert Counter(rows.tolist()) == {0: 4, 1: 1, 2: 1, 3: 1, 4: 1}


def test_local_batches_have_complete_identities_and_form_the_batch():
    rows = batches()[0]
    shares = [local_batch(rows, 3, rank, 2) for rank in range(2)]
    assert np.array_equal(np.concatenate(shares), rows)
    assert not set(IDENTITY[shares[0]]) & set(IDENTITY[shares[1]])


def test_identities_that_do_not_divide_among_processes_are_rejected():
    with pytest.raises(
        ValueError, match="expected a multiple of the number of processes, 3, got 4"
    ):
        local_batch(batches()[0], 3, 0, 3)


def test_more_identities_per_batch_than_in_the_data_are_rejected():
    with pytest.raises(ValueError, match="expected at most 10, the identities in the data, got 11"):
        batches(identities=11)


def epoch_of_groups(epoch=0, seed=0, groups=4, images_per_group=3):
    return list(group_batches(IDENTITY, groups, images_per_group, seed=seed, epoch=epoch))


def test_group_batch_has_images_of_one_group_side_by_side():
    for rows in epoch_of_groups():
        groups = IDENTITY[rows].reshape(4, 3)
        assert (groups == groups[:, :1]).all()


def test_group_batches_draw_large_groups_more_often_and_no_image_twice():
    rows = np.concatenate(epoch_of_groups(groups=1))
    assert len(set(rows)) == len(rows)
    assert Counter(IDENTITY[rows]) == {group: (group + 3) // 3 * 3 for group in range(10)}


def test_all_images_are_drawn_in_some_epoch():
    drawn = {row for epoch in range(20) for rows in epoch_of_groups(epoch) for row in rows}
    assert len(drawn) == len(IDENTITY)


def test_group_with_few_images_repeats_them():
    rows = np.concatenate(epoch_of_groups(groups=1, images_per_group=8))
    counts = Counter(IDENTITY[rows])
    assert all(count == 8 for count in counts.values())
    assert counts.keys() == set(range(10))


def test_group_batches_depend_on_seed_and_epoch():
    first = np.concatenate(epoch_of_groups())
    assert np.array_equal(first, np.concatenate(epoch_of_groups()))
    for other in (epoch_of_groups(epoch=1), epoch_of_groups(seed=1)):
        assert not np.array_equal(first, np.concatenate(other))


@pytest.mark.parametrize(
    ("groups", "images", "expected"),
    [
        (0, 3, "expected at least 1, got 0 and 3"),
        (4, 0, "expected at least 1, got 4 and 0"),
        (30, 3, "expected at most 22 with 75 images in groups of 3, got 30"),
    ],
)
def test_impossible_group_batches_are_rejected(groups, images, expected):
    with pytest.raises(ValueError, match=expected):
        epoch_of_groups(groups=groups, images_per_group=images)
