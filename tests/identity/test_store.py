import os
import signal
import sqlite3
import stat
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

from deepsort_reid.identity import PersonRegistry
from tests.identity.people import DIM, People, show


@pytest.fixture
def path(tmp_path):
    return tmp_path / "people.sqlite"


def filled(path, **arguments):
    """A registry with three persons: tracks 1, 2 ended, 3 is person 1 again and in view with 4."""
    registry, people = PersonRegistry(path, **arguments), People()
    show(registry, people, {1: 0, 2: 1}, ended=[1, 2])
    show(registry, people, {3: 0, 4: 5}, start=100)
    return registry, people


def bytes_on_disk(path):
    return b"".join(file.read_bytes() for file in path.parent.iterdir())


def test_nothing_is_written_without_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    registry, _ = filled(None)
    registry.close()
    assert list(tmp_path.iterdir()) == []


def test_file_holds_what_the_page_on_privacy_says(path):
    """Another column belongs on that page, docs/privacy.md, too."""
    filled(path)[0].close()
    database = sqlite3.connect(path)
    names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE sql > ''")]
    columns = {
        name: {column[1] for column in database.execute(f"PRAGMA table_info({name})")}
        for name in names
    }
    settings = {name for (name,) in database.execute("SELECT name FROM settings")}
    widths = database.execute("SELECT max(length(counts) / 8) FROM tracks").fetchone()
    database.close()
    numbers = {"probability", "runner_up", "num_embeddings", "next_search", "framewise", "by_hand"}
    times = {"first_time", "last_time", "updated", "live"}
    appearance = {"counts", "embedding"}
    pairs = {"seen_together", "apart"}
    own = {"key", "camera", "run", "id", "person", "reason"}
    assert columns == {
        "tracks": own | times | numbers | pairs | appearance,
        "persons": {"person", "name"},
        "cameras": {"number", "name", "run", "num_updates", "last_time", "time_offset"},
        "settings": {"name", "value"},
    }
    assert settings == {"embedder", "dim", "matching", "last_person", "next_key"}
    assert widths[0] <= 6


def test_reopened_registry_knows_everything(path):
    registry, _ = filled(path)
    registry.rename(1, "Ada")
    registry.different(("door", 2), ("door", 4))
    expected = registry.persons, registry.gallery(1), registry.matching.state_dict()
    reason = registry.explain_person("door", 3).reason
    registry.close()
    with PersonRegistry(path) as again:
        persons, gallery, matching = expected
        assert again.persons == persons
        assert again.name(1) == "Ada"
        assert again.matching.state_dict() == matching
        assert np.allclose(again.gallery(1).embedding, gallery.embedding, atol=1e-6)
        assert np.array_equal(again.gallery(1).counts, gallery.counts)
        assert again.explain_person("door", 3).reason == reason
        with pytest.raises(ValueError, match="were declared to be different"):
            again.merge(2, again.person_of("door", 4))
        with pytest.raises(ValueError, match="were seen in one frame"):
            again.merge(1, again.person_of("door", 4))


def test_people_in_view_are_recognised_after_a_restart(path):
    registry, people = filled(path)
    expected = [registry.person_of("door", id) for id in (3, 4)]
    registry.close()
    with PersonRegistry(path) as again:
        update = show(again, people, {1: 0, 2: 5}, start=111)
        assert update.person_id.tolist() == expected
        assert again.track("door", 1).run == 2
        assert not again.track("door", 3, run=1).live


def test_run_can_be_continued_after_a_restart(path):
    registry, people = filled(path)
    registry.close()
    with PersonRegistry(path) as again:
        assert again.start_camera("door", 1) == 1
        show(again, people, {3: 0, 4: 5}, start=111)
        assert again.track("door", 3).num_embeddings == 20
        assert again.track("door", 3).first_time == 100


