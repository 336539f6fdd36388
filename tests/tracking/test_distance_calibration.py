"""Distance calibration: medians by hand, running means, and the warning."""

import pickle
import warnings

import numpy as np
import pytest

from deepsort_reid.tracking.distance_calibration import USUAL_INTRA_DISTANCE, Calibration
from tests.tracking.scenarios import orthogonal_embeddings, perturbed


def embeddings_at_distances(*distances):
    """Embeddings (n + 1, 2): one, and n at these cosine distances from it."""
    similarity = 1 - np.array([0.0, *distances])
    return np.column_stack([similarity, np.sqrt(1 - similarity**2)]).astype(np.float32)


def calibrated(same, different, frames=30):
    """A calibration with these intra- and inter-identity distances in each of the frames."""
    made = Calibration()
    for _ in range(frames):
        made.update_inter(embeddings_at_distances(different))
        made.update_intra(np.array([same]))
    return made


def test_two_embeddings_of_one_frame_give_the_inter_identity_distance():
    made = Calibration()
    made.update_inter(embeddings_at_distances(0.4))
    assert made.inter_identity_distance == pytest.approx(0.4, abs=1e-6)
    assert np.isnan(made.intra_identity_distance)


def test_updates_use_the_median_of_their_distances():
    made = Calibration()
    # The distance of the second and third is 1 - (0.9 * 0.5 + sqrt(0.19 * 0.75)) = 0.1725.
    made.update_inter(embeddings_at_distances(0.1, 0.5))
    assert made.inter_identity_distance == pytest.approx(0.1725, abs=1e-4)
    made.update_intra(np.array([0.3, 0.01, 0.02]))
    assert made.intra_identity_distance == 0.02


def test_running_mean_has_a_horizon_of_two_hundred_frames():
    made = Calibration()
    made.update_intra(np.array([0.5]))
    made.update_intra(np.array([0.1]))
    assert made.intra_identity_distance == pytest.approx(0.3)
    for _ in range(198):
        made.update_intra(np.array([0.3]))
    made.update_intra(np.array([0.0]))
    assert made.intra_identity_distance == pytest.approx(0.3 * (1 - 1 / 200))
    for _ in range(2000):
        made.update_intra(np.array([0.1]))
    assert made.intra_identity_distance == pytest.approx(0.1, abs=1e-4)


def test_fewer_than_two_embeddings_change_nothing():
    made = Calibration()
    for rows in (0, 1):
        made.update_inter(orthogonal_embeddings(rows).astype(np.float32))
    made.update_intra(np.empty(0))
    assert np.isnan([made.inter_identity_distance, made.intra_identity_distance]).all()
    assert not made.is_discriminative
    made.update_inter(embeddings_at_distances(0.4))
    made.update_intra(np.array([0.1]))
    assert (made.inter_identity_distance, made.intra_identity_distance) == (
        pytest.approx(0.4, abs=1e-6),
        0.1,
    )


@pytest.mark.parametrize(
    ("same", "different", "frames", "expected"),
    [
        (0.1, 0.5, 40, True),
        (0.34, 0.5, 30, True),
        (0.36, 0.5, 30, False),
        (0.36, 0.5, 29, True),  # too few frames
        (0.0, 0.0, 1, False),  # nothing to normalise by
        (0.0, 0.0, 40, False),
    ],
)
@pytest.mark.filterwarnings("ignore:the embedder does not tell identities apart")
def test_is_discriminative_compares_intra_and_inter_identity_distance(
    same, different, frames, expected
):
    assert calibrated(same, different, frames).is_discriminative == expected


@pytest.mark.parametrize("distance", [0.0, 0.3], ids=["constant", "random"])
def test_not_discriminative_embedder_warns_once_after_enough_frames(distance):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = calibrated(distance, distance, 29)
    made.update_inter(embeddings_at_distances(distance))
    message = (
        f"does not tell identities apart: mean intra-identity distance {distance:.3f}, "
        f"mean inter-identity distance {distance:.3f}; appearance is disabled"
    )
    with pytest.warns(UserWarning, match=message) as caught:
        made.update_intra(np.array([distance]))
    assert len(caught) == 1
    for _ in range(100):  # warnings are errors here
        made.update_inter(embeddings_at_distances(distance))
        made.update_intra(np.array([distance]))
    assert not made.is_discriminative


def test_embedder_can_become_discriminative_again():
    with pytest.warns(UserWarning, match="does not tell identities apart"):
        made = calibrated(0.4, 0.5, 40)
    assert not made.is_discriminative
    for _ in range(400):
        made.update_inter(embeddings_at_distances(0.5))
        made.update_intra(np.array([0.05]))
    assert made.is_discriminative


@pytest.mark.parametrize("people", [5, 32, 33, 100])
def test_inter_identity_distance_does_not_depend_on_the_order_of_detections(people):
    rng = np.random.default_rng(people)
    rows = perturbed(np.zeros((people, 16)), rng, 1).astype(np.float32)
    one, other = Calibration(), Calibration()
    one.update_inter(rows)
    other.update_inter(rows[rng.permutation(people)])
    assert one.inter_identity_distance == pytest.approx(other.inter_identity_distance, abs=1e-6)


def test_subset_of_a_large_crowd_represents_all_pairs():
    rows = perturbed(np.zeros((300, 16)), np.random.default_rng(1), 1).astype(np.float32)
    every_pair = (1 - rows @ rows.T)[np.triu_indices(300, 1)]
    made = Calibration()
    made.update_inter(rows)
    assert made.inter_identity_distance == pytest.approx(np.median(every_pair), abs=0.05)


def test_calibration_has_constant_size():
    short, long = calibrated(0.1, 0.6, 300), calibrated(0.1, 0.6, 3000)
    assert abs(len(pickle.dumps(long)) - len(pickle.dumps(short))) < 10


def test_normalized_intra_distance_goes_from_the_usual_one_to_that_of_the_video():
    calibration = Calibration()
    assert calibration.normalized_intra_distance == USUAL_INTRA_DISTANCE
    calibration.update_inter(np.eye(4, dtype=np.float32))
    assert calibration.normalized_intra_distance == USUAL_INTRA_DISTANCE
    found = []
    for _ in range(400):
        calibration.update_intra(np.array([0.5]))
        found.append(calibration.normalized_intra_distance)
    assert (np.diff(found) >= 0).all()
    assert found[29] == pytest.approx((0.5 + USUAL_INTRA_DISTANCE) / 2)
    assert found[-1] == pytest.approx((200 * 0.5 + 30 * USUAL_INTRA_DISTANCE) / 230)
