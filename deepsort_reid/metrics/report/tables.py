"""Scores as a text table, LaTeX, CSV, and a dictionary with the names of TrackEval."""

import csv
import io
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from deepsort_reid.io.text_cells import safe_cell
from deepsort_reid.metrics.scores import Scores


class Column(NamedTuple):
    """A column of the tables."""

    name: str
    value: Callable[[Scores], float]
    is_share: bool  # a ratio that is shown in percent; otherwise a count
    more_is_better: bool | None  # None if neither is better
    meaning: str


COLUMNS = (
    Column("HOTA", lambda s: float(s.hota.hota.mean()), True, True, "detection and association"),
    Column("DetA", lambda s: float(s.hota.deta.mean()), True, True, "detection accuracy"),
    Column("AssA", lambda s: float(s.hota.assa.mean()), True, True, "association accuracy"),
    Column("LocA", lambda s: float(s.hota.loca.mean()), True, True, "localisation accuracy"),
    Column("MOTA", lambda s: s.clear.mota, True, True, "1 - (FN + FP + IDSW) / GT boxes"),
    Column("MOTP", lambda s: s.clear.motp, True, True, "mean IoU of the matches"),
    Column("IDF1", lambda s: s.identity.idf1, True, True, "F1 of boxes with the correct id"),
    Column("IDP", lambda s: s.identity.idp, True, True, "precision of boxes with the correct id"),
    Column("IDR", lambda s: s.identity.idr, True, True, "recall of boxes with the correct id"),
    Column("Rcll", lambda s: s.clear.recall, True, True, "matched ground-truth boxes"),
    Column("Prcn", lambda s: s.clear.precision, True, True, "matched predicted boxes"),
    Column("FP", lambda s: s.clear.false_positives, False, False, "unmatched predicted boxes"),
    Column("FN", lambda s: s.clear.misses, False, False, "unmatched ground-truth boxes"),
    Column("IDSW", lambda s: s.clear.switches, False, False, "identity switches"),
    Column("Frag", lambda s: s.clear.fragments, False, False, "interruptions of a track"),
    Column("MT", lambda s: s.clear.mostly_tracked, False, True, "ids matched in > 80 % of frames"),
    Column("ML", lambda s: s.clear.mostly_lost, False, False, "ids matched in < 20 % of frames"),
    Column("IDs", lambda s: s.boxes.predicted_ids, False, None, "predicted ids"),
    Column("GT", lambda s: s.boxes.truth_ids, False, None, "ground-truth ids"),
)

COMBINED = "COMBINED"


def with_combined(scores: Mapping[str, Scores]) -> dict[str, Scores]:
    """The rows of a table: all sequences and, if there are several, their sum as COMBINED."""
    rows = dict(scores)
    if len(rows) > 1:
        rows[COMBINED] = sum(scores.values(), Scores())
    return rows


def text_table(rows: Mapping[str, Scores], columns: tuple[Column, ...] = COLUMNS) -> str:
    """An aligned text table with ratios in percent."""
    cells = [["", *(column.name for column in columns)]]
    cells += [[name, *(_format(c, s) for c in columns)] for name, s in rows.items()]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip()
        for row in cells
    ]
    return "\n".join(lines)


