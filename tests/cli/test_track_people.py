"""Persons in the outputs of `track`: people.csv, the registry, and `evaluate --ids person`."""

import csv
import json
from dataclasses import replace

import pytest

from deepsort_reid import PersonRegistry
from deepsort_reid.cli.main import main
from deepsort_reid.io.mot import read_results, write_rows
from tests.cli import synthetic_video
from tests.cli.synthetic_video import FRAMES


def read_people(out):
    with (out / "people.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def embedder(tmp_path):
    return ("--embedder", str(synthetic_video.write_embedder(tmp_path / "colour.onnx")))


@pytest.mark.parametrize("lag", [0, 3])
def test_people_file_has_a_row_for_each_track(run_track, out, embedder, lag):
    options = ("--no-video", "--camera", "door", *embedder, "--lag", str(lag))
    assert run_track(*options) == 0
    mot = read_results(out / "tracks.txt")
    rows = read_people(out)
    assert [(row["id"], row["person_id"], row["camera"]) for row in rows] == [
        ("1", "1", "door"),
        ("2", "2", "door"),
    ]
    for row in rows:
        frames = mot.frame[mot.id == int(row["id"])]
        assert int(row["frames"]) == len(frames)
        assert float(row["first_time"]) == pytest.approx((frames.min() - 1) / 10)
        assert float(row["last_time"]) == pytest.approx((FRAMES - 1) / 10)
        assert 0 <= float(row["probability"]) <= 1
    summary = json.loads((out / "summary.json").read_text())
    assert "people.csv" in summary["files"]


@pytest.mark.parametrize("lag", [0, 3])
def test_persons_are_reconsidered_before_the_final_answer(
    run_track, out, embedder, monkeypatch, lag
):
    monkeypatch.setattr(PersonRegistry, "reconsider", lambda registry: registry.forget(2))
    assert run_track("--no-video", *embedder, "--lag", str(lag)) == 0
    assert [row["person_id"] for row in read_people(out)] == ["1"]


def test_without_embedder_persons_are_the_tracks(run_track, out):
    assert run_track("--no-video", "--format", "jsonl", "--embedder", "none") == 0
    found = [(row["id"], row["person_id"], row["probability"]) for row in read_people(out)]
    assert found == [("1", "1", ""), ("2", "2", "")]
    for line in (out / "tracks.jsonl").read_text().splitlines():
        assert all(each["person_id"] == each["id"] for each in json.loads(line)["tracks"])


def test_registry_numbers_persons_over_cameras_and_runs(run_track, out, tmp_path, embedder):
    registry = tmp_path / "people.sqlite"
    options = ("--no-video", "--registry", str(registry), *embedder)
    persons = []
    for camera in ("door", "door", "hall"):
        assert run_track(*options, "--camera", camera) == 0
        persons.append([int(row["person_id"]) for row in read_people(out)])
    with PersonRegistry(registry, read_only=True) as found:
        tracks = [track for person in found.persons.values() for track in person]
    assert len(tracks) == 6
    assert sorted({track.camera for track in tracks}) == ["door", "hall"]
    assert all(len(set(each)) == 2 for each in persons)


def test_registry_of_another_embedder_is_refused(run_track, tmp_path, embedder, capsys):
    registry = tmp_path / "people.sqlite"
    with PersonRegistry(registry, embedder="another.onnx"):
        pass
    capsys.readouterr()
    assert run_track("--no-video", "--registry", str(registry), *embedder) == 2
    line = synthetic_video.read_error_line(capsys)
    assert "people.sqlite: expected embeddings of 'another.onnx'" in line


def test_persons_are_scored_instead_of_tracks(run_track, out, tmp_path, capsys):
    assert run_track("--no-video") == 0
    tracks, people, truth = out / "tracks.txt", out / "people.csv", tmp_path / "gt.txt"
    write_rows(truth, replace(read_results(tracks), score=None), "gt")
    # The first person has another track from frame 6 on.
    text = tracks.read_text()
    tracks.write_text(text.replace("\n6,1,", "\n6,3,").replace("\n7,1,", "\n7,3,"))
    people.write_text(people.read_text() + "3,1,camera,0.5,0.6,2,0.9,,\n")
    switches = {}
    for ids in ("track", "person"):
        capsys.readouterr()
        assert main(["evaluate", str(truth), str(out), "--ids", ids, "--quiet"]) == 0
        shown = capsys.readouterr().out.splitlines()
        scores = dict(zip(shown[1].split(), shown[2].split()[1:], strict=True))
        switches[ids] = int(scores["IDSW"])
    assert switches == {"track": 2, "person": 0}
    people.unlink()
    assert main(["evaluate", str(truth), str(out), "--ids", "person"]) == 2
    assert "people.csv: no such file" in synthetic_video.read_error_line(capsys)


@pytest.mark.parametrize("lag", [0, 3])
def test_summary_says_where_source_and_registry_are(run_track, out, video, embedder, tmp_path, lag):
    """What `review` needs; the ids of the registry are those of the tracker."""
    path = tmp_path / "people.sqlite"
    for run in (1, 2):
        options = ("--no-video", "--registry", str(path), "--camera", "door", "--lag", str(lag))
        assert run_track(*options, *embedder) == 0
        summary = json.loads((out / "summary.json").read_text())
        assert summary["input"] == {
            "path": str(video),
            "width": synthetic_video.WIDTH,
            "height": synthetic_video.HEIGHT,
            "frame_rate": 10,
            "start": 1,
            "every": 1,
        }
        link = summary["registry"]
        assert (link["path"], link["camera"], link["run"]) == (str(path), "door", run)
        with PersonRegistry(path, read_only=True) as registry:
            for row in read_people(out):
                id = link["ids"].get(row["id"], int(row["id"]))
                assert registry.person_of("door", id, run) == int(row["person_id"])


def test_name_of_a_person_is_written(run_track, out, embedder, tmp_path):
    path = tmp_path / "people.sqlite"
    options = ("--no-video", "--registry", str(path), *embedder)
    assert run_track(*options) == 0
    assert {row["name"] for row in read_people(out)} == {""}
    with PersonRegistry(path) as registry:
        registry.rename(1, '=Ada, "A"')
    assert run_track(*options) == 0
    names = {row["person_id"]: row["name"] for row in read_people(out)}
    assert names["1"] == '\'=Ada, "A"'
