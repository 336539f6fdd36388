"""The results page of a run, index.html, which is written at its end."""

import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from deepsort_reid.cli.people import People
from deepsort_reid.cli.run_files import PAGE_STATE
from deepsort_reid.io.atomic import write_atomically
from deepsort_reid.io.state_file import read_state, state_bytes
from deepsort_reid.pipeline import TrackedFrame
from deepsort_reid.results.people import group_persons
from deepsort_reid.results.recorder import Recorder
from deepsort_reid.results.times import count
from deepsort_reid.results.track_page import RunResults, track_page
from deepsort_reid.results.video_index import VideoIndex
from deepsort_reid.tracking import DeepSortConfig

PAGE = "index.html"
_KIND = "a results page"
_MAX_SHARE = 0.005  # of the time of a run, for the state that --resume continues


class ResultsPage:
    """Records what the page of a run shows, and writes it.

    Args:
        folder: of the page.
        people: of the run.
    """

    def __init__(self, folder: Path, people: People) -> None:
        self._folder, self._people = folder, people
        self._recorder, self._videos = Recorder(), VideoIndex()
        self._next_save = 0.0

    @property
    def last_frame(self) -> int:
        """Number of the last frame that was added."""
        return self._recorder.last_frame

    def add(self, frame: TrackedFrame) -> None:
        """Record a frame."""
        self._recorder.add(frame.number, frame.time, frame.frame, frame.tracks)

    def add_to_video(self, name: str, time: float, video_time: float) -> None:
        """Record that the frame of `time` is at `video_time` seconds in a video of the folder."""
        self._videos.add(name, time, video_time)

    def write(self, summary: dict[str, Any]) -> None:
        """Write the page of a run with this summary, atomically. Raises OSError that names it."""
        rows = list(self._people.rows())
        results = RunResults(
            title=source_title(str(summary.get("source", "tracks"))),
            frames=summary["frames"],
            boxes=summary["boxes"],
            first_time=summary["first_frame_time"],
            last_time=summary["last_frame_time"],
            speed=summary.get("frames_per_second"),
            persons=group_persons(rows, self._people.reasons(rows), self._recorder),
            recorder=self._recorder,
            videos=self._videos,
            facts=_facts(summary),
            notes=_notes(summary, self._recorder),
        )
        write_atomically(self._folder / PAGE, track_page(results))

    def save_if_due(self) -> None:
        """Save what was recorded, for a continuation, unless that takes much of the time."""
        start = time.monotonic()
        if start < self._next_save:
            return
        state = {"recorder": self._recorder.state_dict(), "videos": self._videos.state_dict()}
        write_atomically(self._folder / PAGE_STATE, state_bytes(_KIND, state), sync=False)
        now = time.monotonic()
        self._next_save = now + (now - start) / _MAX_SHARE

    def resume(self, last_frame: int) -> None:
        """Continue from the saved state after frame `last_frame`; what it lacks is noted."""
        saved = 0
        with suppress(OSError, ValueError):
            state = read_state(self._folder / PAGE_STATE, _KIND)
            saved = state["recorder"]["last_frame"]
            # After a power failure, it can be of a later frame than the checkpoint.
            if saved <= last_frame:
                self._recorder.load_state_dict(state["recorder"])
                self._videos.load_state_dict(state["videos"])
        saved = self._recorder.last_frame
        if saved < last_frame:
            self._recorder.missing.append((saved + 1, last_frame))


def source_title(source: str) -> str:
    """Name of a source, without its folder."""
    source = source.rstrip("/\\")
    return source.replace("\\", "/").rpartition("/")[2] or source


def _notes(summary: dict[str, Any], recorder: Recorder) -> list[str]:
    """What is probably wrong, and what the page lacks."""
    notes = []
    if summary.get("status") != "complete":
        notes.append(
            f"The run did not reach the end of its source ({summary.get('status')}): this page "
            f"shows the {summary['frames']:,} frames before that."
        )
    notes += [
        f"Images, ways and gaps of frames {first} to {last} are missing: they were tracked before "
        "the run was resumed, and not kept. Counts, times and persons are of all frames."
        for first, last in recorder.missing
    ]
    dropped = recorder.traces.num_dropped
    if dropped:
        notes.append(f"Ways and images of {dropped:,} short tracks were left out.")
    pairs = recorder.crossings.num_dropped
    if pairs:
        notes.append(f"{pairs:,} crossings with small overlaps were left out.")
    if summary.get("embedder") == "none":
        notes.append("Tracked without an embedder: a person who returns is counted again.")
    return [*notes, *summary.get("notes", [])]


def _facts(summary: dict[str, Any]) -> list[tuple[str, str]]:
    """What was used, and how long it took."""
    names = ("source", "status", "detector", "embedder", "lag", "resumed")
    facts = [(name, str(summary[name])) for name in names if summary.get(name)]
    stream = summary.get("stream")
    if stream:
        received = count(stream["frames_received"], "frame")
        text = f"first frame at {stream['first_frame_at']}, {received} received"
        dropped, reconnects = stream["frames_dropped"], count(stream["reconnects"], "reconnection")
        facts.append(("stream", f"{text}, {dropped:,} left out, {reconnects}"))
    changed = _changed_settings(summary.get("config"))
    facts.append(("settings", changed or "all at their defaults"))
    stages = summary.get("milliseconds_per_frame", {})
    if stages:
        text = ", ".join(f"{name} {milliseconds:.1f}" for name, milliseconds in stages.items())
        facts.append(("milliseconds per frame", text))
    scores = {"hota": "HOTA", "mota": "MOTA", "idf1": "IDF1", "id_switches": "id switches"}
    known = [f"{name} {summary[key]}" for key, name in scores.items() if key in summary]
    if known:
        facts.append(("scores", ", ".join(known)))
    versions = ", ".join(f"{name} {version}" for name, version in summary["versions"].items())
    return [*facts, ("versions", versions)]


def _changed_settings(config: dict[str, Any] | None) -> str:
    """The settings that differ from their defaults, as text."""
    defaults = asdict(DeepSortConfig())
    changed = {k: v for k, v in (config or {}).items() if defaults.get(k, v) != v}
    return ", ".join(f"{name} {value}" for name, value in changed.items())
