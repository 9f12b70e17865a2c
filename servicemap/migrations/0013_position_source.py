"""Where a position comes from."""

STATEMENTS = ("ALTER TABLE facility ADD COLUMN position_source TEXT",)
SQLITE = ()
POSTGRESQL = ()
