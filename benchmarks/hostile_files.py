"""Files that look like exports and are not: damaged at random, or made to do harm."""

import gzip
import hashlib
import io
import json
import os
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.foreign_files import HostileZip, inside, packed

_NAMES = ("../../x", "/etc/passwd", "C:\\x", "a\x00b", "~", "", "é" * 300, "x" * 5000)
_TEXTS = (
    "\x1b[31m",
    "\u202e",
    "█" * 50,
    "'; DROP TABLE turns; --",
    "a " * 2000,
    "\ufeff",
    "\n\r\0",
)
_NUMBERS = (-1, 0, 1, 2**31, 2**53, 2**53 + 1, 2**63, 2**64, 10**400, 1.5, -0.0, 1e308)
_OTHERS: tuple[Any, ...] = (None, True, False, [], {}, [[]], {"a": {}}, "", "x")

# Every passphrase that is tried costs a second, and every .zip some tenths: few of those.
WEIGHTS = {
    "whole": 40,
    "part": 13,
    "sealed.age": 12,
    "me.md": 2,
    "worded.age": 0.05,
    "chatgpt.json": 6,
    "claude.json": 5,
    "mem0.json": 4,
    "list.md": 3,
    "session": 6,
    "chatgpt.zip": 5,
    "claude.zip": 4,
}


