"""Plain versions of what the package does fast: written to be read, not to be quick."""

from __future__ import annotations

import heapq

import numpy as np
import torch


def colour_attention(cells):
    """Attention of the goldens: a Gaussian of colour and place between cells (R, R, 3)."""
    rows, columns = cells.shape[:2]
    colour = cells.reshape(-1, 3).astype(np.float64)
    place = np.stack(np.mgrid[:rows, :columns], axis=-1).reshape(-1, 2) / rows

    def squared(x):
        return ((x[:, None] - x[None]) ** 2).sum(axis=-1)

    weights = np.exp(-squared(colour) / (2 * 0.1**2) - squared(place) / (2 * 0.2**2)) + 1e-8
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def random_attention(rows, columns, seed=0, sharp=3.0, symmetric=False):
    """A positive row-stochastic matrix on a grid, float32."""
    rng = np.random.default_rng(seed)
    count = rows * columns
    logits = sharp * rng.standard_normal((count, count))
    if symmetric:
        logits = logits + logits.T
    weights = np.exp(logits - logits.max())
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def ipf(matrix, rounds):
    """Divide columns by their sums, then rows, in place, as the published implementation does."""
    matrix = matrix.copy()
    for _ in range(rounds):
        matrix /= matrix.sum(axis=0, keepdims=True)
        matrix /= matrix.sum(axis=1, keepdims=True)
    return matrix


def markov_map(matrix, start, tau=0.3, max_steps=1000):
    """Walk one start state step by step and note when each cell is reached."""
    p = np.asarray(start, dtype=matrix.dtype)
    times = np.full(len(p), float(max_steps))
    waiting = p <= tau
    times[~waiting] = 0
    for step in range(max_steps):
        q = p @ matrix
        q = q / q.max()
        for cell in np.flatnonzero(waiting & (q > tau)):
            rise = (1 - tau) if step == 0 else q[cell] - p[cell]
            times[cell] = step + 1 - (q[cell] - tau) / (rise + 1e-6)
            waiting[cell] = False
        p = q
        if not waiting.any():
            break
    return times


def joint_bilateral(maps, guide, sigma_space=1.0, sigma_range=0.1):
    """Look at every offset in the disk, one after the other, channel-first, in torch."""
    low = torch.as_tensor(maps, dtype=torch.float32)
    colours = torch.as_tensor(guide).permute(2, 0, 1).contiguous()
    height, width = colours.shape[1:]
    enlarged = torch.nn.functional.interpolate(
        low[None], size=(height, width), mode="bilinear", align_corners=False
    )[0]
    scale_x, scale_y = width / low.shape[2] * sigma_space, height / low.shape[1] * sigma_space
    reach_x, reach_y = int(3 * scale_x + 1), int(3 * scale_y + 1)
    total, sums = torch.zeros(height, width), torch.zeros_like(enlarged)
    for dx in range(-reach_x, reach_x + 1):
        for dy in range(-reach_y, reach_y + 1):
            away = (dx / scale_x) ** 2 + (dy / scale_y) ** 2
            top, bottom = max(0, -dy), min(height, height - dy)
            left, right = max(0, -dx), min(width, width - dx)
            if away > 9 or top >= bottom or left >= right:
                continue
            here = (slice(top, bottom), slice(left, right))
            there = (slice(top + dy, bottom + dy), slice(left + dx, right + dx))
            difference = colours[:, *there] - colours[:, *here]
            weight = torch.exp((difference**2).sum(0) * (-0.5 / sigma_range**2))
            weight *= float(np.exp(-0.5 * away))
            total[here] += weight
            sums[:, *here] += weight * enlarged[:, *there]
    return (sums / total).numpy()


def minimax(height, seed):
    """Flood from a seed with a priority queue."""
    rows, columns = height.shape
    cost = np.full(height.shape, np.inf)
    cost[seed] = 0
    queue = [(0.0, seed)]
    while queue:
        level, (row, column) = heapq.heappop(queue)
        if level > cost[row, column]:
            continue
        for r, c in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
            if 0 <= r < rows and 0 <= c < columns:
                there = max(level, abs(height[r, c] - height[seed]))
                if there < cost[r, c]:
                    cost[r, c] = there
                    heapq.heappush(queue, (there, (r, c)))
    return cost


