"""The backbones by name: which there are, whether they can run, and how to make one.

Imports nothing heavy, so that a widget or a command line can list them at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from napari_m2n2.attention import store, weights
from napari_m2n2.attention.catalogue import BACKBONES, Model
from napari_m2n2.attention.options import PLAIN, BackboneOptions
from napari_m2n2.errors import InputError, UserError
from napari_m2n2.progress import Progress, ignore

if TYPE_CHECKING:
    from napari_m2n2.attention.base import Backbone
    from napari_m2n2.attention.hooked import Hooked
    from napari_m2n2.attention.weights import Weights

TEXTURE = "texture"
_NAMES = (TEXTURE, *BACKBONES)
_GRID = 64

INSTALL = 'pip install "napari-m2n2[models]"'


@dataclass(frozen=True)
class BackboneStatus:
    """Whether a backbone can run here.

    Attributes
    ----------
    name : str
        Its name.
    ready : bool
        Whether all it needs is there.
    reason : str
        What it is, or what it lacks and what to do.
    looked_in : tuple of Path
        Where its weights were looked for.
    download : str
        How much is fetched at the first use, if that is all that is lacking.
    """

    name: str
    ready: bool
    reason: str
    looked_in: tuple[Path, ...] = ()
    download: str = ""


def names() -> tuple[str, ...]:
    """Return the names of the backbones, the first one being the default."""
    return _NAMES


def default_grid(name: str, device: str) -> int:
    """Return the cells along a side that a backbone has by default.

    Parameters
    ----------
    name : str
        A backbone; any other name has the grid of `texture`.
    device : str
        As torch calls it. A processor gets fewer cells of Stable Diffusion than were published,
        since time and memory grow with their fourth power.
    """
    model = BACKBONES.get(name)
    if model is None:
        return _GRID
    return model.cpu_grid if device == "cpu" else model.grid


def understands_text(name: str) -> bool:
    """Tell whether a backbone takes phrases as prompts."""
    return name in BACKBONES and BACKBONES[name].kind == "stable-diffusion"


def status(name: str, options: BackboneOptions = PLAIN) -> BackboneStatus:
    """Say whether a backbone can run, without loading it and without asking the network."""
    _check(name)
    if name == TEXTURE:
        return BackboneStatus(name, True, "built in: needs no weights, no network and no GPU")
    model = BACKBONES[name]
    places: tuple[Path, ...] = ()
    try:
        places = weights.places(name, options)
        found = weights.locate_here(name, options)
    except UserError as error:
        return BackboneStatus(name, False, str(error), places)
    lacking = _missing_package(model)
    if lacking is not None:
        return BackboneStatus(name, False, f"needs the package {lacking}; run: {INSTALL}", places)
    if found is None:
        size = store.readable(model.size)
        reason = f"its weights ({size}) are not here; run: napari-m2n2 download {name}"
        return BackboneStatus(name, False, reason, places, download=size)
    return BackboneStatus(name, True, f"weights of {found}", found.looked_in)


def create(
    name: str,
    grid: int,
    device: str = "cpu",
    options: BackboneOptions = PLAIN,
    progress: Progress = ignore,
) -> tuple[Backbone, Weights | None]:
    """Make a backbone that gives attention on about ``grid * grid`` cells.

    Parameters
    ----------
    name : str
        One of `names`.
    grid : int
        Cells along a side.
    device : str
        Where it runs, as torch calls it.
    options : BackboneOptions
        Which weights, and what is read from them.
    progress : callable
        Told of a download; may raise `Cancelled`.

    Returns
    -------
    Backbone
        Its weights are loaded by the first image.
    Weights or None
        Those it uses.

    Raises
    ------
    InputError
        If the name is unknown, or options are given that this backbone does not have.
    MissingError, FileError
        If its weights or the packages that run them are not there and cannot be had.
    """
    check_use(name, options)
    if name == TEXTURE:
        from napari_m2n2.attention.texture import Texture

        return Texture(grid), None
    from napari_m2n2.attention.sharing import share

    found = weights.locate(name, options, progress)
    tiny = _tiny_vae(found.path, progress) if options.vae == "tiny" else None
    shared = share(
        (name, found, device, options),
        grid,
        lambda: _make(found, tiny, name, grid, device, options),
    )
    return shared, found


def _make(
    found: Weights, tiny: Path | None, name: str, grid: int, device: str, options: BackboneOptions
) -> Hooked:
    """Make a backbone with weights."""
    if BACKBONES[name].kind == "dinov2":
        from napari_m2n2.attention.dino import Dino

        return Dino(found.path, name=name, grid=grid, device=device, options=options)
    from napari_m2n2.attention.stable_diffusion import StableDiffusion

    return StableDiffusion(
        found.path,
        name=name,
        grid=grid,
        device=device,
        options=options,
        tiny_vae=tiny,
        embedding=found.embedding,
    )


def check_use(name: str, options: BackboneOptions) -> None:
    """Say which options mean nothing to a backbone, so that none is set in vain.

    Raises
    ------
    InputError
        If there are any, or the name is unknown.
    """
    _check(name)
    kind = BACKBONES[name].kind if name in BACKBONES else None
    idle = {
        "weights": kind is None,
        "revision": kind is None,
        "blocks": kind is None,
        "dtype": kind is None,
        "timestep": kind != "stable-diffusion",
        "vae": kind != "stable-diffusion",
    }
    for option, means_nothing in idle.items():
        if means_nothing and getattr(options, option) != getattr(PLAIN, option):
            raise InputError(f"The backbone {name!r} has no {option}; leave it out.")


def _tiny_vae(folder: Path, progress: Progress) -> Path | None:
    """Return the folder of the tiny image encoder; None if it lies with the weights."""
    if any((folder / name).is_dir() for name in ("vae_tiny", "taesd")):
        return None
    return weights.locate("tiny-vae", PLAIN, progress).path


def _missing_package(model: Model) -> str | None:
    """Return a package that the model needs and that is not installed."""
    needed = ("transformers",) if model.kind == "dinov2" else ("transformers", "diffusers")
    return next((n for n in (*needed, "safetensors") if not _is_installed(n)), None)


def _is_installed(package: str) -> bool:
    """Tell whether a package is there, without loading it."""
    try:
        return find_spec(package) is not None
    except (ImportError, ValueError):  # a finder that refuses it, a package half removed
        return False


def _check(name: str) -> None:
    """Say which backbones there are if this is none."""
    if name not in _NAMES:
        raise InputError(f"The backbone {name!r} is unknown; choose one of {', '.join(_NAMES)}.")
