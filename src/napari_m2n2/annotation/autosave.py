"""Saving a session again and again, in a thread of its own.

The newest content wins; what lies between two writes is left out. A file that was not read by who
saves is never written over.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from napari_m2n2.annotation import labels_file
from napari_m2n2.annotation.identity import digest_file
from napari_m2n2.annotation.objects import AnnotatedObject
from napari_m2n2.annotation.places import labels_path, waiting_path
from napari_m2n2.annotation.session import LabelsFile, Session, to_text, write_session
from napari_m2n2.errors import FileError, UserError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Saved:
    """How a write ended.

    Attributes
    ----------
    path : Path
        The session file.
    objects : int
        How many it holds.
    failure : str
        One sentence if it could not be written; "" if it was.
    """

    path: Path
    objects: int
    failure: str = ""

    @property
    def sentence(self) -> str:
        """What to tell the user."""
        if self.failure:
            return self.failure
        count = "1 object" if self.objects == 1 else f"{self.objects} objects"
        return f"Saved: {count} and all prompts in {self.path.name}."


class Autosave:
    """Keeps the file of one session as new as what was submitted last.

    `submit` and `flush` are for the thread of the window; `told` is called in the thread that
    writes.

    Parameters
    ----------
    path : Path
        Of the session; the labels lie beside it, see `napari_m2n2.annotation.places`.
    resumed : Session, optional
        What was read from there, to go on with. Without it no file may be there.
    told : callable, optional
        Called after each write.

    Raises
    ------
    FileError
        If there is a file that was not read, or none can be written.
    """

    def __init__(
        self,
        path: Path | str,
        resumed: Session | None = None,
        told: Callable[[Saved], object] | None = None,
    ) -> None:
        from napari_m2n2.files import check_writable

        self.path = Path(path)
        check_writable(self.path)
        if resumed is None and self.path.exists():
            raise FileError(
                f"{self.path} is there already and was not opened; open it to go on, or put it "
                "aside to begin anew."
            )
        self.labels_path = labels_path(self.path)
        labels_file.settle(self.labels_path, None if resumed is None else resumed.labels)
        self._waiting = False
        self._told = told
        self._texts: dict[int, tuple[AnnotatedObject, str]] = {}
        self._known: LabelsFile | None = None if resumed is None else resumed.labels
        self._revision = 0 if resumed is None else resumed.revision
        self._seen = _stamp(self.path)
        self._digest = "" if self._seen is None else digest_file(self.path)
        self._changed = threading.Condition()
        self._session: Session | None = None
        self._failed: Session | None = None
        self._labels: NDArray[Any] | None = None
        self._writing = False
        self._failure: FileError | None = None
        self._closed = False
        self._thread: threading.Thread | None = None

    def submit(self, session: Session, labels: NDArray[Any] | None = None) -> None:
        """Have a session saved soon.

        Parameters
        ----------
        session : Session
            Its `labels`, `revision`, `saved` and `version` are filled in.
        labels : array, optional
            All labels, without drafts, if they may have changed. A copy that nobody writes to:
            it is looked at in another thread.
        """
        with self._changed:
            if self._closed:
                raise FileError(f"{self.path} is closed; open the session again to save it.")
            self._session = session
            self._labels = self._labels if labels is None else labels
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._work, name="napari-m2n2 autosave", daemon=True
                )
                self._thread.start()
            self._changed.notify_all()

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all that was submitted is on the disk; return whether it was in time.

        Raises
        ------
        FileError
            If it could not be written.
        """
        with self._changed:
            done = self._changed.wait_for(
                lambda: self._session is None and not self._writing, timeout
            )
            if self._failure is not None:
                raise self._failure
            return done

    def close(self) -> None:
        """Wait until all is on the disk, and end; raise `FileError` if it could not be written.

        What could not be written before is tried once more.
        """
        with self._changed:
            if not self._closed and self._failure is not None and self._session is None:
                self._session = self._failed
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _work(self) -> None:
        """Write what was submitted last, again and again, until it is closed."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._session is not None or self._closed)
                session, labels = self._session, self._labels
                if session is None:
                    return
                self._session = self._labels = None
                self._writing = True
            failure = self._attempt(session, labels)
            with self._changed:
                self._writing = False
                self._failure = failure
                if failure is not None:  # what failed goes with the next attempt
                    self._labels = labels if self._labels is None else self._labels
                    self._failed = session
                self._changed.notify_all()
            self._tell(Saved(self.path, len(session.objects), str(failure or "")))

    def _tell(self, saved: Saved) -> None:
        """Say how a write ended; whoever listens cannot keep the next one from being made."""
        if self._told is None:
            return
        try:
            self._told(saved)
        except Exception:
            logger.exception("unexpected error while telling that a session was saved")

    def _attempt(self, session: Session, labels: NDArray[Any] | None) -> FileError | None:
        """Write once; return what kept it from being written."""
        try:
            self._write(session, labels)
        except FileError as error:
            return error
        except Exception as error:  # the thread must live on, and nobody else could tell of it
            if not isinstance(error, UserError):
                logger.exception("unexpected error while saving")
            return FileError(
                f"{self.path} could not be written ({type(error).__name__}: {error}); "
                "export the labels to be safe."
            )
        return None

    def _write(self, session: Session, labels: NDArray[Any] | None) -> None:
        """Write labels and document so that whenever it is cut off, one state of both is there."""
        if self._is_others():
            raise FileError(
                f"{self.path} was changed by another program and is left as it is; "
                "close this session and open it again, or save it in another folder."
            )
        self._settle()
        known = self._known
        if labels is not None:
            known = labels_file.write_next(self.labels_path, labels)
        whole = replace(session, labels=known, revision=self._revision).stamped()
        write_session(self.path, to_text(whole, self._texts))
        self._seen, self._digest = _stamp(self.path), digest_file(self.path)
        self._known, self._revision = known, whole.revision
        self._waiting = labels is not None
        self._settle()
        ids = {known.id for known in session.objects}
        for gone in self._texts.keys() - ids:
            del self._texts[gone]

    def _is_others(self) -> bool:
        """Tell whether the file there is now has another content than was read or written."""
        now = _stamp(self.path)
        if now is None or now == self._seen:
            return False
        # file systems of networks may tell another time later on
        return self._seen is None or digest_file(self.path) != self._digest

    def _settle(self) -> None:
        """Give labels that the document means their name; it may have failed the last time."""
        if self._waiting:
            os.replace(waiting_path(self.labels_path), self.labels_path)
            self._waiting = False


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """Return what differs as soon as somebody else has written a file; None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
