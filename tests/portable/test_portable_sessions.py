"""One conversation in a file: there and back, twice, hostile, damaged, and never learnt from."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pocket_agent.errors import PortableError, StoreError, UsageError
from pocket_agent.memory.erasure import Wish
from pocket_agent.memory.records import Session, TurnRole, TurnStatus
from pocket_agent.memory.store import Store
from pocket_agent.portable.sessions import (
    MARK,
    import_session,
    read_session_file,
    session_lines,
    write_session,
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "one.db") as opened:
        yield opened


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "two.db") as opened:
        yield opened


def talk(store: Store) -> Session:
    session = store.new_session("About bees")
    store.add_user_turn(session.id, 'I keep "bees"\nin Porto.')
    store.close_reply(store.open_reply(session.id).id, "How many **hives**?", TurnStatus.CUT)
    store.add_user_turn(session.id, "Four 🐝, and a swarm")
    store.open_reply(session.id)  # still streams: it stays out
    return store.rename_session(session.id, "Bees & hives")


def told(store: Store, name: str) -> list[tuple[str, TurnRole, str, TurnStatus]]:
    found = store.turns(name)
    return [(t.id, t.role, t.text, t.status) for t in found if t.status is not TurnStatus.OPEN]


def test_a_conversation_goes_there_and_back(store: Store, other: Store, tmp_path: Path) -> None:
    session, file = talk(store), tmp_path / "bees.json"
    assert write_session(store, session.id, file) == 4
    assert file.stat().st_mode & 0o077 == 0
    would = import_session(other, file, dry_run=True)
    assert (would.turns, other.sessions()) == (3, [])
    assert import_session(other, file) == would
    assert told(other, session.id) == told(store, session.id)
    brought = other.session(session.id)
    assert (brought.title, brought.titled) == ("Bees & hives", True)
    assert other.unread_turns() == [], "it is not learnt from"
    before = other.sessions(), other.turns(session.id)
    again = import_session(other, file)
    assert (again.turns, again.known) == (0, 3)
    assert (other.sessions(), other.turns(session.id)) == before
    assert import_session(store, file).turns == 0
    other.undo()
    assert other.sessions() == []


def test_with_consent_what_the_person_said_is_queued_for_the_policy(
    store: Store, other: Store, tmp_path: Path
) -> None:
    session, file = talk(store), tmp_path / "bees.json"
    write_session(store, session.id, file)
    import_session(other, file, learn=True)
    assert [turn.text for turn in other.unread_turns()] == [
        'I keep "bees"\nin Porto.',
        "Four 🐝, and a swarm",
    ]


def test_a_longer_export_adds_what_is_new(store: Store, other: Store, tmp_path: Path) -> None:
    session, file = talk(store), tmp_path / "bees.json"
    write_session(store, session.id, file)
    import_session(other, file)
    other.rename_session(session.id, "Mine")
    store.close_reply(store.turns(session.id)[-1].id, "A swarm!")
    write_session(store, session.id, file)
    assert import_session(other, file).turns == 1
    assert told(other, session.id) == told(store, session.id)
    assert other.session(session.id).title == "Mine"


def test_what_was_forgotten_stays_so(store: Store, tmp_path: Path) -> None:
    session, file = talk(store), tmp_path / "bees.json"
    store.close_reply(store.turns(session.id)[-1].id, "")
    write_session(store, session.id, file)
    store.forget(Wish(matching="Porto"))
    done = import_session(store, file)
    assert (done.turns, done.forgotten) == (0, 2)
    store.forget(Wish(session=session.id))
    assert import_session(store, file).forgotten == 4
    assert store.sessions() == []


def test_markdown_is_for_people(store: Store, tmp_path: Path) -> None:
    session, file = talk(store), tmp_path / "bees.md"
    store.add_user_turn(session.id, "evil \x1b[2J\u202e text")
    write_session(store, session.id, file)
    text = file.read_text()
    assert text.startswith(f"{MARK}\n# Bees & hives\n")
    assert "**You** · " in text
    assert " · cut\n\nHow many **hives**?" in text
    assert "evil [2J text" in text
    write_session(store, session.id, file)  # an export of ours is replaced
    with pytest.raises(PortableError, match="not JSON"):
        import_session(store, file)


def test_no_other_file_is_written_over(store: Store, tmp_path: Path) -> None:
    session = talk(store)
    mine = tmp_path / "mine.md"
    mine.write_text("# My notes\n")
    for place in (mine, tmp_path, tmp_path / "none" / "x.json", Path("/dev/null/x.json")):
        with pytest.raises(PortableError):
            write_session(store, session.id, place)
    assert mine.read_text() == "# My notes\n"
    with pytest.raises(StoreError, match="no session"):
        write_session(store, "nobody", tmp_path / "x.json")
    assert not (tmp_path / "x.json").exists()


def sample(**changes: Any) -> dict[str, Any]:
    turn = {"id": "t1", "role": "user", "text": "hi", "at": "2026-01-02T03:04:05Z"}
    turn |= {"status": "complete", "speaker": "You"}
    session = {"id": "s1", "title": "T", "started": "2026-01-02T03:04:05Z"}
    session |= {"touched": "2026-01-02T03:04:05Z", "archived": False, "titled": False}
    made = {"format": "pocket-agent-session", "version": 1, "created": "", "session": session}
    return {**made, "turns": [turn], **changes}


def turn_of(**changes: Any) -> list[dict[str, Any]]:
    return [{**sample()["turns"][0], **changes}]


@pytest.mark.parametrize(
    "record",
    [
        [],
        [sample(), sample()],
        {},
        "text",
        sample(format="pocket-agent-profile"),
        sample(version=2),
        sample(version=True),
        sample(more=1),
        sample(session=None),
        sample(session={**sample()["session"], "id": "a b"}),
        sample(session={**sample()["session"], "id": "x" * 65}),
        sample(session={**sample()["session"], "archived": 1}),
        sample(turns={}),
        sample(turns=[1]),
        sample(turns=[*turn_of(), *turn_of()]),
        sample(turns=turn_of(role="system")),
        sample(turns=turn_of(status="open")),
        sample(turns=turn_of(text=3)),
        sample(turns=turn_of(id="../x")),
        sample(turns=turn_of(more="")),
        sample(turns=[*turn_of(), *turn_of(id="t2", status="odd")]),
    ],
)
def test_what_is_not_ours_is_refused_whole_in_one_line(
    store: Store, tmp_path: Path, record: Any
) -> None:
    file = tmp_path / "bad.json"
    file.write_text(json.dumps(record))
    with pytest.raises(PortableError) as refused:
        import_session(store, file)
    assert "\n" not in str(refused.value)
    assert store.sessions() == []


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"{", b"[" * 99_999, b'{"a":NaN}', b"\0" * 99])
def test_damaged_files(store: Store, tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "bad.json"
    file.write_bytes(data)
    with pytest.raises(PortableError):
        import_session(store, file)
    for place in (tmp_path, tmp_path / "none.json", Path("/dev/null")):
        with pytest.raises(PortableError):
            import_session(store, place)


def test_a_turn_of_another_conversation_is_refused_and_nothing_is_added(
    store: Store, tmp_path: Path
) -> None:
    first = talk(store)
    stolen = store.turns(first.id)[0].id
    file = tmp_path / "bad.json"
    file.write_text(json.dumps(sample(turns=[*turn_of(), *turn_of(id=stolen)])))
    with pytest.raises(StoreError, match="already stored"):
        import_session(store, file)
    assert [session.id for session in store.sessions()] == [first.id]


def test_hostile_text_is_cleaned(store: Store, tmp_path: Path) -> None:
    wicked = "a\x1b]0;x\x07\r\nb\u202ec\ufeff\ud800"
    file = tmp_path / "bad.json"
    record = sample(turns=turn_of(role="assistant", text=wicked, speaker="X\x1b[1m\nY", at="9999"))
    record["session"] |= {"title": f"{wicked}\n2", "started": "never"}
    file.write_text(json.dumps(record))
    session, (turn,) = read_session_file(file)
    assert session.title == "a]0;x bc\ufffd 2"
    assert turn.text == "a]0;x\nbc\ufffd"
    assert turn.speaker == "X[1m Y"
    assert turn.at <= session.started
    import_session(store, file)
    assert store.turns("s1")[0].text == turn.text


TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc", "Cf"), include_characters="\n"))


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(TEXT, st.booleans()), max_size=8), TEXT)
def test_any_conversation_comes_back_as_it_was(
    tmp_path: Path, said: list[tuple[str, bool]], title: str
) -> None:
    with Store.open(tmp_path / "three.db") as store:
        session = store.rename_session(store.new_session().id, " ".join(title.split())[:100])
        for text, mine in said:
            if mine:
                store.add_user_turn(session.id, text.strip())
            else:
                store.close_reply(store.open_reply(session.id).id, text.strip())
        file = tmp_path / "three.json"
        file.write_bytes(b"".join(session_lines(store, session.id, markdown=False)))
        read, turns = read_session_file(file)
        kept = store.turns(session.id)
        assert [(t.id, t.role, t.status) for t in turns] == [(t.id, t.role, t.status) for t in kept]
        assert [t.text for t in turns] == [t.text for t in kept]
        assert replace(read, title="") == replace(store.session(session.id), turns=0, title="")


def test_nothing_plain_is_written_under_an_encrypted_name(store: Store, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="to be encrypted"):
        write_session(store, talk(store).id, tmp_path / "bees.AGE")
    assert not list(tmp_path.glob("*.AGE"))
