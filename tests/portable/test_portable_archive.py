"""Export and import between real stores."""

import errno
import json
import os
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from portable_samples import fill, resealed

from pocket_agent.errors import DiskFullError, PortableError, ProfileError, StoreError
from pocket_agent.memory.joining import Arrival
from pocket_agent.memory.records import Turn, TurnRole, TurnStatus
from pocket_agent.memory.store import Store
from pocket_agent.portable.archive import Summary, export_profile, import_profile, read_contents
from pocket_agent.profile.facts import Actor, Op, OpKind, Polarity
from pocket_agent.profile.rules import replay
from pocket_agent.profile.slots import POLAR, SLOTS


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "anna.jsonl"


def body(file: Path) -> list[dict[str, object]]:
    """The records of an export without what differs between any two: time, hash, whose it is."""
    records = [json.loads(line) for line in file.read_bytes().split(b"\n")[:-1]]
    del records[0]["created"], records[0]["profile"], records[-1]["sha256"]
    return records


def refused(store: Store, file: Path, words: str) -> str:
    before = read_contents(store), store.profile()
    with pytest.raises(PortableError, match=words) as caught:
        import_profile(store, file)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 1
    assert (read_contents(store), store.profile()) == before
    return str(caught.value)


def test_what_comes_out_goes_in(lived: Store, empty: Store, file: Path, tmp_path: Path) -> None:
    written = export_profile(lived, file)
    assert written == Summary(sessions=2, turns=3, events=9)
    assert import_profile(empty, file) == written
    assert read_contents(empty) == read_contents(lived)
    assert empty.profile() == lived.profile() == replay(empty.events())
    assert [fact.value for fact in empty.profile().active()] == ["Leeds"]
    again = tmp_path / "again.jsonl"
    export_profile(empty, again)
    assert body(again) == body(file)


def test_what_came_in_outlives_a_restart(lived: Store, file: Path, tmp_path: Path) -> None:
    export_profile(lived, file)
    place = tmp_path / "new.db"
    with Store.open(place) as store:
        import_profile(store, file)
    with Store.open(place) as store:
        assert store.profile() == lived.profile()
        assert read_contents(store) == read_contents(lived)
        assert store.unread_turns() == []
        assert store.problems() == []


def test_importing_twice_changes_nothing(lived: Store, empty: Store, file: Path) -> None:
    export_profile(lived, file)
    import_profile(empty, file)
    before = read_contents(empty), empty.profile()
    assert import_profile(empty, file) == Summary(0, 0, 0, skipped=14)
    assert import_profile(lived, file) == Summary(0, 0, 0, skipped=14)
    assert (read_contents(empty), empty.profile()) == before


def test_what_was_learnt_since_follows(lived: Store, empty: Store, file: Path) -> None:
    export_profile(lived, file)
    import_profile(empty, file)
    session = lived.sessions(1)[0]
    lived.add_user_turn(session.id, "One more thing.")
    lived.record(Op(OpKind.ADD, "pet", "a dog"), actor=Actor.USER)
    lived.undo(4)  # an event that is there already
    lived.rename_session(session.id, "Another title")
    export_profile(lived, file)
    assert import_profile(empty, file) == Summary(0, 1, 2, skipped=14)
    assert empty.profile() == lived.profile()
    assert empty.session(session.id).title == session.title


def test_beside_a_life_of_its_own(lived: Store, empty: Store, file: Path, tmp_path: Path) -> None:
    own = empty.new_session("Mine")
    empty.add_user_turn(own.id, "I am here already.")
    empty.record(Op(OpKind.ADD, "sport", "rowing"), actor=Actor.USER)
    empty.record(Op(OpKind.ADD, "music", "fado"), actor=Actor.USER)
    empty.undo()
    before = empty.events()
    export_profile(lived, file)
    import_profile(empty, file)
    log = read_contents(empty).events  # by number
    assert list(log[: len(before)]) == before
    added = log[len(before) :]
    assert [event.id for event in added] == [event.id for event in lived.events()]
    values = {fact.value for fact in empty.profile().active()}
    assert values == {"rowing", *(fact.value for fact in lived.profile().active())}
    assert empty.profile() == replay(empty.events())
    assert len(empty.sessions()) == 3
    both = tmp_path / "both.jsonl"
    export_profile(empty, both)
    assert import_profile(empty, both).skipped == len(body(both)) - 2 - len(empty.profile().facts)


def test_imported_turns_are_found_again(lived: Store, empty: Store, file: Path) -> None:
    from pocket_agent.memory.recall import Recaller

    export_profile(lived, file)
    import_profile(empty, file)
    best = Recaller(empty).recall("Where do I live, Porto?")[0].turn
    assert best.text.startswith("We moved")


def test_a_long_conversation_comes_whole_and_in_order(tmp_path: Path, empty: Store) -> None:
    with Store.open(tmp_path / "long.db") as store:
        session = store.new_session()
        said = [
            Turn(f"t{number}", session.id, TurnRole.USER, f"turn {number}", session.started)
            for number in range(1203)
        ]
        store.add_turns(said)
        export_profile(store, tmp_path / "long.jsonl")
    assert import_profile(empty, tmp_path / "long.jsonl").turns == 1203
    texts = [turn.text for turn in empty.turns(session.id, limit=2000)]
    assert texts == [f"turn {number}" for number in range(1203)]


