"""Which device computes, and how much memory it has."""

from __future__ import annotations

from dataclasses import dataclass

from napari_m2n2.errors import InputError


@dataclass(frozen=True)
class Device:
    """A device that is there.

    Attributes
    ----------
    name : str
        As torch calls it: "cpu", "cuda:0", "mps".
    title : str
        What a person calls it.
    total : int
        Memory in bytes.
    free : int
        Memory in bytes that is not in use now.
    """

    name: str
    title: str
    total: int
    free: int


def resolve(device: str = "auto") -> str:
    """Return the torch device that a name stands for.

    Parameters
    ----------
    device : str
        "auto" (the first CUDA device, else the processor), "cpu", "cuda", "cuda:N" or "mps".
        Apple's mps is used only when it is asked for.

    Returns
    -------
    str
        "cpu", "cuda:N" or "mps".

    Raises
    ------
    InputError
        If the name is unknown or the device is not there.
    """
    import torch

    name = device.strip().lower()
    count = _cuda_count()
    if name == "auto":
        return "cuda:0" if count else "cpu"
    if name == "cpu":
        return name
    if name == "mps":
        if torch.backends.mps.is_available():
            return name
        raise InputError("The device mps is not there (no Apple GPU); use auto or cpu.")
    kind, _, number = name.partition(":")
    if kind != "cuda" or not (number.isdecimal() or name == "cuda"):
        raise InputError(f"The device {device!r} is unknown; use auto, cpu, cuda, cuda:N or mps.")
    if int(number or 0) >= count:
        found = f"torch finds {count} CUDA devices" if count else "torch finds no CUDA device"
        raise InputError(f"The device {name} is not there ({found}); use auto or cpu.")
    return f"cuda:{int(number or 0)}"


def memory(device: str = "auto") -> tuple[int, int]:
    """Return the memory of a device.

    Parameters
    ----------
    device : str
        As for `resolve`.

    Returns
    -------
    total, free : int
        Bytes; for the processor and for mps what the system has and could give now.
    """
    name = resolve(device)
    if name.startswith("cuda"):
        import torch

        free, total = torch.cuda.mem_get_info(name)
        return int(total), int(free)
    import psutil

    system = psutil.virtual_memory()
    return int(system.total), int(system.available)


def available() -> tuple[Device, ...]:
    """Return the devices of this computer, the one that "auto" takes first."""
    import torch

    names = [f"cuda:{n}" for n in range(_cuda_count())]
    names += ["cpu"] + (["mps"] if torch.backends.mps.is_available() else [])
    return tuple(Device(name, _title(name), *memory(name)) for name in names)


def _cuda_count() -> int:
    """Return the number of CUDA devices that torch can use."""
    import torch

    return int(torch.cuda.device_count()) if torch.cuda.is_available() else 0


def _title(name: str) -> str:
    """Return the name of a device as its maker gives it."""
    import platform

    import torch

    if name.startswith("cuda"):
        return str(torch.cuda.get_device_name(name))
    if name == "mps":
        return "Apple GPU"
    return f"{platform.machine() or 'processor'}, {torch.get_num_threads()} threads"
