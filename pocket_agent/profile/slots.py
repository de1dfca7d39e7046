"""The slot schema, as data: everything the profile can hold, and how.

Names are short because the policy writes them out token by token.
"""

from dataclasses import dataclass
from enum import StrEnum


class Group(StrEnum):
    """The headings that the profile is shown under."""

    IDENTITY = "identity"
    LIFE = "life"
    TASTES = "tastes"
    STYLE = "style"
    GOALS = "goals"
    OTHER = "other"


class Sensitivity(StrEnum):
    """How carefully a slot is treated: a sensitive one is never asked about unprompted."""

    PLAIN = "plain"
    PERSONAL = "personal"
    SENSITIVE = "sensitive"


@dataclass(frozen=True, slots=True)
class Slot:
    """One kind of fact.

    Args:
        name: what the policy writes and scripts see.
        group: the heading it is shown under.
        many: whether several values hold at once; if not, a new one replaces the old.
        polar: whether a value is liked (+) or avoided (-).
        description: what belongs here, for people and for annotators.
        question: what to ask when it is empty.
        sensitivity: how carefully it is treated.
    """

    name: str
    group: Group
    many: bool
    polar: bool
    description: str
    question: str
    sensitivity: Sensitivity = Sensitivity.PLAIN


_I, _L, _T, _S, _G, _O = Group
_PERSONAL, _SENSITIVE = Sensitivity.PERSONAL, Sensitivity.SENSITIVE


def _one(name: str, group: Group, about: str, ask: str, care: Sensitivity | None = None) -> Slot:
    return Slot(name, group, False, False, about, ask, care or Sensitivity.PLAIN)


def _many(name: str, group: Group, about: str, ask: str, care: Sensitivity | None = None) -> Slot:
    return Slot(name, group, True, False, about, ask, care or Sensitivity.PLAIN)


def _taste(name: str, group: Group, about: str, ask: str) -> Slot:
    return Slot(name, group, True, True, about, ask)


