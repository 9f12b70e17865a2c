"""Divisions merge, split, are renamed and come in new editions; what stands in them goes along."""

import json
import threading
from datetime import date, timedelta

import pytest

from servicemap import db, divisions, facilities, feed, keys, registry, reviews, storing, text
from servicemap.access import SEED
from servicemap.app import create_app
from servicemap.audit import broken_link, head_seq, write_txn
from servicemap.config import Settings
from servicemap.coverage.report import report
from servicemap.division_changes import apply, merge, rename, split
from servicemap.division_list import DivisionRow, import_divisions, set_population, set_shape
from servicemap.division_plan import Order, work_out
from servicemap.errors import ConflictError, InvalidError, RegistryError
from servicemap.imports.apply import apply as apply_import
from servicemap.imports.plan import make_plan
from servicemap.models import Division
from servicemap.records import load
from tests.api.conftest import NOON
from tests.conftest import bound_to
from tests.coverage.test_measure import an_indicator, measured
from tests.factories import TODAY, TREE, a_batch, a_change, a_place, a_tree, a_type, scaled

CITY, QINGCHENG, STREET = "441800000000", "441802000000", "441802001000"
NORTH, SOUTH, TIANXIN = "441802001001", "441802001002", "441802102200"
GREAT, SMALL = "441802001009", "441802001008"
ON = date(2026, 3, 1)
BEFORE = ON - timedelta(days=1)
BOX = {"type": "Polygon", "coordinates": [[[113, 23], [114, 23], [114, 24], [113, 24], [113, 23]]]}


@pytest.fixture(autouse=True)
def tree(registry):
    a_type("parent_school")
    return a_tree()


@pytest.fixture
def client(settings):
    app = create_app(settings, lambda: NOON)
    db.connect()
    return app.test_client()


def order(rows, on=ON, **rest) -> Order:
    return Order(on, rows, **rest)


def a_merger(into=GREAT, name="大北门社区", codes=(NORTH, SOUTH), on=ON, **rest) -> Order:
    return order(merge(codes, into, name), on, document="清民〔2026〕3号", **rest)


def an_edition(*changed: DivisionRow, without=(), on=ON, **rest) -> Order:
    """The tree of the factories as a new edition of the list, with some rows in the place of others."""
    said = {row.code for row in changed}
    rows = [DivisionRow(*row) for row in TREE if row[0] not in {*said, *without}]
    return order([*rows, *changed], on, whole=True, **rest)


def done(what: Order):
    return apply(SEED, what, TODAY)


def refusals(what: Order) -> list[str]:
    """The codes of what is wrong, which must leave everything as it was."""
    before = head_seq()
    planned = [problem.code for problem in work_out(what, TODAY).problems]
    with pytest.raises(InvalidError) as refused:
        done(what)
    assert [problem.code for problem in refused.value.problems] == planned
    assert head_seq() == before
    return planned


def standing(place) -> str:
    return Division.get_by_id(load([place.id])[place.id].division_id).padded_code


def found(name: str) -> list[str]:
    """The codes of the divisions that are called just so."""
    read = [text.Phrase("ch", (text.whole(name),))]
    sql = f"SELECT d.padded_code FROM {keys.matching('division_key')} JOIN division d ON d.id = found.id"
    return sorted(code for (code,) in db.query(sql, (keys.expression([[read]]),)))


def card(place) -> dict:
    return json.loads("{" + db.query("SELECT body FROM card WHERE facility_id = ?", (place.id,))[0][0])


# Mergers


def test_a_merger_counts_as_two_before_its_day_and_as_one_from_then_on():
    an_indicator()
    a_place(division=NORTH)

    done(a_merger())

    assert measured(on=BEFORE) == {CITY: (1, 3), QINGCHENG: (1, 2), "441881000000": (0, 1)}
    assert measured(on=ON) == {CITY: (1, 2), QINGCHENG: (1, 1), "441881000000": (0, 1)}
    assert measured(STREET, BEFORE) == {STREET: (1, 2), NORTH: (1, 1), SOUTH: (0, 1)}
    assert measured(STREET, ON) == {STREET: (1, 1), GREAT: (1, 1)}


