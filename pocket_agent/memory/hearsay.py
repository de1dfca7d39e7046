"""Wishes for how to be answered that came with somebody's file: told to the model, but not obeyed.

A style fact goes into the system text, so that one of an imported profile would speak with the
person's voice. The store notes such facts by a hash of what they say, whatever ids they get by
later merging, until the person keeps them.
"""

import hashlib
import json
from collections.abc import Iterable

from pocket_agent.profile.facts import Fact, OpKind
from pocket_agent.profile.values import key

HEARSAY = "style.hearsay"
"""The setting of a store that holds the hashes."""
KEEPING = frozenset({OpKind.ADD, OpKind.UPDATE, OpKind.CONFIRM, OpKind.LOCK, OpKind.PIN})
"""What a person does with a fact that makes it their own."""


def mark(fact: Fact) -> str:
    """By which a fact is known: what it says."""
    told = json.dumps([fact.slot, key(fact.value), fact.polarity.value])
    return hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()[:32]


def read(setting: str | None) -> frozenset[str]:
    """The hashes of a setting."""
    return frozenset(json.loads(setting)) if setting else frozenset()


def written(marks: Iterable[str]) -> str:
    """The setting that holds these hashes."""
    return json.dumps(sorted(marks))
