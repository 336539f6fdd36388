"""`crop` of a run folder: track -> review -> crop."""

import csv
import json

import pytest

from deepsort_reid.cli.main import main
from deepsort_reid.reid.data import crop_extraction
from deepsort_reid.review import Delete, Rename, Review, SplitTrack
from tests.cli.synthetic_video import FRAMES, read_error_line

SMALL = ("--size", "32", "16", "--min-height", "10", "--quiet")


@pytest.fixture
def run(run_track, out):
    assert run_track("--no-video") == 0
    return out


def crop(source, folder, *options):
    return main(["crop", str(source), "--out", str(folder), *SMALL, *options])


def identities(folder):
    with (folder / "manifest.csv").open(newline="") as file:
        return {row["identity"] for row in csv.DictReader(file)}


def test_run_is_cropped_as_it_was_tracked(run, tmp_path, capsys):
    assert crop(run, tmp_path / "crops") == 0
    assert "out: persons as the tracker found them, not reviewed" in capsys.readouterr().out
    assert identities(tmp_path / "crops") == {"out_0001", "out_0002"}
    assert len(list((tmp_path / "crops").rglob("*.jpg"))) == 2 * (FRAMES - 2)


def test_corrected_run_is_cropped(run, tmp_path, capsys):
    with Review.open(run) as review:
        review.apply(SplitTrack(1, 5))
        review.apply(Delete(2))
    assert crop(run, tmp_path / "crops") == 0
    assert "out: 2 persons after 2 steps of a review" in capsys.readouterr().out
    assert identities(tmp_path / "crops") == {"out_0001", "out_0003"}


def test_crops_of_two_states_are_not_mixed(run, tmp_path, capsys, monkeypatch):
    def stop(*given):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(crop_extraction, "_write_crop", stop)
        assert crop(run, tmp_path / "crops") == 130
    with Review.open(run) as review:
        review.apply(Rename(1, "Ada"))
    capsys.readouterr()
    assert crop(run, tmp_path / "crops") == 2
    assert "unfinished crops of other sources or options" in read_error_line(capsys)


def test_run_without_its_video_is_named(run, tmp_path, capsys):
    summary = json.loads((run / "summary.json").read_text())
    summary["source"] = summary["input"]["path"] = "/gone/street.avi"
    (run / "summary.json").write_text(json.dumps(summary))
    assert crop(run, tmp_path / "crops") == 2
    line = read_error_line(capsys)
    assert "expected its video, /gone/street.avi, found none" in line
    assert not (tmp_path / "crops").exists()


@pytest.mark.parametrize("kind", ["ground_truth", "cvat_mot", "cvat_xml", "coco"])
def test_exports_are_labels_of_crop(run, tmp_path, video, kind, capsys):
    with Review.open(run) as review:
        labels = review.export(kind, tmp_path)
    assert crop(video, tmp_path / "crops", "--labels", str(labels)) == 0
    assert identities(tmp_path / "crops") == {"street_0001", "street_0002"}
    assert crop(run, tmp_path / "of-run") == 0
    sizes = [len(list((tmp_path / name).rglob("*.jpg"))) for name in ("crops", "of-run")]
    assert sizes[0] == sizes[1] > 0


def test_hostile_labels_are_refused_in_one_line(tmp_path, video, capsys):
    labels = tmp_path / "labels.xml"
    labels.write_text('<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]><annotations/>')
    assert crop(video, tmp_path / "crops", "--labels", str(labels)) == 2
    assert "document type declaration is not allowed" in read_error_line(capsys)
