"""抽查 (四(五)): which places to go and look at, drawn so that anybody can draw the same ones again and nobody can choose.

The places behind a figure in the order of SHA-256 of the seed followed by the code; the first ones are the sample. A
seed that was told before the figures came in (a lottery's number of the day) leaves no room for a second try.
"""

import hashlib
from datetime import date

from servicemap.coverage.proofs import Proof, list_proofs
from servicemap.models import Division


def draw(root: Division, on: date, indicator_id: str, *, seed: str, size: int) -> list[tuple[str, Proof]]:
    """(hash, proof): at most `size` different places that the county has passed. As list_proofs, with its errors."""
    places = {
        proof.code: proof
        for proof in list_proofs(root, on, indicator_id)
        if proof.code is not None and proof.state == "county"
    }
    order = sorted((hashlib.sha256(f"{seed}{code}".encode()).hexdigest(), code) for code in places)
    return [(hashed, places[code]) for hashed, code in order[:size]]
