"""The store of attention that all segmenters of the window share.

It is there from the first click on, in memory, since a store rounds attention: a plane gives the
same mask whether it was encoded before or not, and a session gives the same one when it is made
once more. On the disk it is only once somebody asks for that.
"""

from __future__ import annotations

import threading
from pathlib import Path

from napari_m2n2.attention.keeping import AttentionStore
from napari_m2n2.attention.usual import default_folder

_lock = threading.Lock()
_store: AttentionStore | None = None


def kept_attention() -> AttentionStore:
    """Return the store in use."""
    global _store
    with _lock:
        if _store is None:
            _store = AttentionStore(None)
        return _store


def keep_on_disk(folder: Path | None = None) -> AttentionStore:
    """Use a folder from now on, by default the usual one, and return its store.

    What is wrong with the folder stands in the store's `problem`; it works in memory then, and
    what is there stays when the folder is tried again.
    """
    global _store
    folder = default_folder() if folder is None else folder
    with _lock:
        if _store is None or _store.folder != folder:
            _store = AttentionStore(folder)
        elif _store.problem:
            _store.open_again()
        return _store
