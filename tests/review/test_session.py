import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

from deepsort_reid.review import (
    Confirm,
    Delete,
    MarkDifferent,
    MarkSame,
    MergePersons,
    Move,
    Rename,
    Review,
    SplitTrack,
)
from tests.review import run_folders

EDITS = [
    MergePersons(1, 3),
    SplitTrack(2, 12),
    Rename(1, 'Ada "Lovelace" <b>'),
    Delete(4),
    MarkDifferent(1, 2),
    Confirm("gap:2:20"),
]


def seen(review):
    """Everything that a review shows of its state."""
    boxes = review.boxes
    return (
        review.pieces(),
        review.persons(),
        review.doubts(),
        [column.tolist() for column in boxes],
        (review.can_undo, review.can_redo, review.revision),
    )


def test_run_is_shown_as_it_was_tracked(review):
    info = review.info
    assert (info.name, info.width, info.height, info.fps) == ("run", 160, 120, 10)
    assert (info.first_frame, info.last_frame, info.every, info.num_frames) == (1, 30, 1, 30)
    (warning,) = info.warnings
    assert "no registry of persons: corrections change this run alone" in warning
    assert [(each.id, each.person, each.boxes) for each in review.pieces()] == [
        (1, 1, 10),
        (2, 2, 30),
        (3, 3, 11),
        (4, 4, 2),
    ]
    assert [each.probability for each in review.pieces()] == [1.0, 0.99, 0.4, 0.9]
    boxes = review.boxes
    assert (np.diff(boxes.frame) >= 0).all()
    assert (boxes.frame.dtype, boxes.piece.dtype, boxes.xyxy.dtype) == ("<i4", "<i4", "<f4")
    expected = run_folders.tracked_rows()
    np.testing.assert_array_equal(boxes.xyxy[boxes.piece == 3], expected.xyxy[expected.id == 3])


def test_edits_are_undone_and_made_again(review):
    states = [seen(review)[:4]]
    for edit in EDITS:
        review.apply(edit)
        states.append(seen(review)[:4])
    for expected in reversed(states[:-1]):
        review.undo()
        assert seen(review)[:4] == expected
    assert not review.can_undo
    for expected in states[1:]:
        review.redo()
        assert seen(review)[:4] == expected
    assert not review.can_redo
    assert review.revision == 3 * len(EDITS)
    review.undo()
    review.apply(Delete(2))
    assert not review.can_redo
    with pytest.raises(ValueError, match="there is no edit to redo"):
        review.redo()


def test_opened_again_everything_is_as_before(run):
    with Review.open(run) as review:
        for edit in EDITS:
            review.apply(edit)
        review.undo()
        review.undo()
        review.redo()
        before = seen(review)
    for read_only in (True, False):
        with Review.open(run, read_only=read_only) as again:
            assert seen(again) == before
            assert "incomplete" not in str(again.info.warnings)


def test_random_edits_are_replayed(run):
    """Whatever was possible is possible again, and leads to the same state."""
    chance = random.Random(3)
    with Review.open(run) as review:
        made = 0
        while made < 200:
            pieces = [each.id for each in review.pieces()] + [99]
            persons = [each.id for each in review.persons()] + [99]
            piece, person, other = (chance.choice(each) for each in (pieces, persons, persons))
            frames = sorted(chance.choices(range(1, 32), k=2))
            step = chance.choice(
                [
                    lambda p=person, o=other: review.apply(MergePersons(p, o)),
                    lambda p=piece, f=frames: review.apply(SplitTrack(p, f[0])),
                    lambda p=piece, f=frames, o=other: review.apply(Move(p, *f, o)),
                    lambda p=piece, f=frames: review.apply(Move(p, *f)),
                    lambda p=person: review.apply(Rename(p, chance.choice(["Ada", "Bob", None]))),
                    lambda p=piece: review.apply(Delete(p)),
                    lambda p=person, o=other: review.apply(MarkSame(p, o)),
                    lambda p=person, o=other: review.apply(MarkDifferent(p, o)),
                    review.undo,
                    review.undo,
                    review.redo,
                ]
            )
            before = seen(review)
            try:
                step()
                made += 1
            except ValueError:
                assert seen(review) == before
            rows = review.corrected()
            pairs = np.stack([rows.frame, rows.id], axis=1)
            assert len(np.unique(pairs, axis=0)) == len(rows)  # nobody is twice in a frame
        expected = seen(review)
    with Review.open(run) as again:
        assert seen(again) == expected


def test_refused_edit_is_not_logged(run, review):
    with pytest.raises(ValueError, match="no such person"):
        review.apply(MergePersons(1, 99))
    assert not (run / "edits.jsonl").exists()


def test_log_says_what_was_done(run, review):
    review.apply(MergePersons(1, 3))
    review.undo()
    header, edit, undo = map(json.loads, (run / "edits.jsonl").read_text().splitlines())
    assert (header["format"], header["version"]) == ("deepsort_reid edits", 1)
    assert {name: edit[name] for name in ("kind", "into", "from")} == {
        "kind": "merge_persons",
        "into": 1,
        "from": 3,
    }
    assert undo["kind"] == "undo"
    assert undo["time"].startswith("20")


