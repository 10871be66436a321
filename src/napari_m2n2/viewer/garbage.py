"""Garbage is collected in the thread of the window alone while threads of ours are at work.

Python collects circles of objects in whichever thread happens to make new ones. A window that was
closed lives on in such circles of napari's and Qt's; freed in another thread than its own, it
takes the process down. A method that is compiled makes so many objects that this is likely, so
that the collector is switched off meanwhile, and called now and then where it does no harm.
"""

from __future__ import annotations

import gc

from qtpy.QtCore import QCoreApplication

_YOUNG = 1
"""The oldest generation that is collected while there is work: it takes no time."""


class Collector:
    """Counts the threads at work. All methods are for the thread of the window."""

    def __init__(self) -> None:
        self._threads = 0
        self._was_on = False

    def begin(self) -> None:
        """Take note that a thread begins to work."""
        if self._threads == 0:
            self._was_on = gc.isenabled()
            gc.disable()
            application = QCoreApplication.instance()
            if application is not None:
                application.aboutToQuit.connect(self._give_up)
        self._threads += 1

    def end(self) -> None:
        """Take note that a thread has ended; after the last one all is as it was before."""
        if self._threads == 0:
            return
        self._threads -= 1
        if self._threads == 0 and self._was_on:
            # what is due is collected here, and not in the thread that makes the next object
            self._collect(len(gc.get_threshold()) - 1)
            gc.enable()

    def collect(self) -> None:
        """Collect young garbage if it is time for it."""
        if self._threads and self._was_on:
            self._collect(_YOUNG)

    def _collect(self, oldest: int) -> None:
        """Collect the oldest generation that is due, up to one."""
        counted = zip(gc.get_count(), gc.get_threshold(), strict=True)
        due = [age for age, (count, most) in enumerate(counted) if 0 < most < count]
        if due:
            gc.collect(min(max(due), oldest))

    def _give_up(self) -> None:
        """Leave Python as it was found: no thread will be heard of any more."""
        self._threads = min(self._threads, 1)
        self.end()


COLLECTOR = Collector()
"""Of this process."""
