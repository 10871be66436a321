from __future__ import annotations

import math

import pytest
from made_runs import climbing, record, run, two_domains

from napari_m2n2.errors import InputError
from napari_m2n2.evaluation.report.beside import medical_table, published_table
from napari_m2n2.evaluation.report.charts import reached, reached_panels
from napari_m2n2.evaluation.report.document import Table
from napari_m2n2.evaluation.report.domain_bias import gap, gap_table
from napari_m2n2.evaluation.report.figures import in_order
from napari_m2n2.evaluation.report.numbers import NONE, number, seconds, signed
from napari_m2n2.evaluation.report.systems import make_systems
from napari_m2n2.evaluation.report.tables import (
    difference_tables,
    effort_table,
    failure_table,
    last_at,
    quality_table,
    time_table,
)
from napari_m2n2.evaluation.runs import Failure


def cell(table: Table, row: str, column: str) -> str:
    """Return one cell by the name of its row and its column."""
    (found,) = (line for line in table.rows if line[0] == row)
    return found[table.head.index(column)]


# ------------------------------------------------------------------ numbers
def test_numbers_as_they_are_written() -> None:
    assert number(0.12345) == "0.123"
    assert number(-0.5, 1) == "−0.5"
    assert number(-0.0001) == "0.000"
    assert number(None) == number(math.nan) == NONE
    assert signed(0.25, 2) == "+0.25"
    assert signed(-0.25, 2) == "−0.25"
    assert (seconds(0.0021), seconds(1.234), seconds(123.4)) == ("0.002", "1.23", "123")


# ------------------------------------------------------------------ tables of known answers
def test_scores_after_clicks_are_means_over_objects() -> None:
    systems = make_systems(
        [run([record(climbing(0.1, 0.05)), record(climbing(0.3, 0.05), image="b")])]
    )
    table = quality_table(systems)
    assert cell(table, "grabcut50", "objects") == "2"
    assert cell(table, "grabcut50", "IoU@1") == "0.200"
    assert cell(table, "grabcut50", "IoU@5") == "0.400"
    # after 10 clicks 0.55 and 0.75; of two objects the interval reaches from one to the other
    assert cell(table, "grabcut50", "IoU@10") == "0.650 (0.550 to 0.750)"
    assert cell(table, "grabcut50", "Dice@10") == "0.325"
    # 18 steps from 0.1 to 1 and 1 more, 14 from 0.3 to 1 and 5 more, both over a width of 19
    assert cell(table, "grabcut50", "area") == f"{(10.9 / 19 + 14.1 / 19) / 2:.3f}"


def test_clicks_and_failures() -> None:
    # 0.80 at click 8, 0.85 at 9, 0.90 at 10, 0.95 at 11; and one that has nothing but 0.92 at 20
    late = [0.5] * 19 + [0.92]
    systems = make_systems([run([record(climbing(0.4501, 0.05)), record(late, image="b")])])
    table = effort_table(systems)
    assert cell(table, "grabcut50", "NoC@80") == "14.00"
    assert cell(table, "grabcut50", "NoC@85") == "14.50"
    assert cell(table, "grabcut50", "NoC@90").startswith("15.00 (")
    assert cell(table, "grabcut50", "NoC@95") == "15.50"
    assert cell(table, "grabcut50", "NoF@90") == "0 / 1"
    assert cell(table, "grabcut50", "NoF@95") == "1 / 1"


def test_harm_and_seconds() -> None:
    systems = make_systems([run([record([0.9, 0.8, 0.78, 0.9, 0.9])])])
    table = time_table(systems)
    assert cell(table, "grabcut50", "harmful clicks") == "25 %"
    assert cell(table, "grabcut50", "image, s") == "0.50"
    assert cell(table, "grabcut50", "click, s") == "0.20"
    assert cell(table, "grabcut50", "re-score, s") == "0.002"


def test_domains_pool_their_objects() -> None:
    table = quality_table(make_systems([two_domains()]), "domain")
    assert [row[0] for row in table.rows] == ["natural images", "medical images"]
    assert cell(table, "natural images", "IoU@20") == "0.867"
    assert cell(table, "medical images", "IoU@10") == "0.600 (0.600 to 0.600)"