def test_clock_that_starts_over_after_a_restart_follows_the_old_one(path):
    registry, people = filled(path)
    registry.close()
    with PersonRegistry(path) as again:
        show(again, people, {1: 0, 2: 5}, start=0)
        assert again.track("door", 1).first_time == pytest.approx(109, abs=0.01)


def test_persons_are_never_numbered_twice(path):
    registry, people = filled(path)
    last = max(registry.persons)
    registry.forget(last)
    registry.close()
    with PersonRegistry(path) as again:
        assert show(again, people, {1: 9}, start=300).person_id.tolist() == [last + 1]


WRITER = """
    import sys, time
    from deepsort_reid.identity import PersonRegistry
    from tests.identity.people import People, show
    registry, people = PersonRegistry(sys.argv[1]), People()
    show(registry, people, {1: 0, 2: 1}, ended=[1, 2])
    show(registry, people, {3: 0, 4: 5}, start=100, frames=3)
    time.sleep(1.1)
    frame = 103
    while True:
        registry.update("door", frame, [3, 4], people.embed([0, 5]))
        frame += 1
        if frame == 400:
            print("ready", flush=True)
"""


def start_writer(path):
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WRITER), str(path)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
def test_killed_process_loses_nobody_and_leaves_no_lock(path):
    process = start_writer(path)
    try:
        with pytest.raises(ValueError, match=f"process {process.pid} since .* does") as refused:
            PersonRegistry(path)
        assert "\n" not in str(refused.value)
        with PersonRegistry(path, read_only=True) as reader:
            assert list(reader.persons) == [1, 2, 3]
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    with PersonRegistry(path) as again:
        assert [track.id for track in again.history(1)] == [1, 3]
        assert again.track("door", 3).live
        assert again.track("door", 4).num_embeddings >= 3
        update = show(again, People(), {1: 5, 2: 0}, start=10**6)
        assert update.person_id.tolist() == [3, 1]


def test_reader_changes_nothing(path):
    filled(path)[0].close()
    before = path.read_bytes()
    with PersonRegistry(path, read_only=True) as reader:
        assert reader.person_of("door", 3) == 1
        with pytest.raises(ValueError, match="opened with read_only=True"):
            reader.update("door", 500, [9])
        with pytest.raises(ValueError, match="opened with read_only=True"):
            reader.forget(1)
    assert path.read_bytes() == before
    with pytest.raises(FileNotFoundError, match=r"none\.sqlite: no such file"):
        PersonRegistry(path.with_name("none.sqlite"), read_only=True)


def test_second_writer_of_the_same_process_is_refused(path):
    with PersonRegistry(path), pytest.raises(ValueError, match=f"process {os.getpid()}"):
        PersonRegistry(path)
    PersonRegistry(path).close()
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_closed_registry_refuses_changes_and_closes_twice(path):
    registry, _ = filled(path)
    registry.close()
    registry.close()
    with pytest.raises(ValueError, match="the registry is closed"):
        registry.update("door", 500, [9])


def test_another_embedder_is_refused(path):
    filled(path, embedder="osnet")[0].close()
    with pytest.raises(ValueError, match="expected embeddings of 'osnet', got those of 'resnet'"):
        PersonRegistry(path, embedder="resnet")
    with PersonRegistry(path) as again:
        with pytest.raises(ValueError, match="expected embeddings of 'osnet'"):
            again.set_embedder("resnet")
        with pytest.raises(ValueError, match=f"expected {DIM}, got 2"):
            again.update("door", 500, [9], [[0.6, 0.8]])
        again.set_embedder("osnet")


def another_database(path):
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE music (title TEXT)")
    database.close()


def later_version(path):
    filled(path)[0].close()
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()


