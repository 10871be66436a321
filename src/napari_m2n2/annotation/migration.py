"""How session files of earlier versions become what this version reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

Migration: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]
"""From the content of one schema to that of the next one; what it was given stays."""

MIGRATIONS: tuple[Migration, ...] = ()
"""The first leads from schema 1 to 2, and so on; a migration, once released, is never changed."""
