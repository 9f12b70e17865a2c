"""体检: what is wrong with the data of the registry, each finding with a hint what to type next.

CHECKS is the table: one function a check. What lacks or is old is no fault but work: that is todo.py's.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any

from servicemap import audit, cards, db, hours, keys, todo
from servicemap.coverage.indicators import list_indicators
from servicemap.divisions import chunks, paths
from servicemap.facility_types import Kinds
from servicemap.records import load, public_code

MOST = 100  # findings of a check that are listed
SAMPLE = 500  # cards that are made anew and compared


@dataclass(frozen=True, slots=True)
class Finding:
    """`subject`: the code, or what else it is about."""

    check: str
    subject: str
    problem: str
    hint: str


Check = Callable[[date], Iterable[Finding]]


def run(today: date) -> list[Finding]:
    """The findings of all checks, at most MOST of each."""
    return [finding for check in CHECKS for finding in islice(check(today), MOST)]


def hours_not_understood(today: date) -> Iterable[Finding]:
    """开放时间 that no machine can read: the state is always unknown."""
    for text, id_ in db.query(
        "SELECT h.text, MIN(f.id) FROM hours h JOIN facility f ON f.hours_id = h.id GROUP BY h.text ORDER BY 2"
    ):
        if problem := hours.understand(text).problem:
            code = public_code(id_)
            yield Finding(
                "hours", code, f"开放时间“{text}”看不懂：{problem}",
                f'servicemap-admin facility edit {code} "开放时间=…" --reason 改写法；先用 facility hours 试',
            )  # fmt: skip


def dates_upside_down(today: date) -> Iterable[Finding]:
    """Ends before beginnings. The database refuses most of them: one here came past it."""
    sql = (
        "SELECT facility_id, opened_on, closed_on FROM role WHERE closed_on < opened_on"
        " UNION ALL SELECT r.facility_id, l.from_on, l.to_on FROM role_serves l JOIN role r ON r.id = l.role_id"
        " WHERE l.to_on < l.from_on"
        " UNION ALL SELECT facility_id, from_on, to_on FROM suspension WHERE to_on <= from_on"
    )
    for id_, start, end in db.query(sql):
        code = public_code(id_)
        yield Finding(
            "dates", code, f"结束 {end} 早于开始 {start}",
            f"servicemap-admin facility edit {code} 关闭日期=… --reason 更正日期",
        )  # fmt: skip


def todo_faults(today: date) -> Iterable[Finding]:
    """What makes the figures and the map wrong: outside the own county, no community served, twice."""
    for check in todo.CHECKS:
        if check.key in ("outside", "higher", "duplicate"):
            for item in todo.found_by(check, todo.Where((), today), limit=MOST):
                yield Finding(check.key, item.code, f"{item.name}：{item.problem}", item.command)


def ended_divisions(today: date) -> Iterable[Finding]:
    """Places that still stand in a division that has ended."""
    there, params = todo.Where((), today).still_there
    for id_, padded, name in db.query(
        "SELECT f.id, d.padded_code, d.name FROM facility f JOIN division d ON d.id = f.division_id"
        f" WHERE {there} AND d.valid_to <= ? ORDER BY f.id LIMIT {MOST}",
        [*params, today.isoformat()],
    ):
        code = public_code(id_)
        yield Finding(
            "ended_division", code, f"所在的 {padded} {name} 已经停用",
            f"servicemap-admin facility move {code} --division 现在的代码 --reason 区划变更",
        )  # fmt: skip


REWRITE = "servicemap-admin db rollover --all"


def stale_cards(today: date) -> Iterable[Finding]:
    """Public faces and index rows that differ from what the records say now, among SAMPLE places spread over
    the registry."""
    ids = [row[0] for row in db.query("SELECT id FROM facility ORDER BY id")]
    step = max(1, len(ids) // SAMPLE)
    kinds = Kinds()
    for chunk in chunks(ids[::step], 500):
        records = load(chunk)
        of_roles = {
            link.division_id for each in records.values() for role in each.roles for link in role.serves
        }
        path_of = paths({each.division_id for each in records.values()} | of_roles)
        stored = _stored(chunk)
        for id_, record in sorted(records.items()):
            due = stored["card"].get(id_, [(None, None)])[0][1]
            if due is not None and db.day(due) <= today:
                continue  # the day's roll-over is still to come
            searched, listed = cards.rows_of(record, path_of, today)
            right = {
                "card": [cards.fragment(cards.public_facts(record, kinds, path_of, today))],
                "search_row": sorted(map(repr, searched)),
                "list_row": sorted(map(repr, listed)),
                "search_key": [repr(keys.row(id_, cards.key_of(record)))],
            }
            there = {
                "card": [body for body, _ in stored["card"].get(id_, [])],
                **{table: sorted(map(repr, stored[table].get(id_, []))) for table in cards.TABLES[1:]},
            }
            if wrong := [table for table in cards.TABLES if right[table] != there[table]]:
                yield Finding(
                    "cards", record.code, f"{record.name}：公开的内容和登记的不一致（{'、'.join(wrong)}）",
                    REWRITE,
                )  # fmt: skip


def _stored(ids: Any) -> dict[str, dict[int, list[Any]]]:
    """table → facility id → its rows as they are stored, booleans as such."""
    among = f"facility_id IN ({', '.join('?' * len(ids))})"
    found: dict[str, dict[int, list[Any]]] = {table: {} for table in cards.TABLES}
    for id_, body, due in db.query(f"SELECT facility_id, body, fresh_until FROM card WHERE {among}", ids):
        found["card"].setdefault(id_, []).append((body, due))
    for row in db.query(f"SELECT * FROM search_row WHERE {among}", ids):
        found["search_row"].setdefault(row[2], []).append(row)
    for row in db.query(f"SELECT * FROM list_row WHERE {among}", ids):
        found["list_row"].setdefault(row[1], []).append((*row[:4], bool(row[4]), *row[5:]))
    for row in db.query(f"SELECT facility_id, ch, py, ini FROM search_key WHERE {among}", ids):
        found["search_key"].setdefault(row[0], []).append(row)
    return found


def stray_rows(today: date) -> Iterable[Finding]:
    """Index rows of a place that is gone, or of one that must not be found by where it is."""
    for table in ("search_row", "list_row"):
        sql = (
            f"SELECT DISTINCT s.facility_id FROM {table} s LEFT JOIN facility f ON f.id = s.facility_id"
            " WHERE f.id IS NULL"
        )
        if table == "search_row":
            sql += " OR f.visibility = 'contact_only'"
        for (id_,) in db.query(f"{sql} ORDER BY 1 LIMIT {MOST}"):
            yield Finding(
                "stray_rows", public_code(id_), f"检索行（{table}）指着没有的、或不该有位置的服务点",
                REWRITE,
            )  # fmt: skip


def broken_chain(today: date) -> Iterable[Finding]:
    if (seq := audit.broken_link()) is not None:
        yield Finding(
            "audit", str(seq), f"变更链从第 {seq} 条起不符", "servicemap-admin audit verify --anchor 以前的锚"
        )


def divisions_without_shape(today: date) -> Iterable[Finding]:
    """Counties without a shape: no place in them is found by its county, nor held against it."""
    for padded, name in db.query(
        "SELECT d.padded_code, d.name FROM division d LEFT JOIN shape s ON s.division_id = d.id"
        " WHERE d.level = 'county' AND d.valid_to IS NULL AND s.division_id IS NULL ORDER BY 1"
    ):
        yield Finding("shapes", padded, f"{name} 没有边界", "servicemap-admin seed load")


def unknown_indicator_types(today: date) -> Iterable[Finding]:
    """Indicators that count a type which the registry does not have: their figure is 0 for ever."""
    known = {kind.key for kind in Kinds().all}
    for indicator in list_indicators():
        for definition in indicator.definitions:
            if missing := sorted(set(definition.numerator.get("types", ())) - known):
                yield Finding(
                    "indicators", indicator.id, f"口径 {definition.id} 用了没有的类型：{'、'.join(missing)}",
                    "servicemap-admin seed load",
                )  # fmt: skip


CHECKS: tuple[Check, ...] = (
    broken_chain,
    stray_rows,
    stale_cards,
    dates_upside_down,
    ended_divisions,
    todo_faults,
    hours_not_understood,
    divisions_without_shape,
    unknown_indicator_types,
)
