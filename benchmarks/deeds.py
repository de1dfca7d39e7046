"""What is done to a profile that must be whole or not at all, each deed on a small folder.

`benchmarks.kills` kills them at random moments; the tests fill the disk at every write of theirs.
"""

import contextlib
import io
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import apsw

from benchmarks import foreign_files
from pocket_agent.cli.main import main
from pocket_agent.errors import PocketAgentError
from pocket_agent.memory import cipher, migrations
from pocket_agent.memory.cipher import Key
from pocket_agent.memory.connecting import connect
from pocket_agent.memory.encryption import rewrite
from pocket_agent.memory.erasure import Wish
from pocket_agent.memory.store import Store
from pocket_agent.memory.vectors import PartVector
from pocket_agent.portable.archive import export_profile, import_profile, read_contents
from pocket_agent.profile.facts import Actor, Op, OpKind
from pocket_agent.profile.rules import replay
from pocket_agent.profile.sources import ground

FIRST, SECOND = (Key(bytes([n]) * 32, b"PKA\x01" + bytes([n]) * 12) for n in (1, 2))
"""Raw keys: a passphrase would cost a quarter second each time."""
_KEYS = {FIRST.salt: FIRST, SECOND.salt: SECOND}
WORD = "zqporto"
"""What `forget` forgets."""
_TURNS = 8

Picture = tuple[object, ...]
"""All that a folder holds, to be compared."""


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing to do.

    Args:
        prepare: fills an empty folder with what it needs. do: does it there.
    """

    name: str
    prepare: Callable[[Path], None]
    do: Callable[[Path], None]


def profile_in(folder: Path) -> Path:
    """The file of the profile."""
    return folder / "profiles" / "default.db"


def key_of(path: Path) -> Key | None:
    """Which of the keys opens a file."""
    return _KEYS.get(cipher.head_of(path))


def picture(folder: Path) -> Picture:
    """What the folder holds, after checking that every part of it is sound.

    Raises:
        AssertionError, PocketAgentError: something is damaged, half done or left lying about.
    """
    path = profile_in(folder)
    found = picture_of(path)
    exported = folder / "out.jsonl"
    if exported.exists():
        with Store.open(folder / "check" / "other.db") as store:
            import_profile(store, exported)
            found.append(len(store.events()))
    left = {file.name for file in (*folder.iterdir(), *path.parent.iterdir())}
    known = {"profiles", "models", "logs", "cache", "check", "promises"}
    known |= {"in.jsonl", "in.json", "out.jsonl"}
    strange = left - known - {path.name, f"{path.name}.lock"}
    assert not strange, f"left behind: {sorted(strange)}"
    return tuple(found)


def picture_of(path: Path) -> list[object]:
    """The same of the file of a profile alone."""
    key = key_of(path)
    return [(key.raw[0] if key else 0, _version(path, key)), *_contents(path, key)]


def _version(path: Path, key: Key | None) -> int:
    connection = apsw.Connection(str(path))
    if key is not None:
        cipher.unlock(connection, key)
    version = connection.pragma("user_version")
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    connection.close()
    return int(version)


def _contents(path: Path, key: Key | None) -> list[object]:
    with Store.open(path, key=key, create=False) as store:
        assert not store.read_only
        assert store.problems() == []
        profile = store.profile()
        assert replay(store.events()) == profile
        with store.database.reading() as connection:
            connection.execute("INSERT INTO turn_words (turn_words) VALUES ('integrity-check')")
            finished = connection.execute("SELECT count(*) FROM turns").get
            assert connection.execute("SELECT count(*) FROM turn_words").get == finished
            assert connection.execute("SELECT count(*) FROM erasure").get == 0
        contents = read_contents(store)
    facts = profile.facts.values()
    # What another program noted gets another id each time: the place of its event names it.
    places = {event.id: place for place, event in enumerate(contents.events)}
    return [
        tuple((session.id, session.title) for session in contents.sessions),
        tuple((turn.id, turn.text, turn.status.value) for turn in contents.turns),
        tuple(
            (event.actor.value, event.op.kind.value, event.op.value) for event in contents.events
        ),
        frozenset((places[fact.id], fact.slot, fact.value, fact.state.value) for fact in facts),
    ]


def fill(path: Path, key: Key | None = None, word: str = WORD) -> None:
    """A profile with some turns of both sides, facts, vectors and an undo."""
    with Store.open(path, key=key) as store:
        session = store.new_session(f"About {word}")
        for number in range(_TURNS):
            text = f"number {number}: I like {word}{number} and figs{number}"
            turn = store.add_user_turn(session.id, text)
            store.close_reply(store.open_reply(session.id).id, f"What is {word}?")
            for value in (f"{word}{number}", f"figs{number}"):
                source = ground(turn.id, text, value)
                store.record(Op(OpKind.ADD, "food", value), actor=Actor.POLICY, source=source)
            store.mark_read(turn.id, "v1")
        store.add_user_turn(session.id, "something else")
        store.undo()
        waiting = store.unembedded("m", 100)
        store.put_vectors("m", [PartVector(p.number, 0, bytes(1536)) for p in waiting])


def _plain(folder: Path) -> None:
    fill(profile_in(folder))


def _first(folder: Path) -> None:
    fill(profile_in(folder), FIRST)


def _with_export(folder: Path) -> None:
    _plain(folder)
    with tempfile.TemporaryDirectory() as elsewhere:
        other = Path(elsewhere) / "other.db"
        fill(other, word="zqelse")
        with Store.open(other) as store:
            export_profile(store, folder / "in.jsonl")


def _with_forgotten(folder: Path) -> None:
    """With an export of the same life, of which something was forgotten elsewhere."""
    _plain(folder)
    with tempfile.TemporaryDirectory() as elsewhere:
        here, file = profile_in(folder), Path(elsewhere) / "life.jsonl"
        with Store.open(here) as store:
            export_profile(store, file)
        with Store.open(Path(elsewhere) / "other.db") as store:
            import_profile(store, file)
            store.forget(Wish(matching=f"{WORD}3"))
            store.record(Op(OpKind.ADD, "home", "Lagos"), actor=Actor.USER)
            export_profile(store, folder / "in.jsonl")


def _with_foreign(folder: Path) -> None:
    """With another program's conversations, and what it noted beside them."""
    _plain(folder)
    (folder / "in.json").write_text(json.dumps(foreign_files.chatgpt()), "utf-8")


