from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from oracles import random_attention
from store_work import ENTRIES, arrays, is_right, key

from napari_m2n2.attention.base import Attention
from napari_m2n2.attention.keeping import AttentionStore, open_store
from napari_m2n2.attention.rounding import restore, round_attention
from napari_m2n2.errors import InputError

BYTES = 2 * 30_000 + 56


def attention(seed=0, *, symmetric=False):
    matrix = random_attention(3, 4, seed, sharp=1.0, symmetric=symmetric)
    features = np.random.default_rng(seed).random((12, 5), dtype=np.float32)
    return Attention(matrix, (3, 4), features=features)


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("memory", [0, 10**6])
def test_every_visit_gets_the_same_to_the_bit(tmp_path, symmetric, own, memory):
    given = attention(symmetric=symmetric)
    expected = restore(round_attention(given))
    store = AttentionStore(tmp_path, memory=memory)
    assert store.find(key(0)) is None
    first = store.keep(key(0), given, own=own)
    later = AttentionStore(tmp_path, memory=memory)
    for found in (first, store.find(key(0)), later.find(key(0)), later.find(key(0))):
        assert torch.equal(found.matrix, expected.matrix)
        assert torch.equal(found.features, expected.features)
        assert found.grid == (3, 4)


def test_an_attention_that_is_not_ours_stays_as_it_is(tmp_path):
    given = attention()
    before = given.matrix.clone()
    kept = AttentionStore(None).keep(key(0), given)
    assert torch.equal(given.matrix, before)
    assert not torch.equal(kept.matrix, before)


def test_what_is_found_may_be_overwritten():
    store = AttentionStore(None)
    kept = store.keep(key(0), attention()).matrix.clone()
    found = store.find(key(0))
    found.matrix.zero_()
    found.features.zero_()
    assert torch.equal(store.find(key(0)).matrix, kept)
    assert store.find(key(0)).features.abs().sum() > 0


def test_memory_holds_the_newest_up_to_its_bytes():
    store = AttentionStore(None, memory=3 * BYTES)
    for number in range(3):
        store.keep_arrays(key(number), str(number), arrays(number))
    store.find_arrays(key(0))
    store.keep_arrays(key(3), "3", arrays(3))
    assert [store.has(key(n)) for n in range(4)] == [True, False, True, True]
    assert is_right(0, store.find_arrays(key(0)))
    store.keep_arrays(key(4), "4", {"halves": np.zeros(4 * BYTES, np.float16)})
    assert not store.has(key(4))


def test_without_memory_nothing_stays_there(tmp_path):
    store = AttentionStore(None, memory=0)
    store.keep_arrays(key(0), "0", arrays(0))
    assert not store.has(key(0))


def test_what_is_computed_from_an_attention_is_kept_with_it(tmp_path):
    calls = []

    def compute():
        calls.append(1)
        return {
            "values": torch.arange(4.0),
            "vectors": torch.rand(4, 2),
            "rounds": torch.tensor(7.0),
        }

    first = AttentionStore(tmp_path).keep(key(0), attention())
    one = first.recall("spectrum", compute)
    for again in (first, first.to("meta"), AttentionStore(tmp_path).find(key(0))):
        two = again.recall("spectrum", compute)
        assert all(torch.equal(one[name], two[name]) for name in one)
    assert len(calls) == 1
    first.recall("another spectrum", compute)
    AttentionStore(tmp_path).keep(key(1), attention(1)).recall("spectrum", compute)
    assert len(calls) == 3


def test_what_was_computed_may_be_overwritten_too():
    store = AttentionStore(None)
    given = attention()
    kept = store.keep(key(0), given)
    given.features.zero_()
    assert store.find(key(0)).features.abs().sum() > 0
    for _ in range(3):
        found = kept.recall("ones", lambda: {"ones": torch.ones(3)})["ones"]
        assert found.sum() == 3
        found.zero_()


def test_attention_of_nowhere_computes_again():
    calls = []
    for _ in range(2):
        attention().recall("x", lambda: calls.append(1) or {})
    assert len(calls) == 2


def test_what_somebody_else_put_under_a_key_is_none(tmp_path):
    store = AttentionStore(tmp_path, memory=0)
    for about in ("", "[]", '{"grid": [3]}', '{"grid": [9, 9]}', '{"grid": ["a", 4]}', "3"):
        store.keep_arrays(key(0), about, {"halves": np.ones(144, np.float16)})
        assert store.find(key(0)) is None
    # no row of it has a sum
    store.keep_arrays(key(0), '{"grid": [3, 4]}', {"halves": np.zeros(144, np.float16)})
    assert store.find(key(0)) is None


def test_a_store_that_cannot_be_opened_says_so_once_and_works_in_memory(tmp_path):
    (tmp_path / "mine.txt").write_text("")
    told = []
    store = AttentionStore(tmp_path, warn=told.append)
    assert told == [store.problem]
    kept = store.keep(key(0), attention())
    assert torch.equal(store.find(key(0)).matrix, kept.matrix)
    assert told == [store.problem]
    assert store.size() == 0
    assert len(list(tmp_path.iterdir())) == 1


def test_the_limit_is_told(tmp_path):
    assert AttentionStore(tmp_path, limit=7).limit == 7
    assert AttentionStore(None).limit is None


def test_the_room_is_that_of_the_disk_or_of_memory(tmp_path, monkeypatch):
    store = AttentionStore(tmp_path, limit=10**6, memory=500, warn=lambda _: None)
    assert (store.room, store.taken) == (10**6, 0)
    store.keep_arrays(key(0), "0", arrays(0))
    assert (store.room, store.taken) == (10**6, BYTES)

    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("napari_m2n2.attention.entries.write", full)
    store.keep_arrays(key(1), "1", arrays(1))
    assert (store.room, store.taken) == (500, 2 * BYTES)
    assert AttentionStore(None, memory=9).room == 9


def test_clearing_forgets_everything(tmp_path):
    store = AttentionStore(tmp_path)
    store.keep(key(0), attention())
    size = store.size()
    assert size > 0
    assert store.clear() == size
    assert store.find(key(0)) is None
    store.keep(key(0), attention())
    assert AttentionStore(tmp_path).has(key(0))
    assert AttentionStore(None).clear() == 0


def test_threads_share_a_store(tmp_path):
    store = AttentionStore(tmp_path, memory=3 * BYTES, limit=8 * BYTES)
    wrong = []

    def work(seed):
        for number in np.random.default_rng(seed).integers(0, ENTRIES, 60).tolist():
            found = store.find_arrays(key(number))
            if found is None:
                store.keep_arrays(key(number), str(number), arrays(number))
            elif not is_right(number, found):
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert store.problem == ""
    held = sum(a.nbytes for _, kept in store._newest.values() for a in kept.values())
    assert store._held == held <= 3 * BYTES


def test_what_may_be_meant_by_a_store(tmp_path, monkeypatch):
    monkeypatch.setenv("NAPARI_M2N2_STORE", str(tmp_path / "usual"))
    assert open_store(None) is open_store(False) is None
    assert open_store(True).folder == tmp_path / "usual"
    assert open_store(str(tmp_path / "other")).folder == tmp_path / "other"
    one = open_store(tmp_path / "other")
    assert open_store(one) is one
    for what in ("", 3, b"x"):
        with pytest.raises(InputError, match="give a folder"):
            open_store(what)
