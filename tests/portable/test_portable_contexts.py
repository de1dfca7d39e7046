"""What replies were made from, carried in an export: by id, and without what was forgotten."""

import json
from pathlib import Path

import pytest
from portable_samples import resealed

from pocket_agent.errors import PortableError
from pocket_agent.memory.erasure import Wish
from pocket_agent.memory.records import Context, Drawn
from pocket_agent.memory.store import Store
from pocket_agent.portable.archive import export_profile, import_profile, read_contents
from pocket_agent.portable.parts import Choice


@pytest.fixture
def told(lived: Store) -> tuple[Store, str, tuple[str, ...]]:
    """A profile with a reply made from a fact and two turns; its id, and those of the turns."""
    turns = tuple(turn.id for turn in read_contents(lived).turns if turn.role == "user")
    fact = lived.profile().active("home")[0].id
    session = lived.new_session("And again")
    lived.add_user_turn(session.id, "Where do I live?")
    reply = lived.open_reply(session.id, Drawn((fact,), turns))
    lived.close_reply(reply.id, "By the sea.")
    return lived, reply.id, turns


def header(file: Path) -> dict[str, object]:
    return dict(json.loads(file.read_bytes().splitlines()[0]))


def test_they_travel_and_an_undo_takes_them_back(
    told: tuple[Store, str, tuple[str, ...]], empty: Store, tmp_path: Path
) -> None:
    lived, reply, _ = told
    file = tmp_path / "whole"
    export_profile(lived, file)
    assert header(file)["version"] == 3
    import_profile(empty, file)
    assert empty.drawn([reply]) == lived.drawn([reply]) != {}
    assert read_contents(empty).contexts == read_contents(lived).contexts
    import_profile(empty, file)
    empty.undo_import()
    assert empty.drawn([reply]) == {}
    part = tmp_path / "part"
    export_profile(lived, part, choice=Choice(turns=False))
    assert b'"context"' not in part.read_bytes()
    assert header(part)["version"] == 2, "an older program reads it"


def test_they_go_with_what_is_forgotten(
    told: tuple[Store, str, tuple[str, ...]], empty: Store, tmp_path: Path
) -> None:
    lived, reply, turns = told
    old, new = tmp_path / "old", tmp_path / "new"
    export_profile(lived, old)
    import_profile(empty, old)
    lived.forget(Wish(turn=turns[0]))
    assert lived.drawn([reply])[reply].turns == turns[1:]
    export_profile(lived, new)
    assert turns[0].encode() not in new.read_bytes()
    import_profile(empty, new, forget_too=True)
    assert empty.drawn([reply]) == lived.drawn([reply])
    lived.forget(Wish(turn=reply))
    import_profile(lived, old)  # what was forgotten here does not come back
    assert lived.drawn([reply]) == {}
    assert all(turns[0] not in context.turns for context in read_contents(lived).contexts)


@pytest.mark.parametrize(
    ("context", "why"),
    [
        (Context("nobody's", ("f",)), "the reply it is of is not in the file before it"),
        (Context("TURN", ("f",)), "the reply it is of is not in the file before it"),
        (Context("REPLY", ("",)), "facts is not a list of ids"),
        (Context("REPLY", ("f",) * 10_001), "facts is longer than any of ours"),
        (Context("", ()), "id is empty"),
    ],
)
def test_what_can_be_no_context_is_refused(
    told: tuple[Store, str, tuple[str, ...]],
    empty: Store,
    tmp_path: Path,
    context: Context,
    why: str,
) -> None:
    lived, reply, turns = told
    file = tmp_path / "whole"
    export_profile(lived, file)
    name = {"TURN": turns[0], "REPLY": reply}.get(context.id, context.id)
    lines = file.read_bytes().splitlines(keepends=True)
    at = next(n for n, line in enumerate(lines) if line.startswith(b'{"kind":"context"'))
    record = {"kind": "context", "id": name, "facts": context.facts, "turns": context.turns}
    lines[at] = json.dumps(record).encode() + b"\n"
    file.write_bytes(b"".join(resealed(lines)))
    with pytest.raises(PortableError, match=why):
        import_profile(empty, file)
    assert read_contents(empty).turns == ()
