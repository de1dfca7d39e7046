"""The proof: 200 unique words, planted by every path, forgotten in every way. No byte stays."""

import json
import random
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import apsw
import pytest
from textual.pilot import Pilot

from pocket_agent.assistant.asker import Asker
from pocket_agent.assistant.attaching import attached
from pocket_agent.cli.main import main
from pocket_agent.memory import cipher
from pocket_agent.memory.erasure import Wish
from pocket_agent.memory.records import Drawn, Turn, TurnRole
from pocket_agent.memory.store import Store
from pocket_agent.memory.vectors import PartVector
from pocket_agent.paths import Locations
from pocket_agent.portable.archive import export_profile, import_profile
from pocket_agent.profile.facts import Actor, Op, OpKind, Source
from pocket_agent.profile.sources import ground
from pocket_agent.tui.app import PocketApp
from pocket_agent.tui.conversation import Note
from pocket_agent.tui.live import LiveBackend
from pocket_agent.tui.options import TuiOptions
from pocket_agent.tui.screens.confirm import ConfirmScreen
from pocket_agent.tui.widgets.prompt import Prompt

PLANTED = 200
EXPORTS = ("kept.jsonl", "kept.age", "me.md")
PASSPHRASE = "seventeen brass lamps"
_COMMON = "the wind and some water were there when we talked of it".split()


