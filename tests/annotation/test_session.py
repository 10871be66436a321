"""The document of a session: there and back, and all that can be wrong with a file."""

from __future__ import annotations

import json
import math
import re
import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_m2n2.annotation import migration, session
from napari_m2n2.annotation.identity import ImageIdentity
from napari_m2n2.annotation.jobs import Settings
from napari_m2n2.annotation.masks import Mask
from napari_m2n2.annotation.objects import STATES, AnnotatedObject, ObjectTable
from napari_m2n2.annotation.planes import Plane
from napari_m2n2.annotation.provenance import ChannelView, Provenance
from napari_m2n2.annotation.records import PlaneRecord, StoredPoint, StoredShape
from napari_m2n2.annotation.region import Region
from napari_m2n2.annotation.session import (
    FORMAT,
    SCHEMA,
    LabelsFile,
    Session,
    from_text,
    parts_of,
    prompted_planes,
    read_session,
    to_text,
    write_session,
)
from napari_m2n2.errors import FileError

SHAPE = (4, 9, 13)

numbers = st.floats(-20, 20, allow_nan=False)
texts = st.text(max_size=8)
points = st.builds(
    StoredPoint, numbers, numbers, st.booleans(), st.none() | st.floats(0, 1), st.integers(0, 99)
)
shapes = st.builds(
    StoredShape,
    st.sampled_from(["rectangle", "ellipse", "polygon", "path", "line"]),
    st.lists(st.tuples(numbers, numbers), min_size=4, max_size=6).map(tuple),
    st.booleans(),
    st.integers(0, 99),
)
contrasts = st.none() | st.just("percentile") | st.tuples(numbers, numbers)
channels = st.builds(
    ChannelView,
    texts,
    texts,
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), max_size=2).map(tuple),
    contrasts,
    st.tuples(*[st.floats(0, 1)] * 3),
)
made = st.builds(
    Provenance,
    way=st.sampled_from(["prompts", "propagated", "interpolated", "drawn", "merged"]),
    weights=texts,
    refine=st.none() | st.just("pdm"),
    grid=st.none() | st.integers(8, 128),
    cells=st.tuples(st.integers(0, 128), st.integers(0, 128)),
    contrast=contrasts,
    channels=st.lists(channels, max_size=2).map(tuple),
)
planes = st.builds(
    lambda displayed, index: Plane(
        SHAPE, displayed, ((({0, 1, 2} - set(displayed)).pop(), index),)
    ),
    st.sampled_from([(1, 2), (2, 1), (0, 2)]),
    st.integers(0, 3),
)


@st.composite
def masks(draw, size):
    bits = draw(st.lists(st.booleans(), min_size=math.prod(size), max_size=math.prod(size)))
    return Mask.pack(np.array(bits, bool).reshape(size))


@st.composite
def records(draw):
    found = {}
    for plane in draw(st.lists(planes, unique=True, max_size=3)):
        size = plane.size
        region = st.just(Region((0, size[0]), (1, size[1]), 2))
        found[plane] = draw(
            st.builds(
                PlaneRecord,
                st.lists(points, max_size=3).map(tuple),
                st.lists(shapes, max_size=2).map(tuple),
                st.none() | masks(size),
                st.none() | masks(size),
                st.none() | region,
                st.none() | made,
            )
        )
    return found


def objects(number):
    return st.builds(
        AnnotatedObject,
        st.just(number),
        st.integers(1, 9),
        texts,
        st.sampled_from(STATES),
        records(),
        st.integers(0, 50),
        st.floats(0, 1e4),
        parts=st.just(()) | st.tuples(st.builds(AnnotatedObject, st.just(5), st.just(5))),
    )


sessions = st.builds(
    Session,
    image=st.builds(ImageIdentity, texts, st.just(SHAPE), st.just("uint16"), texts),
    labels=st.none() | st.just(LabelsFile("a.m2n2.labels.tif", SHAPE, "uint16", "ab")),
    mode=st.sampled_from(["instance", "semantic"]),
    overwrite=st.booleans(),
    objects=st.tuples(objects(1), objects(2)) | st.just(()),
    classes=st.just(()) | st.just(((1, "nucleus"), (2, "“membrane”"))),
    used=st.frozensets(st.integers(1, 70)),
    work=st.none() | objects(3),
    settings=st.builds(Settings, grid=st.none() | st.integers(8, 128)),
    view=st.dictionaries(texts, st.none() | texts | numbers | st.booleans(), max_size=3),
    finished=st.booleans(),
)


@settings(max_examples=80, deadline=None)
@given(sessions)
def test_a_session_there_and_back(made_session):
    text = to_text(made_session)
    assert from_text(text, "a file") == made_session
    # objects stand in a line each, so that a version control shows what changed
    assert text.count("\n") == len(json.loads(text)) + len(made_session.objects) + (
        3 if made_session.objects else 2
    )


