"""The word index: an FTS5 row per finished turn, with its neighbours' text and its date."""

import json
from collections.abc import Iterable
from typing import Any

_AROUND = """
SELECT n, prev, next FROM turn_context WHERE n IN (SELECT value FROM json_each(?))
"""
_FORGET = "DELETE FROM turn_words WHERE rowid IN (SELECT value FROM json_each(?))"
_INDEX = """
INSERT INTO turn_words (rowid, text, speaker, prev, next, day)
SELECT c.n, c.text, c.speaker, coalesce(p.text, ''), coalesce(f.text, ''), day_words(c.at)
FROM turn_context c LEFT JOIN turns p ON p.n = c.prev LEFT JOIN turns f ON f.n = c.next
WHERE c.n IN (SELECT value FROM json_each(?))
"""


def index_turns(connection: Any, numbers: Iterable[int]) -> None:
    """Index turns that have just been finished, and their neighbours anew.

    Args:
        connection: within a transaction.
        numbers: row numbers of the turns.
    """
    rows = connection.execute(_AROUND, (json.dumps(list(numbers)),))
    touched = json.dumps(sorted({n for row in rows for n in row if n is not None}))
    connection.execute(_FORGET, (touched,))
    connection.execute(_INDEX, (touched,))
