import json

import numpy as np
import pytest

from deepsort_reid.io.coco import read_coco
from deepsort_reid.io.cvat import read_cvat
from deepsort_reid.io.mot import read_ground_truth, read_results
from deepsort_reid.io.people_file import read_people
from deepsort_reid.review import Delete, MergePersons, Rename, Review, SplitTrack
from deepsort_reid.review.exports import EXPORTS

READERS = {
    "mot": read_results,
    "ground_truth": read_ground_truth,
    "cvat_mot": read_cvat,
    "cvat_xml": read_cvat,
    "coco": read_coco,
}


@pytest.fixture
def edited(review):
    for edit in (MergePersons(1, 3), SplitTrack(2, 12), Rename(5, "Ada"), Delete(4)):
        review.apply(edit)
    return review


@pytest.mark.parametrize("kind", READERS)
def test_export_is_read_as_the_corrected_boxes(edited, tmp_path, kind):
    path = edited.export(kind, tmp_path / "out" / "deep")
    found, expected = READERS[kind](path), edited.corrected()
    order = np.lexsort((found.id, found.frame))
    np.testing.assert_array_equal(found.frame[order], expected.frame)
    np.testing.assert_array_equal(found.id[order], expected.id)
    np.testing.assert_allclose(found.xyxy[order], expected.xyxy, atol=1e-6)
    assert set(expected.id.tolist()) == {1, 2, 5}
    assert (expected.id == 1).sum() == 21
    if kind != "mot":
        assert (found.class_id == 1).all()
        assert (found.score == 1).all()


def test_people_are_those_of_the_corrected_tracks(edited, tmp_path):
    people = read_people(edited.export("people", tmp_path))
    assert sorted(people) == [1, 2, 5]
    merged, named = people[1], people[5]
    assert (merged.first_time, merged.last_time, merged.frames) == (0.0, 2.9, 21)
    assert (merged.camera, merged.probability) == ("door", 1.0)
    assert (named.name, named.first_time, named.frames) == ("Ada", 1.1, 19)


def test_every_kind_is_exported_to_a_file_of_its_own(edited, tmp_path):
    names = {edited.export(kind, tmp_path).name for kind in EXPORTS}
    assert len(names) == len(EXPORTS)
    assert {path.name for path in tmp_path.iterdir() if path.is_file()} == names
    assert json.loads((tmp_path / "coco.json").read_text())["videos"] == [{"id": 1, "name": "run"}]


def test_unknown_kind_and_empty_result_are_refused(review, tmp_path):
    with pytest.raises(ValueError, match=r"expected an export of mot, people, .* got 'pdf'"):
        review.export("pdf", tmp_path)
    for piece in (1, 2, 3, 4):
        review.apply(Delete(piece))
    for kind in EXPORTS:
        with pytest.raises(ValueError, match="nothing to export: every track is deleted"):
            review.export(kind, tmp_path)


def test_failed_export_leaves_the_file_before(edited, tmp_path):
    path = edited.export("mot", tmp_path)
    path.unlink()
    path.mkdir()
    with pytest.raises(OSError, match=r"cannot write .*tracks\.txt"):
        edited.export("mot", tmp_path)


def test_times_are_those_of_the_run_also_with_a_variable_frame_rate(run, tmp_path):
    path = run / "people.csv"
    path.write_text(path.read_text().replace("\n2,2,door,0.000,2.900,", "\n2,2,door,0.500,6.300,"))
    with Review.open(run) as review:
        review.apply(SplitTrack(2, 16))
        people = read_people(review.export("people", tmp_path))
    assert (people[2].first_time, people[5].last_time) == (0.5, 6.3)
    # In proportion: frame 15 of 1 to 30.
    assert people[2].last_time == pytest.approx(0.5 + 5.8 * 14 / 29, abs=1e-3)
