"""Opening of ONNX files, and rejection of other files."""

import re

import pytest

from deepsort_reid.vision.onnx_session import open_onnx


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent\.onnx: no such ONNX file"):
        open_onnx(tmp_path / "absent.onnx", threads=None)


def test_file_that_is_not_a_model_is_named_in_one_line(tmp_path):
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"not a model")
    with pytest.raises(ValueError, match=r"broken\.onnx: expected an ONNX model") as error:
        open_onnx(broken, threads=1)
    assert "\n" not in str(error.value)
    with pytest.raises(ValueError, match=r"^weights: expected an ONNX model"):
        open_onnx(b"not a model", "weights", threads=1)


def test_checkpoint_and_run_folder_are_rejected_with_the_export_command(tmp_path):
    checkpoint = tmp_path / "best.pt"
    checkpoint.write_bytes(b"a checkpoint")
    for path, what in ((checkpoint, "a checkpoint"), (tmp_path, "a run folder")):
        expected = f"got {what}; export it first: deepsort-reid export {path} --crops"
        with pytest.raises(ValueError, match=re.escape(expected)):
            open_onnx(path, threads=1)
    with pytest.raises(FileNotFoundError, match="no such ONNX file"):
        open_onnx(tmp_path / "absent.pt", threads=1)


def test_less_than_one_thread_is_rejected(tmp_path):
    with pytest.raises(ValueError, match="threads: expected at least 1 or None, got 0"):
        open_onnx(tmp_path / "any.onnx", threads=0)
