"""Calling a method without keeping its owner alive.

Objects that know each other in a circle are freed by the garbage collector only, at any time and
in any thread. What belongs to a window shall be freed when the window is closed, in its thread.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakMethod


def weakly(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return what calls a bound method as long as its owner lives, and then does nothing."""
    known = WeakMethod(method)

    def call(*given: Any) -> Any:
        found = known()
        return None if found is None else found(*given)

    return call
