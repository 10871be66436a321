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

import numba
import numpy as np
from numpy.typing import NDArray

from napari_m2n2.markov.crossing import Crossings
from napari_m2n2.markov.product import REORDER, Bands, Vectors, multiply
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

_LOOK = 16
"""Steps after which it is worth looking whether all cells are reached."""


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

    def advance(self, crossings: Crossings) -> None:
        """Walk on until the newest vector has a part in it, and look at the states on the way."""
        while self._known and not self.finished:
            room = min(_WINDOW - self._filled, self._max_steps - self.step)
            limit = self._limit / float(np.abs(self.newest).sum() + 1e-300)
            path = self._path[self._filled :]
            done = _walk(self._small, self._known, self._place, path, room, limit)
            self._filled += done
            self.step += done
            held_up = done < room
            if not held_up or self._filled >= _LOOK:
                self._look(crossings)
            if held_up:
                break
        if self._known == _BASIS and not self.finished:
            if self._filled:
                self._look(crossings)
            self._begin(self._place @ self._basis)

    def _look(self, crossings: Crossings) -> None:
        """See what the steps since the last look have reached."""
        size = self._known + 1
        places = np.ascontiguousarray(self._path[: self._filled, :size].T)
        states = np.empty((self._filled, self._basis.shape[1]))
        # not numpy's product: its threads would be in the way of ours
        multiply(self._basis, places, 0, size, states)
        reached = crossings.note(self._index, self.step - self._filled, states)
        self.finished = reached or self.step == self._max_steps
        self._filled = 0


@numba.njit(cache=True, nogil=True, fastmath=REORDER)
def _orthogonalise(
    basis: Vectors, newest: int, image: Vectors, parts: Vectors
) -> None:  # pragma: no cover - compiled
    """Set the vector after the newest to what is new in an image, and `parts` to what is in it.

    Gram-Schmidt, four vectors at a time, twice, so that rounding does not make the vectors alike.
    """
    before = 0.0
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
