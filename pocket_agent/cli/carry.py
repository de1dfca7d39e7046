"""`profile export` and `profile import`: a profile in a file, and what a file would change."""

import argparse
import contextlib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pocket_agent.cli import sealing
from pocket_agent.cli.opening import as_path, erase, open_home, open_store, profile_name
from pocket_agent.cli.output import narrate, one_line, put_json, put_line
from pocket_agent.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Set

    from pocket_agent.portable.changes import Changes
    from pocket_agent.portable.contents import Summary
    from pocket_agent.profile.facts import Fact

_SHOWN = 20
_WIDTH = 100


def add_export(parser: argparse.ArgumentParser) -> None:
    """Where to, for whom, and what of it."""
    parser.add_argument(
        "file", help="FILE.md for Markdown, FILE.age (FILE.md.age) for an encrypted file"
    )
    sealing.add_seal(parser)
    parser.add_argument("--no-turns", action="store_true", help="facts alone, no conversations")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAMES",
        help="facts of these slots or groups alone (food,style), no conversations",
    )
    parser.add_argument(
        "--without",
        action="append",
        default=[],
        metavar="NAMES",
        help="facts but those of these slots or groups (health), no conversations",
    )
    parser.add_argument("--dates", action="store_true", help="in Markdown: when it was learnt")
    parser.add_argument("--quotes", action="store_true", help="in Markdown: your own words")


def add_import(parser: argparse.ArgumentParser) -> None:
    """How an export of ours is opened and taken in."""
    parser.add_argument(
        "--replace",
        action="store_true",
        help="of an export of ours: in the place of all that is here, not merged",
    )
    parser.add_argument(
        "--mine",
        action="store_true",
        help="of an export of ours: it is your own, so answer as it wishes; else what it says of "
        "style is only told as information",
    )
    parser.add_argument(
        "--forget-too",
        action="store_true",
        help="erase here too, for good, what was forgotten where the export comes from",
    )
    sealing.add_keys(parser)


def export(arguments: argparse.Namespace) -> int:
    """Write an export."""
    from pocket_agent.portable.archive import export_profile
    from pocket_agent.portable.markdown import Style
    from pocket_agent.portable.parts import Choice, slots_of
    from pocket_agent.portable.writing import told

    path = as_path(arguments.file)
    choice = Choice(not arguments.no_turns, slots_of(arguments.only), slots_of(arguments.without))
    styled = arguments.dates or arguments.quotes
    style = Style(arguments.dates, arguments.quotes) if styled else None
    with open_store(arguments) as store:
        seal = sealing.seal_for(arguments, path)
        done = export_profile(store, path, choice=choice, seal=seal, style=style)
        encrypted = store.key is not None
    narrate(f"exported {told(done, path, choice)}")
    if done.held_back:
        narrate(f"left out too: {_count(done.held_back, 'fact')} naming what was to be left out")
    if encrypted and seal is None:
        narrate("the profile is encrypted, this file is not: whoever has it can read it")
    return 0


def take_in(arguments: argparse.Namespace) -> int:
    """Take in an export, or say what it would change."""
    from pocket_agent.portable.archive import import_profile
    from pocket_agent.portable.kept import exports_holding

    locations, settings = open_home(arguments)
    path = locations.profile(profile_name(arguments, settings))
    is_new = not path.exists()
    done, file = None, as_path(arguments.file)

    def kept(names: "Set[str]") -> list[Path]:
        found = exports_holding(locations.home, names, store)
        return [path for path in found if not path.samefile(file)]

    try:
        with open_store(arguments, make=True) as store:
            done = import_profile(
                store,
                file,
                keys=sealing.keys_for(arguments),
                replace=arguments.replace,
                dry_run=arguments.dry_run,
                forget_too=arguments.forget_too,
                mine=arguments.mine,
                exports=kept,
            )
    finally:
        # All of it or nothing: no empty profile either.
        if is_new and path.exists() and (done is None or arguments.dry_run):
            with contextlib.suppress(StoreError):
                erase(path)
    _tell(done, arguments)
    return 0


def _tell(done: "Summary", arguments: argparse.Namespace) -> None:
    what = "would import" if arguments.dry_run else "imported"
    narrate(
        f"{what} {done.sessions} sessions, {done.turns} turns, {done.events} changes; "
        f"{done.skipped} were here already"
    )
    if arguments.json:
        put_json(_record(done, arguments.dry_run))
    elif arguments.dry_run:
        for line in _lines(done.changes):
            put_line(line)
        narrate("nothing was changed")
    else:
        for line in _lines(done.changes):
            narrate(line)
    _tell_hearsay(done.hearsay)
    if done.erases:
        tense = "would be" if arguments.dry_run else "were"
        narrate(f"{done.forgotten_there} turns or changes that are here {tense} erased for good:")
        narrate("they were forgotten where the file comes from, and no undo brings them back")
        return
    if done.forgotten_there:
        narrate(
            f"{done.forgotten_there} turns or changes that are here were forgotten where the file "
            "comes from; they stay here, unless you import it with --forget-too"
        )
    if not arguments.dry_run and (done.changes or done.turns or arguments.replace):
        narrate("`pocket-agent profile undo` takes all of it back")


def _tell_hearsay(facts: "tuple[Fact, ...]") -> None:
    if facts:
        wishes = "1 wish" if len(facts) == 1 else f"{len(facts)} wishes"
        narrate(f"{wishes} for how to be answered came with it: told to the model, not obeyed,")
        narrate("until you pin, lock or set it by hand; of your own export, import it with --mine")


def _lines(changes: "Changes") -> list[str]:
    """What changes, in plain words: how many of each kind, then which."""
    from pocket_agent.assistant.phrases import label

    groups = {
        "added": [label(fact) for fact in changes.added],
        "updated": [f"{label(old)} → {_value(new)}" for old, new in changes.updated],
        "no longer held": [label(fact) for fact in changes.removed],
        "waiting for your yes or no": [label(fact) for fact in changes.waiting],
        "marked": [f"{label(fact)} ({_marks(fact)})" for fact in changes.marked],
    }
    told = [f"{len(lines)} {name}" for name, lines in groups.items() if lines]
    found = [f"facts: {', '.join([*told, f'{changes.unchanged} unchanged'])}"]
    for name, lines in groups.items():
        found += [f"  {name}: {one_line(line)[:_WIDTH]}" for line in lines[:_SHOWN]]
        if len(lines) > _SHOWN:
            found.append(f"  {name}: … and {len(lines) - _SHOWN} more")
    return found


def _value(fact: "Fact") -> str:
    from pocket_agent.assistant.phrases import label

    return label(fact).partition(" · ")[2]


def _marks(fact: "Fact") -> str:
    marks = [name for name, is_so in (("locked", fact.locked), ("pinned", fact.pinned)) if is_so]
    return ", ".join(marks) or "neither locked nor pinned"


def _record(done: "Summary", dry_run: bool) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "sessions": done.sessions,
        "turns": done.turns,
        "events": done.events,
        "skipped": done.skipped,
        "forgotten_there": done.forgotten_there,
        "erases": done.erases,
        "facts": asdict(done.changes),
    }


def _count(number: int, name: str) -> str:
    return f"{number} {name}{'' if number == 1 else 's'}"
