"""Markdown becomes lines: right, never wider than asked, and the same whole or in pieces."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocket_agent.tui.prose import Code, Heading, Items, Prose, Quote, Table, code_blocks
from pocket_agent.tui.prose_layout import highlighted, indented, lay_out, plain_code

EVERYTHING = """# A *heading*

Some **bold** and `code` with a [link](https://example.org/x) that goes on and on and on.

1. first
   - nested
   - nested too
2. second

   ```python
   def f(x):
       return x
   ```
3. third

> quoted
> - inside

| a | b |
|---|--:|
| one two three | 12 |
| x | 1 |

---
<b>not html</b> &amp; [red]not markup[/red]

```
unclosed
"""


def lines(text: str, width: int = 40) -> list[str]:
    return [line.plain.rstrip() for line in lay_out(Prose(text).blocks, width)]


def test_lists_hang_and_nest() -> None:
    assert lines("- one two three four\n  - inner\n- two", 12) == [
        "• one two",
        "  three four",
        "  ◦ inner",
        "• two",
    ]


def test_numbers_count_from_the_first() -> None:
    assert lines("9. a\n9. b") == [" 9. a", "10. b"]


def test_loose_items_stand_apart() -> None:
    assert lines("- a\n\n- b") == ["• a", "", "• b"]


def test_a_table_gives_way_where_it_is_too_wide() -> None:
    assert lines("| a | b |\n|---|--:|\n| one two three | 12 |", 12) == [
        "a          b",
        "────────  ──",
        "one two   12",
        "three",
    ]


def test_quotes_have_a_bar() -> None:
    assert lines("> a\n> b") == ["▌ a b"]


def test_code_keeps_its_spaces_and_folds_long_lines() -> None:
    assert lines("```\nif x:\n    return 1234567890\n```", 12) == [
        " if x:",
        "     return",
        "  123456789",
        " 0",
    ]


def test_html_and_markup_are_text() -> None:
    assert lines("<b>x</b> [red]y[/red] [@click=app.quit]z[/]", 60) == [
        "<b>x</b> [red]y[/red] [@click=app.quit]z[/]"
    ]


def test_the_address_of_a_link_is_shown() -> None:
    assert lines("[bank](https://evil.example)", 60) == ["bank (https://evil.example)"]
    assert lines("<https://a.example>", 60) == ["https://a.example"]


def test_blocks_are_what_they_say() -> None:
    blocks = Prose(EVERYTHING).blocks
    kinds = [type(block) for block in blocks]
    assert kinds[0] is Heading
    assert {Items, Quote, Table} <= set(kinds)
    assert [code.language for code in code_blocks(blocks)] == ["python", ""]


def test_the_inside_of_a_nested_code_block_is_found() -> None:
    found = list(code_blocks(Prose(EVERYTHING).blocks))
    assert found[0].text == "def f(x):\n    return x"


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 13])
def test_a_stream_ends_as_the_whole_would(size: int) -> None:
    growing = Prose()
    for at in range(0, len(EVERYTHING), size):
        growing.append(EVERYTHING[at : at + size])
    whole = lay_out(Prose(EVERYTHING).blocks, 40)
    assert [a.plain for a in lay_out(growing.blocks, 40)] == [b.plain for b in whole]


_MARKDOWN = st.text(alphabet="ab1 \n*_`#>-|.[]()~\\<&日\t", max_size=120)


@given(_MARKDOWN, st.integers(12, 60))
@settings(deadline=None)
def test_no_line_is_wider_than_the_screen(text: str, width: int) -> None:
    for line in lay_out(Prose(text).blocks, width):
        assert line.cell_length <= width or _nesting(text) > width // 4


def _nesting(text: str) -> int:
    """How deep lists and quotes may nest at most: there, text keeps a least width."""
    return max((sum(line.count(mark) for mark in ">-*.)") for line in text.split("\n")), default=0)


def test_deep_nesting_does_no_harm() -> None:
    assert lay_out(Prose(">" * 500 + " x\n" + "- " * 500 + "y\n" + "[" * 500).blocks, 40)


def test_colours_change_no_letter() -> None:
    code = Code("def f():\n    return 'x'  # why", "python")
    assert highlighted(code).plain == plain_code(code).plain
    assert highlighted(code).spans


def test_a_language_nobody_knows_is_no_error() -> None:
    assert highlighted(Code("x = 1", "no-such-language")).plain == "x = 1"


def test_indented_text_begins_at_its_column() -> None:
    from textual.content import Content

    assert indented(Content("one two three"), 8, 2).plain == "  one\n  two\n  three"
