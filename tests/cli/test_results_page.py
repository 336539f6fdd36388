"""`index.html`, the results page that `track` leaves in its output folder."""

import re
import signal

import pytest

from deepsort_reid.cli import results_page
from deepsort_reid.cli.main import main
from deepsort_reid.cli.run_files import PAGE_STATE, read_summary
from deepsort_reid.tracking import DeepSort
from tests.cli import synthetic_video


def read_page(out):
    return (out / "index.html").read_text(encoding="utf-8")


def card(page, name):
    """The large number with this name."""
    return re.search(rf"<span>{name}</span><b>([^<]*)</b>", page)[1]


def stop_at_sixth_update(monkeypatch, number):
    """Let the sixth update of a tracker raise a signal, and the next ones pass."""
    update, updates = DeepSort.update, []

    def counted(tracker, *given, **named):
        updates.append(1)
        if len(updates) == 6:
            signal.raise_signal(number)
        return update(tracker, *given, **named)

    monkeypatch.setattr(DeepSort, "update", counted)


def test_page_has_the_counts_and_settings_of_the_run(run_track, out, detections):
    assert run_track("--quiet", "--set", "max_age=60") == 0
    page, summary = read_page(out), read_summary(out)
    counts = {"frames": "frames", "boxes": "boxes", "tracks": "identities"}
    for name, key in counts.items():
        assert card(page, name) == str(summary[key]) != "0"
    assert "<title>street.avi</title>" in page
    assert str(detections) in page
    assert "max_age 60" in page
    assert 'src="video.mp4"' in page
    assert "index.html" in summary["files"]
    assert not (out / PAGE_STATE).exists()


def test_no_page_leaves_the_page_out(run_track, out):
    assert run_track("--quiet", "--no-video") == 0
    assert (out / "index.html").exists()
    assert run_track("--quiet", "--no-video", "--no-page") == 0
    assert not (out / "index.html").exists()
    assert "index.html" not in read_summary(out)["files"]
    assert "page" not in read_summary(out)["milliseconds_per_frame"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_run_has_a_page_that_says_so(number, run_track, out, monkeypatch):
    stop_at_sixth_update(monkeypatch, number)
    assert run_track("--quiet") == 128 + number
    assert card(read_page(out), "frames") == "5"
    assert "did not reach the end of its source (interrupted)" in read_page(out)


def test_page_of_a_resumed_run_covers_both_parts(run_track, out, monkeypatch):
    assert run_track("--quiet") == 0
    whole = read_page(out)
    stop_at_sixth_update(monkeypatch, signal.SIGTERM)
    # So that both are written after every frame.
    every = ("--checkpoint-every", "1e-9")
    monkeypatch.setattr(results_page, "_MAX_SHARE", float("inf"))
    assert run_track("--quiet", *every) == 128 + signal.SIGTERM
    assert (out / PAGE_STATE).exists()
    assert run_track("--quiet", *every, "--resume") == 0
    page = read_page(out)
    for name in ("frames", "boxes", "tracks", "persons"):
        assert card(page, name) == card(whole, name)
    assert '[["video.mp4",[[0.0,0.0]]],["video-000006.mp4",[[0.5,0.0]]]]' in page
    assert "are missing" not in page
    both = [re.search('<div class="sheets">.*', text)[0] for text in (page, whole)]
    assert both[0] == both[1]


def test_lost_state_of_a_resumed_page_is_said(run_track, out, monkeypatch):
    stop_at_sixth_update(monkeypatch, signal.SIGTERM)
    every = ("--checkpoint-every", "1e-9")
    assert run_track("--quiet", *every) == 128 + signal.SIGTERM
    (out / PAGE_STATE).write_bytes(b"not a state")
    assert run_track("--quiet", *every, "--resume") == 0
    assert "Images, ways and gaps of frames 1 to 5 are missing" in read_page(out)
    assert card(read_page(out), "frames") == str(synthetic_video.FRAMES)


def test_page_of_a_full_disk_does_not_cost_the_summary(run_track, out, monkeypatch, capsys):
    def full(path, *given, **named):
        raise OSError(f"cannot write {path} (No space left on device)")

    monkeypatch.setattr(results_page, "write_atomically", full)
    assert run_track("--quiet", "--checkpoint-every", "0") == 2
    assert "index.html" in synthetic_video.read_error_line(capsys)
    assert read_summary(out)["frames"] == synthetic_video.FRAMES
    assert (out / "tracks.txt").stat().st_size > 0


def test_names_in_the_options_are_escaped(video, detections, tmp_path):
    folder = tmp_path / "<img src=x>&"
    folder.mkdir()
    source = folder / "<b>.avi"
    source.write_bytes(video.read_bytes())
    out = tmp_path / "out"
    options = ["--detections", str(detections), "--embedder", "none", "--quiet", "--out", str(out)]
    assert main(["track", str(source), *options]) == 0
    page = read_page(out)
    assert "<title>&lt;b&gt;.avi</title>" in page
    assert "<img src=x>" not in page