class Garden:
    """Plants words that occur nowhere else, and remembers how each is to be forgotten."""

    def __init__(self, home: Path, opened: Callable[[], AbstractContextManager[Store]]) -> None:
        self.home, self._open = home, opened
        self.words: list[str] = []
        self.ways: list[tuple[str, ...]] = []
        self._dice = random.Random(7)

    def word(self) -> str:
        """A word whose first seven letters no other has."""
        made = f"Zq{len(self.words):03d}{self._dice.choice('kvxw')}{self._dice.randrange(10**5)}"
        self.words.append(made)
        return made

    def sentence(self, *words: str) -> str:
        filling = [self._dice.choice(_COMMON) for _ in range(self._dice.randrange(2, 40))]
        at = self._dice.randrange(len(filling))
        return " ".join([*filling[:at], *words, *filling[at:]])

    def forgotten_by(self, *way: str) -> None:
        self.ways.append(("profile", "forget", *way, "--yes"))

    # Each path of the product, and the way its words are forgotten.

    def chat(self, store: Store, sessions: int) -> None:
        """Sessions with a title, turns of both sides, and facts by the policy."""
        for _ in range(sessions):
            session = store.new_session(f"About {self.word()}")
            for _ in range(2):
                value = self.word()
                turn = store.add_user_turn(session.id, self.sentence("I like", value, self.word()))
                reply = store.open_reply(session.id)
                begun = f"So you like {self.word()}"
                store.checkpoint_reply(reply.id, begun)
                store.close_reply(reply.id, f"{begun}, {self.sentence(value, self.word())}")
                self.learn(store, turn, "food", value)
            self.forgotten_by("--session", session.id)

    def turns(self, store: Store, count: int) -> None:
        """Single turns among others that stay."""
        session = store.new_session("Common")
        for _ in range(count):
            store.add_user_turn(session.id, "the wind was there")
            value = self.word()
            turn = store.add_user_turn(session.id, self.sentence(value, self.word()))
            store.close_reply(store.open_reply(session.id).id, f"{value} and {self.word()}?")
            answer = store.add_user_turn(session.id, "yes, that")
            self.learn(store, turn, "hobby", value)
            self.learn(store, answer, "pet", self.words[-1], f"{value} and {self.words[-1]}?")
            self.forgotten_by("--turn", turn.id)

    def facts(self, store: Store, count: int) -> None:
        """Facts by hand and by the policy, changed, undone, removed, waiting."""
        session = store.new_session(f"I said {self.word()}")
        self.forgotten_by("--matching", self.words[-1].upper())
        for number in range(count):
            value, newer = self.word(), self.word()
            text = self.sentence("Now", value, "or maybe", newer)
            turn = store.add_user_turn(session.id, text)
            store.close_reply(store.open_reply(session.id).id, f"So you like {value}, {newer}.")
            slot = ("home", "music", "travel")[number % 3]
            self.learn(store, turn, slot, value, confidence=0.2 if number % 4 == 1 else 0.9)
            op = Op(OpKind.UPDATE, slot, newer, old=value)
            source = ground(turn.id, text, newer)
            store.record(op, actor=Actor.POLICY, source=source)
            if number % 4 == 2:
                store.undo()
            if number % 4 == 3:
                store.record(Op(OpKind.REMOVE, slot, newer), actor=Actor.USER)
            self.forgotten_by("--fact", slot, value)
            self.forgotten_by("--fact", slot, newer.lower())

    def past(self, store: Store, count: int) -> None:
        """Turns and facts of an earlier year, from elsewhere."""
        for number in range(count):
            name, at = f"p{number}", f"2019-03-{number % 27 + 1:02d}T10:00:00+00:00"
            text = self.sentence(self.word())
            store.add_turns([Turn(name, f"ps{number}", TurnRole.USER, text, at, speaker="Ann")])
            store.rename_session(f"ps{number}", f"Then {self.words[-1]}")
            op = Op(OpKind.ADD, "past", self.word())
            source = Source("", 0, len(op.value), op.value)
            store.record(op, actor=Actor.USER, source=source, at=at)
        self.forgotten_by("--since", "2019-03-01", "--until", "2019-03-31")

    def echoes(self, store: Store, count: int) -> None:
        """Turns that replies elsewhere were made from, and repeat."""
        other = store.new_session("Elsewhere")
        for _ in range(count):
            value = self.word()
            session = store.new_session("Common")
            turn = store.add_user_turn(session.id, self.sentence(value, self.word()))
            self.learn(store, turn, "topic", value)
            fact = store.profile().active("topic")[-1]
            store.add_user_turn(other.id, "what was it?")
            for drawn in (Drawn(turns=(turn.id,)), Drawn(facts=(fact.id,))):
                reply = store.open_reply(other.id, drawn)
                store.close_reply(reply.id, self.sentence("it was", value))
            self.forgotten_by("--turn", turn.id)

    def branches(self, store: Store, count: int) -> None:
        """Messages said anew and replies made again, on branches that aren't in view."""
        for _ in range(count):
            session = store.new_session("Common")
            first = store.add_user_turn(session.id, self.sentence(self.word()))
            store.close_reply(store.open_reply(session.id).id, self.sentence(self.word()))
            anew = store.add_user_turn(session.id, self.sentence(self.word()), after="")
            for _ in range(2):
                reply = store.open_reply(session.id, after=anew.id)
                store.close_reply(reply.id, self.sentence(self.word()))
            store.add_user_turn(session.id, "and the wind")
            for turn in (first, anew):
                self.forgotten_by("--turn", turn.id)

    def attachments(self, store: Store, count: int) -> None:
        """Files that went with messages: their names and what stands in them."""
        session = store.new_session("Common")
        for number in range(count):
            name, inside = self.word(), self.word()
            file = attached(f"{name}.txt", f"one line\n{self.sentence(inside)}")
            turn = store.add_user_turn(session.id, f"see this{file}")
            if number % 2:
                self.forgotten_by("--turn", turn.id)
            else:
                self.forgotten_by("--matching", inside)

    def answers(self, store: Store, count: int) -> None:
        """Answers of the first conversation."""
        for _ in range(count):
            assert Asker(store).answer("hobby", self.word()) is not None
            self.forgotten_by("--fact", "hobby", self.words[-1])

    def kept_turns(self, store: Store, count: int) -> None:
        """Facts that are forgotten before the turns that they were told in."""
        session = store.new_session("Common")
        for _ in range(count):
            value = self.word()
            turn = store.add_user_turn(session.id, self.sentence(value))
            self.learn(store, turn, "goal", value)
            self.forgotten_by("--fact", "goal", value, "--keep-turns")
            self.forgotten_by("--turn", turn.id)

    def replaced(self, file: Path) -> None:
        """What an import with --replace set aside, and what it brought."""
        assert main(("profile", "set", "skill", "juggling", self.word())) == 0
        with Store.open(file.with_suffix(".db")) as other:
            session = other.new_session(f"About {self.word()}")
            other.add_user_turn(session.id, self.sentence(self.word()))
            export_profile(other, file)
        assert main(("profile", "import", str(file), "--replace")) == 0
        self.forgotten_by("--session", session.id)

    def elsewhere(self, file: Path) -> None:
        """What is forgotten on another computer first."""
        with self._open() as store:
            session = store.new_session(f"About {self.word()}")
            for _ in range(3):
                turn = store.add_user_turn(session.id, self.sentence(self.word()))
                self.learn(store, turn, "plan", self.words[-1])
        assert main(("profile", "export", str(file))) == 0
        with Store.open(file.with_suffix(".db")) as other:
            import_profile(other, file)
            other.forget(Wish(session=session.id))
            file.unlink()
            export_profile(other, file)
        self.ways.append(("profile", "import", str(file), "--forget-too"))

    def foreign(self, folder: Path) -> None:
        """What other programs held: conversations, what was noted beside them, lists."""
        said, noted, likes, home, title = (self.word() for _ in range(5))
        nodes = {
            "a": _node("a", None, "user", f"tell me of {said}"),
            "b": _node("b", "a", "assistant", f"User likes {noted}.", recipient="bio"),
            "c": _node("c", "b", "assistant", f"{said} it is"),
        }
        told = {"title": f"About {title}", "mapping": nodes, "current_node": "c", "id": "x"}
        files = {
            "conversations.json": json.dumps([told]),
            "mem0.json": json.dumps({"results": [{"memory": f"Has a {likes}"}]}),
            "me.md": f"- home: {home}\n",
        }
        for name, text in files.items():
            (folder / name).write_text(text, "utf-8")
            assert main(("profile", "import", str(folder / name))) == 0
        for word in (said, title):
            self.forgotten_by("--matching", word)
        for slot, value in (
            ("other", f"User likes {noted}."),
            ("other", f"Has a {likes}"),
            ("home", home),
        ):
            self.forgotten_by("--fact", slot, value)

    def another_profile(self) -> None:
        """A profile that is deleted as a whole."""
        assert main(("--profile", "second", "profile", "set", "pet", self.word())) == 0
        self.ways.append(("profile", "delete", "second", "--yes"))

    def notes(self, store: Store, count: int) -> None:
        """Messages that wait."""
        words = [self.word() for _ in range(count)]
        store.set_meta("waiting", json.dumps([f"ask about {word}" for word in words]))
        for word in words:
            self.forgotten_by("--matching", word)

    def commands(self, count: int) -> None:
        """Facts set by hand on the command line."""
        for _ in range(count):
            assert main(("profile", "set", "skill", "juggling", self.word())) == 0
            self.forgotten_by("--fact", "skill", "juggling", self.words[-1])

    def imported(self, file: Path, count: int) -> None:
        """What another laptop exported."""
        shared = self.word()
        with Store.open(file.with_suffix(".db")) as other:
            session = other.new_session(f"{shared} {self.word()}")
            for _ in range(count):
                text = self.sentence(shared, self.word())
                turn = other.add_user_turn(session.id, text)
                self.learn(other, turn, "goal", self.words[-1])
            export_profile(other, file)
        assert main(("profile", "import", str(file))) == 0
        self.forgotten_by("--matching", shared)

    def learn(
        self,
        store: Store,
        turn: Turn,
        slot: str,
        value: str,
        question: str = "",
        confidence: float = 0.9,
    ) -> None:
        source = ground(turn.id, turn.text, value, question)
        assert source is not None
        op = Op(OpKind.ADD, slot, value)
        store.record(op, actor=Actor.POLICY, source=source, confidence=confidence, policy="v1")


