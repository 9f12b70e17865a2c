"""Pages hold while others write: what did not change is shown exactly once, in whatever order it is asked."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from servicemap.errors import InvalidError
from servicemap.facility_types import known_kinds
from servicemap.finder import cursor, near
from servicemap.finder.filters import Filters
from servicemap.finder.query import Query
from servicemap.finder.search import Page, search
from servicemap.models import Division
from servicemap.records import Record
from tests.factories import LAT, LNG, TODAY, a_change, a_place, a_type, scaled
from tests.finder.countryside import KINDS, NOON, a_countryside, a_record, stored
from tests.finder.test_search import HERE, facts_of, found_on

pytestmark = pytest.mark.usefixtures("registry", "unhurried")

PLACES = 200
QUERIES = (
    replace(HERE, radius_m=50_000, limit=9),
    replace(HERE, radius_m=50_000, limit=4, filters=Filters(age_months=24)),
    replace(HERE, radius_m=50_000, limit=3, q="托育"),
    replace(HERE, radius_m=50_000, limit=3, q="英德 托育"),
    Query(NOON, limit=9),
    Query(NOON, limit=3, filters=Filters(fees=("free",))),
    Query(NOON, limit=3, q="阳光"),
    Query(NOON, limit=4, q="英德"),
)


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy the machine is, no search is broken off."""
    monkeypatch.setattr(near, "BUDGET_S", 3600.0)


def paged(query: Query, between: Callable[[], None] = lambda: None) -> list[Page]:
    """All pages, something done between each and the next."""
    pages = [search(query)]
    while pages[-1].next_cursor:
        between()
        pages.append(search(query, pages[-1].next_cursor))
    return pages


def ids_on(pages: list[Page]) -> list[int]:
    return [one.id for one in found_on(pages)]


class Writers:
    """They create, close, move, rename, edit and hide places. `changed` are those they touched, `moved` those
    of them that may come again: what stands or is ranked elsewhere now."""

    def __init__(self, random: Random, places: list[Record]) -> None:
        self.random = random
        self.places = list(places)
        self.divisions = list(Division.select().order_by(Division.code))
        self.changed: set[int] = set()
        self.moved: set[int] = set()

    def write(self) -> None:
        for _ in range(3):
            self.random.choice((self.create, self.close, self.move, self.rename, self.edit, self.hide))()

    def create(self) -> None:
        types = [a_type(key).id for key, *_ in KINDS]
        made = a_record(self.random, self.random.randrange(9), types, self.divisions)
        stored([made])
        self.changed.add(made.id)

    def close(self) -> None:
        self._change(roles=True, closed_on=TODAY)

    def move(self) -> None:
        lng, lat = self.random.gauss(LNG, 0.05), self.random.gauss(LAT, 0.05)
        self.moved.add(self._change(lng=lng, lat=lat, position_datum="wgs84"))

    def rename(self) -> None:
        self.moved.add(self._change(name=self.random.choice(("阳光", "新的托育中心", "英德的阳光之家"))))

    def edit(self) -> None:
        self._change(roles=True, fee=self.random.choice(("free", "paid")), phone="0763-3360000")

    def hide(self) -> None:
        self.moved.add(self._change(visibility="contact_only"))

    def _change(self, *, roles: bool = False, **given: Any) -> int:
        begun = [
            place for place in self.places if all((role.opened_on or TODAY) <= TODAY for role in place.roles)
        ]
        place = self.random.choice(begun)
        types = [known_kinds().by_id[role.type_id].key for role in place.roles] if roles else []
        self.places[self.places.index(place)] = a_change(place, types=types, **given)
        self.changed.add(place.id)
        return place.id


@pytest.mark.parametrize(
    "query",
    QUERIES,
    ids=("near", "near of an age", "near of a type", "near by a place", "all", "free", "by name", "by place"),
)
def test_what_nobody_changes_is_shown_exactly_once_while_everything_else_changes(query):
    random = Random(50)
    places, _ = a_countryside(random, PLACES)

    for _ in range(scaled(20, 2)):
        writers = Writers(random, places)
        before = ids_on(paged(query))
        pages = paged(query, writers.write)
        places = writers.places

        shown = Counter(ids_on(pages))
        assert len(pages) > 2
        assert {shown[id_] for id_ in before if id_ not in writers.changed} == {1}
        assert not [id_ for id_ in shown if shown[id_] > 1 and id_ not in writers.moved]
        assert not shown.keys() - set(before) - writers.changed


def test_a_place_that_moves_behind_the_cursor_is_not_missed_by_the_others():
    places = [a_place(f"第 {number} 家", lat=LAT + number * 0.001) for number in range(12)]

    def nearer() -> None:
        places[-1] = a_change(places[-1], lng=LNG, lat=LAT, position_datum="wgs84")

    shown = ids_on(paged(replace(HERE, limit=2), nearer))

    assert shown == [place.id for place in places[:-1]]


def test_pages_keep_the_wider_radius_of_the_first_though_something_opens_nearer():
    far = [a_place(f"第 {number} 家", lat=LAT + 0.1 + number * 0.001) for number in range(6)]

    pages = paged(replace(HERE, limit=2), lambda: a_place("just opened"))

    assert ids_on(pages) == [place.id for place in far]
    assert {page.radius_m for page in pages} == {20_000}


@pytest.mark.parametrize("position", [{}, {"lng": LNG, "lat": LAT}])
def test_what_was_open_when_the_first_page_was_asked_is_open_on_every_page(position):
    morning = [a_place(f"上午 {number}", hours="每天 9:00-12:01") for number in range(5)]
    for number in range(5):
        a_place(f"下午 {number}", hours="每天 12:05-18:00")
    query = Query(NOON, open_now=True, limit=2, **position)

    pages = [search(query)]
    while pages[-1].next_cursor:
        later = replace(query, at=NOON + timedelta(minutes=30 * len(pages)))
        pages.append(search(later, pages[-1].next_cursor, counted=True))
        assert pages[-1].counts.total == len(morning)

    assert ids_on(pages) == [place.id for place in morning]
    assert {item["open_state"] for item in facts_of(pages)} == {"open"}


@pytest.mark.parametrize("position", [{}, {"lng": LNG, "lat": LAT}])
@pytest.mark.parametrize(
    "other",
    [{"q": "家长"}, {"open_now": True}, {"filters": Filters(fees=("free",))}, {"type_ids": (1,)},
     {"radius_m": 4999}, {"filters": Filters(box=(0, 0, 180, 90))}],
)  # fmt: skip
def test_a_cursor_is_refused_with_whatever_else_is_asked(position, other):
    for number in range(3):
        a_place(f"第 {number} 家")
    query = Query(NOON, limit=1, **position)
    following = search(query).next_cursor

    with pytest.raises(InvalidError, match="cursor"):
        search(replace(query, **other), following)

    assert len(search(replace(query, limit=50, accuracy_m=9), following).items) == 2


def test_whoever_pages_to_the_end_of_five_thousand_is_told_to_narrow():
    deep = cursor.Place(-1.0, 0, False, cursor.DEEPEST - 1, 0, 5000, 0)
    query = Query(NOON, limit=1)
    for number in range(3):
        a_place(f"第 {number} 家")

    last = search(query, cursor.write(deep, query.canonical))

    with pytest.raises(InvalidError, match="5000"):
        search(query, last.next_cursor)
