"""How long work reports where it is, and how it is told to stop."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, float], None]
"""Called with the name of the phase ("attention", "transition", "Markov map", ...) and the
fraction of it that is done, in [0, 1]; may raise `napari_m2n2.errors.Cancelled` to stop it."""


def ignore(phase: str, fraction: float) -> None:
    """Report nothing."""