def truncated(path):
    filled(path)[0].close()
    os.truncate(path, path.stat().st_size // 2)


def overwritten(path):
    filled(path)[0].close()
    content = bytearray(path.read_bytes())
    for page in range(4096, len(content), 4096):
        content[page : page + 64] = b"\xff" * 64
    path.write_bytes(content)


def short_blob(path):
    filled(path)[0].close()
    with sqlite3.connect(path) as database:
        database.execute("UPDATE tracks SET embedding = x'0000'")
    database.close()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.write_text("a letter\n" * 500), "got another file or a damaged one"),
        (another_database, "got another SQLite file"),
        (later_version, "expected a person registry of version 2, got version 99"),
        (truncated, "got another file or a damaged one"),
        (overwritten, "got another file or a damaged one"),
        (short_blob, "damaged one"),
    ],
)
@pytest.mark.parametrize("read_only", [False, True])
def test_file_of_another_kind_is_one_line_and_unchanged(path, make, message, read_only):
    make(path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=message) as refused:
        PersonRegistry(path, read_only=read_only)
    assert str(refused.value).startswith(f"{path}: ")
    assert "\n" not in str(refused.value)
    assert path.read_bytes() == before
    # The lock is free: the second attempt has the same message.
    with pytest.raises(ValueError, match=message):
        PersonRegistry(path, read_only=read_only)


def test_file_that_cannot_be_made_is_named(tmp_path):
    with pytest.raises(OSError, match=r"cannot write .*people"):
        PersonRegistry(tmp_path / "missing" / "people.sqlite")
    with pytest.raises(OSError, match="cannot write"):
        PersonRegistry(tmp_path)


