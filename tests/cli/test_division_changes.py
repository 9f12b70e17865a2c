"""A worker changes divisions at the terminal: sees the plan, decides where places go, carries it out."""

import csv
import io

import pytest

from servicemap.models import Division
from tests.factories import NORTH_GATE, TREE, a_place, a_tree

SOUTH, GREAT, SMALL = "441802001002", "441802001009", "441802001008"
ON = ("--on", "2026-03-01")
SPLIT = (
    "division",
    "split",
    NORTH_GATE,
    "--into",
    f"{GREAT}=东北门社区",
    "--into",
    f"{SMALL}=西北门社区",
    *ON,
)


@pytest.fixture(autouse=True)
def tree(registry):
    a_tree()


def codes() -> set[str]:
    return {each.padded_code for each in Division.select().where(Division.valid_to.is_null())}


def test_a_merger_is_planned_carried_out_and_shown(admin):
    arguments = ("division", "merge", NORTH_GATE, SOUTH, "--into", GREAT, "--name", "大北门社区", *ON)

    planned = admin(*arguments, "--dry-run")
    before = codes()
    done = admin(*arguments, "--document", "清民〔2026〕3号")
    shown = admin("division", "show", NORTH_GATE)

    assert (planned.code, before) == (0, {code for code, *_ in TREE}), planned.err
    assert "新设" in planned.out
    assert done.code == 0, done.err
    assert codes() == before - {NORTH_GATE, SOUTH} | {GREAT}
    assert ("由它替代" in shown.out, GREAT in shown.out, "清民〔2026〕3号" in shown.out) == (True, True, True)


def test_a_split_gives_the_places_to_decide_on_and_takes_the_answers_back(admin, tmp_path):
    place = a_place()

    asked = admin(*SPLIT, "--dry-run", "--format", "csv")
    refused = admin(*SPLIT)
    [row] = csv.DictReader(io.StringIO(asked.out))
    row["新区划"] = GREAT
    file = tmp_path / "where.csv"
    with open(file, "w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, row)
        writer.writeheader()
        writer.writerow(row)
    done = admin(*SPLIT, "--places", file)

    assert (asked.code, row["编号"], row["原区划"]) == (3, place.code, NORTH_GATE), asked.err
    assert (refused.code, "undecided_places" in refused.err, "Traceback" in refused.err) == (1, True, False)
    assert done.code == 0, done.err
    listed = admin("facility", "list", "--division", GREAT, "--format", "json")
    assert [each["code"] for each in listed.json] == [place.code]


def test_a_renaming_and_a_new_edition(admin, tmp_path):
    file = tmp_path / "edition.csv"
    lines = [
        "code,name,level,parent_code,replaces",
        *(f"{','.join(row)}," for row in TREE if row[0] != SOUTH),
    ]
    file.write_text(
        "\n".join([*lines, f"{GREAT},大南门社区,community,441802001000,{SOUTH}"]), encoding="utf-8"
    )

    renamed = admin("division", "rename", NORTH_GATE, "光明社区", "--on", "2025-01-01")
    edition = admin("division", "import", file, *ON, "--format", "json")
    listed = [
        admin("division", "list", "441802001000", *on, "--format", "json").json
        for on in ((), ("--on", "2024-12-31"))
    ]

    assert (renamed.code, edition.code) == (0, 0), renamed.err + edition.err
    assert {(each["action"], each["code"]) for each in edition.json[0]["divisions"]} == {
        ("rename", NORTH_GATE),
        ("create", GREAT),
        ("end", SOUTH),
    }
    assert [[each["name"] for each in rows] for rows in listed] == [
        ["北门社区", "大南门社区"],
        ["北门社区", "南门社区"],
    ]


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (("division", "rename", NORTH_GATE, "光明社区", "--on", "2999-01-01"), 1, "bad_date"),
        (("division", "rename", NORTH_GATE, "光明社区", "--on", "2099-01-01"), 1, "future_date"),
        (("division", "rename", NORTH_GATE, "光明社区"), 2, "--on"),
        (("division", "split", NORTH_GATE, "--into", GREAT, *ON), 2, "代码=名称"),
        (("division", "merge", "999999", "--into", GREAT, *ON), 1, "unknown_division"),
    ],
)
def test_what_is_wrong_is_said_with_its_code(admin, arguments, code, word):
    ran = admin(*arguments)

    assert (ran.code, word in ran.err, "Traceback" in ran.err) == (code, True, False), ran.err
