"""Settings of `cameras`: TOML file and arguments; every error names file and key."""

import re

import pytest

from deepsort_reid.cli.cameras_file import read_cameras_file, read_settings

GOOD = """
out = "results"
detector = "models/yolox.onnx"
embedder = "none"
min_score = 0.2
classes = [0, 2]
registry = "people.sqlite"
config = "tracker.json"

[[cameras]]
name = "gate"
source = "rtsp://10.0.0.5/gate"
camera_motion = "flow"

[[cameras]]
name = "hall"
source = "hall.mp4"
start_time = 12.5

[topology]
same_place = [["gate", "hall"]]
"""


@pytest.fixture
def read(tmp_path):
    def read(text):
        path = tmp_path / "site.toml"
        path.write_text(text)
        return read_cameras_file(path)

    return read


def test_all_keys_are_read_and_paths_start_at_the_folder_of_the_file(read, tmp_path):
    settings = read(GOOD)
    gate, hall = settings.cameras
    assert (gate.name, gate.source, gate.camera_motion) == ("gate", "rtsp://10.0.0.5/gate", "flow")
    assert (hall.name, hall.source) == ("hall", str(tmp_path / "hall.mp4"))
    assert (hall.start_time, hall.detections) == (12.5, None)
    assert settings.options == {
        "out": tmp_path / "results",
        "detector": str(tmp_path / "models" / "yolox.onnx"),
        "embedder": "none",
        "min_score": 0.2,
        "classes": [0, 2],
        "registry": tmp_path / "people.sqlite",
        "config": tmp_path / "tracker.json",
    }
    assert settings.topology.may_overlap("hall", "gate")


def test_travel_times_are_for_one_direction(read):
    travel = '[{from = "gate", to = "hall", seconds = [20, 300]}]'
    text = GOOD.replace('same_place = [["gate", "hall"]]', f"travel_time = {travel}")
    assert read(text).topology.travel_time == {("gate", "hall"): (20, 300)}


CAMERA = '[[cameras]]\nname = "a"\nsource = "a.mp4"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cameras = [", "site.toml: expected TOML, "),
        ("out = 'x'", "site.toml: cameras: expected one table [[cameras]] or more, got none"),
        ("cameras = 3", "site.toml: cameras: expected tables [[cameras]], got 3"),
        ("out = 3\n" + CAMERA, "site.toml: out: expected a text, got 3"),
        ("min_score = 'high'\n" + CAMERA, "site.toml: min_score: expected a number from 0"),
        ("classes = [-1]\n" + CAMERA, "site.toml: classes: expected whole numbers from 0"),
        (
            "detektor = 'x'\n" + CAMERA,
            "site.toml: detektor: expected one of cameras, out, ",
        ),
        (CAMERA + "sauce = 1", "site.toml: cameras[1].sauce: expected one of source, name, "),
        ("[[cameras]]\nname = 'a'", "site.toml: cameras[1].source: expected a file, stream or"),
        ("[[cameras]]\nsource = -1", "site.toml: cameras[1].source: expected a text, got -1"),
        (CAMERA.replace('"a"', '"../a"'), "site.toml: cameras[1].name: expected a name of letters"),
        (CAMERA + "start_time = nan", "site.toml: cameras[1].start_time: expected a number, got"),
        (CAMERA + CAMERA, "site.toml: expected cameras of different names, got 'a' twice"),
        (
            CAMERA + CAMERA.replace('name = "a"', 'name = "A"'),
            "site.toml: expected cameras of different names, got 'A' twice",
        ),
        (
            CAMERA + CAMERA.replace('name = "a"', 'name = "b"'),
            "a.mp4 twice, as 'a' and 'b'",
        ),
        (
            CAMERA.replace('"a"', '"people.csv"'),
            "got 'people.csv' that is the name of a file of the run",
        ),
        (
            CAMERA + "[topology]\nsame_place = [['a', 'hall']]",
            "site.toml: topology: same_place names the unknown camera 'hall': expected one of a",
        ),
        (
            CAMERA + "[topology]\nsame_place = [['a']]",
            "site.toml: topology.same_place: expected pairs of cameras",
        ),
        (
            CAMERA + "[topology]\ntravel_time = [{from = 'a', to = 'hall'}]",
            "site.toml: topology.travel_time[1]: expected from, to and seconds",
        ),
        (
            CAMERA + "[topology]\ntravel_time = [{from = 'a', to = 'b', seconds = [5, 1]}]",
            "site.toml: topology: travel_time names the unknown camera 'b'",
        ),
        (CAMERA + "[topology]\nsame = 1", "site.toml: topology.same: expected one of same_place"),
        ("topology = 1\n" + CAMERA, "site.toml: topology: expected a table, got 1"),
    ],
)
def test_error_names_file_and_key(read, text, message):
    with pytest.raises(ValueError, match=re.escape(message)) as error:
        read(text)
    assert "\n" not in str(error.value)


def test_arguments_have_a_name_or_get_that_of_the_source():
    settings = read_settings(["gate=rtsp://10.0.0.5/x?channel=1", "videos/hall.mp4", "0"])
    assert [(each.name, each.source) for each in settings.cameras] == [
        ("gate", "rtsp://10.0.0.5/x?channel=1"),
        ("hall", "videos/hall.mp4"),
        ("camera-0", "0"),
    ]


def test_stream_with_an_equals_sign_is_no_name():
    (camera,) = read_settings(["rtsp://10.0.0.5/yard?channel=1"]).cameras
    assert camera.source == "rtsp://10.0.0.5/yard?channel=1"


def test_file_with_an_equals_sign_is_a_source_where_it_exists(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a=b.mp4").touch()
    (camera,) = read_settings(["a=b.mp4"]).cameras
    assert (camera.name, camera.source) == ("a-b", "a=b.mp4")


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        (["a/video.mp4", "b/video.mp4"], "got 'video' twice; name one of them with NAME=SOURCE"),
        (["one=a.mp4", "two=./a.mp4"], "a.mp4 twice, as 'one' and 'two'"),
        (["one=0", "two=0"], "got 0 twice, as 'one' and 'two'"),
        (["a.mp4", "site.toml"], "site.toml: expected one TOML file alone, or sources, got both"),
    ],
)
def test_camera_that_is_listed_twice_or_beside_a_file_is_refused(sources, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        read_settings(sources)


def test_passwords_are_not_in_messages():
    with pytest.raises(ValueError, match="twice") as error:
        read_settings(["a=rtsp://me:1234@10.0.0.5/x", "b=rtsp://me:1234@10.0.0.5/x"])
    assert "1234" not in str(error.value)
