"""Coverage as SDMX-CSV 2.0 (the statistics offices' exchange format): one observation a line, the dimensions first.

STRUCTURE_ID names our own structure, SERVICEMAP:COVERAGE(1.0). Dimensions: FREQ (A of a frozen annual period, else D),
REF_AREA (12-digit division code), INDICATOR, DEFINITION (口径), TIME_PERIOD. OBS_STATUS: A a figure, M none (COMMENT
says why). OBS_VALUE is cut to 4 decimals, EXACT the fraction. UNIT_MEASURE is SDMX's PT for per cent, else as the
indicator has it.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

STRUCTURE = ("dataflow", "SERVICEMAP:COVERAGE(1.0)", "I")
COLUMNS = (
    *("STRUCTURE", "STRUCTURE_ID", "ACTION", "FREQ", "REF_AREA", "INDICATOR", "DEFINITION", "TIME_PERIOD"),
    *("OBS_VALUE", "OBS_STATUS", "UNIT_MEASURE", "NUMERATOR", "DENOMINATOR", "EXACT", "TARGET", "COMMENT"),
)
UNITS = {"%": "PT"}


def sdmx_csv(rows: Iterable[Mapping[str, Any]], freq: str, period: str) -> str:
    """The rows of a report; with a head, lines ended by CRLF. Codes and numbers only, but for COMMENT, which is
    ours: nothing in it is run by a spreadsheet."""
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(COLUMNS)
    for row in rows:
        key = (freq, row["division"], row["indicator"], row["definition"], period)
        status = "M" if row["value"] is None else "A"
        measured = (row["value"], status, UNITS.get(row["unit"], row["unit"]))
        beside = (row["numerator"], row["denominator"], row["exact"], row["target"], row["remark"])
        writer.writerow([*STRUCTURE, *key, *measured, *beside])
    return stream.getvalue()
