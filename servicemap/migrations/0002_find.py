"""What families filter and search by: a nursery's offer, terms, text keys; wider search and list rows."""

STATEMENTS = (
    """ALTER TABLE facility ADD COLUMN delivery TEXT NOT NULL DEFAULT 'on_site'
        CHECK (delivery IN ('on_site', 'online', 'at_home', 'phone'))""",
    "ALTER TABLE facility ADD COLUMN note TEXT",
    "ALTER TABLE facility_type ADD COLUMN topic TEXT",
    "ALTER TABLE role ADD COLUMN inclusive {bool}",
    "ALTER TABLE role ADD COLUMN inclusive_body TEXT",
    "ALTER TABLE role ADD COLUMN inclusive_no TEXT",
    "ALTER TABLE role ADD COLUMN registration_body TEXT",
    "ALTER TABLE role ADD COLUMN registration_no TEXT",
    "ALTER TABLE role ADD COLUMN forms TEXT",
    "ALTER TABLE role ADD COLUMN meals TEXT CHECK (meals IN ('included', 'extra', 'none'))",
    "ALTER TABLE role ADD COLUMN prepaid_months INTEGER CHECK (prepaid_months >= 0)",
    "ALTER TABLE role ADD COLUMN monthly_fee INTEGER CHECK (monthly_fee >= 0)",
    """CREATE TABLE role_class (
        role_id INTEGER NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('infant', 'toddler', 'senior', 'mixed')),
        age_from_months INTEGER CHECK (age_from_months >= 0),
        age_to_months INTEGER,
        registered INTEGER CHECK (registered >= 0),
        offered INTEGER CHECK (offered >= 0),
        taken INTEGER CHECK (taken >= 0),
        monthly_fee INTEGER CHECK (monthly_fee >= 0),
        counted_on DATE,
        PRIMARY KEY (role_id, kind),
        CHECK (age_to_months >= age_from_months),
        FOREIGN KEY (role_id) REFERENCES role (id) ON DELETE RESTRICT
    )""",
    """CREATE TABLE term (
        kind TEXT NOT NULL CHECK (kind IN ('winter', 'summer')),
        from_on DATE NOT NULL,
        to_on DATE NOT NULL,
        source TEXT NOT NULL,
        to_check {bool} NOT NULL,
        PRIMARY KEY (kind, from_on),
        CHECK (to_on > from_on)
    )""",
    """CREATE TABLE search_key (
        facility_id INTEGER NOT NULL PRIMARY KEY,
        ch TEXT NOT NULL,
        py TEXT NOT NULL,
        ini TEXT NOT NULL,
        FOREIGN KEY (facility_id) REFERENCES facility (id) ON DELETE RESTRICT
    )""",
    """CREATE TABLE division_key (
        division_id INTEGER NOT NULL PRIMARY KEY,
        ch TEXT NOT NULL,
        py TEXT NOT NULL,
        ini TEXT NOT NULL,
        FOREIGN KEY (division_id) REFERENCES division (id) ON DELETE RESTRICT
    )""",
    "DROP TABLE search_row",
    """CREATE TABLE search_row (
        walk INTEGER NOT NULL,
        morton {bigint} NOT NULL,
        facility_id INTEGER NOT NULL,
        offer INTEGER NOT NULL,
        lng {double} NOT NULL,
        lat {double} NOT NULL,
        hours_id INTEGER,
        flags INTEGER NOT NULL,
        age_from_months INTEGER,
        age_to_months INTEGER,
        monthly_fee INTEGER,
        verified_day INTEGER,
        division_id INTEGER NOT NULL,
        PRIMARY KEY (walk, morton, facility_id, offer)
    ){narrow}""",
    "DROP TABLE list_row",
    """CREATE TABLE list_row (
        type_id INTEGER NOT NULL,
        facility_id INTEGER NOT NULL,
        offer INTEGER NOT NULL,
        division_id INTEGER NOT NULL,
        placed {bool} NOT NULL,
        hours_id INTEGER,
        flags INTEGER NOT NULL,
        age_from_months INTEGER,
        age_to_months INTEGER,
        monthly_fee INTEGER,
        verified_day INTEGER,
        PRIMARY KEY (type_id, facility_id, offer)
    ){narrow}""",
    "CREATE INDEX list_row_type_id_division_id_facility_id ON list_row (type_id, division_id, facility_id)",
    "CREATE INDEX list_row_unplaced ON list_row (type_id, division_id, facility_id) WHERE NOT placed",
    """CREATE TABLE division_extent (
        division_id INTEGER NOT NULL PRIMARY KEY,
        west {double} NOT NULL,
        south {double} NOT NULL,
        east {double} NOT NULL,
        north {double} NOT NULL
    )""",
    # all cards are due: the first roll-over after the upgrade writes them and their rows anew
    "UPDATE card SET fresh_until = '1900-01-01'",
)

SQLITE = ()

POSTGRESQL = (
    # the walk of the finder is answered from the index alone
    """ALTER TABLE search_row DROP CONSTRAINT search_row_pkey, ADD CONSTRAINT search_row_pkey
    PRIMARY KEY (walk, morton, facility_id, offer) INCLUDE (lng, lat, hours_id, flags, age_from_months,
    age_to_months, monthly_fee, verified_day, division_id)""",
)
