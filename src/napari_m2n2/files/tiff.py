"""TIFF: plain, ImageJ and OME, one plane at a time, and labels that keep the pixel size."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from xml.etree import ElementTree

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_m2n2.errors import FileError, MissingError
from napari_m2n2.files.geometry import Geometry
from napari_m2n2.files.planes import Source

# What tifffile writes to its log, and then reads on, when the end of a file is missing: a stack
# that was cut off would pass for its first plane.
_SIGNS_OF_DAMAGE = ("invalid page offset", "corrupted", "failed to reshape")
# what ImageJ keeps for the whole image and not for single planes
_IMAGEJ_KEYS = ("spacing", "unit", "yunit", "zunit", "finterval", "fps", "xorigin", "yorigin")
_OME_AXES = "TZYX"
_OME_SIZES = ("PhysicalSizeX", "PhysicalSizeY", "PhysicalSizeZ", "TimeIncrement")
_MICROMETRES = {"micron": 1.0, "um": 1.0, "µm": 1.0, "μm": 1.0, "\\u00b5m": 1.0, "microns": 1.0}
_LENGTHS = {**_MICROMETRES, "nm": 1e-3, "mm": 1e3, "cm": 1e4, "inch": 25400.0}


@dataclass(frozen=True)
class TiffTemplate:
    """What is kept of a TIFF file when labels are written for it.

    Attributes
    ----------
    flavour : str
        "imagej", "ome" or "plain".
    resolution : (float, float) or None
        Pixels per unit along columns and rows.
    resolution_unit : int
        The TIFF tag: 1 none, 2 inch, 3 centimetre.
    metadata : dict
        What ImageJ or OME say about the whole image: spacing, units, origin, frame interval.
    """

    flavour: str
    resolution: tuple[float, float] | None
    resolution_unit: int
    metadata: Mapping[str, Any] = field(default_factory=dict)


def open_tiff(path: Path) -> Source:
    """Look into a TIFF file without reading its pixels.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Source
        The first series of the file at full resolution.

    Raises
    ------
    FileError
        If the file is no TIFF file, damaged or cut off.
    """
    with _reading(path) as tif:
        series = tif.series[0]
        shape, axes = series.shape, series.axes
        template = _template(tif)
        dtype = series.dtype
    axes = _name_samples(axes, shape, dtype)
    channel_axis = next((axes.index(letter) for letter in "SC" if letter in axes), None)
    order = [a for a, letter in enumerate(axes) if letter not in "YX" and a != channel_axis]
    order += [a for a, letter in enumerate(axes) if letter in "YX"]
    spacing, unit = _spacing(template, axes)
    return Source(
        shape=tuple(int(length) for length in shape),
        axes=axes,
        channel_axis=channel_axis,
        stack_axes=tuple(order),
        spacing=spacing,
        unit=unit,
        read=lambda fixed: _read(path, fixed),
        template=template,
    )


def write_tiff(
    path: Path, labels: NDArray[np.integer[Any]], axes: str, template: TiffTemplate | None
) -> None:
    """Write labels of the shape of a whole file.

    Parameters
    ----------
    path : Path
    labels : integer array
    axes : str
        One letter for each axis of `labels`.
    template : TiffTemplate, optional
        The geometry to keep.
    """
    options: dict[str, Any] = {"photometric": "minisblack", "metadata": {"axes": axes}}
    if template is not None and template.resolution is not None:
        options["resolution"] = template.resolution
        options["resolutionunit"] = template.resolution_unit
    flavour = "plain" if template is None else template.flavour
    if template is not None and flavour in ("imagej", "ome"):
        options["metadata"] = {**template.metadata, "axes": axes}
        options[flavour] = True
    if flavour == "imagej":  # ImageJ knows no 32-bit labels and wants its stacks uncompressed
        tifffile.imwrite(path, labels.astype(_imagej_type(labels), copy=False), **options)
        return
    # napari opens 32-bit integers as labels, 8 and 16 bits as an image; zlib makes up for the size
    # on the disk, and one plane after the other for the size in memory
    planes = labels.reshape(-1, *labels.shape[-2:])
    tifffile.imwrite(
        path,
        (plane.astype(np.int32) for plane in planes),
        shape=labels.shape,
        dtype=np.int32,
        compression="zlib",
        **options,
    )


def template_for(geometry: Geometry) -> TiffTemplate | None:
    """Return what a TIFF file says of a geometry: as the image did, or as OME has it.

    Parameters
    ----------
    geometry : Geometry
        Of the labels.
    """
    if isinstance(geometry.template, TiffTemplate):
        return geometry.template
    known = set(geometry.axes) <= set(_OME_AXES) and len(set(geometry.axes)) == len(geometry.axes)
    if not geometry.unit or not known:
        return None
    sizes: dict[str, Any] = {}
    for letter, size in zip(geometry.axes, geometry.spacing, strict=True):
        if letter in "XYZ":
            sizes[f"PhysicalSize{letter}"] = size
            sizes[f"PhysicalSize{letter}Unit"] = "mm" if geometry.unit == "mm" else "µm"
    return TiffTemplate("ome", None, 1, sizes)


def _imagej_type(labels: NDArray[np.integer[Any]]) -> type[np.uint8 | np.uint16]:
    """Return the smallest type of ImageJ that holds the labels."""
    highest = int(labels.max(initial=0))
    if highest > np.iinfo(np.uint16).max:
        raise FileError(
            f"An ImageJ file holds labels up to 65535 but there is {highest}; write a NIfTI file."
        )
    return np.uint8 if highest <= np.iinfo(np.uint8).max else np.uint16


@contextmanager
def _reading(path: Path) -> Iterator[tifffile.TiffFile]:
    """Open a TIFF file; whatever is wrong with it becomes one sentence."""
    log = _Log()
    logger = logging.getLogger("tifffile")
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(log)
    try:
        with tifffile.TiffFile(path) as tif:
            if not tif.series:
                raise FileError(f"{path} holds no image.")
            yield tif
    except (FileError, MissingError):
        raise
    except Exception as error:  # a damaged file makes the decoder raise almost anything
        if "imagecodecs" not in str(error):
            raise _damaged(path) from error
        raise MissingError(
            f"{path} is compressed in a way that needs the package imagecodecs; "
            "install it with: pip install imagecodecs"
        ) from error
    finally:
        logger.removeHandler(log)
        logger.propagate = propagate
    if any(sign in message for message in log.messages for sign in _SIGNS_OF_DAMAGE):
        raise _damaged(path)


class _Log(logging.Handler):
    """Keeps what tifffile reports instead of printing it."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


