"""Export of a profile: everything it holds, or chosen parts of it, in one file."""

from pathlib import Path
from typing import BinaryIO

from pocket_agent.errors import PortableError, UsageError
from pocket_agent.memory.identity import this_second
from pocket_agent.memory.store import Store
from pocket_agent.portable import age
from pocket_agent.portable.contents import Summary, read_contents
from pocket_agent.portable.lines import MAX_LINE, Contents, encode, read_header
from pocket_agent.portable.markdown import MARK, Style, as_markdown
from pocket_agent.portable.parts import WHOLE, Choice, chosen_facts, part_of
from pocket_agent.portable.placing import names_markdown, placing
from pocket_agent.profile.rules import replay


def export_profile(
    store: Store,
    path: Path,
    *,
    choice: Choice = WHOLE,
    seal: age.Seal | None = None,
    style: Style | None = None,
) -> Summary:
    """Write a profile to `path`: whole, or not at all, for its owner's eyes alone.

    A name that ends in `.md` (or `.md.age`) makes Markdown of it, for readers. An older plain
    export at that place is replaced; any other file is not.

    Args:
        choice: what of it. seal: for whom the file is encrypted; None for a plain one.
        style: what the Markdown tells beside the facts.

    Raises:
        PortableError: the file can't be written. DiskFullError: there is no room.
        UsageError: the name and the wishes contradict each other.
    """
    markdown = is_markdown(path)
    _check_wishes(path, choice, seal, style)
    owner = store.sign()
    with store.database.reading():  # nothing changes meanwhile
        profile, events = store.profile(), store.events()
        facts = chosen_facts(profile, events, choice)
        if markdown:
            contents = Contents()
        else:
            contents = read_contents(store) if choice.whole else part_of(profile, events, choice)
    created = this_second()
    active = [fact for fact in facts if fact.state == "active"]
    if markdown:
        lines = as_markdown(active, style or Style(), owner)
    else:
        held = profile if choice.whole else replay(contents.events)
        lines = encode(contents, held.facts.values(), created, owner)
    with placing(path, _check_is_ours) as file:
        file.writelines(lines if seal is None else [age.encrypt(b"".join(lines), seal)])
    live = (*profile.active(), *profile.candidates())
    held_back = sum(choice.takes(fact.slot) for fact in live) - len(facts)
    counts = (len(contents.sessions), len(contents.turns), len(contents.events))
    return Summary(*counts, facts=len(active), held_back=held_back)


def told(done: Summary, path: Path, choice: Choice = WHOLE) -> str:
    """How much was written, in words."""
    if choice.whole and not is_markdown(path):
        return f"{done.sessions} sessions, {done.turns} turns, {done.events} changes"
    facts = "1 fact" if done.facts == 1 else f"{done.facts} facts"
    return f"{facts}; conversations and the log are left out"


def is_markdown(path: Path) -> bool:
    """Whether a file of that name is to be Markdown."""
    return names_markdown(age.plain_name(path))


def _check_wishes(path: Path, choice: Choice, seal: age.Seal | None, style: Style | None) -> None:
    age.check_name(path, seal)
    if style is not None and not is_markdown(path):
        raise UsageError(
            "Dates and quotes are chosen for Markdown alone", "Name a file like ME.md."
        )
    if style is not None and style.quotes and not choice.whole:
        raise UsageError("A quote may hold what is left out", "Leave out --quotes.")


def _check_is_ours(path: Path, file: BinaryIO) -> None:
    first = file.readline(MAX_LINE)
    if is_markdown(path) and first.strip() == MARK.encode():
        return
    if age.is_age(first):
        raise age.unknown(path)
    try:
        read_header(first)
    except PortableError as error:
        raise PortableError(
            f"{path} is there already and is not an export", "Choose another name."
        ) from error
