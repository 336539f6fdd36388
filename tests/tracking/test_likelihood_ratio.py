"""Likelihood ratios of motion and appearance, by hand and against SciPy."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import multivariate_t, norm

from deepsort_reid.structures import boxes
from deepsort_reid.tracking import (
    AppearanceLLR,
    AspectMotion,
    LikelihoodRatio,
    MotionLLR,
    SizeMotion,
    kalman,
)
from tests.tracking.scenarios import MOTION_MODEL, boxes_at, orthogonal_embeddings

EMBEDDINGS = orthogonal_embeddings(4)
# Standard deviation of the innovation of a track 50 px high, one frame after its first match:
# initial position (2 x 2.5 px), initial velocity (10 x 50 / 160), process and measurement (2.5 px):
# sqrt(25 + 9.765625 + 6.25 + 6.25), in x, y and height.
STD = 6.875
models = pytest.mark.parametrize("model", [AspectMotion(), SizeMotion()], ids=["aspect", "size"])


def started_before(*lefts):
    """Motion (N, 5, 4) of tracks that started in the previous frame."""
    return kalman.predict(
        MOTION_MODEL, kalman.initiate(MOTION_MODEL, MOTION_MODEL.measure(boxes_at(*lefts)))
    )


def walking(model, rng, n=8, steps=6):
    """Motion (n, 5, 4) of tracks of all sizes, each matched in 70 % of the frames."""
    height = rng.uniform(60, 200, n)
    place = rng.uniform(0, 300, (n, 2))
    size = np.column_stack([place, 0.4 * height, height])
    motion = kalman.initiate(model, model.measure(boxes.xywh_to_xyxy(size)))
    for _ in range(steps):
        motion = kalman.predict(model, motion)
        seen = rng.random(n) < 0.7
        size[:, :2] += rng.normal(0, 2, (n, 2))
        measured = model.measure(boxes.xywh_to_xyxy(size[seen]))
        motion[seen] = kalman.correct(model, motion[seen], measured)
    return kalman.predict(model, motion)


def around(model, motion, rng, far=1.0):
    """Boxes (N, 4) near the predicted ones."""
    xywh = boxes.xyxy_to_xywh(model.boxes(motion[:, kalman.POSITION]))
    xywh[:, :2] += far * rng.normal(0, 8, (len(xywh), 2))
    return boxes.xywh_to_xyxy(xywh * rng.normal(1, 0.02, xywh.shape))


class TestMotion:
    llr = MotionLLR(degrees_of_freedom=4, center_std_scale=0.7, height_std_scale=1.0)

    def test_llr_at_the_prediction_depends_on_the_standard_deviation_only(self):
        place, height = 0.7 * STD / 50, STD / 50
        expected = 1 - 2 * math.log(place) - math.log(height)
        assert expected == pytest.approx(7.666, abs=1e-3)
        assert self.llr(MOTION_MODEL, started_before(100), boxes_at(100)) == pytest.approx(expected)

    def test_llr_one_standard_deviation_away(self):
        here = self.llr(MOTION_MODEL, started_before(100), boxes_at(100))
        there = self.llr(MOTION_MODEL, started_before(100), boxes_at(100 + 0.7 * STD))
        assert here - there == pytest.approx(3.5 * math.log(1.25))

    def test_offsets_of_centre_and_height_have_their_own_scale(self):
        # Half a standard deviation to the right, one up, and two taller: (0.5^2 + 1 + 2^2) / 4.
        x, y, taller = 0.35 * STD, -0.7 * STD, STD * 2
        grown = boxes.xywh_to_xyxy(np.array([[110 + x, 125 + y, 20, 50 + taller]]))
        here = self.llr(MOTION_MODEL, started_before(100), boxes_at(100))
        there = self.llr(MOTION_MODEL, started_before(100), grown)
        assert here - there == pytest.approx(3.5 * math.log(1 + 5.25 / 4))

    def test_width_has_no_influence(self):
        narrow = boxes.xywh_to_xyxy(np.array([[110.0, 125, 5, 50], [110, 125, 40, 50]]))
        one, other = self.llr(MOTION_MODEL, started_before(100), narrow)[0]
        assert one == pytest.approx(other)

    @models
    def test_llr_is_students_t_against_a_uniform_density_in_box_heights(self, model):
        rng = np.random.default_rng(0)
        motion = walking(model, rng)
        seen = around(model, motion, rng)
        found = self.llr(model, motion, seen)
        measured = model.measure(seen)
        flat = set()
        for n, track in enumerate(motion):
            std = np.sqrt(kalman.innovation_variance(model, motion)[n, [0, 1, 3]])
            std *= [0.7, 0.7, 1]
            same = multivariate_t(track[kalman.POSITION, [0, 1, 3]], np.diag(std**2), df=4)
            for m in range(len(seen)):
                in_heights = same.logpdf(measured[m, [0, 1, 3]]) + 3 * math.log(track[0, 3])
                flat.add(round(in_heights - found[n, m], 6))
        # The same for every pair: the density of another identity, per cubic box height.
        peak = math.lgamma(3.5) - math.lgamma(2) - 1.5 * math.log(4 * math.pi)
        assert flat == {round(peak - 1, 6)}

    def test_llr_decreases_with_distance_on_either_side(self):
        steps = self.llr(MOTION_MODEL, started_before(200), boxes_at(*(200 + 2.0 * np.arange(40))))[
            0
        ]
        assert (np.diff(steps) < 0).all()
        back = self.llr(MOTION_MODEL, started_before(200), boxes_at(*(200 - 2.0 * np.arange(40))))[
            0
        ]
        np.testing.assert_allclose(back, steps)

    def test_llr_of_a_coasting_track_is_lower_near_and_higher_far_away(self):
        recent = started_before(100)
        coasting = recent
        for _ in range(10):
            coasting = kalman.predict(MOTION_MODEL, coasting)
        near, far = boxes_at(100), boxes_at(180)
        assert self.llr(MOTION_MODEL, coasting, near) < self.llr(MOTION_MODEL, recent, near)
        assert self.llr(MOTION_MODEL, coasting, far) > self.llr(MOTION_MODEL, recent, far)

    @models
    @pytest.mark.parametrize("scale", [0.5, 2.0, 3.7])
    def test_llr_is_invariant_to_image_scale(self, model, scale):
        rng = np.random.default_rng(1)
        motion = walking(model, rng)
        seen = around(model, motion, rng)
        zoom = np.array([[scale, 0, 0], [0, scale, 0]])
        zoomed = self.llr(model, kalman.apply_camera_motion(model, motion, zoom), scale * seen)
        np.testing.assert_allclose(zoomed, self.llr(model, motion, seen), atol=1e-9)

    @models
    def test_llr_is_invariant_to_translation(self, model):
        rng = np.random.default_rng(2)
        motion = walking(model, rng)
        seen = around(model, motion, rng)
        shift = np.array([[1, 0, -812.5], [0, 1, 64]])
        shifted = self.llr(
            model,
            kalman.apply_camera_motion(model, motion, shift),
            seen + np.array([-812.5, 64, -812.5, 64]),
        )
        np.testing.assert_allclose(shifted, self.llr(model, motion, seen), atol=1e-9)

    def test_no_tracks_or_no_detections_give_an_empty_matrix(self):
        no_tracks, no_boxes = started_before(), np.empty((0, 4))
        assert self.llr(MOTION_MODEL, no_tracks, boxes_at(1, 2)).shape == (0, 2)
        assert self.llr(MOTION_MODEL, started_before(1, 2), no_boxes).shape == (2, 0)


class TestAppearance:
    # Its own values, so that the table below does not depend on the defaults.
    open_ended = AppearanceLLR(
        same_mean_short=0.2,
        same_mean_long=0.6,
        same_std_short=0.1,
        same_std_long=0.2,
        other_std=0.3,
        time_constant=8.0,
        llr_cap=np.inf,
        llr_floor=-np.inf,
    )

    @pytest.mark.parametrize(
        ("distance", "expected"),
        [
            # The ratio 3 of the standard deviations, and the exponents of both Gaussians.
            (0.0, math.log(3) + (1 / 0.3) ** 2 / 2),
            (0.2, math.log(3) + (0.8 / 0.3) ** 2 / 2),
            (0.3, math.log(3) + (0.7 / 0.3) ** 2 / 2 - 1 / 2),
            (1.0, math.log(3) - 8**2 / 2),
            (1.5, math.log(3) - 13**2 / 2),
        ],
    )
    def test_llr_one_frame_later_by_hand(self, distance, expected):
        found = self.open_ended(np.array([[distance]]), np.array([1]), 1.0)
        assert found == pytest.approx(expected)

    def test_llr_after_one_time_constant(self):
        # 8 frames later: 1 - 1 / e of the way from 0.2 to 0.6 and from 0.1 to 0.2.
        gone = 1 - 1 / math.e
        mean, std = 0.2 + 0.4 * gone, 0.1 + 0.1 * gone
        expected = math.log(0.3 / std) + ((0.3 / 0.3) ** 2 - ((0.7 - mean) / std) ** 2) / 2
        assert self.open_ended(np.array([[0.7]]), np.array([9]), 1.0) == pytest.approx(expected)

    def test_between_the_means_llr_is_the_ratio_of_two_gaussians(self):
        distance = np.linspace(0.2, 1, 9)
        gaussians = norm(0.2, 0.1).logpdf(distance) - norm(1, 0.3).logpdf(distance)
        np.testing.assert_allclose(
            self.open_ended(distance[None], np.array([1]), 1.0)[0], gaussians
        )

    def test_short_values_are_relative_to_the_intra_identity_distance(self):
        distance, misses = np.array([[0.1, 0.3, 0.7]]), np.array([1])
        halved = replace(self.open_ended, same_mean_short=0.1, same_std_short=0.05)
        expected = halved(distance, misses, 1.0)
        np.testing.assert_allclose(self.open_ended(distance, misses, 0.5), expected)

    def test_llr_is_clipped_to_cap_and_floor(self):
        found = AppearanceLLR(llr_cap=3, llr_floor=-5)(np.array([[0.0, 1.0]]), np.array([1]))
        np.testing.assert_array_equal(found, [[3, -5]])

    def test_llr_never_increases_with_distance(self):
        distance = np.tile(np.linspace(0, 2, 81), (3, 1))
        for llr in (AppearanceLLR(), self.open_ended):
            assert (np.diff(llr(distance, np.array([1, 5, 500])), axis=1) <= 0).all()

    def test_llr_approaches_the_long_term_values_with_time(self):
        misses = np.array([1, 2, 5, 20, 100])
        different, similar = self.open_ended(np.tile([0.8, 0.1], (5, 1)), misses, 1.0).T
        assert (np.diff(different) > 0).all()
        assert (np.diff(similar) < 0).all()


@pytest.mark.parametrize(
    ("part", "values", "message"),
    [
        (
            MotionLLR,
            {"degrees_of_freedom": 0.0},
            "degrees_of_freedom must be a number above 0, got 0.0",
        ),
        (MotionLLR, {"center_std_scale": -1}, "center_std_scale must be a number above 0, got -1"),
        (MotionLLR, {"height_std_scale": np.nan}, "height_std_scale must be .* above 0, got nan"),
        (AppearanceLLR, {"same_std_long": 0}, "same_std_long must be a number above 0, got 0"),
        (AppearanceLLR, {"other_std": np.inf}, "other_std must .*, got inf"),
        (AppearanceLLR, {"time_constant": 0}, "time_constant must be a number above 0, got 0"),
        (LikelihoodRatio, {"min_llr": np.inf}, "min_llr must be finite, got inf"),
        (LikelihoodRatio, {"min_llr_motion_only": np.nan}, "min_llr_motion_only .*, got nan"),
    ],
)
def test_invalid_settings_are_refused(part, values, message):
    with pytest.raises(ValueError, match=message):
        part(**values)
