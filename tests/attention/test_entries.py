from __future__ import annotations

import json

import numpy as np
import pytest
from extras import load
from hypothesis import given
from hypothesis import strategies as st

from napari_m2n2.attention.entries import DamagedError, is_whole, read, write
from napari_m2n2.errors import FileError

KEY = "ab" * 20


def some(seed=0):
    rng = np.random.default_rng(seed)
    return {
        "halves": rng.random(33).astype(np.float16),
        "features": rng.random((5, 3)).astype(np.float32),
        "single": np.array(3.0),
        "none": np.empty((0, 3), np.float32),
    }


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "entry.safetensors"
    write(path, KEY, "what it is", some())
    return path


def equal(found, expected):
    assert set(found) == set(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)


def test_what_was_written_is_read(path):
    about, arrays = read(path, KEY)
    assert about == "what it is"
    equal(arrays, some())
    assert is_whole(path, KEY)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_the_library_of_the_format_reads_it(path):
    numpy = load("safetensors.numpy", "models")
    safetensors = load("safetensors", "models")
    equal(numpy.load_file(path), some())
    with safetensors.safe_open(path, framework="numpy") as file:
        assert file.metadata()["key"] == KEY


def test_no_arrays_at_all(tmp_path):
    path = tmp_path / "mark.safetensors"
    write(path, KEY, "done", {})
    assert read(path, KEY) == ("done", {})
    assert is_whole(path, KEY)


def test_arrays_may_be_written_to(path):
    _, arrays = read(path, KEY)
    arrays["halves"] += 1


@given(st.data())
def test_a_changed_byte_is_always_noticed(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("entry") / "entry.safetensors"
    write(path, KEY, "what it is", some())
    whole = path.read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1))
    changed = bytearray(whole)
    changed[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(changed)
    try:
        about, arrays = read(path, KEY)
    except DamagedError:
        return
    # spaces between the parts of the header may be any
    assert about == "what it is"
    equal(arrays, some())


@pytest.mark.parametrize("left", [0, 1, 7, 8, 9, 100, -1, -50])
def test_a_part_of_a_file_is_none(path, left):
    path.write_bytes(path.read_bytes()[:left])
    assert not is_whole(path, KEY)
    with pytest.raises(DamagedError):
        read(path, KEY)


def test_bytes_at_the_end_are_noticed(path):
    path.write_bytes(path.read_bytes() + b"0")
    assert not is_whole(path, KEY)


def test_another_key(path):
    assert not is_whole(path, "cd" * 20)
    with pytest.raises(DamagedError):
        read(path, "cd" * 20)


def header(path, change):
    """Change the header of a file, and leave the arrays."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    told = json.loads(data[8 : 8 + length])
    change(told)
    text = json.dumps(told).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + length :])


@pytest.mark.parametrize(
    "change",
    [
        lambda told: told["__metadata__"].update(format="napari-m2n2 attention 2"),
        lambda told: told["__metadata__"].pop("sha256"),
        lambda told: told.pop("__metadata__"),
        lambda told: told["__metadata__"].update(about=3),
        lambda told: told["halves"].pop("data_offsets"),
        lambda told: told.clear(),
        lambda told: told.update(__metadata__=[]),
    ],
)
def test_a_header_of_another_version_or_kind(path, change):
    header(path, change)
    assert not is_whole(path, KEY)
    with pytest.raises(DamagedError):
        read(path, KEY)


@pytest.mark.parametrize(
    "change",
    [
        {"dtype": "I64"},
        {"shape": [-1, 33]},
        {"shape": [10**9, 10**9]},
        {"shape": 33},
        {"data_offsets": [-66, 0]},
        {"data_offsets": [0, "x"]},
        {"data_offsets": [1, 67]},
    ],
)
def test_arrays_described_wrongly(path, change):
    header(path, lambda told: told["halves"].update(change))
    with pytest.raises(DamagedError):
        read(path, KEY)


@pytest.mark.parametrize("text", [b"not json", b"[]", b"7", b'{"__metadata__": 3}', b"\xff\xfe"])
def test_no_header_at_all(tmp_path, text):
    path = tmp_path / "x.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text)
    assert not is_whole(path, KEY)


def test_a_header_of_terabytes_is_not_read(tmp_path):
    path = tmp_path / "x.safetensors"
    path.write_bytes((1 << 60).to_bytes(8, "little") + b"{}")
    assert not is_whole(path, KEY)


def test_no_file(tmp_path):
    assert not is_whole(tmp_path / "none", KEY)
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "none", KEY)
    with pytest.raises(FileError):
        write(tmp_path / "none" / "entry.safetensors", KEY, "", some())
