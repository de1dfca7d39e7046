"""Measures of whole lives: the profile is the policy's own, turn after turn."""

import random
from collections import defaultdict
from collections.abc import Sequence

from pocket_agent.profile.facts import OpKind, Profile
from pocket_agent.profile.values import key
from pocket_agent.training.evaluation.matching import token_f1
from pocket_agent.training.evaluation.policies import Decider
from pocket_agent.training.evaluation.turnwise import ratio
from pocket_agent.training.records import Labelled, known_of, profile_after

LAGS = (0, 1, 3, 5)
CHECKPOINTS = (5, 10, 20, 40, 60, 80)
SESSIONS = 20
TURNS_A_SESSION = 4


async def live(policy: Decider, records: Sequence[Labelled]) -> list[Profile]:
    """The policy's own profile after each turn of one person, in order."""
    profile = Profile()
    profiles = []
    for record in records:
        known = known_of(profile)
        ops = await policy.decide(known, record.assistant, record.turn)
        profile = profile_after(known, ops)
        profiles.append(profile)
    return profiles


def by_person(records: Sequence[Labelled]) -> dict[str, list[Labelled]]:
    """The turns of each person, in order."""
    people: dict[str, list[Labelled]] = defaultdict(list)
    for record in records:
        people[record.person].append(record)
    return people


def profile_f1(profile: Profile, gold: Profile) -> float:
    """F1 of two profiles: same slot and polarity, and values that share most of their words."""
    wanted, have = list(gold.active()), list(profile.active())
    if not wanted and not have:
        return 1.0
    matched = 0
    for fact in wanted:
        for other in have:
            if (fact.slot, fact.polarity) == (other.slot, other.polarity) and (
                token_f1(fact.value, other.value) >= 0.5
            ):
                matched += 1
                have.remove(other)
                break
    return 2 * matched / (len(wanted) + len(profile.active()))


def curve(lives: dict[str, tuple[list[Labelled], list[Profile]]]) -> dict[int, float]:
    """Mean profile F1 over people after k turns."""
    points: dict[int, list[float]] = defaultdict(list)
    for records, profiles in lives.values():
        for k in CHECKPOINTS:
            if k <= len(records):
                gold = profile_after(records[k - 1].known, records[k - 1].ops)
                points[k].append(profile_f1(profiles[k - 1], gold))
    return {k: sum(values) / len(values) for k, values in points.items()}


def after_updates(
    lives: dict[str, tuple[list[Labelled], list[Profile]]],
) -> dict[int, tuple[float, float, int]]:
    """For each lag: share of updates adopted, share stale, and how many were measured.

    Only updates whose old value the policy's profile held when the turn came can be stale.
    """
    found: dict[int, list[tuple[bool, bool | None]]] = defaultdict(list)
    for records, profiles in lives.values():
        for at, record in enumerate(records):
            for op in record.ops:
                if op.kind is not OpKind.UPDATE:
                    continue
                had = at > 0 and _holds(profiles[at - 1], op.slot, op.old)
                for lag in LAGS:
                    if at + lag < len(profiles):
                        now = profiles[at + lag]
                        old = _holds(now, op.slot, op.old) if had else None
                        found[lag].append((_holds(now, op.slot, op.value), old))
    table = {}
    for lag, rows in found.items():
        olds = [old for _, old in rows if old is not None]
        table[lag] = (
            ratio(sum(new for new, _ in rows), len(rows)),
            ratio(sum(olds), len(olds)),
            len(rows),
        )
    return table


async def retention(
    policy: Decider, records: Sequence[Labelled], noise_share: float, seed: int = 0
) -> float:
    """Share of a profile's facts that survive 20 sessions of unrelated turns.

    Args:
        noise_share: of the turns that are noise; the others are facts in slots that the profile
            does not hold, by other people of the file.
    """
    draw = random.Random(f"{seed}-{noise_share}")
    noise = [r for r in records if r.kind == "noise"]
    people = by_person(records)
    kept = total = 0
    for person, turns in sorted(people.items()):
        start = turns[-1].known[:12]
        slots = {fact.slot for fact in start}
        others = [
            r
            for r in records
            if r.person != person
            and r.ops
            and all(op.kind is OpKind.ADD and op.slot not in slots for op in r.ops)
        ]
        if not start or not others or not noise:
            continue
        known = tuple(start)
        for _ in range(SESSIONS * TURNS_A_SESSION):
            turn = draw.choice(noise if draw.random() < noise_share else others)
            ops = await policy.decide(known, turn.assistant, turn.turn)
            known = known_of(profile_after(known, ops))
        left = {(fact.slot, key(fact.value), fact.polarity) for fact in known}
        kept += sum((fact.slot, key(fact.value), fact.polarity) in left for fact in start)
        total += len(start)
    return ratio(kept, total)


def _holds(profile: Profile, slot: str, value: str) -> bool:
    return any(token_f1(fact.value, value) >= 0.5 for fact in profile.active(slot))
