"""The state that the chat shows: order, queue, memories, and turns that leave the context."""

import pytest
from tui_samples import AT, exchanges, turn

from pocket_agent.assistant.events import Learnt
from pocket_agent.memory.records import TurnRole, TurnStatus
from pocket_agent.profile.facts import Actor, Event, Op, OpKind, Source
from pocket_agent.tui.backend import MemoryRow, Page
from pocket_agent.tui.conversation import Conversation, Note, Remembered, Said, SaidState


def kinds(conversation: Conversation) -> list[str]:
    return [
        entry.text if isinstance(entry, (Said, Note)) else entry.line
        for entry in conversation.entries
    ]


def learnt(source: str, line: str, seq: int = 7) -> Learnt:
    op = Op(OpKind.ADD, "home", "Porto")
    event = Event(seq, f"e{seq}", AT, Actor.POLICY, op, Source(source, 0, 5, "Porto"))
    return Learnt(event, line)


def sent(conversation: Conversation, text: str, name: str) -> Said:
    conversation.say(text)
    said = conversation.next_queued()
    assert said is not None
    said.turn = name
    return said


def test_messages_wait_their_turn() -> None:
    conversation = Conversation()
    first, second = conversation.say("one"), conversation.say("two")
    assert first.state is SaidState.QUEUED
    assert conversation.next_queued() is first
    assert first.state is SaidState.COMPLETE
    assert list(conversation.queue) == [second]


def test_a_reply_stands_between_its_question_and_the_one_that_waits() -> None:
    conversation = Conversation()
    first = sent(conversation, "one", "t1")
    conversation.say("two")
    conversation.begin_reply(first).text = "answer"
    assert kinds(conversation) == ["one", "answer", "two"]


def test_a_memory_stands_under_the_exchange_it_comes_from() -> None:
    conversation = Conversation()
    first = sent(conversation, "one", "t1")
    conversation.begin_reply(first).text = "answer one"
    second = sent(conversation, "two", "t2")
    conversation.begin_reply(second).text = "answer two"
    conversation.learn(learnt("t1", "remembered: late"))
    assert kinds(conversation) == ["one", "answer one", "remembered: late", "two", "answer two"]


def test_a_memory_of_another_session_stands_at_the_end_but_before_what_waits() -> None:
    conversation = Conversation()
    sent(conversation, "one", "t1")
    conversation.say("two")
    conversation.learn(learnt("elsewhere", "remembered"))
    assert kinds(conversation) == ["one", "remembered", "two"]


def test_a_stored_page_comes_back_with_its_memories() -> None:
    conversation = Conversation()
    page = Page(tuple(exchanges(2)), (MemoryRow(3, "t0", "remembered: x", undone=True),), True)
    conversation.restore(page)
    assert kinds(conversation) == [
        "Question 0?",
        "Answer **0**.",
        "remembered: x",
        "Question 1?",
        "Answer **1**.",
    ]
    assert conversation.older
    assert conversation.first_turn == "t0"
    assert conversation.history == ["Question 0?", "Question 1?"]
    assert conversation.last_memory() is None


def test_an_older_page_goes_before() -> None:
    conversation = Conversation()
    turns = exchanges(3)
    conversation.restore(Page(tuple(turns[4:]), (), True))
    conversation.prepend(Page(tuple(turns[:4])))
    assert conversation.first_turn == "t0"
    assert not conversation.older
    assert conversation.history == ["Question 0?", "Question 1?", "Question 2?"]


def test_what_was_typed_before_the_profile_opened_stays_under_the_stored_page() -> None:
    conversation = Conversation()
    conversation.say("early bird")
    conversation.restore(Page(tuple(exchanges(1))))
    assert kinds(conversation)[-1] == "early bird"


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (TurnStatus.COMPLETE, SaidState.COMPLETE),
        (TurnStatus.STOPPED, SaidState.STOPPED),
        (TurnStatus.CUT, SaidState.CUT),
        (TurnStatus.INTERRUPTED, SaidState.INTERRUPTED),
    ],
)
def test_a_reply_reads_the_same_when_it_ends_and_when_it_comes_back(
    status: TurnStatus, state: SaidState
) -> None:
    conversation = Conversation()
    reply = turn(1, TurnRole.ASSISTANT, "half", status)
    live = conversation.begin_reply(sent(conversation, "q", "t0"))
    conversation.end_reply(live, reply)
    assert (live.state, live.text) == (state, "half")
    conversation.restore(Page((turn(0, TurnRole.USER, "q"), reply)))
    entry = conversation.entries[-1]
    assert isinstance(entry, Said)
    assert entry.state is state


def test_one_line_says_where_what_the_model_reads_begins() -> None:
    conversation = Conversation()
    turns = exchanges(4)
    conversation.restore(Page(tuple(turns[4:]), (), True))
    conversation.reads_from("t4", 0)
    assert not any(isinstance(entry, Note) for entry in conversation.entries)
    conversation.reads_from("t6", 6)
    conversation.reads_from("t4", 1)
    notes = [entry for entry in conversation.entries if isinstance(entry, Note)]
    assert conversation.entries.index(notes[0]) == 0
    assert len(notes) == 1
    assert "The turn above stays saved" in notes[0].text
    conversation.reads_from("t2", 2)  # that turn is not on the screen yet
    assert not any(isinstance(entry, Note) for entry in conversation.entries)
    conversation.prepend(Page(tuple(turns[:4])))
    (note,) = (entry for entry in conversation.entries if isinstance(entry, Note))
    assert conversation.entries.index(note) == 2
    assert "summary" not in note.text
    assert "The 2 turns above stay saved" in note.text
    conversation.reads_from("t4", 4, summed_up=True)
    (note,) = (entry for entry in conversation.entries if isinstance(entry, Note))
    assert "a summary is sent in their place" in note.text


def test_the_newest_memory_is_the_one_to_undo() -> None:
    conversation = Conversation()
    sent(conversation, "one", "t1")
    old = conversation.learn(learnt("t1", "first", 1))
    new = conversation.learn(learnt("t1", "second", 2))
    assert conversation.last_memory() is new
    new.undone = True
    assert conversation.last_memory() is old
    assert isinstance(conversation.entries[1], Remembered)


def test_a_waiting_message_can_be_taken_back() -> None:
    conversation = Conversation()
    conversation.say("one")
    second = conversation.say("two")
    assert conversation.take_back() is second
    assert kinds(conversation) == ["one"]
