"""`pocket-agent profile`: see, correct, undo, export and import what is known of a person."""

import argparse
import json
import sys
from typing import Any

from pocket_agent.cli.opening import (
    as_path,
    existing_store,
    narrate,
    open_home,
    passphrase,
    plain,
)
from pocket_agent.errors import ProfileError, StoreError, UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `profile`."""
    commands = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

    def command(name: str, run: Any, help_line: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=help_line, description=help_line)
        made.set_defaults(run=run)
        return made

    listing = command("list", _list, "the profiles there are; * is the one in use")
    listing.add_argument("--json", action="store_true")
    command("create", _create, "make a new, empty profile").add_argument("name")
    command("use", _use, "use this profile from now on").add_argument("name")
    show = command("show", _show, "every fact, with your words and the date")
    show.add_argument("--json", action="store_true")
    history = command("history", _history, "everything that was learnt, changed or taken back")
    history.add_argument("--json", action="store_true")
    setting = command("set", _set, "write a fact by hand; it wins over what is inferred")
    setting.add_argument("slot")
    setting.add_argument("value", nargs="+")
    setting.add_argument("--avoid", action="store_true", help="disliked or avoided")
    undo = command("undo", _undo, "take back the last change, or the one of that number")
    undo.add_argument("seq", type=int, nargs="?")
    command("export", _export, "write everything to one file").add_argument("file")
    command("import", _import, "take in an export: all of it, or nothing").add_argument("file")
    delete = command("delete", _delete, "delete a profile and all its turns")
    delete.add_argument("name")
    delete.add_argument("--yes", action="store_true", help="do not ask")


def _list(arguments: argparse.Namespace) -> int:
    locations, settings = open_home(arguments)
    names = sorted(path.stem for path in locations.profiles.glob("*.db"))
    for name in sorted({*names, settings.profile}):
        if arguments.json:
            print(json.dumps({"name": name, "in_use": name == settings.profile}))
        else:
            print(f"{'*' if name == settings.profile else ' '} {name}")
    return 0


def _create(arguments: argparse.Namespace) -> int:
    from pocket_agent.memory.store import Store

    locations, _ = open_home(arguments)
    path = locations.profile(arguments.name)
    if path.exists():
        raise UsageError(f"There is a profile {arguments.name!r} already", "Choose another name.")
    Store.open(path, key=passphrase()).close()
    print(arguments.name)
    return 0


def _use(arguments: argparse.Namespace) -> int:
    from pocket_agent.config import save_settings

    locations, _ = open_home(arguments)
    if not locations.profile(arguments.name).exists():
        raise UsageError(
            f"There is no profile {arguments.name!r}",
            f"Make it: pocket-agent profile create {arguments.name}",
        )
    save_settings(locations.config, {"profile": arguments.name})
    print(arguments.name)
    return 0


def _show(arguments: argparse.Namespace) -> int:
    with existing_store(arguments) as store:
        profile = store.profile()
    shown = [*profile.active(), *profile.candidates()]
    if arguments.json:
        print(json.dumps([_fact_row(fact) for fact in shown], ensure_ascii=False))
    else:
        print("\n".join(_sheet(shown)) if shown else "Nothing is known yet.")
    return 0


def _fact_row(fact: Any) -> dict[str, Any]:
    return {
        "id": fact.id,
        "slot": fact.slot,
        "value": fact.value,
        "polarity": fact.polarity,
        "state": fact.state,
        "actor": fact.actor,
        "confidence": fact.confidence,
        "learnt": fact.learnt,
        "locked": fact.locked,
        "pinned": fact.pinned,
        "sources": [
            {
                "turn": s.turn,
                "start": s.start,
                "end": s.end,
                "quote": s.quote,
                "question": s.question,
            }
            for s in fact.sources
        ],
    }


def _sheet(facts: list[Any]) -> list[str]:
    from pocket_agent.profile.slots import BY_NAME, Group

    lines = []
    for group in Group:
        here = [f for f in facts if f.slot in BY_NAME and BY_NAME[f.slot].group is group]
        if here:
            lines += [str(group).upper(), *(line for fact in here for line in _entry(fact))]
    return lines


def _entry(fact: Any) -> list[str]:
    from pocket_agent.profile.facts import FactState, Polarity

    avoids = "avoids " if fact.polarity is Polarity.AVOIDS else ""
    maybe = "  (maybe)" if fact.state is FactState.CANDIDATE else ""
    locked = "  (locked)" if fact.locked else ""
    lines = [f"  {fact.slot}: {avoids}{plain(fact.value)}{maybe}{locked}"]
    for source in fact.sources[-1:]:
        said = "set by hand" if not source.turn else f"“{plain(' '.join(source.quote.split()))}”"
        lines.append(f"      {fact.learnt[:10]}  {said}")
    if not fact.sources:
        lines.append(f"      {fact.learnt[:10]}  set by hand")
    return lines


def _history(arguments: argparse.Namespace) -> int:
    from pocket_agent.profile.rules import effective

    with existing_store(arguments) as store:
        events = store.events()
    counting = {event.seq for event in effective(events)}
    for event in events:
        op = event.op
        quote = event.source.quote if event.source else ""
        if arguments.json:
            row = {"seq": event.seq, "at": event.at, "actor": event.actor, "op": op.kind}
            row |= {"slot": op.slot, "value": op.value, "old": op.old, "polarity": op.polarity}
            row |= {"undoes": op.undoes, "quote": quote, "policy": event.policy}
            print(json.dumps({**row, "counts": event.seq in counting}, ensure_ascii=False))
            continue
        what = f"undoes {op.undoes}" if op.undoes else f"{op.kind} {op.slot}: "
        change = f"{op.old} > {op.value}" if op.old else op.value
        gone = "" if event.seq in counting or op.undoes else "  (undone)"
        said = f"  “{' '.join(quote.split())}”" if quote else ""
        print(
            plain(f"{event.seq:>4}  {event.at[:16]}  {event.actor:<6}  {what}{change}{gone}{said}")
        )
    return 0


def _set(arguments: argparse.Namespace) -> int:
    from pocket_agent.profile.facts import Actor, Op, OpKind, Polarity, Source

    value = " ".join(arguments.value)
    sign = Polarity.AVOIDS if arguments.avoid else Polarity.LIKES
    op = Op(OpKind.ADD, arguments.slot, value, polarity=sign)
    with existing_store(arguments) as store:
        applied = store.record(op, actor=Actor.USER, source=Source("", 0, len(value), value))
    narrate(f"{applied.outcome}: {arguments.slot} · {value}")
    return 0


def _undo(arguments: argparse.Namespace) -> int:
    with existing_store(arguments) as store:
        applied = store.undo(arguments.seq)
    if not applied.changed:
        raise ProfileError("That change counts no longer", "`profile history` shows which do.")
    what = f": {applied.fact.slot} · {applied.fact.value}" if applied.fact else ""
    narrate(f"undone{plain(what)}")
    return 0


def _export(arguments: argparse.Namespace) -> int:
    from pocket_agent.portable.archive import export_profile

    with existing_store(arguments) as store:
        done = export_profile(store, as_path(arguments.file))
    narrate(f"exported {done.sessions} sessions, {done.turns} turns, {done.events} changes")
    return 0


def _import(arguments: argparse.Namespace) -> int:
    from pocket_agent.portable.archive import import_profile

    with existing_store(arguments) as store:
        done = import_profile(store, as_path(arguments.file))
    narrate(
        f"imported {done.sessions} sessions, {done.turns} turns, {done.events} changes; "
        f"{done.skipped} were here already"
    )
    return 0


def _delete(arguments: argparse.Namespace) -> int:
    locations, settings = open_home(arguments)
    path = locations.profile(arguments.name)
    if not path.exists():
        raise UsageError(f"There is no profile {arguments.name!r}", "`profile list` shows them.")
    if not arguments.yes and not _agreed(arguments.name):
        raise UsageError("Nothing was deleted", "Say so with --yes, or type the profile's name.")
    _erase(path)
    if arguments.name == settings.profile:
        narrate("that was the profile in use: the next start makes it anew")
    print(arguments.name)
    return 0


def _agreed(name: str) -> bool:
    if not sys.stdin.isatty():
        return False
    narrate(f"This deletes everything in {name!r} for good. Type its name to go on:")
    return sys.stdin.readline().strip() == name


def _erase(path: Any) -> None:
    """Take the files away while nobody else has the profile open."""
    from pocket_agent.memory.lock import StoreLock

    lock = StoreLock(path)
    try:
        for suffix in ("-wal", "-shm", ""):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"{path.name} can't be deleted ({error.strerror})") from error
    finally:
        lock.release()