def _damaged(path: Path) -> FileError:
    return FileError(f"{path} is no TIFF file, or it is damaged or cut off; copy it again.")


def _name_samples(axes: str, shape: tuple[int, ...], dtype: Any) -> str:
    """Call the last axis samples if the file names no channels and it looks like RGB or RGBA."""
    unnamed = "Q" in axes and "S" not in axes and "C" not in axes
    if unnamed and len(shape) > 2 and dtype == np.uint8 and shape[-1] in (3, 4):
        return axes[1:-2] + "YXS"
    return axes


def _read(path: Path, fixed: Mapping[int, int]) -> NDArray[Any]:
    """Read what remains when some axes are fixed, and only that where the file allows it."""
    with _reading(path) as tif:
        series = tif.series[0]
        page_axes = len(series.keyframe.shape)
        stack = series.shape[: len(series.shape) - page_axes]
        # pages are planes if each holds the last axes and all of them are there
        paged = series.shape[len(stack) :] == series.keyframe.shape and len(
            series.pages
        ) == np.prod(stack, dtype=int)
        if not paged or not any(axis < len(stack) for axis in fixed):
            # a contiguous stack is one "page": the system reads only the part that is used
            whole = _map(series)
            part = whole[tuple(fixed.get(a, slice(None)) for a in range(whole.ndim))]
            return np.array(part, dtype=part.dtype.newbyteorder("="))
        pages = np.arange(len(series.pages)).reshape(stack)
        wanted = pages[tuple(fixed.get(a, slice(None)) for a in range(len(stack)))]
        planes = [_page(series, int(k)) for k in wanted.ravel()]
        part = np.stack(planes).reshape(wanted.shape + planes[0].shape)
        inside = tuple(fixed.get(a + len(stack), slice(None)) for a in range(page_axes))
        return part[(..., *inside)]