class Hostile:
    """Makes one file after another.

    Args:
        chance: decides everything. bases: sound exports, by kind.
    """

    def __init__(self, chance: random.Random, bases: dict[str, bytes]) -> None:
        self._chance = chance
        self._bases = bases
        self._zips = HostileZip(chance, bases["chatgpt.json"])
        self._places: list[Callable[[Path], str]] = [self._odd_place, self._container, self._huge]

    def place(self, file: Path) -> str:
        """Put the next one at that place; its name for a report."""
        if self._chance.random() < 0.03:
            return self._chance.choice(self._places)(file)
        kind = self._chance.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        data = self._bases[kind]
        if kind.endswith(".zip"):
            data, how = self._zip(kind)
        elif kind.endswith((".json", "session")) and self._chance.random() < 0.85:
            data, how = self._edited_value(data)
        elif kind in ("whole", "part") and self._chance.random() < 0.85:
            data, how = self._edited(data)
        else:
            data, how = self._damaged(data)
        file.write_bytes(data)
        return f"{kind}, {how}"

    def _zip(self, kind: str) -> tuple[bytes, str]:
        """Files of a .zip that were edited, damage to the .zip itself, or one made to do harm."""
        which = self._chance.random()
        if which < 0.25:
            return self._zips.make()
        if which < 0.45:
            return self._damaged(self._bases[kind])
        files = inside(self._bases[kind])
        name = self._chance.choice([name for name in files if name.endswith("s.json")])
        files[name], how = self._edited_value(files[name])
        return packed(files), f"{name} {how}"

    def _edited_value(self, data: bytes) -> tuple[bytes, str]:
        """A JSON text with other values, entries lost, doubled by the hundred or nested deeply."""
        value = json.loads(data)
        names = []
        for _ in range(self._chance.choice((0, 1, 1, 2, 4))):
            change = self._chance.choice((self._field, self._field, self._repeat, self._nest))
            names.append(change.__name__.strip("_"))
            change([value])
        escaped = self._chance.random() < 0.5
        text = json.dumps(value, ensure_ascii=escaped)
        return text.encode("utf-8", "surrogatepass"), " ".join(names) or "as it was"

    def _somewhere(self, records: list[Any]) -> Any:
        """A dictionary or a list that is not empty, at any depth."""
        at = records[0]
        while self._chance.random() < 0.8:
            inner = [
                each
                for each in (at.values() if isinstance(at, dict) else at)
                if isinstance(each, (dict, list)) and each
            ]
            if not inner:
                break
            at = self._chance.choice(inner)
        return at

    def _repeat(self, records: list[Any]) -> None:
        """What a list or table holds, again and again, as it was or under other names."""
        at, count = self._somewhere(records), self._chance.choice((1, 20, 200, 5_000))
        if isinstance(at, list) and at:
            at += [json.loads(json.dumps(at[0])) for _ in range(count)]
        elif isinstance(at, dict) and at:
            first = next(iter(at.values()))
            at.update({f"{name}": first for name in range(count)})

    def _nest(self, records: list[Any]) -> None:
        """Lists in lists, around what was there."""
        at, depth = self._somewhere(records), self._chance.choice((5, 50, 70, 400))
        where: Any = next(iter(at), None) if isinstance(at, dict) else 0
        if isinstance(at, (dict, list)) and at:
            value = at[where]
            for _ in range(depth):
                value = [value] if self._chance.random() < 0.5 else {"parts": value}
            at[where] = value

    def _damaged(self, data: bytes) -> tuple[bytes, str]:
        """Bytes changed, lost, doubled or mixed in, without a thought."""
        made = bytearray(data)
        for _ in range(self._chance.choice((1, 1, 1, 2, 5, 30))):
            at = self._chance.randrange(len(made) + 1)
            match self._chance.randrange(6):
                case 0 if at < len(made):
                    made[at] ^= 1 << self._chance.randrange(8)
                case 1:
                    del made[at:]
                case 2:
                    del made[at : at + self._chance.randrange(1, 100)]
                case 3:
                    made[at:at] = self._chance.randbytes(self._chance.randrange(1, 50))
                case 4:
                    made[at:at] = made[at : at + self._chance.randrange(1, 500)]
                case _:
                    made[at:at] = self._chance.choice((b"\xff\xfe", b"\xc3", b"\x00", b"\n", b"\r"))
        return bytes(made), "bytes"

    def _edited(self, data: bytes) -> tuple[bytes, str]:
        """Records changed with a thought, and mostly sealed again so that the hash fits."""
        records = [json.loads(line) for line in data.splitlines()]
        changes = [self._field, self._field, self._field, self._shuffle, self._many, self._deep]
        names = []
        for _ in range(self._chance.choice((1, 1, 2, 4))):
            change = self._chance.choice(changes)
            names.append(change.__name__.strip("_"))
            change(records)
        lines = [self._line(record) for record in records]
        if self._chance.random() < 0.8:
            lines = self._sealed(records, lines)
            names.append("sealed")
        return b"".join(lines), " ".join(names)

    def _line(self, record: Any) -> bytes:
        if isinstance(record, bytes):
            return record + b"\n"
        ascii_only = self._chance.random() < 0.2
        text = json.dumps(record, ensure_ascii=ascii_only, separators=(",", ":"))
        return text.encode("utf-8", self._chance.choice(("replace", "surrogatepass"))) + b"\n"

    def _sealed(self, records: list[Any], lines: list[bytes]) -> list[bytes]:
        """With counts and a hash that fit what is now there."""
        counted = records[0].get("counts") if isinstance(records[0], dict) else None
        kinds = [name[:-1] for name in counted] if isinstance(counted, dict) else ["session"]
        real = [record for record in records if isinstance(record, dict)]
        counts = {f"{k}s": sum(record.get("kind") == k for record in real) for k in kinds}
        head = records[0]
        if isinstance(head, dict) and self._chance.random() < 0.9:
            lines[0] = self._line({**head, "counts": counts})
        digest = hashlib.sha256(b"".join(lines[:-1])).hexdigest()
        lines[-1] = self._line({"kind": "end", "counts": counts, "sha256": digest})
        return lines

    def _field(self, records: list[Any]) -> None:
        """Another value somewhere in a record."""
        record = self._chance.choice(records)
        while isinstance(record, list) and record:
            record = self._chance.choice(record)
        while isinstance(record, dict) and record:
            name = self._chance.choice(list(record))
            if isinstance(record[name], dict) and self._chance.random() < 0.8:
                record = record[name]
                continue
            held = record[name] if isinstance(record[name], list) else []
            if (within := [x for x in held if isinstance(x, dict)]) and self._chance.random() < 0.8:
                record = self._chance.choice(within)
                continue
            if self._chance.random() < 0.1:
                del record[name]
            elif self._chance.random() < 0.1:
                record[self._chance.choice(_NAMES)] = self._value()
            else:
                record[name] = self._value(record[name])
            return

    def _value(self, old: Any = None) -> Any:
        pools: tuple[tuple[Any, ...], ...] = (_NAMES, _TEXTS, _NUMBERS, _OTHERS)
        if isinstance(old, str) and self._chance.random() < 0.4:
            pools = (_NAMES, _TEXTS, ("add", "undo", "lock", "import", "user", "2026", "\ud800"))
        if isinstance(old, int) and self._chance.random() < 0.4:
            pools = (_NUMBERS, (old + 1, old - 1, old * 2))
        return self._chance.choice(self._chance.choice(pools))

    def _shuffle(self, records: list[Any]) -> None:
        """Records lost, doubled, or in another order."""
        at, to = (self._chance.randrange(len(records)) for _ in range(2))
        match self._chance.randrange(4):
            case 0:
                records[at], records[to] = records[to], records[at]
            case 1 if len(records) > 2:
                del records[at]
            case 2:
                copy = json.loads(json.dumps(records[at])) if isinstance(records[at], dict) else {}
                records.insert(to, copy)
            case _:
                records.insert(to, self._chance.randbytes(self._chance.randrange(1, 80)))

    def _many(self, records: list[Any]) -> None:
        """One record again and again under other names."""
        found = [record for record in records if isinstance(record, dict) and "id" in record]
        if not found or self._chance.random() < 0.5:
            return
        model = self._chance.choice(found)
        text = json.dumps(model)
        number = max((r["seq"] for r in found if isinstance(r.get("seq"), int)), default=0)
        copies = []
        for count in range(self._chance.choice((2, 20, 200))):
            copy = json.loads(text)
            copy["id"] = f"{count:064x}" if self._chance.random() < 0.9 else self._value()
            if "seq" in copy:
                copy["seq"] = number + count + 1
            copies.append(copy)
        at = len(records) - 1 - records[::-1].index(model)
        records[at + 1 : at + 1] = copies

    def _deep(self, records: list[Any]) -> None:
        """Brackets in brackets, or numbers without end."""
        depth = self._chance.choice((50, 2_000, 100_000))
        odd = (
            b"[" * depth,
            b'{"a":' * depth,
            b"9" * depth,
            b'{"kind":' + b"[" * depth + b"]" * depth,
        )
        records.insert(self._chance.randrange(len(records)), self._chance.choice(odd))

    def _odd_place(self, file: Path) -> str:
        """No file at all."""
        match self._chance.randrange(5):
            case 0:
                file.symlink_to(file)
                return "a link to itself"
            case 1:
                file.symlink_to("../../../../etc/passwd")
                return "a link elsewhere"
            case 2:
                file.mkdir()
                return "a folder"
            case 3:
                os.mkfifo(file)
                return "a pipe"
            case _:
                return "nothing"

    def _container(self, file: Path) -> str:
        """What other programs call an archive, with what could burst or climb in it."""
        if self._chance.random() < 0.5:
            file.write_bytes(gzip.compress(bytes(8 * 1024 * 1024)))
            return "gzip"
        held = io.BytesIO()
        with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("../../escaped", "x")
            archive.writestr("bomb", bytes(8 * 1024 * 1024))
        file.write_bytes(held.getvalue())
        return "zip"

    def _huge(self, file: Path) -> str:
        """Lines that are longer than any, or far too many."""
        head = self._bases["whole"].splitlines(keepends=True)[0]
        match self._chance.randrange(4):
            case 0:
                file.write_bytes(head + b'{"kind":"turn","text":"' + b"x" * (9 * 1024 * 1024))
                return "a long line"
            case 1:
                file.write_bytes(head + b"[" + b"[]," * (2 * 1024 * 1024) + b"[]]\n")
                return "a long list"
            case 2:
                file.write_bytes(head + b"\n" * (4 * 1024 * 1024))
                return "empty lines"
            case _:
                with file.open("wb") as made:
                    made.write(head)
                    made.truncate(1024 * 1024 * 1024)
                return "a gigabyte of nothing"