def test_a_reply_that_streams_is_left_out(lived: Store, empty: Store, file: Path) -> None:
    reply = lived.open_reply(lived.sessions(1)[0].id)
    lived.checkpoint_reply(reply.id, "I was say")
    export_profile(lived, file)
    assert import_profile(empty, file).turns == 3
    lived.close_reply(reply.id, "I was saying.", TurnStatus.COMPLETE)
    export_profile(lived, file)
    assert import_profile(empty, file).turns == 1


def test_the_same_id_with_other_words_is_refused(
    lived: Store, empty: Store, file: Path, tmp_path: Path
) -> None:
    export_profile(lived, file)
    import_profile(empty, file)
    lines = file.read_bytes().splitlines(keepends=True)
    for old, new, words in (
        (b"My tea is", b"My cup is", "the turn .* other words"),
        (b'"policy":"p-1"', b'"policy":"p-2"', "the event .* another content"),
        (b'"undoes":6', b'"undoes":4', "the event .* another content"),
    ):
        changed = [line.replace(old, new) for line in lines]
        assert changed != lines
        other = tmp_path / "other.jsonl"
        other.write_bytes(b"".join(resealed(changed)))
        refused(empty, other, f"(?i){words}")


def test_a_forged_source_is_refused_and_nothing_is_taken_in(
    lived: Store, empty: Store, file: Path
) -> None:
    export_profile(lived, file)
    lines = file.read_bytes().splitlines(keepends=True)
    forged = json.loads(next(line for line in lines if b'"kind":"event"' in line))
    forged["op"]["value"] = "Mars"
    forged["source"] = {
        **{"turn": "nowhere", "start": 0, "end": 14},
        **{"quote": "I live in Mars", "question": ""},
    }
    at = next(number for number, line in enumerate(lines) if b'"kind":"event"' in line)
    lines[at] = json.dumps(forged).encode() + b"\n"
    file.write_bytes(b"".join(resealed(lines)))
    refused(empty, file, f"Line {at + 1} .* the turn nowhere, in neither")
    refused(lived, file, f"Line {at + 1} .* the turn nowhere, in neither")


def test_one_bad_line_at_the_end_and_nothing_is_taken_in(
    lived: Store, empty: Store, file: Path
) -> None:
    export_profile(lived, file)
    whole = file.read_bytes()
    file.write_bytes(whole[:-40])
    refused(empty, file, "cut short")
    file.write_bytes(whole.replace(b"Earl", b"E\xffrl"))
    refused(empty, file, "Line 4 .* not UTF-8")
    assert empty.sessions() == []


def test_a_full_disk_while_importing_leaves_all_as_it_was(
    lived: Store, empty: Store, file: Path
) -> None:
    session = lived.new_session("Long")
    for number in range(300):
        lived.add_user_turn(session.id, f"{number} " + "word " * 60)
    export_profile(lived, file)
    empty.record(Op(OpKind.ADD, "sport", "rowing"), actor=Actor.USER)
    before = read_contents(empty), empty.profile()
    with empty.database.reading() as connection:
        pages = connection.pragma("page_count")
        connection.pragma("max_page_count", pages + 8)
    with pytest.raises(DiskFullError):
        import_profile(empty, file)
    assert (read_contents(empty), empty.profile()) == before
    assert empty.problems() == []
    with empty.database.reading() as connection:
        connection.pragma("max_page_count", 2**30)
    assert import_profile(empty, file).turns == 303


def test_an_export_is_private_and_replaces_an_older_one(lived: Store, file: Path) -> None:
    export_profile(lived, file)
    first = file.read_bytes()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    lived.new_session("Later")
    export_profile(lived, file)
    assert len(file.read_bytes()) > len(first)
    assert sorted(path.name for path in file.parent.iterdir()) == ["anna.jsonl", "here"]


def test_an_empty_file_may_be_filled(lived: Store, file: Path) -> None:
    file.touch()
    export_profile(lived, file)
    assert file.stat().st_size > 0


def test_an_export_never_covers_another_file(lived: Store, file: Path, tmp_path: Path) -> None:
    file.write_text("my notes\n")
    for place, words in (
        (file, "is not an export"),
        (tmp_path, "is a folder"),
        (tmp_path / "missing" / "anna.jsonl", "can't be written"),
        (lived.path, "is not an export"),
    ):
        with pytest.raises(PortableError, match=words):
            export_profile(lived, place)
    assert file.read_text() == "my notes\n"
    assert lived.problems() == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device here")
def test_an_export_never_replaces_a_device(lived: Store) -> None:
    with pytest.raises(PortableError, match="not a plain file"):
        export_profile(lived, Path("/dev/full"))
    assert stat.S_ISCHR(Path("/dev/full").stat().st_mode)


