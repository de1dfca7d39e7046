"""The store's schema, as numbered steps. A step that has been released is never edited.

`user_version` is the number of steps a file has been through. Rules the schema itself holds:

- a turn that is not open can't be changed, and an event never can;
- neither can be deleted, except while the table `erasure` has a row. That is the one way to forget
  something: put a row in, delete or redact, take the row out, all in one transaction.
"""

from typing import Any

from pocket_agent.errors import StoreError

APPLICATION_ID = 0x504B4147  # "PKAG", so that a stranger's database is not taken for a profile

_BASE = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE erasure (active INTEGER PRIMARY KEY CHECK (active = 1)) STRICT;

CREATE TABLE sessions (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL DEFAULT '',
    started TEXT NOT NULL,
    touched TEXT NOT NULL
) STRICT;
CREATE INDEX sessions_by_time ON sessions (touched);

CREATE TABLE turns (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    session TEXT NOT NULL REFERENCES sessions (id) ON UPDATE CASCADE,
    role TEXT NOT NULL CHECK (role IN ('user', 'assistant')),
    speaker TEXT NOT NULL,
    text TEXT NOT NULL,
    at TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('open', 'complete', 'stopped', 'interrupted')),
    read_by TEXT
) STRICT;
CREATE INDEX turns_of_session ON turns (session);
CREATE INDEX turns_open ON turns (n) WHERE status = 'open';
CREATE INDEX turns_unread ON turns (n) WHERE role = 'user' AND read_by IS NULL;

CREATE TRIGGER turns_are_immutable
BEFORE UPDATE OF n, id, session, role, speaker, text, at, status ON turns
WHEN OLD.status <> 'open' AND NOT EXISTS (SELECT 1 FROM erasure)
BEGIN SELECT RAISE(ABORT, 'a finished turn can''t be changed'); END;

CREATE TRIGGER turns_stay
BEFORE DELETE ON turns
WHEN NOT EXISTS (SELECT 1 FROM erasure)
BEGIN SELECT RAISE(ABORT, 'a turn can only be erased'); END;

CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    at TEXT NOT NULL,
    actor TEXT NOT NULL,
    kind TEXT NOT NULL,
    slot TEXT NOT NULL,
    value TEXT NOT NULL,
    old TEXT NOT NULL,
    polarity TEXT NOT NULL,
    fact TEXT NOT NULL,
    undoes INTEGER NOT NULL,
    source TEXT,
    confidence REAL NOT NULL,
    policy TEXT NOT NULL,
    since TEXT NOT NULL
) STRICT;

CREATE TRIGGER events_are_immutable
BEFORE UPDATE ON events
WHEN NOT EXISTS (SELECT 1 FROM erasure)
BEGIN SELECT RAISE(ABORT, 'the log can''t be changed'); END;

CREATE TRIGGER events_stay
BEFORE DELETE ON events
WHEN NOT EXISTS (SELECT 1 FROM erasure)
BEGIN SELECT RAISE(ABORT, 'the log only grows'); END;