def test_two_places_stand_where_they_stood_before_and_together_afterwards():
    an_indicator("count", target=None)
    places = [a_place("北", division=NORTH), a_place("南", division=SOUTH)]

    done(a_merger())

    assert measured(STREET, BEFORE) == {STREET: (2, None), NORTH: (1, None), SOUTH: (1, None)}
    assert measured(STREET, ON) == {STREET: (2, None), GREAT: (2, None)}
    assert [standing(place) for place in places] == [GREAT, GREAT]


def test_one_goes_into_another_that_goes_on():
    an_indicator()
    place = a_place(division=NORTH)

    plan = done(a_merger(into=SOUTH, name="", codes=(NORTH,)))

    assert [(each.action, each.code) for each in plan.divisions] == [("succeed", SOUTH), ("end", NORTH)]
    assert standing(place) == SOUTH
    assert measured(STREET, BEFORE) == {STREET: (1, 2), NORTH: (1, 1), SOUTH: (0, 1)}
    assert measured(STREET, ON) == {STREET: (1, 1), SOUTH: (1, 1)}
    assert divisions.get(SOUTH).valid_from is None


def test_another_may_go_into_the_same_on_the_same_day():
    done(a_merger(into=SOUTH, name="", codes=(NORTH,)))

    done(a_merger(into=SOUTH, name="", codes=(TIANXIN,)))

    assert {each.code for each in divisions.predecessors(divisions.get(SOUTH))} == {NORTH, TIANXIN}


def test_what_a_role_serves_goes_along_from_the_day():
    an_indicator()
    place = a_place(division=QINGCHENG, level="county", serves=[NORTH, TIANXIN])

    done(a_merger())

    links = load([place.id])[place.id].roles[0].serves
    of = {division.id: code for code, division in {d.padded_code: d for d in Division.select()}.items()}
    assert {(of[link.division_id], link.from_on, link.to_on) for link in links} == {
        (NORTH, None, ON),
        (GREAT, ON, None),
        (TIANXIN, None, None),
    }
    assert {step["code"] for step in card(place)["roles"][0]["serves"]} == {GREAT, TIANXIN}
    assert measured(STREET, BEFORE) == {STREET: (1, 2), NORTH: (1, 1), SOUTH: (0, 1)}
    assert measured(STREET, ON) == {STREET: (1, 1), GREAT: (1, 1)}


def test_a_role_that_served_both_serves_the_one_and_a_worker_may_change_that_later():
    place = a_place(division=QINGCHENG, level="county", serves=[NORTH, SOUTH])
    done(a_merger(into=SOUTH, name="", codes=(NORTH,)))

    after = a_change(load([place.id])[place.id], types=["parent_school"], serves=[TIANXIN])

    of = {division.id: division.padded_code for division in Division.select()}
    assert [(of[x.division_id], x.to_on) for x in after.roles[0].serves] == [(NORTH, ON), (TIANXIN, None)]


def test_the_card_and_the_search_tell_of_the_successor_and_find_it_by_the_old_names(client):
    place = a_place(division=NORTH)

    done(a_merger())

    assert card(place)["division"]["path"][-1] == {"code": GREAT, "name": "大北门社区", "level": "community"}
    assert (found("北门社区"), found("大北门社区"), found("南门")) == ([GREAT], [GREAT], [GREAT])
    for query in ({"q": "北门社区"}, {"division": NORTH}, {"division": SOUTH}, {"division": GREAT}):
        items = client.get("/api/v1/facilities", query_string=query).json["items"]
        assert [item["code"] for item in items] == [place.code], query