_NEWER = """
DROP TABLE fact_vectors;
DROP INDEX turns_read_later;
DROP TABLE heads;
DROP TABLE branches;
ALTER TABLE sessions DROP COLUMN archived;
ALTER TABLE sessions DROP COLUMN titled;
DROP TABLE set_aside;
DROP TABLE imports;
DROP TABLE tombstone_keys;
DROP INDEX events_in_order;
ALTER TABLE events DROP COLUMN clock;
ALTER TABLE events DROP COLUMN over;
ALTER TABLE events DROP COLUMN batch;
ALTER TABLE turns DROP COLUMN batch;
ALTER TABLE sessions DROP COLUMN batch;
ALTER TABLE tombstones DROP COLUMN batch;
DROP TRIGGER contexts_forget_turns;
DROP TABLE contexts;
DROP TABLE vector_bits;
"""
"""Takes back what the schema has had since version 4."""


def _earlier(folder: Path) -> None:
    """As version 4 would have left it."""
    path = profile_in(folder)
    _plain(folder)
    connection = connect(path, None)
    with connection:
        connection.execute(_NEWER)
        step = next(step for step in migrations.STEPS if "vector_codes USING vec0" in step)
        connection.execute(step[step.index("CREATE VIRTUAL") :])
        connection.execute(
            "INSERT INTO vector_codes SELECT id, model, vec_quantize_int8(embedding, 'unit') "
            "FROM vectors"
        )
        connection.pragma("user_version", 4)
    connection.close()


def _command(*words: str) -> Callable[[Path], None]:
    """A command of the program.

    Raises:
        PocketAgentError: with what it said, if it failed.
    """

    def run(folder: Path) -> None:
        told = io.StringIO()
        given = [word.replace("{}", str(folder)) for word in words]
        with contextlib.redirect_stderr(told), contextlib.redirect_stdout(io.StringIO()):
            code = main(("--home", str(folder), *given))
        if code:
            assert code == 1, (code, told.getvalue())
            lines = told.getvalue().splitlines()  # before it, it may narrate
            raise PocketAgentError("\n".join(x for x in lines if x.startswith("pocket-agent: ")))

    return run


def _rekey(old: Key | None, new: Key | None) -> Callable[[Path], None]:
    return lambda folder: rewrite(profile_in(folder), old, new)


def _migrate(folder: Path) -> None:
    Store.open(profile_in(folder)).close()


_FORGET = ("profile", "forget")
_IMPORT = ("profile", "import", "{}/in.jsonl")

DEEDS = {
    deed.name: deed
    for deed in (
        Deed("import", _with_export, _command(*_IMPORT)),
        Deed("replace", _with_export, _command(*_IMPORT, "--replace")),
        Deed("forget-too", _with_forgotten, _command(*_IMPORT, "--forget-too")),
        Deed("foreign", _with_foreign, _command("profile", "import", "{}/in.json")),
        Deed("export", _plain, _command("profile", "export", "{}/out.jsonl")),
        Deed("migrate", _earlier, _migrate),
        Deed("encrypt", _plain, _rekey(None, FIRST)),
        Deed("rekey", _first, _rekey(FIRST, SECOND)),
        Deed("decrypt", _first, _rekey(FIRST, None)),
        Deed("forget", _plain, _command(*_FORGET, "--matching", WORD, "--substring", "--yes")),
        Deed("undo", _plain, _command("profile", "undo")),
    )
}
