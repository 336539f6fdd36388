"""Opening of ONNX files, choice of the device, copies, and rejection of other files."""

import copy
import pickle
import re

import numpy as np
import onnxruntime
import pytest

from deepsort_reid.vision import onnx_session
from deepsort_reid.vision.onnx_session import OnnxSession
from tests.vision.embedder_files import write_embedder, write_endless_model

IMAGES = np.ones((2, 3, 8, 4), dtype=np.float32)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent\.onnx: no such ONNX file"):
        OnnxSession(tmp_path / "absent.onnx")


def test_file_that_is_not_a_model_is_named_in_one_line(tmp_path):
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"not a model")
    with pytest.raises(ValueError, match=r"broken\.onnx: expected an ONNX model") as error:
        OnnxSession(broken)
    assert "\n" not in str(error.value)
    with pytest.raises(ValueError, match=r"^weights: expected an ONNX model"):
        OnnxSession(broken, "weights")


def test_checkpoint_and_run_folder_are_rejected_with_the_export_command(tmp_path):
    checkpoint = tmp_path / "best.pt"
    checkpoint.write_bytes(b"a checkpoint")
    for path, what in ((checkpoint, "a checkpoint"), (tmp_path, "a run folder")):
        expected = f"got {what}; export it first: deepsort-reid export {path} --crops"
        with pytest.raises(ValueError, match=re.escape(expected)):
            OnnxSession(path)
    with pytest.raises(FileNotFoundError, match="no such ONNX file"):
        OnnxSession(tmp_path / "absent.pt")


def test_less_than_one_thread_is_rejected(tmp_path):
    with pytest.raises(ValueError, match="threads: expected at least 1 or None, got 0"):
        OnnxSession(tmp_path / "any.onnx", threads=0)


def test_run_returns_the_outputs_for_the_first_input(tmp_path):
    session = OnnxSession(write_embedder(tmp_path / "mean.onnx"), threads=1)
    (rows,) = session.run(IMAGES)
    np.testing.assert_array_equal(rows, np.ones((2, 3)))
    assert session.providers == ("CPUExecutionProvider",)
    assert "image0 ['batch', 3, 8, 4] tensor(float) -> value1" in session.describe()


def test_threads_of_a_network_do_not_spin_between_runs(tmp_path):
    session = OnnxSession(write_embedder(tmp_path / "mean.onnx"))
    options = session._session.get_session_options()
    assert options.get_session_config_entry("session.force_spinning_stop") == "1"


def test_input_that_the_network_cannot_take_is_rejected_in_one_line(tmp_path):
    session = OnnxSession(write_embedder(tmp_path / "mean.onnx"), threads=1)
    expected = r"mean\.onnx: onnxruntime cannot run it on \(2, 3, 8\) float32 \("
    with pytest.raises(ValueError, match=expected) as error:
        session.run(IMAGES[..., 0])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "make_copy", [copy.copy, copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))]
)
def test_copy_opens_the_file_again_with_the_same_options(make_copy, tmp_path, monkeypatch):
    write_embedder(tmp_path / "mean.onnx")
    monkeypatch.chdir(tmp_path)
    session = OnnxSession("mean.onnx", threads=1, providers=["CPUExecutionProvider"])
    monkeypatch.chdir("/")  # the relative path leads to no file from here
    opened = []
    monkeypatch.setattr(
        "deepsort_reid.vision.onnx_session._open",
        lambda *arguments: opened.append(arguments) or session._session,
    )
    copied = make_copy(session)
    assert copied is not session
    assert opened == [(tmp_path / "mean.onnx", "mean.onnx", 1, [("CPUExecutionProvider", {})])]
    np.testing.assert_array_equal(copied.run(IMAGES)[0], session.run(IMAGES)[0])


@pytest.mark.parametrize("shape", [(1, 3, 10**9, 4), (10**9, 3, 8, 4)])
def test_input_that_takes_gigabytes_is_rejected(shape, tmp_path):
    path = write_embedder(tmp_path / "huge.onnx", shape=shape)
    with pytest.raises(ValueError, match=r"huge\.onnx: expected inputs of at most \d+ values"):
        OnnxSession(path, threads=1)


def test_network_that_does_not_come_back_is_ended_and_named(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr("deepsort_reid.vision.onnx_session._FIRST_RUN_TIMEOUT", 0.2)
    session = OnnxSession(write_endless_model(tmp_path / "endless.onnx"), threads=1)
    with pytest.raises(ValueError, match=r"endless\.onnx: .*not done with the first image after"):
        session.run(IMAGES)
    assert capfd.readouterr().err == ""


def test_only_the_first_run_has_a_time_limit(tmp_path, monkeypatch):
    limits = []
    session = OnnxSession(write_embedder(tmp_path / "mean.onnx"), threads=1)
    limited = onnx_session._time_limit
    monkeypatch.setattr(onnx_session, "_time_limit", lambda s: limits.append(s) or limited(s))
    session.run(IMAGES)
    session.run(IMAGES)
    assert limits == [120, None]


def test_copy_of_a_session_whose_file_is_gone_is_rejected_by_name(tmp_path):
    path = write_embedder(tmp_path / "mean.onnx")
    pickled = pickle.dumps(OnnxSession(path))
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"mean\.onnx: no such ONNX file"):
        pickle.loads(pickled)


def test_given_providers_are_used(tmp_path):
    path = write_embedder(tmp_path / "mean.onnx")
    given = onnxruntime.get_available_providers()
    session = OnnxSession(path, providers=given)
    assert session.providers == tuple(given)
    np.testing.assert_array_equal(session.run(IMAGES)[0], np.ones((2, 3)))


def missing_provider():
    known = {"CUDAExecutionProvider", "DmlExecutionProvider", "CoreMLExecutionProvider"}
    return sorted(known - set(onnxruntime.get_available_providers()))[0]


def test_unavailable_provider_is_an_error_and_prints_nothing(tmp_path, capfd):
    path = write_embedder(tmp_path / "mean.onnx")
    name = missing_provider()
    available = ", ".join(onnxruntime.get_available_providers())
    with pytest.raises(
        ValueError, match=f"the installed onnxruntime has no {name}, it has"
    ) as error:
        OnnxSession(path, providers=[name, "CPUExecutionProvider"])
    assert available in str(error.value)
    assert capfd.readouterr() == ("", "")


def test_provider_that_does_not_start_is_an_error_and_prints_nothing(tmp_path, capfd, monkeypatch):
    """A GPU build on a machine without the driver: the provider is listed and does not start."""
    path = write_embedder(tmp_path / "mean.onnx")
    name = missing_provider()
    listed = [name, *onnxruntime.get_available_providers()]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: listed)
    with pytest.raises(ValueError, match=rf"mean\.onnx: onnxruntime could not start {name}"):
        OnnxSession(path, providers=[name, "CPUExecutionProvider"])
    assert capfd.readouterr() == ("", "")


def test_provider_that_fails_on_the_model_is_an_error_and_prints_nothing(
    tmp_path, capfd, monkeypatch
):
    path = write_embedder(tmp_path / "mean.onnx")
    name = missing_provider()
    listed = [name, *onnxruntime.get_available_providers()]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: listed)

    def fail(self, providers, *arguments):
        raise RuntimeError("EP failed\nmore lines")

    monkeypatch.setattr(onnxruntime.InferenceSession, "_create_inference_session", fail)
    expected = rf"onnxruntime cannot load it with {name}, CPUExecutionProvider \(EP failed\)$"
    with pytest.raises(ValueError, match=expected):
        OnnxSession(path, providers=[name, "CPUExecutionProvider"])
    assert capfd.readouterr() == ("", "")
