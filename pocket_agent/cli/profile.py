"""`pocket-agent profile`: see, correct, undo, export and import what is known of a person."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from pocket_agent.cli import candidates, carry, encryption, facts, forget, importing, marks
from pocket_agent.cli.opening import erase, no_profile, open_home
from pocket_agent.cli.output import narrate, put_json, put_line
from pocket_agent.cli.passphrases import passphrase_for
from pocket_agent.config import Settings, save_settings
from pocket_agent.errors import PassphraseError, StoreBusyError, StoreError, UsageError
from pocket_agent.paths import Locations


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The sub-commands of `profile`."""
    commands = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

    def command(
        name: str, run: Callable[[argparse.Namespace], int], about: str
    ) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=about, description=about)
        made.set_defaults(run=run)
        return made

    listing = command("list", _list, "the profiles there are; * is the one in use")
    listing.add_argument("--json", action="store_true", help="as JSON")
    create = command("create", _create, "make a new, empty profile")
    create.add_argument("name", help="what to call it")
    create.add_argument("--encrypt", action="store_true", help="one that opens with a passphrase")
    encryption.add_remember(create)
    use = command("use", _use, "use this profile from now on")
    use.add_argument("name", help="as `profile list` shows it")
    show = command("show", facts.show, "every fact, with your words and the date")
    show.add_argument("--json", action="store_true", help="as JSON")
    show.add_argument(
        "--at", metavar="DATE", help="as it was at the end of that day (2026-11-28), or at a time"
    )
    show.add_argument("--matching", metavar="TEXT", default="", help="only what contains this text")
    show.add_argument(
        "--slot", action="append", default=[], metavar="NAMES", help="only these slots or groups"
    )
    why = command("why", facts.why, "the words that a fact rests on, and the turns they stand in")
    marks.add_arguments(why)
    why.add_argument("--json", action="store_true", help="as JSON")
    history = command("history", facts.history, "everything that was learnt, changed or taken back")
    history.add_argument("--json", action="store_true", help="as JSON")
    history.add_argument(
        "--fact", nargs="+", metavar="WORD", help="of one fact alone: its slot and value"
    )
    setting = command("set", facts.set_fact, "write a fact by hand; it wins over what is inferred")
    setting.add_argument("slot", help="what it is about: home, food, … (a wrong one lists them)")
    setting.add_argument("value", nargs="+", help="the fact's words")
    setting.add_argument("--avoid", action="store_true", help="something you dislike or avoid")
    setting.add_argument(
        "--instead-of",
        metavar="VALUE",
        default="",
        help="edit: the value that it replaces, or SLOT: VALUE if it was filed wrongly",
    )
    for name, about in marks.COMMANDS.items():
        marks.add_arguments(command(name, marks.command(name), about))
    waiting = command("candidates", candidates.listing, "what waits for your yes or no")
    waiting.add_argument("--json", action="store_true", help="as JSON")
    for name, about in candidates.ANSWERS.items():
        candidates.add_arguments(command(name, candidates.answering(name), about))
    undo = command("undo", facts.undo, "take back the last change, or the one of that number")
    undo.add_argument("seq", type=int, nargs="?", help="a number of `profile history`")
    undo.add_argument(
        "--import",
        dest="last_import",
        action="store_true",
        help="take back the last import, even if there were changes since",
    )
    forget.add_arguments(
        command("forget", forget.run, "erase for good: a fact, turns, a text, a time, everything")
    )
    carry.add_export(command("export", carry.export, "write everything, or parts, to one file"))
    importing.add_arguments(
        command(
            "import",
            importing.run,
            "take in a file of this or another program: all of it, or nothing",
        )
    )
    encrypt = command(
        "encrypt", encryption.encrypt, "encrypt a profile: only its passphrase opens it then"
    )
    encryption.add_remember(encrypt)
    command("decrypt", encryption.decrypt, "make an encrypted profile a plain one")
    change = command("passphrase", encryption.change, "change an encrypted profile's passphrase")
    encryption.add_change(change)
    delete = command("delete", _delete, "delete a profile and all its turns")
    delete.add_argument("name", help="as `profile list` shows it")
    delete.add_argument(
        "--exports",
        action="store_true",
        help="its exports in the program's own folder too, but encrypted ones",
    )
    delete.add_argument("--yes", action="store_true", help="do not ask")