SLOTS: tuple[Slot, ...] = (
    # identity: who the person is
    _one("name", _I, "their own name", "What's your name?", _PERSONAL),
    _one("age", _I, "how old they are", "How old are you?", _PERSONAL),
    _one("birthday", _I, "day or year of birth", "When is your birthday?", _PERSONAL),
    _one("gender", _I, "gender or pronouns", "Which pronouns should I use?", _SENSITIVE),
    _one("origin", _I, "where they grew up or come from", "Where are you from?", _PERSONAL),
    _one("home", _I, "the place where they live now", "Where do you live?", _PERSONAL),
    _many("language", _I, "languages they speak or learn", "Which languages do you speak?"),
    _one("occupation", _I, "job, trade or role; student, retired", "What do you do for work?"),
    _one("employer", _I, "the company or place they work at", "Who do you work for?", _PERSONAL),
    _many("education", _I, "school, degree, subject studied", "What did you study?"),
    _many(
        "personality", _I, "how they describe their character", "How would you describe yourself?"
    ),
    _many("belief", _I, "religion, politics, values they hold", "What matters to you?", _SENSITIVE),
    # life: who and what is around them
    _one(
        "partner",
        _L,
        "partner, spouse or relationship status",
        "Do you have a partner?",
        _SENSITIVE,
    ),
    _many(
        "family", _L, "children, parents, siblings, relatives", "Who is in your family?", _PERSONAL
    ),
    _many(
        "friend", _L, "friends, flatmates, colleagues, neighbours", "Who do you spend time with?"
    ),
    _many("pet", _L, "animals they keep", "Do you have any pets?"),
    _taste("housing", _L, "the home itself, its furniture and looks", "What is your home like?"),
    _many("vehicle", _L, "car, bike, boat they own or drive", "What do you drive or ride?"),
    _many(
        "health",
        _L,
        "conditions, injuries, medicines",
        "Any health matters to keep in mind?",
        _SENSITIVE,
    ),
    _many("allergy", _L, "allergies and intolerances", "Are you allergic to anything?", _PERSONAL),
    _many(
        "diet", _L, "a diet they keep: vegan, halal, low salt", "Do you follow a diet?", _PERSONAL
    ),
    _many(
        "routine",
        _L,
        "habits and times: gets up at five, works nights",
        "What does your day look like?",
    ),
    _many(
        "budget", _L, "what they can or want to spend", "What budget should I keep to?", _PERSONAL
    ),
    # tastes: what they like (+) or avoid (-)
    _taste("food", _T, "dishes, ingredients, cuisines", "What do you like to eat?"),
    _taste("drink", _T, "coffee, tea, wine, soft drinks", "What do you like to drink?"),
    _taste(
        "dining", _T, "restaurants, cafés and ways of eating out", "Where do you like to eat out?"
    ),
    _taste("music", _T, "artists, genres, instruments heard", "What music do you like?"),
    _taste("reading", _T, "books, authors, magazines, podcasts", "What do you like to read?"),
    _taste("show", _T, "films, series, programmes", "What do you like to watch?"),
    _taste("game", _T, "video, board and card games", "Which games do you play?"),
    _taste(
        "sport", _T, "sports, teams, exercise and training", "Which sports do you do or follow?"
    ),
    _taste("hobby", _T, "pastimes: what they do for pleasure", "What do you do in your free time?"),
    _taste("topic", _T, "subjects they like or won't talk about", "What subjects interest you?"),
    _taste(
        "travel", _T, "destinations, kinds of trip, places to stay", "How do you like to travel?"
    ),
    _taste(
        "transport",
        _T,
        "ways of getting about: trains, flying, driving",
        "How do you like to get around?",
    ),
    _taste("fashion", _T, "clothes, shoes, hair, skin care, looks", "What do you like to wear?"),
    _taste("shopping", _T, "brands, shops and ways of buying", "Where do you like to shop?"),
    _taste(
        "tech",
        _T,
        "devices and software they use, or prefer",
        "Which devices and tools do you use?",
    ),
    _taste(
        "place",
        _T,
        "weather, seasons, surroundings, animals, nature",
        "What surroundings do you like?",
    ),
    _taste(
        "social",
        _T,
        "company, parties, crowds, ways to meet",
        "How do you like to spend time with people?",
    ),
    _taste(
        "work", _T, "ways of working: remote, early, alone, in a team", "How do you like to work?"
    ),
    _taste("learning", _T, "ways of learning: videos, examples, books", "How do you learn best?"),
    # style: how the assistant should answer
    _one("address", _S, "what to call them", "What should I call you?"),
    _one(
        "tone", _S, "how replies should sound: formal, casual, blunt", "How should I talk to you?"
    ),
    _one("length", _S, "how long replies should be", "Do you like short or long answers?"),
    _taste(
        "format", _S, "bullets, tables, emoji, steps, code first", "How should I lay out answers?"
    ),
    _one("reply", _S, "the language replies should be in", "Which language should I answer in?"),
    _one("units", _S, "metric, imperial, currency, clock, date format", "Which units do you use?"),
    _taste(
        "manner", _S, "anything else the assistant should do or not", "How else should I behave?"
    ),
    # goals: where they are heading
    _many("goal", _G, "what they aim for or are learning to do", "What are you working towards?"),
    _many(
        "plan", _G, "dated plans and events: a trip, an exam, a move", "What is coming up for you?"
    ),
    _many("skill", _G, "what they can do, and how well", "What are you good at?"),
    _many(
        "past", _G, "what they did or had before: jobs, homes, events", "What have you done before?"
    ),
    Slot(
        "other", _O, True, True, "a lasting fact that fits nowhere else", "What else should I know?"
    ),
)

BY_NAME: dict[str, Slot] = {slot.name: slot for slot in SLOTS}
SINGLE: frozenset[str] = frozenset(slot.name for slot in SLOTS if not slot.many)
POLAR: frozenset[str] = frozenset(slot.name for slot in SLOTS if slot.polar)
STYLE: frozenset[str] = frozenset(slot.name for slot in SLOTS if slot.group is Group.STYLE)