def test_whatever_a_program_may_hold_can_be_saved():
    made_there = Provenance(contrast=(0.0, np.inf), cells=(np.int64(8), np.int32(8)))
    record = PlaneRecord((StoredPoint(np.float32(1.5), np.float64(2)),), made=made_there)
    known = AnnotatedObject(1, np.uint16(1), "\udcff µm", records={example_plane(): record})
    whole = Session(ImageIdentity("a\udce4.tif"), objects=(known,), used=frozenset({np.uint8(3)}))
    text = to_text(whole)
    text.encode("utf-8")
    assert from_text(text, "a") == whole
    assert "“µm”" in to_text(Session(ImageIdentity("“µm”")))


def test_numbers_are_kept_as_runs():
    used = frozenset([*range(1, 50_001), 65535])
    whole = Session(ImageIdentity(), used=used)
    assert '"used": [[1, 50000], [65535, 65535]]' in to_text(whole)
    assert from_text(to_text(whole), "a").used == used


def test_texts_of_objects_that_are_the_same_are_used_again():
    known = AnnotatedObject(1, 1)
    whole = Session(ImageIdentity(), objects=(known,))
    texts_made = {1: (known, '{"id": 7, "value": 7}')}
    assert json.loads(to_text(whole, texts_made))["objects"] == [{"id": 7, "value": 7}]
    other = replace(whole, objects=(replace(known, name="b"),))
    assert json.loads(to_text(other, texts_made))["objects"][0]["name"] == "b"
    assert texts_made[1][0].name == "b"


def example_plane():
    return Plane(SHAPE, (1, 2), ((0, 2),))


def example():
    plane = example_plane()
    mask = np.zeros(plane.size, bool)
    mask[2:5, 3:8] = True
    record = PlaneRecord(
        (StoredPoint(3.0, 4.0, True, 0.25, 1), StoredPoint(0.0, 0.0, False, None, 2)),
        (StoredShape("rectangle", ((2, 3), (2, 7), (4, 7), (4, 3)), True, 3),),
        mask=Mask.pack(mask),
        made=Provenance(weights="w 1", version="0.1"),
    )
    known = AnnotatedObject(1, 1, "nucleus", "done", {plane: record}, 3, 4.5)
    return Session(ImageIdentity("a.tif", SHAPE, "uint8"), objects=(known,), used=frozenset({1}))


def test_a_table_out_of_a_session_and_into_it():
    found = example().table()
    assert [known.id for known in found] == [1]
    assert found.next_id(np.uint16) == 2
    assert example().with_table(found) == example()
    found.remove(1)
    assert found.next_id(np.uint16) == 2
    assert example().with_table(found).table().next_id(np.uint16) == 2


def test_prompts_come_out_ready_to_be_segmented():
    (one,) = prompted_planes(example().objects[0])
    assert one.plane.hidden == ((0, 2),)
    assert one.prompts.points.tolist() == [[3.0, 4.0], [0.0, 0.0]]
    assert one.prompts.labels.tolist() == [True, False]
    assert one.prompts.thresholds[0] == 0.25
    assert np.isnan(one.prompts.thresholds[1])
    assert one.prompts.boxes.tolist() == [[2, 3, 4, 7]]
    assert one.record.area == 15


def test_of_a_merged_object_the_parts_have_the_prompts():
    first = example().objects[0]
    second = replace(first, id=2, value=2)
    table = ObjectTable()
    table.add(first)
    table.add(second)
    merged = table.merge([1, 2])
    assert [one.part.id for one in prompted_planes(merged)] == [1, 2]
    third = AnnotatedObject(3, 3)
    table.add(third)
    assert [part.id for part in parts_of(table.merge([1, 3]))] == [1, 2, 3]


def test_the_documentation_says_how_to_read_a_mask():
    page = (Path(__file__).parents[2] / "docs" / "sessions.md").read_text(encoding="utf-8")
    block = next(part for part in page.split("\n\n    import ") if "def mask_of" in part)
    code = "    import " + block.split("\n\nA later version")[0]
    known: dict = {}
    exec(textwrap.dedent(code), known)
    content = json.loads(to_text(example()))
    record = content["objects"][0]["records"][0]
    (expected,) = example().objects[0].records.values()
    assert np.array_equal(known["mask_of"](record["mask"]), expected.mask.unpack())
    named = set(re.findall(r"`(\w+)`", page))
    assert set(content) - {"version"} <= named
    assert set(content["objects"][0]) | set(record) | set(record["made"]) <= named


def test_what_made_an_object_is_written_out():
    content = json.loads(to_text(example()))
    made = content["objects"][0]["records"][0]["made"]
    assert (made["backbone"], made["preset"], made["method"]) == ("texture", "default", "m2n2")
    assert content["settings"]["backbone"] == "texture"


def test_files(tmp_path):
    path = tmp_path / "a.tif.m2n2.json"
    write_session(path, to_text(example()))
    assert read_session(path) == example()


