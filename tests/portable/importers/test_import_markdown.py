"""Markdown lists: which slot a bullet goes to, and which way a taste goes."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pocket_agent.portable.importers.markdown import statements
from pocket_agent.profile.slots import BY_NAME, POLAR

LIST = """\
---
# About *me*

Some words that are no list.

- **Name**: Anna
- [x] home: Porto
- I speak with my hands
  and a lot of them

## Tastes
- food: likes spicy ramen
- music · avoids polka
* avoids crowds

## Pets
1. a cat called `Miso`
2) [Rex](https://example.org) the dog

**Avoid:**
+ small talk

### Food I like
- figs

## Food
- avoids olives
- Sweets:
    - baklava
    - hates liquorice
- soup

```
- not: this
```
## Diet
- avoids gluten
"""


def test_every_kind_of_bullet() -> None:
    found = [(s.slot, str(s.polarity), s.value) for s in statements(LIST)]
    assert found == [
        ("name", "+", "Anna"),
        ("home", "+", "Porto"),
        ("other", "+", "I speak with my hands and a lot of them"),
        ("food", "+", "spicy ramen"),
        ("music", "-", "polka"),
        ("other", "-", "crowds"),
        ("pet", "+", "a cat called Miso"),
        ("pet", "+", "Rex the dog"),
        ("other", "-", "small talk"),
        ("other", "+", "figs"),
        ("food", "-", "olives"),
        ("food", "+", "baklava"),
        ("food", "-", "liquorice"),
        ("food", "+", "soup"),
        ("diet", "+", "avoids gluten"),
    ]


@pytest.mark.parametrize(
    ("line", "slot", "value"),
    [
        ("- pets: Miso", "pet", "Miso"),
        ("- Hobbies: chess", "hobby", "chess"),
        ("- Job: baker", "occupation", "baker"),
        ("- lives in: Porto", "home", "Porto"),
        ("- note: this is not a slot", "other", "note: this is not a slot"),
        ("- at 10:30 I walk", "other", "at 10:30 I walk"),
        ("- see https://example.org", "other", "see https://example.org"),
    ],
)
def test_labels(line: str, slot: str, value: str) -> None:
    (found,) = statements(line)
    assert (found.slot, found.value) == (slot, value)


@given(st.lists(st.text(alphabet="-*#: \tab\n`·[]()_•1.♥⊘é", max_size=40), max_size=12))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_text_gives_statements_that_the_schema_allows(lines: list[str]) -> None:
    for found in statements("\n".join(lines)):
        assert found.slot in BY_NAME
        assert found.slot in POLAR or found.polarity == "+"
        assert found.value
