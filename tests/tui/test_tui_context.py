"""What `/context` says of a conversation that was opened again."""

from pocket_agent.memory.erasure import Wish
from pocket_agent.memory.records import Drawn
from pocket_agent.paths import Locations
from pocket_agent.profile.facts import Actor, Op, OpKind
from pocket_agent.tui.live import LiveBackend
from pocket_agent.tui.options import TuiOptions


async def test_a_reply_of_an_earlier_run_is_put_together_again(locations: Locations) -> None:
    backend = LiveBackend(locations, "default", TuiOptions())
    await backend.open(None, lambda _: None)
    try:
        assert await backend.sent_prompt() is None
        store = backend._open.store
        fact = store.record(Op(OpKind.ADD, "home", "Porto"), actor=Actor.USER).fact
        assert fact is not None
        session = store.new_session("Where")
        store.add_user_turn(session.id, "Where do I live?")
        store.close_reply(store.open_reply(session.id, Drawn((fact.id,))).id, "In Porto.")
        await backend.open_session(session.id)
        sent = await backend.sent_prompt()
        assert sent is not None
        assert [part.title for part in sent.parts] == ["What the assistant is told", "You"]
        assert sent.parts[-1].text == "(I live in Porto.)\n\nWhere do I live?"
        assert sent.remark.startswith("Put together again")
        assert "No longer there" not in sent.remark
        await backend.forget(Wish(slot="home", value="Porto", keep_turns=True))
        sent = await backend.sent_prompt()
        assert sent is not None
        assert sent.parts[-1].text == "Where do I live?"
        assert sent.remark.startswith("Put together again")
    finally:
        await backend.close()
