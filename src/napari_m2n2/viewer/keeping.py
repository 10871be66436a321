"""The sessions of all images in the window: saved after every change, and gone on with."""

from __future__ import annotations

import atexit
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from napari.layers import Image
from psygnal import Signal

from napari_m2n2.annotation.autosave import Saved
from napari_m2n2.annotation.places import put_aside
from napari_m2n2.annotation.preferences import Preferences
from napari_m2n2.annotation.resume import resume
from napari_m2n2.annotation.session import Session
from napari_m2n2.errors import InputError, UserError
from napari_m2n2.viewer import sentences
from napari_m2n2.viewer.beginning import put_away
from napari_m2n2.viewer.choices import go_back
from napari_m2n2.viewer.connections import Connections
from napari_m2n2.viewer.kept import Kept, file_of, place_of
from napari_m2n2.viewer.pair import Pair
from napari_m2n2.viewer.settling import Settling
from napari_m2n2.viewer.telling import Relay

if TYPE_CHECKING:
    from napari_m2n2.viewer.controller import Controller

_PASSING = {"foreground", "overlay", "show_image", "opacity", "contour", "kept_planes"}
"""Of the state, what no session has."""


class Keeping:
    """Keeps a session on the disk for every image that is annotated.

    Parameters
    ----------
    controller : Controller
    folder : Path, optional
        Where sessions are saved; by default beside their images.
    automatic : bool
        Whether they are saved after every change.

    Attributes
    ----------
    found : Path or None
        A session of the image chosen that was not gone on with.
    sentence : str
        What is saved, or why not.
    failed : bool
        Whether that tells of a failure.

    Signals
    -------
    changed
        After any of it changed.
    """

    changed = Signal()

    def __init__(
        self, controller: Controller, *, folder: Path | None = None, automatic: bool = True
    ) -> None:
        self._controller = controller
        self._state = controller.state
        self._folder = folder
        self._automatic = automatic
        self._kept: dict[Pair, Kept] = {}
        self._closed = self._quiet = False
        self.found: Path | None = None
        self.sentence, self.failed = sentences.NOTHING_TO_SAVE, False
        self._relay = Relay(self._on_saved)
        self._soon = Settling(self._on_change, controller.viewer, 0)
        # labels are drawn anew for many reasons; look whether they are others when all is quiet
        self._later = Settling(self._on_labels, controller.viewer, 1000)
        self._connections = Connections()
        self._connections.connect(controller.table_changed, self._soon.want)
        self._connections.connect(controller.history_changed, self._soon.want)
        self._connections.connect(controller.pair_changed, self._on_pair)
        self._connections.connect(self._state.changed, self._on_state)
        # whoever closes the window last of all does not wait for the thread that saves
        atexit.register(self.close)

    @classmethod
    def from_preferences(cls, controller: Controller, preferred: Preferences) -> Keeping:
        """Keep sessions as the user prefers."""
        folder = Path(preferred.session_folder) if preferred.session_folder else None
        return cls(controller, folder=folder, automatic=preferred.autosave)

    # what is chosen

    @property
    def folder(self) -> Path | None:
        """Where sessions are saved; None for beside their images."""
        return self._folder

    @folder.setter
    def folder(self, folder: Path | None) -> None:
        if folder != self._folder:
            self._let_go(tuple(self._kept))
            self._folder = folder
            self._look()
            self._on_change()

    @property
    def automatic(self) -> bool:
        """Whether sessions are saved after every change."""
        return self._automatic

    @automatic.setter
    def automatic(self, automatic: bool) -> None:
        self._automatic = automatic
        self._look()
        self._on_change()

    @property
    def path(self) -> Path | None:
        """Where the session of the image at work is."""
        kept = self._current
        return None if kept is None else kept.path

    @property
    def can_save(self) -> bool:
        """Whether there is anything to save, and a place for it."""
        pair = self._controller.current
        return pair is not None and self.place_of(pair.image) is not None

    def place_of(self, image: Image) -> Path | None:
        """Return where the session of an image belongs; None if there is no place for it."""
        others = {kept.path for pair, kept in self._kept.items() if pair.image is not image}
        return place_of(image, self._folder, others)

    # what buttons do

    def save(self) -> bool:
        """Save the image at work and wait for the disk; return whether all went well."""
        pair = self._controller.current
        if pair is None:
            return True
        return self._attempt(lambda: self._flush(pair))

    def flush(self) -> bool:
        """Save all images and wait for the disk; return whether all went well."""
        self._on_change()
        ended = [self._attempt(kept.flush) for kept in tuple(self._kept.values())]
        return all(ended)

    def finish(self) -> bool:
        """Save that the user is done with the image at work; return whether all went well."""
        pair = self._controller.current
        if pair is None:
            return True

        def act() -> None:
            self._make(pair).finished = True
            self._flush(pair)

        return self._attempt(act)

    def begin_anew(self) -> None:
        """Put the session that was found aside, and begin another one in its place."""
        if self.found is not None and self._attempt(partial(put_aside, self.found)):
            self._look()
            self._on_change()

    def resume_found(self) -> None:
        """Go on with the session that was found."""
        if self.found is not None and self._state.image is not None:
            self.resume(self.found, self._state.image)

    def resume(self, path: Path, image: Image) -> bool:
        """Go on with a session in an image; return whether that was possible."""

        def act() -> None:
            data = image.data[0] if image.multiscale else image.data
            resumed = resume(path, image=file_of(image), data=data)
            for pair in [pair for pair in self._kept if pair.image is image]:
                self._forget(pair)
            self._quiet = True
            try:
                pair = go_back(self._controller, image, resumed)
            finally:
                self._quiet = False
            self._kept[pair] = self._new(pair, path, resumed.session)
            put_away(image, self._controller.viewer, self._controller.pairs, are_kept=True)
            self._look()
            self._show(" ".join(resumed.notes) or f"Resumed {path.name}.", bool(resumed.notes))
            self._kept[pair].submit()

        return self._attempt(act)

    def close(self, _object: object = None) -> None:
        """Save for the last time, and let go of the window."""
        if not self._closed:
            self.changed.disconnect()  # who would show it may be gone already
            self._on_change()
            self._closed = True
            atexit.unregister(self.close)
            self._relay.end()
            self._soon.stop()
            self._later.stop()
            self._connections.close()
            self._let_go(tuple(self._kept))

    # what has happened

    def _on_change(self, *_what: object) -> None:
        """Save what may have changed, if it is to be saved by itself."""
        if self._quiet or self._closed:
            return
        pair = self._controller.current
        self._let_go([old for old in self._kept if old not in self._controller.pairs])
        if pair is None:
            return
        wanted = self._automatic and self._has_content(pair)
        wanted = wanted and self.place_of(pair.image) is not None
        if not wanted or self._attempt(lambda: self._make(pair).submit()):
            self._look()

    def _on_labels(self) -> None:
        """Save the image at work if its labels are others."""
        if self._current is not None:
            self._on_change()

    def _on_pair(self, _pair: Pair | None) -> None:
        self._look()
        self._on_change()

    def _on_state(self, name: str) -> None:
        if self._quiet:
            return
        if name == "image":
            self._look()
        elif name not in _PASSING:
            self._soon.want()

    def _on_saved(self, saved: Saved) -> None:
        """Show how a write ended."""
        if not self._closed and saved.path == self.path:
            now = datetime.now().strftime("%H:%M")
            self._show(saved.failure or f"{now}  {saved.sentence}", bool(saved.failure))

    # how

    @property
    def _current(self) -> Kept | None:
        pair = self._controller.current
        return None if pair is None else self._kept.get(pair)

    def _has_content(self, pair: Pair) -> bool:
        """Tell whether there is anything to save of an image."""
        return bool(
            pair in self._kept or len(pair.table) or pair.prompted or pair.labels.data.any()
        )

    def _make(self, pair: Pair) -> Kept:
        """Return what keeps an image; a session that nobody went on with is put aside."""
        if pair not in self._kept:
            path = self.place_of(pair.image)
            if path is None:
                raise InputError(sentences.NO_PLACE_TO_SAVE)
            if path.exists():
                put_aside(path)
            self._kept[pair] = self._new(pair, path, None)
        return self._kept[pair]

    def _new(self, pair: Pair, path: Path, resumed: Session | None) -> Kept:
        kept = Kept(self._controller, pair, path, self._relay.tell, resumed)
        pair.labels.events.set_data.connect(self._later.want)
        return kept

    def _flush(self, pair: Pair) -> None:
        self._make(pair).flush()

    def _let_go(self, pairs: tuple[Pair, ...] | list[Pair]) -> None:
        """Save images for the last time."""
        for pair in pairs:
            self._attempt(partial(self._forget, pair))

    def _forget(self, pair: Pair) -> None:
        """Save an image for the last time."""
        pair.labels.events.set_data.disconnect(self._later.want)
        self._kept.pop(pair).close()

    def _attempt(self, act: Callable[[], object]) -> bool:
        """Do something with files; say why if it cannot be done."""
        try:
            act()
        except UserError as error:
            self._show(str(error), True)
            return False
        return True

    def _look(self) -> None:
        """Look what there is to say of the image chosen, and whether it has a session already."""
        image = self._state.image
        kept = any(pair.image is image for pair in self._kept)
        place = None if image is None or kept else self.place_of(image)
        self.found = place if place is not None and place.exists() else None
        if self.found is not None:
            self._show(sentences.SESSION_FOUND.format(name=self.found.name), False)
        elif image is None or kept:
            self.changed.emit()
        elif place is None:
            self._show(sentences.NO_PLACE_TO_SAVE, False)
        else:
            self._show(
                sentences.NOTHING_TO_SAVE if self._automatic else sentences.NOT_SAVED_BY_ITSELF,
                False,
            )

    def _show(self, sentence: str, failed: bool) -> None:
        self.sentence, self.failed = sentence, failed
        self.changed.emit()
