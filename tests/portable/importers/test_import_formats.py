"""Each format: what is read of it, what is left out, and telling one from the other."""

import json
from pathlib import Path
from typing import Any

import pytest
from import_samples import MEMORY, chatgpt, claude, mem0, node, remembering, written, zipped

from pocket_agent.errors import PortableError
from pocket_agent.memory.records import TurnRole
from pocket_agent.portable.importers.files import ImportFile
from pocket_agent.portable.importers.found import Conversation, Found, Statement, Unknown
from pocket_agent.portable.importers.markdown import MAX_NOTES, Notes
from pocket_agent.portable.importers.registry import IMPORTERS, detect
from pocket_agent.profile.facts import Polarity

USER, ASSISTANT = TurnRole.USER, TurnRole.ASSISTANT


def read(path: Path) -> list[Found]:
    reader = detect(path)
    assert reader is not None
    with ImportFile(path) as file:
        return list(reader.read(file))


def conversation(path: Path) -> Conversation:
    (found,) = read(path)
    assert isinstance(found, Conversation)
    return found


def test_chatgpt_gives_the_branch_that_was_last_in_view(tmp_path: Path) -> None:
    found = conversation(written(tmp_path, [chatgpt()]))
    assert (found.name, found.title) == ("c-1", "A trip")
    assert found.started == "2024-05-01T10:00:00.250+00:00"
    assert [(turn.role, turn.text) for turn in found.turns] == [
        (USER, "Where is the Livraria Lello bookshop?"),
        (ASSISTANT, "It is in Porto, near the tower."),
        (USER, "Thanks, I love old bookshops!"),
    ]
    assert found.turns[0].at == "2024-05-01T10:00:02.250+00:00"
    assert found.turns[2].at == "", "its date is not known"


@pytest.mark.parametrize(
    "current", [None, "nowhere", 7, "g"], ids=["none", "missing", "a number", "there"]
)
def test_chatgpt_without_a_current_node_takes_the_newest_leaf(tmp_path: Path, current: Any) -> None:
    found = conversation(written(tmp_path, [chatgpt(current_node=current)]))
    assert found.turns[-1].text == "Thanks, I love old bookshops!"


def test_a_tree_that_bites_its_tail_ends(tmp_path: Path) -> None:
    ring = {n: node(n, p, [], "user", n) for n, p in (("a", "b"), ("b", "a"))}
    found = conversation(written(tmp_path, [chatgpt(mapping=ring, current_node="a")]))
    assert [turn.text for turn in found.turns] == ["b", "a"]


def test_strange_nodes_are_passed_over(tmp_path: Path) -> None:
    nodes: dict[str, Any] = {
        "a": node("a", None, ["b"], "user", "hello"),
        "b": node("b", "a", ["c"], "user", content="no object"),
        "c": node("c", "b", ["d"], "assistant", [3, None, {"text": "dictated"}, {"text": 4}]),
        "d": {"parent": "c", "message": "no object"},
        "e": {"parent": "d", "message": {"author": None}},
    }
    found = conversation(written(tmp_path, [chatgpt(mapping=nodes, current_node="e")]))
    assert [turn.text for turn in found.turns] == ["hello", "dictated"]


def test_claude_gives_words_alone(tmp_path: Path) -> None:
    found = conversation(written(tmp_path, [claude()]))
    assert (found.name, found.title) == ("u-1", "Bread")
    assert found.started == "2025-03-02T08:00:00.123+00:00"
    assert [(turn.role, turn.text, turn.at[11:19]) for turn in found.turns] == [
        (USER, "How long does a sourdough rise?", "08:00:01"),
        (ASSISTANT, "Overnight,\n\nin a cool room.", "08:00:09"),
    ]


@pytest.mark.parametrize("bare", [False, True])
def test_mem0_gives_statements(tmp_path: Path, bare: bool) -> None:
    held = mem0("Loves hiking", "Is allergic to nuts")
    found = read(written(tmp_path, held["results"] if bare else held, "mem0.json"))
    assert found == [
        Statement("other", "Loves hiking", Polarity.LIKES, "Loves hiking"),
        Statement("other", "Is allergic to nuts", Polarity.LIKES, "Is allergic to nuts"),
    ]


def test_text_is_cleaned(tmp_path: Path) -> None:
    bad = "a\x00b\x1b[31mc\u202ed\r\ne\ud800f\U000e0041"
    found = conversation(
        written(
            tmp_path,
            [
                chatgpt(
                    title=f"{bad}\nx",
                    mapping={"a": node("a", None, [], "user", bad)},
                    current_node="a",
                )
            ],
        )
    )
    assert found.turns[0].text == "ab[31mcd\ne\ufffdf"
    assert found.title == "ab[31mcd e\ufffdf x"


@pytest.mark.parametrize(
    "when", [None, "soon", True, 1e300, -1e300, {"at": 1}, "2025-13-01", float(10**15)]
)
def test_what_is_no_date_is_none(tmp_path: Path, when: Any) -> None:
    assert conversation(written(tmp_path, [chatgpt(create_time=when)])).started == ""


