"""One bit a value of every vector, held in memory: what picks out the few worth comparing exactly.

The signs of a vector's values, as one number of 384 bits. How many bits two of them differ in says
roughly how near the vectors are; Python counts that for 100,000 of them in some ten milliseconds,
where sqlite-vec's own search, which sorts as it goes, takes more than a hundred. Some 10 MB then.
"""

from array import array
from collections.abc import Sequence

import apsw

_ADDED = "SELECT id, code FROM vector_bits WHERE id > ? AND model = ? ORDER BY id"
_CODE = "SELECT vec_quantize_binary(?)"
_SAMPLE = 4_096


class Signatures:
    """Those of one embedding model in one store. Used under the store's lock alone."""

    def __init__(self) -> None:
        self._about: tuple[str, int] | None = None
        self._ids = array("q")
        self._codes: list[int] = []

    def refresh(self, connection: apsw.Connection, model: str, forgettings: int) -> None:
        """Take in the vectors that have come since the last time.

        Args:
            forgettings: of the store; where it has changed, vectors have gone too, or change ids.
        """
        if self._about != (model, forgettings):
            self._about, self._ids, self._codes = (model, forgettings), array("q"), []
        last = self._ids[-1] if self._ids else 0
        for number, code in connection.execute(_ADDED, (last, model)):
            self._ids.append(number)
            self._codes.append(int.from_bytes(code))

    def nearest(self, connection: apsw.Connection, vector: bytes, count: int) -> list[int]:
        """Ids of about `count` vectors that differ in the fewest bits, in no order.

        Args:
            vector: 384 little-endian float32 values.
        """
        code = int.from_bytes(bytes(connection.execute(_CODE, (vector,)).get))
        codes = self._codes
        limit = _limit(code, codes, count)
        found = [n for n, other in enumerate(codes) if (code ^ other).bit_count() <= limit]
        while len(found) < min(count, len(codes)):  # the sample was an unlucky one
            limit += 8
            found = [n for n, other in enumerate(codes) if (code ^ other).bit_count() <= limit]
        return [self._ids[n] for n in found]


def _limit(code: int, codes: Sequence[int], count: int) -> int:
    """How many bits about `count` of the codes differ in at most, by a sample of them."""
    step = max(1, len(codes) // _SAMPLE)
    sample = sorted((code ^ other).bit_count() for other in codes[::step])
    wanted = min(len(sample) - 1, count // step)
    return sample[wanted] if sample else 0
