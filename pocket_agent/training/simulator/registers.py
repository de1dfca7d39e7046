"""How people write: registers, as changes of spelling that leave the gold marks in place."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from pocket_agent.training.simulator.filling import CLOSE, MARKS, OLD_CLOSE, OLD_OPEN, OPEN

Change = Callable[[str, Random], str]


@dataclass(frozen=True, slots=True)
class Register:
    """A way of writing.

    Args:
        name: for the records. share: how common it is.
        lower: chance of a turn in lower case. no_stop: of no full stop at the end.
        no_marks: of no commas and stops at all. no_apostrophe: of dont, im.
        typos: typing errors a word. short: chance of chat words (u, pls) in a turn.
        tidy: sentences start with a capital and end with a stop.
        foreign: slips of non-native English a place where one fits. full: contractions undone.
    """

    name: str
    share: float
    lower: float = 0.0
    no_stop: float = 0.0
    no_marks: float = 0.0
    no_apostrophe: float = 0.0
    typos: float = 0.0
    short: float = 0.0
    tidy: bool = False
    foreign: float = 0.0
    full: float = 0.0


REGISTERS = (
    Register("as written", 0.24, no_stop=0.2),
    Register("lower case", 0.2, lower=0.95, no_stop=0.8, no_apostrophe=0.3, typos=0.004, short=0.1),
    Register("chat", 0.16, 0.8, 0.9, 0.4, no_apostrophe=0.7, typos=0.025, short=0.6),
    Register("hasty", 0.1, 0.3, 0.6, 0.2, no_apostrophe=0.4, typos=0.05, short=0.2),
    Register("prose", 0.14, tidy=True, full=0.4),
    Register("non-native", 0.11, lower=0.25, no_stop=0.4, typos=0.012, foreign=0.3, full=0.5),
    Register("dictated", 0.05, lower=0.9, no_stop=1.0, no_marks=1.0, no_apostrophe=0.5),
)
_CAPITALS = 0.004
"""How often anybody writes a turn in capitals."""


def rewrite(text: str, register: Register, american: bool, rng: Random) -> str:
    """A marked turn as somebody of this register types it; the marks stay."""
    text = _spell(text, american)
    if register.full and rng.random() < register.full:
        text = _outside(text, lambda run: _replace(_LONG, _FULL, run))
    if register.foreign:
        text = _outside(text, lambda run: _foreign(run, register.foreign, rng))
    if register.short and rng.random() < register.short:
        text = _outside(text, lambda run: _replace(_CHAT_WORDS, _CHAT, run, rng))
    if register.tidy:
        text = _tidy(text)
    text = _drop_marks(text, register, rng)
    if rng.random() < register.lower:
        text = text.lower()
    elif rng.random() < _CAPITALS:
        text = text.upper()
    return _mistype(text, register.typos, rng) if register.typos else text


def _drop_marks(text: str, register: Register, rng: Random) -> str:
    if rng.random() < register.no_apostrophe:
        text = re.sub(r"(?<=[A-Za-z])['’](?=[A-Za-z])", "", text)
    if rng.random() < register.no_marks:
        return re.sub(rf"[,.;!?]+(?=[{MARKS}]*(?:\s|$))", "", text)
    if rng.random() < register.no_stop:
        return re.sub(rf"\.([{MARKS}]*)$", r"\1", text)
    return text


def _outside(text: str, change: Callable[[str], str]) -> str:
    """The text with `change` made everywhere but in gold and known values."""
    runs = _PROTECTED.split(text)
    return "".join(run if at % 2 else change(run) for at, run in enumerate(runs))


_PROTECTED = re.compile(f"({OPEN}[^{CLOSE}]*{CLOSE}|{OLD_OPEN}[^{OLD_CLOSE}]*{OLD_CLOSE})")


def _words_of(table: dict[str, str]) -> re.Pattern[str]:
    longest_first = sorted(table, key=len, reverse=True)
    return re.compile(r"\b(?:" + "|".join(map(re.escape, longest_first)) + r")\b", re.IGNORECASE)


def _replace(
    words: re.Pattern[str], table: dict[str, str], text: str, rng: Random | None = None
) -> str:
    """Each word of the table replaced, its capital kept; with `rng`, most of them."""

    def swap(found: re.Match[str]) -> str:
        if rng is not None and rng.random() < 0.3:
            return found[0]
        new = table[found[0].lower().replace("’", "'")]
        return new[:1].upper() + new[1:] if found[0][:1].isupper() else new

    return words.sub(swap, text)


def _table(pairs: str) -> dict[str, str]:
    """`one=two; three=four` as a dictionary."""
    found = (pair.split("=") for pair in pairs.split(";"))
    return {old.strip(): new.strip() for old, new in found}


_CHAT = _table(
    "you=u; your=ur; you're=ur; please=pls; thanks=thx; because=cuz; though=tho; right now=rn; "
    "to be honest=tbh; i don't know=idk; by the way=btw; are=r; for=4; tomorrow=tmrw; people=ppl; "
    "really=rly; about=abt; probably=prob; favourite=fave; favorite=fav; going to=gonna; "
    "want to=wanna; got to=gotta; kind of=kinda; okay=ok; something=smth; with=w; message=msg"
)
_CHAT_WORDS = _words_of(_CHAT)
_FULL = _table(
    "i'm=I am; i've=I have; i'll=I will; don't=do not; doesn't=does not; "
    "can't=cannot; won't=will not; isn't=is not; aren't=are not; wasn't=was not; didn't=did not; "
    "haven't=have not; we're=we are; we've=we have; they're=they are; it's=it is; that's=that is"
)
_LONG = _words_of(_FULL)
_AMERICAN = _table(
    "colour=color; favourite=favorite; flavour=flavor; neighbour=neighbor; neighbours=neighbors; "
    "humour=humor; centre=center; theatre=theater; grey=gray; organise=organize; travelling="
    "traveling; traveller=traveler; apologise=apologize; realise=realize; realised=realized; "
    "recognise=recognize; cosy=cozy; programme=program; practise=practice; jewellery=jewelry; "
    "pyjamas=pajamas; mum=mom; metres=meters; litre=liter; kilometres=kilometers; maths=math; "
    "catalogue=catalog; honour=honor; behaviour=behavior; labour=labor; licence=license"
)
_BRITISH_WORDS = _words_of(_AMERICAN)


def _spell(text: str, american: bool) -> str:
    # Known values are left as they are: the person spells them as the profile does.
    if not american:
        return text
    runs = _OLD_ONLY.split(text)
    return "".join(
        run if at % 2 else _replace(_BRITISH_WORDS, _AMERICAN, run) for at, run in enumerate(runs)
    )


_OLD_ONLY = re.compile(f"({OLD_OPEN}[^{OLD_CLOSE}]*{OLD_CLOSE})")

_SLIPS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), new)
    for pattern, new in (
        (r"\b(?:the|a|an) (?=[a-z])", ""),
        (r"\b(I|we|they) have been\b", r"\1 am"),
        (r"\bsince (?:a )?(long|last|many)", r"from \1"),
        (r"\bfor (\w+) years\b", r"since \1 years"),
        (r"\bdoesn't\b", "don't"),
        (r"\b(he|she|it) (like|want|need|work|live|love)s\b", r"\1 \2"),
        (r"\bused to\b", "was used to"),
        (r"\binformation\b", "informations"),
        (r"\badvice\b", "advices"),
        (r"\binterested in\b", "interested about"),
        (r"\bdepends on\b", "depends of"),
        (r"\bin (january|march|july|the morning|the evening)", r"on \1"),
        (r"\bcan you\b", "can you please"),
        (r"\bcould you\b", "you could"),
        (r"\bI'm (\w+ing)\b", r"I am always \1"),
        (r"\bmakes me\b", "is making me"),
        (r"\bdo you know\b", "you know"),
        (r"\bhow do i\b", "how I can"),
        (r"\bwhat is\b", "what it is"),
    )
)


def _foreign(run: str, rate: float, rng: Random) -> str:
    for pattern, new in _SLIPS:
        if rng.random() < rate:
            run = pattern.sub(new, run, count=1)
    return run


def _tidy(text: str) -> str:
    text = re.sub(r"\bi\b(?=[\s'’])", "I", text)
    start = re.compile(rf"(^|[.!?]\s+)([{MARKS}]*)([a-z])")
    text = start.sub(lambda found: found[1] + found[2] + found[3].upper(), text)
    return text if re.search(rf"[^\w\s{MARKS}][{MARKS}]*$", text) else text + "."


_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_NEIGHBOURS = {
    letter: (row[at - 1] if at else "") + row[at + 1 : at + 2]
    for row in _ROWS
    for at, letter in enumerate(row)
}
_TYPABLE = re.compile(r"[A-Za-z]{3,}")


def _mistype(text: str, rate: float, rng: Random) -> str:
    """Slips of the fingers, in gold too (its value is what stands there), never in known values."""

    def slip(found: re.Match[str]) -> str:
        return _slip(found[0], rng) if rng.random() < rate else found[0]

    runs = _OLD_ONLY.split(text)
    return "".join(run if at % 2 else _TYPABLE.sub(slip, run) for at, run in enumerate(runs))


def _slip(word: str, rng: Random) -> str:
    at = rng.randrange(1, len(word) - 1)
    kind = rng.randrange(4)
    if kind == 0:  # swapped
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if kind == 1:  # missed
        return word[:at] + word[at + 1 :]
    if kind == 2:  # twice
        return word[:at] + word[at] + word[at:]
    near = _NEIGHBOURS.get(word[at].lower(), "")
    return word[:at] + (rng.choice(near) if near else word[at]) + word[at + 1 :]
