"""`profile import` of other programs' files: which format it is, what comes, and the import."""

import argparse
import contextlib
from dataclasses import asdict
from typing import TYPE_CHECKING

from pocket_agent.cli import carry
from pocket_agent.cli.opening import as_path, erase, open_home, open_store, profile_name
from pocket_agent.cli.output import narrate, one_line, put_json, put_line
from pocket_agent.errors import StoreError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from pocket_agent.memory.store import Store
    from pocket_agent.portable.importers.found import Importer
    from pocket_agent.portable.importers.taking import Taken

FORMATS = ("auto", "chatgpt", "claude", "mem0", "markdown")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which file, of which format, and how."""
    parser.add_argument("file", help="what to take in")
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default="auto",
        help="of another program's file (default: auto)",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would change, change nothing"
    )
    parser.add_argument(
        "--learn",
        action="store_true",
        help="let what you said in another program's conversations be learnt from, later: what is "
        "found waits for your yes or no",
    )
    carry.add_import(parser)
    parser.add_argument("--json", action="store_true", help="what changes as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Take in another program's file, or else an export of ours."""
    found = recognise(arguments)
    return carry.take_in(arguments) if found is None else _take_in(arguments, found)


def recognise(arguments: argparse.Namespace) -> "Importer | None":
    """The importer for the file; None if it is to be read as an export of ours.

    Raises:
        PortableError: the file is of none of the formats. UsageError: it is another program's, and
            what is wished is for exports of ours alone.
    """
    from pocket_agent.portable.importers.registry import IMPORTERS, detect

    named = arguments.format
    found = detect(as_path(arguments.file)) if named == "auto" else IMPORTERS[named]
    sealed = arguments.with_passphrase or arguments.file_passphrase_fd is not None
    ours_alone = arguments.replace or arguments.forget_too or arguments.identity or sealed
    if found is not None and ours_alone:
        raise UsageError(
            "--replace, --forget-too, a passphrase and a key are for exports of ours",
            f"This file is {found.title}'s.",
        )
    if found is None and arguments.learn:
        raise UsageError(
            "--learn is for other programs' conversations",
            "An export of ours brings what was learnt along.",
        )
    return found


def _take_in(arguments: argparse.Namespace, reader: "Importer") -> int:
    """Take the file in, or say what would come."""
    from pocket_agent.portable.importers.taking import survey, take_in

    def take(file: "Path", reader: "Importer", store: "Store") -> "Taken":
        if arguments.dry_run:
            return survey(file, reader, store)
        return take_in(file, reader, store, learn=arguments.learn)

    locations, settings = open_home(arguments)
    profile = locations.profile(profile_name(arguments, settings))
    is_new, file = not profile.exists(), as_path(arguments.file)
    if arguments.dry_run and is_new:
        _report(survey(file, reader, None), reader, arguments)
        return 0
    try:
        with open_store(arguments, make=True) as store:
            done = take(file, reader, store)
    except BaseException:
        if is_new and profile.exists():  # all of it or nothing: no empty profile either
            with contextlib.suppress(StoreError):
                erase(profile)
        raise
    _report(done, reader, arguments)
    return 0


def _report(taken: "Taken", reader: "Importer", arguments: argparse.Namespace) -> None:
    if arguments.json:
        put_json({"dry_run": arguments.dry_run, "format": reader.name, **asdict(taken)})
    _tell(taken, reader, would=arguments.dry_run, lines=not arguments.json)
    if arguments.learn and taken.turns and not arguments.dry_run:
        narrate(
            "the chat reads what you said in them while you are not writing; what it finds waits"
        )


def _tell(taken: "Taken", reader: "Importer", *, would: bool, lines: bool) -> None:
    if would and lines:
        for line in (*taken.titles, *taken.lines):
            put_line(one_line(line))
        left = taken.sessions + taken.statements - len(taken.titles) - len(taken.lines)
        if left:
            put_line(f"… and {left} more")
    verb = "would import" if would else "imported"
    parts = (
        _counted(taken.sessions, "conversation"),
        _counted(taken.turns, "turn"),
        _counted(taken.statements, "statement"),
    )
    what = ", ".join(part for part in parts if part) or "nothing new"
    narrate(f"{verb} from {reader.title}: {what}")
    for count, why in (
        (taken.known, "were here already, or you have said no to them"),
        (taken.forgotten, "were forgotten here and stay so"),
        (taken.skipped, "are empty, too long to be a fact, or too many at once"),
        (taken.unknown, "are notes of you in a form that isn't known"),
    ):
        if count:
            narrate(f"left out: {count} that {why}")
    if taken.statements and not would:
        narrate("the statements wait for your yes or no: pocket-agent profile candidates")


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}" if count else ""
