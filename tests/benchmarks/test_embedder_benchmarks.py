"""The benchmarks of the embedder: its speed, its score, and the script that trains it."""

import numpy as np
import pytest

from benchmarks import embedder_speed, market1501, train_embedder
from deepsort_reid.reid.data.datasets import read_market1501
from deepsort_reid.vision.embedder import Embedder


def test_speed_prints_a_line_for_each_model(capsys):
    embedder_speed.main(["--rounds", "2", "--batch", "2", "--threads", "1"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].startswith("embedder.onnx")
    assert [float(n.replace(",", "")) > 0 for n in lines[-1].split()[-4:]] == [True] * 4


def test_the_training_goes_on_after_the_phases_that_are_done(tmp_path, monkeypatch):
    commands = []
    monkeypatch.setattr(train_embedder, "command", commands.append)
    monkeypatch.setattr(train_embedder, "finished_epochs", lambda run: 60)
    train_embedder.main([str(tmp_path), "--out", str(tmp_path / "run")])
    words = [[str(word) for word in command] for command in commands]
    assert [("train" in line, "export" in line) for line in words] == [
        (True, False), (False, True)
    ]  # fmt: skip
    assert words[0][words[0].index("--stop-after") + 1] == str(train_embedder.PHASES[-1].end)
    assert words[0][words[0].index("--resume") + 1] == str(tmp_path / "run")


def test_every_phase_of_the_training_starts_where_the_one_before_ends():
    ends = [phase.end for phase in train_embedder.PHASES]
    assert ends == sorted(ends)
    assert all(phase.decay_from < phase.decay_to >= phase.end for phase in train_embedder.PHASES)


@pytest.mark.data
def test_a_mirrored_picture_is_embedded_from_its_mirror_image(data_root):
    folder = data_root / "reid" / "Market-1501-v15.09.15" / "query"
    samples = read_market1501(folder)[:3]
    embedder = Embedder()
    plain = market1501.embed(embedder, samples, mirror=False)
    mirrored = market1501.embed(embedder, samples, mirror=True)
    assert plain.shape == mirrored.shape == (3, embedder.embedding_dim)
    similarity = (plain * mirrored).sum(1)
    assert (similarity > 0.5).all()
    assert (similarity < 0.9999).all()
    assert np.allclose(np.linalg.norm(mirrored, axis=1), 1, atol=1e-5)