def test_failed_write_loses_nothing_and_is_done_next_time(path):
    registry, people = filled(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    registry._operations._store._database.execute("PRAGMA busy_timeout = 50")
    with pytest.raises(OSError, match=r"people\.sqlite: cannot use .* locked"):
        registry.rename(1, "Ada")
    assert registry.name(1) is None
    other.execute("ROLLBACK")
    other.close()
    show(registry, people, {3: 0}, start=200)
    registry.rename(1, "Ada")
    registry.close()
    with PersonRegistry(path) as again:
        assert again.name(1) == "Ada"
        assert again.track("door", 3, run=1).last_time == 209


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_file_is_readable_by_its_owner_only(path):
    registry, _ = filled(path)
    registry.rename(1, "Ada")
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file.name
    registry.close()


def test_forgotten_person_leaves_no_byte_in_any_file(path):
    registry, people = filled(path)
    registry.rename(1, "Ada Lovelace")
    vectors = [row.tobytes() for row in registry.gallery(1).embedding]
    assert all(vector in bytes_on_disk(path) for vector in vectors)
    assert b"Ada Lovelace" in bytes_on_disk(path)
    registry.forget(1)
    for content in (bytes_on_disk(path), registry.close() or bytes_on_disk(path)):
        assert not any(vector[:16] in content for vector in vectors)
        assert not any(vector[-16:] in content for vector in vectors)
        assert b"Ada" not in content
        assert b"person 1" not in content
    with PersonRegistry(path) as again:
        assert list(again.persons) == [2, 3]
        with pytest.raises(ValueError, match="no track 3"):
            again.track("door", 3, run=1)
        update = show(again, people, {1: 0}, start=300)
        assert update.person_id.tolist() == [4]


def test_person_is_erased_at_the_next_start_when_the_process_was_killed(path, monkeypatch):
    script = """
        import os, sys
        from deepsort_reid.identity import PersonRegistry
        registry = PersonRegistry(sys.argv[1])
        registry._operations.erase = lambda: os._exit(9)
        registry.forget(1)
    """
    registry, _ = filled(path)
    vectors = [row.tobytes() for row in registry.gallery(1).embedding]
    registry.close()
    command = [sys.executable, "-c", textwrap.dedent(script), str(path)]
    assert subprocess.run(command, check=False).returncode == 9
    with PersonRegistry(path) as again:
        assert 1 not in again.persons
        content = bytes_on_disk(path)
    assert not any(vector[:16] in content for vector in vectors)
    assert b"needs_vacuum" not in content


def test_reader_delays_erasing_until_the_file_is_closed(path):
    registry, _ = filled(path)
    registry.rename(2, "Bo")
    vectors = [row.tobytes() for row in registry.gallery(1).embedding]
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM tracks").fetchone()
    registry._operations._store._database.execute("PRAGMA busy_timeout = 50")
    with pytest.raises(OSError, match="deleted persons remain in its -wal file until"):
        registry.forget(1)
    assert 1 not in registry.persons
    reader.close()
    registry.close()
    assert not any(vector[:16] in bytes_on_disk(path) for vector in vectors)
    with PersonRegistry(path) as again:
        assert list(again.persons) == [2, 3]


def test_forgotten_person_in_view_is_a_new_one():
    registry, people = filled(None)
    registry.forget(registry.person_of("door", 3))
    update = show(registry, people, {3: 0, 4: 5}, start=110)
    assert update.person_id.tolist() == [4, 3]
    assert registry.track("door", 3).first_time == 110


def test_every_value_that_was_ever_written_is_erased_with_the_person(path, monkeypatch):
    registry, people = PersonRegistry(path), People(noise=0.1)
    written = []
    for number in range(40):
        show(registry, people, {n: n for n in range(1, 10)}, start=100 * number, frames=4)
        registry.rename(1, f"write {number}")
        written += [row.tobytes() for row in registry.gallery(1).embedding]
    registry.forget(1)
    content = bytes_on_disk(path)
    registry.close()
    assert not any(vector[:16] in content or vector[-16:] in content for vector in written)


def test_tracks_are_removed_after_keep_for(path, monkeypatch):
    now = time.time()
    registry, people = filled(path, keep_for=3600)
    vectors = [row.tobytes() for row in registry.gallery(2).embedding]
    monkeypatch.setattr(time, "time", lambda: now + 3000)
    show(registry, people, {3: 0}, start=200)
    monkeypatch.setattr(time, "time", lambda: now + 4000)
    registry.close()
    with PersonRegistry(path, keep_for=3600) as again:
        assert {person: [t.id for t in tracks] for person, tracks in again.persons.items()} == {
            1: [3]
        }
        assert not any(vector[:16] in bytes_on_disk(path) for vector in vectors)
        again.close()


def test_tracks_are_removed_while_the_registry_is_open(monkeypatch):
    now, clock = time.time(), time.monotonic()
    registry, people = filled(None, keep_for=3600)
    monkeypatch.setattr(time, "time", lambda: now + 4000)
    monkeypatch.setattr(time, "monotonic", lambda: clock + 4000)
    show(registry, people, {9: 7}, start=5000, frames=1)
    assert [track.id for tracks in registry.persons.values() for track in tracks] == [9]
    # Also from the gallery in which persons are searched.
    assert set(registry._records.gallery.track.tolist()) == {-1, 5}


def test_default_retention_is_72_hours(path, monkeypatch):
    filled(path)[0].close()
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 71 * 3600)
    with PersonRegistry(path) as registry:
        assert len(registry.persons) == 3
    monkeypatch.setattr(time, "time", lambda: now + 73 * 3600)
    with PersonRegistry(path, keep_for=None) as registry:
        assert len(registry.persons) == 3
    with PersonRegistry(path) as registry:
        assert registry.persons == {}


@pytest.mark.parametrize("keep_for", [0, -1, float("nan"), "a day"])
def test_wrong_keep_for_is_refused(keep_for):
    with pytest.raises(ValueError, match="keep_for must be seconds > 0, or None"):
        PersonRegistry(keep_for=keep_for)


def test_state_is_not_loaded_into_a_registry_with_a_file(path):
    registry, _ = filled(None)
    with PersonRegistry(path) as stored, pytest.raises(ValueError, match="continues from its file"):
        stored.load_state_dict(registry.state_dict())
