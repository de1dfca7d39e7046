"""Forgetting through `Store`: what goes, what stays, what may be learnt again."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from pocket_agent.errors import StoreError
from pocket_agent.memory.covering import Cover, Needle
from pocket_agent.memory.erasure import Wish
from pocket_agent.memory.forgetting import Receipt
from pocket_agent.memory.records import Session, Turn, TurnRole
from pocket_agent.memory.store import Store
from pocket_agent.memory.vectors import PartVector
from pocket_agent.profile.edits import edit_of
from pocket_agent.profile.facts import Actor, Op, OpKind, Source
from pocket_agent.profile.rules import Outcome, replay
from pocket_agent.profile.sources import ground


def said(store: Store, session: Session, text: str, reply: str = "") -> Turn:
    turn = store.add_user_turn(session.id, text)
    if reply:
        store.close_reply(store.open_reply(session.id).id, reply)
    return turn


def learn(store: Store, turn: Turn, slot: str, value: str, question: str = "") -> Outcome:
    source = ground(turn.id, turn.text, value, question)
    op = Op(OpKind.ADD, slot, value)
    return store.record(op, actor=Actor.POLICY, source=source, policy="v1").outcome


def held(store: Store) -> list[tuple[str, str]]:
    return [(fact.slot, fact.value) for fact in store.profile().active()]


def sound(store: Store) -> None:
    assert store.problems() == []
    assert replay(store.events()) == store.profile()
    with store.database.reading() as connection:
        connection.execute("INSERT INTO turn_words(turn_words) VALUES ('integrity-check')")
        assert connection.execute("SELECT count(*) FROM erasure").get == 0
        assert (
            connection.execute("SELECT count(*) FROM meta WHERE key GLOB 'forget.[fp]*'").get == 0
        )
        turns = connection.execute("SELECT count(*) FROM turns").get
        assert connection.execute("SELECT count(*) FROM turn_words").get == turns


def test_a_turn_goes_with_its_reply_its_title_and_what_rests_on_it(store: Store) -> None:
    session = store.new_session("I live in Porto")
    first = said(store, session, "I live in Porto", "Porto is lovely")
    second = said(store, session, "I like figs, and Porto", "Figs!")
    learn(store, first, "home", "Porto")
    learn(store, second, "food", "figs")
    store.put_vectors("m", [PartVector(n, 0, bytes([n]) * 1536) for n in (1, 2, 3, 4)])
    plan = store.plan_forgetting(Wish(turn=first.id))
    receipt = store.forget(Wish(turn=first.id))
    assert receipt == plan.receipt == Receipt(turns=2, titles=1, facts=1, quotes=1, changes=1)
    assert str(receipt) == "2 turns, 1 title, 1 fact, 1 quote, 1 change of the log"
    assert plan.texts == ("I live in Porto", "Porto is lovely")
    assert held(store) == [("food", "figs")]
    assert [turn.text for turn in store.turns(session.id)] == [second.text, "Figs!"]
    assert store.session(session.id).title == ""
    assert [p.number for p in store.unembedded("m")] == [3], "its vector knew the turn before"
    with store.database.reading() as connection:
        rows = list(connection.execute("SELECT text, prev FROM turn_words ORDER BY rowid"))
    assert rows == [("I like figs, and Porto", ""), ("Figs!", "I like figs, and Porto")]
    sound(store)


def test_what_is_forgotten_is_not_learnt_again_from_old_turns(store: Store) -> None:
    session = store.new_session()
    old = said(store, session, "I live in Porto")
    other = said(store, session, "yes, Porto it is")
    learn(store, old, "home", "Porto")
    receipt = store.forget(Wish(slot="home", value="porto", keep_turns=True))
    assert receipt == Receipt(facts=1, quotes=1, changes=1)
    for turn in (old, other):
        assert learn(store, turn, "home", "Porto") is Outcome.REFUSED
    assert learn(store, said(store, session, "I live in Porto again"), "home", "Porto") is (
        Outcome.ADDED
    ), "said anew"
    store.forget(Wish(slot="home", value="Porto", keep_turns=True))
    by_hand = Source("", 0, 5, "Porto")
    store.record(Op(OpKind.ADD, "home", "Porto"), actor=Actor.USER, source=by_hand)
    assert held(store) == [("home", "Porto")]
    with store.database.reading() as connection:
        marks = [bytes(mark) for (mark,) in connection.execute("SELECT mark FROM tombstones")]
    assert marks
    assert all(len(mark) == 32 for mark in marks)


@pytest.mark.parametrize(
    "again", ["PORTO", "the Porto", "Portos", "\uff30\uff2f\uff32\uff34\uff2f"]
)
def test_nor_in_other_letters_with_an_article_or_in_the_plural(store: Store, again: str) -> None:
    session = store.new_session()
    old = said(store, session, f"So {again} it is, not Porto Alegre")
    learn(store, old, "home", "Porto")
    store.forget(Wish(slot="home", value="porto", keep_turns=True))
    assert learn(store, old, "home", again) is Outcome.REFUSED
    assert learn(store, old, "home", "Porto Alegre") is Outcome.ADDED, "that is another place"
    assert learn(store, old, "past", again) is Outcome.ADDED, "and that another fact"


def test_an_erased_turn_teaches_nothing(store: Store) -> None:
    session = store.new_session()
    turn = said(store, session, "I live in Porto")
    store.forget(Wish(turn=turn.id))
    assert learn(store, turn, "food", "Porto") is Outcome.REFUSED, "it was being read meanwhile"


def test_a_fact_is_blacked_out_but_where_another_needs_its_words(store: Store) -> None:
    session = store.new_session("I live in Porto")
    first = said(store, session, "I live in Porto and keep bees", "Porto suits you")
    second = said(store, session, "Nothing beats PORTO wine", "True")
    learn(store, first, "home", "Porto")
    learn(store, first, "pet", "bees")
    learn(store, second, "drink", "Porto wine")
    receipt = store.forget(Wish(slot="home", value="Porto"))
    assert (receipt.facts, receipt.covered, receipt.titles) == (1, 2, 1)
    texts = [turn.text for turn in store.turns(session.id)]
    assert texts == [
        "I live in █████ and keep bees",
        "█████ suits you",
        "Nothing beats PORTO wine",
        "True",
    ]
    assert held(store) == [("pet", "bees"), ("drink", "Porto wine")]
    bees = store.profile().active("pet")[0].sources[0]
    assert bees.quote == texts[0][bees.start : bees.end]
    sound(store)


def test_all_that_holds_a_text(store: Store) -> None:
    kept = store.new_session("Weather")
    said(store, kept, "Will it rain?", "No")
    session = store.new_session("About JIM")
    turn = said(store, session, "My ex\nJim likes figs")
    learn(store, turn, "food", "figs")
    store.record(Op(OpKind.ADD, "other", "never call ex Jim"), actor=Actor.USER)
    store.undo()
    store.set_meta("waiting", '["ask ex JIM", "fine"]')
    receipt = store.forget(Wish(matching="ex jim"))
    assert receipt == Receipt(turns=1, sessions=1, facts=1, quotes=1, changes=2, notes=1)
    assert store.get_meta("waiting") == '["fine"]'
    assert [s.title for s in store.sessions()] == ["Weather"]
    assert store.profile().facts == {}
    assert not store.plan_forgetting(Wish(matching="ex jim")).receipt
    assert [event.op.kind for event in store.events()] == [OpKind.NONE, OpKind.NONE, OpKind.UNDO]
    sound(store)


def test_whole_words_are_forgotten_and_the_rest_of_a_word_is_no_match(store: Store) -> None:
    session = store.new_session()
    for text in ("My ex-wife called", "my exam is in May", "MY,\nEX!", "my best ex"):
        store.add_user_turn(session.id, text)
    store.record(Op(OpKind.ADD, "other", "not my example"), actor=Actor.USER)
    store.record(Op(OpKind.ADD, "past", "left my “ex” behind"), actor=Actor.USER)
    plan = store.plan_forgetting(Wish(matching="my ex"))
    assert plan.texts == ("My ex-wife called", "MY,\nEX!")
    assert [fact.value for fact in plan.facts] == ["left my “ex” behind"]
    assert store.plan_forgetting(Wish(matching="my ex", substring=True)).receipt.turns == 2
    store.forget(Wish(matching="my ex"))
    left = [turn.text for turn in store.turns(session.id)]
    assert left == ["my exam is in May", "my best ex"]
    assert held(store) == [("other", "not my example")]
    sound(store)


def test_what_was_filed_elsewhere_before_goes_with_it(store: Store) -> None:
    session = store.new_session()
    turn = said(store, session, "It is all about Porto", "I see")
    learn(store, turn, "plan", "Porto")
    (plan,) = store.profile().active()
    typed = Source("", 0, 5, "Porto")
    store.record(edit_of(plan, "home", "Porto", plan.polarity), actor=Actor.USER, source=typed)
    assert store.profile().active()[0].sources[-1].quote == "It is all about Porto"
    store.forget(Wish(slot="home", value="Porto"))
    assert store.turns(session.id)[0].text == "It is all about █████"
    assert store.profile().facts == {}
    assert not any("Porto" in (event.op.value, event.op.old) for event in store.events())
    sound(store)


def test_turns_and_facts_that_were_chosen_go_together(store: Store) -> None:
    session = store.new_session("Jim")
    first = said(store, session, "I met Jim in Porto", "Nice")
    learn(store, first, "friend", "Jim")
    second = said(store, session, "Figs with Jim", "Good")
    learn(store, second, "food", "figs")
    third = said(store, session, "It rained", "It did")
    wish = Wish(turns=(first.id,), facts=(("food", "figs"),))
    assert store.plan_forgetting(wish).receipt.facts == 2
    receipt = store.forget(wish)
    assert (receipt.turns, receipt.covered, receipt.facts) == (2, 1, 2)
    texts = [turn.text for turn in store.turns(session.id)]
    assert texts == ["████ with Jim", "Good", "It rained", "It did"]
    assert held(store) == []
    with pytest.raises(StoreError, match="no turn none"):
        store.forget(Wish(turns=(third.id, "none")))
    sound(store)


def test_a_question_that_is_erased_takes_the_answer_with_it(store: Store) -> None:
    session = store.new_session()
    said(store, session, "Guess", "Do you live in Porto?")
    answer = said(store, session, "Yes")
    learn(store, answer, "home", "Porto", "Do you live in Porto?")
    assert held(store) == [("home", "Porto")]
    store.forget(Wish(turn=store.turns(session.id)[1].id))
    assert held(store) == []
    assert [turn.text for turn in store.turns(session.id)] == ["Guess", "Yes"]


def test_a_span_of_time(store: Store) -> None:
    days = {"a": "2025-05-11", "b": "2025-05-12", "c": "2025-05-13", "d": "some day"}
    store.add_turns(
        Turn(name, f"s{name}", TurnRole.USER, f"I like {name}figs", f"{day}T10:00:00+00:00")
        if name != "d"
        else Turn(name, "sd", TurnRole.USER, "I like dfigs", day)
        for name, day in days.items()
    )
    for name, day in days.items():
        op, at = Op(OpKind.ADD, "food", f"{name}nuts"), f"{day}T11:00:00.000+00:00"
        store.record(op, actor=Actor.USER, at=at if name != "d" else None)
    since, until = (datetime(2025, 5, day, tzinfo=UTC) for day in (12, 13))
    receipt = store.forget(Wish(since=since, until=until))
    assert receipt == Receipt(turns=1, sessions=1, facts=1, quotes=0, changes=1)
    assert [value for _, value in held(store)] == ["anuts", "cnuts", "dnuts"]
    assert len(store.sessions()) == 3
    store.forget(Wish(until=until))
    assert [value for _, value in held(store)] == ["cnuts", "dnuts"]
    sound(store)


def test_a_session_and_everything(store: Store) -> None:
    first, second = store.new_session("One"), store.new_session("Two")
    for number in range(60):
        said(store, first, f"first {number}", f"reply {number}")
    said(store, second, "second")
    store.record(Op(OpKind.ADD, "food", "figs"), actor=Actor.USER)
    assert store.forget(Wish(session=first.id)) == Receipt(turns=120, sessions=1)
    assert [s.title for s in store.sessions()] == ["Two"]
    sound(store)
    receipt = store.forget(Wish(everything=True))
    assert receipt == Receipt(turns=1, sessions=1, facts=1, changes=1)
    assert (store.sessions(), store.events(), store.profile().facts) == ([], [], {})
    store.record(Op(OpKind.ADD, "food", "figs"), actor=Actor.USER)
    assert held(store) == [("food", "figs")]
    sound(store)


def test_unknown_names_and_open_replies_are_told(store: Store) -> None:
    session = store.new_session()
    said(store, session, "hello")
    reply = store.open_reply(session.id)
    for wish, words in (
        (Wish(turn="none"), "no turn none"),
        (Wish(session="none"), "no session none"),
        (Wish(session=session.id), "still being written"),
    ):
        with pytest.raises(StoreError, match=words):
            store.forget(wish)
    store.close_reply(reply.id, "hi")
    assert len(store.turns(session.id)) == 2
    sound(store)


def test_vectors_made_of_old_text_come_too_late(store: Store) -> None:
    session = store.new_session()
    turn = said(store, session, "I live in Porto")
    said(store, session, "so it is")
    seen = store.forgettings
    store.forget(Wish(turn=turn.id))
    store.put_vectors("m", [PartVector(2, 0, b"\1" * 1536)], seen)
    assert len(store.unembedded("m")) == 1
    store.put_vectors("m", [PartVector(2, 0, b"\1" * 1536)], store.forgettings)
    assert store.unembedded("m") == []


def test_undo_walks_past_what_was_forgotten(store: Store) -> None:
    for value in ("ramen", "olives", "figs"):
        store.record(Op(OpKind.ADD, "food", value), actor=Actor.USER)
    store.forget(Wish(slot="food", value="figs"))
    store.undo()
    assert held(store) == [("food", "ramen")]
    for seq in range(1, 5):
        store.undo(seq)
        assert all(fact.value != "figs" for fact in store.profile().facts.values())


def test_a_failure_on_the_way_leaves_everything(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = store.new_session()
    turn = said(store, session, "I live in Porto")
    learn(store, turn, "home", "Porto")
    before = (store.events(), store.profile())

    def fail(*_: object) -> None:
        raise StoreError("no")

    monkeypatch.setattr("pocket_agent.memory.forgetting.bury", fail)
    with pytest.raises(StoreError):
        store.forget(Wish(turn=turn.id))
    assert (store.events(), store.profile()) == before
    assert store.turn(turn.id) == turn
    sound(store)


def test_what_a_crash_left_to_do_is_done_at_the_next_opening(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "old.jsonl"
    kept.write_text("zqold")
    with Store.open(path) as store:
        turn = said(store, store.new_session(), "my word is zqporto")
        with monkeypatch.context() as crash:
            crash.setattr("pocket_agent.memory.scrubbing.finish", lambda *_: None)
            store.forget(Wish(turn=turn.id), [kept])
        assert not [file for file in path.parent.iterdir() if b"zqporto" in file.read_bytes()]
    assert kept.exists()
    with Store.open(path) as store:
        assert not kept.exists()
        sound(store)


def test_what_an_earlier_version_left_to_do_is_done(path: Path) -> None:
    """It erased in place, and asked for the file to be written anew."""
    with Store.open(path) as store:
        turn = said(store, store.new_session(), "my word is zqporto")
        with store.database.writing() as connection:
            connection.pragma("secure_delete", False)
            connection.execute("INSERT INTO erasure VALUES (1)")
            connection.execute("DELETE FROM turn_words")
            connection.execute("DELETE FROM turns WHERE id = ?", (turn.id,))
            connection.execute("DELETE FROM erasure")
            connection.execute("INSERT INTO meta VALUES ('forget.pending', '[]')")
    with Store.open(path) as store:
        files = [file for file in path.parent.iterdir() if b"zqporto" in file.read_bytes()]
        assert files == []
        sound(store)


@pytest.mark.parametrize(
    ("text", "covered"),
    [
        ("I live in Porto, PORTO's hills", "I live in █████, ███████ hills"),
        ("portonovo is not it", "portonovo is not it"),
        ("Portos", "██████"),
        ("no berries, a Berry", "no ███████, a █████"),
    ],
)
def test_words_are_covered_as_words(text: str, covered: str) -> None:
    assert Cover(["Porto", "berry"])(text) == covered


def test_a_needle_minds_neither_case_nor_breaks() -> None:
    assert Needle("My  EX").within("that is my\nex, you know")
    assert not Needle("my ex").within("my old ex")


def test_an_encrypted_file_stays_one(path: Path) -> None:
    with Store.open(path, key="correct horse") as store:
        turn = said(store, store.new_session(), "my word is zqporto")
        store.forget(Wish(turn=turn.id))
    assert path.read_bytes()[:15] != b"SQLite format 3"
    with Store.open(path, key="correct horse") as store:
        assert store.is_forgotten(turn.id)
        sound(store)