def latex_table(rows: Mapping[str, Scores], columns: tuple[Column, ...] = COLUMNS) -> str:
    """A LaTeX tabular (package booktabs) with arrows that show whether higher is better."""
    arrows = {True: r" $\uparrow$", False: r" $\downarrow$", None: ""}
    head = " & ".join(["Sequence", *(c.name + arrows[c.more_is_better] for c in columns)])
    lines = [r"\begin{tabular}{l" + "r" * len(columns) + "}", r"\toprule", head + r" \\"]
    lines.append(r"\midrule")
    for name, scores in rows.items():
        if name == COMBINED:
            lines.append(r"\midrule")
        cells = [_latex_text(name), *(_format(c, scores) for c in columns)]
        lines.append(" & ".join(cells) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


# Characters with a meaning in LaTeX, and how they are printed.
_LATEX = {letter: f"\\{letter}" for letter in "_&%#${}"}
_LATEX |= {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}


def _latex_text(text: str) -> str:
    """Text as LaTeX prints it: nothing in it is a command."""
    return "".join(_LATEX.get(letter, letter) for letter in " ".join(text.split()))


def csv_table(rows: Mapping[str, Scores]) -> str:
    """CSV text with one row per sequence: every single number of `as_dict`, unrounded."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    for number, (name, scores) in enumerate(rows.items()):
        plain = {key: value for key, value in as_dict(scores).items() if key != "per_threshold"}
        if number == 0:
            writer.writerow(["sequence", *plain])
        writer.writerow([safe_cell(name), *plain.values()])
    return file.getvalue()


def as_dict(scores: Scores) -> dict[str, object]:
    """All scores under the names of TrackEval, those of HOTA averaged over the thresholds.

    "per_threshold" holds the lists of the scores that have one value per threshold.
    """
    lists = per_threshold(scores)
    counted = ("HOTA_TP", "HOTA_FN", "HOTA_FP")
    result: dict[str, object] = {
        name: float(np.mean(value)) for name, value in lists.items() if name not in counted
    }
    result |= single_numbers(scores)
    return result | {"per_threshold": lists}


def per_threshold(scores: Scores) -> dict[str, list[float]]:
    """The scores of HOTA at each of the 19 thresholds, under the names of TrackEval."""
    hota = scores.hota
    arrays = {
        "HOTA": hota.hota,
        "DetA": hota.deta,
        "AssA": hota.assa,
        "DetRe": hota.detre,
        "DetPr": hota.detpr,
        "AssRe": hota.assre,
        "AssPr": hota.asspr,
        "LocA": hota.loca,
        "OWTA": hota.owta,
        "HOTA_TP": hota.true_positives,
        "HOTA_FN": hota.false_negatives,
        "HOTA_FP": hota.false_positives,
    }
    return {name: array.tolist() for name, array in arrays.items()}


def single_numbers(scores: Scores) -> dict[str, float]:
    """All scores with a single value, under the names of TrackEval."""
    hota, clear, identity, boxes = scores.hota, scores.clear, scores.identity, scores.boxes
    return {
        "HOTA(0)": hota.hota_0,
        "LocA(0)": hota.loca_0,
        "HOTALocA(0)": hota.hota_loca_0,
        "MOTA": clear.mota,
        "MOTP": clear.motp,
        "MODA": clear.moda,
        "sMOTA": clear.smota,
        "MOTAL": clear.motal,
        "CLR_Re": clear.recall,
        "CLR_Pr": clear.precision,
        "CLR_F1": clear.f1,
        "CLR_TP": clear.matches,
        "CLR_FN": clear.misses,
        "CLR_FP": clear.false_positives,
        "IDSW": clear.switches,
        "Frag": clear.fragments,
        "MT": clear.mostly_tracked,
        "PT": clear.partly_tracked,
        "ML": clear.mostly_lost,
        "MTR": clear.mostly_tracked_share,
        "PTR": clear.partly_tracked_share,
        "MLR": clear.mostly_lost_share,
        "FP_per_frame": clear.false_positives_per_frame,
        "MOTP_sum": clear.overlap,
        "CLR_Frames": clear.frames,
        "IDF1": identity.idf1,
        "IDP": identity.idp,
        "IDR": identity.idr,
        "IDTP": identity.true_positives,
        "IDFN": identity.false_negatives,
        "IDFP": identity.false_positives,
        "Dets": boxes.predicted_boxes,
        "GT_Dets": boxes.truth_boxes,
        "IDs": boxes.predicted_ids,
        "GT_IDs": boxes.truth_ids,
        "Frames": boxes.frames,
    }


def _format(column: Column, scores: Scores) -> str:
    value = column.value(scores)
    return f"{100 * value:.1f}" if column.is_share else f"{value:.0f}"
