"""Fills the disk at every write of a deed: `LD_PRELOAD=SHIM python full_disk_deeds.py DEED STEP`.

For each n a process of its own begins with the same folder, and the disk is full from the n-th
write on, or at the n-th alone, until a deed comes to its end before that. Prints JSON: how many
writes there are, how many times the deed was refused or went through, and what was wrong.
"""

import ctypes
import json
import os
import shutil
import sys
import tempfile
import traceback
from pathlib import Path

from chat_turn import check, say

from benchmarks.deeds import DEEDS, Deed, Picture, fill, picture, profile_in
from pocket_agent.errors import PocketAgentError

FULL = ctypes.CDLL(os.environ["LD_PRELOAD"])
NEVER = 1 << 40
REFUSED, THROUGH, ENDED, WRONG = range(4)


def chat(folder: Path) -> None:
    """A turn of a chat: as far as it was shown it is stored, and all else is as before."""
    shown: dict[str, str] = {}
    try:
        shown = say(folder)
    finally:
        FULL.full_disk_pause()
        check(folder, shown)


CHAT = Deed("chat", lambda folder: fill(profile_in(folder)), chat)


def attempt(deed: Deed, folder: Path, n: int, alone: bool, known: tuple[Picture, Picture]) -> int:
    """Do it with the disk full from the n-th write on. One of the four codes."""
    told = ""
    FULL.full_disk_arm(ctypes.c_long(n), ctypes.c_long(n + 1 if alone else NEVER))
    try:
        deed.do(folder)
    except PocketAgentError as error:
        told = str(error)
    finally:
        reached = FULL.full_disk_calls() >= n
        FULL.full_disk_pause()
    found = picture(folder)
    before, after = known
    assert "\n" not in told, told
    # Where it was full for a moment alone, it has room again by the time it is asked why.
    assert alone or not told or "disk is full" in told, told
    if deed is CHAT:  # which has looked for itself
        return REFUSED if told else THROUGH if reached else ENDED
    if told:
        assert found == before, "refused, and not as before"
        return REFUSED
    assert found == after, "went through, and not as after"
    return THROUGH if reached else ENDED


def in_a_process(
    deed: Deed, base: Path, n: int, alone: bool, known: tuple[Picture, Picture]
) -> int:
    """The same in a process of its own, with a copy of the folder."""
    child = os.fork()
    if not child:
        code = WRONG
        try:
            folder = base.with_name(f"{deed.name}-{n}-{alone}")
            shutil.copytree(base, folder)
            code = attempt(deed, folder, n, alone, known)
            shutil.rmtree(folder)
        except BaseException:
            print(f"write {n}{' alone' if alone else ''}:", file=sys.stderr)
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def run(deed: Deed, folder: Path, step: int) -> dict[str, object]:
    """Every `step`-th write, and fewer of them alone."""
    base = folder / "base"
    base.mkdir()
    deed.prepare(base)
    shutil.copytree(base, folder / "undone")
    shutil.copytree(base, folder / "done")
    deed.do(folder / "done")
    known = picture(folder / "undone"), picture(folder / "done")
    counts = {REFUSED: 0, THROUGH: 0, ENDED: 0, WRONG: 0}
    writes = 0
    for alone in (False, True):
        n = 1
        while (code := in_a_process(deed, base, n, alone, known)) != ENDED:
            counts[code if code in counts else WRONG] += 1
            writes = max(writes, n)
            n += 7 * step if alone else step
    told = {"refused": counts[REFUSED], "through": counts[THROUGH], "wrong": counts[WRONG]}
    return {"deed": deed.name, "writes": writes, **told}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        chosen = {**DEEDS, CHAT.name: CHAT}[sys.argv[1]]
        print(json.dumps(run(chosen, Path(place), int(sys.argv[2]))))
