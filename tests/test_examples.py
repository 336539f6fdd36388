"""Every example runs, without a window, and does what its docstring says."""

import ast
import importlib.util
import runpy
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from deepsort_reid import DeepSort, DeepSortConfig, Detections, Embedder
from deepsort_reid.io.mot import read_results, write_rows
from deepsort_reid.io.video_writer import VideoWriter
from deepsort_reid.scene import Street

FOLDER = Path(__file__).resolve().parents[1] / "examples"
EXAMPLES = sorted(FOLDER.glob("*.py"))


def load_example(name):
    """The module of an example; its main is not called."""
    spec = importlib.util.spec_from_file_location(f"example_{name}", FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def street():
    """Four seconds of a small street: a list of frames."""
    return [frame for _, frame, _ in Street(seed=1, people=5, frames=100, width=640, height=360)]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_has_a_docstring(path):
    assert ast.get_docstring(ast.parse(path.read_text()))


def test_every_example_is_tested():
    tests = Path(__file__).read_text()
    assert [path.stem for path in EXAMPLES if f'"{path.stem}"' not in tests] == []


def test_track_a_video_writes_mot_results(street, tmp_path):
    count = load_example("track_a_video").main(street, tmp_path / "tracks.txt")
    rows = read_results(tmp_path / "tracks.txt")
    assert count == len(np.unique(rows.id)) > 0
    assert rows.frame.max() == 100


def test_your_own_detector_finds_people(street):
    counts = load_example("your_own_detector").main(street)
    assert len(counts) == 100
    assert max(counts) >= 2


def test_your_own_embeddings_are_unit_rows_and_people_get_ids(street):
    module = load_example("your_own_embeddings")
    boxes = np.array([[10.0, 10, 60, 90], [-90, -90, -10, -10], [600, 300, 700, 400]])
    rows = module.colour_embedder(street[0], boxes)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), [1, 0, 1], atol=1e-6)
    ids = module.main(street)
    assert ids == list(range(1, len(ids) + 1))
    assert ids


def test_webcam_shows_frames_until_show_returns_false(street):
    shown = []

    def show(frame):
        shown.append(frame)
        return len(shown) < 20

    load_example("webcam").main(street, show)
    assert len(shown) == 20
    assert shown[0].shape == street[0].shape


