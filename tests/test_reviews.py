"""From village to city: who may look at what, in which order, and what the official figure counts."""

import random
from dataclasses import replace
from datetime import date
from functools import partial

import pytest

from servicemap import db, divisions, edits, records, reviews
from servicemap.access import SEED, Actor
from servicemap.config import Settings
from servicemap.coverage.measure import measure
from servicemap.edits import Asked
from servicemap.errors import ConflictError, ForbiddenError, InvalidError, RegistryError, StaleError
from servicemap.imports import batches
from servicemap.imports.apply import apply
from servicemap.imports.plan import make_plan
from tests.conftest import bound_to
from tests.coverage.test_measure import an_indicator
from tests.factories import NORTH_GATE, TODAY, a_place, a_tree, a_type, scaled

CITY, QINGCHENG, YINGDE, STREET = "441800000000", "441802000000", "441881000000", "441802001000"
TIANXIN, YUANTAN, SHAKOU = "441802102200", "441802102000", "441881101000"


@pytest.fixture(autouse=True)
def tree(registry):
    a_type("parent_school")
    return a_tree()


def post(name: str, role: str, division: str | None) -> Actor:
    return Actor(name, role, "http", divisions.get(division).id if division else None)


def asked(actor: Actor, place, reason: str | None = "核对") -> Asked:
    [(version,)] = db.query("SELECT version FROM facility WHERE id = ?", (place.id,))
    return Asked(actor, reason, version, None, None, TODAY)


def added(actor: Actor, settings: Settings, name: str = "北门学校", division: str = NORTH_GATE):
    """A place that this post entered."""
    cells = {"name": name, "division": division, "type": "家长学校"}
    code = edits.add(Asked(actor, None, None, None, None, TODAY), cells, settings)["code"]
    return records.load([records.parse_code(code)])[records.parse_code(code)]


def state_of(place) -> str:
    return records.load([place.id])[place.id].review


def figure(code: str = CITY) -> tuple[int | None, int | None, int | None]:
    """(reported, passed by the town, passed by the county) as the report says."""
    [top, *_] = measure(divisions.get(code), TODAY)
    return top.reported, top.town_passed, top.numerator


def test_an_entry_goes_from_the_village_over_the_town_to_the_county_and_counts_then(settings):
    an_indicator()
    village = post("北门", "editor", NORTH_GATE)
    town, county = post("凤城", "verifier", STREET), post("清城", "verifier", QINGCHENG)
    place = added(village, settings)
    figures = [figure()]

    for actor in (town, county):
        reviews.pass_one(asked(actor, place), place.code)
        figures.append(figure())

    assert figures == [(1, 0, 0), (1, 1, 0), (1, 1, 1)]
    [row] = db.query("SELECT reported_by, town_by, county_by, county_on FROM review")
    assert (*row[:3], db.day(row[3])) == ("北门", "凤城", "清城", TODAY)
    actions = [change["action"] for change in edits.history(SEED, place.code)]
    assert actions == ["pass_county", "pass_town", "create"]


def test_what_was_there_and_what_the_keeper_of_the_registry_writes_counts_at_once(settings):
    an_indicator()
    place = a_place()

    edits.edit(asked(SEED, place), place.code, {"name": "改名"}, settings)

    assert state_of(place) == "county"
    assert figure() == (1, 1, 1)


def test_a_material_change_begins_anew_and_a_phone_number_does_not(settings):
    place = a_place()
    village = post("北门", "editor", NORTH_GATE)

    edits.edit(asked(village, place), place.code, {"phone": "0763-3360000"}, settings)
    with_phone = state_of(place)
    edits.edit(asked(village, place), place.code, {"name": "新名"}, settings)

    assert (with_phone, state_of(place)) == ("county", "reported")


def test_an_import_by_a_village_begins_at_the_village_and_one_by_the_keeper_counts(settings):
    kept = a_place("市里的")
    for actor, name in ((post("北门", "editor", NORTH_GATE), "村里的"), (SEED, "又一处")):
        batch = batches.open_batch(actor, file_name="a.xlsx", headings={}, as_of=TODAY, today=TODAY)
        rows = [(2, {"name": name, "division": NORTH_GATE, "type": "家长学校"})]
        if actor is not SEED:
            rows.append((3, rows[0][1] | {"code": kept.code, "name": "改了名", "phone": "0763-1"}))
        batches.add_rows(actor, batch.id, rows)
        make_plan(actor, batch.id, settings, TODAY)
        apply(actor, batch.id, settings, TODAY)

    found = {record.name: record.review for record in records.load(range(1, 10)).values()}

    assert found == {"改了名": "reported", "村里的": "reported", "又一处": "county"}


def test_nobody_passes_their_own_entry_under_any_name(settings):
    county = post("清城", "admin", QINGCHENG)
    place = added(county, settings)
    reviews.pass_one(asked(post("凤城", "verifier", STREET), place), place.code)

    for actor in (county, replace(county, name="li@server as 清城", door="cli")):
        with pytest.raises(ForbiddenError) as refused:
            reviews.pass_one(asked(actor, place), place.code)
        assert refused.value.code == "own_entry"

    reviews.pass_one(asked(post("清城二", "verifier", QINGCHENG), place), place.code)
    assert state_of(place) == "county"