def test_a_merger_stands_in_the_audit_with_reason_and_document():
    place = a_place(division=NORTH)
    before = head_seq()

    done(order(merge([NORTH, SOUTH], GREAT, "大北门社区"), reason="村改居", document="清民〔2026〕3号"))

    rows = db.query("SELECT noun, key, action, diff FROM change WHERE seq > ? ORDER BY seq", (before,))
    assert [row[:3] for row in rows] == [
        ("division", NORTH, "retire"),
        ("division", SOUTH, "retire"),
        ("division", GREAT, "create"),
        ("facility", place.code, "update"),
    ]
    retired = json.loads(rows[0][3])
    assert retired["valid_to"] == [None, str(ON)]
    assert retired["successors"] == [None, [GREAT]]
    assert (retired["reason"], retired["document"]) == ([None, "村改居"], [None, "清民〔2026〕3号"])
    assert broken_link() is None


def test_lists_of_denominators_go_on_with_the_successor():
    db.execute("INSERT INTO denominator_list VALUES ('list', '2023-06-30', 'test', NULL)")
    for code in (NORTH, SOUTH):
        db.execute("INSERT INTO denominator_member VALUES ('list', ?)", (divisions.get(code).id,))
    an_indicator(denominator={"level": "community", "list": "list"})

    done(a_merger())

    assert (measured(on=BEFORE)[CITY], measured(on=ON)[CITY]) == ((0, 2), (0, 1))


# Splits


def a_split(**rest) -> Order:
    return order(split(NORTH, [(GREAT, "东北门社区"), (SMALL, "西北门社区")]), **rest)


def test_a_split_lists_the_places_that_nobody_has_decided_on():
    place = a_place(division=NORTH, address="北门街 3 号")

    assert refusals(a_split()) == ["undecided_places"]
    [undecided] = work_out(a_split(), TODAY).places
    assert (undecided.code, undecided.address) == (place.code, "北门街 3 号")
    assert (undecided.from_code, undecided.to_code) == (NORTH, None)
    assert standing(place) == NORTH


def test_a_split_takes_each_place_where_it_is_told():
    an_indicator()
    east, west = a_place("东", division=NORTH), a_place("西", division=NORTH)

    done(a_split(places={east.code: GREAT, west.code: SMALL}))

    assert (standing(east), standing(west)) == (GREAT, SMALL)
    assert measured(STREET, BEFORE) == {STREET: (1, 2), NORTH: (1, 1), SOUTH: (0, 1)}
    assert measured(STREET, ON) == {STREET: (2, 3), GREAT: (1, 1), SMALL: (1, 1), SOUTH: (0, 1)}
    assert found("北门") == [SMALL, GREAT]


def test_what_is_closed_may_stay_where_it_was_and_what_serves_all_serves_all():
    closed = a_place(division=NORTH, closed_on=date(2025, 1, 1))
    serving = a_place("县", division=QINGCHENG, level="county", serves=[NORTH])

    done(a_split())

    assert standing(closed) == NORTH
    assert {step["code"] for step in card(serving)["roles"][0]["serves"]} == {GREAT, SMALL}


def test_the_own_code_may_go_on_with_a_smaller_area():
    stays, goes = a_place("留", division=NORTH), a_place("去", division=NORTH)
    rows = split(NORTH, [(NORTH, "北门社区"), (GREAT, "新北门社区")])

    plan = done(order(rows, places={stays.code: NORTH, goes.code: GREAT}))

    assert [(each.action, each.code) for each in plan.divisions] == [
        ("renew", NORTH),
        ("create", GREAT),
        ("end", NORTH),
    ]
    assert (standing(stays), standing(goes)) == (NORTH, GREAT)
    assert divisions.get(NORTH).valid_from == ON
    assert divisions.get(NORTH, on=BEFORE).valid_to == ON


# Names


