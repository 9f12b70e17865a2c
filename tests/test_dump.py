"""Copies for work without a net: the dump, the feed that keeps it up, and what neither may tell."""

import gzip
import hashlib
import json
import random
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from servicemap import cards, db, dump, facility_types, feed, storing
from servicemap import registry as registries
from servicemap.access import SEED
from servicemap.audit import head_seq, write_txn
from servicemap.config import Settings
from servicemap.errors import ConflictError, InvalidError, NotFoundError, UnavailableError
from servicemap.facility_types import Kind
from servicemap.records import Record, Role, load
from tests.conftest import fresh
from tests.factories import (
    LAT,
    LNG,
    NORTH_GATE,
    TODAY,
    TREE,
    a_change,
    a_division,
    a_place,
    a_tree,
    a_type,
    scaled,
)
from tests.test_cards import STEPS_OF

NOW = datetime(2026, 11, 23, 4, tzinfo=UTC)
TOMORROW = TODAY + timedelta(1)
COMMUNITIES = [code for code, _, level, _ in TREE if level == "community"]
WALKS, STEPS = scaled(6, 1), 80  # what a copy follows grows with every step: more walks, not longer ones
QINGCHENG, YINGDE = "441802000000", "441881000000"


def built(
    folder: Path, today: date = TODAY, after: timedelta = timedelta(0), **options: Any
) -> dict[str, Any]:
    return dump.build(folder, NOW + after, today, **options)


def contents(folder: Path) -> dict[str, bytes]:
    """The newest dump's files by their names without the stamp, unpacked."""
    index = dump.index(folder)
    found = {}
    for file in index["files"]:
        path, _ = dump.find_file(folder, file["name"])
        data = path.read_bytes()
        name = file["name"].split("-", 2)[2]
        found[name] = gzip.decompress(data) if name.endswith(".gz") else data
    return found


def sliced(folder: Path) -> dict[str, Any]:
    """The newest dump's places by code, from its slices."""
    slices = [json.loads(data) for name, data in contents(folder).items() if name.endswith(".json")]
    items = [item for slice_ in slices for item in slice_["items"]]
    assert len({item["code"] for item in items}) == len(items) == dump.index(folder)["places"]
    return {item["code"]: item for item in items}


def told(since: int = 0, today: date = TODAY) -> list[dict[str, Any]]:
    """All entries of the feed."""
    entries = []
    while True:
        page = feed.list_changes(since, 500, today)
        entries += [json.loads(item) for item in page.items]
        since = page.next_since
        if since == page.head_seq:
            return entries


def on_the_day(item: dict[str, Any], today: date) -> dict[str, Any] | None:
    """What the keeper of a copy shows of a place on the day: without what has ended by then."""

    def lasts(end: str | None) -> bool:
        return end is None or end > str(today)

    roles = [role for role in item["roles"] if lasts(role["closed_on"])]
    suspensions = [each for each in item["suspensions"] if lasts(each["to_on"])]
    titles = [each for each in item["titles"] if lasts(each["ends_on"])]
    return {**item, "roles": roles, "suspensions": suspensions, "titles": titles} if roles else None


class Copy:
    """A copy as an app keeps it."""

    def __init__(self) -> None:
        self.since, self.began, self.items = 0, None, {}

    @classmethod
    def of(cls, folder: Path) -> "Copy":
        copy = cls()
        copy.since = copy.began = dump.index(folder)["seq"]
        copy.items = sliced(folder)
        return copy

    def follow(self, today: date, limit: int = 500, pages: int = 10**6) -> None:
        for _ in range(pages):
            page = feed.list_changes(self.since, limit, today)
            self.began = page.head_seq if self.began is None else self.began
            if page.renamed_seq and page.renamed_seq > self.began:
                self.__init__()
                continue
            for entry in map(json.loads, page.items):
                self.items.pop(entry["code"], None)
                if entry["action"] == "upsert":
                    self.items[entry["code"]] = entry["item"]
            self.since = page.next_since
            if self.since == page.head_seq:
                return

    def shown(self, today: date) -> dict[str, Any]:
        items = {code: on_the_day(item, today) for code, item in self.items.items()}
        return {code: item for code, item in items.items() if item}


