"""Rankings the slow and obvious way: one query at a time, one answer at a time."""

import math


def ranking(query, gallery, *, itself=None):
    """Rows of the gallery from best to worst; what the Market-1501 protocol leaves out is gone.

    query and gallery entries: (embedding, identity, camera). Among equals wrong ones come first.
    """
    embedding, identity, camera = query
    kept = []
    for row, (other, name, seen_by) in enumerate(gallery):
        if name == "-1" or row == itself:
            continue
        if name == identity and seen_by == camera and camera >= 0:
            continue
        similarity = sum(a * b for a, b in zip(embedding, other, strict=True))
        kept.append((-similarity, name == identity, row))
    return [(row, right) for _, right, row in sorted(kept)]


def scores(queries, gallery, *, itself=None):
    """(first ranks, average precisions, inverse penalties) of the queries; nan without answer."""
    first, precision, penalty = [], [], []
    for number, query in enumerate(queries):
        own = None if itself is None else itself[number]
        ranks = []
        for place, (_, right) in enumerate(ranking(query, gallery, itself=own), start=1):
            if right:
                ranks.append(place)
        first.append(ranks[0] if ranks else 0)
        hits = [(count + 1) / rank for count, rank in enumerate(ranks)]
        precision.append(sum(hits) / len(hits) if hits else math.nan)
        penalty.append(len(ranks) / ranks[-1] if ranks else math.nan)
    return first, precision, penalty


def k_reciprocal(distance, k1, k2, weight, queries, gallery):
    """Zhong et al. 2017 with sets, equation by equation: (len(queries), len(gallery))."""
    n = len(distance)
    scaled = [[d / max(row) for d in row] for row in distance]

    def nearest(p, k):  # N(p, k), and p itself
        order = sorted((scaled[p][g], g) for g in range(n) if g != p)
        return [p] + [g for _, g in order[:k]]

    def mutual(p, k):  # R(p, k), equation 2
        return {g for g in nearest(p, k) if p in nearest(g, k)}

    def widened(p):  # R*(p, k1), equation 3
        own = mutual(p, k1)
        result = set(own)
        for q in own:
            theirs = mutual(q, round(k1 / 2))
            if len(own & theirs) >= 2 / 3 * len(theirs):
                result |= theirs
        return result

    encoded = []
    for p in range(n):  # equation 7
        members = widened(p)
        encoded.append([math.exp(-scaled[p][g]) if g in members else 0.0 for g in range(n)])
    expanded = []
    for p in range(n):  # equation 11
        rows = [encoded[g] for g in nearest(p, k2 - 1)]
        expanded.append([sum(column) / len(rows) for column in zip(*rows, strict=True)])
    result = []
    for p in queries:
        line = []
        for g in gallery:  # equations 10 and 12
            least = sum(min(a, b) for a, b in zip(expanded[p], expanded[g], strict=True))
            most = sum(max(a, b) for a, b in zip(expanded[p], expanded[g], strict=True))
            line.append((1 - weight) * (1 - least / most) + weight * scaled[p][g])
        result.append(line)
    return result
