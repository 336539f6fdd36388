"""What was exported, corrected in another program and imported again."""

import re

import numpy as np
import pytest

from deepsort_reid.cli.main import main
from deepsort_reid.review import Delete, MergePersons, Rename, Review
from tests.review import run_folders


@pytest.fixture
def edited(review):
    for edit in (MergePersons(1, 3), Rename(2, "Ada"), Delete(4)):
        review.apply(edit)
    return review


@pytest.mark.parametrize("kind", ["cvat_xml", "cvat_mot", "coco", "ground_truth"])
def test_exported_file_is_imported_as_it_was(edited, tmp_path, kind):
    file = edited.export(kind, tmp_path)
    with Review.open(edited.import_labels(file, tmp_path / "new")) as again:
        found, expected = again.corrected(), edited.corrected()
        np.testing.assert_array_equal(found.frame, expected.frame)
        np.testing.assert_array_equal(found.id, expected.id)
        np.testing.assert_allclose(found.xyxy, expected.xyxy, atol=1e-6)
        assert {each.id: each.name for each in again.persons()} == {1: None, 2: "Ada"}
        assert again.info.video == edited.info.video
        assert again.info.fps == edited.info.fps
        assert not [each for each in again.doubts() if each.kind in ("join", "new")]


def test_corrections_in_cvat_are_imported(edited, tmp_path):
    """Track 0 is split at frame 15, its last part moved by a pixel; CVAT numbers tracks anew."""
    file = edited.export("cvat_xml", tmp_path)
    text = file.read_text()
    tracks = re.findall(r"<track.*?</track>", text, flags=re.DOTALL)
    lines = tracks[0].splitlines()
    late = [line for line in lines if (at := re.search(r'frame="(\d+)"', line)) and int(at[1]) > 14]
    moved = [re.sub(r'ytl="(\d+)"', lambda found: f'ytl="{int(found[1]) + 1}"', x) for x in late]
    early = [line for line in lines[1:-1] if line not in late]
    head = '<track id="{}" label="person" source="manual">'
    parts = [
        "\n".join([head.format(7), *moved, "</track>"]),
        "\n".join([head.format(8), *early, "</track>"]),
        tracks[1],
    ]
    without_ids = re.sub('<attribute name="identity">[^<]*</attribute>', "", "\n".join(parts))
    file.write_text(f"<annotations>{without_ids}</annotations>")
    with Review.open(edited.import_labels(file, tmp_path / "new")) as again:
        persons = {each.id: (each.first_frame, each.last_frame) for each in again.persons()}
        assert persons[2] == (1, 30)
        # The part with more boxes keeps the number.
        assert persons[1] == (20, 30)
        assert set(persons.values()) == {(1, 30), (20, 30), (1, 10)}
        boxes = again.corrected()
        assert (boxes.xyxy[boxes.id == 1, 1] == 21).all()


def test_imported_run_is_cropped(edited, tmp_path, capsys):
    file = edited.export("cvat_xml", tmp_path)
    folder = edited.import_labels(file, tmp_path / "new")
    options = ["--out", str(tmp_path / "crops"), "--size", "32", "16", "--quiet"]
    assert main(["crop", str(folder), *options]) == 0
    assert "of 2 identities" in capsys.readouterr().out


def test_wrong_files_and_folders_are_named_in_one_line(edited, tmp_path):
    file = edited.export("ground_truth", tmp_path)
    with pytest.raises(ValueError, match="expected a new or empty folder for the imported tracks"):
        edited.import_labels(file, tmp_path)
    file.write_text("31,1,0,0,5,5,1,1,1\n")
    with pytest.raises(ValueError, match="go to frame 31 but the video has 30"):
        edited.import_labels(file, tmp_path / "new")
    file.write_text("3,1,0,0,5,5,1,2,1\n")
    with pytest.raises(ValueError, match=r"gt\.txt: expected labelled people, found none"):
        edited.import_labels(file, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_run_without_a_video_takes_labels(tmp_path):
    run = run_folders.write_run(tmp_path / "run")
    with Review.open(run) as review:
        file = review.export("cvat_mot", tmp_path)
        folder = review.import_labels(file, tmp_path / "new")
    with Review.open(folder, read_only=True) as again:
        assert len(again.persons()) == 4
