"""`--classes`, class names in results and drawings, and names of persons in drawings."""

import csv
import json

import cv2
import numpy as np
import onnx
import pytest

from deepsort_reid import DeepSort, Detections, PersonRegistry
from deepsort_reid.cli.main import main
from deepsort_reid.cli.people import PersonNames
from deepsort_reid.vision.drawing import Drawer, id_colour_bgr
from tests.cli import synthetic_video
from tests.vision.detectors.network_files import write_network

SIDE = 160  # of the network's input: 525 anchors
PERSON, CAR, DOG = 0, 2, 16


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """A YOLOv8 network for COCO that sees a person, a car and a dog in every image."""
    output = np.zeros((1, 84, 525), dtype=np.float32)
    boxes = {PERSON: (20, 35, 20, 50), CAR: (80, 60, 40, 30), DOG: (130, 90, 20, 20)}
    for anchor, (number, box) in enumerate(boxes.items()):
        output[0, :4, anchor] = box
        output[0, 4 + number, anchor] = 0.9
    path = tmp_path_factory.mktemp("network") / "coco.onnx"
    return write_network(path, {"output": output}, shape=(1, 3, SIDE, SIDE))


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return synthetic_video.write_video(tmp_path_factory.mktemp("video") / "street.avi", 8)


def track(video, network, out, *options):
    common = ["--detector", str(network), "--embedder", "none", "--out", str(out), "--quiet"]
    return main(["track", str(video), *common, *options])


def csv_rows(out):
    return list(csv.DictReader((out / "tracks.csv").read_text(encoding="utf-8").splitlines()))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], {"person"}),
        (["--classes", "person,car"], {"person", "car"}),
        (["--classes", "2, dog"], {"car", "dog"}),
        (["--classes", "all", "--lag", "3"], {"person", "car", "dog"}),
    ],
)
def test_tracks_of_the_chosen_classes_with_their_names(video, network, tmp_path, options, expected):
    out = tmp_path / "out"
    assert track(video, network, out, "--no-video", "--format", "csv", *options) == 0
    rows = csv_rows(out)
    assert {row["class_name"] for row in rows} == expected
    number_of = {"person": "0", "car": "2", "dog": "16"}
    assert all(row["class_id"] == number_of[row["class_name"]] for row in rows)
    assert len({row["id"] for row in rows}) == len(expected)


def test_json_lines_have_class_names(video, network, tmp_path):
    options = ("--no-video", "--format", "jsonl", "--classes", "car")
    assert track(video, network, tmp_path / "out", *options) == 0
    last = json.loads((tmp_path / "out" / "tracks.jsonl").read_text().splitlines()[-1])
    assert [each["class_name"] for each in last["tracks"]] == ["car"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--classes", "person,unicorn"], "expected numbers or names of person, bicycle, car"),
        (["--classes", "80"], "classes: expected numbers from 0 to 79"),
    ],
)
def test_unknown_class_is_refused(video, network, tmp_path, capsys, options, message):
    assert track(video, network, tmp_path / "out", "--no-video", *options) == 2
    assert message in synthetic_video.read_error_line(capsys)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["track", "find", "cameras"])
def test_background_subtraction_has_no_classes(video, tmp_path, capsys, command):
    query = ["10,10,20,50"] if command == "find" else []
    arguments = [command, *query, str(video), "--classes", "car", "--out", str(tmp_path / "out")]
    assert main(arguments) == 2
    assert "--classes: expected a --detector with classes" in capsys.readouterr().err


def test_malformed_list_of_classes_is_refused(video, capsys):
    assert main(["track", str(video), "--classes", "all,car"]) == 2
    assert "expected names or numbers such as person,bicycle" in capsys.readouterr().err


def test_find_searches_among_the_chosen_class(video, network, tmp_path):
    out = tmp_path / "found"
    command = ["find", "60,45,40,30", str(video), "--detector", str(network), "--out", str(out)]
    assert main([*command, "--classes", "car", "--quiet"]) == 0
    rows = list(csv.DictReader((out / "results.csv").read_text(encoding="utf-8").splitlines()))
    assert {(row["x"], row["y"]) for row in rows} == {("60.0", "45.0")}


def test_cameras_take_classes_from_the_command_line_or_the_file(video, network, tmp_path):
    common = ["--embedder", "none", "--no-video", "--format", "csv", "--quiet"]
    settings = tmp_path / "site.toml"
    settings.write_text(
        f'detector = {str(network)!r}\nclasses = ["car", 16]\n[[cameras]]\nname = "a"\n'
        f"source = {str(video)!r}\n"
    )
    assert main(["cameras", str(settings), *common, "--out", str(tmp_path / "file")]) == 0
    assert {row["class_name"] for row in csv_rows(tmp_path / "file" / "a")} == {"car", "dog"}
    given = ["--detector", str(network), "--classes", "person,dog"]
    assert main(["cameras", f"a={video}", *given, *common, "--out", str(tmp_path / "given")]) == 0
    assert {row["class_name"] for row in csv_rows(tmp_path / "given" / "a")} == {"person", "dog"}


