"""National hotlines as places without a position, which stand at the top of the tree of divisions. They are for
more than a city: no figure counts them as its own line."""

from datetime import date
from pathlib import Path
from typing import Any

import yaml

from servicemap import db, divisions, facilities, storing
from servicemap.access import SEED
from servicemap.audit import diff, write_txn
from servicemap.facilities import Stated
from servicemap.facility_types import Kinds
from servicemap.models import LEVELS, Division
from servicemap.records import Record, load

SOURCE = "hotline"
FILE = Path(__file__).with_name("hotlines.yaml")


def load_hotlines(today: date) -> list[bool]:
    """Load hotlines.yaml, known by source and number, in one transaction; whether each one changed the
    registry. Empty when there is no division yet on which they could stand."""
    kinds = Kinds()
    top = next(iter(divisions.children(None, today)), None)
    if top is None:
        return []
    created, updated, changed = [], [], []
    with write_txn(SEED) as log:
        known = _known()
        for row in yaml.safe_load(FILE.read_text(encoding="utf-8")):
            before = known.get(row["phone"])
            blank = Record(0, row["name"], top.id, source=SOURCE, external_id=row["phone"])
            after = facilities.merged(before or blank, _stated(row, top, kinds), today)
            differs = diff(facilities.flat(before, kinds) if before else {}, facilities.flat(after, kinds))
            if before is None:
                created.append(after)
            elif differs:
                updated.append((before, after))
            changed.append(bool(differs))
        if created or updated:
            storing.write(log, created, updated, today)
    return changed


def _known() -> dict[str | None, Record]:
    ids = [row[0] for row in db.query("SELECT id FROM facility WHERE source = ?", (SOURCE,))]
    return {record.external_id: record for record in load(ids).values()}


def _stated(row: dict[str, Any], top: Division, kinds: Kinds) -> Stated:
    by = row["source"]
    facility = {
        "name": row["name"],
        "division_id": top.id,
        "phone": row["phone"],
        "delivery": "phone",
        "note": f"{row['for']}。{by['office']}设立（{by['document']}，{by['year']} 年）",
    }
    hours = {"hours": row["hours"]} if row["hours"] else {}
    return Stated({**facility, **hours}, [(kinds.get("hotline").id, {"level": LEVELS[0]})], row["checked_on"])
