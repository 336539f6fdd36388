import csv

import numpy as np

from deepsort_reid import metrics
from deepsort_reid.metrics.report import COLUMNS
from tests.metrics import oracle


def example_scores() -> dict[str, metrics.Scores]:
    found = {}
    for seed in (0, 1):
        truth, predicted, frames = oracle.random_scene(seed)
        found[f"a_{seed}"] = metrics.evaluate(truth, predicted, frames=frames)
    return found


def test_combined_row_is_the_sum_of_several_sequences() -> None:
    scores = example_scores()
    rows = metrics.with_combined(scores)
    assert list(rows) == ["a_0", "a_1", "COMBINED"]
    both = scores["a_0"].clear.switches + scores["a_1"].clear.switches
    assert rows["COMBINED"].clear.switches == both
    assert list(metrics.with_combined({"a_0": scores["a_0"]})) == ["a_0"]


def test_text_table_is_aligned_and_in_percent() -> None:
    scores = example_scores()
    lines = metrics.text_table(scores).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert lines[0].split() == [column.name for column in COLUMNS]
    assert lines[1].split()[1] == f"{100 * scores['a_0'].hota.hota.mean():.1f}"


def test_latex_table_has_a_row_per_sequence_and_escapes_names() -> None:
    text = metrics.latex_table(metrics.with_combined(example_scores()))
    assert text.count(r" \\" + "\n") == 4
    assert r"a\_0 & " in text
    assert text.count(r"\midrule") == 2
    assert r"IDSW $\downarrow$" in text


def test_names_are_no_commands_in_latex_and_no_formulas_in_csv() -> None:
    (scores,) = list(example_scores().values())[:1]
    names = [r"\input{/etc/passwd}", "a^b~{c}", "=1+1", "-2", "two\nlines"]
    text = metrics.latex_table(dict.fromkeys(names, scores))
    assert r"\textbackslash{}input\{/etc/passwd\} & " in text
    assert r"a\textasciicircum{}b\textasciitilde{}\{c\} & " in text
    assert "two lines & " in text
    lines = list(csv.reader(metrics.csv_table(dict.fromkeys(names, scores)).splitlines()))
    assert [line[0] for line in lines[3:5]] == ["'=1+1", "'-2"]


def test_csv_table_holds_every_number_unrounded() -> None:
    scores = example_scores()
    lines = list(csv.DictReader(metrics.csv_table(scores).splitlines()))
    for line in lines:
        expected = metrics.as_dict(scores[line.pop("sequence")])
        expected.pop("per_threshold")
        assert {name: float(value) for name, value in line.items()} == expected


def test_dictionary_has_all_fields_of_trackeval() -> None:
    truth, predicted, frames = oracle.random_scene(0)
    theirs = oracle.trackeval_scores(oracle.trackeval_data(truth, predicted, frames))
    ours = metrics.as_dict(metrics.evaluate(truth, predicted, frames=frames))
    lists = ours["per_threshold"]
    assert isinstance(lists, dict)
    for name, value in theirs.items():
        if np.ndim(value):
            np.testing.assert_allclose(lists[name], value, rtol=0, atol=1e-9)
        else:
            np.testing.assert_allclose(ours[name], value, rtol=0, atol=1e-9)
