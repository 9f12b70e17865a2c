"""One run over the facilities without a position: ask, judge, write."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from typing import Any

from admin_cli.client import Client, RefusedError
from admin_cli.geocode_cache import Cache
from admin_cli.geocoders import Answer, KeyRefusedError, Provider, ask
from admin_cli.output import Progress
from servicemap.errors import InvalidError, RegistryError, UnavailableError
from servicemap.imports.columns import FIELDS

BATCH = 200  # positions written at once: as many changes as a plan shows
TRIES = 5  # to write a batch while others write
POSITION = {"lat", "lng", "position_datum", "position_precision", "position_source"}
OUTCOMES = {"found": "找到", "rejected": "退回", "not_found": "没找到"}

Row = dict[str, str]  # of GET /facility-records: a place has one for each of its roles


@dataclass
class Run:
    """`counts` by outcome; `rows` say what was not found or not believed, and in a dry run what was found."""

    client: Client
    by: str
    provider: Provider
    cache: Cache
    today: date
    pause: float  # seconds between questions
    limit: int | None
    retry_misses: bool
    dry_run: bool
    counts: Counter[str] = field(default_factory=Counter)
    rows: list[dict[str, str]] = field(default_factory=list)
    _pending: list[tuple[Row, Answer]] = field(default_factory=list)
    _asked: set[str] = field(default_factory=set)
    _next_at: float = 0.0
    _paths: dict[str, dict[str, Row]] = field(default_factory=dict)

    def over(self, **which: Any) -> RegistryError | None:
        """Fill in what can be. Why it ended early, if it did; what was found by then is written."""
        records = self.client.pages("facility-records", "after", limit=1000, **which)
        places = [place for place in _places(records) if not place[0].get("lat")]
        progress, stopped = Progress("已看服务点"), None
        for number, place in enumerate(places):
            progress.at(number)
            try:
                self._one(place)
            except (KeyRefusedError, UnavailableError) as error:
                stopped = error
                self.counts["left"] += len(places) - number
                break
            if len(self._pending) == BATCH:
                self._write()
        progress.done()
        self._write()
        return stopped

    def _one(self, place: list[Row]) -> None:
        """Find the place's position, judge it, and note it for writing."""
        if skipped := self._skipped(place):
            self.counts[skipped] += 1
            return
        query = self._query(place[0])
        answers = self.cache.find(self.by, query)
        if not answers or (answers == [None] and self.retry_misses and query not in self._asked):
            if len(self._asked) == self.limit:
                self.counts["left"] += 1
                return
            # an hour may have passed since it was listed: nobody asks about what has been hidden since
            place = self.client.get(f"facility-records/{place[0]['code']}")["items"]
            if skipped := self._skipped(place):
                self.counts[skipped] += 1
                return
            query = self._query(place[0])
            try:
                answers = [self._ask(query, self._path(place[0]))]
            except InvalidError as error:
                if isinstance(error, KeyRefusedError):
                    raise
                self._note(place[0], "rejected", f"{error.detail} [{error.code}]")
                return
        if answers[0] is None:
            self._note(place[0], "not_found", f"{self.provider.title}没有找到")
        elif reason := self._rejected(answers[0], self._path(place[0])["county"]):
            self._note(place[0], "rejected", reason)
        else:
            self._pending.append((place[0], answers[0]))

    def _skipped(self, place: list[Row]) -> str | None:
        """Why nobody is asked about this place; None: it is asked about."""
        row = place[0]
        if row.get("lat"):
            return "changed_meanwhile"
        if row["visibility"] != "公开":
            return "contact_only"
        if row["delivery"] != "到场":
            return "remote"
        if all(role.get("closed_on", "9999") <= self.today.isoformat() for role in place):
            return "closed"
        if not row.get("address"):
            return "no_address"
        return None if "county" in self._path(row) else "no_county"

    def _path(self, row: Row) -> dict[str, Row]:
        """The place's divisions by level."""
        code = row["division"]
        if code not in self._paths:
            steps = self.client.get(f"divisions/{code}")["path"]
            self._paths[code] = {step["level"]: step for step in steps}
        return self._paths[code]

    def _query(self, row: Row) -> str:
        """The address, with city and county where it does not name them."""
        path, address = self._path(row), row["address"]
        city, county = path["city"]["name"] if "city" in path else "", path["county"]["name"]
        if county in address:
            return address if city in address else city + address
        if city and city in address:
            return address.replace(city, city + county, 1)
        return city + county + address

    def _ask(self, query: str, path: dict[str, Row]) -> Answer | None:
        """Ask the provider when it is time, and keep the answer."""
        time.sleep(max(0.0, self._next_at - time.monotonic()))
        self._next_at = time.monotonic() + self.pause
        self._asked.add(query)
        city = path.get("city", {"name": "", "code": ""})
        answer = ask(self.provider, query, city["name"], city["code"][:6])
        self.cache.keep(self.by, query, answer, self.today)
        return answer

    def _rejected(self, answer: Answer, county: Row) -> str | None:
        """Why this answer is not believed; None: it is."""
        who = self.provider.title
        if answer.precision == "coarse":
            return f"{who}只准到县（市、区）或更粗 [too_coarse]"
        if answer.precision == "unknown":
            return f"{who}没有说明准到哪一级 [unknown_precision]"
        if answer.adcode and answer.adcode != county["code"][:6]:
            return f"{who}说在 {answer.adcode}，不在{county['name']} [other_county]"
        point = {"lat": answer.lat, "lng": answer.lng, "datum": self.provider.datum}
        there = self.client.post("divisions/locate", point)["county"]
        if there and there["code"] != county["code"]:
            return f"{who}给的位置在{there['name']}，不在{county['name']} [other_county]"
        if not there and not answer.adcode:
            return f"{who}给的位置不在已知的县（市、区）边界内 [unknown_county]"
        return None

    def _note(self, row: Row, outcome: str, detail: str) -> None:
        self.counts[outcome] += 1
        named = {name: row.get(name, "") for name in ("code", "name", "address")}
        self.rows.append(named | {"outcome": OUTCOMES[outcome], "detail": detail})

    def _write(self) -> None:
        """Write what is pending through the import door: its plan checks each row and says what would change.
        Where that is more than an empty position, somebody has changed the place: it is left alone."""
        batch, self._pending = self._pending, []
        for _ in range(TRIES):
            if not batch:
                return
            path, plan = self._planned(batch)
            problems = {problem["row"]: problem for problem in plan["problems"]}
            for number, problem in problems.items():
                self._note(batch[number - 1][0], "rejected", f"{problem['detail']} [{problem['code']}]")
            changes = {change["code"]: change["changed"] for change in plan["changes"]}
            good = [found for found in batch if _is_placed(changes.get(found[0]["code"], {}))]
            self.counts["changed_meanwhile"] += len(batch) - len(problems) - len(good)
            if len(good) == len(changes) and (self.dry_run or self._applied(path)):
                self._count(good)
                return
            batch = good
        raise UnavailableError("一直有人在改登记册，没有写完；请稍后再运行，问过的不会再问", "busy")

    def _count(self, written: list[tuple[Row, Answer]]) -> None:
        if not self.dry_run:
            self.counts["found"] += len(written)
            self.counts["written"] += len(written)
            return
        for row, answer in written:
            where = f"{answer.lat:.6f}, {answer.lng:.6f}（{self.provider.datum}）"
            self._note(row, "found", f"{where} {answer.precision}")

    def _planned(self, batch: list[tuple[Row, Answer]]) -> tuple[str, dict[str, Any]]:
        """The path of an import of these positions, and its plan."""
        rows = [
            {name: row[name] for name in ("code", "name", "division", "type")}
            | {"lat": f"{answer.lat:.9f}", "lng": f"{answer.lng:.9f}", "datum": self.provider.datum}
            | {"position_precision": answer.precision, "position_source": f"geocoded:{self.by} {self.today}"}
            for row, answer in batch
        ]
        headings = {each.name: each.heading for each in FIELDS if each.name in rows[0]}
        opened = self.client.post("imports", {"file_name": f"geocode --by {self.by}", "headings": headings})
        path = f"imports/{opened['id']}"
        lines = [json.dumps({"row": number, "cells": row}).encode() for number, row in enumerate(rows, 1)]
        self.client.post_lines(f"{path}/rows", b"\n".join(lines))
        return path, self.client.post(f"{path}/plan")

    def _applied(self, path: str) -> bool:
        """Apply the plan; False when somebody has written since it was made."""
        try:
            self.client.post(f"{path}/apply", {"skip_bad_rows": True})
        except RefusedError as error:
            if error.code != "plan_stale":
                raise
            return False
        return True


def _places(records: Iterator[Row]) -> Iterator[list[Row]]:
    """The rows of each place together."""
    for _, rows in groupby(records, key=lambda row: row["code"]):
        yield list(rows)


def _is_placed(changed: dict[str, list[Any]]) -> bool:
    """Whether the place had no position and gets one, and nothing else happens to it."""
    return "lat" in changed and changed["lat"][0] is None and changed.keys() <= POSITION
