"""Detections and embeddings of `benchmark`: cached by content, or read from saved files."""

import json

import numpy as np
import pytest

from deepsort_reid import DeepSort
from deepsort_reid.io.detections_npz import read_detections_npz
from deepsort_reid.io.mot import read_results
from deepsort_reid.vision.camera_motion import ESTIMATORS, CameraMotion, CameraMotionFromFile
from deepsort_reid.vision.model_files import DETECTORS, ModelFile
from tests.cli import synthetic_video

FRAMES = synthetic_video.SEQUENCE_LENGTH


@pytest.fixture
def detector_calls(monkeypatch):
    """Replace every named detector by exact boxes; returns a function that counts the calls."""
    detectors = []

    def make(name, **options):
        detectors.append(synthetic_video.TrueBoxDetector())
        return detectors[-1]

    monkeypatch.setattr("deepsort_reid.vision.detectors.load_detector", make)
    return lambda: sum(each.calls for each in detectors)


def test_cached_detections_are_reused_with_another_configuration(
    run_benchmark, image_sequences, detector_calls, tmp_path, out, monkeypatch
):
    model = synthetic_video.write_embedder(tmp_path / "colour.onnx")
    options = ["--detector", "background", "--embedder", model]
    assert run_benchmark(image_sequences, *options) == 0
    assert detector_calls() == FRAMES
    (kept,) = (out / "cache").glob("*.npz")
    found = read_detections_npz(kept, FRAMES)
    for number, detections in enumerate(found.frames, start=1):
        np.testing.assert_allclose(detections.xyxy, synthetic_video.true_boxes(number))
        np.testing.assert_allclose(detections.embedding, [[1, 0, 0], [0, 0, 1]], atol=1e-6)

    def refuse(*given):
        raise AssertionError("the embedder was loaded again")

    monkeypatch.setattr("deepsort_reid.cli.tracking_options.make_embedder", refuse)
    assert run_benchmark(image_sequences, *options, "--config", "published") == 0
    assert detector_calls() == FRAMES


@pytest.mark.parametrize("change", ["embedder", "detector", "image"])
def test_changed_model_or_image_is_detected_again(
    change, run_benchmark, image_sequences, detector_calls, tmp_path, out
):
    model = synthetic_video.write_embedder(tmp_path / "colour.onnx")
    network = tmp_path / "network.onnx"
    network.write_bytes(b"one")
    options = ["--detector", network, "--embedder", model]
    assert run_benchmark(image_sequences, *options) == 0
    if change == "embedder":
        synthetic_video.write_embedder(model, gain=2.0)
    elif change == "detector":
        network.write_bytes(b"two")
    else:
        image = image_sequences / "SEQ-03" / "img1" / "000004.png"
        image.write_bytes((image_sequences / "SEQ-03" / "img1" / "000005.png").read_bytes())
    assert run_benchmark(image_sequences, *options) == 0
    assert detector_calls() == 2 * FRAMES
    assert len(list((out / "cache").glob("*.npz"))) == 2


def test_another_device_is_detected_again(run_benchmark, image_sequences, detector_calls, out):
    options = ["--detector", "background", "--embedder", "none"]
    assert run_benchmark(image_sequences, *options) == 0
    assert run_benchmark(image_sequences, *options, "--device", "cuda") == 0
    assert detector_calls() == 2 * FRAMES
    assert len(list((out / "cache").glob("*.npz"))) == 2


def test_another_file_of_a_named_network_is_detected_again(
    run_benchmark, image_sequences, detector_calls, out, monkeypatch
):
    options = ["--detector", "yolox_test", "--embedder", "none"]
    for digest, calls in (("0a", FRAMES), ("0b", 2 * FRAMES), ("0a", 2 * FRAMES)):
        row = ModelFile("https://host.invalid/yolox_test.onnx", digest, 870)
        monkeypatch.setitem(DETECTORS, "yolox_test", row)
        assert run_benchmark(image_sequences, *options) == 0
        assert detector_calls() == calls


def test_interrupted_detection_leaves_no_partial_cache(
    run_benchmark, image_sequences, out, monkeypatch
):
    detector = synthetic_video.TrueBoxDetector(fails_at=5, failure=KeyboardInterrupt())
    monkeypatch.setattr(
        "deepsort_reid.vision.detectors.load_detector", lambda name, **options: detector
    )
    options = ["--detector", "background", "--embedder", "none"]
    assert run_benchmark(image_sequences, *options) == 130
    assert not list(out.rglob("*.npz"))
    again = synthetic_video.TrueBoxDetector()
    monkeypatch.setattr(
        "deepsort_reid.vision.detectors.load_detector", lambda name, **options: again
    )
    assert run_benchmark(image_sequences, *options) == 0
    assert again.calls == FRAMES


def test_cache_folder_can_be_given(run_benchmark, sequences, out, tmp_path):
    assert run_benchmark(sequences, "--cache", tmp_path / "shared") == 0
    names = sorted(path.name.rsplit("-", 1)[0] for path in (tmp_path / "shared").iterdir())
    assert names == ["SEQ-01", "SEQ-02"]
    assert not (out / "cache").exists()


