"""Folders of attention: limits, other versions, other people's files, and disks that refuse."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import store_work as work
from store_work import ENTRIES, arrays, is_right, key, open_one

from napari_m2n2.attention import disk, entries
from napari_m2n2.attention.disk import DiskStore, clear, size_of
from napari_m2n2.errors import FileError

SIZE = 30_000
BYTES = 2 * SIZE + 56

posix = pytest.mark.skipif(os.name != "posix", reason="rights and limits of POSIX")


def files(folder):
    return sorted(p for p in Path(folder).rglob("*") if p.is_file() and p.suffix != ".json")


def put(store, *numbers):
    for number in numbers:
        store.write(key(number), str(number), arrays(number))


def used(store, number, seconds_ago):
    path = store._path(key(number))
    then = time.time() - seconds_ago
    os.utime(path, (then, then))


def test_what_was_written_is_read(tmp_path):
    store = DiskStore(tmp_path / "made" / "here", 10**9)
    put(store, 0, 1)
    assert is_right(1, store.read(key(1)))
    assert store.has(key(0))
    assert not store.has(key(2))
    assert store.read(key(2)) is None
    assert store.size() == sum(f.stat().st_size for f in files(tmp_path)) > 2 * BYTES
    again = DiskStore(tmp_path / "made" / "here", 10**9)
    assert is_right(0, again.read(key(0)))


def test_a_damaged_entry_is_none_and_is_written_again(tmp_path):
    store = DiskStore(tmp_path, 10**9)
    put(store, 0)
    path = store._path(key(0))
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)
    assert store.has(key(0))  # its header and length are right
    assert store.read(key(0)) is None
    assert not store.has(key(0))
    put(store, 0)
    assert is_right(0, store.read(key(0)))


def test_what_was_not_used_for_longest_goes_first(tmp_path):
    store = DiskStore(tmp_path, 10 * BYTES)
    for number in range(8):
        put(store, number)
        used(store, number, 100 - number)
    store.read(key(0))
    store = DiskStore(tmp_path, 10 * BYTES)
    put(store, 8, 9, 10)
    assert store.size() <= 10 * BYTES
    assert store.has(key(0))
    assert not store.has(key(1))
    assert all(store.has(key(number)) for number in (7, 8, 9, 10))


def test_of_many_files_some_tell_the_size(tmp_path, monkeypatch):
    store = DiskStore(tmp_path, 10**9)
    put(store, *range(200))
    whole = store.size()
    assert store._estimate() == whole
    monkeypatch.setattr(disk, "_ENOUGH", 60)
    assert store._estimate() == pytest.approx(whole, rel=0.3)


def test_an_entry_larger_than_the_store_is_left_out(tmp_path):
    store = DiskStore(tmp_path, BYTES)
    put(store, 0)
    assert files(tmp_path) == []


def test_what_others_write_counts_as_well(tmp_path):
    one, other = (DiskStore(tmp_path, 10 * BYTES) for _ in range(2))
    for number in range(0, 60, 2):
        put(one, number)
        put(other, number + 1)
    assert size_of(tmp_path) < 13 * BYTES


def test_abandoned_parts_go_and_those_being_written_stay(tmp_path):
    store = DiskStore(tmp_path, 4 * BYTES)
    put(store, 0)
    folder = store._path(key(0)).parent
    old, new = folder / ".napari-m2n2-1.safetensors", folder / ".napari-m2n2-2.safetensors"
    for path, hours in ((old, 2), (new, 0.5)):
        path.write_bytes(bytes(BYTES))
        os.utime(path, (time.time() - hours * 3600,) * 2)
    DiskStore(tmp_path, 4 * BYTES).write(key(1), "1", arrays(1))
    assert not old.exists()
    assert new.exists()


@pytest.mark.parametrize(
    "mark",
    [
        '{"kind": "napari-m2n2 attention store", "version": 2}',
        '{"kind": "napari-m2n2 attention store"}',
        '{"kind": "something", "version": 1}',
        "",
        "[]",
    ],
)
def test_a_store_of_another_version_is_left_alone(tmp_path, mark):
    put(DiskStore(tmp_path, 10**9), 0)
    (tmp_path / disk._MARK).write_text(mark)
    before = [f.read_bytes() for f in files(tmp_path)]
    with pytest.raises(FileError, match=r"another version.* memory only; clear it with"):
        DiskStore(tmp_path, 10**9)
    assert [f.read_bytes() for f in files(tmp_path)] == before
    assert clear(tmp_path) > 0
    put(DiskStore(tmp_path, 10**9), 0)


def test_an_entry_of_another_version_is_made_again(tmp_path, monkeypatch):
    store = DiskStore(tmp_path, 10**9)
    with monkeypatch.context() as later:
        later.setattr(entries, "FORMAT", "napari-m2n2 attention 2")
        put(store, 0)
    assert not store.has(key(0))
    assert store.read(key(0)) is None
    put(store, 0)
    assert is_right(0, store.read(key(0)))


def test_a_folder_of_somebody_else_is_neither_used_nor_cleared(tmp_path):
    (tmp_path / "thesis.docx").write_text("years of work")
    with pytest.raises(FileError, match=r"thesis\.docx.* choose an empty"):
        DiskStore(tmp_path, 10**9)
    with pytest.raises(FileError, match=r"thesis\.docx"):
        clear(tmp_path)
    assert [f.name for f in tmp_path.iterdir()] == ["thesis.docx"]


def test_files_of_somebody_else_in_a_store_stay(tmp_path):
    store = DiskStore(tmp_path, 3 * BYTES)
    put(store, 0)
    beside = store._path(key(0)).with_name("notes.txt")
    beside.write_text("mine")
    put(store, 1, 2, 3, 4)
    assert clear(tmp_path) > BYTES
    assert [f.name for f in files(tmp_path)] == ["notes.txt"]


def test_clearing(tmp_path):
    store = DiskStore(tmp_path / "s", 10**9)
    put(store, 0, 1, 2)
    assert size_of(tmp_path / "s") == store.size() == clear(tmp_path / "s")
    assert [f.name for f in (tmp_path / "s").iterdir()] == [disk._MARK]
    assert clear(tmp_path / "s") == clear(tmp_path / "none") == 0
    assert size_of(tmp_path / "none") is None


def test_a_store_that_is_cleared_while_it_is_in_use(tmp_path):
    store = DiskStore(tmp_path, 10**9)
    put(store, 0)
    clear(tmp_path)
    assert store.read(key(0)) is None
    put(store, 0)
    assert is_right(0, store.read(key(0)))


def test_a_file_where_the_folder_should_be(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match=r"cannot be written .* memory only; choose another"):
        DiskStore(tmp_path / "file", 10**9)


def test_a_name_that_two_processes_make_at_once(tmp_path, monkeypatch):
    """The other one has written an entry between our two looks."""
    refuse = disk._refuse_others

    def late(folder):
        monkeypatch.setattr(disk, "_refuse_others", refuse)
        put(DiskStore(folder, 10**9), 0)
        refuse(folder)

    monkeypatch.setattr(disk, "_refuse_others", late)
    store = DiskStore(tmp_path, 10**9)
    assert is_right(0, store.read(key(0)))


def refusing(number):
    def fail(*_args, **_kwargs):
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EROFS, "Read-only file system"),
        (errno.EACCES, "Permission denied"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_a_disk_that_refuses(tmp_path, monkeypatch, number, words):
    told = []
    store = open_one(tmp_path / "s", memory=10**6, warn=told.append)
    store.keep_arrays(key(0), "0", arrays(0))
    monkeypatch.setattr("napari_m2n2.atomic.os.open", refusing(number))
    store.keep_arrays(key(1), "1", arrays(1))
    store.keep_arrays(key(2), "2", arrays(2))
    assert told == [store.problem]
    assert words in store.problem
    assert "memory only" in store.problem
    assert store.problem.count(".") == 1 + str(tmp_path).count(".")
    # what is there is still read, and the rest is in memory
    assert all(is_right(n, store.find_arrays(key(n))) for n in range(3))
    assert len(files(tmp_path)) == 1


@posix
def test_a_disk_that_is_full_in_the_middle_of_a_file(tmp_path):
    """The system refuses to let the file grow, as a full disk does."""
    program = (
        "import resource, sys; sys.path.insert(0, sys.argv[1]); import store_work as w; "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000)); told = []; "
        "s = w.open_one(sys.argv[2], memory=10**6, warn=told.append); "
        "[s.keep_arrays(w.key(n), str(n), w.arrays(n)) for n in range(3)]; "
        "assert all(w.is_right(n, s.find_arrays(w.key(n))) for n in range(3)); print(told)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(Path(work.__file__).parent), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("the disk is full") == 1
    assert files(tmp_path) == []


@contextmanager
def somebody_else():
    """Work as somebody who is not root, which may write anywhere."""
    user = os.geteuid()
    if not user:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


@posix
def test_a_folder_that_may_only_be_read():
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        put(DiskStore(folder, 10**9), 0)
        everything = (folder, *folder.rglob("*"))
        for path in everything:
            path.chmod(0o555 if path.is_dir() else 0o444)
        try:
            with somebody_else():
                reads_and_says_that_it_cannot_write(folder)
        finally:
            for path in everything:
                path.chmod(0o755)


def reads_and_says_that_it_cannot_write(folder):
    store = open_one(folder, memory=10**6, warn=lambda _: None)
    assert is_right(0, store.find_arrays(key(0)))
    assert store.problem == ""
    store.keep_arrays(key(1), "1", arrays(1))
    assert "cannot be written (Permission denied)" in store.problem
    assert "memory only" in store.problem
    assert is_right(1, store.find_arrays(key(1)))


def run(folder, rounds, size=SIZE, limit=0):
    return subprocess.Popen(
        [sys.executable, work.__file__, str(folder), str(rounds), str(size), str(limit)],
        stdout=subprocess.PIPE,
        text=True,
    )


def last(process):
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return out.splitlines()[-1].split()


@pytest.mark.parametrize("limit", [0, 5 * BYTES])
def test_two_processes_at_once(tmp_path, limit):
    """With a limit each deletes what the other one reads."""
    processes = [run(tmp_path, 40, limit=limit) for _ in range(2)]
    for process in processes:
        assert last(process) == ["39", "0"]
    store = open_one(tmp_path)
    there = [n for n in range(ENTRIES) if store.has(key(n))]
    assert len(there) == ENTRIES if not limit else 0 < len(there) < ENTRIES
    assert all(is_right(n, store.find_arrays(key(n))) for n in there)
    assert not [f for f in files(tmp_path) if f.name.startswith(".")]


def parts(folder):
    return [path for path in files(folder) if path.name.startswith(".")]


def stop_in_the_middle_of_a_file(process, folder):
    """Stop a process while it writes; what the ones before it left does not count."""
    before = set(parts(folder))
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if set(parts(folder)) - before:
            process.send_signal(signal.SIGSTOP)
            time.sleep(0.01)
            if set(parts(folder)) - before:
                return
            process.send_signal(signal.SIGCONT)
    pytest.fail("nothing was written")


@posix
def test_killed_at_20_random_moments_no_wrong_entry_is_ever_served(tmp_path):
    rng = np.random.default_rng(0)
    size, wrong = 1_000_000, 0
    for kill in range(20):
        # with room for one to four entries it writes again and again
        process = run(tmp_path, 10**6, size, limit=int(2.5e6 * (1 + kill % 4)))
        process.stdout.readline()  # it has begun
        if kill % 4 == 0:
            stop_in_the_middle_of_a_file(process, tmp_path)
        else:
            time.sleep(float(rng.uniform(0, 0.1)))
        process.kill()
        out, _ = process.communicate()
        lines = [line.split() for line in out.splitlines() if line.count(" ") > 1]
        wrong += sum(int(line[1]) for line in lines)
        store = open_one(tmp_path)
        for number in range(ENTRIES):
            found = store.find_arrays(key(number))
            assert (found is not None) == store.has(key(number))
            assert found is None or is_right(number, found, size)
    assert wrong == 0
    assert len(parts(tmp_path)) >= 5
    there = {f: f.stat().st_ino for f in files(tmp_path) if f not in parts(tmp_path)}
    assert last(run(tmp_path, 1, size)) == ["0", "0"]
    store = open_one(tmp_path)
    assert all(store.has(key(n)) for n in range(ENTRIES))
    # only what was missing was written: one that is written again is another file
    assert there == {f: f.stat().st_ino for f in there}


def test_the_mark_is_readable(tmp_path):
    DiskStore(tmp_path, 1)
    assert json.loads((tmp_path / disk._MARK).read_text())["version"] == disk.VERSION
