"""The store of attention: what was computed for a plane, in memory and on the disk.

Whoever uses a store works with rounded attention from the first visit on, so that the second one
gives the same mask to the pixel. Whatever is wrong with the disk costs time only: it is said once,
in one sentence, and work goes on in memory. Imports nothing heavy.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_m2n2.attention.disk import DiskStore, clear
from napari_m2n2.attention.identity import derived
from napari_m2n2.attention.usual import default_folder, default_limit
from napari_m2n2.errors import FileError, InputError

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from napari_m2n2.attention.base import Attention, Recall, Tensors
    from napari_m2n2.attention.entries import Arrays

logger = logging.getLogger(__name__)

MEMORY = 1 << 30
"""Bytes of the newest entries that stay in memory."""


class AttentionStore:
    """Keeps what was computed for planes, under keys of `napari_m2n2.attention.identity`.

    Parameters
    ----------
    folder : Path, optional
        Where it is kept on the disk; None keeps it in memory only.
    memory : int
        Most bytes in memory.
    limit : int, optional
        Most bytes on the disk; by default `napari_m2n2.attention.usual.default_limit`.
    warn : callable
        Is told once, in one sentence, why the disk is not used any more.

    Attributes
    ----------
    folder : Path or None
    problem : str
        That sentence; "" while all is well.
    taken : int
        Bytes that were given to keep so far, whether they are still there or not.

    Notes
    -----
    Threads may share a store, and processes a folder.
    """

    def __init__(
        self,
        folder: Path | None,
        *,
        memory: int = MEMORY,
        limit: int | None = None,
        warn: Callable[[str], None] = logger.warning,
    ) -> None:
        self.folder = folder
        self.problem = ""
        self.taken = 0
        self._warn = warn
        self._lock = threading.RLock()
        self._memory = memory
        self._held = 0
        self._newest: OrderedDict[str, tuple[str, Arrays]] = OrderedDict()
        self._limit = limit
        self.open_again()

    def open_again(self) -> None:
        """Try the disk once more, which may be of use by now; what is in memory stays."""
        self.problem = ""
        self._disk: DiskStore | None = None
        self._may_write = True
        if self.folder is not None:
            limit = default_limit() if self._limit is None else self._limit
            try:
                self._disk = DiskStore(self.folder, limit)
            except FileError as error:
                self._give_up(str(error))

    def has(self, key: str) -> bool:
        """Tell whether something is there, without reading all of it."""
        with self._lock:
            if key in self._newest:
                return True
        return self._disk is not None and self._disk.has(key)

    def find(self, key: str) -> Attention | None:
        """Return an attention in single precision on the processor, or None if it is not there."""
        from napari_m2n2.attention.rounding import Rounded, restore

        found = self.find_arrays(key)
        if found is None:
            return None
        about, arrays = found
        try:
            rows, columns = json.loads(about)["grid"]
            rounded = Rounded.of((int(rows), int(columns)), arrays)
            return restore(rounded, recall=self.recall(key))
        except (ValueError, KeyError, TypeError):  # what somebody else wrote under this key
            return None

    def keep(self, key: str, attention: Attention, *, own: bool = False) -> Attention:
        """Keep an attention, and return it as it will be found.

        Parameters
        ----------
        key : str
        attention : Attention
        own : bool
            Whether the matrix may be overwritten, which saves memory.
        """
        from napari_m2n2.attention.rounding import restore, round_attention

        rounded = round_attention(attention)
        self.keep_arrays(key, json.dumps({"grid": list(rounded.grid)}), rounded.arrays())
        into = _memory_of(attention) if own else None
        return restore(rounded, into, recall=self.recall(key))

    def recall(self, key: str) -> Recall:
        """Return what keeps the things that are computed from what has this key."""

        def recalled(description: str, compute: Callable[[], Tensors]) -> Tensors:
            import torch

            own = derived(key, description)
            found = self.find_arrays(own)
            if found is not None:
                # copies lie in memory as what was computed did, so that sums of them are the same
                return {name: torch.from_numpy(array).clone() for name, array in found[1].items()}
            tensors = compute()
            arrays = {name: one.to("cpu", copy=True).numpy() for name, one in tensors.items()}
            self.keep_arrays(own, description, arrays)
            return tensors

        return recalled

    def find_arrays(self, key: str) -> tuple[str, Arrays] | None:
        """Return what `keep_arrays` was given; the arrays are not to be changed."""
        with self._lock:
            if key in self._newest:
                self._newest.move_to_end(key)
                return self._newest[key]
        found = None if self._disk is None else self._disk.read(key)
        if found is not None:
            self._remember(key, *found)
        return found

    def keep_arrays(self, key: str, about: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Keep arrays of floating point, and what is to be known of them."""
        with self._lock:
            self.taken += _bytes(about, arrays)
        self._remember(key, about, dict(arrays))
        if self._disk is None or not self._may_write:
            return
        try:
            with self._lock:
                self._disk.write(key, about, arrays)
        except FileError as error:
            self._may_write = False
            self._give_up(str(error))

    @property
    def limit(self) -> int | None:
        """Most bytes on the disk, where the oldest make room for new ones; None without one."""
        return None if self._disk is None else self._disk.limit

    @property
    def room(self) -> int:
        """Most bytes of new entries that stay: on the disk, or in memory where it is not used."""
        return self._disk.limit if self._disk is not None and self._may_write else self._memory

    def size(self) -> int:
        """Return the bytes on the disk."""
        return 0 if self._disk is None else self._disk.size()

    def clear(self) -> int:
        """Forget everything, and return how many bytes the disk got back.

        Raises
        ------
        FileError
            If something cannot be deleted.
        """
        with self._lock:
            self._newest.clear()
            self._held = 0
            return 0 if self.folder is None else clear(self.folder)

    def _remember(self, key: str, about: str, arrays: Arrays) -> None:
        """Keep an entry in memory, in place of those that were not used for longest."""
        size = _bytes(about, arrays)
        with self._lock:
            if size > self._memory or key in self._newest:
                return
            self._newest[key] = (about, arrays)
            self._held += size
            while self._held > self._memory:
                _, oldest = self._newest.popitem(last=False)
                self._held -= _bytes(*oldest)

    def _give_up(self, sentence: str) -> None:
        """Say why the disk is not used, once."""
        if not self.problem:
            self.problem = sentence
            self._warn(sentence)


