"""benchmarks/embedder_speed.py with few rounds."""

from benchmarks import embedder_speed


def test_report_has_a_line_for_each_model(capsys):
    embedder_speed.main(["--rounds", "2", "--batch", "2", "--threads", "1"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].startswith("embedder_int8.onnx")
    assert [float(n.replace(",", "")) > 0 for n in lines[-1].split()[-4:]] == [True] * 4
