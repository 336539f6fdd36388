import numpy as np
import pytest

from deepsort_reid.review import MergePersons, Review, SplitTrack
from deepsort_reid.review.likeness import Likeness
from deepsort_reid.review.run_folder import read_run
from tests.review import run_folders


def colour_embedding(crops):
    means = np.array([crop.reshape(-1, 3).mean(axis=0) for crop in crops], dtype=np.float32)
    return means / np.linalg.norm(means, axis=1, keepdims=True)


class ColourEmbedder:
    """Stands for the network: people of one colour are alike."""

    made = 0
    embedded = 0

    def __init__(self):
        type(self).made += 1

    def embed_crops(self, crops):
        type(self).embedded += len(crops)
        return colour_embedding(crops)


@pytest.fixture(autouse=True)
def embedder(monkeypatch):
    made = Likeness.__init__
    ColourEmbedder.made = ColourEmbedder.embedded = 0
    monkeypatch.setattr(
        Likeness, "__init__", lambda self, run, crop: made(self, run, crop, ColourEmbedder)
    )


def test_person_of_the_same_colour_is_the_most_similar(review):
    (best, similarity), *others = review.alike(1)
    assert best == 3
    assert similarity == pytest.approx(1, abs=0.05)
    assert {person for person, _ in others} == {2, 4}
    assert all(each < 0.5 for _, each in others)
    assert len(review.alike(1, limit=1)) == 1
    assert ColourEmbedder.made == 1


def test_crops_are_embedded_once(review):
    review.alike(1)
    embedded = ColourEmbedder.embedded
    review.alike(3)
    assert ColourEmbedder.embedded == embedded
    review.apply(SplitTrack(2, 12))
    assert len(review.alike(5)) == 4


def test_crops_of_a_person_are_in_the_order_of_time_and_have_distances(review):
    review.apply(MergePersons(1, 3))
    crops = review.crops(1)
    assert [each.frame for each in crops] == sorted(each.frame for each in crops)
    assert {each.piece for each in crops} == {1, 3}
    # In frame 8, another person is in front.
    near = [each.distance for each in crops if not 6 <= each.frame <= 10]
    assert near == [pytest.approx(0, abs=0.05)] * len(near)
    assert max(crops, key=lambda each: each.distance).frame in (7, 8, 9)
    rows = run_folders.tracked_rows()
    for each in crops:
        at = (rows.frame == each.frame) & (rows.id == each.piece)
        np.testing.assert_array_equal(rows.xyxy[at][0], each.xyxy)
        assert 0 <= each.quality <= 1


def test_crop_of_somebody_else_is_the_farthest(review, run):
    """Person 2, to whom track 4 was given by mistake in two frames."""
    text = (run / "people.csv").read_text().replace("\n3,3,", "\n3,1,").replace("\n4,4,", "\n4,1,")
    review.close()
    (run / "people.csv").write_text(text)
    with Review.open(run) as again:
        crops = again.crops(1)
    distance = {each.piece: each.distance for each in crops}
    assert distance[4] > 2 * max(distance[1], distance[3])


def test_crop_is_the_picture_of_the_box(review):
    crop = review.crop(1, 3)
    assert crop.shape == (50, 20, 3)
    blue, green, red = crop.reshape(-1, 3).mean(axis=0)
    assert red > 200 > 60 > max(blue, green)
    with pytest.raises(ValueError, match="piece 1 has no box in frame 20"):
        review.crop(1, 20)
    with pytest.raises(ValueError, match="piece 9 has no box in frame 3"):
        review.crop(9, 3)


def test_without_a_video_there_are_no_pictures(tmp_path):
    run = run_folders.write_run(tmp_path / "run", tmp_path / "gone.avi")
    with Review.open(run) as review:
        assert review.info.source is review.info.video is None
        assert "no pictures: expected its video, " in review.info.warnings[0]
        assert "gone.avi, found none" in review.info.warnings[0]
        assert review.frame(1) is review.crop(1, 3) is None
        assert review.alike(1) == []
        assert {each.distance for each in review.crops(1)} == {None}
        review.apply(MergePersons(1, 3))
        assert (review.info.width, review.info.height, review.info.fps) == (160, 120, 10)
    assert ColourEmbedder.made == 0


def test_video_that_became_shorter_is_not_used(tmp_path, video):
    run = run_folders.write_run(tmp_path / "run", video)
    path = run / "tracks.txt"
    path.write_text(path.read_text() + "31,2,0,0,5,5,1,-1,-1,-1\n")
    info = read_run(run).info
    assert info.source is None
    assert "expected the video of the run with 31 frames or more, got one with 30" in str(
        info.warnings
    )


def test_unknown_person_has_no_crops(review):
    for ask in (review.crops, review.alike):
        with pytest.raises(ValueError, match="person 9: no such person"):
            ask(9)
