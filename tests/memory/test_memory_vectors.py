"""The vector index: exact where it can be, the same through the bits, and wiped when told."""

import math
import random
from array import array
from pathlib import Path

import pytest

from pocket_agent.memory import vectors
from pocket_agent.memory.passages import Passage, mean, split
from pocket_agent.memory.records import Turn, TurnRole
from pocket_agent.memory.signatures import Signatures
from pocket_agent.memory.store import Store
from pocket_agent.memory.vectors import PartVector

AT = "2025-05-12T10:00:00"


def direction(seed: int) -> bytes:
    dice = random.Random(seed)
    values = [dice.gauss(0, 1) for _ in range(384)]
    length = math.sqrt(sum(v * v for v in values))
    return array("f", [v / length for v in values]).tobytes()


def cosine(a: bytes, b: bytes) -> float:
    return sum(x * y for x, y in zip(array("f", a), array("f", b), strict=True))


def fill(store: Store, count: int) -> None:
    store.add_turns(Turn(f"t{n}", "s", TurnRole.USER, f"turn {n}", AT) for n in range(count))
    store.put_vectors("m", [PartVector(n + 1, 0, direction(n)) for n in range(count)])


@pytest.mark.parametrize("few", [0, 10_000])
def test_the_nearest_are_the_nearest(
    store: Store, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "FEW", few)  # 0 takes the way through the bits
    fill(store, 400)
    query = mean(direction(7), direction(1000))
    with store.database.reading() as connection:
        found = vectors.nearest(connection, "m", query, 20)
    expected = sorted(range(400), key=lambda n: -cosine(query, direction(n)))[:20]
    assert [n - 1 for n in found] == expected
    assert found[8] == pytest.approx(cosine(query, direction(7)), abs=1e-5)


def test_the_bits_pick_out_the_nearest_of_many(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "FEW", 0)
    monkeypatch.setattr(vectors, "COARSE", 64)
    fill(store, 2_000)
    for near in (3, 999, 1_234):
        query = mean(mean(direction(near), direction(5_000)), direction(near))
        with store.database.reading() as connection:
            found = vectors.nearest(connection, "m", query, 5)
        assert next(iter(found)) == near + 1


def test_kept_signatures_follow_what_comes_and_goes(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "FEW", 0)
    fill(store, 4)
    kept = Signatures()

    def nearest(seed: int, forgettings: int = 0) -> int:
        with store.database.reading() as connection:
            found = vectors.nearest(connection, "m", direction(seed), 1, kept, forgettings)
        return next(iter(found)) - 1

    assert nearest(2) == 2
    store.add_turns([Turn("t4", "s", TurnRole.USER, "turn 4", AT)])
    store.put_vectors("m", [PartVector(5, 0, direction(4))])
    assert nearest(4) == 4
    with store.database.writing() as connection:
        vectors.forget(connection, [5])
    store.add_turns([Turn("t5", "s", TurnRole.USER, "turn 5", AT)])
    store.put_vectors("m", [PartVector(6, 0, direction(77))])  # under the id of the one that went
    assert nearest(77, forgettings=1) == 5
    assert nearest(4, forgettings=1) != 4


def test_the_best_part_of_a_turn_counts(store: Store) -> None:
    fill(store, 3)
    query = direction(99)
    store.put_vectors("m", [PartVector(2, 1, query)])
    with store.database.reading() as connection:
        assert vectors.nearest(connection, "m", query, 1) == {2: pytest.approx(1.0, abs=1e-5)}
        cosines = vectors.cosines(connection, "m", query, [1, 2, 3, 4])
    assert set(cosines) == {1, 2, 3}
    assert cosines[2] == pytest.approx(1.0, abs=1e-5)


def test_models_do_not_mix(store: Store) -> None:
    fill(store, 3)
    assert store.unembedded("m") == []
    assert [p.number for p in store.unembedded("other")] == [1, 2, 3]
    store.put_vectors("other", [PartVector(1, 0, direction(0))])
    with store.database.reading() as connection:
        assert set(vectors.nearest(connection, "other", direction(0), 9)) == {1}
    store.forget_other_vectors("other")
    with store.database.reading() as connection:
        assert vectors.count(connection, "m") == 0
        assert vectors.count(connection, "other") == 1
    assert len(store.unembedded("m")) == 3


def test_a_vector_of_an_unknown_turn_or_a_second_one_is_passed_over(store: Store) -> None:
    fill(store, 1)
    store.put_vectors("m", [PartVector(77, 0, direction(1)), PartVector(1, 0, direction(2))])
    with store.database.reading() as connection:
        assert vectors.count(connection, "m") == 1
        assert vectors.cosines(connection, "m", direction(0), [1])[1] == pytest.approx(1, abs=1e-5)


def test_wiped_vectors_are_not_in_the_file(path: Path) -> None:
    with Store.open(path) as store:
        fill(store, 5)
        with store.database.writing() as connection:
            code = connection.execute("SELECT code FROM vector_bits WHERE id = 3").get
            vectors.forget(connection, [3])
            assert vectors.count(connection, "m") == 4
        with store.database.reading() as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    content = path.read_bytes()
    assert direction(2) not in content
    assert bytes(code) not in content
    assert direction(3) in content


def test_newest_turns_are_embedded_first(store: Store) -> None:
    session = store.new_session()
    for text in ("one", "", "  ", "two"):
        store.add_user_turn(session.id, text)
    store.open_reply(session.id)
    assert [p.text for p in store.unembedded("m", 1)] == ["two"]
    assert [p.text for p in store.unembedded("m")] == ["one", "two"]  # nothing empty, nothing open


def test_a_passage_is_read_alone_and_after_the_turn_before() -> None:
    passage = Passage(1, "You", "Porto", "Assistant", "Hello! " * 50 + "Where do you live?")
    ((alone, after),) = passage.texts()
    assert alone == 'You said, "Porto"'
    assert after.startswith('Assistant said, "Hello! ')
    assert after.endswith('Where do you live?" You said, "Porto"')
    assert len(after.split()) < 50
    assert Passage(1, "You", "Porto", "", "").texts() == [(alone, alone)]


def test_a_long_part_speaks_for_itself_and_a_pasted_book_has_an_end() -> None:
    long = Passage(1, "You", "word " * 100, "Assistant", "Go on")
    assert all(alone == after for alone, after in long.texts())
    assert len(Passage(1, "You", "word " * 50_000, "", "").texts()) == 16


def test_long_turns_are_split_at_sentences() -> None:
    text = "A sentence of five words. " * 100
    parts = split(text)
    assert " ".join(parts) == text.strip()
    assert all(part.endswith(".") and len(part.split()) <= 150 for part in parts)
    endless = split("word " * 400)
    assert [len(part.split()) for part in endless] == [150, 150, 100]
    assert split("short") == ["short"]


def test_the_mean_has_length_one() -> None:
    middle = mean(direction(1), direction(2))
    assert cosine(middle, middle) == pytest.approx(1.0, abs=1e-5)
    assert cosine(middle, direction(1)) == pytest.approx(cosine(middle, direction(2)), abs=1e-5)
    assert mean(bytes(1536), bytes(1536)) == bytes(1536)