def save(folder, name, **changed):
    rows = synthetic_video.mot_rows(FRAMES, score=0.7)
    embedding = np.tile(np.eye(4, dtype=np.float16)[:2], (FRAMES, 1))
    arrays = {"frame": rows.frame, "xyxy": rows.xyxy, "score": rows.score, "embedding": embedding}
    folder.mkdir(exist_ok=True)
    arrays |= changed
    np.savez(folder / f"{name}.npz", **{k: v for k, v in arrays.items() if v is not None})
    return folder


def test_saved_detections_and_embeddings_are_passed_to_the_tracker(
    run_benchmark, sequences, out, tmp_path, monkeypatch
):
    saved = save(tmp_path / "saved", "SEQ-01")
    inputs, update = [], DeepSort.update

    def spy(self, given, **extras):
        inputs.append(given)
        return update(self, given, **extras)

    monkeypatch.setattr(DeepSort, "update", spy)
    assert run_benchmark(sequences, "--detections", saved, "--only", "SEQ-01") == 0
    assert len(inputs) == FRAMES
    for number, detections in enumerate(inputs, start=1):
        np.testing.assert_array_equal(detections.xyxy, synthetic_video.true_boxes(number))
        np.testing.assert_array_equal(detections.embedding, np.eye(4)[:2])
        np.testing.assert_array_equal(detections.score, [0.7, 0.7])
    assert not (out / "cache").exists()


def test_saved_text_detections_are_read_without_an_npz(run_benchmark, sequences, out, tmp_path):
    synthetic_video.write_detections(tmp_path / "saved" / "SEQ-01.txt", 5)
    assert run_benchmark(sequences, "--detections", tmp_path / "saved", "--only", "SEQ-01") == 0
    assert read_results(out / "default" / "SEQ-01.txt").frame.max() == 5


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"score": None}, "score"),
        ({"xyxy": np.zeros((3, 4))}, "xyxy has shape (3, 4), frame (20,)"),
        ({"embedding": np.zeros(20)}, "embedding has shape (20,), frame (20,)"),
        ({"frame": np.float64(1)}, "frame has shape ()"),
        ({"frame": np.arange(20)}, "frame must be a whole number from 1, got 0"),
        ({"frame": np.full(20, np.nan)}, "frame must be a whole number from 1, got nan"),
        ({"frame": np.full(20, "one")}, "expected an .npz"),
        ({"score": np.full(20, np.nan)}, "frame 1: "),
        ({"score": np.array([None] * 20)}, "expected an .npz"),
    ],
)
def test_missing_or_invalid_arrays_are_reported_with_the_file(
    changed, message, run_benchmark, sequences, tmp_path, capsys
):
    saved = save(tmp_path / "saved", "SEQ-01", **changed)
    assert run_benchmark(sequences, "--detections", saved, "--only", "SEQ-01") == 2
    error = synthetic_video.read_error_line(capsys)
    assert message in error
    assert str(saved / "SEQ-01.npz") in error


@pytest.mark.parametrize("content", ["nothing", "text", "npy", "half"])
def test_file_that_is_not_an_npz_is_one_line(content, run_benchmark, sequences, tmp_path, capsys):
    saved = save(tmp_path / "saved", "SEQ-01")
    file = saved / "SEQ-01.npz"
    whole = file.read_bytes()
    if content == "npy":
        np.save(tmp_path / "one.npy", np.zeros(3))
    file.write_bytes(
        {"nothing": b"", "text": b"1,2,3\n", "half": whole[: len(whole) // 2]}.get(content)
        or (content == "npy" and (tmp_path / "one.npy").read_bytes())
        or b""
    )
    assert run_benchmark(sequences, "--detections", saved, "--only", "SEQ-01") == 2
    assert f"{file}: expected an .npz" in synthetic_video.read_error_line(capsys)


def test_camera_motion_is_estimated_once_and_cached_with_the_frames(
    run_benchmark, image_sequences, out, monkeypatch
):
    calls = []

    class Panning:
        def __call__(self, frame, xyxy):
            calls.append(len(xyxy))
            return CameraMotion(np.array([[1.0, 0, 500 * (len(calls) > 5)], [0, 1, 0]]), 1.0)

    monkeypatch.setitem(ESTIMATORS, "auto", Panning)
    assert run_benchmark(image_sequences, "--embedder", "none") == 0
    moved = read_results(out / "default" / "SEQ-03.txt")
    assert calls == [2] * FRAMES
    (kept,) = (out / "cache").glob("*.txt")
    assert CameraMotionFromFile(kept).at(6).warp.tolist() == [[1, 0, 500], [0, 1, 0]]
    assert run_benchmark(image_sequences, "--embedder", "none", "--set", "n_init=2") == 0
    assert len(calls) == FRAMES

    assert run_benchmark(image_sequences, "--embedder", "none", "--camera-motion", "none") == 0
    still = read_results(out / "default" / "SEQ-03.txt")
    # The wrong motion of 500 pixels in each frame loses both persons.
    assert len(np.unique(still.id)) == 2
    assert len(still) > len(moved)


def test_published_tracker_has_no_camera_motion(run_benchmark, image_sequences, out):
    assert run_benchmark(image_sequences, "--embedder", "none", "--config", "published") == 0
    settings = json.loads((out / "published" / "SEQ-03.json").read_text())
    assert settings["camera_motion_sha256"] is None
