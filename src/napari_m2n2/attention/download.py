"""Fetching weights from the Hugging Face hub into its own cache.

huggingface_hub does the work: it knows the protocol, proxies, tokens and mirrors of the hub. Since
its release 1.18 it throws away what came of a file when the download ends early
(huggingface_hub issue 4196), which is a day's work lost on a slow line; so large files are
collected here, piece after piece, checked against their SHA-256, and then handed to its cache.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

from napari_m2n2.attention import store
from napari_m2n2.attention.catalogue import model
from napari_m2n2.errors import Cancelled, FileError, MissingError, UserError
from napari_m2n2.progress import Progress

INSTALL = 'pip install "napari-m2n2[models]"'

Choose = Callable[[str, str, Sequence[str]], Sequence[str]]
"""(repository, commit, files that are there) -> files that are needed."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
_TIMEOUT = 10.0

_PARTIAL = ".napari-m2n2.incomplete"
"""Ending of files that have come in part; next to the whole ones, so that a move is atomic."""


class _Refused(Exception):
    """A repository cannot give the weights; another one may."""


def fetch(
    name: str,
    repositories: Sequence[str],
    revision: str | None,
    choose: Choose,
    progress: Progress,
) -> str:
    """Fetch the files of a model that are needed from the first repository that has them.

    Parameters
    ----------
    name : str
        What the user calls the model.
    repositories : sequence of str
        Ids, in the order they are tried.
    revision : str, optional
        Branch, tag or commit; None is the main branch.
    choose : callable
        See `Choose`; raises `MissingError` where a repository lacks something.
    progress : callable
        Called with the phase "downloading NAME (5.2 GB)" and the share of the bytes that is here;
        may raise `Cancelled`. What has come by then is kept.

    Returns
    -------
    str
        The repository.

    Raises
    ------
    MissingError
        If no repository can be reached or none has the weights; the message says what to do.
    """
    command = _command(name, repositories, revision)
    if store.is_offline():
        raise MissingError(_offline(name, command, "HF_HUB_OFFLINE is set"))
    reasons = []
    with _library():
        for repository in repositories:
            try:
                with _explained(name, command):
                    _fetch_from(name, repository, revision, choose, progress)
                return repository
            except _Refused as refusal:
                reasons.append(f"{repository} {refusal}")
    raise MissingError(
        f"The weights of {name} cannot be had from the hub: {'; '.join(reasons)}. Name a folder "
        "or another repository with --weights."
    )


@contextmanager
def _library() -> Iterator[None]:
    """Load huggingface_hub, without the lines and bars it would write between ours."""
    from napari_m2n2.attention.libraries import quiet

    try:
        utils = _hub_utils()
    except ImportError as error:
        raise MissingError(
            f"Fetching weights needs the package huggingface_hub; run: {INSTALL}"
        ) from error
    hidden = utils.are_progress_bars_disabled()
    with quiet():
        if not hidden:
            utils.disable_progress_bars()
        try:
            yield
        finally:
            if not hidden:
                utils.enable_progress_bars()


def _hub_utils() -> Any:
    """Return huggingface_hub.utils, which resolves its names when they are asked for."""
    return import_module("huggingface_hub.utils")


def _fetch_from(
    name: str, repository: str, revision: str | None, choose: Choose, progress: Progress
) -> None:
    """Fetch the needed files of one repository."""
    from huggingface_hub import HfApi, hf_hub_download

    info = HfApi().model_info(repository, revision=revision, files_metadata=True, timeout=_TIMEOUT)
    sizes = {file.rfilename: int(file.size or 0) for file in info.siblings or ()}
    try:
        needed = choose(repository, str(info.sha), list(sizes))
    except MissingError as error:
        raise _Refused(f"cannot be used ({error})") from error
    wanted = {file: sizes[file] for file in needed}
    folder = store.repository_folder(repository)
    _check_room(name, folder, wanted, str(info.sha))
    report = _Report(name, sum(wanted.values()), progress)
    for file, size in wanted.items():
        if file.endswith(".safetensors"):
            _collect(repository, str(info.sha), file, folder / "blobs", report)
        # finds what was collected, and makes the entry of the cache by which all find it
        hf_hub_download(repository, file, revision=revision, cache_dir=folder.parent)
        report.finish(size)


class _Report:
    """Turns bytes into the share of the whole."""

    def __init__(self, name: str, total: int, progress: Progress) -> None:
        self._phase = f"downloading {name} ({store.readable(total)})"
        self._total = max(total, 1)
        self._before = 0
        self._progress = progress
        self.add(0)

    def add(self, come: int) -> None:
        """Tell how many bytes of the present file have come."""
        self._progress(self._phase, min((self._before + come) / self._total, 1.0))

    def finish(self, size: int) -> None:
        """Tell that a file of so many bytes is complete."""
        self._before += size
        self.add(0)


