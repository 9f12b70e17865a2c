"""The rule of coverage once more, as loops over the plain tables that a person can follow; shares no code with what it
checks. Every part of the rule has a name in RULES; an oracle without one of them is a known-bad control."""

from datetime import date
from typing import Any

from servicemap import db

ORDER = ("province", "city", "county", "town", "community")
REACHED = {"reported": ("reported",), "town": ("reported", "town"), "county": ("reported", "town", "county")}
RULES = (
    *("closed", "opened", "suspended", "stood", "links", "linked_from", "linked_to", "retired", "own_level"),
    *(
        "latest_places",
        "title_expires",
        "unknown_fee",
        "latest_population",
        "same_place",
        "above_covers_nothing",
        "reviewed",
        "looked",
        "looked_lately",
        "voided",
        "contact_only",
        "virtual",
        "zero_ended",
    ),
)
TABLES = (
    *("division", "facility", "facility_type", "role", "role_serves", "suspension", "review", "verification"),
    *("former_division", "zero_report", "role_places", "population", "title"),
)


class Day:
    """The registry as it was on a day; `public`: as everybody may know it; `without`: a rule that is forgotten."""

    def __init__(self, on: date, *, public: bool = False, without: str = "") -> None:
        self.on, self.public = on.isoformat(), public
        self.rules = set(RULES) - {without}
        self.year_before = f"{on.year - 1}{on.isoformat()[4:]}"
        for name in TABLES:
            setattr(self, name, _rows(name))
        self.divisions = {
            each["id"]: each
            for each in self.division
            if not self.has("retired") or self.within(each["valid_from"], each["valid_to"])
        }
        self.types = {each["id"]: each for each in self.facility_type}
        self.places_of = {each["id"]: each for each in self.facility}

    def has(self, rule: str) -> bool:
        return rule in self.rules

    def within(self, begins: str | None, ends: str | None) -> bool:
        """From the first day to the one before the last."""
        return (begins is None or begins <= self.on) and (ends is None or self.on < ends)

    # Where a place stood, and which divisions hold that

    def line(self, id_: int | None) -> list[dict[str, Any]]:
        """The division and those above it, as far as they were there."""
        found = []
        while id_ in self.divisions:
            found.append(self.divisions[id_])
            id_ = found[-1]["parent_id"]
        return found

    def at_level(self, id_: int | None, level: str) -> int | None:
        for each in self.line(id_):
            if each["level"] == level:
                return int(each["id"])
        return None

    def stood(self, place: dict[str, Any]) -> int:
        moves = [m for m in self.former_division if m["facility_id"] == place["id"] and m["to_on"] > self.on]
        if moves and self.has("stood"):
            return int(min(moves, key=lambda move: move["to_on"])["division_id"])
        return int(place["division_id"])

    def hides(self, place: dict[str, Any]) -> bool:
        return self.public and self.has("contact_only") and place["visibility"] == "contact_only"

    def at(self, place: dict[str, Any]) -> int | None:
        """Where it may be known to stand."""
        stood = self.stood(place)
        if not self.hides(place):
            return stood
        above = [each for each in self.line(stood) if each["level"] not in ("town", "community")]
        return int(above[0]["id"]) if above else None

    # Which roles are there

    def is_open(self, role: dict[str, Any]) -> bool:
        opened = role["opened_on"] if self.has("opened") else None
        closed = role["closed_on"] if self.has("closed") else None
        return self.within(opened, closed)

    def is_suspended(self, place: dict[str, Any]) -> bool:
        return self.has("suspended") and any(
            each["facility_id"] == place["id"] and self.within(each["from_on"], each["to_on"])
            for each in self.suspension
        )

    def active(self, types: list[str]) -> list[dict[str, Any]]:
        return [
            role
            for role in self.role
            if self.types[role["type_id"]]["key"] in types
            and self.is_open(role)
            and not self.is_suspended(self.places_of[role["facility_id"]])
        ]

    def level(self, role: dict[str, Any]) -> str:
        return str(role["level"] or self.types[role["type_id"]]["level"])

    def state(self, place: dict[str, Any]) -> str:
        states = [each["state"] for each in self.review if each["facility_id"] == place["id"]]
        return states[0] if states and self.has("reviewed") else "county"

    def is_looked_at(self, place: dict[str, Any]) -> bool:
        return not self.has("looked") or any(
            each["facility_id"] == place["id"]
            and each["verified_on"] <= self.on
            and (not self.has("looked_lately") or each["verified_on"] > self.year_before)
            and (not self.has("voided") or self.within(None, each["voided_on"]))
            for each in self.verification
        )

    # Whom a role covers

    def serves(self, role: dict[str, Any]) -> list[int]:
        place, level = self.places_of[role["facility_id"]], self.level(role)
        if self.hides(place):
            county = self.at(place)
            if county is None:
                return []
            return [self.at_level(county, level) or county]
        links = [
            each["division_id"]
            for each in self.role_serves
            if each["role_id"] == role["id"]
            and (not self.has("linked_from") or self.within(each["from_on"], None))
            and (not self.has("linked_to") or self.within(None, each["to_on"]))
        ]
        if links and self.has("links"):
            return links
        at = self.at_level(self.stood(place), level)
        return [at] if at is not None else []

    def covers(self, role: dict[str, Any], division: dict[str, Any], rule: dict[str, Any]) -> bool:
        if rule.get("own_level") and self.has("own_level") and self.level(role) != division["level"]:
            return False
        for served in self.serves(role):
            if division["id"] in [each["id"] for each in self.line(served)]:
                return True
            if not self.has("above_covers_nothing") and served in [
                each["id"] for each in self.line(division["id"])
            ]:
                return True
        return False

    # The figures

    def counted(self, rule: dict[str, Any]) -> list[dict[str, Any]]:
        return [
            each
            for each in self.divisions.values()
            if each["level"] == rule["level"]
            and (not each["virtual"] or not self.has("virtual"))
            and each["community_kind"] in rule.get("community_kind", [each["community_kind"]])
        ]

    def share(self, numerator: dict[str, Any], denominator: dict[str, Any]) -> dict[int, dict[str, int]]:
        """Division id → how many divisions it holds, and how many of them have what."""
        found: dict[int, dict[str, int]] = {}
        roles = self.active(numerator["types"])
        for division in self.counted(denominator):
            has = set()
            for role in roles:
                if self.covers(role, division, numerator):
                    place = self.places_of[role["facility_id"]]
                    has.update(REACHED[self.state(place)])
                    if self.state(place) == "county" and self.is_looked_at(place):
                        has.add("verified")
            if "reported" not in has:
                has.add("none" if self.said_none(division, numerator["types"]) else "silent")
            for holder in self.line(division["id"]):
                counts = found.setdefault(holder["id"], {})
                for word in ("all", *has):
                    counts[word] = counts.get(word, 0) + 1
        return found

    def said_none(self, division: dict[str, Any], types: list[str]) -> bool:
        return all(self.said_none_of(division, key) for key in types)

    def said_none_of(self, division: dict[str, Any], key: str) -> bool:
        """A dated none, and no place of the type that was there on that day or since."""
        for said in self.zero_report:
            if said["division_id"] != division["id"] or self.types[said["type_id"]]["key"] != key:
                continue
            if said["reported_on"] > self.on:
                continue
            ended = any(
                role["type_id"] == said["type_id"]
                and self.is_there(self.places_of[role["facility_id"]], division)
                and (role["opened_on"] is None or role["opened_on"] <= self.on)
                and (role["closed_on"] is None or role["closed_on"] > said["reported_on"])
                for role in self.role
            )
            if not (ended and self.has("zero_ended")):
                return True
        return False

    def is_there(self, place: dict[str, Any], division: dict[str, Any]) -> bool:
        if self.public and place["visibility"] != "public":
            return False
        return division["id"] in [each["id"] for each in self.line(self.stood(place))]

    def count(self, numerator: dict[str, Any]) -> dict[int, dict[str, int]]:
        """Division id → how many places stand in it, by how far they have come."""
        found: dict[int, dict[str, int]] = {}
        for id_ in {role["facility_id"] for role in self.active(numerator["types"])}:
            place = self.places_of[id_]
            for holder in self.line(self.at(place)):
                counts = found.setdefault(holder["id"], {})
                for word in REACHED[self.state(place)]:
                    counts[word] = counts.get(word, 0) + 1
        return found

    def add(self, found: dict[int, dict[str, int]], at: int | None, words: Any, number: int = 1) -> None:
        for holder in self.line(at):
            counts = found.setdefault(holder["id"], {})
            for word in words:
                counts[word] = counts.get(word, 0) + number

    def places(self, numerator: dict[str, Any], kind: str) -> dict[int, dict[str, int]]:
        """Division id → registered places of active roles, by how far they have come; and the residents (all)."""
        found: dict[int, dict[str, int]] = {}
        for role in self.active(numerator["types"]):
            counted = [
                each
                for each in self.role_places
                if each["role_id"] == role["id"]
                and (each["from_on"] <= self.on or not self.has("latest_places"))
            ]
            latest = max(counted, key=lambda each: each["from_on"]) if counted else {"registered": None}
            if latest["registered"] is not None:
                place = self.places_of[role["facility_id"]]
                self.add(found, self.at(place), REACHED[self.state(place)], latest["registered"])
        days = sorted({each["counted_on"] for each in self.population if each["kind"] == kind})
        before = [day for day in days if day <= self.on]
        counted_on = (before[-1] if before and self.has("latest_population") else days[0]) if days else None
        for each in self.population:
            if each["kind"] == kind and each["counted_on"] == counted_on:
                found.setdefault(each["division_id"], {})["all"] = each["persons"]
        return found

    def titled(self, numerator: dict[str, Any]) -> dict[int, dict[str, int]]:
        """Division id → how many at the level hold the title."""
        found: dict[int, dict[str, int]] = {}
        holders = {
            each["division_id"]
            for each in self.title
            if each["kind"] == numerator["title"]
            and each["division_id"] is not None
            and each["awarded_on"] <= self.on
            and (self.within(None, each["expires_on"]) or not self.has("title_expires"))
            and self.within(None, each["withdrawn_on"])
        }
        for id_ in holders:
            if id_ in self.divisions and self.divisions[id_]["level"] == numerator["level"]:
                self.add(found, id_, REACHED["county"])
        return found

    def place_share(
        self, numerator: dict[str, Any], denominator: dict[str, Any]
    ) -> dict[int, dict[str, int]]:
        """Division id → places that are as the condition says, are not, or of which it is not known."""
        found: dict[int, dict[str, int]] = {}
        roles = {role["facility_id"]: role for role in self.active(numerator["types"])}
        for id_, role in roles.items():
            place = self.places_of[id_]
            right: bool | None
            if "hosts" in numerator:
                others = self.active(numerator["hosts"])
                right = any(other["facility_id"] == id_ or not self.has("same_place") for other in others)
            elif "fee" in numerator:
                right = None if role["fee"] is None else role["fee"] in numerator["fee"]
            else:
                right = None if place["accessible"] is None else bool(place["accessible"])
            if right is None and not self.has("unknown_fee"):
                right = False
            if denominator.get("assessed") and right is None:
                continue
            state = self.state(place)
            words = list(REACHED[state]) if right else []
            if state == "county":
                words.append("all")
                words += ["silent"] if right is None else [] if right else ["none"]
                words += ["verified"] if right and self.is_looked_at(place) else []
            self.add(found, self.at(place), words)
        return found


def _rows(table: str) -> list[dict[str, Any]]:
    cursor = db.database.execute_sql(f"SELECT * FROM {table}")
    names = [column[0] for column in cursor.description]
    return [
        {
            name: value.isoformat() if isinstance(value, date) else value
            for name, value in zip(names, row, strict=True)
        }
        for row in cursor.fetchall()
    ]