def open_store(
    where: AttentionStore | str | Path | bool | None,
    *,
    warn: Callable[[str], None] = logger.warning,
) -> AttentionStore | None:
    """Return the store that is meant.

    Parameters
    ----------
    where : AttentionStore, path, bool or None
        A store itself; a folder; True for the usual folder; None or False for no store.
    warn : callable
        See `AttentionStore`.

    Raises
    ------
    InputError
        If it is something else.
    """
    if where is None or where is False:
        return None
    if isinstance(where, AttentionStore):
        return where
    if where is True:
        return AttentionStore(default_folder(), warn=warn)
    if isinstance(where, str | Path) and str(where):
        return AttentionStore(Path(where).expanduser(), warn=warn)
    raise InputError(f"store={where!r} cannot be; give a folder, or True for the usual one.")


def _memory_of(attention: Attention) -> torch.Tensor | None:
    """Return the matrix of an attention if another may take its place."""
    import torch

    matrix = attention.matrix
    fits = matrix.device.type == "cpu" and matrix.dtype == torch.float32
    return matrix if fits and matrix.is_contiguous() else None


def _bytes(about: str, arrays: Mapping[str, NDArray[Any]]) -> int:
    """Return the size of arrays, or of what is known of them where there are none."""
    return sum(array.nbytes for array in arrays.values()) or len(about)