def test_the_county_waits_for_the_town_unless_it_has_said_not_to(settings):
    place = added(post("北门", "editor", NORTH_GATE), settings)
    county, manager = post("清城", "verifier", QINGCHENG), post("清城管理", "admin", QINGCHENG)

    with pytest.raises(ConflictError) as refused:
        reviews.pass_one(asked(county, place), place.code)
    changed = [reviews.skip_town(manager, divisions.get(QINGCHENG), TODAY, on=True) for _ in range(2)]
    reviews.pass_one(asked(county, place), place.code)

    assert refused.value.code == "town_first"
    assert changed == [True, False]
    assert state_of(place) == "county"
    assert db.query("SELECT actor, key FROM change WHERE action = 'skip_town'") == [("清城管理", QINGCHENG)]


@pytest.mark.parametrize(
    ("role", "scope", "code"),
    [
        ("editor", STREET, "forbidden"),
        ("verifier", NORTH_GATE, "no_reviewer"),
        ("verifier", YUANTAN, "out_of_scope"),
    ],
)
def test_who_may_not_look_is_refused(settings, role, scope, code):
    place = added(post("北门", "editor", NORTH_GATE), settings)

    with pytest.raises(ForbiddenError) as refused:
        reviews.pass_one(asked(post("某", role, scope), place), place.code)

    assert refused.value.code == code
    assert state_of(place) == "reported"


def test_who_manages_another_county_does_not_decide_here():
    with pytest.raises(ForbiddenError):
        reviews.skip_town(post("英德", "admin", YINGDE), divisions.get(QINGCHENG), TODAY, on=True)

    assert db.query("SELECT * FROM skip_town") == []


def test_what_was_returned_waits_for_the_village_until_it_changes_it(settings):
    an_indicator()
    village, town = post("北门", "editor", NORTH_GATE), post("凤城", "verifier", STREET)
    county = post("清城", "verifier", QINGCHENG)
    place = added(village, settings)
    reviews.pass_one(asked(town, place), place.code)
    with pytest.raises(InvalidError):
        reviews.return_one(asked(county, place, " "), place.code)

    reviews.return_one(asked(county, place, "没有挂牌照片"), place.code)
    waiting = [codes_of(actor) for actor in (village, town, county)]
    edits.edit(asked(village, place), place.code, {"phone": "0763-3360000"}, settings)

    assert waiting == [[place.code], [], []]
    assert [codes_of(actor) for actor in (village, town, county)] == [[], [place.code], []]
    assert edits.history(SEED, place.code)[1]["changed"]["reason"] == [None, "没有挂牌照片"]


def codes_of(actor: Actor, state: str = "waiting") -> list[str]:
    return [row["code"] for row in reviews.list_reviews(actor, [], state, after=0, limit=100)]


def test_a_town_does_not_return_what_the_county_has_passed():
    place = a_place()

    with pytest.raises(ForbiddenError):
        reviews.return_one(asked(post("凤城", "verifier", STREET), place), place.code)
    reviews.return_one(asked(post("清城", "verifier", QINGCHENG), place), place.code)

    assert state_of(place) == "reported"


def test_who_saw_an_older_version_does_not_pass_the_newer_one(settings):
    village, town = post("北门", "editor", NORTH_GATE), post("凤城", "verifier", STREET)
    place = added(village, settings)
    before = asked(town, place)
    edits.edit(asked(village, place), place.code, {"name": "别的"}, settings)

    with pytest.raises(StaleError):
        reviews.pass_one(before, place.code)

    assert state_of(place) == "reported"


def pass_as(url: str, number: int, code: str, scope: int) -> str:
    """Another process' verifier, who saw the first version."""
    with bound_to(url):
        try:
            reviews.pass_one(
                Asked(Actor(f"凤城{number}", "verifier", "http", scope), None, 1, None, None, TODAY), code
            )
        except StaleError:
            return "stale"
    return "passed"


def test_of_several_who_pass_at_once_one_does(settings, registry, in_processes):
    place = added(post("北门", "editor", NORTH_GATE), settings)
    verify = partial(pass_as, code=place.code, scope=divisions.get(STREET).id)

    done = in_processes(verify, registry, 4)

    assert sorted(done) == ["passed", "stale", "stale", "stale"]
    assert db.query("SELECT COUNT(*) FROM change WHERE action = 'pass_town'") == [(1,)]


def test_many_pass_at_once_or_none(settings):
    town = post("凤城", "verifier", STREET)
    good = [added(post("北门", "editor", NORTH_GATE), settings, f"学校{n}") for n in range(3)]
    own = added(town, settings, "自己的")
    wanted = [(place.code, place.version) for place in good]

    plan = reviews.pass_many(town, [*((code, None) for code, _ in wanted), (own.code, None)], TODAY)
    with pytest.raises(InvalidError) as refused:
        reviews.pass_many(town, [*wanted, (own.code, own.version)], TODAY, apply=True)
    untouched = [state_of(place) for place in good]
    reviews.pass_many(town, wanted, TODAY, apply=True)

    assert [(step.after, step.problem and step.problem.code) for step in plan] == [
        *[("town", None)] * 3,
        (None, "own_entry"),
    ]
    assert [(problem.code, problem.field) for problem in refused.value.problems] == [("own_entry", own.code)]
    assert untouched == ["reported"] * 3
    assert [state_of(place) for place in good] == ["town"] * 3


