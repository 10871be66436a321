"""Walks that are slow to mix, followed in a small space: many steps for one product.

The states p A, p A², … of a walk soon lie in a space of few dimensions. Arnoldi's iteration
builds an orthonormal basis V of it, one product with A per vector, with V A = H V up to what
leaves the last vector (Saad 1992 has it for the exponential). A step of the walk is then a product
with the small matrix H. It is exact as long as nothing leaves the basis, and what leaves it is
known: since no step of a walk makes a difference of two states larger (in the sum of absolute
values), the sum of all that ever left bounds the error. A vector is added whenever the bound would
be exceeded. About √(t log 1/ε) vectors do for t steps.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numba
import numpy as np
from numpy.typing import NDArray

from napari_m2n2.markov.crossing import Crossings
from napari_m2n2.markov.product import REORDER, Bands, Vectors
from napari_m2n2.progress import Progress

ACCURACY = 1e-4
"""Bound on the error of every state in units of its largest entry. It counts for all that ever
left as if it were in one cell: on a photograph at grid 64, times of up to 1000 steps differed by
1e-7 steps in the mean, and by 6e-5 at most, from those with a bound of 1e-6, for a tenth fewer
products."""

_BASIS = 256
"""Most vectors of a basis; then the walk goes on from where it is with a new one."""

_WINDOW = 64
"""Steps whose states are looked at together."""

_NEW = 0.01
"""Squared share of an image that is new: where it is more, one pass of Gram-Schmidt loses at most
one digit."""

_STRIP = 128
"""Cells whose part of a basis stays in a core's first cache."""

_PART = 512
"""Cells that a thread looks at by themselves while only one walk is left."""

_LOOK = 16
"""Steps after which it is worth looking whether all cells are reached."""

_Each: TypeAlias = Callable[[Callable[..., None], list[Any]], None]
"""Does work for each item, as `Bands.each`."""


def _one_by_one(work: Callable[..., None], items: list[Any]) -> None:
    """Do work for each item in this thread."""
    for item in items:
        work(item)


def follow(
    bands: Bands,
    states: Vectors,
    indices: NDArray[np.intp],
    crossings: Crossings,
    step: int,
    max_steps: int,
    progress: Progress,
) -> None:
    """Follow walks from `step` to the end and note when they reach each cell.

    Parameters
    ----------
    bands : Bands
        The transition matrix; rows sum to the same.
    states : (B, N) float64 array
        Where the walks are at `step`.
    indices : (B,) integer array
        Which walks of `crossings` they are.
    crossings : Crossings
        What is reached so far; filled in.
    step, max_steps : int
    progress : callable
        Called as ``progress("Markov map", fraction)``.
    """
    walks = [
        _Walk(int(k), state, step, max_steps) for k, state in zip(indices, states, strict=True)
    ]
    while walks:
        if len(walks) == 1:
            walks[0].advance(crossings, bands.each)
        else:
            bands.each(lambda walk: walk.advance(crossings), walks)
        walks = [walk for walk in walks if not walk.finished]
        if not walks:
            return
        progress("Markov map", min(walk.step for walk in walks) / max_steps)
        images = bands.push(np.stack([walk.newest for walk in walks]))
        pairs = list(zip(walks, images, strict=True))
        bands.each(lambda pair: pair[0].grow(pair[1]), pairs)


class _Walk:
    """One walk: a basis, the small matrix that is the transition in it, and a place in it.

    The image of the newest vector of the basis is not known; the walk can go on while its part in
    the place is negligible.
    """

    def __init__(self, index: int, state: Vectors, step: int, max_steps: int) -> None:
        self.step = step
        self.finished = False
        self._index = index
        self._max_steps = max_steps
        # what leaves adds up over the steps, and could all be in one of the cells
        self._limit = ACCURACY / (math.e * len(state) * max_steps)
        # pages that are never written take no memory
        self._basis = np.empty((_BASIS + 1, len(state)))
        self._small = np.empty((_BASIS, _BASIS + 1))
        self._path = np.empty((_WINDOW, _BASIS + 1))
        self._states = np.empty((_WINDOW, len(state)))
        self._place = np.empty(_BASIS + 1)
        self._filled = 0
        self._begin(state)

    def _begin(self, state: Vectors) -> None:
        """Start a basis with a state."""
        vector = state / state.sum()
        size = float(np.linalg.norm(vector))
        self._basis[0] = vector / size
        self._small[:] = 0
        self._place[:] = 0
        self._place[0] = size
        self._known = 0

    @property
    def newest(self) -> Vectors:
        """The vector of the basis whose image is not known."""
        vector: Vectors = self._basis[self._known]
        return vector

    def grow(self, image: Vectors) -> None:
        """Take the image of the newest vector, and make it the next one."""
        _orthogonalise(self._basis, self._known, image, self._small[self._known])
        self._known += 1

    def advance(self, crossings: Crossings, each: _Each = _one_by_one) -> None:
        """Walk on until the newest vector has a part in it, and look at the states on the way.

        `each` does work for several parts of the cells.
        """
        while self._known and not self.finished:
            room = min(_WINDOW - self._filled, self._max_steps - self.step)
            limit = self._limit / float(np.abs(self.newest).sum() + 1e-300)
            path = self._path[self._filled :]
            done = _walk(self._small, self._known, self._place, path, room, limit)
            self._filled += done
            self.step += done
            held_up = done < room
            if not held_up or self._filled >= _LOOK:
                self._look(crossings, each)
            if held_up:
                break
        if self._known == _BASIS and not self.finished:
            if self._filled:
                self._look(crossings, each)
            self._begin(self._place @ self._basis)

    def _look(self, crossings: Crossings, each: _Each) -> None:
        """See what the steps since the last look have reached."""
        places = self._path[: self._filled, : self._known + 1]
        count = self._basis.shape[1]
        states = self._states[: self._filled]
        parts = [(k, min(k + _PART, count)) for k in range(0, count, _PART)]
        # not numpy's product: its threads would be in the way of ours
        each(lambda part: _combine(self._basis, places, part[0], part[1], states), parts)
        reached = crossings.note(self._index, self.step - self._filled, states)
        self.finished = reached or self.step == self._max_steps
        self._filled = 0