def test_a_division_is_called_by_its_old_name_before_the_day_and_found_by_both(client):
    an_indicator()
    place = a_place(division=NORTH)

    done(order(rename(NORTH, "光明社区"), document="清民〔2026〕4号"))
    registry.roll_over(SEED, TODAY)

    assert [client.get(f"/api/v1/divisions/{NORTH}?on={day}").json["name"] for day in (BEFORE, ON)] == [
        "北门社区",
        "光明社区",
    ]
    listed = [
        client.get(f"/api/v1/divisions?parent={STREET}&on={day}").json["items"][0] for day in (BEFORE, ON)
    ]
    assert [item["name"] for item in listed] == ["北门社区", "光明社区"]
    names = [{row["division_name"] for row in report(divisions.get(STREET), day)} for day in (BEFORE, ON)]
    assert ("北门社区" in names[0], "光明社区" in names[1]) == (True, True)
    assert (found("北门社区"), found("光明社区")) == ([NORTH], [NORTH])
    assert card(place)["division"]["name"] == "光明社区"
    assert measured(on=BEFORE) == measured(on=ON)


def test_every_name_that_was_is_told_of_its_days():
    done(order(rename(NORTH, "甲社区"), date(2024, 1, 1)))
    done(order(rename(NORTH, "乙社区"), date(2025, 1, 1)))

    division = divisions.get(NORTH)
    former = divisions.former_names([division])[division.id]
    days = (date(2023, 12, 31), date(2024, 1, 1), date(2024, 12, 31), date(2025, 1, 1))
    assert [divisions.name_on(division, former, day) for day in days] == [
        "北门社区",
        "甲社区",
        "甲社区",
        "乙社区",
    ]


# Editions of the list


def test_an_edition_says_what_is_new_gone_renamed_and_moved():
    a_place(division="441881101201")

    plan = done(
        an_edition(
            DivisionRow("441802001001", "光明社区", "community", STREET),
            DivisionRow("441802001003", "新社区", "community", STREET),
            DivisionRow("441881101201", "田心村", "community", "441802102000"),
            DivisionRow(GREAT, "并来社区", "community", STREET, replaces=f"{SOUTH}、{TIANXIN}"),
            without=(SOUTH, TIANXIN, "441881101498"),
        )
    )

    assert {(each.action, each.code) for each in plan.divisions} == {
        ("rename", NORTH),
        ("create", "441802001003"),
        ("renew", "441881101201"),
        ("create", GREAT),
        ("end", "441881101201"),
        ("end", SOUTH),
        ("end", TIANXIN),
        ("end", "441881101498"),
    }
    assert divisions.get("441881101201").parent.padded_code == "441802102000"
    assert divisions.get("441881101201", on=BEFORE).parent.padded_code == "441881101000"


def test_the_same_edition_again_changes_nothing():
    done(an_edition(DivisionRow(NORTH, "光明社区", "community", STREET)))

    again = an_edition(DivisionRow(NORTH, "光明社区", "community", STREET), on=TODAY)

    assert refusals(again) == ["nothing_changes"]


def test_a_town_that_moves_takes_all_below_along_and_counts_there_from_its_day():
    an_indicator()
    place = a_place(division=NORTH)
    yingde = "441881000000"

    done(an_edition(DivisionRow(STREET, "凤城街道", "town", yingde)))

    assert standing(place) == NORTH
    assert [step["code"] for step in card(place)["division"]["path"]] == [CITY, yingde, STREET, NORTH]
    assert measured(on=BEFORE) == {CITY: (1, 3), QINGCHENG: (1, 2), yingde: (0, 1)}
    assert measured(on=ON) == {CITY: (1, 3), QINGCHENG: (0, 0), yingde: (1, 3)}