def test_archive_has_the_chosen_classes_in_its_table(video, network, tmp_path):
    pq = pytest.importorskip("pyarrow.parquet", reason="needs pyarrow")
    out = tmp_path / "out"
    command = ["archive", str(video.parent), "--embedder", "none", "--out", str(out), "--quiet"]
    options = ["--detector", str(network), "--classes", "person,car", "--workers", "1"]
    assert main([*command, *options]) == 0
    table = pq.read_table(next((out / "tracks").glob("*.parquet")), partitioning=None).to_pylist()
    assert {(row["class_id"], row["class_name"]) for row in table} == {(0, "person"), (2, "car")}
    assert main([*command, "--classes", "car"]) == 2


def test_names_in_the_metadata_of_a_network(network, video, tmp_path):
    model = onnx.load(network)
    onnx.helper.set_model_props(model, {"names": "{0: 'walker', 2: '=cmd()', 16: 'dog'}"})
    onnx.save(model, tmp_path / "named.onnx")
    options = ("--no-video", "--format", "csv", "--classes", "all")
    assert track(video, tmp_path / "named.onnx", tmp_path / "out", *options) == 0
    assert {row["class_name"] for row in csv_rows(tmp_path / "out")} == {"walker", "'=cmd()", "dog"}


def labels_of(monkeypatch):
    """The texts that are drawn from now on."""
    texts = []
    original = cv2.putText
    monkeypatch.setattr(cv2, "putText", lambda *given: (texts.append(given[1]), original(*given)))
    return texts


def test_video_shows_class_names_only_where_there_are_several(
    video, network, tmp_path, monkeypatch
):
    texts = labels_of(monkeypatch)
    assert track(video, network, tmp_path / "one") == 0
    assert set(texts) == {"1"}
    texts.clear()
    assert track(video, network, tmp_path / "two", "--classes", "person,car") == 0
    assert set(texts) == {"person 1", "car 2"}


def test_name_in_a_registry_shows_in_the_video(video, network, tmp_path, monkeypatch):
    embedder = synthetic_video.write_embedder(tmp_path / "embedder.onnx")
    registry = tmp_path / "people.sqlite"
    options = ("--registry", str(registry), "--embedder", str(embedder))
    texts = labels_of(monkeypatch)
    detections = synthetic_video.write_detections(tmp_path / "det.txt", 8)
    command = ["track", str(video), "--detections", str(detections), *options, "--quiet"]
    assert main([*command, "--out", str(tmp_path / "first")]) == 0
    assert set(texts) == {"1", "2"}
    with PersonRegistry(registry) as people:
        people.rename(1, "Zoë")
    texts.clear()
    assert main([*command, "--out", str(tmp_path / "second")]) == 0
    assert "Zoe" in texts
    assert "1" not in texts


def test_names_of_persons_are_read_again_and_may_be_missing(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr("deepsort_reid.cli.people.time.monotonic", lambda: clock[0])
    tracker = DeepSort()
    for _ in range(3):
        tracker.update(Detections([[10, 10, 50, 110]], embedding=np.eye(1, 4)))
    names = PersonNames(tracker)
    assert (names(1), names(7)) == (None, None)
    tracker.registry.rename(1, "Ann")
    assert names(1) is None
    clock[0] += 1
    assert names(1) == "Ann"


def test_somebody_unknown_does_not_get_the_name_of_a_known_person():
    with PersonRegistry() as registry:
        known = DeepSort(registry=registry, camera="door")
        for _ in range(3):
            known.update(Detections([[10, 10, 50, 110]], embedding=np.eye(1, 4)))
        registry.rename(1, "Ann")
        assert PersonNames(known)(1) == "Ann"
        unknown = DeepSort(registry=registry, camera="hall")
        for _ in range(3):
            tracks = unknown.update(Detections([[10, 10, 50, 110]]))
        assert PersonNames(unknown)(int(tracks.person_id[0])) is None


def test_drawer_colours_by_the_person_whatever_the_name():
    from tests.vision.test_drawing import grey_frame, make_tracks

    tracks = make_tracks((7, 50, 60, 90, 160))
    image = Drawer(person_name={7: "Ann"}.get)(grey_frame(), tracks)
    assert (image == id_colour_bgr(7)).all(axis=-1).any()
    assert (image != Drawer()(grey_frame(), tracks)).any()