def _list(arguments: argparse.Namespace) -> int:
    from pocket_agent.memory.cipher import is_encrypted

    locations, settings = open_home(arguments)
    names = {path.stem for path in locations.profiles.glob("*.db")} | {settings.profile}
    rows = [
        {
            "name": name,
            "in_use": name == settings.profile,
            "encrypted": is_encrypted(locations.profile(name)),
        }
        for name in sorted(names)
    ]
    if arguments.json:
        put_json(rows)
        return 0
    for row in rows:
        closed = "  (encrypted)" if row["encrypted"] else ""
        put_line(f"{'*' if row['in_use'] else ' '} {row['name']}{closed}")
    return 0


def _create(arguments: argparse.Namespace) -> int:
    from pocket_agent.memory.store import Store

    locations, settings = open_home(arguments)
    path = locations.profile(arguments.name)
    if path.exists() and path.stat().st_size:  # an empty one is what a kill may leave
        raise StoreError(f"There is a profile {arguments.name!r} already", "Choose another name.")
    if arguments.remember and not arguments.encrypt:
        raise UsageError("A plain profile has no passphrase to remember", "Add --encrypt.")
    if arguments.encrypt:
        encryption.create(arguments, locations, path)
    else:
        Store.open(path, key=passphrase_for(arguments, settings, path)).close()
    put_line(arguments.name)
    return 0


def _use(arguments: argparse.Namespace) -> int:
    locations, _ = open_home(arguments)
    if not locations.profile(arguments.name).exists():
        raise no_profile(arguments.name)
    save_settings(locations.config, {"profile": arguments.name})
    put_line(arguments.name)
    return 0


def _delete(arguments: argparse.Namespace) -> int:
    locations, settings = open_home(arguments)
    path = locations.profile(arguments.name)
    if not path.exists():
        raise StoreError(f"There is no profile {arguments.name!r}", "`profile list` shows them.")
    files = _exports(arguments, locations, settings)
    if not arguments.yes and not _agreed(arguments.name):
        raise UsageError("Nothing was deleted", "Say so with --yes, or type the profile's name.")
    too = arguments.exports or (bool(files) and not arguments.yes and _agreed_too())
    erase(path)
    _delete_exports(files, too)
    if settings.key_store:
        encryption.forget(path)
    if arguments.name == settings.profile:
        now = save_settings(locations.config, {"profile": None}).profile
        narrate(f"that was the profile in use; it is {now!r} now")
    put_line(arguments.name)
    return 0


def _exports(arguments: argparse.Namespace, locations: Locations, settings: Settings) -> list[Path]:
    """The profile's exports in the program's own folder, each of them told."""
    from pocket_agent.memory.store import Store
    from pocket_agent.portable.kept import exports_of, sealed_exports

    path = locations.profile(arguments.name)
    try:
        key = passphrase_for(arguments, settings, path, ask=False)
        with Store.open(path, key=key, create=False) as store:
            files = exports_of(locations.home, store)
    except StoreBusyError:
        raise
    except (PassphraseError, StoreError):  # what can't be opened can be deleted all the same
        narrate("it can't be opened, so which exports are its own is not known")
        files = []
    for file in files:
        narrate(f"  its export  {file}")
    for file in sealed_exports(locations.home):
        narrate(f"  encrypted, so it stays: perhaps of this profile  {file}")
    return files


def _agreed_too() -> bool:
    narrate("Delete its exports too? Type yes to do so:")
    return sys.stdin.readline().strip().lower() == "yes"


def _delete_exports(files: list[Path], wanted: bool) -> None:
    for file in files if wanted else ():
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(
                f"{file} can't be deleted ({error.strerror or error})", "Delete it by hand."
            ) from error
    if files:
        narrate("its exports are deleted" if wanted else "its exports stay: --exports deletes them")


def _agreed(name: str) -> bool:
    if not sys.stdin.isatty():
        return False
    narrate(f"This deletes everything in {name!r} for good. Type its name to go on:")
    return sys.stdin.readline().strip() == name
