"""Exporting the labels of the window: what is exported, and the work in a thread."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Image, Labels

from napari_m2n2.annotation.export import (
    FORMATS,
    Annotated,
    ExportOptions,
    check_export,
    export,
    format_of,
)
from napari_m2n2.annotation.export_sources import ImageLayer, Known, from_layers
from napari_m2n2.annotation.jobs import Failed
from napari_m2n2.annotation.places import is_ours
from napari_m2n2.errors import FileError, InputError, UserError
from napari_m2n2.progress import Progress
from napari_m2n2.viewer.background import Background
from napari_m2n2.viewer.kept import file_of
from napari_m2n2.viewer.pair import Pair

NO_LABELS = "There are no labels to export; outline an object first."
STOPPED = "Stopped; nothing was written."
NO_MEMORY = "There is not enough memory to export this; close other programs."


@dataclass(frozen=True)
class Exported:
    """It was written; `sentence` tells what."""

    sentence: str


class Exporter(Background):
    """Writes labels of a viewer to files; called off, it leaves what was there as it was."""

    no_memory = NO_MEMORY

    @property
    def labels(self) -> Labels | None:
        """The layer to export: the one that is chosen, or that of the image at work."""
        viewer, pair = self._controller.viewer, self._controller.current
        active = viewer.layers.selection.active
        if isinstance(active, Labels):
            return active
        if pair is not None and pair.labels in viewer.layers:
            return pair.labels
        layers = [layer for layer in viewer.layers if isinstance(layer, Labels)]
        return layers[-1] if layers else None

    @property
    def suggested(self) -> Path:
        """A name for the file, in the folder of the image if it has one."""
        image = self._image_of(self.labels)
        file = None if image is None else file_of(image)
        if file is None:
            return Path(f"{'image' if image is None else image.name}_labels.tif".replace("/", "_"))
        return file.with_name(f"{file.name.partition('.')[0]}_labels.tif")

    def check(self, path: Path) -> None:
        """Raise `FileError` if a file must not or cannot be written."""
        from napari_m2n2.files.geometry import plain_geometry

        labels = self.labels
        if labels is None:
            raise InputError(NO_LABELS)
        image = self._image_of(labels)
        read = [layer.source.path for layer in self._controller.viewer.layers]
        read.append(None if image is None else file_of(image))
        if any(file and os.path.realpath(file) == os.path.realpath(path) for file in read):
            raise FileError(f"{path.name} is open in this window; choose another name.")
        if is_ours(path):
            raise FileError(f"{path.name} is the name of a session's file; choose another name.")
        check_export(path, plain_geometry(Path(labels.name), tuple(labels.data.shape)))

    def write(self, path: Path, options: ExportOptions | None = None) -> None:
        """Write the labels as they are on screen now; what happens on screen later has no part.

        Parameters
        ----------
        path : Path
            The ending says the format; what is there is replaced.
        options : ExportOptions, optional
        """
        if self.busy:
            return
        try:
            self.check(path)
            labels = self.labels
            values, given = np.array(labels.data), self._given(labels)
        except UserError as error:
            self.said.emit(str(error), True)
            return
        except MemoryError:
            self.said.emit(NO_MEMORY, True)
            return
        self.said.emit(f"Writing {path.name} …", False)
        self._work_on(
            lambda report: _write(lambda: from_layers(values, *given), path, options, report),
            self._done,
        )
        self.changed.emit()

    def _done(self, outcome: Any) -> None:
        """Tell how it ended."""
        match outcome:
            case Exported(sentence):
                self.said.emit(sentence, False)
            case Failed(message):
                self.said.emit(message, True)
            case _:
                self.said.emit(STOPPED, False)
        self.changed.emit()

    def _pair_of(self, labels: Labels | None) -> Pair | None:
        """Return the image at work that labels belong to."""
        return next((pair for pair in self._controller.pairs if pair.labels is labels), None)

    def _image_of(self, labels: Labels | None) -> Image | None:
        """Return the image that labels belong to: that of their objects, or the one chosen."""
        pair = self._pair_of(labels)
        if pair is not None:
            return pair.image
        image = self._controller.state.image
        return image if image in self._controller.viewer.layers else None

    def _given(self, labels: Labels) -> tuple[ImageLayer, Known]:
        """Return what is known of a layer, for another thread: no layer is touched there."""
        pair, image = self._pair_of(labels), self._image_of(labels)
        known = Known()
        if pair is not None:
            mode = "semantic" if self._controller.state.semantic else "instance"
            content = pair.table.content
            known = Known(content.objects, content.classes, mode)
        fits = image is not None and (pair is not None or _covers(labels, image))
        source = image if fits else labels
        data = source.data[0] if source.multiscale else source.data
        layer = ImageLayer(
            name=source.name,
            data=data,
            rgb=isinstance(source, Image) and source.rgb,
            path=file_of(image) if fits else None,
            scale=tuple(float(size) for size in labels.scale),
            units=tuple(str(unit) for unit in labels.units),
        )
        return layer, known


def _write(
    read: Callable[[], Annotated], path: Path, options: ExportOptions | None, report: Progress
) -> Exported:
    """Do it, in the thread."""
    return Exported(f"{path.name}: {export(read(), path, options, report)}.")


def with_ending(path: Path, kind: str) -> Path:
    """Return a path whose ending names a format: what it has, or the usual one of `kind`."""
    try:
        format_of(path)
    except FileError:
        return path.with_name(path.name + FORMATS[kind][0])
    return path


def _covers(labels: Labels, image: Image) -> bool:
    """Tell whether labels lie pixel on pixel on an image."""
    shape = image.level_shapes[0] if image.multiscale else image.data.shape
    return tuple(shape[: image.ndim]) == tuple(labels.data.shape)
