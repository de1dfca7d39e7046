"""The word index: an FTS5 row per finished turn, with its neighbours' text and its date."""

import json
from collections.abc import Collection, Iterable
from typing import Any

_AROUND = """
SELECT n, prev, next FROM turn_context WHERE n IN (SELECT value FROM json_each(?))
"""
_FORGET = "DELETE FROM turn_words WHERE rowid IN (SELECT value FROM json_each(?))"
_FORGET_CONTENT = """
DELETE FROM turn_words_content WHERE id IN (SELECT value FROM json_each(?))
"""
_FEW = 100
"""Up to so many turns are taken out of the index one by one."""
_PAGE_MARKS = "SELECT term FROM turn_words_idx WHERE length(term) > 1"
_NEXT_TERM = "SELECT term FROM turn_terms WHERE term >= ? ORDER BY term LIMIT 1"
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


def forget_turns(connection: Any, numbers: Collection[int]) -> None:
    """Take turns out of the index, together with every trace of their words.

    Args:
        connection: within a transaction.
        numbers: row numbers of the turns. The neighbours' context is for `index_turns`.
    """
    wanted = json.dumps(sorted(numbers))
    if len(numbers) <= _FEW:
        connection.execute(_FORGET, (wanted,))
        return
    # Row by row, secure-delete takes milliseconds each; the index is quicker made anew.
    connection.execute(_FORGET_CONTENT, (wanted,))
    _rebuild(connection)


def wipe_traces(connection: Any) -> None:
    """Make the index anew if it still knows the beginning of a word that no turn holds.

    secure-delete leaves alone the words that tell the pages of the index apart.
    """
    for (mark,) in connection.execute(_PAGE_MARKS).fetchall():
        start = bytes(mark)[1:].decode("utf-8", "ignore")
        following = connection.execute(_NEXT_TERM, (start,)).get
        if start and not (following is not None and str(following).startswith(start)):
            _rebuild(connection)
            return


def _rebuild(connection: Any) -> None:
    connection.execute("INSERT INTO turn_words (turn_words) VALUES ('rebuild')")
