"""Adaptation of an embedder to tracked videos."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from deepsort_reid.reid.training import adaptation_data
from deepsort_reid.reid.training.adaptation import AdaptConfig, adapt, split, tracklet_loss
from deepsort_reid.reid.training.adaptation_data import TrackedVideo, VideoCollector
from deepsort_reid.reid.training.adaptation_labels import TrackedBoxes
from deepsort_reid.reid.training.checkpoint import build_model
from deepsort_reid.structures.detections import Detections
from deepsort_reid.structures.tracks import Tracks

CONFIG = AdaptConfig(steps=60, views=1, lr=3e-3, anchor_weight=0.0, interpolation=1.0)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    architecture = {"backbone": "compact", "embedding_dim": 16, "pooling": "average", "parts": 0}
    return build_model(architecture).eval()


@pytest.fixture
def video():
    """Three people of slightly different colours side by side in 40 frames, in changing light."""
    rng = np.random.default_rng(0)
    frame, track = np.repeat(np.arange(1, 41), 3), np.tile([1, 2, 3], 40)
    left = 100.0 * track
    xyxy = np.stack([left, 0 * left, left + 20, 0 * left + 60], 1)
    colour = np.array([[120, 100, 100], [100, 120, 100], [100, 100, 120]])[track - 1]
    light = rng.uniform(0.4, 1.6, (120, 1, 1, 1))
    noise = rng.normal(0, 10, (120, 32, 16, 3))
    images = np.clip(colour[:, None, None] * light + noise, 0, 255).astype(np.uint8)
    embedding = np.eye(3, dtype=np.float32)[track - 1]
    boxes = TrackedBoxes(frame, track, xyxy, np.ones(120, bool))
    return TrackedVideo(boxes, np.arange(120), images, embedding, 1)


def test_adapted_model_separates_the_held_out_part_better(model, video):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    result = adapt(model, [video], CONFIG)
    assert result.after.mean > result.before.mean + 0.02
    assert result.is_better
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert len(result.images) == 90  # three quarters
    again = adapt(model, [video], CONFIG)
    assert torch.equal(result.model.head.linear[0].weight, again.model.head.linear[0].weight)


def test_several_videos_are_split_each_and_share_no_labels(video):
    one, both = (split(videos, CONFIG, holdout=False) for videos in ([video], [video, video]))
    assert len(both.images) == 2 * len(one.images) == 180
    assert both.frame.max() == one.frame.max() == 30
    assert len(both.labels) == 2 * len(one.labels) == 6
    assert both.labels.are_different.sum() == 2 * one.labels.are_different.sum() == 12
    held_out = split([video, video], CONFIG, holdout=True)
    assert held_out.frame.min() == 31


def test_strong_anchor_keeps_the_embeddings(model, video):
    images = torch.from_numpy(video.images).permute(0, 3, 1, 2)

    def drift(**changes):
        config = AdaptConfig(**{**vars(CONFIG), "steps": 30, **changes})
        adapted = adapt(model, [video], config).model
        with torch.inference_mode():
            return float(1 - (adapted.embed(images) * model.embed(images)).sum(1).mean())

    free = drift()
    assert drift(anchor_weight=50.0) < 0.5 * free
    assert drift(interpolation=0.5) < 0.5 * free
    assert drift(interpolation=0.0) < 1e-6


def test_result_without_improvement_is_not_better(model, video):
    result = adapt(model, [video], AdaptConfig(steps=1, interpolation=0.0))
    assert result.after.mean == pytest.approx(result.before.mean)
    assert not result.is_better


def test_video_without_different_people_is_refused(model, video):
    one = np.flatnonzero(video.boxes.track == 1)
    boxes = TrackedBoxes(
        *(getattr(video.boxes, k)[one] for k in ("frame", "track", "xyxy", "is_alone"))
    )
    alone = TrackedVideo(boxes, np.arange(40), video.images[one], video.embedding[one], 1)
    with pytest.raises(ValueError, match="first part of the videos: expected at least two people"):
        adapt(model, [alone], CONFIG)


def test_perfect_separation_is_not_improved(model, video):
    colours = np.eye(3, dtype=np.uint8)[video.boxes.track - 1] * 255
    plain = np.broadcast_to(colours[:, None, None], video.images.shape)
    simple = replace(video, images=np.ascontiguousarray(plain))
    result = adapt(model, [simple], AdaptConfig(steps=1, views=1))
    assert result.before.mean == 1
    assert not result.is_better


def test_too_short_held_out_part_is_refused(model, video):
    with pytest.raises(ValueError, match="too few pairs of images to judge on"):
        adapt(model, [video], AdaptConfig(holdout_share=0.16))


def test_loss_compares_with_known_different_people_only():
    embedding = torch.nn.functional.normalize(torch.randn(6, 4, generator=torch.manual_seed(0)))
    tracklet, row = np.array([0, 0, 1, 1, 2, 2]), np.arange(6)
    are_different = np.zeros((3, 3), bool)
    are_different[0, 1] = are_different[1, 0] = True
    loss = tracklet_loss(embedding, tracklet, row, are_different, 0.5)
    similarity = (embedding @ embedding.T / 0.5).exp()
    by_hand = [
        -torch.log(similarity[a, p] / (similarity[a, p] + similarity[a, others].sum()))
        for a, p, others in ((0, 1, [2, 3]), (1, 0, [2, 3]), (2, 3, [0, 1]), (3, 2, [0, 1]))
    ]
    assert loss == pytest.approx(torch.stack(by_hand).mean())
    # An image drawn twice is no pair, and unknown pairs give no loss.
    assert tracklet_loss(embedding[[0, 0]], tracklet[:2], np.zeros(2), are_different, 0.5) == 0
    assert tracklet_loss(embedding, tracklet, row, np.zeros((3, 3), bool), 0.5) == 0


def frame_of_two_people():
    xyxy = np.array([[10, 10, 30, 70], [60, 10, 80, 70.0]])
    detections = Detections(xyxy, embedding=np.eye(2, dtype=np.float32))
    one, rows = np.ones(2, np.int64), np.array([0, 1])
    tracks = Tracks(rows + 1, rows + 1, xyxy, xyxy, np.ones(2), 0 * one, rows, one, one, 0 * one)
    return detections, tracks


def test_collector_keeps_boxes_and_images_of_people_without_others_near():
    detections, tracks = frame_of_two_people()
    collector = VideoCollector((8, 4))
    frame = np.zeros((100, 100, 3), np.uint8)
    frame[..., 0] = 255  # blue
    collector.add(1, frame, detections, tracks, tracks)
    near = Detections(np.concatenate([detections.xyxy, detections.xyxy[1:] + 8]),
                      embedding=np.eye(3, 2, dtype=np.float32))  # fmt: skip
    collector.add(2, frame, near, tracks, tracks)
    video = collector.finish()
    assert video.boxes.frame.tolist() == [1, 1, 2, 2]
    assert video.boxes.is_alone.tolist() == [True, True, True, False]
    assert video.row.tolist() == [0, 1, 2]
    assert (video.images[..., 2] == 255).all()  # RGB
    assert video.num_tracks == 2


def test_collector_thins_images_out_over_time(monkeypatch):
    monkeypatch.setattr(adaptation_data, "MAX_IMAGES", 20)
    detections, tracks = frame_of_two_people()
    collector = VideoCollector((8, 4))
    for number in range(1, 41):
        collector.add(number, np.zeros((100, 100, 3), np.uint8), detections, tracks, tracks)
    video = collector.finish()
    assert len(video.boxes) == 80
    assert len(video.images) == 20
    assert np.unique(video.boxes.frame[video.row]).tolist() == list(range(1, 41, 4))


def test_video_without_tracks_is_refused():
    with pytest.raises(ValueError, match="no person was tracked"):
        VideoCollector((8, 4)).finish()
