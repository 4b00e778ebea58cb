"""The tables of a ledger, and how a file of an older version becomes one of this version.

What never changes (question, outcome, call) is kept apart from what changes all the time (item, bill), so that a lease rewrites
some thirty bytes and not a text. There are no totals: they are added up when the file is opened, and cannot disagree with it.

Times of leases are not those of any clock but `run.age`: seconds that the ledger has been open. A clock that goes back
cannot end a lease early, and while nobody could extend a lease, it does not run out.
"""

APPLICATION_ID = 0x74616E64
"""Says in the file's header whose it is: "tand"."""

_FIRST = (
    """
    CREATE TABLE run (
        uid TEXT NOT NULL,
        cap_nano INTEGER,              -- NULL: no limit
        age REAL NOT NULL DEFAULT 0    -- seconds that the ledger has been open
    ) STRICT
    """,
    """
    CREATE TABLE question (
        position INTEGER PRIMARY KEY,  -- from 1, as loaded
        id TEXT NOT NULL UNIQUE,
        text TEXT NOT NULL,
        answer TEXT,
        kind TEXT NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE item (
        position INTEGER PRIMARY KEY REFERENCES question,
        state TEXT NOT NULL DEFAULT 'ready' CHECK (state IN ('ready', 'leased', 'done', 'failed')),
        fence INTEGER NOT NULL DEFAULT 0,
        attempts INTEGER NOT NULL DEFAULT 0,
        until REAL NOT NULL DEFAULT 0,  -- age at which a lease runs out, or a ready item may be handed out
        expected_nano INTEGER NOT NULL DEFAULT 0,
        worker TEXT NOT NULL DEFAULT '',
        reason TEXT NOT NULL DEFAULT '' -- why the last attempt failed
    ) STRICT
    """,
    "CREATE INDEX item_ready ON item (position, until) WHERE state = 'ready'",
    "CREATE INDEX item_longest ON item (expected_nano DESC, position, until) WHERE state = 'ready'",
    "CREATE INDEX item_leased ON item (until) WHERE state = 'leased'",
    """
    CREATE TABLE outcome (
        position INTEGER PRIMARY KEY REFERENCES item,
        lane TEXT NOT NULL,
        at REAL NOT NULL,
        agreement REAL,
        policy TEXT,
        choice TEXT,
        propensity REAL,
        answer TEXT NOT NULL,
        detail TEXT NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE bill (
        ticket INTEGER PRIMARY KEY,
        key TEXT NOT NULL,
        position INTEGER NOT NULL REFERENCES item,
        fence INTEGER NOT NULL,
        lane TEXT NOT NULL,
        copy INTEGER NOT NULL,
        state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'settled', 'unconfirmed', 'discarded')),
        worst_nano INTEGER NOT NULL,
        cost_nano INTEGER NOT NULL DEFAULT 0,
        input_tokens INTEGER NOT NULL DEFAULT 0,
        output_tokens INTEGER NOT NULL DEFAULT 0,
        records INTEGER NOT NULL DEFAULT 0  -- 1: the record of its key is this call's
    ) STRICT
    """,
    "CREATE UNIQUE INDEX bill_open ON bill (position, fence, key, lane, copy) WHERE state = 'open'",
    """
    CREATE TABLE call (
        number INTEGER PRIMARY KEY,
        key TEXT NOT NULL UNIQUE,
        ticket INTEGER NOT NULL UNIQUE REFERENCES bill,
        position INTEGER NOT NULL REFERENCES item,
        step INTEGER NOT NULL,
        expert TEXT NOT NULL,
        sample INTEGER NOT NULL,
        lane TEXT NOT NULL,
        input_tokens INTEGER NOT NULL,
        output_tokens INTEGER NOT NULL,
        cost_nano INTEGER NOT NULL,
        seconds REAL NOT NULL,
        memory_version INTEGER NOT NULL,
        answer TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX call_of_item ON call (position)",
    "CREATE TABLE charge (lane TEXT NOT NULL, why TEXT NOT NULL, nano INTEGER NOT NULL, at REAL NOT NULL, PRIMARY KEY (lane, why)) STRICT",
    """
    CREATE TABLE outbox (
        number INTEGER PRIMARY KEY,
        key TEXT NOT NULL UNIQUE,
        record BLOB                    -- NULL: the memory has it
    ) STRICT
    """,
    "CREATE INDEX outbox_waiting ON outbox (number) WHERE record IS NOT NULL",
    """
    CREATE TABLE event (
        number INTEGER PRIMARY KEY,
        key TEXT NOT NULL UNIQUE,
        at REAL NOT NULL,
        kind TEXT NOT NULL,
        message TEXT NOT NULL
    ) STRICT
    """,
)

_SECOND = (
    """
    CREATE TABLE recollection (
        number INTEGER PRIMARY KEY,
        position INTEGER NOT NULL REFERENCES item,
        step INTEGER NOT NULL,
        shown INTEGER NOT NULL,        -- 0: the item is held out from the memory
        records TEXT NOT NULL,         -- what was found, as JSON
        UNIQUE (position, step)
    ) STRICT
    """,
)

_THIRD = ("CREATE TABLE probe (lane TEXT NOT NULL, url TEXT NOT NULL, findings TEXT NOT NULL, PRIMARY KEY (lane, url)) STRICT",)

_FOURTH = (
    "DROP INDEX item_longest",  # nobody asked for the longest first, and every lease was written into it
    "ALTER TABLE item DROP COLUMN expected_nano",
)

_FIFTH = ("ALTER TABLE item ADD COLUMN too_dear INTEGER NOT NULL DEFAULT 0",)  # 1: its last attempt failed for want of money alone

STEPS = (_FIRST, _SECOND, _THIRD, _FOURTH, _FIFTH)
"""What makes each version out of the one before; a new version is a new step at the end, and none is ever changed."""
