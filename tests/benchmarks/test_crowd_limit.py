"""benchmarks/crowd_limit.py on a small crowd."""

from pathlib import Path

import pytest

from benchmarks import crowd_limit


@pytest.mark.parametrize("embedded", [False, True])
def test_both_trees_are_measured_in_their_own_process(tmp_path: Path, embedded: bool) -> None:
    crowd = tmp_path / "crowd.npz"
    crowd_limit.write_crowd(crowd, people=20, frames=4, seed=0, embedded=embedded)
    rounds = [crowd_limit.run_in_process(crowd_limit.HERE, crowd) for _ in range(2)]
    results = {"before": rounds[:1], "this revision": rounds[1:]}
    lines = crowd_limit.report("title", results)
    assert lines[0] == "\ntitle"
    assert lines[-1] == "detections with an id in each frame: 0, 0, 20, 20"
    assert all(float(line.split()[-2]) > 0 for line in lines[2:-1])
    assert crowd_limit.errors(results, 20) == []
    rounds[1]["ids"][3][0] = 99
    assert crowd_limit.errors(results, 20) == ["the revisions assign different ids"]
    rounds[1]["ids"][3].pop()
    assert len(crowd_limit.errors(results, 20)) == 2


def test_folder_without_the_package_is_refused(tmp_path: Path) -> None:
    crowd = tmp_path / "crowd.npz"
    crowd_limit.write_crowd(crowd, people=2, frames=1, seed=0, embedded=False)
    with pytest.raises(ValueError, match="--before: expected a checkout with deepsort_reid/"):
        crowd_limit.run_in_process(tmp_path, crowd)
