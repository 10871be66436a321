"""Markov maps: after how many steps a walk that starts at the prompt has reached each cell.

M2N2 (CVPR 2025) §3.3, Eq. 4 to 6: p(t+1) = p(t) A, and the map of a cell is the first time its
probability exceeds τ times the largest one, interpolated linearly between two steps.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch

from napari_m2n2.markov.crossing import EPSILON, Crossings
from napari_m2n2.markov.krylov import follow
from napari_m2n2.markov.packed import Packed, PackedBands
from napari_m2n2.markov.product import Bands
from napari_m2n2.progress import Progress, ignore

_CHECK_EVERY = 16
"""Steps between two looks at whether all cells are reached: further steps change nothing, and on
a GPU every look waits for the device."""

_DIRECT = 4
"""Steps that are walked with the whole matrix: very fast walks end there. Further ones would save
the basis fewer vectors than they cost products."""

_TOGETHER = 10
"""Start states that share products and have their bases in memory at a time: with the longest
bases 1.3 times as much as the matrix at grid 64, and a third of it at grid 128."""


def start_states(
    pixels: torch.Tensor,
    shape: tuple[int, int],
    grid: tuple[int, int],
    *,
    rule: Literal["published", "aligned"] = "published",
) -> torch.Tensor:
    """Return where each walk starts: bilinear weights on the four cells around a pixel.

    Parameters
    ----------
    pixels : (B, 2) integer tensor
        (row, column) of each prompt.
    shape, grid : (int, int)
        Rows and columns of the plane and of the grid.
    rule : {"published", "aligned"}
        "published" takes the cell coordinate (out - 1) · p / in of the published implementation;
        "aligned" takes (p + ½) · out / in - ½, so that pixel and cell corners agree.

    Returns
    -------
    (B, N) float64 tensor
        Largest entry 1, as the published implementation has it (M2N2 writes one-hot).
    """
    p = pixels.to(torch.float64)
    size = torch.tensor(shape, dtype=torch.float64, device=p.device)
    cells = torch.tensor(grid, dtype=torch.float64, device=p.device)
    if rule == "published":
        position = (cells - 1) * p / size
    else:
        position = ((p + 0.5) * cells / size - 0.5).clamp_min(0)
    low = torch.minimum(position.floor(), cells - 1)
    share = position - low
    states = p.new_zeros(len(p), grid[0] * grid[1])
    for row_step in (0, 1):
        for column_step in (0, 1):
            row = (low[:, 0] + row_step).clamp_max(grid[0] - 1)
            column = (low[:, 1] + column_step).clamp_max(grid[1] - 1)
            weight = (share[:, 0] if row_step else 1 - share[:, 0]) * (
                share[:, 1] if column_step else 1 - share[:, 1]
            )
            index = (row * grid[1] + column).long()
            states.scatter_add_(1, index[:, None], weight[:, None])
    return states / states.amax(dim=1, keepdim=True)


def markov_maps(
    transition: torch.Tensor | Packed,
    starts: torch.Tensor,
    *,
    tau: float = 0.3,
    max_steps: int = 1000,
    agree: bool | None = None,
    progress: Progress = ignore,
) -> torch.Tensor:
    """Return the Markov map of each start state.

    On a processor sums are kept in double precision, and after the first steps the walk is
    followed in a small space (`napari_m2n2.markov.krylov`): many steps for one product, with no
    state further from the exact one than 1e-4 of its largest entry. All start states share the
    products.

    Parameters
    ----------
    transition : (N, N) tensor or Packed
        Rows sum to 1; on a processor also what `napari_m2n2.markov.product.halved` gives, and
        what `napari_m2n2.markov.packed.pack` gives of a matrix whose rows agree.
    starts : (B, N) tensor
        Start states with largest entry 1; the maps are computed together.
    tau : float
        τ in (0, 1): the share of the largest probability at which a cell counts as reached.
    max_steps : int
        Most steps; cells that are not reached by then get this value.
    agree : bool, optional
        What `rows_agree` says of the matrix, where it is known: looking takes as long as a step.
    progress : callable, optional
        Called as ``progress("Markov map", fraction)``.

    Returns
    -------
    (B, N) tensor
        Times of crossing in steps, 0 at the start and `max_steps` where the walk did not arrive.
        In the first step the published implementation grades cells by how far above τ they are,
        1 - (q - τ) / (1 - τ), instead of the time of crossing; so does this.
    """
    if isinstance(transition, Packed):
        precision = torch.float64 if transition.blocks.dtype == np.float64 else torch.float32
        with PackedBands(transition) as bands:
            return _followed(bands, starts.to(precision), tau, max_steps, progress)
    if agree is None:
        agree = rows_agree(transition, max_steps)
    if agree:
        precision = torch.promote_types(transition.dtype, torch.float32)
        with Bands(transition) as bands:
            return _followed(bands, starts.to(precision), tau, max_steps, progress)
    p, times, unreached = depart(transition, starts, tau, max_steps)
    for step in range(max_steps):
        p = advance(transition, p, times, unreached, step, tau)
        if step % _CHECK_EVERY == 0:
            progress("Markov map", step / max_steps)
            if not bool(unreached.any()):
                break
    progress("Markov map", 1.0)
    return times


def rows_agree(transition: torch.Tensor, max_steps: int) -> bool:
    """Return whether a walk can be followed in a small space, which is done on processors.

    Rows must sum to the same, so that an error does not outgrow the walk it is part of. Over all
    steps its share may grow by e, which `krylov.ACCURACY` allows for.
    """
    if transition.device.type != "cpu":
        return False
    if transition.dtype == torch.float16:  # only the loops for processors know this form
        return True
    sums = transition.sum(dim=1)
    return bool((sums.amax() - sums.amin()) * max_steps <= sums.amin())


def _followed(
    bands: Bands, starts: torch.Tensor, tau: float, max_steps: int, progress: Progress
) -> torch.Tensor:
    """Return the maps of start states, some at a time."""
    maps = torch.empty_like(starts)
    for begin in range(0, len(starts), _TOGETHER):
        some = starts[begin : begin + _TOGETHER]
        maps[begin : begin + len(some)] = _few_maps(bands, some, tau, max_steps, progress)
    progress("Markov map", 1.0)
    return maps


def _few_maps(
    bands: Bands, starts: torch.Tensor, tau: float, max_steps: int, progress: Progress
) -> torch.Tensor:
    """Return the maps of some start states, whose bases fit into memory together."""
    # as the precision of the matrix has it, so that a start of exactly τ counts the same
    level = float(torch.tensor(tau, dtype=starts.dtype))
    states = starts.double().numpy()
    crossings = Crossings(states, level, max_steps)
    going = np.arange(len(states))
    for step in range(min(_DIRECT, max_steps)):
        progress("Markov map", step / max_steps)
        states = bands.push(states)
        reached = [
            crossings.note(int(k), step, one[None]) for k, one in zip(going, states, strict=True)
        ]
        states, going = states[~np.array(reached)], going[~np.array(reached)]
        if not len(going):
            break
    if len(going) and max_steps > _DIRECT:
        follow(bands, states, going, crossings, _DIRECT, max_steps, progress)
    return torch.from_numpy(crossings.times).to(starts.dtype)


def depart(
    transition: torch.Tensor, starts: torch.Tensor, tau: float, max_steps: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return states (B, N) before the first step, times, and which cells are unreached."""
    p = starts.to(transition)
    unreached = p <= tau
    return p, unreached.to(p) * max_steps, unreached


def advance(
    transition: torch.Tensor,
    p: torch.Tensor,
    times: torch.Tensor,
    unreached: torch.Tensor,
    step: int,
    tau: float,
) -> torch.Tensor:
    """Walk one step and return the new states; note in place which cells it reaches, and when."""
    q = p @ transition
    q /= q.amax(dim=1, keepdim=True)
    new = unreached & (q > tau)
    rise = (1 - tau) if step == 0 else q - p
    torch.where(new, step + 1 - (q - tau) / (rise + EPSILON), times, out=times)
    unreached &= ~new
    return q
