"""Clusters hold exactly the places that the list gives, each once, wherever the viewport cuts."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from random import Random

import pytest

from servicemap import db, storing
from servicemap.access import SEED
from servicemap.audit import write_txn
from servicemap.divisions import children
from servicemap.errors import InvalidError
from servicemap.finder.clusters import MOST_CELLS, Cluster, clusters, level_of
from servicemap.finder.filters import Box, Filters, Within, condition
from servicemap.finder.listing import by_code
from servicemap.records import Record, Role
from tests.factories import LAT, LNG, NORTH_GATE, TODAY, a_division, a_place, a_type, scaled

pytestmark = pytest.mark.usefixtures("registry")

TIANXIN = "441881101201"  # in another county than NORTH_GATE
EVERYWHERE: Box = (-180.0, -90.0, 180.0, 90.0)
AROUND: Box = (LNG - 0.5, LAT - 0.5, LNG + 0.5, LAT + 0.5)


def stored(records: Sequence[Record]) -> None:
    with write_txn(SEED) as log:
        storing.write(log, list(records), [], TODAY)


def a_city(random: Random, count: int = 400) -> list[Record]:
    """Places of up to three types in two counties: single ones, stacked ones, roughly known and unplaced
    ones, free ones and others, open, planned and closed, some of them hidden."""
    type_ids = [a_type(key).id for key in ("parent_school", "nursery", "childrens_home")]
    divisions = [a_division(NORTH_GATE).id, a_division(TIANXIN).id]
    points = [(LNG + random.gauss(0, 0.1), LAT + random.gauss(0, 0.1)) for _ in range(count // 2)]
    made = []
    for number in range(count):
        lng, lat = random.choice(points)
        precision = random.choice(("door", "door", "street", "community", "none"))
        role = Role(
            0,
            0,
            opened_on=random.choice((None, None, date(2030, 1, 1))),
            closed_on=None,
        )
        if role.opened_on is None and random.random() < 0.1:
            role = replace(role, closed_on=date(2025, 1, 1))
        placed = {} if precision == "none" else {"lng": lng, "lat": lat, "position_datum": "wgs84"}
        made.append(
            Record(
                0,
                f"地方 {number}",
                random.choice(divisions),
                position_precision=precision,
                visibility="contact_only" if random.random() < 0.05 else "public",
                accessible=random.choice((True, False, None)),
                roles=[
                    replace(
                        role,
                        type_id=id_,
                        fee=random.choice(("free", "paid", None)),
                        age_from_months=random.choice((None, 0, 36)),
                    )
                    for id_ in random.sample(type_ids, random.choice((1, 1, 2, 3)))
                ],
                **placed,
            )
        )
    stored(made)
    return made


def clustered(
    box: Box = AROUND, level: int | None = None, types: Sequence[int] = (), filters: Filters | None = None
) -> list[Cluster]:
    asked = condition(filters or Filters(), "r", "r", b"", b"")
    return clusters(box, level_of(box, None) if level is None else level, types, asked)


def listed(box: Box, types: Sequence[int] = (), filters: Filters | None = None) -> list[int]:
    """The ids that the list by code gives in the box: of public places with a position."""
    asked = condition(replace(filters or Filters(), box=box), "l", "f", b"", b"")
    asked.add("l.placed")
    return by_code(types, asked, after=0, limit=100_000)


def a_box(random: Random) -> Box:
    west, south = LNG + random.uniform(-0.4, 0.2), LAT + random.uniform(-0.4, 0.2)
    return west, south, west + random.choice((0.001, 0.1, 0.4)), south + random.choice((0.001, 0.1, 0.4))


def test_random_viewports_and_filters_count_what_the_list_gives():
    random = Random(6)
    a_city(random)
    types = [a_type(key).id for key in ("parent_school", "nursery", "childrens_home")]
    county = next(child for child in children(a_division("441800000000"), TODAY))
    seen = 0

    for _ in range(scaled(1000, 100)):
        box = a_box(random)
        wanted = random.sample(types, random.randint(0, 3))
        filters = Filters(
            within=random.choice(((), (Within(county.lft, county.rgt),))),
            fees=random.choice(((), (), ("free",))),
            age_months=random.choice((None, None, 12)),
            accessible=random.choice((None, None, "yes", "maybe")),
        )
        level = level_of(box, None) + random.randint(-3, 1)
        found = clustered(box, level, wanted, filters)
        expected = listed(box, wanted, filters)
        seen += len(expected)

        assert sum(cluster.count for cluster in found) == len(expected), (box, wanted, filters, level)
        assert {id_ for cluster in found for id_ in cluster.ids} <= set(expected)
    assert seen > 200


def test_a_clusters_box_holds_its_places_and_no_others():
    a_city(Random(7))

    for cluster in clustered():
        west, south, east, north = cluster.box
        assert len(listed(cluster.box)) == cluster.count
        assert west <= cluster.lng <= east
        assert south <= cluster.lat <= north


def test_a_cluster_stands_in_the_middle_of_its_places():
    a_place("one", lng=LNG, lat=LAT)
    a_place("two", lng=LNG + 0.0002, lat=LAT + 0.0001)

    (cluster,) = clustered(level=8)

    assert (cluster.count, cluster.ids) == (2, [])
    assert (cluster.lng, cluster.lat) == pytest.approx((LNG + 0.0001, LAT + 0.00005), abs=1e-9)


def test_a_single_place_is_named():
    place = a_place()

    (cluster,) = clustered()

    assert (cluster.count, cluster.ids) == (1, [place.id])
    assert (cluster.lng, cluster.lat) == pytest.approx((LNG, LAT), abs=1e-9)


def test_places_on_one_point_are_one_group_of_which_five_are_named():
    places = [a_place(f"{number} 楼") for number in range(7)]

    (cluster,) = clustered()

    assert (cluster.count, cluster.ids) == (7, [place.id for place in places[:5]])


def test_a_place_of_several_types_counts_once():
    place = a_place(types=("parent_school", "nursery"))

    (cluster,) = clustered(types=[a_type("parent_school").id, a_type("nursery").id])

    assert (cluster.count, cluster.ids) == (1, [place.id])


def test_roughly_placed_ones_count_and_are_said():
    a_place("exact")
    a_place("rough", precision="community")

    (cluster,) = clustered()

    assert (cluster.count, cluster.approximate) == (2, 1)


def test_hidden_and_unplaced_places_are_in_no_cluster():
    a_place("hidden", visibility="contact_only")
    a_place("unplaced", lng=None)

    assert clustered(EVERYWHERE, 0) == []


@pytest.mark.parametrize("level", [0, 1, 4])
def test_the_edges_of_the_world_belong_to_it(level):
    for lng, lat in ((-180, -90), (180, 90), (180, -90), (-180, 90), (0, 0)):
        a_place(f"{lng} {lat}", lng=float(lng), lat=float(lat))

    found = clustered(EVERYWHERE, level)

    assert sum(cluster.count for cluster in found) == 5


def test_a_place_on_the_viewports_edge_is_in_it_as_in_the_list():
    a_place("corner", lng=112.5, lat=22.5)  # a corner of cells at every level from 4 on
    box = (112.5, 22.5, 113.0, 23.0)

    assert [cluster.count for cluster in clustered(box, 8)] == [1]
    assert len(listed(box)) == 1
    assert [cluster.count for cluster in clustered((112.0, 22.0, 112.5, 22.5), 8)] == [1]


def test_without_a_zoom_the_longer_side_takes_8_to_16_cells():
    random = Random(8)

    for _ in range(200):
        width, height = random.uniform(1e-4, 100), random.uniform(1e-4, 80)
        level = level_of((0.0, 0.0, width, height), None)

        assert 8 <= max(width, height) / (360 / 2**level) <= 16


def test_a_point_is_a_viewport_too():
    a_place()

    assert [cluster.count for cluster in clustered((LNG, LAT, LNG, LAT))] == [1]


def test_too_many_cells_are_refused_with_the_cure():
    with pytest.raises(InvalidError) as raised:
        clustered(level=level_of(AROUND, 15))

    (problem,) = raised.value.problems
    assert (problem.code, problem.field) == ("too_many_cells", "zoom")
    assert f"最多 {MOST_CELLS} 格；请缩小 bbox" in problem.detail


def test_the_largest_grid_that_is_allowed_fits_one_statement():
    a_place()

    found = clustered((LNG - 0.47, LAT - 0.47, LNG + 0.47, LAT + 0.47), 14)

    assert [cluster.count for cluster in found] == [1]


def test_the_database_is_asked_three_times_at_most(monkeypatch):
    a_city(Random(9), 60)
    asked = []
    execute = db.database.obj.execute_sql
    monkeypatch.setattr(
        db.database.obj, "execute_sql", lambda *args, **kwargs: asked.append(args) or execute(*args, **kwargs)
    )

    clustered()

    assert len(asked) == 3
