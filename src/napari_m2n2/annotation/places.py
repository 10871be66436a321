"""Where the files of a session lie: beside its image, or in a folder that was chosen."""

from __future__ import annotations

from pathlib import Path

SESSION_ENDING = ".m2n2.json"
LABELS_ENDING = ".m2n2.labels.tif"
_MARK = ".m2n2."


def session_path(image: Path | str, folder: Path | str | None = None) -> Path:
    """Return where the session of an image lies.

    Parameters
    ----------
    image : path
        The image file, or any name for an image that is in no file.
    folder : path, optional
        By default that of the image.
    """
    image = Path(image)
    return (image.parent if folder is None else Path(folder)) / f"{image.name}{SESSION_ENDING}"


def labels_path(session: Path) -> Path:
    """Return where the labels of a session lie."""
    name = session.name
    stem = name[: -len(SESSION_ENDING)] if name.endswith(SESSION_ENDING) else session.stem
    return session.with_name(f"{stem}{LABELS_ENDING}")


def waiting_path(labels: Path) -> Path:
    """Return where labels wait until the session that means them is written."""
    return labels.with_name(f"{labels.stem}.next{labels.suffix}")


def is_ours(path: Path) -> bool:
    """Tell whether a file is one of a session, and no image."""
    return _MARK in path.name or path.name.startswith(".")


def put_aside(session: Path) -> tuple[Path, ...]:
    """Give a session and its labels other names, so that a new one may begin; return these.

    Nothing is deleted, nothing that was put aside before is written over, and what was put aside
    can be opened like any session.
    """
    number = 1
    while any(new.exists() for _, new in _moves(session, number)):
        number += 1
    return tuple(old.rename(new) for old, new in _moves(session, number) if old.exists())


def _moves(session: Path, number: int) -> list[tuple[Path, Path]]:
    """Return the files of a session, each with its name aside."""
    stem = session.name.removesuffix(SESSION_ENDING).removesuffix(".json")
    aside = session.with_name(f"{stem}.aside-{number}{SESSION_ENDING}")
    before, after = labels_path(session), labels_path(aside)
    return [
        (session, aside),
        (before, after),
        (waiting_path(before), waiting_path(after)),
    ]
