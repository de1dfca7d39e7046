"""Lines of what was learnt: taken back, answered, each of it once."""

from running import Running
from scripted import ScriptedBackend

from pocket_agent.errors import StoreError
from pocket_agent.tui.backend import Answered
from pocket_agent.tui.conversation import Remembered


async def test_what_is_learnt_becomes_a_line_and_undo_marks_it() -> None:
    backend = ScriptedBackend(learns=("remembered: home · Porto",))
    running = Running(backend)
    await running.start()
    running.dialogue.submit("I live in Porto")
    await running.settle()
    row = running.dialogue.conversation.last_memory()
    assert isinstance(row, Remembered)
    await running.dialogue.undo()
    assert backend.undone == [row.seq]
    assert row.undone
    await running.dialogue.undo(row)
    assert backend.undone == [row.seq], "a line is undone once"


async def test_undo_without_a_line_says_what_was_undone() -> None:
    running = Running(ScriptedBackend())
    await running.start()
    await running.dialogue.undo()
    assert running.notes == ["undone: home · Porto"]


async def test_a_question_is_answered_once_and_asks_again_if_that_failed() -> None:
    class Failing(ScriptedBackend):
        failing = True

        async def answer_fact(self, fact: str, yes: bool) -> Answered:
            if self.failing:
                raise StoreError("gone")
            return await super().answer_fact(fact, yes)

    backend = Failing(learns=("home · Porto, not home · Leeds?",))
    backend.asks = "f7"
    running = Running(backend)
    await running.start()
    running.dialogue.submit("I moved to Porto")
    await running.settle()
    await running.dialogue.answer(True)
    assert running.notes == ["gone"]
    backend.failing = False
    await running.dialogue.answer(True)
    row = running.dialogue.conversation.last_memory()
    assert row is not None
    assert (row.line, row.seq, row.waits) == ("remembered: hobby · pottery", 900, "")
    await running.dialogue.answer(False, row)
    assert running.notes[1] == "nothing here asks for a yes or no; F2 shows what waits"
    assert backend.changes == [("confirm", "f7")]
