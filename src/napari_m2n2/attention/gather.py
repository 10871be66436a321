"""Getting everything a model needs onto this computer, or into one folder to carry elsewhere."""

from __future__ import annotations

import shutil
from pathlib import Path

from napari_m2n2.attention import store, weights
from napari_m2n2.attention.catalogue import TEXT_ENCODER, TOKENIZER, model, needed_files
from napari_m2n2.attention.options import PLAIN, BackboneOptions
from napari_m2n2.attention.weights import EMPTY_PROMPT, Weights
from napari_m2n2.errors import FileError
from napari_m2n2.progress import Progress, ignore

TINY_VAE = "vae_tiny"
"""Folder of the tiny image encoder within a folder of weights."""


def fetch_all(name: str, options: BackboneOptions, progress: Progress = ignore) -> Weights:
    """Fetch all that a model needs, so that it never needs the network again.

    For Stable Diffusion this includes the embedding of the empty prompt, so that the text encoder
    has done its work.

    Raises
    ------
    MissingError, FileError
        See `napari_m2n2.attention.weights.locate`.
    """
    found = weights.locate(name, options, progress)
    if options.vae == "tiny" and not (found.path / TINY_VAE).is_dir():
        weights.locate("tiny-vae", PLAIN, progress)
    if found.embedding is not None and not found.embedding.is_file():
        from napari_m2n2.attention.empty_prompt import empty_prompt

        progress("empty prompt", 0.0)
        empty_prompt(found.path, found.embedding, must_keep=True)
        progress("empty prompt", 1.0)
    return found


def gather(
    name: str,
    options: BackboneOptions,
    found: Weights,
    folder: Path,
    progress: Progress = ignore,
) -> Path:
    """Copy what a model needs into a folder that can be named as its weights anywhere.

    Parameters
    ----------
    name : str
        The model.
    options : BackboneOptions
        Which parts are needed.
    found : Weights
        What `fetch_all` gave.
    folder : Path
        It is made if it is not there; files in it that have the same names are replaced.
    progress : callable
        Called with the phase "copying".

    Returns
    -------
    Path
        The folder.
    """
    skipped = () if found.embedding is None else (TEXT_ENCODER, TOKENIZER)
    parts = [p for p in weights.needed_parts(model(name), options) if p not in skipped]
    copies = [
        (found.path / file, folder / file)
        for file in needed_files(parts, store.files_in(found.path), str(found.path))
    ]
    if found.embedding is not None:
        copies.append((found.embedding, folder / EMPTY_PROMPT))
    if options.vae == "tiny":
        copies += _tiny_vae(found.path, folder / TINY_VAE)
    for number, (source, target) in enumerate(copies):
        progress("copying", number / len(copies))
        _copy(source, target)
    progress("copying", 1.0)
    return folder


def _tiny_vae(path: Path, folder: Path) -> list[tuple[Path, Path]]:
    """Return what to copy for the tiny image encoder."""
    inside = path / TINY_VAE
    source = inside if inside.is_dir() else weights.locate("tiny-vae", PLAIN).path
    names = needed_files(model("tiny-vae").parts, store.files_in(source), str(source))
    return [(source / name, folder / name) for name in names]


def _copy(source: Path, target: Path) -> None:
    """Copy a file so that it is whole or not there."""
    if target.exists() and source.samefile(target):
        return
    temporary = target.with_name(f".{target.name}.incomplete")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(source, temporary)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise FileError(
            f"{target} could not be written ({error.strerror or error}); choose another folder "
            "with enough room."
        ) from error