# The law


@pytest.mark.parametrize("walk", range(WALKS))
def test_whatever_happens_a_copy_that_follows_is_what_a_new_dump_holds(registry, tmp_path, walk):
    chance, today, copies = random.Random(20261124 + walk), TODAY, [Copy()]
    a_tree()
    places = [a_place(f"第 {number} 家", division=chance.choice(COMMUNITIES)) for number in range(6)]

    def something(_count: int = 0) -> None:
        if chance.random() < 0.1:
            places.append(a_place("新的一家", division=chance.choice(COMMUNITIES), today=today))
        elif chance.random() < 0.1:
            rename_a_type(chance, today)
        else:
            number = chance.randrange(len(places))
            places[number] = chance.choice(STEPS_OF)(chance, places[number], today)

    for step in range(STEPS):
        today += timedelta(chance.choice((0, 0, 0, 1, 9)))
        if chance.random() < 0.5:
            registries.roll_over(SEED, today)
        something()
        if step % 3 == 0:
            index = built(tmp_path, today, timedelta(seconds=step), at=something, page=2)
            if not feed.hidden_since(index["seq"]):  # else it is not given
                copies[chance.randrange(5) :] = [Copy.of(tmp_path)]
        copy = chance.choice(copies)
        copy.follow(today, limit=1, pages=chance.randrange(3))
        something()
        copy.follow(today, limit=chance.choice((1, 2, 500)))
        assert copy.shown(today) == held(places, today)
    built(tmp_path, today, timedelta(1))
    for copy in [*copies, Copy(), Copy.of(tmp_path)]:
        copy.follow(today)
        assert copy.shown(today) == held(places, today)


def held(places: list[Record], today: date) -> dict[str, Any]:
    """What every copy must show on the day."""
    items = [json.loads(place.item) for place in feed.list_places(today, after=0, limit=1000)]
    assert [item["code"] for item in items] == [
        place.code for place in places if place.visibility == "public" and place.status(today) != "closed"
    ]
    return {item["code"]: on_the_day(item, today) for item in items}


def rename_a_type(chance: random.Random, today: date) -> None:
    kind = Kind(**{**as_dict(a_type("nursery")), "name": f"托育机构 {chance.random()}"})
    with write_txn(SEED) as log:
        facility_types.set_type(log, kind)
        cards.write_cards(load([id_ for (id_,) in db.query("SELECT id FROM facility")]).values(), today)


def as_dict(kind: Kind) -> dict[str, Any]:
    return {name: getattr(kind, name) for name in Kind.__dataclass_fields__}


# What is told


def test_a_place_is_told_once_where_it_last_changed(registry):
    first, second = a_place("甲"), a_place("乙")
    since = head_seq()
    first = a_change(first, phone="0763-3360000")
    second = a_change(second, phone="0763-3360001")
    a_change(first, phone="0763-3360002")

    entries = told(since)

    assert [(e["code"], e["action"]) for e in entries] == [(second.code, "upsert"), (first.code, "upsert")]
    assert [e["seq"] for e in entries] == [since + 2, since + 3]
    assert entries[1]["item"]["phone"] == "0763-3360002"
    assert (entries[1]["item"]["lat"], entries[1]["item"]["lng"]) == (LAT, LNG)
    assert entries[1]["marker_id"] == entries[1]["item"]["marker_id"] == first.id


def test_a_closed_place_is_gone_with_its_day_and_reason(registry, tmp_path):
    place = a_place()
    since = head_seq()

    a_change(place, types=["parent_school"], closed_on=TODAY, closed_reason="并入南门社区")

    [entry] = told(since)
    assert (entry["action"], entry["code"]) == ("gone", place.code)
    assert (entry["closed_on"], entry["reason"]) == (str(TODAY), "并入南门社区")
    assert built(tmp_path)["places"] == 0


