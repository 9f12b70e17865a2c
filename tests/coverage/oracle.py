"""The rule of coverage once more, from the plain loops of oracle_day.py and oracle_nones.py. Every part of the rule has a
name in RULES; an oracle that forgets one of them is a known-bad control."""

from datetime import date
from typing import Any

from tests.coverage.oracle_day import Day
from tests.coverage.oracle_nones import none_of

REACHED = {"reported": ("reported",), "town": ("reported", "town"), "county": ("reported", "town", "county")}
Figures = dict[int, dict[str, int]]  # division id → word → number


class Oracle(Day):
    """The figures of a day."""

    def __init__(self, on: date, *, public: bool = False, without: str = "") -> None:
        super().__init__(on, public=public, without=without)
        self.nones: dict[str, set[int]] = {}

    def counted(self, rule: dict[str, Any]) -> list[dict[str, Any]] | None:
        """None where nobody knows the classes that it needs."""
        found = [each for each in self.divisions.values() if each["level"] == rule["level"]]
        if self.has("virtual"):
            found = [each for each in found if not each["virtual"]]
        if "list" in rule and self.has("members"):
            members = {m["division_id"] for m in self.denominator_member if m["list_id"] == rule["list"]}
            found = [each for each in found if each["id"] in members]
        if "community_kind" in rule and self.has("kinds"):
            found = [each for each in found if each["community_kind"] == rule["community_kind"]]
        if "town_kind" in rule and self.has("town_kinds"):
            found = [each for each in found if self.town_kind(each) == rule["town_kind"]]
        if "urban_rural" in rule and self.has("classes"):
            if all(each["urban_rural"] is None for each in found):
                return None
            found = [each for each in found if str(each["urban_rural"]).startswith(rule["urban_rural"])]
        return found

    def town_kind(self, division: dict[str, Any]) -> Any:
        return next(
            (each["town_kind"] for each in self.line(division["id"]) if each["level"] == "town"), None
        )

    def share(self, numerator: dict[str, Any], denominator: dict[str, Any]) -> Figures | None:
        """How many divisions each division holds, and how many of them have what."""
        divisions = self.counted(denominator)
        if divisions is None:
            return None
        found: Figures = {}
        roles = self.active(numerator)
        none = set.intersection(*(self.none_of(key) for key in numerator["types"]))
        for division in divisions:
            has = set()
            for role in roles:
                if self.covers(role, division, numerator):
                    place = self.places_of[role["facility_id"]]
                    has.update(REACHED[self.state(place)])
                    if self.state(place) == "county" and self.is_looked_at(place):
                        has.add("verified")
            if "reported" not in has:
                has.add("none" if division["id"] in none else "silent")
            self.add(found, division["id"], ("all", *has))
        return found

    def gaps(self, numerator: dict[str, Any], denominator: dict[str, Any]) -> dict[int, str]:
        """Division id → what it has answered, of all that the county has passed nothing for."""
        found = {}
        counts = self.share(numerator, denominator) or {}
        for each in self.counted(denominator) or ():
            words = counts[each["id"]]
            if "county" not in words:
                found[each["id"]] = (
                    "waiting" if "reported" in words else "none" if "none" in words else "unknown"
                )
        return found

    def none_of(self, key: str) -> set[int]:
        if key not in self.nones:
            self.nones[key] = none_of(self, key)
        return self.nones[key]

    def count(self, numerator: dict[str, Any]) -> Figures:
        """Division id → how many places stand in it, by how far they have come."""
        found: Figures = {}
        for id_ in {role["facility_id"] for role in self.active(numerator)}:
            place = self.places_of[id_]
            self.add(found, self.at(place), REACHED[self.state(place)])
        return found

    def add(self, found: Figures, at: int | None, words: Any, number: int = 1) -> None:
        for holder in self.line(at):
            counts = found.setdefault(holder["id"], {})
            for word in words:
                counts[word] = counts.get(word, 0) + number

    def places(self, numerator: dict[str, Any], kind: str) -> Figures:
        """Division id → registered places of active roles, by how far they have come; and the residents (all)."""
        found: Figures = {}
        for role in self.active(numerator):
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

    def titled(self, numerator: dict[str, Any]) -> Figures:
        """Division id → how many at the level hold the title."""
        found: Figures = {}
        holders = {each["division_id"] for each in self.title if self.is_held(each, numerator)}
        for id_ in holders:
            if id_ in self.divisions and self.divisions[id_]["level"] == numerator["level"]:
                self.add(found, id_, REACHED["county"])
        return found

    def place_share(self, numerator: dict[str, Any], denominator: dict[str, Any]) -> Figures:
        """Division id → places that are as the condition says, are not, or of which it is not known."""
        found: Figures = {}
        roles = self.active(numerator)
        for id_ in {role["facility_id"] for role in roles}:
            place = self.places_of[id_]
            right: bool | None
            if "hosts" in numerator:
                others = self.active(numerator, "hosts")
                right = any(other["facility_id"] == id_ or not self.has("same_place") for other in others)
            elif "fee" in numerator:
                fees = [role["fee"] for role in roles if role["facility_id"] == id_]
                right = True if set(fees) & set(numerator["fee"]) else None if None in fees else False
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


def verdict(counted: int | None, over: int | None, scale: int, target: str) -> tuple[bool | None, int | None]:
    """Whether the target is reached, and how many more are needed: found by adding one until it is. `over`: None of
    what is over nothing known, 1 of a plain count."""
    if counted is None or not over:
        return None, None
    tenths = int(target.replace(".", "")) if "." in target else int(target) * 10
    more = 0
    while (counted + more) * scale * 10 < tenths * over:
        more += 1
    return more == 0, more