def _node(name: str, parent: str | None, role: str, text: str, **more: str) -> dict[str, Any]:
    """A message of ChatGPT's export."""
    message = {"author": {"role": role}, "content": {"parts": [text]}, "id": name, **more}
    return {"id": name, "parent": parent, "message": message}


def vectors(store: Store) -> None:
    """A vector for every turn, whose bytes are its own."""
    waiting = store.unembedded("m", 1000)
    made = [PartVector(p.number, 0, b"ZV%06d" % p.number * 192) for p in waiting]
    store.put_vectors("m", made)


def found(home: Path, words: list[str]) -> list[tuple[str, str]]:
    """The words of which the first seven letters stand in some file, in whatever case.

    In one byte a letter or in two, and in an encrypted file also in its pages once deciphered.
    """
    hits = []
    for file in [path for path in home.rglob("*") if path.is_file()]:
        for data in (file.read_bytes().lower(), *deciphered(file)):
            starts = ((word, word[:7].lower()) for word in words)
            hits += [
                (word, file.name)
                for word, start in starts
                if any(start.encode(how) in data for how in ("ascii", "utf-16-le", "utf-16-be"))
            ]
    return hits


def deciphered(file: Path) -> list[bytes]:
    """Every page of an encrypted file, those that are free too."""
    if not cipher.is_encrypted(file):
        return []
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place) / file.name
        for each in file.parent.glob(f"{file.name}*"):
            shutil.copy(each, place)
        connection = apsw.Connection(str(copy))
        cipher.unlock(connection, cipher.derive(PASSPHRASE, cipher.head_of(copy)))
        connection.execute("SELECT count(*) FROM sqlite_schema")
        connection.pragma("journal_mode", "delete")
        connection.pragma("rekey", "")
        connection.close()
        assert cipher.is_plain(copy)
        return [copy.read_bytes().lower()]


