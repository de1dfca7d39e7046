"""The questions that a scripted backend puts."""

from pocket_agent.profile.slots import BY_NAME, Slot


class ScriptedQuestions:
    """Two questions; keeps the answers."""

    def __init__(self) -> None:
        self.slots = [BY_NAME["address"], BY_NAME["home"]]
        self.answers: list[tuple[str, str]] = []
        self.allowed: list[bool] = []

    async def left(self) -> list[Slot]:
        met = {name for name, _ in self.answers}
        stopped = any(text == "never" for _, text in self.answers)
        return [] if stopped else [slot for slot in self.slots if slot.name not in met]

    async def answer(self, slot: str, text: str) -> str:
        self.answers.append((slot, text))
        return f"remembered: {slot} · {text}" if text and text != "never" else ""

    async def allow(self, wanted: bool) -> str:
        self.allowed.append(wanted)
        return "questions are welcome again" if wanted else "no more questions"
