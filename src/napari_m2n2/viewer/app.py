"""Whole windows: napari with the widget, the demo, and a picture of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_m2n2.annotation.jobs import Job, Outcome, Segmented
from napari_m2n2.progress import Progress
from napari_m2n2.viewer.kept import FILE
from napari_m2n2.viewer.samples import Sample
from napari_m2n2.viewer.zarr_layers import add_zarr

if TYPE_CHECKING:
    from napari import Viewer

    from napari_m2n2.segmenter import Result
    from napari_m2n2.viewer.widget import SegmentationWidget

PLUGIN = "napari-m2n2"
WIDGET = "Outline objects"
"""The name of the widget in the manifest."""

_WINDOW = (1440, 900)
"""Width and height of the picture of the window."""


def open_viewer(image: Path | None = None) -> None:
    """Open napari with the widget, and an image if one is given, until it is closed."""
    import napari

    viewer = napari.Viewer()
    if image is not None:
        add_file(viewer, image)
    viewer.window.add_plugin_dock_widget(PLUGIN, WIDGET)
    napari.run()


def show_demo(sample: Sample) -> None:
    """Open napari with a sample, prompts in place, and outline it, until it is closed."""
    import napari

    viewer = napari.Viewer()
    add_sample(viewer, sample)
    _, widget = viewer.window.add_plugin_dock_widget(PLUGIN, WIDGET)
    place_prompts(widget, sample)
    napari.run()


def save_window(sample: Sample, result: Result, path: Path) -> None:
    """Save a picture of the whole window, as it is once a sample is outlined.

    Parameters
    ----------
    sample : Sample
    result : Result
        Its outline.
    path : Path
        Of a PNG file, whatever it ends in.
    """
    import napari
    from imageio.v3 import imwrite
    from qtpy.QtWidgets import QApplication

    from napari_m2n2.annotation.newest import run_now
    from napari_m2n2.viewer.widget import SegmentationWidget

    viewer = napari.Viewer(show=False)
    try:
        add_sample(viewer, sample)
        widget = SegmentationWidget(viewer, compute=_known(result), runner=run_now)
        viewer.window.add_dock_widget(widget, name=WIDGET)
        place_prompts(widget, sample)
        viewer.show()
        viewer.window.resize(*_WINDOW)
        for _ in range(10):  # the window is laid out and drawn in steps
            QApplication.processEvents()
        viewer.reset_view()
        imwrite(path, viewer.screenshot(canvas_only=False, flash=False), extension=".png")
        widget.close()
    finally:
        viewer.close()


def add_sample(viewer: Viewer, sample: Sample) -> None:
    """Add a sample to a viewer and turn to the plane that its points lie on."""
    viewer.add_image(sample.load(), **sample.attributes)
    if sample.slice is not None:
        viewer.dims.set_current_step(0, sample.slice)


def place_prompts(widget: SegmentationWidget, sample: Sample) -> None:
    """Begin an object in the image chosen and place the points of a sample."""
    controller = widget.controller
    pair = controller.new_pair(widget.image)
    assert pair is not None  # the sample's image was added
    for point, foreground in zip(sample.points, sample.labels, strict=True):
        controller.state.foreground = bool(foreground)
        pair.prompts.add(point if sample.slice is None else (sample.slice, *point))
    controller.state.foreground = True
    pair.prompts.selected_data = set()


def _known(result: Result) -> Callable[[Job, Progress, Progress], Outcome]:
    """Return what computes no more than a result that is known already."""
    outcome = Segmented(mask=result.mask, score=result.score, seconds=result.timings)
    return lambda job, preparing, segmenting: outcome


def add_file(viewer: Viewer, path: Path) -> None:
    """Add an image file to a viewer; NIfTI, which napari does not read by itself, too."""
    from napari_m2n2.files.ome_zarr import is_zarr

    if is_zarr(path):
        add_zarr(viewer, path)
    elif path.name.endswith((".nii", ".nii.gz")):
        _add_nifti(viewer, path)
    else:
        viewer.open(path, stack=False)


def _add_nifti(viewer: Viewer, path: Path) -> None:
    """Add a NIfTI file with its slices first, as napari and microscopes count axes."""
    from napari_m2n2.files.nifti import open_nifti

    source = open_nifti(path)
    order = list(source.stack_axes)
    name = path.name.removesuffix(".gz").removesuffix(".nii")
    # napari knows the files that it has read itself
    attributes: dict[str, Any] = {"name": name, "metadata": {FILE: str(path)}}
    attributes["scale"] = [source.spacing[axis] for axis in order]
    if source.channel_axis is not None and source.axes[source.channel_axis] == "S":
        attributes["rgb"] = True
        order.append(source.channel_axis)
    elif source.channel_axis is not None:
        attributes["channel_axis"] = 0
        order.insert(0, source.channel_axis)
    viewer.add_image(source.read({}).transpose(order), **attributes)