def damaged():
    good = to_text(example())
    content = json.loads(good)

    def with_(**changes):
        return json.dumps({**content, **changes})

    def in_object(**changes):
        return with_(objects=[{**content["objects"][0], **changes}])

    record = content["objects"][0]["records"][0]

    def in_record(**changes):
        return in_object(records=[{**record, **changes}])

    mask = record["mask"]
    yield "empty object", "{}", "no session file"
    yield "a list", "[]", "no session file"
    yield "text", "points, labels", "no session file"
    yield "prompts", '{"points": [[1, 2]], "labels": ["fg"]}', "no session file"
    yield "half", good[: len(good) // 2], "damaged or cut off"
    yield "without its last byte", good.rstrip()[:-1], "damaged or cut off"
    yield "NaN", good.replace("4.5", "NaN"), "damaged"
    yield "infinity", good.replace("4.5", "1e999"), "seconds is no number"
    yield "newer", with_(schema=SCHEMA + 1, version="9.1"), "9.1, which is newer"
    yield "no schema", with_(schema=None), "unknown schema"
    yield "schema of text", with_(schema="1"), "unknown schema"
    yield "schema 0", with_(schema=0), "unknown schema"
    yield "unknown name", with_(colour="red"), "colour is unknown"
    yield "no image", json.dumps({k: v for k, v in content.items() if k != "image"}), "image"
    yield "twice", with_(objects=content["objects"] * 2), "a number twice"
    yield "id 0", in_object(id=0), "below 1"
    yield "text for a number", in_object(id="1"), "objects[0].id"
    yield "true for a number", in_object(id=True), "objects[0].id"
    yield "unknown state", in_object(state="lost"), "objects[0].state"
    yield "no records", in_object(records={"a": 1}), "objects[0].records"
    yield "plane twice", in_object(records=[record, record]), "a plane twice"
    yield "no plane", in_object(records=[{}]), "plane is missing"
    yield "other axes", in_record(plane={**record["plane"], "displayed": [1, 1]}), "other axes"
    yield "beside", in_record(plane={**record["plane"], "hidden": [[0, 4]]}), "beside its image"
    yield "far region", in_record(region={"rows": [0, 99], "columns": [0, 3]}), "region"
    yield "mask of no plane", in_record(mask={**mask, "size": [99, 99]}), "another size"
    yield "mask too short", in_record(mask={**mask, "bits": "eJwDAAAAAAE="}), "mask"
    yield "mask of noise", in_record(mask={**mask, "bits": "%%%"}), "damaged"
    yield "points", in_record(points=[{"row": 1}]), "column is missing"
    yield "point of text", in_record(points=[{"row": "a", "column": 1}]), "points[0].row"
    yield "made", in_record(made={"way": "by magic"}), "made.way"
    yield "many numbers", with_(used=[[1, 2**40]]), "too many numbers"
    yield "no run", with_(used=[[1]]), "used[0]"
    labels = {"path": "a.tif", "shape": [9, 13], "dtype": "uint8", "digest": ""}
    yield "labels of reals", with_(labels={**labels, "dtype": "float32"}), "no whole numbers"
    yield "labels of nothing", with_(labels={**labels, "dtype": "nothing"}), "damaged"
    yield "flat labels", with_(labels={**labels, "shape": [0, 3]}), "no whole numbers"
    yield "classes", with_(classes=[[1]]), "classes[0]"


@pytest.mark.parametrize(("text", "words"), [(t, w) for _, t, w in damaged()],
                         ids=[name for name, _, _ in damaged()])  # fmt: skip
def test_a_bad_file_is_one_sentence_and_is_kept(tmp_path, text, words):
    path = tmp_path / "a.tif.m2n2.json"
    path.write_text(text)
    with pytest.raises(FileError) as failed:
        read_session(path)
    sentence = str(failed.value)
    assert words in sentence
    assert path.name in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert path.read_text() == text


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "does not exist"), (b"", "is empty"), (b"\xff\xfe\x00\x01", "no session file")],
)
def test_a_file_that_is_no_text(tmp_path, content, words):
    path = tmp_path / "a.tif.m2n2.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FileError, match=words):
        read_session(path)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_is_cut_off_is_one_sentence(data):
    text = to_text(example())
    end = data.draw(st.integers(0, len(text) - 3))
    with pytest.raises(FileError, match=r"a\.json .*\.$"):
        from_text(text[:end], "a.json")


def test_a_file_of_an_earlier_version_is_brought_up(monkeypatch):
    def rename(content):
        return {("overwrite" if k == "replace" else k): v for k, v in content.items()}

    def count(content):
        return {**content, "used": [[1, content["used"]]]}

    monkeypatch.setattr(session, "MIGRATIONS", (rename, count))
    monkeypatch.setattr(session, "SCHEMA", 3)
    old = {"format": FORMAT, "schema": 1, "image": {}, "replace": True, "used": 2}
    found = from_text(json.dumps(old), "old")
    assert found == Session(ImageIdentity(), overwrite=True, used=frozenset({1, 2}))
    assert from_text(json.dumps({**old, "schema": 2, "overwrite": True} | {"used": 1}
                                ).replace('"replace": true, ', ""), "a").used == {1}  # fmt: skip
    with pytest.raises(FileError, match="damaged"):
        from_text(json.dumps({k: v for k, v in old.items() if k != "used"}), "old")


def test_each_schema_has_a_migration_to_the_next():
    assert len(migration.MIGRATIONS) + 1 == SCHEMA