@pytest.fixture(params=["plain", "encrypted"])
def key(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str | None:
    """What opens the profile. Deriving the key is made cheap: it is done hundreds of times."""
    if request.param == "plain":
        return None
    monkeypatch.setitem(cipher._COST, "n", 2)
    return PASSPHRASE


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str | None) -> Path:
    place = tmp_path / "home"
    monkeypatch.setenv("POCKET_AGENT_HOME", str(place))
    monkeypatch.setenv("POCKET_AGENT_CACHE", str(place / "cache"))
    monkeypatch.delenv("POCKET_AGENT_PASSPHRASE", raising=False)
    if key:
        monkeypatch.setenv("POCKET_AGENT_PASSPHRASE", key)
        assert main(("profile", "create", "default", "--encrypt")) == 0
    return place


@pytest.fixture
def garden(home: Path, tmp_path: Path, key: str | None, monkeypatch: pytest.MonkeyPatch) -> Garden:
    """All planted, with exports in the home folder: plain, encrypted and for people."""

    def opened() -> Store:
        return Store.open(home / "profiles" / "default.db", key=key)

    made = Garden(home, opened)
    made.replaced(tmp_path / "all.jsonl")
    made.elsewhere(tmp_path / "elsewhere.jsonl")
    made.commands(4)
    made.foreign(tmp_path)
    made.another_profile()
    made.imported(tmp_path / "other.jsonl", 8)
    with opened() as store:
        made.chat(store, 9)
        made.turns(store, 9)
        made.facts(store, 16)
        made.past(store, 8)
        made.notes(store, 8)
        made.echoes(store, 4)
        made.branches(store, 3)
        made.attachments(store, 4)
        made.answers(store, 3)
        made.kept_turns(store, 3)
        while len(made.words) < PLANTED:
            made.turns(store, 1)
        vectors(store)
    monkeypatch.setenv("POCKET_AGENT_FILE_PASSPHRASE", PASSPHRASE)
    for name in EXPORTS:
        assert main(("profile", "export", str(home / name))) == 0
    (home / "logs" / ".kept.jsonl.x.part").write_bytes((home / "kept.jsonl").read_bytes()[:9000])
    return made


