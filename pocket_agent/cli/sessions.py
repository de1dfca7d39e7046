"""`pocket-agent sessions`: list conversations, name, archive, export and import them."""

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from pocket_agent.cli import options, sealing
from pocket_agent.cli.opening import as_path, open_store, typed
from pocket_agent.cli.output import narrate, one_line, put, put_json, put_line
from pocket_agent.errors import StoreError, UsageError

if TYPE_CHECKING:
    from pocket_agent.memory.records import Session
    from pocket_agent.memory.store import Store

LAST = "last"
_SHORT = 8
_LEAST = 4
_PAGE = 500
_WHICH = "its id, the last letters of it, or `last`"
_FORMS = ("json", "markdown")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The sub-commands of `sessions`."""
    commands = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    about = "conversations, the last touched first: short id, day, turns, title"
    part = commands.add_parser("list", help=about, description=about)
    which = part.add_mutually_exclusive_group()
    which.add_argument("--archived", action="store_true", help="those that are archived")
    which.add_argument("--all", action="store_true", help="archived ones too")
    part.add_argument("-n", metavar="N", type=options.count, default=20, help="how many (20)")
    part.add_argument("--json", action="store_true", help="as JSON")
    part.set_defaults(run=list_sessions)

    about = "give a conversation a title, which nothing but you changes"
    part = commands.add_parser("rename", help=about, description=about)
    part.add_argument("session", help=_WHICH)
    part.add_argument("title", nargs="+", help="the title")
    part.set_defaults(run=rename)

    for name, about in (
        ("archive", "put conversations out of sight; search and recall still find them"),
        ("unarchive", "bring archived conversations back"),
    ):
        part = commands.add_parser(name, help=about, description=about)
        part.add_argument("session", nargs="+", help=_WHICH)
        part.set_defaults(run=archive)

    about = (
        "write one conversation to a file: JSON, to FILE.md Markdown, to FILE.age or FILE.md.age "
        "encrypted"
    )
    part = commands.add_parser("export", help=about, description=about)
    part.add_argument("session", help=_WHICH)
    part.add_argument("file", help="where to; - for the standard output")
    part.add_argument("--as", dest="form", choices=_FORMS, help="for the standard output (json)")
    sealing.add_seal(part)
    part.set_defaults(run=export)

    about = "take a conversation in that was exported as JSON"
    part = commands.add_parser("import", help=about, description=about)
    part.add_argument("file", help="what to take in")
    part.add_argument("--learn", action="store_true", help="let what you said in it be learnt from")
    sealing.add_keys(part)
    part.add_argument("--dry-run", action="store_true", help="say what would come, change nothing")
    part.add_argument("--json", action="store_true", help="what came as JSON")
    part.set_defaults(run=take_in)


def list_sessions(arguments: argparse.Namespace) -> int:
    """Print conversations."""
    wanted = None if arguments.all else bool(arguments.archived)
    with open_store(arguments) as store:
        found = store.sessions(arguments.n, archived=wanted)
    if arguments.json:
        put_json([asdict(session) for session in found])
        return 0
    for session in found:
        kept = "  (archived)" if session.archived else ""
        title = one_line(session.title) or "Untitled"
        said = _turns(session.turns)
        put_line(f"{short(session)}  {session.touched[:10]}  {said:>10}  {title}{kept}")
    if not found:
        narrate("There are none.")
    return 0


def rename(arguments: argparse.Namespace) -> int:
    """Give a conversation a title."""
    title = " ".join(typed(arguments.title).split())
    if not title:
        raise UsageError("A title needs a word")
    with open_store(arguments, writes=True) as store:
        session = find_session(store, arguments.session)
        store.rename_session(session.id, title)
    narrate(f"{short(session)} is called {title!r}")
    return 0


def archive(arguments: argparse.Namespace) -> int:
    """Put conversations out of sight, or bring them back."""
    away = arguments.action == "archive"
    with open_store(arguments, writes=True) as store:
        found = [find_session(store, name) for name in arguments.session]
        for session in found:
            store.archive_session(session.id, away)
    for session in found:
        narrate(f"{arguments.action}d: {short(session)}  {session.title or 'Untitled'}")
    return 0


def export(arguments: argparse.Namespace) -> int:
    """Write one conversation to a file."""
    from pocket_agent.portable.sessions import session_lines, write_session

    with open_store(arguments) as store:
        session = find_session(store, arguments.session)
        encrypted = store.key is not None
        if arguments.file == "-":
            _check_plain(arguments)
            lines = session_lines(store, session.id, markdown=arguments.form == _FORMS[1])
            for line in lines:
                put(line.decode())
            return 0
        if arguments.form:
            raise UsageError("--as is for the standard output", "A file's name says it: FILE.md.")
        path = as_path(arguments.file)
        seal = sealing.seal_for(arguments, path)
        turns = write_session(store, session.id, path, seal=seal)
    narrate(f"exported {_turns(turns)} of {session.title or 'Untitled'!r}")
    if encrypted and seal is None:
        narrate("the profile is encrypted, this file is not: whoever has it can read it")
    return 0


def take_in(arguments: argparse.Namespace) -> int:
    """Take in a conversation."""
    from pocket_agent.portable.sessions import read_session_file, take_session

    # Before a profile is made for it.
    found = read_session_file(as_path(arguments.file), sealing.keys_for(arguments))
    with open_store(arguments, writes=True) as store:
        done = take_session(store, *found, learn=arguments.learn, dry_run=arguments.dry_run)
    if arguments.json:
        put_json({"dry_run": arguments.dry_run, **asdict(done)})
    verb = "would import" if arguments.dry_run else "imported"
    narrate(f"{verb} {_turns(done.turns)} of {done.title or 'Untitled'!r}")
    for count, why in ((done.known, "were here already"), (done.forgotten, "were forgotten here")):
        if count:
            narrate(f"left out: {count} that {why}")
    if done.turns and not arguments.dry_run:
        narrate("`pocket-agent profile undo` takes it back")
    return 0


def _check_plain(arguments: argparse.Namespace) -> None:
    wanted = arguments.with_passphrase or arguments.file_passphrase_fd is not None
    if wanted or arguments.recipient:
        raise UsageError("The standard output is not encrypted", "Name a file: FILE.age.")


def short(session: "Session") -> str:
    """The letters that tell a conversation from others."""
    return session.id[-_SHORT:]


def sessions_named(store: "Store", name: str) -> "list[Session]":
    """The conversations that a name may mean: an id, its last letters, or `last`."""
    if name == LAST:
        return store.sessions(1, archived=False)
    return [s for s in _all(store) if s.id == name or _ends(s.id, name)]


def find_session(store: "Store", name: str) -> "Session":
    """The conversation that is meant.

    Raises:
        StoreError: there is none, or there are several.
    """
    found = sessions_named(store, name)
    if len(found) == 1:
        return found[0]
    if found:
        raise StoreError(f"Several conversations end in {name}", "Give more letters of the id.")
    raise StoreError(f"There is no conversation {name}", "See: pocket-agent sessions list --all")


def _turns(count: int) -> str:
    return f"{count} turn{'s' * (count != 1)}"


def _ends(name: str, tail: str) -> bool:
    return len(tail) >= _LEAST and name.endswith(tail)


def _all(store: "Store") -> "list[Session]":
    found: list[Session] = []
    while page := store.sessions(_PAGE, len(found)):
        found += page
    return found