def test_complaint_2_a_place_that_closes_by_date_leaves_a_copy_without_a_word_from_the_server(
    registry, tmp_path
):
    place = a_place(types=["parent_school", "nursery"], closed_on=TOMORROW)
    built(tmp_path)
    copy = Copy.of(tmp_path)

    copy.follow(TOMORROW)

    assert list(copy.shown(TODAY)) == [place.code]
    assert copy.shown(TOMORROW) == {}
    assert [entry["action"] for entry in told(0, TOMORROW)] == ["gone"]
    assert built(tmp_path, TOMORROW, timedelta(1))["places"] == 0


def test_a_place_that_opens_later_is_in_the_copy_with_its_day(registry, tmp_path):
    place = a_place(opened_on=TOMORROW)

    built(tmp_path)

    assert sliced(tmp_path)[place.code]["roles"][0]["opened_on"] == str(TOMORROW)


def test_a_renamed_type_says_that_older_copies_need_a_new_dump(registry):
    a_place(types=["nursery"])
    since = head_seq()

    rename_a_type(random.Random(1), TODAY)
    a_type("nursery", aliases=("托班",))

    assert feed.list_changes(since, 500, TODAY).renamed_seq == since + 2  # a name given back counts too
    assert feed.list_changes(since + 2, 500, TODAY).renamed_seq is None


def test_new_types_and_divisions_rename_nothing(registry):
    a_tree()
    a_place()

    assert feed.list_changes(0, 500, TODAY).renamed_seq is None


def test_a_page_is_read_in_a_few_queries_and_goes_on_where_it_ended(registry):
    codes = [a_place(f"第 {number} 家").code for number in range(5)]

    first = feed.list_changes(0, 2, TODAY)
    second = feed.list_changes(first.next_since, 2, TODAY)
    third = feed.list_changes(second.next_since, 2, TODAY)

    assert [json.loads(i)["code"] for i in (*first.items, *second.items, *third.items)] == codes
    assert first.next_since < first.head_seq
    assert third.next_since == third.head_seq == head_seq()
    assert feed.list_changes(head_seq(), 2, TODAY).items == []


def test_a_long_history_of_one_place_is_walked_in_bounded_steps(registry):
    place = a_place()
    with write_txn(SEED) as log:
        for _ in range(3 * feed.MOST):
            log.record_change("facility", place.code, "update")

    page = feed.list_changes(0, 500, TODAY)

    assert page.items == []
    assert page.next_since == feed.MOST < page.head_seq
    assert [entry["code"] for entry in told()] == [place.code]


def test_a_seq_that_the_registry_has_not_reached_is_refused(registry):
    with pytest.raises(InvalidError) as caught:
        feed.list_changes(head_seq() + 1, 500, TODAY)

    assert "备份恢复" in str(caught.value.problems[0])


# Complaint 14: who is hidden


def secret(division: str = NORTH_GATE, **given: Any) -> Record:
    return a_place("临时庇护", division=division, phone="0763-3360000", visibility="contact_only", **given)


def test_complaint_14_all_bytes_are_equal_wherever_in_its_county_the_secret_place_stands(
    engine, request, tmp_path
):
    here = {"division": NORTH_GATE, "lng": LNG, "lat": LAT, "address": "北门街 1 号"}
    there = {"division": "441802102200", "lng": LNG + 0.3, "lat": LAT + 0.05, "address": "田心 30 号"}

    found = []
    for number, where in enumerate((here, there)):
        (tmp_path / str(number)).mkdir()
        with fresh("nothing", engine, request, tmp_path / str(number)):
            a_tree()
            a_place("前一家")
            secret(**where)
            a_place("后一家", division=YINGDE[:6] + "101201")
            built(tmp_path / str(number) / "dump")
            files = {
                path.relative_to(tmp_path / str(number)): path.read_bytes()
                for path in sorted((tmp_path / str(number) / "dump").rglob("*"))
                if path.is_file()
            }
            found.append((files, [{**entry, "changed_at": None} for entry in told()]))

    assert found[0] == found[1]
    assert len(found[0][0]) == 6  # with the lock and the index
    assert not [entry for entry in found[0][1] if "庇护" in str(entry)]


