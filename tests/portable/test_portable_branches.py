"""Branches travel: exported, imported, merged, taken back; a file without any stays version 2."""

import json
from pathlib import Path

import pytest
from portable_samples import resealed

from pocket_agent.errors import PortableError
from pocket_agent.memory.erasure import Wish
from pocket_agent.memory.records import Session
from pocket_agent.memory.store import Store
from pocket_agent.portable.archive import export_profile, import_profile, read_contents


def reply(store: Store, session: Session, text: str, after: str | None = None) -> str:
    return store.close_reply(store.open_reply(session.id, after=after).id, text).id


def forked(store: Store) -> Session:
    session = store.new_session("Trees")
    store.add_user_turn(session.id, "oaks?")
    first = reply(store, session, "Oaks grow.")
    store.add_user_turn(session.id, "and yews?")
    reply(store, session, "Yews too.")
    store.add_user_turn(session.id, "and elms?", after=first)
    reply(store, session, "Elms too.")
    return session


def texts(store: Store, session: Session) -> list[str]:
    return [turn.text for turn in store.turns(session.id)]


ELMS = ["oaks?", "Oaks grow.", "and elms?", "Elms too."]


def test_branches_come_over_whole_and_twice_changes_nothing(
    lived: Store, empty: Store, tmp_path: Path
) -> None:
    file = tmp_path / "anna.jsonl"
    export_profile(lived, file)
    assert json.loads(file.open().readline())["version"] == 2
    session = forked(lived)
    export_profile(lived, file)
    assert json.loads(file.open().readline())["version"] == 3
    import_profile(empty, file)
    assert texts(empty, session) == ELMS
    assert read_contents(empty).branches == read_contents(lived).branches
    assert empty.versions(session.id) == lived.versions(session.id)
    again = import_profile(empty, file)
    assert (again.turns, again.sessions) == (0, 0)
    assert read_contents(empty).branches == read_contents(lived).branches


def test_a_branch_comes_behind_what_is_here_and_follows_the_same_turn(
    lived: Store, empty: Store, tmp_path: Path
) -> None:
    file = tmp_path / "anna.jsonl"
    session = lived.new_session("Trees")
    lived.add_user_turn(session.id, "oaks?")
    first = reply(lived, session, "Oaks grow.")
    export_profile(lived, file)
    import_profile(empty, file)
    empty.add_user_turn(session.id, "pines?", after=first)  # gone on with here, on a line
    reply(empty, session, "Pines too.")
    lived.add_user_turn(session.id, "and yews?")
    lived.add_user_turn(session.id, "and elms?", after=first)
    export_profile(lived, file)
    import_profile(empty, file)
    held = {turn.text: turn.id for turn in empty.all_turns(session.id)}
    for said in ("pines?", "and yews?", "and elms?"):
        assert empty.parent(held[said]) == first
    empty.undo()
    assert texts(empty, session) == ["oaks?", "Oaks grow.", "pines?", "Pines too."]
    assert empty.branches() == []
    assert empty.problems() == []


def test_what_was_replaced_comes_back_with_its_branches(
    lived: Store, empty: Store, tmp_path: Path
) -> None:
    file = tmp_path / "anna.jsonl"
    export_profile(lived, file)
    session = forked(empty)
    held = {turn.text: turn.id for turn in empty.all_turns(session.id)}
    empty.choose(held["and yews?"])
    before = read_contents(empty)
    import_profile(empty, file, replace=True)
    assert empty.branches() == []
    empty.undo()
    assert read_contents(empty) == before
    assert texts(empty, session)[2:] == ["and yews?", "Yews too."]


def test_what_was_forgotten_here_stays_so_and_its_branch_is_mended(
    lived: Store, empty: Store, tmp_path: Path
) -> None:
    file = tmp_path / "anna.jsonl"
    session = forked(lived)
    export_profile(lived, file)
    import_profile(empty, file)
    held = {turn.text: turn.id for turn in empty.all_turns(session.id)}
    empty.forget(Wish(turn=held["oaks?"]))
    import_profile(empty, file)
    assert texts(empty, session) == ["and elms?", "Elms too."]
    empty.choose(held["and yews?"])
    assert texts(empty, session) == ["and yews?", "Yews too."]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"id": "nowhere"}, "turn is not in the file"),
        ({"parent": "nowhere"}, "what the branch follows is not before it"),
        ({"parent": None}, "parent is not a text"),
        ({"more": 1}, "no field 'more'"),
    ],
)
def test_a_branch_that_leads_nowhere_is_refused(
    lived: Store, empty: Store, tmp_path: Path, change: dict[str, object], words: str
) -> None:
    file = tmp_path / "anna.jsonl"
    forked(lived)
    export_profile(lived, file)
    lines = file.read_bytes().splitlines(keepends=True)
    at = next(n for n, line in enumerate(lines) if line.startswith(b'{"kind":"branch"'))
    record = json.loads(lines[at]) | change
    lines[at] = json.dumps(record).encode() + b"\n"
    file.write_bytes(b"".join(resealed(lines)))
    with pytest.raises(PortableError, match=words):
        import_profile(empty, file)
    assert empty.sessions() == []


def test_a_branch_can_not_follow_what_comes_after_it(
    lived: Store, empty: Store, tmp_path: Path
) -> None:
    file = tmp_path / "anna.jsonl"
    session = forked(lived)
    last = lived.turns(session.id)[-1].id
    export_profile(lived, file)
    lines = file.read_bytes().splitlines(keepends=True)
    at = next(n for n, line in enumerate(lines) if line.startswith(b'{"kind":"branch"'))
    lines[at] = json.dumps(json.loads(lines[at]) | {"parent": last}).encode() + b"\n"
    file.write_bytes(b"".join(resealed(lines)))
    with pytest.raises(PortableError, match="is not before it"):
        import_profile(empty, file)
