"""benchmarks/train_embedder.py without training."""

from benchmarks import train_embedder


def test_training_continues_after_the_finished_phases(tmp_path, monkeypatch):
    commands = []
    monkeypatch.setattr(train_embedder, "run_command", commands.append)
    monkeypatch.setattr(train_embedder, "finished_epochs", lambda run: 60)
    train_embedder.main([str(tmp_path), "--out", str(tmp_path / "run")])
    words = [[str(word) for word in command] for command in commands]
    assert [("train" in line, "export" in line) for line in words] == [
        (True, False), (False, True)
    ]  # fmt: skip
    assert words[0][words[0].index("--stop-after") + 1] == str(train_embedder.PHASES[-1].end)
    assert words[0][words[0].index("--resume") + 1] == str(tmp_path / "run")


def test_phases_are_in_order_and_within_their_schedule():
    ends = [phase.end for phase in train_embedder.PHASES]
    assert ends == sorted(ends)
    assert all(phase.decay_from < phase.decay_to >= phase.end for phase in train_embedder.PHASES)
