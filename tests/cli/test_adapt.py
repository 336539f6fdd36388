"""Command `adapt`: an embedder learns from an unlabelled video."""

import cv2
import numpy as np
import pytest

from deepsort_reid import Embedder
from deepsort_reid.cli import main
from deepsort_reid.cli.adapt import NOT_IMPROVED
from deepsort_reid.reid.models.onnx_weights import load_onnx_model
from deepsort_reid.reid.training import adaptation
from deepsort_reid.reid.training.adaptation_labels import Separation
from deepsort_reid.scene import Street
from deepsort_reid.vision.embedder import shipped_embedder_path
from tests.cli.training_runs import one_line
from tests.reid.models.test_onnx_weights import write_foreign


@pytest.fixture(scope="module")
def street(tmp_path_factory):
    """MOT sequence folder with the boxes of the visible people of a rendered street as det.txt."""
    folder = tmp_path_factory.mktemp("sequence")
    (folder / "img1").mkdir()
    (folder / "det").mkdir()
    scene = Street(seed=5, frames=48, people=8, width=640, height=360)
    lines = []
    truth = scene.clipped(scene.truth)
    for number, frame, _ in scene:
        cv2.imwrite(str(folder / "img1" / f"{number:06d}.png"), frame)
        rows = truth[(truth.frame == number) & (truth.visibility > 0.3)]
        for left, top, right, bottom in rows.xyxy:
            lines.append(f"{number},-1,{left},{top},{right - left},{bottom - top},0.9,-1,-1,-1\n")
    (folder / "det" / "det.txt").write_text("".join(lines))
    return folder


def adapt(*arguments):
    return main.main(["adapt", *map(str, arguments)])


@pytest.mark.slow
def test_adapted_file_is_an_embedder_that_can_be_adapted_again(
    street, tmp_path, capsys, monkeypatch
):
    out = tmp_path / "adapted.onnx"
    scores = iter([0.5, 0.75])
    monkeypatch.setattr(
        adaptation, "_separation", lambda *_: Separation(np.ones(1), np.array([next(scores)]))
    )
    command = [street, "--out", out, "--steps", "3", "--threads", "1", "--quiet"]
    assert adapt(*command) == 0
    output = capsys.readouterr().out
    assert output.startswith(f"{out}: mean AUC over gaps 0.5000 -> 0.7500 (")
    assert output.count("\n") == 1
    assert "s tracking" in output
    adapted, original = Embedder(out), Embedder()
    assert adapted.input_size == original.input_size
    assert adapted.metadata["name"] == f"{original.metadata['name']}-adapted"
    assert f"adapted without labels to {street.name}" in adapted.metadata["training_data"]
    crops = list(np.random.default_rng(0).integers(0, 256, (4, 160, 80, 3), np.uint8))
    similarity = (adapted.embed_crops(crops) * original.embed_crops(crops)).sum(1)
    assert (similarity > 0.5).all()
    assert similarity.min() < 0.99999
    assert load_onnx_model(out)[1] == load_onnx_model(shipped_embedder_path())[1]


@pytest.mark.slow
def test_without_improvement_nothing_is_written(street, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(adaptation, "_train", lambda *arguments: None)
    out = tmp_path / "adapted.onnx"
    assert adapt(street, "--out", out, "--threads", "1", "--quiet") == NOT_IMPROVED == 3
    output = capsys.readouterr().out
    assert output.startswith("not written: mean AUC over gaps ")
    assert output.count("\n") == 1
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.mp4", "b.mp4", "--detections", "det.txt"], "--detections: expected one VIDEO, got 2"),
        (["a.mp4", "--holdout-share", "1"], "--holdout-share: expected a number between 0 and 1"),
        (["a.mp4", "--steps", "0"], "--steps: expected at least 1, got 0"),
    ],
)
def test_bad_options_are_refused(arguments, message, capsys):
    assert adapt(*arguments) == 2
    assert message in one_line(capsys)


def test_embedder_of_another_architecture_is_refused_before_the_video_is_tracked(tmp_path, capsys):
    write_foreign(tmp_path / "foreign.onnx")
    assert adapt("missing.mp4", "--embedder", tmp_path / "foreign.onnx") == 2
    assert "foreign.onnx: expected a file that this package exported" in one_line(capsys)


def test_missing_video_is_refused(capsys):
    assert adapt("missing.mp4", "--threads", "1") == 2
    assert "missing.mp4" in one_line(capsys)
