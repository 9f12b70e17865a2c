"""What a report for people is made of, live or of a frozen period: the same parts under the same names."""

from collections.abc import Iterator
from typing import Any

from admin_cli.client import Client
from servicemap.errors import InvalidError

Material = dict[str, Any]
PARTS = ("rows", "gaps", "ranking", "counties", "rule", "disparity", "reach", "outlook", "indicators")
COMMITTEE = "妇儿工委"
OF_INDICATORS = ("rows", "gaps", "ranking", "disparity", "reach", "outlook")


def material(client: Client, division: str, on: str | None, snapshot: int | None) -> Material:
    """PARTS, with `period` (the name of a frozen one), `anchor`, `department` and `said` (see of_department); rows of the division and of those right below."""
    found = _frozen(client, snapshot) if snapshot else _live(client, division, on)
    return found | {"department": None, "said": None}


def of_department(client: Client, found: Material, department: str, *, is_frozen: bool) -> Material:
    """What concerns the indicators for which the department is responsible (for the COMMITTEE all of them), with `said`:
    its own report of the year, None where it has handed in none. A frozen period is as it was frozen, and holds none."""
    whole = department == COMMITTEE
    own = {each["id"] for each in found["indicators"] if whole or department in each["department"]}
    if not own:
        raise InvalidError(f"没有由“{department}”负责的指标；请看 indicator list", "indicator_not_found")
    parts = {part: [row for row in found[part] if row["indicator"] in own] for part in OF_INDICATORS}
    indicators = [each for each in found["indicators"] if each["id"] in own]
    division, year = found["rows"][0]["division"], int(found["rows"][0]["on"][:4])
    wanted = ("yearly", None if whole else department, year)
    said = [] if is_frozen else client.get("submissions", division=division)["items"]
    reports = [each for each in said if (each["kind"], each["department"], each["year"]) == wanted]
    return {
        **found,
        **parts,
        "counties": found["counties"] if whole else [],
        "indicators": indicators,
        "department": department,
        "said": reports[-1] if reports else None,
    }


def _live(client: Client, division: str, on: str | None) -> Material:
    anchor = client.get("audit/head")["anchor"]  # first: what the figures count is at least as new
    at = f"coverage/{division}"
    rows = client.get(at, on=on)["items"]
    day = rows[0]["on"]
    ranking = client.get(f"{at}/ranking", on=day)
    return {
        "rows": rows,
        "gaps": list(client.pages(f"{at}/gaps", "after", on=day, limit=2000)),
        "ranking": ranking["items"],
        "counties": ranking["counties"],
        "rule": ranking["rule"],
        **{part: client.get(f"{at}/{part}", on=day)["items"] for part in ("disparity", "reach", "outlook")},
        "indicators": client.get("indicators")["items"],
        "anchor": anchor,
        "period": None,
    }


def _frozen(client: Client, number: int | None) -> Material:
    content = client.get(f"snapshots/{number}/content")
    ranking = client.get(f"snapshots/{number}/ranking")
    own = content["division"]["code"]
    return {
        **{part: content[part] for part in ("gaps", "disparity", "reach", "outlook", "indicators", "anchor")},
        "rows": [row for row in content["rows"] if own in (row["division"], row.get("parent"))],
        "ranking": ranking["items"],
        "counties": ranking["counties"],
        "rule": ranking["rule"],
        "period": f"{content['period']['name']}第 {content['version']} 版",
    }


def evidence(
    client: Client, division: str, found: Material, snapshot: int | None
) -> Iterator[tuple[Any, ...]]:
    """The places behind the default figures: indicator, division code, code, name, type, state, day of the last look,
    what it adds, documents, activities."""
    if snapshot:
        kept = client.get(f"snapshots/{snapshot}/content")["evidence"]
    else:
        kept = client.get(f"coverage/{division}/evidence", on=found["rows"][0]["on"])
    for indicator in (each["id"] for each in found["indicators"]):
        for at, code, *facts in kept["of"].get(indicator, ()):
            yield (indicator, at, code, kept["places"][code], *facts)
