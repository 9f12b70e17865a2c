"""A plan keeps the places that it makes, so that apply only writes them."""

STATEMENTS = (
    "ALTER TABLE staged_row ADD COLUMN made TEXT",
    "ALTER TABLE import_batch ADD COLUMN basis TEXT",
    # what was planned without them is planned anew
    "UPDATE import_batch SET state = 'open' WHERE state = 'planned'",
)
SQLITE = ()
POSTGRESQL = ()