@numba.njit(cache=True, nogil=True, fastmath=REORDER)
def _orthogonalise(
    basis: Vectors, newest: int, image: Vectors, parts: Vectors
) -> None:  # pragma: no cover - compiled
    """Set the vector after the newest to what is new in an image, and `parts` to what is in it.

    Gram-Schmidt, four vectors at a time, and once more where little is new, so that rounding does
    not make the vectors alike.
    """
    before = rest = 0.0
    for j in range(len(image)):
        before += image[j] * image[j]
    whole = (newest + 1) // 4 * 4
    for _ in range(2):
        for i in range(0, whole, 4):
            a, b, c, d = basis[i], basis[i + 1], basis[i + 2], basis[i + 3]
            p, q, r, s = 0.0, 0.0, 0.0, 0.0
            for j in range(len(image)):
                value = image[j]
                p += a[j] * value
                q += b[j] * value
                r += c[j] * value
                s += d[j] * value
            parts[i] += p
            parts[i + 1] += q
            parts[i + 2] += r
            parts[i + 3] += s
            for j in range(len(image)):
                image[j] -= (p * a[j] + q * b[j]) + (r * c[j] + s * d[j])
        for i in range(whole, newest + 1):
            vector = basis[i]
            part = 0.0
            for j in range(len(image)):
                part += vector[j] * image[j]
            parts[i] += part
            for j in range(len(image)):
                image[j] -= part * vector[j]
        rest = 0.0
        for j in range(len(image)):
            rest += image[j] * image[j]
        if rest > _NEW * before:
            break
    vector = basis[newest + 1]
    if rest <= 1e-28 * before:  # the basis is closed: nothing ever leaves it
        vector[:] = 0
        return
    rest = np.sqrt(rest)
    parts[newest + 1] = rest
    for j in range(len(image)):
        vector[j] = image[j] / rest


@numba.njit(cache=True, nogil=True, fastmath=REORDER)
def _walk(
    small: Vectors, known: int, place: Vectors, path: Vectors, room: int, limit: float
) -> int:  # pragma: no cover - compiled
    """Walk at most `room` steps in the basis; return how many, and note the places in `path`."""
    for step in range(room):
        if abs(place[known]) > limit:
            return step
        target = path[step]
        target[:] = 0
        for k in range(known):
            part, image = place[k], small[k]
            for i in range(k + 2):
                target[i] += part * image[i]
        place[:] = target
    return room


@numba.njit(cache=True, nogil=True, fastmath=REORDER)
def _combine(
    basis: Vectors, places: Vectors, left: int, right: int, states: Vectors
) -> None:  # pragma: no cover - compiled
    """Set the cells from left to right of states (T, N) to those of places (T, k) @ basis.

    Two states at a time use eight vectors of the basis in a strip of cells. Both are summed in one
    array, or the compiler would not turn the loop into vector instructions.
    """
    steps, size = places.shape
    whole = size // 8 * 8
    sums = np.empty(2 * _STRIP)
    for begin in range(left, right, _STRIP):
        end = min(begin + _STRIP, right)
        for step in range(0, steps, 2):
            second = min(step + 1, steps - 1)
            sums[:] = 0
            p, q = places[step], places[second]
            for i in range(0, whole, 8):
                a, b = basis[i, begin:end], basis[i + 1, begin:end]
                c, d = basis[i + 2, begin:end], basis[i + 3, begin:end]
                e, f = basis[i + 4, begin:end], basis[i + 5, begin:end]
                g, h = basis[i + 6, begin:end], basis[i + 7, begin:end]
                p0, p1, p2, p3 = p[i], p[i + 1], p[i + 2], p[i + 3]
                p4, p5, p6, p7 = p[i + 4], p[i + 5], p[i + 6], p[i + 7]
                q0, q1, q2, q3 = q[i], q[i + 1], q[i + 2], q[i + 3]
                q4, q5, q6, q7 = q[i + 4], q[i + 5], q[i + 6], q[i + 7]
                for j in range(end - begin):
                    v0, v1, v2, v3 = a[j], b[j], c[j], d[j]
                    v4, v5, v6, v7 = e[j], f[j], g[j], h[j]
                    one = (p0 * v0 + p1 * v1) + (p2 * v2 + p3 * v3)
                    sums[j] += one + ((p4 * v4 + p5 * v5) + (p6 * v6 + p7 * v7))
                    two = (q0 * v0 + q1 * v1) + (q2 * v2 + q3 * v3)
                    sums[_STRIP + j] += two + ((q4 * v4 + q5 * v5) + (q6 * v6 + q7 * v7))
            for i in range(whole, size):
                vector, first, other = basis[i, begin:end], p[i], q[i]
                for j in range(end - begin):
                    sums[j] += first * vector[j]
                    sums[_STRIP + j] += other * vector[j]
            states[step, begin:end] = sums[: end - begin]
            states[second, begin:end] = sums[_STRIP : _STRIP + end - begin]
