"""`kill -9` at random moments of a scripted chat: nothing that was accepted, or shown, is lost."""

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pocket_agent.memory.records import TurnStatus
from pocket_agent.memory.store import Store
from pocket_agent.profile.rules import replay

KILLS = 100

# A line on the input starts a chat that never ends, in a process forked from this one: it has
# everything imported, so that the kills fall on storing and not on starting Python. What a chat
# writes to its log has been promised to the person.
NURSERY = """
import os, sys
from pocket_agent.memory.store import Store
from pocket_agent.memory.vectors import PartVector
from pocket_agent.profile.facts import Actor, Op, OpKind, Source

def chat(path, log):
    promises = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def say(*words):
        os.write(promises, (" ".join(words) + "\\n").encode())

    store = Store.open(path)
    session = store.new_session()
    n = 0
    while True:
        n += 1
        text = f"turn {n}: I like fruit{n} and live in town{n}"
        turn = store.add_user_turn(session.id, text)
        say("user", turn.id, str(n))
        reply = store.open_reply(session.id)
        shown = ""
        for word in "that is a lovely town to live in".split():
            shown += word + "_"
            store.checkpoint_reply(reply.id, shown)
            say("shown", reply.id, shown)
        store.close_reply(reply.id, shown)
        say("closed", reply.id, shown)
        for slot, value in (("food", f"fruit{n}"), ("home", f"town{n}")):
            at = text.index(value)
            source = Source(turn.id, at, at + len(value), text)
            applied = store.record(Op(OpKind.ADD, slot, value), actor=Actor.POLICY, source=source)
            say("learnt", applied.fact.id)
        if n % 3 == 0:
            store.undo()
            say("undone", str(store.last_event().seq))
        store.mark_read(turn.id, "v1")
        waiting = store.unembedded("m")
        store.put_vectors("m", [PartVector(p.number, 0, bytes(1536)) for p in waiting])

for line in sys.stdin:
    child = os.fork()
    if not child:
        try:
            chat(*line.split())
        finally:
            os._exit(1)
    os.write(1, b"%d\\n" % child)
    _, status = os.waitpid(child, 0)
    os.write(1, b"%d\\n" % status)
"""


@dataclass
class Promised:
    """What the chats told before they were killed."""

    users: dict[str, str] = field(default_factory=dict)
    shown: dict[str, str] = field(default_factory=dict)
    closed: dict[str, str] = field(default_factory=dict)
    learnt: set[str] = field(default_factory=set)
    undone: set[int] = field(default_factory=set)

    def note(self, line: str) -> None:
        match line.split():
            case ["user", turn, number]:
                self.users[turn] = f"turn {number}: I like fruit{number} and live in town{number}"
            case ["shown", turn, text]:
                self.shown[turn] = text
            case ["closed", turn, text]:
                self.closed[turn] = text
            case ["learnt", fact]:
                self.learnt.add(fact)
            case ["undone", seq]:
                self.undone.add(int(seq))


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="kill -9 is of Unix")
def test_a_hundred_kills_lose_nothing(path: Path) -> None:
    dice = random.Random(20_260)
    promised = Promised()
    Store.open(path).close()
    with subprocess.Popen(
        [sys.executable, "-c", NURSERY], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as nursery:
        for kill in range(KILLS):
            _chat_and_kill(nursery, path, promised, dice.uniform(0.0, 0.2))
            if kill % 10 == 9:
                _check(path, promised)
        nursery.communicate()
    assert len(promised.users) > KILLS
    assert len(promised.undone) > 5
    _check(path, promised)


def _chat_and_kill(
    nursery: "subprocess.Popen[bytes]", path: Path, promised: Promised, seconds: float
) -> None:
    log = path.with_name("promises")
    log.unlink(missing_ok=True)
    assert nursery.stdin is not None
    assert nursery.stdout is not None
    nursery.stdin.write(f"{path} {log}\n".encode())
    nursery.stdin.flush()
    chat = int(nursery.stdout.readline())
    time.sleep(seconds)
    os.kill(chat, signal.SIGKILL)
    assert int(nursery.stdout.readline()) == signal.SIGKILL, "the chat ended by itself"
    if log.exists():
        for line in log.read_text().splitlines():
            promised.note(line)


def _check(path: Path, promised: Promised) -> None:
    with Store.open(path) as store:
        assert store.problems() == []
        for turn, text in promised.users.items():
            assert store.turn(turn).text == text
        for turn, text in promised.shown.items():
            kept = store.turn(turn)
            assert kept.text.startswith(text)
            assert kept.status in (TurnStatus.COMPLETE, TurnStatus.INTERRUPTED)
        for turn, text in promised.closed.items():
            assert store.turn(turn).text == text
            assert store.turn(turn).status is TurnStatus.COMPLETE
        events = store.events()
        assert replay(events) == store.profile()
        assert promised.learnt <= {event.id for event in events}
        assert promised.undone <= {event.seq for event in events}
        with store.database.reading() as connection:
            connection.execute("INSERT INTO turn_words(turn_words) VALUES ('integrity-check')")
            finished = connection.execute("SELECT count(*) FROM turns").get
            indexed = connection.execute("SELECT count(*) FROM turn_words").get
            assert indexed == finished
