"""One message and its reply: what each event changes of the conversation and of the status."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from running import Listener, Running
from scripted import ScriptedBackend
from tui_samples import FACTS, turn

from pocket_agent.assistant.events import ContextReady, ReplyDone
from pocket_agent.llm.protocol import Usage
from pocket_agent.memory.records import Drawn, TurnRole, TurnStatus
from pocket_agent.profile.facts import Fact
from pocket_agent.tui import exchange
from pocket_agent.tui.conversation import Conversation, Note, Said, SaidState, Sources
from pocket_agent.tui.exchange import Exchange, How
from pocket_agent.tui.status import Status

POCKET = TurnRole.ASSISTANT


class Under:
    """An exchange under way, and what it changes."""

    def __init__(self, how: How | None = None, reply: Said | None = None) -> None:
        self.conversation, self.status, self.view = Conversation(), Status(), Listener()
        self.said = self.conversation.add("Count")
        if reply is not None:
            self.conversation.entries.append(reply)
        parts = self.conversation, self.status, self.view
        self.exchange = Exchange(self.said, how or How(), *parts)

    @property
    def texts(self) -> list[str]:
        return [entry.text for entry in self.conversation.entries if isinstance(entry, Said)]


def ready(*facts: Fact) -> ContextReady:
    return ContextReady(facts, (), 512, 4096, 0, "t1")


async def test_the_status_follows_the_reply() -> None:
    running = Running(ScriptedBackend(learns=("remembered",)))
    await running.start()
    running.dialogue.submit("one")
    await running.settle()
    status = running.dialogue.status
    assert (status.used, status.limit) == (552, 4096)
    assert status.rate == 40.0
    assert status.doing == ""


def test_a_reply_grows_and_ends_with_what_it_was_made_from() -> None:
    under = Under()
    under.exchange.ready(ready(FACTS[0]))
    assert (under.status.used, under.status.limit, under.status.doing) == (512, 4096, "reading")
    for piece in ("One, ", "two."):
        under.exchange.grow(piece, 3)
    assert (under.status.used, under.status.doing) == (518, "answering")
    assert under.view.grown == "One, two."
    reply = turn(2, POCKET, "One, two.", TurnStatus.CUT)
    under.exchange.end(ReplyDone(reply, "length", Usage(512, 400, 40, 0.1, 1.0)))
    assert (under.status.used, under.status.rate) == (552, 40.0)
    _, said, sources = under.conversation.entries
    assert isinstance(said, Said)
    assert (said.text, said.turn, said.state) == ("One, two.", "t2", SaidState.CUT)
    assert isinstance(sources, Sources)
    assert sources.drawn == Drawn((FACTS[0].id,), ())


def test_the_speed_while_it_streams_is_of_tokens_and_not_of_pieces(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seconds = iter((10.0, 11.0, 12.0))
    monkeypatch.setattr(exchange, "time", SimpleNamespace(monotonic=lambda: next(seconds)))
    under = Under()
    under.exchange.ready(ready())
    for tokens in (4, 30, 50):
        under.exchange.grow("word ", tokens)
    assert under.status.used == 512 + 84
    assert under.status.rate == 40.0  # those of the first piece took the time before it


def test_a_reply_gives_way_to_another_only_once_that_comes() -> None:
    under = Under(How(reply="another"), Said(POCKET, "One.", turn="t2"))
    assert under.texts == ["Count", "One."]
    under.exchange.ready(ready())
    assert under.texts == ["Count"]


def test_a_reply_that_goes_on_grows_where_it_stands() -> None:
    begun = Said(POCKET, "One,", SaidState.CUT, turn="t2")
    under = Under(How(reply="more"), begun)
    under.exchange.ready(ready())
    assert begun.state is SaidState.STREAMING
    under.exchange.grow(" two.", 2)
    under.exchange.end(ReplyDone(turn(3, POCKET, " two."), "stop", None))
    assert under.texts == ["Count", "One, two."]
    assert (begun.turn, begun.rest, begun.state) == ("t2", ["t3"], SaidState.COMPLETE)


def test_what_breaks_off_keeps_what_there_is_and_gives_back_what_is_not_saved() -> None:
    unsaved = Under()
    unsaved.exchange.break_off()
    assert (unsaved.said.state, unsaved.view.drafts) == (SaidState.UNSAVED, ["Count"])
    saved = Under()
    saved.said.turn = "t1"
    saved.exchange.ready(ready())
    saved.exchange.grow("One", 1)
    saved.exchange.break_off()
    assert saved.view.drafts == []
    reply = saved.conversation.entries[1]
    assert isinstance(reply, Said)
    assert (reply.text, reply.state) == ("One", SaidState.INTERRUPTED)


def test_pins_without_room_are_named_once() -> None:
    under = Under()
    pinned = replace(FACTS[0], pinned=True)
    for _ in range(2):
        under.exchange.ready(ContextReady((), (), 512, 4096, 0, "t1", left_out=(pinned,)))
    (note,) = [entry for entry in under.conversation.entries if isinstance(entry, Note)]
    assert note.text.startswith("1 pinned fact has no room in what the model reads: ")