def test_edit_is_on_the_disk_when_it_is_made(run, review, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda file: synced.append(os.fstat(file).st_size))
    review.apply(Delete(4))
    assert synced == [(run / "edits.jsonl").stat().st_size]


def test_edit_that_cannot_be_written_is_not_made(run, review, monkeypatch):
    review.apply(Delete(4))
    before, text = seen(review), (run / "edits.jsonl").read_bytes()

    def fail(file):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match=r"No space left.*edits\.jsonl"):
        review.apply(Delete(2))
    monkeypatch.undo()
    assert seen(review) == before
    review.apply(Delete(3))
    assert [each.deleted for each in review.pieces()] == [False, False, True, True]
    review.close()
    with Review.open(run) as again:
        assert seen(again) == seen(review)
    assert (run / "edits.jsonl").read_bytes().startswith(text)


@pytest.mark.parametrize("torn", [b'{"kind": "del', b'{"kind": "delete", "piece": 2}', b"\xff\x00"])
def test_incomplete_last_line_is_left_out_and_said(run, torn):
    with Review.open(run) as review:
        review.apply(Delete(4))
        before = seen(review)
    path = run / "edits.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + torn)
    with Review.open(run, read_only=True) as again:
        assert seen(again) == before
        assert "the last line is incomplete" in again.info.warnings[-1]
    assert path.read_bytes() == whole + torn  # reading changes nothing
    with Review.open(run) as again:
        again.apply(Delete(3))
    with Review.open(run) as again:
        assert "incomplete" not in str(again.info.warnings)
        assert again.revision == 2


def test_log_that_was_cut_in_the_first_line_begins_anew(run):
    (run / "edits.jsonl").write_bytes(b'{"format": "deeps')
    with Review.open(run) as review:
        review.apply(Delete(4))
    with Review.open(run) as again:
        assert again.revision == 1


def damaged_log(run, change):
    with Review.open(run) as review:
        review.apply(SplitTrack(2, 12))
        review.apply(Delete(5))
    path = run / "edits.jsonl"
    path.write_bytes(change(path.read_bytes()))
    return path.read_bytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data.replace(b'"piece": 5', b'"piece": 9'), r":3: the edit does not fit: pi"),
        (lambda data: data.replace(b'"frame": 12', b'"frame": 1'), r":2: the edit does not fit: "),
        (lambda data: data.replace(b'"split_track"', b'"explode"'), r":2: expected an edit of ki"),
        (lambda data: data.replace(b'{"kind": "split', b'{"kind: "split'), r":2: expected a JSON"),
        (lambda data: data.replace(b"sha256:", b"sha256:0"), r": the edits do not fit: they were"),
        (lambda data: data.replace(b'"version": 1', b'"version": 7'), r":1: expected edits of ve"),
        (lambda data: data.replace(b"deepsort_reid edits", b"shopping list"), r":1: expected 'de"),
        (lambda data: b"[" * 100_000 + b"\n" + data, r":1: expected a JSON object"),
    ],
)
def test_edits_that_do_not_fit_are_named_in_one_line_and_kept(run, change, message):
    data = damaged_log(run, change)
    with pytest.raises(ValueError, match=rf"edits\.jsonl{message}") as caught:
        Review.open(run)
    assert "\n" not in str(caught.value)
    assert (run / "edits.jsonl").read_bytes() == data
    (run / "edits.jsonl").unlink()
    Review.open(run).close()  # the folder is not locked by the failure


def test_edits_of_other_tracks_do_not_fit(run):
    with Review.open(run) as review:
        review.apply(Delete(4))
    text = (run / "tracks.txt").read_text()
    (run / "tracks.txt").write_text(text.replace("\n15,4,", "\n14,4,"))
    with pytest.raises(ValueError, match=r"edits\.jsonl: the edits do not fit"):
        Review.open(run)


def test_folder_is_open_in_one_process(run, review):
    script = f"from deepsort_reid.review import Review; Review.open({str(run)!r})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "expected a folder that no other process writes to" in done.stderr
    with (
        Review.open(run, read_only=True) as reader,
        pytest.raises(ValueError, match="was opened for reading only"),
    ):
        reader.apply(Delete(4))


def test_edits_of_several_threads_are_all_made(run, review):
    threads = [
        threading.Thread(target=lambda n=n: review.apply(Confirm(f"{n}"))) for n in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert review.revision == 20
    review.close()
    with Review.open(run) as again:
        assert again.state.confirmed == {str(n) for n in range(20)}


KILLED = """
    import itertools, sys
    from deepsort_reid.review import Rename, Review
    with Review.open(sys.argv[1]) as review:
        for number in itertools.count():
            review.apply(Rename(1, f"name {number}"))
            print(number, flush=True)
"""


def test_kill_loses_no_edit(run):
    """Three processes are killed one after the other, in the middle of their edits."""
    total = 0
    for wait in (0.0, 0.05, 0.1):
        command = [sys.executable, "-c", textwrap.dedent(KILLED), str(run)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(wait)
            process.send_signal(signal.SIGKILL)
            printed = process.stdout.read().split()
        last = int(printed[-1]) if printed else 0
        total += last + 1
        with Review.open(run) as review:
            # One more may have been written before it was printed.
            name = review.persons()[0].name
            made = int(name.split()[1])
            assert made in (last, last + 1)
            total += made - last
            assert review.revision == total