def test_a_county_under_another_code_keeps_its_shape_its_residents_and_its_way_of_reviews():
    with write_txn(SEED) as log:
        set_shape(log, divisions.get(QINGCHENG), BOX, "test")
        set_population(log, divisions.get(QINGCHENG), "resident_census", date(2020, 11, 1), 7, "七普")
    reviews.skip_town(SEED, divisions.get(QINGCHENG), TODAY, on=True)
    below = [row for row in TREE if row[0].startswith("441802") and row[2] != "county"]
    rows = [
        DivisionRow(
            code.replace("441802", "441803"),
            name,
            level,
            parent.replace("441802", "441803"),
            replaces=code,
        )
        for code, name, level, parent in [TREE[1], *below]
    ]

    done(an_edition(*rows, without=[TREE[1][0], *(row[0] for row in below)]))

    new = divisions.get("441803000000")
    assert divisions.locate(113.5, 23.5) == new.id
    assert db.query("SELECT persons FROM population WHERE division_id = ?", (new.id,)) == [(7,)]
    assert db.query("SELECT set_by FROM skip_town WHERE division_id = ?", (new.id,)) == [("seed",)]
    assert divisions.get("441803001001").parent.padded_code == "441803001000"


def test_a_list_in_the_old_way_may_replace_several_at_once():
    import_divisions(
        SEED,
        [
            DivisionRow(
                GREAT, "大北门社区", "community", STREET, valid_from=str(ON), replaces=f"{NORTH} {SOUTH}"
            )
        ],
    )

    assert {each.code for each in divisions.predecessors(divisions.get(GREAT))} == {NORTH, SOUTH}
    assert {divisions.get(code).valid_to for code in (NORTH, SOUTH)} == {ON}


def test_a_list_in_the_old_way_may_not_leave_places_behind():
    a_place(division=NORTH)
    before = head_seq()

    with pytest.raises(ConflictError) as refused:
        import_divisions(SEED, [DivisionRow(NORTH, "北门社区", "community", STREET, valid_to=str(ON))])

    assert (refused.value.code, head_seq()) == ("places_left", before)


# Refusals


def row(code, name="某社区", level="community", parent=STREET, **rest):
    return DivisionRow(code, name, level, parent, **rest)