def test_a_full_disk_while_exporting_keeps_the_older_export(
    lived: Store, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_profile(lived, file)
    before = file.read_bytes()

    def no_room(_number: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    lived.new_session("Later")
    monkeypatch.setattr(os, "fsync", no_room)
    with pytest.raises(DiskFullError, match="disk is full"):
        export_profile(lived, file)
    assert file.read_bytes() == before
    assert sorted(path.name for path in file.parent.iterdir()) == ["anna.jsonl", "here"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"hello\n", "not an export"),
        (b"\x00\x01\x02" * 100, "not an export"),
        (b'{"kind":"header","format":"pocket-agent-profile","version":4}\n', "version 4"),
    ],
)
def test_what_is_no_export(empty: Store, file: Path, content: bytes, words: str) -> None:
    file.write_bytes(content)
    refused(empty, file, words)


def test_files_that_are_not_there(empty: Store, tmp_path: Path) -> None:
    refused(empty, tmp_path / "none.jsonl", "can't be read")
    refused(empty, tmp_path, "is a folder")


def test_a_profile_is_no_export(lived: Store, empty: Store) -> None:
    refused(empty, lived.path, "not an export")


# --- any profile at all ---------------------------------------------------------------------

texts = st.text(max_size=30)
values = st.sampled_from(["Porto", "porto", "Leeds", "the dog", "tea", "ramen 🍜", "C++"])
steps = st.lists(
    st.one_of(
        st.tuples(st.just("session"), texts),
        st.tuples(st.just("said"), texts),
        st.tuples(st.just("reply"), texts, st.sampled_from([*TurnStatus][1:])),
        st.tuples(
            st.just("record"),
            st.sampled_from([OpKind.ADD, OpKind.UPDATE, OpKind.REMOVE]),
            st.sampled_from(SLOTS[::6]),
            values,
            values,
            st.sampled_from(Polarity),
        ),
        st.tuples(
            st.just("mark"),
            st.sampled_from([OpKind.LOCK, OpKind.PIN, OpKind.UNLOCK, OpKind.CONFIRM]),
            st.integers(0, 5),
        ),
        st.tuples(st.just("undo"), st.integers(0, 12)),
    ),
    max_size=25,
)


def live(store: Store, life: list[tuple[object, ...]]) -> None:
    """Do the steps; those that the rules don't allow are passed over."""
    session = store.new_session("first")
    for what, *rest in life:
        try:
            match what, *rest:
                case "session", str(title):
                    session = store.new_session(title)
                case "said", str(text):
                    store.add_user_turn(session.id, text)
                case "reply", str(text), TurnStatus() as status:
                    store.close_reply(store.open_reply(session.id).id, text, status)
                case "record", OpKind() as kind, slot, value, old, sign:
                    polarity = sign if slot.name in POLAR else Polarity.LIKES
                    op = Op(kind, slot.name, value, old, polarity)
                    store.record(op, actor=Actor.USER)
                case "mark", OpKind() as kind, int(at):
                    facts = [*store.profile().facts]
                    store.record(Op(kind, fact=facts[at % len(facts)]), actor=Actor.USER)
                case "undo", int(seq):
                    store.undo(seq or None)
        except (ProfileError, ZeroDivisionError):
            continue


@pytest.mark.slow
@given(life=steps, other=steps)
@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_profile_survives(
    life: list[tuple[object, ...]],
    other: list[tuple[object, ...]],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("life")
    file, again = folder / "out.jsonl", folder / "again.jsonl"
    with Store.open(folder / "a.db") as store, Store.open(folder / "b.db") as copy:
        live(store, life)
        export_profile(store, file)
        import_profile(copy, file)
        assert copy.profile() == store.profile()
        assert read_contents(copy) == read_contents(store)
        export_profile(copy, again)
        assert body(again) == body(file)
        assert import_profile(copy, file) == Summary(0, 0, 0, len(body(file)) - 2 - facts_of(file))
        # And into a profile that has a life of its own, then back.
        live(copy, other)
        stands = copy.last_import() is not None  # an undo can have taken it back
        export_profile(copy, again)
        import_profile(store, again)
        assert not stands or copy.profile() == store.profile()
        assert import_profile(copy, again).events == 0
        # What was taken back here comes again with the way back.
        export_profile(store, file)
        import_profile(copy, file)
        assert store.profile() == copy.profile() == replay(store.events())


def test_an_import_taken_back_says_nothing_to_the_other_side(
    lived: Store, empty: Store, file: Path
) -> None:
    before = lived.profile()
    export_profile(lived, file)
    import_profile(empty, file)
    empty.undo()
    export_profile(empty, file)
    import_profile(lived, file)
    assert not empty.profile().active()
    assert lived.profile() == before


def facts_of(file: Path) -> int:
    return sum(record["kind"] == "fact" for record in body(file))


def test_two_lives_with_the_same_words_are_both_kept(
    lived: Store, empty: Store, file: Path
) -> None:
    export_profile(lived, file)
    fill(empty)  # the same words, but other ids
    assert import_profile(empty, file).turns == 3
    assert len(empty.sessions()) == 4
    with pytest.raises(StoreError):
        empty.add_archive(Arrival(turns=read_contents(lived).turns[:1]))
