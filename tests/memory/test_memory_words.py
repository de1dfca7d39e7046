"""Recall by words alone: what is found, in what order, and that no text breaks the search."""

from collections.abc import Iterable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pocket_agent.memory.dates import day_words
from pocket_agent.memory.query import MAX_TERMS, QueryReader
from pocket_agent.memory.recall import Recaller
from pocket_agent.memory.records import Recalled, Turn, TurnRole
from pocket_agent.memory.store import Store

TALK = [
    ("s1", "user", "I adopted a greyhound called Pepper", "2025-05-12T10:00:00"),
    ("s1", "assistant", "What a lovely name", "2025-05-12T10:00:05"),
    ("s1", "user", "She sleeps all day on the radiator", "2025-05-12T10:01:00"),
    ("s2", "user", "Explain photosynthesis to me", "2025-11-03T10:00:00"),
    ("s2", "assistant", "Plants turn light into sugar", "2025-11-03T10:00:05"),
    ("s3", "user", "I ran the marathon in Porto", "2026-01-20T10:00:00"),
    ("s3", "assistant", "Congratulations! Porto is hilly", "2026-01-20T10:00:05"),
]


def fill(store: Store, talk: Iterable[tuple[str, str, str, str]] = TALK) -> None:
    store.add_turns(
        Turn(f"t{n}", session, TurnRole(role), text, at)
        for n, (session, role, text, at) in enumerate(talk)
    )


def texts(found: list[Recalled]) -> list[str]:
    return [recalled.turn.text for recalled in found]


def test_words_find_their_turn(store: Store) -> None:
    fill(store)
    recaller = Recaller(store)
    first = recaller.recall("What is my greyhound called?")[0]
    assert first.turn.id == "t0"
    assert 0 < first.coverage <= 1
    assert first.cosine == 0
    assert recaller.recall("who was running marathons?")[0].turn.id == "t5"


def test_the_date_finds_the_days_turns(store: Store) -> None:
    fill(store)
    found = Recaller(store).recall("What did I tell you on 3 November?", k=1)
    assert found[0].turn.session == "s2"


def test_a_persons_turn_goes_before_the_assistants(store: Store) -> None:
    fill(store, [(role, role, "Lisbon is hilly", "2025-05-12") for role in ("user", "assistant")])
    assert [r.turn.role for r in Recaller(store).recall("Lisbon")] == ["user", "assistant"]


def test_of_equal_turns_the_later_comes_first(store: Store) -> None:
    same = [(f"s{n}", "user", "I like figs", "2025-05-12T10:00:00") for n in range(3)]
    fill(store, same)
    assert [r.turn.id for r in Recaller(store).recall("figs")] == ["t2", "t1", "t0"]


def test_named_speakers_are_found(store: Store) -> None:
    store.add_turns(
        [
            Turn("a", "s", TurnRole.USER, "The train was late", "", speaker="Marta"),
            Turn("b", "s", TurnRole.ASSISTANT, "The train was on time", "", speaker="Joel"),
        ]
    )
    assert Recaller(store).recall("What did Joel say about the train?")[0].turn.id == "b"


def test_what_is_excluded_stays_out(store: Store) -> None:
    fill(store)
    recaller = Recaller(store)
    assert "s3" not in {r.turn.session for r in recaller.recall("Porto", exclude_session="s3")}
    assert texts(recaller.recall("Porto", exclude_turns=["t5"])) == [TALK[6][2]]


def test_an_open_reply_is_not_recalled(store: Store) -> None:
    session = store.new_session()
    reply = store.open_reply(session.id)
    store.checkpoint_reply(reply.id, "zeppelin")
    assert Recaller(store).recall("zeppelin") == []
    store.close_reply(reply.id, "zeppelin")
    assert texts(Recaller(store).recall("zeppelin")) == ["zeppelin"]


def test_nothing_to_go_by_finds_nothing(store: Store) -> None:
    assert Recaller(store).recall("Porto") == []
    fill(store)
    for query in ("", "   ", "???", "\x00", "qwertyuiop"):
        assert Recaller(store).recall(query) == []


AWKWARD = [
    '"',
    "'; DROP TABLE turns; --",
    "AND OR NOT NEAR(porto)",
    "text:porto",
    "por* ^porto -porto +porto (porto",
    "porto\x00porto\x1f",
    "日本語 🦊 ÉCOLE ǅ",
    "\ud800",
    "{porto} [porto] porto:porto",
    "a" * 100_000,
    "porto " * 20_000,
    " ".join(f"word{n}" for n in range(20_000)),
]


@pytest.mark.parametrize("query", AWKWARD)
def test_no_text_breaks_the_search(store: Store, query: str) -> None:
    fill(store)
    found = Recaller(store).recall(query, k=3)
    assert len(found) <= 3
    if "porto" in query:
        assert found[0].turn.session == "s3"


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(query=st.text(max_size=60))
def test_any_text_can_be_asked(store: Store, query: str) -> None:
    if not store.sessions():
        fill(store)
    for recalled in Recaller(store).recall(query, k=2):
        assert 0 <= recalled.coverage <= 1


def test_a_query_keeps_the_telling_words(store: Store) -> None:
    fill(store)
    with store.database.reading() as connection:
        reader = QueryReader(connection)
        query = reader.read("What was the name of my Greyhound, the greyhounds?")
        assert query.match == '"greyhounds" OR "name"'
        assert query.weight > 0
        assert reader.read("who are you").match != ""  # nothing but stop words: they count then
        many = reader.read(" ".join(f"word{n}" for n in range(500)))
        assert many.match.count('"') == 2 * MAX_TERMS


def test_days_in_words() -> None:
    assert day_words("2025-05-12T10:00:00") == "Monday 12 12th May 2025"
    assert day_words("2025-11-03") == "Monday 3 3rd November 2025"
    assert day_words("2025-06-11") == "Wednesday 11 11th June 2025"
    assert day_words("some time in spring") == "some time in spring"
