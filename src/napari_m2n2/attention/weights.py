"""Finding the weights of a model: in a folder that was named, on this computer, on the hub.

Only safetensors are taken. A pickle is neither fetched nor opened, whatever it is called.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_m2n2.attention import store
from napari_m2n2.attention.catalogue import (
    FULL_VAE,
    TEXT_ENCODER,
    TOKENIZER,
    Model,
    Part,
    model,
    needed_files,
)
from napari_m2n2.attention.options import PLAIN, BackboneOptions
from napari_m2n2.errors import FileError, MissingError
from napari_m2n2.progress import Progress, ignore

EMPTY_PROMPT = "empty_prompt.safetensors"
"""A folder of weights with this file needs neither text encoder nor tokenizer."""

_IDENTIFIER = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True)
class Weights:
    """The weights that are used.

    Attributes
    ----------
    path : Path
        The folder they lie in, in the layout of diffusers or transformers.
    repo : str
        The repository they come from; for a folder that was named, its path.
    revision : str
        The commit; "" for a folder that was named.
    looked_in : tuple of Path
        Where they were looked for, the last one being where they were found.
    embedding : Path, optional
        The file that holds what the text encoder makes of no text, or in which it is to be kept.
        The text encoder is nearly a third of Stable Diffusion 2 and is needed for this alone.
    """

    path: Path
    repo: str
    revision: str
    looked_in: tuple[Path, ...] = ()
    embedding: Path | None = None

    def __str__(self) -> str:
        """Return what a result says about them."""
        return f"{self.repo}@{self.revision}" if self.revision else self.repo


def locate(name: str, options: BackboneOptions = PLAIN, progress: Progress = ignore) -> Weights:
    """Return the weights of a model, fetching from the hub what is not on this computer.

    Parameters
    ----------
    name : str
        As in `napari_m2n2.attention.catalogue.MODELS`.
    options : BackboneOptions
        Which weights, and which parts of them are needed.
    progress : callable
        Told of the download; may raise `Cancelled`, after which the next call goes on from there.

    Raises
    ------
    FileError
        If the folder named in the options is not there or cannot be read.
    MissingError
        If there are no weights that can be used, or they cannot be fetched.
    """
    here = locate_here(name, options)
    if here is not None:
        return here
    from napari_m2n2.attention import download

    wanted = model(name)
    repositories = _repositories(wanted, options)

    def choose(repository: str, commit: str, there: Sequence[str]) -> list[str]:
        kept = _kept(wanted, f"{repository}@{commit}")
        return needed_files(needed_parts(wanted, options, kept), there, repository)

    repository = download.fetch(wanted.name, repositories, options.revision, choose, progress)
    found = _in_cache(wanted, repository, options)
    if found is None:
        raise MissingError(
            f"The weights of {name} were fetched but are not in {store.hub_folder()}; see that "
            "HF_HOME and HF_HUB_CACHE have not changed since the program was started."
        )
    return found


def locate_here(name: str, options: BackboneOptions = PLAIN) -> Weights | None:
    """Return the weights of a model if they are on this computer; asks no network.

    Raises
    ------
    FileError
        If the folder named in the options is not there or cannot be read.
    MissingError
        If the folder named in the options has no weights that can be used.
    """
    wanted = model(name)
    folder = named_folder(options)
    if folder is not None:
        return _in_folder(wanted, folder, options)
    return next(
        filter(None, (_in_cache(wanted, r, options) for r in _repositories(wanted, options))), None
    )


def places(name: str, options: BackboneOptions = PLAIN) -> tuple[Path, ...]:
    """Return the folders where weights of a model are looked for."""
    folder = named_folder(options)
    if folder is not None:
        return (folder,)
    return tuple(store.repository_folder(r) for r in _repositories(model(name), options))


def named_folder(options: BackboneOptions) -> Path | None:
    """Return the folder that the options name, or None if they name none.

    Raises
    ------
    FileError
        If they name something that is neither a folder nor could be the id of a repository.
    """
    if options.weights is None:
        return None
    path = Path(options.weights).expanduser()
    if path.is_dir():
        return path
    if path.exists():
        raise FileError(f"{path} is a file; give the folder that the weights lie in.")
    if not _IDENTIFIER.fullmatch(options.weights):
        raise FileError(
            f"The folder {path} does not exist; give the folder of the weights, or OWNER/NAME of "
            "a repository."
        )
    return None


def _repositories(wanted: Model, options: BackboneOptions) -> tuple[str, ...]:
    """Return the repositories to try, in order."""
    return wanted.repositories if options.weights is None else (options.weights,)


def needed_parts(
    wanted: Model, options: BackboneOptions, embedding: Path | None = None
) -> list[Part]:
    """Return the parts of a model that are needed, with these options and what is kept."""
    skipped = [FULL_VAE] if options.vae == "tiny" else []
    if embedding is not None and embedding.is_file():
        skipped += [TEXT_ENCODER, TOKENIZER]
    return [part for part in wanted.parts if part not in skipped]


def _kept(wanted: Model, key: str) -> Path | None:
    """Return the file where the empty prompt of these weights is kept, if it is theirs at all."""
    if TEXT_ENCODER not in wanted.parts:
        return None
    digest = hashlib.sha256(key.encode()).hexdigest()[:24]
    return store.own_folder() / "empty-prompt" / f"{digest}.safetensors"


def _in_folder(wanted: Model, folder: Path, options: BackboneOptions) -> Weights:
    """Return the weights in a folder that was named."""
    try:
        there = store.files_in(folder)
        embedding = folder / EMPTY_PROMPT
        kept = embedding if embedding.is_file() else _kept(wanted, _folder_key(folder))
    except OSError as error:
        raise FileError(
            f"The folder {folder} cannot be read ({error.strerror or error}); give another one."
        ) from error
    needed_files(needed_parts(wanted, options, kept), there, str(folder))
    return Weights(folder, str(folder), "", (folder,), kept)


def _folder_key(folder: Path) -> str:
    """Return what tells a folder of weights from another, and from itself with other weights."""
    stamps = []
    for path in sorted((folder / "unet").glob("*.safetensors")):
        state = path.stat()
        stamps.append(f"{path.name}:{state.st_size}:{state.st_mtime_ns}")
    return f"{folder.resolve()}@{','.join(stamps)}"


def _in_cache(wanted: Model, repository: str, options: BackboneOptions) -> Weights | None:
    """Return the weights of a repository if all that is needed is on this computer."""
    path = store.snapshot(repository, options.revision)
    if path is None:
        return None
    kept = _kept(wanted, f"{repository}@{path.name}")
    try:
        needed_files(needed_parts(wanted, options, kept), store.files_in(path), str(path))
    except (MissingError, OSError):  # fetched in part
        return None
    looked_in = [store.repository_folder(r) for r in _repositories(wanted, options)]
    upto = looked_in.index(store.repository_folder(repository)) + 1
    return Weights(path, repository, path.name, tuple(looked_in[:upto]), kept)
