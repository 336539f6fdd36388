"""Brute-force implementations of the retrieval protocol and of k-reciprocal re-ranking."""

import math


def ranking(query, gallery, *, itself=None):
    """Gallery rows by rank with their correctness, without images that Market-1501 ignores.

    query and gallery entries: (embedding, identity, camera). Of equal similarities the incorrect
    ones come first. itself: gallery row of the query, or None.
    """
    embedding, identity, camera = query
    kept = []
    for row, (other, name, other_camera) in enumerate(gallery):
        if name == "-1" or row == itself:
            continue
        if name == identity and other_camera == camera and camera >= 0:
            continue
        similarity = sum(a * b for a, b in zip(embedding, other, strict=True))
        kept.append((-similarity, name == identity, row))
    return [(row, correct) for _, correct, row in sorted(kept)]


def scores(queries, gallery, *, itself=None):
    """(first ranks, average precisions, inverse penalties) of the queries; nan without a match."""
    first, precision, penalty = [], [], []
    for number, query in enumerate(queries):
        own = None if itself is None else itself[number]
        ranks = []
        for place, (_, correct) in enumerate(ranking(query, gallery, itself=own), start=1):
            if correct:
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

    def extended(p):  # R*(p, k1), equation 3
        own = mutual(p, k1)
        result = set(own)
        for q in own:
            candidates = mutual(q, round(k1 / 2))
            if len(own & candidates) >= 2 / 3 * len(candidates):
                result |= candidates
        return result

    encoded = []
    for p in range(n):  # equation 7
        members = extended(p)
        encoded.append([math.exp(-scaled[p][g]) if g in members else 0.0 for g in range(n)])
    expanded = []
    for p in range(n):  # equation 11
        rows = [encoded[g] for g in nearest(p, k2 - 1)]
        expanded.append([sum(column) / len(rows) for column in zip(*rows, strict=True)])
    result = []
    for p in queries:
        line = []
        for g in gallery:  # equations 10 and 12
            minima = sum(min(a, b) for a, b in zip(expanded[p], expanded[g], strict=True))
            maxima = sum(max(a, b) for a, b in zip(expanded[p], expanded[g], strict=True))
            line.append((1 - weight) * (1 - minima / maxima) + weight * scaled[p][g])
        result.append(line)
    return result
