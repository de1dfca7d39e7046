"""One conversation in a file: JSON, which can be imported back, or Markdown, which is for people.

docs/sessions.md describes the JSON.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from pocket_agent.errors import PortableError
from pocket_agent.memory.identity import now, this_second
from pocket_agent.memory.joining import Arrival
from pocket_agent.memory.records import Session, Turn, TurnRole, TurnStatus
from pocket_agent.memory.store import Store
from pocket_agent.portable import age
from pocket_agent.portable.importers.files import ImportFile
from pocket_agent.portable.importers.found import MAX_TITLE, clean_line, clean_text, moment_of
from pocket_agent.portable.importers.json_items import values
from pocket_agent.portable.placing import names_markdown, placing
from pocket_agent.portable.reading import read_lines
from pocket_agent.portable.records import Fields

FORMAT = "pocket-agent-session"
VERSION = 1
MARK = "<!-- pocket-agent session -->"
"""The first line of a conversation as Markdown, by which it is known again."""
START = f'{{"format":"{FORMAT}"'
"""How the JSON begins."""
_OF = "<!-- of the conversation {} -->"
"""The last line of the Markdown, which says which it is."""
MAX_TURNS = 100_000
_HEAD = 200
_NAME = re.compile(r"[0-9A-Za-z_-]{1,64}")
_SPEAKER = 40
_PAGE = 500


@dataclass(frozen=True, slots=True)
class Brought:
    """What an import of a conversation adds, or would add.

    Args:
        turns: how many are new. known: how many are here already. forgotten: how many were
            forgotten here, and stay so.
    """

    session: str
    title: str
    turns: int
    known: int
    forgotten: int


def _present(store: Store, session: str) -> list[Turn]:
    """The turns of the branch that a conversation is in, in order."""
    pages: list[list[Turn]] = []
    while page := store.turns(session, before=pages[-1][0].id if pages else None, limit=_PAGE):
        pages.append(page)
    return [turn for page in reversed(pages) for turn in page]


def session_lines(store: Store, name: str, *, markdown: bool) -> Iterator[bytes]:
    """A conversation as the lines of a file; a reply that still streams is left out.

    Raises:
        StoreError: there is no such conversation.
    """
    with store.database.reading():  # nothing changes meanwhile
        session, turns = store.session(name), _present(store, name)
    finished = [turn for turn in turns if turn.status is not TurnStatus.OPEN]
    session = replace(session, turns=len(finished))
    return _markdown(session, finished) if markdown else _json(session, finished)


def write_session(store: Store, name: str, path: Path, *, seal: age.Seal | None = None) -> int:
    """Write a conversation to `path`: whole or not at all, for its owner's eyes alone.

    An older plain export of a conversation at that place is replaced; any other file is not. A
    name that ends in `.md` (or `.md.age`) makes Markdown of it.

    Args:
        seal: for whom the file is encrypted; None for a plain one.

    Returns:
        How many turns were written.

    Raises:
        PortableError: the file can't be written. DiskFullError: there is no room.
        StoreError: there is no such conversation.
        UsageError: the name says that it is to be encrypted, and nothing is given to do that with.
    """
    age.check_name(path, seal)
    lines = session_lines(store, name, markdown=names_markdown(age.plain_name(path)))
    with placing(path, _check_is_ours) as file:
        file.writelines(lines if seal is None else [age.encrypt(b"".join(lines), seal)])
    return store.session(name).turns


def read_session_file(path: Path, keys: age.Keys | None = None) -> tuple[Session, list[Turn]]:
    """Read a conversation from JSON and check all of it; its texts are cleaned.

    Args:
        keys: what opens the file, if it is encrypted.

    Raises:
        PortableError: it can't be read, or is no conversation as we write them.
    """
    found = list(values(_pieces(path, keys)))
    if len(found) != 1:
        raise _wrong("it is a list")
    try:
        fields = Fields(found[0])
        if fields.text("format") != FORMAT:
            raise ValueError("it has another format")
        version = fields.whole("version")
        if version != VERSION:
            raise ValueError(f"it has the version {version}, and this program reads {VERSION}")
        fields.text("created")
        session = _read_session(fields.record("session"))
        turns = _read_turns(fields.records("turns"), session)
        fields.end()
    except ValueError as error:
        raise _wrong(str(error)) from error
    return session, turns


def import_session(
    store: Store, path: Path, *, learn: bool = False, dry_run: bool = False
) -> Brought:
    """Take in a conversation that is in a plain file. See `take_session`.

    Raises:
        PortableError: the file can't be used. StoreError: it contradicts what is stored.
        DiskFullError: there is no room.
    """
    return take_session(store, *read_session_file(path), learn=learn, dry_run=dry_run)


def take_session(
    store: Store,
    session: Session,
    turns: list[Turn],
    *,
    learn: bool = False,
    dry_run: bool = False,
) -> Brought:
    """Take a conversation in, all of it or nothing; `undo` takes it back as one step.

    What is here already is passed over: importing twice changes nothing. A conversation that is
    here keeps its title.

    Args:
        learn: let the policy read what the person said in it. dry_run: write nothing.

    Raises:
        StoreError: it contradicts what is stored. DiskFullError: there is no room.
    """
    here = store.turn_ids(session.id)
    known = [turn for turn in turns if turn.id in here]
    others = [turn for turn in turns if turn.id not in here]
    fresh = [turn for turn in others if not _forgotten(store, turn)]
    if fresh and not dry_run:
        arrival = Arrival([session], fresh)
        store.add_archive(arrival, read_by=None if learn else "import")
    return Brought(session.id, session.title, len(fresh), len(known), len(others) - len(fresh))


def _pieces(path: Path, keys: age.Keys | None) -> Iterator[bytes]:
    """What a file holds, piece by piece, opened if it is encrypted."""
    with ImportFile(path) as file:
        pieces = next(file.texts())
        first = next(pieces, b"")
        if not age.is_age(first):
            yield first
            yield from pieces
            return
    yield from read_lines(path, keys)


def _forgotten(store: Store, turn: Turn) -> bool:
    return store.is_forgotten(turn.id) or store.is_forgotten(turn.session)


def _json(session: Session, turns: list[Turn]) -> Iterator[bytes]:
    """One object, a turn on each line: readable, and easy to compare."""
    about = {name: value for name, value in asdict(session).items() if name != "turns"}
    head = {"format": FORMAT, "version": VERSION, "created": this_second(), "session": about}
    yield (_compact(head)[:-1] + ',"turns":[').encode()
    for number, turn in enumerate(turns):
        record = {name: value for name, value in asdict(turn).items() if name != "session"}
        yield f"{',' if number else ''}\n{_compact(record)}".encode()
    yield b"\n]}\n"


def _compact(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))


def _markdown(session: Session, turns: list[Turn]) -> Iterator[bytes]:
    title = clean_line(session.title, MAX_TITLE) or "A conversation"
    yield f"{MARK}\n# {title}\n\n{session.started[:10]}, {len(turns)} turns\n".encode()
    for turn in turns:
        who = "You" if turn.role is TurnRole.USER else clean_line(turn.speaker, _SPEAKER)
        ended = "" if turn.status is TurnStatus.COMPLETE else f" · {turn.status}"
        head = f"**{who or 'Assistant'}** · {turn.at[:16].replace('T', ' ')}{ended}"
        yield f"\n---\n\n{head}\n\n{clean_text(turn.text)}\n".encode()
    yield f"\n{_OF.format(session.id)}\n".encode()


def _check_is_ours(path: Path, file: BinaryIO) -> None:
    head = file.read(_HEAD)
    if age.is_age(head):
        raise age.unknown(path)
    if not head.startswith((MARK.encode(), START.encode())):
        raise PortableError(
            f"{path} is there already and is not an exported conversation", "Choose another name."
        )


def _read_session(fields: Fields | None) -> Session:
    if fields is None:
        raise ValueError("session is missing")
    started = moment_of(fields.text("started")) or now()
    session = Session(
        id=_name(fields),
        title=clean_line(fields.text("title"), MAX_TITLE),
        started=started,
        touched=moment_of(fields.text("touched")) or started,
        turns=0,
        archived=fields.switch("archived"),
        titled=fields.switch("titled"),
    )
    fields.end()
    return session


def _read_turns(rows: list[Fields], session: Session) -> list[Turn]:
    if len(rows) > MAX_TURNS:
        raise ValueError(f"it has more than {MAX_TURNS} turns")
    turns: dict[str, Turn] = {}
    at = session.started
    for number, row in enumerate(rows, 1):
        try:
            turn = _read_turn(row, session.id, at)
            if turn.id in turns:
                raise ValueError("its id comes twice")
        except ValueError as error:
            raise ValueError(f"turn {number}: {error}") from error
        turns[turn.id] = turn
        at = turn.at
    return list(turns.values())


def _read_turn(fields: Fields, session: str, at: str) -> Turn:
    """A turn; where its time is none, that of the one before it."""
    role = fields.choice("role", TurnRole)
    speaker = clean_line(fields.text("speaker"), _SPEAKER)
    turn = Turn(
        id=_name(fields),
        session=session,
        role=role,
        text=clean_text(fields.text("text")),
        at=moment_of(fields.text("at")) or at,
        status=fields.choice("status", TurnStatus),
        speaker=speaker if role is TurnRole.ASSISTANT else "",
    )
    fields.end()
    if turn.status is TurnStatus.OPEN:
        raise ValueError("it is not finished")
    return turn


def _name(fields: Fields) -> str:
    name = fields.name("id")
    if not _NAME.fullmatch(name):
        raise ValueError("id is not a name")
    return name


def _wrong(why: str) -> PortableError:
    told = why if len(why) <= 200 else f"{why[:200]}…"
    return PortableError(
        f"This is not a conversation as Pocket Agent exports it: {told}", "Nothing was imported."
    )