CREATE TABLE facts (
    id TEXT PRIMARY KEY,
    slot TEXT NOT NULL,
    value TEXT NOT NULL,
    polarity TEXT NOT NULL,
    confidence REAL NOT NULL,
    state TEXT NOT NULL,
    actor TEXT NOT NULL,
    learnt TEXT NOT NULL,
    since TEXT NOT NULL,
    locked INTEGER NOT NULL,
    pinned INTEGER NOT NULL,
    replaced_by TEXT NOT NULL,
    ended TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE fact_sources (
    fact TEXT NOT NULL REFERENCES facts (id) ON DELETE CASCADE,
    place INTEGER NOT NULL,
    turn TEXT NOT NULL,
    start INTEGER NOT NULL,
    "end" INTEGER NOT NULL,
    quote TEXT NOT NULL,
    question TEXT NOT NULL,
    PRIMARY KEY (fact, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX sources_of_turn ON fact_sources (turn);
"""

# The index keeps its own copy of the text rather than reading it from the view: deleting from an
# external-content index needs the exact old words, and a slip there corrupts it.
_WORDS = """
CREATE VIEW turn_context AS
SELECT t.n, t.id, t.session, t.role, t.speaker, t.text, t.at,
    (SELECT p.n FROM turns p WHERE p.session = t.session AND p.n < t.n AND p.status <> 'open'
     ORDER BY p.n DESC LIMIT 1) AS prev,
    (SELECT f.n FROM turns f WHERE f.session = t.session AND f.n > t.n AND f.status <> 'open'
     ORDER BY f.n LIMIT 1) AS next
FROM turns t WHERE t.status <> 'open';

CREATE VIRTUAL TABLE turn_words USING fts5 (
    text, speaker, prev, next, day, tokenize = 'porter unicode61'
);
INSERT INTO turn_words (turn_words, rank) VALUES ('secure-delete', 1);
CREATE VIRTUAL TABLE turn_terms USING fts5vocab (turn_words, row);

INSERT INTO turn_words (rowid, text, speaker, prev, next, day)
SELECT c.n, c.text, c.speaker, coalesce(p.text, ''), coalesce(f.text, ''), day_words(c.at)
FROM turn_context c LEFT JOIN turns p ON p.n = c.prev LEFT JOIN turns f ON f.n = c.next;
"""

# The floats lie in a plain table, not in vec0: a look-up by row is ten times faster there, and
# secure_delete wipes them. vec0 keeps one byte a value for the first, coarse search.
_VECTORS = """
CREATE TABLE vectors (
    id INTEGER PRIMARY KEY,
    turn INTEGER NOT NULL REFERENCES turns (n),
    part INTEGER NOT NULL,
    model TEXT NOT NULL,
    embedding BLOB NOT NULL CHECK (length(embedding) = 1536),
    UNIQUE (model, turn, part)
) STRICT;
CREATE INDEX vectors_of_turn ON vectors (turn);

CREATE VIRTUAL TABLE vector_codes USING vec0 (
    id INTEGER PRIMARY KEY,
    model TEXT PARTITION KEY,
    code INT8[384]
);
"""

_TOMBSTONES = """
CREATE TABLE tombstones (mark BLOB PRIMARY KEY, at TEXT NOT NULL) STRICT, WITHOUT ROWID;
"""

# A reply may also have ended at its length limit. SQLite can't alter a CHECK, and making the table
# anew would take every turn and what refers to it along, so the rule is widened where it stands.
_CUT_REPLIES = """
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, '''stopped'', ', '''stopped'', ''cut'', ')
WHERE type = 'table' AND name = 'turns';
PRAGMA writable_schema = RESET;
"""

# What a reply was made from, by id alone: no word stands here, so erasing one leaves nothing to
# redact. An erased turn takes its rows along, whichever side of them it is on.
_CONTEXTS = """
CREATE TABLE contexts (
    reply TEXT NOT NULL REFERENCES turns (id) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('fact', 'turn')),
    name TEXT NOT NULL,
    PRIMARY KEY (reply, kind, name)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER contexts_forget_turns
AFTER DELETE ON turns
BEGIN DELETE FROM contexts WHERE kind = 'turn' AND name = OLD.id; END;
"""

# One bit a value, in a plain table: vec0 took 90 ms to search 100,000 of its codes, 65 even for a
# single neighbour. See `signatures`.
_BITS = """
CREATE TABLE vector_bits (
    id INTEGER PRIMARY KEY REFERENCES vectors (id),
    model TEXT NOT NULL,
    code BLOB NOT NULL CHECK (length(code) = 48)
) STRICT;
INSERT INTO vector_bits SELECT id, model, vec_quantize_binary(embedding) FROM vectors;
DROP TABLE vector_codes;
"""

# `imports` has a row for each import that can be taken back, with the largest numbers of events and
# turns right after it. `batch` says which import brought a row; `set_aside` holds the rows that an
# import replaced, until it is taken back or anything is forgotten.
_IMPORTS = """
ALTER TABLE events ADD COLUMN clock INTEGER NOT NULL DEFAULT 0;
ALTER TABLE events ADD COLUMN over TEXT NOT NULL DEFAULT '';
ALTER TABLE events ADD COLUMN batch INTEGER;
ALTER TABLE turns ADD COLUMN batch INTEGER;
ALTER TABLE sessions ADD COLUMN batch INTEGER;
ALTER TABLE tombstones ADD COLUMN batch INTEGER;
CREATE INDEX events_in_order ON events (clock);

CREATE TABLE tombstone_keys (key BLOB PRIMARY KEY, batch INTEGER) STRICT, WITHOUT ROWID;

CREATE TABLE imports (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    last_event INTEGER NOT NULL,
    last_turn INTEGER NOT NULL
) STRICT;

CREATE TABLE set_aside (
    import INTEGER NOT NULL REFERENCES imports (n) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    record TEXT NOT NULL
) STRICT;
CREATE INDEX set_aside_by ON set_aside (import);
"""

_SESSION_MARKS = """
ALTER TABLE sessions ADD COLUMN archived INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN titled INTEGER NOT NULL DEFAULT 0;
"""

# Most turns follow the one stored before them: only a turn that begins a branch has a row, by ids
# alone. Erasing it, or the turn a head names, takes the row along. See `branches`.
_BRANCHES = """
CREATE TABLE branches (
    turn TEXT PRIMARY KEY REFERENCES turns (id) ON DELETE CASCADE,
    parent TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER branches_are_immutable
BEFORE UPDATE ON branches
WHEN NOT EXISTS (SELECT 1 FROM erasure)
BEGIN SELECT RAISE(ABORT, 'a branch can''t be changed'); END;

CREATE TRIGGER branches_stay
BEFORE DELETE ON branches
WHEN NOT EXISTS (SELECT 1 FROM erasure)
BEGIN SELECT RAISE(ABORT, 'a branch can only be erased'); END;

CREATE TABLE heads (
    session TEXT PRIMARY KEY REFERENCES sessions (id) ON UPDATE CASCADE ON DELETE CASCADE,
    turn TEXT NOT NULL REFERENCES turns (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX heads_at ON heads (turn);
"""

# A fact that changes is put anew, so its vector goes by itself, and is made of the new words.
_FACT_VECTORS = """
CREATE TABLE fact_vectors (
    id INTEGER PRIMARY KEY,
    fact TEXT NOT NULL REFERENCES facts (id) ON DELETE CASCADE,
    model TEXT NOT NULL,
    embedding BLOB NOT NULL CHECK (length(embedding) = 1536),
    UNIQUE (fact, model)
) STRICT;
"""

_READ_LATER = """
CREATE INDEX turns_read_later ON turns (n) WHERE role = 'user' AND read_by = 'later';
"""

STEPS: tuple[str, ...] = (
    _BASE,
    _WORDS,
    _VECTORS,
    _TOMBSTONES,
    _CUT_REPLIES,
    _CONTEXTS,
    _BITS,
    _IMPORTS,
    _SESSION_MARKS,
    _BRANCHES,
    _FACT_VECTORS,
    _READ_LATER,
)
VERSION = len(STEPS)


def migrate(connection: Any) -> None:
    """Bring an open store to this program's version, all steps or none.

    Args:
        connection: an apsw connection with sqlite-vec loaded and `day_words` registered.

    Raises:
        StoreError: a newer program wrote the file, or it is another program's database. The file
            is not touched.
    """
    if check_version(connection):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in STEPS[connection.pragma("user_version") :]:
            connection.execute(step)
        connection.pragma("application_id", APPLICATION_ID)
        connection.pragma("user_version", VERSION)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def check_version(connection: Any) -> bool:
    """Whether a store is of this program's version; if not, it is new or of an earlier one.

    Raises:
        StoreError: as `migrate`.
    """
    version = connection.pragma("user_version")
    if version > VERSION:
        raise StoreError(
            f"This profile was written by a newer Pocket Agent (version {version}, "
            f"this one knows {VERSION})",
            "Update Pocket Agent.",
        )
    if connection.pragma("application_id") != APPLICATION_ID and not _is_new(connection):
        raise StoreError("This database belongs to another program", "Choose another file.")
    return bool(version == VERSION)


def _is_new(connection: Any) -> bool:
    empty = connection.execute("SELECT count(*) FROM sqlite_schema").get == 0
    return bool(empty and connection.pragma("user_version") == 0)