# Random sequences against an oracle that knows the small tree by heart

PLACES = {"北门": (NORTH_GATE, STREET, QINGCHENG), "田心": (TIANXIN, YUANTAN, QINGCHENG)}
PLACES["沙口"] = ("441881101201", SHAKOU, YINGDE)
POSTS = [
    *[(f"{name}村", "editor", at[0]) for name, at in PLACES.items()],
    *[(f"{name}镇", "verifier", at[1]) for name, at in PLACES.items()],
    *[(f"{n}清城", "verifier", QINGCHENG) for n in range(2)],
    ("英德", "admin", YINGDE),
    ("市审核", "verifier", None),
    ("市", "admin", None),
    ("市县核", "verifier", CITY),
]


class Oracle:
    """The rules once more, in the plainest words."""

    def __init__(self) -> None:
        self.state = dict.fromkeys(PLACES, "county")
        self.by: dict[str, str | None] = dict.fromkeys(PLACES)
        self.skips: set[str] = set()

    def does(self, who, op: str, name: str) -> bool:
        """Whether it goes through; what is then is kept."""
        label, role, scope = who
        at = PLACES[name]
        if scope not in (None, CITY, *at):
            return False
        if op == "phone":
            return True
        if op == "rename":
            keeps = (role, scope) == ("admin", None)
            self.state[name], self.by[name] = ("county", None) if keeps else ("reported", label)
            return True
        step = "town" if scope == at[1] else "county"
        if role == "editor":
            return False
        if op == "return":
            if step == "town" and self.state[name] == "county":
                return False
            self.state[name] = "reported"
            return True
        if self.state[name] in ("county", step) or self.by[name] == label:
            return False
        if step == "county" and self.state[name] == "reported" and at[2] not in self.skips:
            return False
        self.state[name] = step
        return True

    def figures(self) -> tuple[int, int, int]:
        states = list(self.state.values())
        return len(states), len(states) - states.count("reported"), states.count("county")


def disagreements(settings: Settings, seed: int, steps: int) -> list[str]:
    """Where the registry and the oracle part ways in a random sequence."""
    an_indicator(denominator={"level": "community"})
    chance, oracle, found = random.Random(seed), Oracle(), []
    places = {name: a_place(name, division=at[0]) for name, at in PLACES.items()}
    posts = {who: post(*who) for who in POSTS}
    for number in range(steps):
        name, who = chance.choice(list(PLACES)), chance.choice(POSTS)
        op = chance.choices(("rename", "phone", "pass", "return", "skip"), (3, 1, 8, 1, 1))[0]
        place, actor = places[name], posts[who]
        if op == "skip":
            county = PLACES[name][2]
            oracle.skips ^= {county}
            reviews.skip_town(SEED, divisions.get(county), TODAY, on=county in oracle.skips)
            continue
        try:
            if op == "rename":
                edits.edit(asked(actor, place), place.code, {"name": f"{name}{number}"}, settings)
            elif op == "phone":
                edits.edit(asked(actor, place), place.code, {"phone": f"0763-{number:07}"}, settings)
            else:
                step = reviews.pass_one if op == "pass" else reviews.return_one
                step(asked(actor, place), place.code)
            done = True
        except RegistryError:
            done = False
        if done != oracle.does(who, op, name):
            found.append(f"{number}: {who} {op} {name} {'went through' if done else 'was refused'}")
            break
        now = {each: state_of(place) for each, place in places.items()}
        if now != oracle.state or figure() != oracle.figures():
            found.append(f"{number}: {now} {figure()}, not {oracle.state} {oracle.figures()}")
            break
    return found


def test_random_edits_passes_and_returns_keep_the_order_and_the_figure(settings):
    assert disagreements(settings, 1, scaled(6000, 400)) == []


def test_rules_that_let_people_pass_their_own_entries_are_found_out(settings, monkeypatch):
    monkeypatch.setattr(reviews, "_is_own", lambda actor, reported_by: False)

    assert "pass" in disagreements(settings, 1, 400)[0]


def test_figures_of_an_earlier_day_count_what_has_passed_by_now(settings):
    an_indicator()
    village, town = post("北门", "editor", NORTH_GATE), post("凤城", "verifier", STREET)
    place = added(village, settings)
    edits.edit(asked(village, place), place.code, {"opened_on": "2025-05-01"}, settings)
    reviews.pass_one(asked(town, place), place.code)
    reviews.pass_one(asked(post("清城", "verifier", QINGCHENG), place), place.code)

    counts = [measure(divisions.get(CITY), on)[0].numerator for on in (date(2025, 4, 30), date(2025, 5, 1))]

    assert counts == [0, 1]