def _collect(repository: str, commit: str, file: str, blobs: Path, report: _Report) -> None:
    """Get a large file into the cache's store of contents, going on where it stopped."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    url = hf_hub_url(repository, file, revision=commit)
    about = get_hf_file_metadata(url, timeout=_TIMEOUT)
    if about.etag is None or (blobs / about.etag).exists():
        return
    partial = blobs / f"{about.etag}{_PARTIAL}"
    _make_folder(blobs)
    lock = Path(f"{partial}.lock")
    with _hub_utils().WeakFileLock(str(lock)):
        if (blobs / about.etag).exists():  # another process was faster
            return
        _append(url, partial, about.size, report)
        _check_contents(partial, about.etag, repository, file)
        partial.replace(blobs / about.etag)
    lock.unlink(missing_ok=True)


def _append(url: str, partial: Path, size: int | None, report: _Report) -> None:
    """Fetch what is still missing of a file."""
    from huggingface_hub.file_download import http_get

    with partial.open("ab") as part:
        begun = part.tell()
        if size is not None and begun > size:
            part.truncate(0)
            begun = 0
        http_get(
            url,
            _Watched(part, report),  # type: ignore[arg-type]
            resume_size=begun,
            headers=_hub_utils().build_hf_headers(),
            expected_size=size,
        )


class _Watched:
    """A file that reports how long it is after each write; all that `http_get` needs of one."""

    def __init__(self, file: BinaryIO, report: _Report) -> None:
        self._file = file
        self._report = report

    def write(self, data: bytes) -> int:
        """Write and report; what raises from the report leaves what was written in the file."""
        written = self._file.write(data)
        self._file.flush()
        self._report.add(self._file.tell())
        return written

    def tell(self) -> int:
        """Return the position."""
        return self._file.tell()

    def seek(self, position: int, whence: int = 0) -> int:
        """Go to a position."""
        return self._file.seek(position, whence)

    def truncate(self, size: int | None = None) -> int:
        """Cut the file off."""
        return self._file.truncate(size)


def _check_contents(path: Path, etag: str, repository: str, file: str) -> None:
    """Throw a file away that is not what the hub says it is."""
    if not _SHA256.fullmatch(etag):  # the hub names large files by their hash, small ones not
        return
    with path.open("rb") as contents:
        digest = hashlib.file_digest(contents, "sha256").hexdigest()
    if digest != etag:
        path.unlink()
        raise _Refused(f"sent a damaged {file}, which was thrown away; try again")


def _check_room(name: str, folder: Path, wanted: Mapping[str, int], commit: str) -> None:
    """Say so before the download if the disk is too small."""
    _make_folder(folder)
    free = shutil.disk_usage(folder).free
    whole = sum(
        size for file, size in wanted.items() if (folder / "snapshots" / commit / file).is_file()
    )
    partial = sum(path.stat().st_size for path in folder.glob(f"blobs/*{_PARTIAL}"))
    missing = sum(wanted.values()) - whole - partial
    if missing > free:
        raise MissingError(
            f"The weights of {name} need {store.readable(missing)} and {folder.parent} has "
            f"{store.readable(free)} left; make room, or set HF_HOME to a folder on another disk."
        )


def _make_folder(folder: Path) -> None:
    """Make a folder if it is not there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(
            f"The folder {folder} cannot be made ({error.strerror or error}); set HF_HOME to a "
            "folder that can be written to."
        ) from error


@contextmanager
def _explained(name: str, command: str) -> Iterator[None]:
    """Turn what goes wrong into a sentence, or into a reason to try another repository."""
    from huggingface_hub import errors

    try:
        yield
    except (_Refused, UserError, Cancelled):
        raise
    except errors.GatedRepoError as error:
        raise _Refused("asks for a login: accept its terms, then run 'hf auth login'") from error
    except errors.RevisionNotFoundError as error:
        raise _Refused("does not have this revision") from error
    except errors.RepositoryNotFoundError as error:
        raise _Refused("is not there, or not public") from error
    except errors.HfHubHTTPError as error:
        status = getattr(error.response, "status_code", "an error")
        raise _Refused(f"answers {status}; try again later") from error
    except errors.HFValidationError as error:
        raise _Refused("is no id of a repository") from error
    except errors.OfflineModeIsEnabled as error:
        raise MissingError(_offline(name, command, "HF_HUB_OFFLINE is set")) from error
    except Exception as error:  # each release has another HTTP library below it
        if isinstance(error, OSError) and error.errno is not None and error.filename:
            raise FileError(
                f"{error.filename} cannot be written ({error.strerror}); set HF_HOME to a folder "
                "with enough room."
            ) from error
        raise MissingError(_offline(name, command, _short(error))) from error


def _command(name: str, repositories: Sequence[str], revision: str | None) -> str:
    """Return what the user types to fetch just these weights."""
    words = ["napari-m2n2 download", name]
    if tuple(repositories) != model(name).repositories:
        words += ["--weights", repositories[0]]
    if revision is not None:
        words += ["--weights-revision", revision]
    return " ".join(words)


def _offline(name: str, command: str, why: str) -> str:
    """Say that the hub cannot be reached, and the command for when it can."""
    beside = "put them beside unet, in a folder vae_tiny"
    place = beside if name == "tiny-vae" else "name their folder with --weights"
    return (
        f"The weights of {name} are not on this computer and the hub cannot be reached ({why}); "
        f"with a network run '{command}', which goes on where it stopped, or {place}."
    )


def _short(error: Any) -> str:
    """Return what an error says, in a few words."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:120]}" if text else type(error).__name__
