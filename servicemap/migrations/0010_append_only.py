"""The audit's rows stay as they are under INSERT OR REPLACE too, which SQLite tells no DELETE trigger of."""

STATEMENTS = ()

SQLITE = (
    """CREATE TRIGGER change_keeps_place BEFORE INSERT ON change
    WHEN EXISTS (SELECT 1 FROM change WHERE seq = NEW.seq)
    BEGIN SELECT RAISE(ABORT, 'change is append-only'); END""",
)

POSTGRESQL = ()