def run_script(name, *arguments):
    """Run an example as a script with these arguments, in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", [f"examples/{name}.py", *map(str, arguments)])
        runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("track_a_video", []),
        ("track_a_video", ["--help"]),
        ("your_own_detector", []),
        ("your_own_detector", ["--help"]),
        ("your_own_embeddings", []),
        ("your_own_embeddings", ["-h"]),
        ("webcam", ["--help"]),
        ("count_across_a_line", ["--help"]),
        ("dwell_time_in_zone", []),
        ("alert_on_return", []),
        ("web_demo", ["--help"]),
    ],
)
def test_script_without_its_arguments_prints_its_usage(name, arguments):
    with pytest.raises(SystemExit) as error:
        run_script(name, *arguments)
    assert f"python examples/{name}.py" in str(error.value)


def test_count_across_a_line_without_a_line_is_refused():
    with pytest.raises(SystemExit, match="expected a video and the line's two ends: x y x y"):
        run_script("count_across_a_line", "street.mp4")


@pytest.fixture
def video_file(street, tmp_path):
    """One second of the street as a video file."""
    with VideoWriter(tmp_path / "street.avi", 25, (640, 360)) as video:
        for frame in street[:25]:
            video.write(frame)
    return tmp_path / "street.avi"


def test_count_across_a_line_takes_the_line_from_the_command_line(video_file, capsys):
    picture = video_file.with_name("count.jpg")
    run_script("count_across_a_line", video_file, 320, 0, 320, 360, picture)
    assert "right, left: (" in capsys.readouterr().out
    assert cv2.imread(str(picture)).shape == (360, 640, 3)


def test_dwell_time_draws_the_zone(video_file, capsys):
    picture = video_file.with_name("zone.jpg")
    run_script("dwell_time_in_zone", video_file, picture)
    assert cv2.imread(str(picture)).shape == (360, 640, 3)


def test_alert_draws_the_return_if_there_is_one(video_file, capsys):
    picture = video_file.with_name("return.jpg")
    run_script("alert_on_return", video_file, picture)
    assert picture.exists() == ("is back" in capsys.readouterr().out)


def test_webcam_shows_a_video_file_until_q_is_pressed(video_file, monkeypatch):
    shown = []
    monkeypatch.setattr(cv2, "imshow", lambda name, image: shown.append(image.shape))
    monkeypatch.setattr(cv2, "waitKey", lambda wait: ord("q") if len(shown) == 3 else -1)
    run_script("webcam", video_file)
    assert shown == [(360, 640, 3)] * 3


def write_sequence(folder, seed):
    """Write one second of a rendered street as a MOT sequence with images and ground truth."""
    street = Street(seed=seed, people=12, frames=25, width=640, height=360)
    (folder / "img1").mkdir(parents=True)
    (folder / "gt").mkdir()
    for number, frame, _ in street:
        cv2.imwrite(str(folder / "img1" / f"{number:06d}.jpg"), frame)
    write_rows(folder / "gt" / "gt.txt", street.truth, "gt")
    return folder


@pytest.mark.slow
def test_train_embedder_exports_an_embedder(tmp_path):
    train_sequence = write_sequence(tmp_path / "train", seed=1)
    test_sequence = write_sequence(tmp_path / "test", seed=2)
    main = load_example("train_embedder").main
    file = main(
        train_sequence, test_sequence, tmp_path / "out", "--epochs", 1, "--identities-per-batch", 2
    )
    rows = Embedder(file).embed_crops([np.full((80, 40, 3), 90, np.uint8)])
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-3)
    assert rows.shape == (1, 128)


def track_walk(feet):
    """Number, no frame and tracks of each frame, for one person with the feet at these points."""
    tracker = DeepSort()
    for number, (x, y) in enumerate(feet, 1):
        yield number, None, tracker.update(Detections([[x - 10, y - 60, x + 10, y]]))


@pytest.mark.parametrize(
    ("feet", "expected"),
    [
        ([(50, 80 + 4 * k) for k in range(12)], (1, 0)),
        ([(50, 120 - 4 * k) for k in range(12)], (0, 1)),
        ([(50, 80 + 4 * k) for k in range(12)] + [(50, 120 - 4 * k) for k in range(12)], (1, 1)),
        ([(150, 80 + 4 * k) for k in range(12)], (0, 0)),
        ([(20 + 4 * k, 80) for k in range(12)], (0, 0)),
    ],
    ids=["down", "up", "down and up", "beside the line", "along the line"],
)
def test_each_crossing_of_the_line_is_counted(feet, expected):
    # The line runs from left to right, so its right-hand side is below it in the image.
    assert (
        load_example("count_across_a_line").count_crossings(track_walk(feet), (0, 100), (100, 100))
        == expected
    )


def test_people_who_cross_a_line_in_the_street_are_counted(street):
    to_right, to_left = load_example("count_across_a_line").main(street, (320, 0), (320, 360))
    assert to_right + to_left >= 1


def test_detections_of_supervision_get_tracker_ids():
    module = load_example("from_supervision")
    assert module.main(module.fake_detections(100 + 5 * k) for k in range(4)) == [[], [], [1], [1]]


def test_results_of_ultralytics_are_converted_and_filtered_by_class():
    module = load_example("from_ultralytics")
    last = module.main([module.fake_result(100)] * 4)[-1]
    assert (last[0], last[1]) == ([1], ["person"])
    assert sorted(module.main([module.fake_result(100)] * 4, classes=(0, 2))[-1][1]) == [
        "car",
        "person",
    ]


def test_dwell_time_counts_seconds_in_the_zone_and_short_gaps():
    def tracks_at(*people):
        return [SimpleNamespace(person_id=p, xyxy=(x - 5, 0, x + 5, 50)) for p, x in people]

    updates = [
        (0.0, tracks_at((1, 50), (2, 500))),
        (0.5, tracks_at((1, 60), (2, 90))),
        (1.0, tracks_at((2, 500))),
        (1.4, tracks_at((1, 70))),
        (9.0, tracks_at((1, 70))),
    ]
    times = load_example("dwell_time_in_zone").dwell_times(
        updates, [(0, 0), (100, 0), (100, 100), (0, 100)]
    )
    assert times == {1: pytest.approx(1.4), 2: 0.0}


def test_dwell_times_of_the_street(street):
    times = load_example("dwell_time_in_zone").main(
        street, [(0, 0), (640, 0), (640, 360), (0, 360)]
    )
    assert 0 < max(times.values()) <= 4


def test_returns_are_read_from_events():
    def event(kind, person, frame):
        return SimpleNamespace(kind=kind, person_id=person, frame=frame)

    frames = [
        [event("appeared", 1, 1)],
        [event("lost", 1, 2)],
        [event("left", 1, 9), event("appeared", 2, 9)],
        [event("reidentified", 1, 30)],
        [event("reidentified", 1, 31)],
    ]
    assert list(load_example("alert_on_return").returns(frames)) == [(1, 30, 21)]


def test_alerts_of_the_street_name_people(street, capsys):
    found = load_example("alert_on_return").main(street)
    assert capsys.readouterr().out.count("is back") == len(found)


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("from_supervision", "new_track_score high_score_threshold min_score n_init max_age"),
        ("from_ultralytics", "new_track_score high_score_threshold min_score max_age"),
    ],
)
def test_migration_example_names_existing_fields_and_the_table_of_unmatched_tracks(name, fields):
    text = (FOLDER / f"{name}.py").read_text()
    assert "tracker.tracks" in text
    for field in fields.split():
        assert field in text
        assert hasattr(DeepSortConfig(), field)


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("from_deep_sort_realtime", "1 person [110.0, 50.0, 150.0, 150.0]"),
        ("from_supervision", "[[], [], [1], [1], [1], [1]]"),
        ("from_ultralytics", "([1], ['person'], [[110.0, 50.0, 150.0, 150.0]])"),
    ],
)
def test_migration_example_runs_as_a_script(name, printed, capsys):
    runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")
    assert printed in capsys.readouterr().out