@pytest.mark.slow
def test_two_hundred_words_are_forgotten_in_every_way(garden: Garden, key: str | None) -> None:
    home, words = garden.home, garden.words
    assert len(words) >= PLANTED
    planted = {word for word, file in found(home, words) if file.endswith(".db")}
    assert planted == set(words), "each is really there before"
    for way in garden.ways:
        assert main(way) == 0, way
    assert found(home, words) == []
    assert [name for name in EXPORTS if (home / name).exists()] == []
    with Store.open(home / "profiles" / "default.db", key=key) as store:
        assert found(home, words) == [], "nor while it is open"
        assert store.problems() == []
        texts = [t.text for s in store.sessions() for t in store.turns(s.id, limit=500)]
        assert texts.count("the wind was there") >= 9, "what was not named stays"
        for event in store.events():
            store.undo(event.seq)
        assert not any("Zq" in fact.value for fact in store.profile().facts.values())
        live = [t for s in store.sessions() for t in store.turns(s.id, limit=500)]
        assert len(store.unembedded("m", 1000)) <= len(live)
    assert found(home, words) == []


@pytest.mark.slow
def test_everything_is_forgotten_at_once(garden: Garden) -> None:
    assert found(garden.home, garden.words)
    assert main(("profile", "forget", "--everything", "--yes")) == 0
    assert main(("profile", "delete", "second", "--yes")) == 0
    assert found(garden.home, garden.words) == []
    data = (garden.home / "profiles" / "default.db").read_bytes()
    assert b"ZV0000" not in data


@pytest.mark.slow
def test_nothing_is_left_beside_a_profile_that_stays_open(home: Path, key: str | None) -> None:
    """As in the chat, where the log and its index lie beside the file."""
    with Store.open(home / "profiles" / "default.db", key=key) as store:
        session = store.new_session("About Zq000open")
        for number in range(30):
            store.add_user_turn(session.id, f"Zq000open{number} and the wind")
        vectors(store)
        assert found(home, ["Zq000open"])
        store.forget(Wish(matching="zq000OPEN", substring=True))
        store.add_user_turn(store.new_session().id, "the wind again")
        assert found(home, ["Zq000open"]) == []


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_what_the_chat_forgets_and_deletes(home: Path, key: str | None) -> None:
    """By `/forget` and `/delete`, typed into the real app over the real profile."""
    words = [f"Zq{number:03d}chat" for number in range(4)]
    with Store.open(home / "profiles" / "default.db", key=key) as store:
        session = store.new_session("Common")
        for text, reply in ((words[0], words[1]), (words[2], words[3]), ("and the wind", "yes")):
            store.add_user_turn(session.id, f"about {text}, then")
            store.close_reply(store.open_reply(session.id).id, f"{reply}, you say")
        vectors(store)
    options = TuiOptions(session=session.id, key=key)
    app = PocketApp(LiveBackend(Locations(home, home / "cache"), "default", options), options)
    async with app.run_test() as pilot:
        await until(pilot, lambda: app.chat.dialogue.opened)
        await forget_by(pilot, "/delete")
        await forget_by(pilot, f"/forget {words[0]}")
        await forget_by(pilot, "/delete")
        assert found(home, words) == [], "while it is open"
    assert found(home, words) == []
    with Store.open(home / "profiles" / "default.db", key=key) as store:
        assert store.sessions() == []


async def forget_by(pilot: Pilot[str], command: str) -> None:
    """Type a command into the chat, and say yes to what it asks."""
    app = pilot.app
    assert isinstance(app, PocketApp)
    before = app.chat.dialogue.conversation.entries[-1:]

    def told() -> bool:
        last = app.chat.dialogue.conversation.entries[-1:]
        if not last or last == before:  # while it is loaded anew there is none
            return False
        return isinstance(last[0], Note) and last[0].text.startswith("forgotten")

    app.chat.query_one(Prompt).insert(command)
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
    await pilot.press("y")
    await until(pilot, told)


async def until(pilot: Pilot[str], done: Callable[[], bool], patience_s: float = 120) -> None:
    deadline = time.monotonic() + patience_s
    while not done():
        assert time.monotonic() < deadline
        await pilot.pause(0.05)