def test_fewer_clicks_than_ten() -> None:
    systems = make_systems([run([record([0.5, 0.6, 0.7])])])
    assert last_at(systems) == 3
    table = quality_table(systems)
    assert "IoU@10" not in table.head
    assert cell(table, "grabcut50", "IoU@3") == "0.700 (0.700 to 0.700)"
    assert published_table(systems, "GrabCut").rows[0][3:5] == (NONE, NONE)


def test_one_click_and_one_object() -> None:
    systems = make_systems([run([record([0.5])])])
    assert cell(quality_table(systems), "grabcut50", "IoU@1") == "0.500 (0.500 to 0.500)"
    assert cell(time_table(systems), "grabcut50", "harmful clicks") == NONE


def test_more_than_twenty_clicks_have_both_numbers() -> None:
    systems = make_systems([run([record([0.1] * 29 + [0.99])])])
    table = effort_table(systems)
    assert cell(table, "grabcut50", "NoC@80") == "30.00"
    assert cell(table, "grabcut50", "NoC@80, of 20") == "20.00"
    assert published_table(systems, "GrabCut").rows[0][3] == "20.00"


# ------------------------------------------------------------------ the gap
def test_gap_of_known_means() -> None:
    (system,) = make_systems([two_domains()])
    table = gap_table(system)
    (row,) = (row for row in table.rows if row[0] == "10 clicks")
    assert row[1].startswith("0.867 (0.800 to 0.900")
    assert row[2] == "0.600 (0.600 to 0.600)"
    assert row[3].startswith("+0.267 (+0.200 to +0.300")
    # the datasets have 0.9 and 0.8
    assert row[4] == "+0.250"


def test_gap_interval_holds_the_difference_of_normal_means() -> None:
    """Against the textbook's interval, 1.96 standard errors either side."""
    first = [0.5 + 0.01 * k for k in range(40)]
    second = [0.3 + 0.01 * k for k in range(30)]
    found = gap(first, second)
    spread = lambda values: sum((v - sum(values) / len(values)) ** 2 for v in values) / len(values)  # noqa: E731
    error = math.sqrt(spread(first) / len(first) + spread(second) / len(second))
    assert found.mean == pytest.approx(0.25)
    assert found.low == pytest.approx(0.25 - 1.96 * error, abs=0.01)
    assert found.high == pytest.approx(0.25 + 1.96 * error, abs=0.01)


def test_gap_without_a_kind_is_none() -> None:
    (system,) = make_systems([run([record([0.5])])])
    assert gap_table(system) is None
    assert math.isnan(gap([], [0.5]).mean)


# ------------------------------------------------------------------ systems
def test_runs_of_the_same_settings_are_one() -> None:
    natural = run([record([0.9])], device="cpu")
    medical = run([record([0.6], dataset="brats", domain="medical")], device="cuda")
    (system,) = make_systems([natural, medical])
    assert [group.domain for group in system.domains] == ["natural", "medical"]
    assert system.name == "m2n2, texture"


def test_the_same_objects_twice_are_two() -> None:
    one = run([record([0.9])])
    assert [system.name for system in make_systems([one, one])] == [
        "m2n2, texture (1)",
        "m2n2, texture (2)",
    ]


def test_names_tell_what_differs_and_nothing_else() -> None:
    runs = [
        run([record([0.9])]),
        run([record([0.9])], preset="published", parameters={"tau": 0.2}),
        run([record([0.9])], method="geodesic"),
    ]
    assert [system.name for system in make_systems(runs)] == [
        "m2n2, preset default",
        "m2n2, preset published, tau=0.2",
        "geodesic",
    ]


def test_what_is_the_same_in_all_is_not_in_their_names() -> None:
    runs = [run([record([0.9])]), run([record([0.9])], grid=32)]
    assert [system.name for system in make_systems(runs)] == ["default grid", "grid 32"]


