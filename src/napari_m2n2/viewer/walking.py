"""Opening sessions with their images, and going through a folder of images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari.layers import Image
from psygnal import Signal

from napari_m2n2.annotation.folder import SessionFolder
from napari_m2n2.annotation.session import read_session
from napari_m2n2.errors import FileError, UserError
from napari_m2n2.viewer import sentences
from napari_m2n2.viewer.app import add_file
from napari_m2n2.viewer.keeping import Keeping
from napari_m2n2.viewer.kept import file_of

if TYPE_CHECKING:
    from napari_m2n2.viewer.controller import Controller


class Walking:
    """Opens sessions, and the images of a folder one after the other.

    Parameters
    ----------
    controller : Controller
    keeping : Keeping

    Attributes
    ----------
    sentence : str
        How many images of the folder are done; empty without a folder.

    Signals
    -------
    changed
        After another folder or image is at hand.
    """

    changed = Signal()

    def __init__(self, controller: Controller, keeping: Keeping) -> None:
        self._controller = controller
        self._viewer = controller.viewer
        self._keeping = keeping
        self._folder: SessionFolder | None = None
        self._last: Path | None = None
        self._begun: set[Path] = set()
        self.sentence = ""
        keeping.changed.connect(self._on_kept)

    @property
    def folder(self) -> Path | None:
        """The folder that is gone through."""
        return None if self._folder is None else self._folder.folder

    def go_through(self, folder: Path) -> None:
        """Go through the images of a folder, beginning with the first that is not finished."""
        self._folder = SessionFolder(folder, self._keeping.folder)
        image = self._controller.state.image
        if image is None or not self._is_of_folder(image):
            self._go_on(None)
        self._count()

    def next(self, *, finished: bool) -> None:
        """Save the image at work and open the next one that is not finished.

        Parameters
        ----------
        finished : bool
            Whether the user is done with the image at work.
        """
        if self._folder is None:
            return
        self._folder.sessions = self._keeping.folder or self._folder.folder
        image = self._controller.state.image
        mine = image is not None and self._is_of_folder(image)
        saved = self._keeping.finish() if finished and mine else self._keeping.flush()
        if saved:
            self._go_on(image if mine else self._layer_of(self._last))
        self._count()

    def open_session(self, path: Path) -> None:
        """Open a session, and its image if it is not open yet."""
        try:
            place = read_session(path).image.located(path)
            image = self._layer_of(place)
            if image is None and place is None:
                image = self._controller.state.image
            if image is None:
                image = self._open(place, path)
        except UserError as error:
            self._controller.say(str(error), failed=True)
            return
        self._resume(path, image)

    def _on_kept(self) -> None:
        """Count anew once the image at work has a session on the disk."""
        path = self._keeping.path
        if self._folder is None or path is None or path in self._begun or not path.exists():
            return
        self._begun.add(path)
        self._count()

    def _count(self) -> None:
        """Tell how many images are done; it takes a look at every one of them."""
        try:
            self.sentence = "" if self._folder is None else self._folder.tally.sentence
        except FileError as error:
            self.sentence = str(error)
        self.changed.emit()

    def _go_on(self, image: Image | None) -> None:
        """Open the image that comes next, and close the one that was at work."""
        assert self._folder is not None
        try:
            path = self._folder.next(None if image is None else file_of(image))
            if path is None:
                self._controller.say(
                    sentences.FOLDER_DONE if image is None else sentences.OTHERS_DONE
                )
                return
            layer = self._open(path, path)
        except UserError as error:
            self._controller.say(str(error), failed=True)
            return
        if image is not None:
            # after the next one was opened: some drivers cannot draw a window without layers
            self._close(image)
        self._last = path
        self._controller.state.image = layer
        session = self._folder.session_path(path)
        if session.exists():
            self._resume(session, layer)
        elif self._controller.new_pair(layer) is not None:
            self._viewer.reset_view()

    def _resume(self, path: Path, image: Image) -> None:
        """Go on with a session, and say so."""
        self._controller.state.image = image
        self._keeping.resume(path, image)
        self._controller.say(self._keeping.sentence, failed=self._keeping.failed)

    def _layer_of(self, file: Path | None) -> Image | None:
        """Return the layer that shows a file, if there is one."""
        if file is None:
            return None
        layers = ((layer, file_of(layer)) for layer in self._controller.images())
        return next(
            (layer for layer, own in layers if own and own.resolve() == file.resolve()), None
        )

    def _open(self, file: Path | None, session: Path) -> Image:
        """Open a file and return its first image."""
        if file is None or not file.exists():
            where = f"The image {file}" if file else "The image"
            raise FileError(
                f"{where} of {session.name} does not exist; open it, then its session."
            )
        before = set(self._controller.images())
        try:
            add_file(self._viewer, file)
        except UserError:
            raise
        except Exception as error:  # whatever a reader of napari comes up with
            raise FileError(f"{file} cannot be opened ({error}); choose another image.") from error
        new = [layer for layer in self._controller.images() if layer not in before]
        if not new:
            raise FileError(f"{file} has no image; choose another one.")
        return new[0]

    def _is_of_folder(self, image: Image) -> bool:
        """Tell whether an image is one of the folder that is gone through."""
        file = file_of(image)
        return file is not None and file.resolve().parent == (self.folder or file).resolve()

    def _close(self, image: Image) -> None:
        """Remove an image with all layers that were made for it."""
        pairs = [pair for pair in self._controller.pairs if pair.image is image]
        ours = [layer for pair in pairs for layer in pair.layers]
        file = file_of(image)
        same = [layer for layer in self._controller.images() if file and file_of(layer) == file]
        # overlays go by themselves
        for layer in dict.fromkeys([*ours, self._controller.frame.layer_of(image), *same, image]):
            if layer is not None and layer in self._viewer.layers:
                self._viewer.layers.remove(layer)