def ring_means(order, shape, values):
    """Mean of values on the outer 4-neighbour ring of each segment, recomputed from scratch."""
    inside = np.zeros(shape, bool)
    means = []
    for pixel in order:
        inside.flat[pixel] = True
        grown = inside.copy()
        grown[1:] |= inside[:-1]
        grown[:-1] |= inside[1:]
        grown[:, 1:] |= inside[:, :-1]
        grown[:, :-1] |= inside[:, 1:]
        ring = grown & ~inside
        means.append(values.reshape(shape)[ring].mean() if ring.any() else 0.0)
    return np.array(means)


def choose_threshold(distance, gradient, same, other, prior=0.4, without=()):
    """Score every candidate of a map as M2N2 §3.5 words it, and return the best threshold.

    `without` names scores that are left out, as in the paper's Table 2.
    """
    order = np.argsort(distance, axis=None, kind="stable")
    ordered = distance.ravel()[order]
    edge = ring_means(order, distance.shape, gradient)
    near = [distance[row, column] for row, column in same]
    far = min((distance[row, column] for row, column in other), default=distance.max())
    best, chosen = -1.0, ordered[0]
    for k in range(len(ordered) - 1):
        scores = {
            "edge_score": edge[k],
            "area_prior": k < prior * (len(ordered) - 2),
            "positive_score": sum(value <= ordered[k] for value in near) / len(near),
            "negative_score": ordered[k] < far,
        }
        score = np.prod([score for name, score in scores.items() if name not in without])
        if score > best:
            best, chosen = score, ordered[k]
    return chosen


def squared_depth(region):
    """Square of each pixel's distance to the nearest one outside, (0, 0) being in the corner.

    All pixels around the plane are outside; every pair of pixels is looked at.
    """
    height, width = region.shape
    depth = np.zeros(region.shape, int)
    outside = [
        (row, column)
        for row in range(-1, height + 1)
        for column in range(-1, width + 1)
        if not (0 <= row < height and 0 <= column < width and region[row, column])
    ]
    rows, columns = np.array(outside).T
    for row, column in zip(*np.nonzero(region), strict=True):
        depth[row, column] = ((rows - row) ** 2 + (columns - column) ** 2).min()
    return depth


def first_of_largest(values):
    """The pixel of the largest value, in the order in which one reads."""
    best, place = -1, None
    for row in range(values.shape[0]):
        for column in range(values.shape[1]):
            if values[row, column] > best:
                best, place = values[row, column], (row, column)
    return best, place


class RitmClicker:
    """RITM's user: 1 is the object, 0 the background, -1 is ignored; remembers what it clicked."""

    def __init__(self, truth, depth=squared_depth):
        self.truth, self.depth = truth, depth
        self.not_clicked = np.ones(truth.shape, int)

    def click(self, prediction):
        """(row, column, label) of the next click, None if nothing is left."""
        missing = (self.truth == 1) & ~prediction & (self.truth != -1)
        surplus = (self.truth != 1) & prediction & (self.truth != -1)
        missed, there = first_of_largest(self.depth(missing) * self.not_clicked)
        added, here = first_of_largest(self.depth(surplus) * self.not_clicked)
        if missed == added == 0:
            return None
        positive = missed > added
        row, column = there if positive else here
        self.not_clicked[row, column] = 0
        return row, column, positive


def m2n2_click(truth, prediction, depth=squared_depth):
    """(row, column, label) that M2N2's user clicks; -1 in the truth is ignored."""
    wrong = ((prediction.astype(int) != truth) & (truth != -1)).astype(int)
    if wrong.sum() == 0:
        wrong = (truth == 1).astype(int)
    most, (row, column) = first_of_largest(depth(wrong.astype(bool)))
    return None if most == 0 else (row, column, truth[row, column] == 1)


def bilateral_mean(score, small, large, sigma_range=0.1):
    """Mean of the reduced pixels within two of each pixel, by nearness and likeness of colour."""
    height, width = score.shape
    result = np.zeros(large.shape[:2])
    for row, column in np.ndindex(result.shape):
        y = (row + 0.5) * height / result.shape[0] - 0.5
        x = (column + 0.5) * width / result.shape[1] - 0.5
        total = 0.0
        middle = (int(np.floor(y + 0.5)), int(np.floor(x + 0.5)))
        for r in range(max(middle[0] - 2, 0), min(middle[0] + 3, height)):
            for c in range(max(middle[1] - 2, 0), min(middle[1] + 3, width)):
                colour = (large[row, column].astype(float) - small[r, c]) / 255
                away = (r - y) ** 2 + (c - x) ** 2 + (colour**2).sum() / sigma_range**2
                total += np.exp(-away / 2)
                result[row, column] += np.exp(-away / 2) * score[r, c]
        result[row, column] /= total
    return result