def test_given_names_keep_runs_apart() -> None:
    natural = run([record([0.9])])
    medical = run([record([0.6], dataset="brats", domain="medical")])
    assert [s.name for s in make_systems([natural, medical], ["a", "b"])] == ["a", "b"]
    with pytest.raises(InputError, match="one name for each"):
        make_systems([natural, medical], ["a"])


def test_no_run_is_refused() -> None:
    with pytest.raises(InputError, match="no run"):
        make_systems([])


# ------------------------------------------------------------------ differences
def test_differences_are_paired() -> None:
    """Objects that only one run has do not count."""
    first = run([record([0.5] * 10), record([0.1] * 10, image="b")])
    other = run([record([0.75] * 10), record([0.99] * 10, image="c")], preset="published")
    (table,) = difference_tables(make_systems([first, other]))
    assert table.caption.startswith("preset published − preset default")
    assert [row[:2] for row in table.rows] == [
        ("grabcut50", "1"),
        ("natural images", "1"),
        ("all objects", "1"),
    ]
    assert table.rows[0][2] == "+0.250 (+0.250 to +0.250)"


def test_runs_without_a_common_object() -> None:
    systems = make_systems(
        [run([record([0.5])]), run([record([0.5], image="b")], preset="published")]
    )
    (table,) = difference_tables(systems)
    assert not table.rows
    assert "no object in common" in table.notes[0]
    assert difference_tables(systems[:1]) == ()


# ------------------------------------------------------------------ the rest
def test_share_of_objects_that_are_done() -> None:
    records = [record([0.5, 0.9, 0.2]), record([0.5, 0.5, 0.95]), record([0.1, 0.1, 0.1])]
    assert reached(records, 0.9) == pytest.approx((0, 1 / 3, 2 / 3))


def test_published_rows_stand_below_ours() -> None:
    systems = make_systems([two_domains()])
    table = published_table(systems, "BraTS")
    ours = table.rows[0]
    assert ours[:3] == ("here: m2n2, texture", "brats2018", "2 objects")
    assert ours[table.head.index("IoU@10")] == "60.00"
    assert ours[table.head.index("NoC80")] == "20.00"
    column = table.head.index("IoU@10")
    assert {row[column] for row in table.rows[1:]} == {"87", "84.79", "84.90", "70"}
    assert published_table(systems, "SBD") is None


def test_medical_rows_of_two_papers_stand_beside_ours() -> None:
    table = medical_table(make_systems([two_domains()]))
    rows = {(row[0], row[4]): row[2:4] for row in table.rows}
    assert rows["here: m2n2, texture", "this run"] == (
        "60.00 (2 objects of brats2018)",
        "not measured",
    )
    assert rows["SimpleClick", "M2N2"] == ("87", "76")
    assert rows["SimpleClick", "MIS"] == ("84.79", "57.92")
    assert rows["M2N2 SD2", "M2N2"] == ("70", "66")
    assert rows["MIS", "MIS"] == ("84.90", "66.31")
    assert len(rows) == 5


def test_failures_are_listed_and_end_somewhere() -> None:
    many = [Failure("set", f"image{n}", "", "The mask is empty.") for n in range(250)]
    table = failure_table(make_systems([run([record([0.5])], failures=many)]))
    assert table.rows[0] == ("set", "image0", "the whole image", "The mask is empty.")
    assert len(table.rows) == 200
    assert table.notes == ("50 more are in the run files.",)
    assert failure_table(make_systems([run([record([0.5])])])) is None


def test_a_row_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="as long as its head"):
        Table(("a", "b"), (("1",),))


def test_a_legend_has_the_runs_in_their_order() -> None:
    medical = run([record([0.5] * 3, dataset="brats2018", domain="medical")])
    both = run([*medical.objects, record([0.5] * 3)], method="geodesic")
    panels = reached_panels(make_systems([medical, both], ["first", "second"]))
    # the first panel, of natural images, has the second run alone
    assert [line.label for line in panels[0].lines] == ["second"]
    assert in_order([line for panel in panels for line in panel.lines]) == ["first", "second"]
