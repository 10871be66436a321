"""The libraries of the models: loaded when needed, silent, from a local folder, without pickle."""

from __future__ import annotations

import importlib
import json
import logging
import math
import re
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from napari_m2n2.errors import FileError, InputError, MissingError, is_out_of_memory

_LIBRARIES = ("diffusers", "transformers")

_HALF = re.compile(r"\.fp16[.-]")
_OF_TRAINING = re.compile(r"\.non_ema[.-]")
"""In names of files: a point, or a dash where the weights are in pieces."""

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


def resolve_dtype(name: str, device: str) -> torch.dtype:
    """Return the precision of a model on a device.

    Parameters
    ----------
    name : {"auto", "float32", "float16", "bfloat16"}
        "auto" is float16 on a GPU, as published, and float32 on a processor.
    device : str
        As torch calls it.

    Raises
    ------
    InputError
        If the device cannot compute in it.
    """
    processor = torch.device(device).type == "cpu"
    if name == "auto":
        return torch.float32 if processor else torch.float16
    if processor and name == "float16":
        raise InputError(
            "A processor does not compute in float16; use dtype float32, or bfloat16."
        )
    return DTYPES[name]


def library(name: str) -> ModuleType:
    """Return a library of models, such as diffusers.

    Raises
    ------
    MissingError
        If it is not installed, or cannot be loaded.
    """
    try:
        with quiet():
            return importlib.import_module(name)
    except (ImportError, RuntimeError, OSError) as error:
        reason = str(error).strip().splitlines()
        raise MissingError(
            f"This backbone needs {name}, which cannot be loaded "
            f"({reason[0] if reason else type(error).__name__}); run: "
            'pip install "napari-m2n2[models]".'
        ) from error


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what these libraries log, warn and draw from the user; afterwards all is as before."""
    loggers = [logging.getLogger(name) for name in (*_LIBRARIES, "huggingface_hub")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def _no_bars() -> Iterator[None]:
    """Let no library draw a progress bar."""
    names = [f"{name}.utils.logging" for name in _LIBRARIES if sys.modules.get(name)]
    found = [importlib.import_module(name) for name in names]
    shown = [module for module in found if module.is_progress_bar_enabled()]
    for module in shown:
        module.disable_progress_bar()
    try:
        yield
    finally:
        for module in shown:
            module.enable_progress_bar()


def load(cls: Any, folder: Path, dtype: torch.dtype, *, unused: tuple[str, ...] = ()) -> Any:
    """Load a model of diffusers or transformers, ready to infer, on the processor.

    Parameters
    ----------
    cls : class
        With their ``from_pretrained``.
    folder : Path
        Its config.json and its weights in safetensors; nothing else is ever read.
    dtype : torch.dtype
        Precision of the weights.
    unused : tuple of str
        Beginnings of names of weights that may be missing, since they are not used.

    Raises
    ------
    MissingError
        If the folder has no such files.
    FileError
        If they cannot be read, or do not hold the weights of this architecture.
    """
    config(folder)
    names = [path.name for path in weight_files(folder)]
    _check_pieces(folder)
    extra: dict[str, Any] = {}
    if all(map(_HALF.search, names)):
        extra["variant"] = "fp16"
    precision = torch.get_default_dtype()
    try:
        with quiet(), _no_bars():
            model, report = cls.from_pretrained(
                str(folder),
                use_safetensors=True,
                local_files_only=True,
                output_loading_info=True,
                **({"low_cpu_mem_usage": False} if cls.__module__.startswith("diffusers") else {}),
                torch_dtype=dtype,
                **extra,
            )
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise FileError(
            f"The weights in {folder} cannot be read ({_first_line(error)}); download them again."
        ) from error
    finally:
        # diffusers changes it while it loads, and leaves it so when that fails
        torch.set_default_dtype(precision)
    missing = [key for key in report["missing_keys"] if not key.startswith(unused)]
    if missing:
        raise FileError(
            f"The weights in {folder} lack {len(missing)} of the model's tensors, {missing[0]} "
            "first; download them again."
        )
    return model.eval()


def config(folder: Path) -> dict[str, Any]:
    """Return the config.json of a model.

    Raises
    ------
    MissingError
        If there is none.
    FileError
        If it is no JSON object.
    """
    path = folder / "config.json"
    if not path.is_file():
        raise MissingError(
            f"The weights lack the file {path}; give a folder in the layout of diffusers or "
            "transformers."
        )
    return _json(path)


def _json(path: Path) -> dict[str, Any]:
    """Return what a file says of a model."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FileError(f"The file {path} cannot be read; download it again.") from error
    if not isinstance(found, dict):
        raise FileError(f"The file {path} does not describe a model; download it again.")
    return found


def _check_pieces(folder: Path) -> None:
    """Refuse a list of pieces with another format among them, which the libraries would open."""
    for path in folder.glob("*.safetensors.index*.json"):
        pieces = _json(path).get("weight_map")
        for piece in map(str, pieces.values() if isinstance(pieces, dict) else ("nothing",)):
            if not piece.endswith(".safetensors") or Path(piece).name != piece:
                raise FileError(
                    f"The list {path} names {piece}, and only safetensors beside it are ever "
                    "opened; download it again."
                )


def weight_files(folder: Path) -> list[Path]:
    """Return the files with the weights of a model, all of one precision.

    Raises
    ------
    MissingError
        If there is none in safetensors.
    """
    files = sorted(folder.glob("*.safetensors"))
    half = [path for path in files if _HALF.search(path.name)]
    whole = [path for path in files if path not in half and not _OF_TRAINING.search(path.name)]
    if not (whole or half):
        raise MissingError(
            f"The folder {folder} holds no weights in safetensors; give a folder with a file "
            "*.safetensors, since other formats can run code and are never opened."
        )
    return whole or half


def count_weights(folder: Path, *, beginnings: tuple[str, ...] = ("",)) -> int:
    """Return the number of weights of a model from the heads of its files, without reading them.

    Parameters
    ----------
    folder : Path
        Where its files are.
    beginnings : tuple of str
        Only weights whose name begins so are counted.

    Raises
    ------
    FileError
        If a file is damaged.
    """
    return sum(
        math.prod(shape)
        for path in weight_files(folder)
        for name, shape in _shapes(path)
        if name.startswith(beginnings)
    )


def _shapes(path: Path) -> Iterable[tuple[str, list[int]]]:
    """Return the names and shapes of the tensors of a file."""
    library("safetensors")
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="pt") as file:
            return [(name, file.get_slice(name).get_shape()) for name in file.keys()]  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise FileError(
            f"The weights in {path} cannot be read ({_first_line(error)}); download them again."
        ) from error


def _first_line(error: BaseException) -> str:
    """Return what an error says first."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".:") if lines else type(error).__name__
