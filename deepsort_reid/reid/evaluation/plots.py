"""Figures of an evaluation, drawn with matplotlib."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from deepsort_reid.reid.evaluation.result import ReidResult
from deepsort_reid.reid.evaluation.verification import AucByGap, PairSimilarity

SIZE = (7.2, 4.4)  # inches
DPI = 150
MAIN, SECOND, FAINT, INK = "#1f5fa8", "#d9772b", "#9db4cf", "#333333"
# Twelve colours that are distinguishable as small points (after the schemes of Paul Tol).
IDENTITY_COLOURS = (
    "#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377",
    "#994f00", "#117733", "#332288", "#dd77cc", "#888888", "#e69f00",
)  # fmt: skip


def save(figure: Figure, path: Path | str) -> None:
    """Write a figure as PNG."""
    figure.savefig(path, dpi=DPI)


def cmc_figure(result: ReidResult, ranks: int = 20) -> Figure:
    """CMC of each identity (faint), averaged over queries, and averaged over identities."""
    figure, axes = _new("Rank", "Queries matched within this rank")
    ranks = min(ranks, len(result.cmc) - 1)
    at = np.arange(1, ranks + 1)
    curves = np.array([identity.cmc[1 : ranks + 1] for identity in result.per_identity])
    faint = max(min(0.5, 12 / len(curves)), 0.03)
    for curve in curves:
        axes.plot(at, curve, color=FAINT, alpha=faint, linewidth=1)
    axes.plot([], [], color=FAINT, linewidth=1, label=f"each of {len(curves)} identities")
    label = f"averaged over identities: rank-1 {curves[:, 0].mean():.1%}"
    axes.plot(at, curves.mean(axis=0), color=SECOND, linewidth=2, linestyle="--", label=label)
    label = f"averaged over queries: rank-1 {result.cmc[1]:.1%}"
    axes.plot(at, result.cmc[1 : ranks + 1], color=MAIN, linewidth=2.5, label=label)
    axes.set_xlim(1, max(ranks, 2))
    axes.set_xticks([rank for rank in (1, 5, 10, 15, 20, 30, 40, 50) if rank <= ranks])
    axes.set_ylim(0, 1.02)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.legend(loc="lower right", edgecolor="none", framealpha=0.85)
    return figure


def precision_recall_figure(result: ReidResult) -> Figure:
    """Interpolated precision against recall, averaged over queries."""
    figure, axes = _new("Recall", "Precision")
    recall = np.linspace(0, 1, 101)
    precision = result.precision_at(recall)
    axes.plot(recall, precision, color=MAIN, linewidth=2.5)
    axes.fill_between(recall, precision, color=MAIN, alpha=0.12)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.set_title(f"mAP {result.mean_average_precision:.1%}", loc="left", color=INK, fontsize=11)
    return figure


def tsne_figure(layout: NDArray[np.float32], identity: Sequence[str]) -> Figure:
    """Scatter plot of embeddings on a plane (N, 2), by identity; identity: N names."""
    figure = Figure(figsize=(7.2, 6.0), layout="constrained")
    axes = figure.add_subplot()
    names = np.asarray(identity)
    distinct = sorted(set(identity))
    for row, name in enumerate(distinct):
        at = layout[names == name]
        # The next marker when all colours are used.
        marker = "osD^vP*X"[row // len(IDENTITY_COLOURS) % 8]
        colour = IDENTITY_COLOURS[row % len(IDENTITY_COLOURS)]
        # No mathematics between dollars; a legend leaves out what begins with an underscore.
        label = name.replace("$", r"\$")
        label = f" {label}" if label.startswith("_") else label
        axes.scatter(at[:, 0], at[:, 1], s=26, c=colour, marker=marker, linewidths=0, label=label)
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_color("#dddddd")
    axes.legend(
        loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=7,
        ncols=1 + (len(distinct) - 1) // 24, handletextpad=0.1, labelspacing=0.35,
    )  # fmt: skip
    return figure


def similarity_figure(pairs: PairSimilarity) -> Figure:
    """Histograms of the similarity of same-identity and different-identity pairs."""
    figure, axes = _new("Cosine similarity", "Density of pairs")
    both = np.concatenate([pairs.same, pairs.different])
    bins = [float(edge) for edge in np.linspace(both.min(), max(both.max(), both.min() + 1e-3), 61)]
    for values, colour, name in (
        (pairs.different, SECOND, "different identities"),
        (pairs.same, MAIN, "same identity"),
    ):
        if len(values):
            label = f"{name}: {len(values):,} pairs, median {np.median(values):.2f}"
            axes.hist(values, bins, density=True, color=colour, alpha=0.45)
            axes.hist(
                values,
                bins,
                density=True,
                histtype="step",
                color=colour,
                linewidth=1.8,
                label=label,
            )
    axes.set_yticks([])
    axes.set_ylim(0, axes.get_ylim()[1] * 1.2)  # room for the legend
    axes.legend(loc="upper left", frameon=False)
    axes.set_title(f"ROC AUC {pairs.auc:.4f}", loc="right", color=INK, fontsize=11)
    return figure


def auc_by_gap_figure(curve: AucByGap) -> Figure:
    """ROC AUC of verification against the number of frames between the two images."""
    figure, axes = _new("Frames between the two images", "ROC AUC of verification")
    known = np.isfinite(curve.auc)
    at = np.arange(len(curve.auc))
    axes.plot(at[known], curve.auc[known], color=MAIN, linewidth=2.5, marker="o", markersize=6)
    for x, y in zip(at[known], curve.auc[known], strict=True):
        axes.annotate(
            f"{y:.3f}", (x, y), xytext=(0, 9), textcoords="offset points", ha="center", fontsize=8
        )
    names = [
        f"{start}" if stop == start + 1 else f"{start} to {stop - 1}"
        for start, stop in zip(curve.start, curve.stop, strict=True)
    ]
    shown = np.flatnonzero(known)
    last = int(shown[-1]) if len(shown) else len(names) - 1
    axes.set_xticks(at[: last + 1], names[: last + 1], fontsize=8)
    axes.set_xlim(-0.4, last + 0.4)
    lowest = float(np.nanmin(curve.auc)) if known.any() else 0.5
    bottom = min(0.95, np.floor(lowest * 20) / 20)
    axes.set_ylim(bottom, 1 + (1 - bottom) * 0.12)
    return figure


def _new(x: str, y: str) -> tuple[Figure, Axes]:
    """New figure with labelled axes in the common style."""
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.add_subplot()
    axes.set_xlabel(x, color=INK)
    axes.set_ylabel(y, color=INK)
    axes.grid(color="#e6e6e6", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#aaaaaa")
    axes.tick_params(colors=INK)
    return figure, axes