def test_nothing_of_a_place_that_was_always_contact_only_is_in_copies(registry, tmp_path):
    a_place("北门社区家长学校")
    since = head_seq()
    place = secret(address="北门街 1 号")
    a_change(place, address="北门街 2 号", phone="0763-3360001")

    built(tmp_path)

    assert told(since) == []
    files = b"".join(contents(tmp_path).values()).decode("utf-8", "replace")
    assert not [word for word in (place.code, "庇护", "北门街", "336000") if word in files]


def test_a_place_that_becomes_contact_only_is_gone_once_and_what_happens_to_it_later_is_untold(
    registry, tmp_path
):
    place = a_place("临时庇护", address="北门街 1 号")
    since = head_seq()
    place = a_change(place, visibility="contact_only")
    became = head_seq()
    place = a_change(place, address="北门街 2 号", lng=LNG + 0.1, lat=LAT)
    a_change(place, types=["parent_school"], closed_on=TODAY, closed_reason="搬走")

    built(tmp_path)

    [entry] = told(since)
    assert (entry["seq"], entry["action"], entry["code"]) == (became, "gone", place.code)
    assert (entry["closed_on"], entry["reason"]) == (None, None)
    assert "item" not in entry
    assert told(became) == []
    assert sliced(tmp_path) == {}


def test_a_place_that_is_public_again_is_told_again(registry):
    place = a_change(a_place(), visibility="contact_only")
    since = head_seq()

    a_change(place, visibility="public")

    assert [(entry["seq"], entry["action"]) for entry in told(since)] == [(since + 1, "upsert")]


# The files


def test_the_three_forms_hold_the_same_places(registry, tmp_path):
    placed = a_place("北门社区家长学校", types=["parent_school", "nursery"])
    unplaced = a_place("沙口家长学校", division="441881101201", lng=None)

    index = built(tmp_path)

    files = contents(tmp_path)
    collection = json.loads(files["all.geojson.gz"])
    features = {feature["properties"]["code"]: feature for feature in collection["features"]}
    assert features[placed.code]["geometry"] == {"type": "Point", "coordinates": [LNG, LAT]}
    assert features[unplaced.code]["geometry"] is None
    items = sliced(tmp_path)
    for code, item in items.items():
        assert features[code]["properties"] == {k: v for k, v in item.items() if k not in ("lat", "lng")}
        assert features[code]["id"] == item["marker_id"]
    (tmp_path / "offline.db").write_bytes(files["registry.db.gz"])
    with closing(sqlite3.connect(tmp_path / "offline.db")) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        rows = copy.execute("SELECT code, marker_id, name, county, lat, lng, json FROM facility").fetchall()
        about = copy.execute("SELECT seq, built_at, demo, datum FROM about").fetchall()
        types = copy.execute("SELECT type FROM facility_role WHERE marker_id = ?", (placed.id,)).fetchall()
    assert {row[0]: json.loads(row[-1]) for row in rows} == items
    assert rows[0][:6] == (placed.code, placed.id, placed.name, QINGCHENG, LAT, LNG)
    assert about == [(index["seq"], "2026-11-23T04:00:00Z", 0, "wgs84")]
    assert sorted(types) == [("nursery",), ("parent_school",)]


def test_the_index_names_every_file_with_its_size_and_digest(registry, tmp_path):
    a_place()
    a_place("沙口家长学校", division="441881101201")

    index = built(tmp_path)

    assert (index["seq"], index["places"], index["datum"], index["demo"]) == (head_seq(), 2, "wgs84", False)
    assert [(file["kind"], file.get("division")) for file in index["files"]] == [
        ("geojson", None), ("slice", QINGCHENG), ("slice", YINGDE), ("sqlite", None),
    ]  # fmt: skip
    for file in index["files"]:
        path, etag = dump.find_file(tmp_path, file["name"])
        assert path.stat().st_size == file["size"]
        assert hashlib.sha256(path.read_bytes()).hexdigest() == file["sha256"]
        assert etag.startswith(f"{index['seq']}-")
    assert dump.index(tmp_path) == index


