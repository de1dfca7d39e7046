"""What stands in a file is told apart from what the person says."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from word_engine import WordEngine

from pocket_agent.assistant.assistant import Assistant
from pocket_agent.assistant.attaching import attached, own_words, read_text_file
from pocket_agent.errors import UsageError
from pocket_agent.memory.store import Store
from pocket_agent.paths import Locations
from pocket_agent.policy.reader import Reading
from pocket_agent.policy.state import Known

words = st.text(st.characters(exclude_categories=["Cs"])).map(lambda t: t.replace("\r", ""))


@given(words, st.lists(words, max_size=3))
def test_own_words_are_what_stands_before_the_files(said: str, files: list[str]) -> None:
    said = said.strip("\n")
    blocks = [attached(f"notes {n}.txt", text) for n, text in enumerate(files)]
    assert own_words((said + "".join(blocks)).strip("\n")) == said


def test_the_policy_reads_no_file(locations: Locations) -> None:
    class Watching:
        version = "watching"

        def __init__(self) -> None:
            self.seen: list[str] = []

        async def read(self, known: list[Known], assistant: str, turn: str) -> Reading:
            self.seen.append(turn)
            return Reading(())

    async def talk() -> None:
        with Store.open(locations.profile("test")) as store:
            engine, policy = WordEngine(), Watching()
            assistant = Assistant(store, engine, policy=policy)
            message = "What is this?" + attached("cv.txt", "I live in Leeds.")
            async for _ in assistant.send(message):
                pass
            assert policy.seen == ["What is this?"]
            assert "I live in Leeds." in engine.requests[0].messages[-1].text
            tokens, room = await assistant.measure("one two three")
            assert tokens == 3
            assert 1024 < room < 2048

    asyncio.run(talk())


def test_a_byte_order_mark_and_odd_line_ends_are_no_part_of_the_text(tmp_path: Path) -> None:
    file = tmp_path / "a b.txt"
    file.write_bytes("\ufeffone\r\ntwo\r\n".encode())
    assert read_text_file(f'"{file}"', 100) == ("a b.txt", "one\ntwo")


@pytest.mark.parametrize("data", [b"", b" \n", b"a\0b", b"\xff\xfe", b"x" * 1601])
def test_what_is_no_text_or_far_too_large_is_refused(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "file"
    file.write_bytes(data)
    with pytest.raises(UsageError) as caught:
        read_text_file(str(file), 100)
    assert "\n" not in str(caught.value)
