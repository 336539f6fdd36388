"""Figures and HTML report of an evaluation."""

import csv
import json
import re

import numpy as np
import pytest

from deepsort_reid.io.images import read_image
from deepsort_reid.reid.data.crop_extraction import CropConfig, extract_crops
from deepsort_reid.reid.data.datasets import read_identity_folders
from deepsort_reid.reid.evaluation import plots
from deepsort_reid.reid.evaluation.report import write_report
from deepsort_reid.reid.evaluation.report_page import render_page
from deepsort_reid.reid.evaluation.retrieval import evaluate_each_against_all
from deepsort_reid.reid.evaluation.summary import Evaluation, summary, summary_over_identities
from deepsort_reid.reid.evaluation.verification import AucByGap, PairSimilarity
from tests.metrics.report.test_html_report import opened
from tests.reid import synthetic_sequence


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory):
    folder = tmp_path_factory.mktemp("crops")
    config = CropConfig(height=32, width=16, min_height=10)
    extract_crops(synthetic_sequence.frames(), synthetic_sequence.truth(), "street", folder, config)
    samples = read_identity_folders(folder)
    rng = np.random.default_rng(0)
    names = [sample.identity for sample in samples]
    code = np.unique(names, return_inverse=True)[1]
    embedding = unit(np.eye(8)[code] + 0.25 * rng.normal(size=(len(samples), 8)))
    result = evaluate_each_against_all(embedding, names)
    return Evaluation(
        "net <1>.onnx", "crops", samples, samples, embedding, result, ["a/b.jpg: is empty"]
    )


@pytest.fixture(scope="module")
def report(evaluation, tmp_path_factory):
    return write_report(tmp_path_factory.mktemp("report") / "new", evaluation)


def test_all_images_are_written(report):
    names = {path.name for path in report.parent.glob("*.png")}
    assert names == {
        "auc_by_gap.png",
        "best_identities.png",
        "cmc.png",
        "precision_recall.png",
        "ranked.png",
        "similarity.png",
        "tsne.png",
        "worst_identities.png",
    }
    for name in names:
        assert read_image(report.parent / name).std() > 5


def test_page_is_self_contained(report):
    page = report.read_text(encoding="utf-8")
    sources = re.findall(r'(?:src|href)="([^"]{0,22})', page)
    assert len(sources) == 8
    assert set(sources) == {"data:image/png;base64,"}
    assert "://" not in re.sub(r'src="[^"]*"', "", page)


def test_page_shows_scores_identities_and_skipped_images_and_escapes_names(report, evaluation):
    page = report.read_text(encoding="utf-8")
    assert "net &lt;1&gt;.onnx on crops" in page
    assert "net <1>" not in page
    assert f"{evaluation.result.mean_average_precision:.1%}" in page
    assert "a/b.jpg: is empty" in page
    for scores in evaluation.result.per_identity:
        assert f"<th>{scores.identity}</th>" in page


def test_identity_names_are_escaped():
    result = evaluate_each_against_all(np.eye(2)[[0, 0, 1, 1]], ["<b>&", "<b>&", "c", "c"])
    page = render_page("t", "f", result, [], [])
    assert "<th>&lt;b&gt;&amp;</th>" in page
    assert "<b>" not in page


def test_scores_are_written_as_json_and_csv(report, evaluation):
    scores = json.loads((report.parent / "scores.json").read_text(encoding="utf-8"))
    assert scores["over_queries"]["mAP"] == evaluation.result.mean_average_precision
    assert (scores["queries"], scores["skipped"]) == (32, ["a/b.jpg: is empty"])
    with (report.parent / "per_identity.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["identity"] for row in rows] == ["street_0001", "street_0002", "street_0003"]
    assert [int(row["queries"]) for row in rows] == [12, 12, 8]


@pytest.mark.browser
def test_browser_shows_every_image_within_the_page(report, tmp_path):
    script = """<script>
    const all = [...document.images];
    const bad = all.filter((each) => !each.complete || each.naturalWidth < 100);
    const wide = document.documentElement.scrollWidth > document.documentElement.clientWidth;
    document.body.textContent = JSON.stringify({ images: all.length, bad: bad.length, wide });
    </script>"""
    page = tmp_path / "page.html"
    text = report.read_text(encoding="utf-8").replace("</body>", f"{script}</body>")
    page.write_text(text, encoding="utf-8")
    document, complaints = opened(page, tmp_path / "profile")
    assert complaints == []
    assert '{"images":8,"bad":0,"wide":false}' in document


def test_summary_over_identities_counts_each_identity_once():
    embedding = unit(np.array([[1, 0], [1, 0.1], [1, 0.2], [0.9, 1], [-1, 1.0]]))
    result = evaluate_each_against_all(embedding, list("aaabb"))
    precision = [scores.mean_average_precision for scores in result.per_identity]
    assert summary_over_identities(result)["mAP"] == pytest.approx(np.mean(precision))
    weighted = np.average(precision, weights=[3, 2])
    assert summary(result)["mAP"] == pytest.approx(weighted)
    assert summary(result)["rank-20"] == result.cmc[20]


def test_cmc_figure_draws_each_identity_and_both_averages(evaluation):
    figure = plots.cmc_figure(evaluation.result, ranks=5)
    lines = [line.get_ydata() for line in figure.axes[0].lines if len(line.get_ydata())]
    assert len(lines) == 3 + 2
    np.testing.assert_array_equal(lines[-1], evaluation.result.cmc[1:6])
    for line, scores in zip(lines, evaluation.result.per_identity, strict=False):
        np.testing.assert_array_equal(line, scores.cmc[1:6])


def test_precision_recall_figure_draws_the_averaged_curve(evaluation):
    line = plots.precision_recall_figure(evaluation.result).axes[0].lines[0]
    np.testing.assert_array_equal(
        line.get_ydata(), evaluation.result.precision_at(np.linspace(0, 1, 101))
    )


def test_tsne_figure_names_each_identity_once():
    place = np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32)
    axes = plots.tsne_figure(place, [f"p{row % 30}" for row in range(60)]).axes[0]
    assert len(axes.get_legend().get_texts()) == 30
    assert sum(len(dots.get_offsets()) for dots in axes.collections) == 60


def test_tsne_figure_shows_names_as_they_are(tmp_path):
    names = [r"$\frac{$", "_hidden", "plain"]
    figure = plots.tsne_figure(np.zeros((3, 2), np.float32), names)
    shown = {text.get_text() for text in figure.axes[0].get_legend().get_texts()}
    assert shown == {r"\$\frac{\$", " _hidden", "plain"}
    plots.save(figure, tmp_path / "tsne.png")  # mathematics that is not valid would raise


def test_auc_by_gap_figure_omits_bins_without_pairs():
    curve = AucByGap(
        np.array([1, 2, 5]),
        np.array([2, 5, 10]),
        np.array([0.99, np.nan, 0.8]),
        np.array([5, 0, 5]),
        np.array([5, 5, 5]),
    )
    axes = plots.auc_by_gap_figure(curve).axes[0]
    assert axes.lines[0].get_ydata().tolist() == [0.99, 0.8]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["1", "2 to 4", "5 to 9"]


def test_similarity_figure_without_same_identity_pairs():
    one = np.full(4, 0.5, np.float32)
    figure = plots.similarity_figure(PairSimilarity(one[:0], one))
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels == ["different identities: 4 pairs, median 0.50"]