def test_a_county_beyond_two_megabytes_is_cut_into_parts(registry, tmp_path):
    division, kind = a_division(), a_type()
    records = [
        Record(0, f"第 {number} 家", division.id, address="长" * 200, roles=[Role(0, kind.id)])
        for number in range(2500)
    ]
    with write_txn(SEED) as log:
        storing.write(log, records, [], TODAY)

    index = built(tmp_path)

    slices = [file for file in index["files"] if file["kind"] == "slice"]
    assert [file["name"].split("-", 2)[2] for file in slices] == [
        f"{QINGCHENG}-1.json",
        f"{QINGCHENG}-2.json",
    ]
    assert all(file["size"] <= 2_000_000 for file in slices)
    assert len(sliced(tmp_path)) == 2500


def test_a_division_is_answered_with_the_slices_that_hold_its_places(registry, tmp_path):
    a_place()
    a_place("沙口家长学校", division="441881101201")
    a_place("市家长学校", division="441800000000")
    built(tmp_path)

    def counties(code: str) -> list[str]:
        return [file["division"] for file in dump.index(tmp_path, a_division(code))["files"]]

    assert counties(YINGDE) == ["441800000000", YINGDE]
    assert counties("441881101201") == ["441800000000", YINGDE]
    assert counties("441800000000") == ["441800000000", QINGCHENG, YINGDE]


def test_before_the_first_dump_it_says_how_to_make_one(registry, tmp_path):
    with pytest.raises(NotFoundError, match="dump build"):
        dump.index(tmp_path / "nowhere")


def test_only_names_that_a_dump_has_are_opened(registry, tmp_path):
    built(tmp_path / "dump")
    (tmp_path / "dump" / "private.json").write_text("{}")

    for name in ("private.json", "../dump/private.json", "index.json", ".lock", "", "\0"):
        with pytest.raises(NotFoundError):
            dump.find_file(tmp_path / "dump", name)


def test_readers_keep_the_old_dump_until_the_new_one_is_whole_and_one_round_longer(registry, tmp_path):
    a_place()
    first = built(tmp_path)
    seen = []

    second = built(tmp_path, after=timedelta(1), at=lambda _: seen.append(dump.index(tmp_path)))
    third = built(tmp_path, after=timedelta(2))

    assert seen == [first]
    assert dump.index(tmp_path) == third
    assert dump.find_file(tmp_path, second["files"][0]["name"])
    with pytest.raises(NotFoundError, match="更早"):
        dump.find_file(tmp_path, first["files"][0]["name"])


def test_a_build_that_was_cut_short_leaves_nothing_to_see(registry, tmp_path):
    a_place()

    with pytest.raises(InterruptedError):
        built(tmp_path, at=lambda _: (_ for _ in ()).throw(InterruptedError))

    with pytest.raises(NotFoundError):
        dump.index(tmp_path)
    assert built(tmp_path)["places"] == 1
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == [".lock"]


def test_two_builds_at_once_are_told_apart(registry, tmp_path):
    a_place()
    refused = []

    def again(_count: int) -> None:
        with pytest.raises(UnavailableError) as caught:
            built(tmp_path)
        refused.append(caught.value.code)

    built(tmp_path, at=again)

    assert refused == ["busy"]
    with pytest.raises(ConflictError):
        built(tmp_path)


@pytest.mark.parametrize("engine", ["sqlite"])
def test_every_registry_has_its_own_dumps_beside_its_file(registry, tmp_path):
    assert dump.folder_of(Settings(database_url=registry)) == tmp_path / "registry.db.dump"


@pytest.mark.parametrize("engine", ["postgresql"])
def test_with_postgresql_the_setting_must_say_where_dumps_lie(registry):
    with pytest.raises(NotFoundError) as refused:
        dump.folder_of(Settings(database_url=registry))

    assert refused.value.code == "no_dump_folder"
    assert "SERVICEMAP_DUMP_FOLDER" in refused.value.detail


def test_dumps_lie_where_the_setting_says(registry, tmp_path):
    assert dump.folder_of(Settings(dump_folder=str(tmp_path / "elsewhere"))) == tmp_path / "elsewhere"