def test_no_date_lies_in_the_future(tmp_path: Path) -> None:
    found = conversation(written(tmp_path, [chatgpt(create_time=2e11)]))
    assert found.started < "2100"


def test_each_format_is_told_from_the_others(tmp_path: Path) -> None:
    def kind(path: Path) -> str | None:
        found = detect(path)
        return found.name if found else None

    assert kind(written(tmp_path, [chatgpt()])) == "chatgpt"
    assert kind(written(tmp_path, [{}, claude()])) == "claude"
    assert kind(written(tmp_path, mem0("x"))) == "mem0"
    assert kind(written(tmp_path, {"results": []})) == "mem0"
    assert kind(written(tmp_path, {"something": "else"})) is None
    inner = written(tmp_path, [claude()]).read_bytes()
    assert kind(zipped(tmp_path, {"export-1/conversations.json": inner})) == "claude"
    assert kind(zipped(tmp_path, {"manifest.json": b"{}"})) is None
    for text, name, wanted in (
        ("- home: Porto", "me", "markdown"),
        ("nothing here", "me.md", "markdown"),
        ("nothing here", "me", None),
        ('{"kind":"header","format":"pocket-agent-profile"}\n- x', "old", None),
        ("\0\0- x\n", "raw", None),
    ):
        (tmp_path / name).write_text(text, "utf-8")
        assert kind(tmp_path / name) == wanted, text
    assert kind(tmp_path / "missing") is None
    with pytest.raises(PortableError, match="none of the known formats"):
        detect(written(tmp_path, [1, 2]))


@pytest.mark.parametrize("name", sorted(IMPORTERS))
def test_a_file_of_another_format_is_refused(tmp_path: Path, name: str) -> None:
    other = [claude()] if name != "claude" else [chatgpt()]
    with ImportFile(written(tmp_path, other)) as file, pytest.raises(PortableError) as caught:
        list(IMPORTERS[name].read(file))
    assert "\n" not in str(caught.value)


def test_what_chatgpt_noted_becomes_statements_each_once(tmp_path: Path) -> None:
    path = written(tmp_path, [remembering(), remembering("c-10")])
    said = [found for found in read(path) if isinstance(found, Statement)]
    assert [(each.slot, each.value) for each in said] == [
        ("other", "I bind books."),
        ("other", "I live in Porto."),
        ("manner", "Be brief."),
        ("other", "User has a cat."),
        ("other", "User swims."),
        ("other", "User is called Ana."),
    ]
    assert all(each.beside for each in said)
    assert read(path).count(Unknown()) == 2, "one in each conversation"
    turns = [
        turn.text for found in read(path) if isinstance(found, Conversation) for turn in found.turns
    ]
    assert turns == ["I have a cat", "Lovely!"] * 2, "notes are no turns"


def test_custom_instructions_come_out_of_the_words_around_them(tmp_path: Path) -> None:
    content = {
        "content_type": "user_editable_context",
        "user_profile": "The user told of themselves.\nUser profile:\n```I keep bees.```",
        "user_instructions": ["in another form"],
    }
    nodes = {"a": node("a", None, [], "user", "", content=content)}
    found = read(written(tmp_path, [chatgpt(mapping=nodes, current_node="a")]))
    assert [each.value for each in found if isinstance(each, Statement)] == ["I keep bees."]
    assert found.count(Unknown()) == 1


@pytest.mark.parametrize("name", ["memories.json", "data/memories.json", "memories/someone.json"])
def test_what_claude_noted_comes_out_of_its_own_file(tmp_path: Path, name: str) -> None:
    files = {"conversations.json": json.dumps([claude()]), name: json.dumps([MEMORY])}
    found = read(zipped(tmp_path, {each: text.encode() for each, text in files.items()}))
    assert [(each.slot, each.value) for each in found if isinstance(each, Statement)] == [
        ("other", "Ana binds books."),
        ("other", "She works alone."),
        ("other", "tea"),
        ("other", "The atlas is due in May."),
    ]
    assert found.count(Unknown()) == 1
    alone = read(written(tmp_path, [MEMORY], "memories.json"))
    assert alone == [each for each in found if not isinstance(each, Conversation)]


@pytest.mark.parametrize(
    "notes", [b"[", b"7", b"[[]]", b'[{"conversations_memory": {"a": 1}}]', b"\xff", b"[" * 99]
)
def test_notes_of_an_unknown_form_are_counted_and_never_an_error(
    tmp_path: Path, notes: bytes
) -> None:
    files = {"conversations.json": json.dumps([claude()]).encode(), "memories.json": notes}
    found = read(zipped(tmp_path, files))
    assert [type(each) for each in found] == [Conversation, Unknown]


def test_more_notes_than_a_persons_are_passed_over() -> None:
    notes = Notes()
    many = "\n".join(f"- note {number} {'x' * 90}" for number in range(4000))
    assert len(list(notes.statements(many))) == 4000
    assert list(notes.statements(many)) == [], "told already"
    assert list(notes.statements(many.replace("note", "another"))) == [Unknown()]
    assert list(Notes().statements("x" * (MAX_NOTES + 1))) == [Unknown()]