def _map(series: tifffile.TiffPageSeries) -> NDArray[Any]:
    """Return the whole series, mapped from the disk if it lies there as it is."""
    if series.dataoffset is None or series.dtype is None:
        return series.asarray()
    parent = series.keyframe.parent
    end = series.dataoffset + int(np.prod(series.shape, dtype=np.int64)) * series.dtype.itemsize
    if end > parent.filehandle.size:
        raise ValueError("the file ends before the image does")
    return np.memmap(
        parent.filehandle.path,
        dtype=np.dtype(series.dtype).newbyteorder(parent.byteorder),
        mode="r",
        offset=series.dataoffset,
        shape=series.shape,
    )


def _page(series: tifffile.TiffPageSeries, number: int) -> NDArray[Any]:
    """Return one page; OME leaves out pages that were never recorded."""
    page = series.pages[number]
    if page is None:
        return np.zeros(series.keyframe.shape, series.dtype)
    return page.asarray()


def _template(tif: tifffile.TiffFile) -> TiffTemplate:
    """Return the geometry that the labels shall keep."""
    page = tif.series[0].keyframe
    tag, unit = page.tags.get("XResolution"), page.tags.get("ResolutionUnit")
    resolution = None if tag is None else tuple(float(value) for value in page.resolution)
    kept: dict[str, Any] = {}
    flavour = "plain"
    if tif.is_ome and tif.ome_metadata:
        flavour = "ome"
        pixels = ElementTree.fromstring(tif.ome_metadata).find(".//{*}Pixels")
        names = [name for size in _OME_SIZES for name in (size, f"{size}Unit")]
        if pixels is not None:
            kept = {name: pixels.attrib[name] for name in names if name in pixels.attrib}
    elif tif.is_imagej and tif.imagej_metadata:
        flavour = "imagej"
        metadata = tif.imagej_metadata
        kept = {name: metadata[name] for name in (*_IMAGEJ_KEYS, "zorigin") if name in metadata}
    return TiffTemplate(
        flavour=flavour,
        resolution=cast("tuple[float, float] | None", resolution),
        resolution_unit=1 if unit is None else int(unit.value),
        metadata=kept,
    )


def _spacing(template: TiffTemplate, axes: str) -> tuple[tuple[float, ...], str]:
    """Return the pixel size along each axis in micrometres, or ones and no unit."""
    sizes: dict[str, float] = {}
    kept, resolution = template.metadata, template.resolution
    if template.flavour == "ome":
        for letter in "XYZ":
            unit = _LENGTHS.get(kept.get(f"PhysicalSize{letter}Unit", "µm"))
            if unit and f"PhysicalSize{letter}" in kept:
                sizes[letter] = float(kept[f"PhysicalSize{letter}"]) * unit
    elif resolution is not None and all(resolution):
        if template.flavour == "imagej":
            unit = _LENGTHS.get(str(kept.get("unit", "")).lower())
            sizes["Z"] = float(kept.get("spacing", 0)) * (unit or 0)
        else:  # dots per inch say how to print an image, not how large its pixels are
            unit = 1e4 if template.resolution_unit == 3 else None
        if unit:
            sizes["X"], sizes["Y"] = (unit / value for value in resolution)
    sizes = {letter: size for letter, size in sizes.items() if np.isfinite(size) and size > 0}
    spacing = tuple(sizes.get(letter, 1.0) for letter in axes)
    return spacing, "micron" if sizes else ""