@pytest.mark.parametrize(
    ("what", "codes"),
    [
        (lambda: a_merger(on=TODAY + timedelta(days=1)), ["future_date"]),
        (lambda: order([row(GREAT, replaces="441802999999")]), ["bad_succession"]),
        (lambda: order([row("44180200100", replaces=NORTH)]), ["bad_code"]),
        (lambda: order([row(GREAT, level="镇", parent=QINGCHENG, replaces=NORTH)]), ["different_levels"]),
        (lambda: order([row(GREAT, parent="441802777000")]), ["unknown_parent"]),
        (lambda: order([row(GREAT), row(GREAT)]), ["duplicate_code"]),
        (lambda: order([row(NORTH, "北门社区")]), ["nothing_changes"]),
        (lambda: a_merger(codes=(STREET, "441802102000"), into="441802109000", name="某镇"), ["has_children"] * 2),
        (lambda: an_edition(row(GREAT, valid_from="2026-01-01")), ["dated_row"]),
        (lambda: an_edition(without=(STREET,)), ["has_children"]),
        (lambda: order([], whole=True), ["no_top"]),
        (lambda: order([row(NORTH, "北门社区")], whole=True), ["no_top", "has_children"]),
        (lambda: an_edition(row(GREAT), without=(STREET, NORTH, SOUTH)), ["parent_ends"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_whole_with_its_code(what, codes):
    assert refusals(what()) == codes


def test_a_day_before_a_division_began_is_refused():
    done(a_merger())

    assert refusals(order(rename(GREAT, "更大"), BEFORE)) == ["before_valid_from"]
    assert refusals(order(merge([GREAT], TIANXIN, ""), ON)) == ["before_valid_from"]
    assert refusals(order(merge([TIANXIN], GREAT, ""), BEFORE)) == ["before_valid_from"]


def test_a_parent_of_a_later_day_is_refused():
    import_divisions(SEED, [row("441802103000", "新镇", "镇", QINGCHENG, valid_from=str(ON))])

    assert refusals(order([row(GREAT, parent="441802103000")], BEFORE)) == ["before_valid_from"]


def test_a_day_before_another_change_is_refused():
    done(a_merger(into=SOUTH, name="", codes=(NORTH,)))
    done(order(rename(TIANXIN, "田园村")))

    assert refusals(order(merge([SOUTH], TIANXIN, ""), BEFORE)) == ["later_change"]
    assert refusals(order(rename(TIANXIN, "别的村"), ON)) == ["later_change"]


def test_a_code_of_another_time_may_not_overlap():
    import_divisions(SEED, [DivisionRow(GREAT, "以后的", "community", STREET, "2026-01-01", "2027-01-01")])

    assert refusals(order([row(GREAT, replaces=NORTH)])) == ["overlapping_validity"]


def test_what_has_ended_cannot_change_again():
    done(a_merger())

    assert refusals(order([row(SMALL, replaces=NORTH)])) == ["already_retired"]
    with pytest.raises(InvalidError) as refused:
        rename(NORTH, "某")
    assert refused.value.code == "already_retired"


def test_open_places_in_what_is_abolished_without_a_successor_are_named():
    place = a_place(division=SOUTH)
    serving = a_place("服务", division=QINGCHENG, level="county", serves=["441881101201"])

    assert refusals(an_edition(without=(SOUTH,))) == ["no_successor"]
    assert place.code in work_out(an_edition(without=(SOUTH,)), TODAY).problems[0].detail
    assert refusals(an_edition(without=("441881101201",))) == ["no_successor"]
    assert serving.code in work_out(an_edition(without=("441881101201",)), TODAY).problems[0].detail


def test_a_place_is_sent_only_where_it_can_go():
    place, other = a_place(division=NORTH), a_place("别处", division=SOUTH)

    assert refusals(a_split(places={place.code: TIANXIN})) == ["not_a_successor"]
    assert refusals(a_split(places={place.code: GREAT, other.code: GREAT})) == ["not_concerned"]
    assert refusals(a_split(places={place.code: GREAT, "F9": GREAT})) == ["not_concerned"]


@pytest.mark.parametrize(
    ("what", "code"),
    [
        (lambda: merge([NORTH, "441802999999"], GREAT, "大"), "unknown_division"),
        (lambda: merge([NORTH, TIANXIN], GREAT, "大"), "different_parents"),
        (lambda: merge([NORTH, SOUTH], GREAT, ""), "missing_name"),
        (lambda: split(NORTH, [(GREAT, "大")]), "too_few_successors"),
        (lambda: split(NORTH, [(GREAT, "大"), (SOUTH, "南门社区")]), "overlapping_validity"),
        (lambda: rename("441802999999", "某"), "unknown_division"),
    ],
)
def test_what_makes_no_order_is_refused_at_once(what, code):
    with pytest.raises(InvalidError) as refused:
        what()

    assert refused.value.code == code


def test_a_role_that_served_the_successor_once_and_not_lately_is_left_to_a_person():
    a_place(division=QINGCHENG, level="county", serves=[NORTH, SOUTH])
    south = divisions.get(SOUTH).id
    db.execute("UPDATE role_serves SET to_on = '2020-01-01' WHERE division_id = ?", (south,))
    before = head_seq()

    with pytest.raises(ConflictError) as refused:
        done(a_merger(into=SOUTH, name="", codes=(NORTH,)))

    assert (refused.value.code, head_seq()) == ("served_before", before)


# Copies, plans, other writers


def test_places_that_go_to_a_successor_are_told_to_offline_copies_and_names_as_renamed():
    place, _ = a_place(division=NORTH), a_place("别处", division=TIANXIN)
    since = head_seq()

    done(a_merger())
    merged = feed.list_changes(since, 100, TODAY)
    done(order(rename(TIANXIN, "田园村")))
    renamed = feed.list_changes(merged.next_since, 100, TODAY)

    [item] = [json.loads(item) for item in merged.items]
    assert (item["code"], item["item"]["division"]["code"]) == (place.code, GREAT)
    assert (merged.renamed_seq, renamed.items) == (None, [])
    assert merged.next_since < renamed.renamed_seq


def test_a_plan_changes_nothing_and_is_stale_after_any_change():
    place = a_place(division=NORTH)
    before = head_seq()
    plan = work_out(a_merger(), TODAY)
    assert (head_seq(), standing(place), plan.seq) == (before, NORTH, before)
    a_change(place, phone="0763-3360000")

    with pytest.raises(ConflictError) as refused:
        apply(SEED, a_merger(), TODAY, seq=plan.seq)

    assert refused.value.code == "plan_stale"
    assert [(p.code, p.to_code) for p in plan.places] == [(place.code, GREAT)]


def left_behind() -> int:
    """How many open places stand in a division that has ended."""
    return db.query(
        "SELECT COUNT(*) FROM facility f JOIN division d ON d.id = f.division_id JOIN role r ON r.facility_id = f.id"
        " WHERE d.valid_to IS NOT NULL AND r.closed_on IS NULL"
    )[0][0]


def written_while_a_merger_goes_on() -> str | None:
    """Write a place in a division, begin the merger of that before the writer commits, and let both end:
    the code of the refusal, if the writer is refused."""
    written, code = threading.Event(), None

    def merging() -> None:
        db.connect()
        written.wait()
        done(a_merger())
        db.database.close()

    thread = threading.Thread(target=merging)
    thread.start()
    try:
        with write_txn(SEED) as log:
            record = facilities.Record(0, "赶上的", divisions.get(NORTH).id)
            stated = facilities.Stated({}, [(a_type().id, {})])
            storing.write(log, [facilities.merged(record, stated, TODAY)], [], TODAY)
            written.set()
            thread.join(0.5 if db.is_sqlite() else 30)  # SQLite's second writer waits for the first
    except RegistryError as error:
        code = error.code
    thread.join()
    return code


def test_a_place_that_is_written_meanwhile_goes_along_or_is_refused(engine):
    code = written_while_a_merger_goes_on()

    assert code == {"sqlite": None, "postgresql": "retired_division"}[engine]
    assert left_behind() == 0


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_without_the_last_look_a_place_would_be_left_behind(monkeypatch):
    monkeypatch.setattr(storing, "_refuse_ended", lambda ids, today: None)

    written_while_a_merger_goes_on()

    assert left_behind() == 1


IMPORTS = scaled(60, 12)


def import_or_merge(url: str, number: int) -> list[str]:
    """The codes of the refusals."""
    refused = []
    with bound_to(url):
        for turn in range(IMPORTS):
            try:
                if number:
                    batch = a_batch([{"name": f"{number}-{turn}"}])
                    make_plan(SEED, batch.id, Settings(database_url=url), TODAY)
                    apply_import(SEED, batch.id, Settings(database_url=url), TODAY)
                elif turn == IMPORTS // 4:
                    done(a_merger())
                else:
                    a_change(load([1])[1], phone=f"0763-33600{turn:02d}")
            except RegistryError as error:
                refused.append(error.code)
    return refused


def test_a_merger_among_imports_leaves_no_place_behind(registry, in_processes):
    a_place("第一", division=TIANXIN)

    merger, *importers = in_processes(import_or_merge, registry, 3)

    assert left_behind() == 0
    assert divisions.get(NORTH).valid_to == ON
    assert set(merger) <= {"busy", "deadlock"}
    assert {code for codes in importers for code in codes} <= {"plan_stale", "bad_rows", "busy", "deadlock"}
    [late] = make_plan(SEED, a_batch([{"name": "晚了"}]).id, Settings(database_url=registry), TODAY).problems
    assert late.code == "retired_division"
    moved = db.query("SELECT COUNT(*) FROM former_division")[0][0]
    assert db.query("SELECT COUNT(*) FROM facility")[0][0] == moved + 1
    assert broken_link() is None
