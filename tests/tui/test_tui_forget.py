"""Forgetting through the real backend: the store, and the conversation that goes on over it."""

from pathlib import Path

import pytest

from pocket_agent.errors import UsageError
from pocket_agent.memory.erasure import Wish
from pocket_agent.moments import end_of, start_of
from pocket_agent.paths import Locations
from pocket_agent.profile.facts import Actor, Op, OpKind
from pocket_agent.tui.backend import Preview
from pocket_agent.tui.live import LiveBackend
from pocket_agent.tui.options import TuiOptions
from pocket_agent.tui.wishes import wish_of


def bytes_with(folder: Path, word: bytes) -> list[str]:
    return [f.name for f in folder.rglob("*") if f.is_file() and word in f.read_bytes()]


async def test_the_open_conversation_is_forgotten(locations: Locations) -> None:
    backend = LiveBackend(locations, "default", TuiOptions())
    await backend.open(None, lambda _: None)
    try:
        store = backend._open.store
        session = store.new_session("About Zqjim")
        store.add_user_turn(session.id, "Zqjim called")
        store.record(Op(OpKind.ADD, "friend", "Zqjim"), actor=Actor.USER)
        await backend.open_session(session.id)
        wish = Wish(matching="zqjim")
        assert await backend.plan_forgetting(wish) == Preview(
            "1 turn, 1 conversation, 1 fact, 1 change of the log",
            ("fact · friend · Zqjim", "turn · Zqjim called"),
        )
        assert (await backend.forget(wish)).startswith("forgotten: 1 turn")
        assert backend.session is None
        assert (await backend.page(None, 10)).turns == ()
        assert await backend.facts() == []
        assert (await backend.plan_forgetting(wish)).what == ""
        assert bytes_with(locations.home, b"Zqjim") == []
    finally:
        await backend.close()


async def test_a_pin_and_a_conversation_that_stays(locations: Locations) -> None:
    backend = LiveBackend(locations, "default", TuiOptions())
    await backend.open(None, lambda _: None)
    try:
        store = backend._open.store
        session = store.new_session("Common")
        first = store.add_user_turn(session.id, "Zqjim called")
        store.add_user_turn(session.id, "and rain")
        fact = store.record(Op(OpKind.ADD, "friend", "Ann"), actor=Actor.USER).fact
        assert fact is not None
        assert (await backend.pin_fact(fact.id, True)).startswith("pinned")
        assert [f.pinned for f in await backend.facts()] == [True]
        await backend.open_session(session.id)
        await backend.forget(Wish(turn=first.id))
        assert backend.session is not None
        assert [t.text for t in (await backend.page(None, 10)).turns] == ["and rain"]
    finally:
        await backend.close()


async def test_incognito_forgets_nothing(locations: Locations) -> None:
    backend = LiveBackend(locations, "default", TuiOptions(incognito=True))
    await backend.open(None, lambda _: None)
    try:
        with pytest.raises(UsageError, match="Incognito"):
            await backend.forget(Wish(everything=True))
    finally:
        await backend.close()


def test_what_the_chat_is_told_to_forget() -> None:
    assert wish_of(" my ex ") == Wish(matching="my ex")
    assert wish_of("Everything") == Wish(everything=True)
    assert wish_of('"everything"') == Wish(matching="everything")
    assert wish_of("since 2026-03-01") == Wish(since=start_of("2026-03-01"))
    both = Wish(since=start_of("2026-03-01"), until=end_of("2026-03-05"))
    assert wish_of("since 2026-03-01 until 2026-03-05") == both
    assert wish_of("since then we live in Porto") == Wish(matching="since then we live in Porto")
    with pytest.raises(UsageError, match="is no date"):
        wish_of("since tuesday")


async def test_everything_goes_while_the_chat_is_open(locations: Locations) -> None:
    backend = LiveBackend(locations, "default", TuiOptions())
    await backend.open(None, lambda _: None)
    try:
        store = backend._open.store
        session = store.new_session("About Zqjim")
        store.add_user_turn(session.id, "Zqjim called")
        await backend.open_session(session.id)
        export = locations.home / "talk.json"
        await backend.library.export(session.id, str(export))
        preview = await backend.plan_forgetting(wish_of("everything"))
        assert f"file · {export}" in preview.lines
        line = await backend.forget(wish_of("everything"))
        assert line.startswith("forgotten: 1 turn, 1 conversation")
        assert line.endswith(f": {export}")
        assert not export.exists()
        assert backend.session is None
    finally:
        await backend.close()
    assert bytes_with(locations.home, b"Zqjim") == []
