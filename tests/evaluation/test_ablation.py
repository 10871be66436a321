"""The paper's ablations as lists of settings, and their table."""

from __future__ import annotations

from dataclasses import replace

import pytest

from napari_m2n2.attention.options import NAMES, check_options
from napari_m2n2.errors import InputError
from napari_m2n2.evaluation.ablation import SWEEPS, TABLES, markdown, studies
from napari_m2n2.evaluation.clicks import Click
from napari_m2n2.evaluation.runs import FORMAT, Record, Run, Settings
from napari_m2n2.segmentation.parameters import resolve

BASE = Settings(backbone="texture", preset="published", protocol="m2n2")
DIFFUSION = replace(BASE, backbone="stable-diffusion-2")


def variants(base, table, **options):
    return [v for study in studies(table, base, **options) for v in study.variants]


@pytest.mark.parametrize("base", [BASE, DIFFUSION, replace(BASE, preset="default")])
@pytest.mark.parametrize("table", TABLES)
def test_every_variant_can_be_run(base, table):
    for variant in variants(base, table):
        given = dict(variant.settings.parameters)
        check_options({name: given.pop(name) for name in NAMES if name in given})
        resolve("m2n2", base.preset, base.backbone, given)


@pytest.mark.parametrize("base", [BASE, DIFFUSION, replace(DIFFUSION, grid=64)])
def test_equal_keys_mean_equal_settings(base):
    found = {}
    for table in TABLES:
        for variant in variants(base, table):
            assert found.setdefault(variant.key, variant.settings) == variant.settings
            assert "/" not in variant.key
    assert found["base"] == base
    assert sum(settings == base for settings in found.values()) == 1


def test_tables_have_the_rows_and_numbers_of_the_paper():
    (blocks,) = studies("1", DIFFUSION)
    assert [v.label for v in blocks.variants] == [
        "down0",
        "down1",
        "up0",
        "up1",
        "up2",
        "up0 + up1",
    ]
    assert blocks.variants[3].settings.parameters == {"blocks": {"up1": 1.0}}
    assert blocks.variants[3].published == (4.79, 7.10)
    (scores,) = studies("2", DIFFUSION)
    assert [v.published for v in scores.variants] == [
        (6.47, 10.29),
        (4.67, 6.81),
        (7.20, 9.99),
        (4.92, 6.87),
        (5.46, 8.66),
        (4.60, 6.72),
    ]
    assert scores.variants[1].settings.parameters == {"area_prior": 1.0}


def test_a_row_of_table_2_switches_one_score_off_whatever_the_preset():
    base = replace(BASE, preset="default")
    switches = ("edge_score", "positive_score", "negative_score")
    for variant in variants(base, "2"):
        found = resolve("m2n2", "default", "texture", dict(variant.settings.parameters))
        off = sum(not getattr(found, name) for name in switches) + (found.area_prior == 1)
        assert off == {"no-scores": 4, "base": 0}.get(variant.key, 1)
        if not found.edge_score:
            assert found.image_edge == 0


def test_a_parameter_of_the_users_own_stays():
    base = replace(BASE, parameters={"temperature": 0.8, "tau": 0.2})
    (temperatures,) = studies("figure4", base, sweeps=("temperature",))
    keys = [v.key for v in temperatures.variants]
    assert "base" in keys
    assert "temperature-0.65" in keys
    assert all(v.settings.parameters["tau"] == 0.2 for v in temperatures.variants)


def test_what_makes_no_sense_for_a_backbone_is_said_in_one_sentence():
    (blocks,) = studies("1", BASE)
    assert blocks.variants == ()
    assert blocks.remark == "texture has no such blocks: they are those of Stable Diffusion."
    by_title = {study.title: study for study in studies("figure4", BASE)}
    assert not by_title["Figure 4: timestep"].variants
    assert "no diffusion model" in by_title["Figure 4: timestep"].remark
    assert len(by_title["Figure 4: tau"].variants) > 3
    assert [s.title.split()[-1] for s in studies("figure4", DIFFUSION)] == list(SWEEPS)
    assert all(study.variants for study in studies("figure4", DIFFUSION))


@pytest.mark.parametrize(
    ("table", "base", "sweeps", "sentence"),
    [
        ("3", BASE, SWEEPS, "The table '3' is unknown"),
        ("figure4", BASE, ("size",), "The sweep 'size' is unknown"),
        ("2", replace(BASE, method="geodesic"), SWEEPS, "those of m2n2, not of geodesic"),
    ],
)
def test_unknown_names(table, base, sweeps, sentence):
    with pytest.raises(InputError, match=sentence):
        studies(table, base, sweeps)


def run_of(settings, *clicks, dataset="made"):
    """A run in which object i has an IoU of 0.95 from click clicks[i] on."""
    objects = []
    for index, needed in enumerate(clicks):
        scores = tuple(0.95 if k >= needed else 0.5 for k in range(1, 21))
        objects.append(
            Record(
                dataset,
                "",
                f"{index}.png",
                "1",
                *([scores] * 4),
                clicks=(Click(0, 0, True),) * 20,
                seconds={"prepare": 1.0, "clicks": [0.1] * 20, "rescore": 0.1},
            )
        )
    return Run(FORMAT, settings, {}, {}, {}, tuple(objects), (), {})


def test_the_table_shows_means_differences_and_the_paper():
    (scores,) = studies("2", BASE)
    runs = {v.key: run_of(v.settings, 4, 6, 8) for v in scores.variants}
    runs["no-edge"] = run_of(scores.variants[2].settings, 7, 9, 11)
    lines = markdown(scores, runs).splitlines()
    edge = next(line for line in lines if line.startswith("| without s_edge"))
    assert "| 3 | 9.00 (" in edge
    assert "| +3.00 (+3.00 to +3.00) |" in edge
    assert edge.endswith("| 7.20 / 9.99 |")
    base = next(line for line in lines if line.startswith("| all scores"))
    assert "| 6.00 (" in base
    assert "| – | 0.950 |" in base
    widths = {line.count("|") for line in lines if line.startswith("|")}
    assert len(widths) == 1


def test_the_table_of_a_run_that_has_nothing():
    (scores,) = studies("2", BASE)
    runs = {v.key: run_of(v.settings, 4) for v in scores.variants}
    runs["no-neg"] = run_of(scores.variants[4].settings)
    text = markdown(scores, runs)
    assert "| without s_neg | 0 | – | – | – | – | 5.46 / 8.66 |" in text
    (blocks,) = studies("1", BASE)
    assert "|" not in markdown(blocks, runs)
