"""Until when a registration holds, and evidence that turned out wrong."""

STATEMENTS = (
    "ALTER TABLE role ADD COLUMN registration_expires_on DATE",
    "ALTER TABLE evidence ADD COLUMN withdrawn_on DATE",
    "ALTER TABLE evidence ADD COLUMN withdrawn_by TEXT",
    "ALTER TABLE evidence ADD COLUMN withdrawn_reason TEXT",
)
SQLITE = ()
POSTGRESQL = ()
