"""How a fact is put to the model: one short sentence in the person's own voice.

The smallest models follow "I live in Porto." far better than a table of slots.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

from pocket_agent.profile.facts import Fact, Polarity
from pocket_agent.profile.slots import BY_NAME, Group


@dataclass(frozen=True, slots=True)
class Hearsay(Fact):
    """A wish for style out of somebody's file: the model is told of it, in quotation marks."""

    @classmethod
    def of(cls, fact: Fact) -> "Hearsay":
        """A fact as hearsay. That the file had it pinned is no wish of the person's."""
        held = {each.name: getattr(fact, each.name) for each in fields(fact)}
        return cls(**{**held, "pinned": False})


_PLAIN = {
    "name": "My name is {v}.",
    "age": "I am {v} years old.",
    "birthday": "My birthday is {v}.",
    "gender": "My gender or pronouns: {v}.",
    "origin": "I come from {v}.",
    "home": "I live in {v}.",
    "language": "I speak {v}.",
    "occupation": "I work as {v}.",
    "employer": "I work for {v}.",
    "education": "My education: {v}.",
    "personality": "About my character: {v}.",
    "belief": "I believe in {v}.",
    "partner": "About my partner: {v}.",
    "family": "In my family: {v}.",
    "friend": "I know {v}.",
    "pet": "I have a pet: {v}.",
    "vehicle": "I have a {v}.",
    "health": "About my health: {v}.",
    "allergy": "I am allergic to {v}.",
    "diet": "I keep to a diet: {v}.",
    "routine": "My routine: {v}.",
    "budget": "My budget: {v}.",
    "address": "Call me {v}.",
    "tone": "Talk to me in this tone: {v}.",
    "length": "I want replies of this length: {v}.",
    "reply": "Answer me in {v}.",
    "units": "Use {v}.",
    "goal": "My goal: {v}.",
    "plan": "I have planned: {v}.",
    "skill": "I can: {v}.",
    "past": "In the past: {v}.",
}
_LIKES = {"format": "In replies I want {v}.", "manner": "I want you to: {v}.", "other": "{v}."}
_AVOIDS = {
    "format": "In replies I don't want {v}.",
    "manner": "I don't want you to: {v}.",
    "other": "I avoid {v}.",
}


def phrase(fact: Fact) -> str:
    """The sentence that tells the model this fact."""
    if fact.slot in _PLAIN:
        pattern = _PLAIN[fact.slot]
    elif fact.polarity is Polarity.AVOIDS:
        pattern = _AVOIDS.get(fact.slot, "I don't like {v}.")
    else:
        pattern = _LIKES.get(fact.slot, "I like {v}.")
    return pattern.replace("{v}", fact.value)


def label(fact: Fact) -> str:
    """The fact as a person reads it in a list: `food · avoids olives`."""
    avoids = fact.polarity is Polarity.AVOIDS
    slot = BY_NAME.get(fact.slot)
    likes = slot is not None and slot.polar and not avoids and slot.group is not Group.OTHER
    sign = "avoids " if avoids else "likes " if likes else ""
    return f"{fact.slot} · {sign}{fact.value}"


def no_room(pinned: Sequence[Fact]) -> str:
    """One line about pinned facts that the model could not be told."""
    what = "1 pinned fact has" if len(pinned) == 1 else f"{len(pinned)} pinned facts have"
    named = ", ".join(label(fact) for fact in pinned)
    return f"{what} no room in what the model reads: {named}. Unpin or shorten some."
