"""A model is pulled whole or not at all: resumed, checked, and each refusal told in one line."""

import asyncio
import os
import random
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from gguf_files import gguf, model_values, u32
from hubs import FILE, REPO, WHAT, hub
from small_disks import small_disk_at
from stand_in_hub import StandInHub

from pocket_agent.errors import DiskFullError, ModelError
from pocket_agent.llm import hub as pulling
from pocket_agent.llm.download import Order, download
from pocket_agent.llm.gguf_header import check_model
from pocket_agent.llm.hub import Reached, fetch, order_for
from pocket_agent.llm.hub_errors import from_status, from_transport
from pocket_agent.llm.models import BUNDLED, ModelShelf
from pocket_agent.paths import Locations

__all__ = ["hub"]
DATA = random.Random(5).randbytes(900_000)


@pytest.fixture
def order(hub: StandInHub, locations: Locations) -> Order:
    """An order for a file that the hub has, which does not wait long."""
    hub.keep(WHAT, DATA)
    return replace(order_for(ModelShelf(locations), WHAT), wait_s=0.01)


@pytest.fixture(autouse=True)
def online(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Lift in this process what the child lifts in its own, so that most tests need no child."""
    import huggingface_hub
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    yield
    huggingface_hub.close_session()


def bring(order: Order) -> Path:
    """Download it, as the child does."""
    return download(order, lambda kind, **fields: None)


def refused(order: Order) -> ModelError:
    """The one line that an order ends with."""
    with pytest.raises((ModelError, DiskFullError)) as caught:
        bring(order)
    assert "\n" not in str(caught.value)
    assert caught.value.todo
    return caught.value


def files(order: Order) -> list[str]:
    return sorted(path.name for path in order.folder.iterdir())


async def test_a_file_comes_whole_from_where_the_hub_says(hub: StandInHub, order: Order) -> None:
    seen: list[Reached] = []
    path = await fetch(order, seen.append)
    assert path == order.folder / "tiny-q8_0.gguf"
    assert path.read_bytes() == DATA
    assert path.stat().st_mode & 0o077 == 0
    assert files(order) == [path.name]
    assert seen[-1] == Reached(len(DATA), len(DATA))
    for _, _, headers in hub.asked:
        assert "Authorization" not in headers
        assert "torch" not in headers["User-Agent"], "no telemetry"
    assert await fetch(order, seen.append) == path
    assert len(hub.ranges()) == 1, "what is there is not fetched again"


def test_a_token_that_was_set_goes_to_the_hub_alone(
    hub: StandInHub, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    bring(order)
    sent = [(way, headers.get("Authorization")) for way, _, headers in hub.asked]
    assert sent == [("HEAD", "Bearer hf_secret"), ("GET", None)]


@pytest.mark.parametrize("resets", [False, True])
def test_lost_connections_are_taken_up_again(hub: StandInHub, order: Order, resets: bool) -> None:
    hub.manners.drops, hub.manners.resets = [300_000, 200_000], resets
    notes: list[str] = []
    path = download(order, lambda kind, text="", **_: notes.append(text))
    assert path.read_bytes() == DATA
    assert len(hub.ranges()) == 3
    assert hub.ranges()[0] == ""
    if not resets:  # a reset may take along what was on its way
        assert hub.ranges()[1:] == ["bytes=300000-", "bytes=500000-"]
    assert any("the connection was lost at" in note for note in notes)


def test_what_came_stays_when_it_gives_up_and_the_next_run_goes_on(
    hub: StandInHub, order: Order
) -> None:
    hub.manners.drops = [400_000]
    hub.manners.storage = []
    hurried = replace(order, tries=0)
    error = refused(hurried)
    assert "was lost" in error.what
    assert error.what.endswith(" %")
    assert "stays" in error.todo
    (part,) = files(order)
    assert part.endswith(".part")
    held = (order.folder / part).stat().st_size
    assert 0 < held <= 400_000
    path = bring(order)
    assert hub.ranges()[-1] == f"bytes={held}-"
    assert path.read_bytes() == DATA
    assert files(order) == [path.name]


def test_a_server_without_ranges_starts_over(hub: StandInHub, order: Order) -> None:
    hub.manners.drops, hub.manners.ranges = [400_000], False
    assert bring(order).read_bytes() == DATA


def test_an_address_that_holds_no_longer_is_asked_for_again(hub: StandInHub, order: Order) -> None:
    hub.manners.drops, hub.manners.storage = [], [403]
    assert bring(order).read_bytes() == DATA
    assert [way for way, _, _ in hub.asked] == ["HEAD", "GET", "HEAD", "GET"]


def test_a_storage_that_fails_at_first_is_tried_again(hub: StandInHub, order: Order) -> None:
    hub.manners.storage = [503, 500]
    assert bring(order).read_bytes() == DATA


@pytest.mark.parametrize("manner", ["wrong", "more"])
def test_wrong_bytes_are_thrown_away(hub: StandInHub, order: Order, manner: str) -> None:
    setattr(hub.manners, manner, True)
    error = refused(order)
    assert "thrown away" in error.what
    assert sum((order.folder / name).stat().st_size for name in files(order)) == 0
    setattr(hub.manners, manner, False)
    assert bring(order).read_bytes() == DATA


def test_a_part_that_was_damaged_does_not_pass(hub: StandInHub, order: Order) -> None:
    hub.manners.drops = [400_000]
    refused(replace(order, tries=0))
    part = order.folder / files(order)[0]
    part.write_bytes(bytes(part.stat().st_size))
    assert "wrong bytes" in refused(order).what
    part.write_bytes(bytes(2 * len(DATA)))
    assert bring(order).read_bytes() == DATA


def test_another_file_than_the_catalogue_names_is_refused(hub: StandInHub, order: Order) -> None:
    error = refused(replace(order, sha256="0" * 64))
    assert "another file now" in error.what
    assert WHAT in error.todo
    assert hub.ranges() == []


@pytest.mark.parametrize(
    ("status", "headers", "words", "todo"),
    [
        (404, {"X_Error_Code": "EntryNotFound"}, "no such file", "model's page"),
        (404, {"X_Error_Code": "RepoNotFound"}, "knows no someone/Tiny-GGUF", "spelling"),
        (401, {}, "keeps it private", "HF_TOKEN"),
        (401, {"X_Error_Code": "GatedRepo"}, "accepted its licence", "HF_TOKEN"),
        (403, {"X_Error_Code": "GatedRepo"}, "accepted its licence", "HF_TOKEN"),
        (403, {}, "accepted its licence", "model's page"),
        (429, {}, "too many requests", "Try again later"),
        (429, {"Retry_After": "120"}, "too many requests", "in 120 s"),
        (500, {}, "a fault of its own", "later"),
        (503, {}, "a fault of its own", "later"),
        (418, {}, "refused", "later"),
    ],
)
def test_what_the_hub_refuses_is_one_line(
    hub: StandInHub, order: Order, status: int, headers: dict[str, str], words: str, todo: str
) -> None:
    hub.manners.status, hub.manners.headers = status, headers
    error = refused(order)
    assert words in error.what
    assert todo in error.todo
    assert str(status) in error.what
    assert files(order) == []


def test_a_storage_that_keeps_refusing_is_one_line(hub: StandInHub, order: Order) -> None:
    hub.manners.storage = [403] * 9
    assert "(403)" in refused(order).what
    hub.manners.storage = [500] * 9
    assert "(500)" in refused(replace(order, tries=1)).what
    hub.manners.storage = [429]
    assert "(429)" in refused(order).what


def test_a_hub_that_says_nothing(hub: StandInHub, order: Order) -> None:
    hub.manners.silent = True
    error = refused(replace(order, patience_s=0.3))
    assert "does not answer" in error.what


def test_a_hub_that_can_not_be_reached(
    hub: StandInHub, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{closed.getsockname()[1]}"
    monkeypatch.setenv("POCKET_AGENT_TEST_HUBS", address)
    error = refused(replace(order, endpoint=f"http://{address}"))
    assert "127.0.0.1 can't be reached" in error.what
    assert "online" in error.todo
    error = refused(replace(order, endpoint="https://hub.invalid"))
    assert "The address of hub.invalid can't be found" in error.what
    assert "models add" in error.todo


def test_a_hub_that_sends_elsewhere_is_not_followed_in_the_open(
    hub: StandInHub, order: Order
) -> None:
    hub.manners.location = "ftp://127.0.0.1/x"
    assert "unsafe address" in refused(order).what


@pytest.mark.parametrize("manners", [{"etag": "a" * 40}, {"size": -1}, {"etag": "../../x"}])
def test_a_file_that_can_not_be_checked_is_not_taken(
    hub: StandInHub, order: Order, manners: dict[str, object]
) -> None:
    for name, value in manners.items():
        setattr(hub.manners, name, value)
    assert "can't be checked" in refused(order).what


def test_the_disk_is_looked_at_first(hub: StandInHub, order: Order) -> None:
    hub.manners.size = 10**15
    error = refused(order)
    assert isinstance(error, DiskFullError)
    assert "1,000,000.3 GB" in error.what
    assert hub.ranges() == []


def test_a_disk_that_fills_up_keeps_what_came(
    hub: StandInHub, order: Order, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with small_disk_at(tmp_path / "small", "size=600k") as folder:
        error = refused(replace(order, folder=folder))
        assert isinstance(error, DiskFullError)
        assert "are free" in error.what


async def test_a_cancelled_pull_ends_its_process_and_leaves_a_part(
    hub: StandInHub, order: Order
) -> None:
    hub.manners.drops = [400_000]
    started = asyncio.Event()

    def see(reached: Reached) -> None:
        if reached.note:
            started.set()

    task = asyncio.create_task(fetch(replace(order, wait_s=60.0), see))
    await asyncio.wait_for(started.wait(), 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert files(order)[0].endswith(".part")
    assert bring(order).read_bytes() == DATA


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such lock")
async def test_two_pulls_of_one_model_do_not_mix(hub: StandInHub, order: Order) -> None:
    hub.manners.drops = [400_000]
    started = asyncio.Event()
    slow = replace(order, wait_s=60.0)
    task = asyncio.create_task(fetch(slow, lambda r: started.set() if r.note else None))
    await asyncio.wait_for(started.wait(), 60)
    assert "pulled already" in refused(order).what
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_absurd_metadata_does_not_reach_llama_cpp(hub: StandInHub, order: Order) -> None:
    hub.keep(WHAT, gguf(model_values(llama__block_count=u32(2**31))))
    with pytest.raises(ModelError, match="block_count is 2147483648"):
        check_model(bring(order))


def test_what_can_be_pulled(locations: Locations, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    shelf = ModelShelf(locations)
    order = order_for(shelf, "smollm2-360m-instruct")
    assert (order.repo, order.file) == (
        "HuggingFaceTB/SmolLM2-360M-Instruct-GGUF",
        "smollm2-360m-instruct-q8_0.gguf",
    )
    assert (order.name, order.endpoint) == ("smollm2-360m-instruct", "https://huggingface.co")
    assert len(order.sha256) == 64
    deep = order_for(shelf, "a/b/c/d e.gguf")
    assert (deep.repo, deep.file, deep.name, deep.sha256) == ("a/b", "c/d e.gguf", "d-e", "")
    assert order_for(shelf, WHAT, "mine").name == "mine"


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("no-such", "no model called 'no-such'"),
        ("a/b", "no model called"),
        ("a/b/../c.gguf", "no model called"),
        ("https://x/a/b/c.gguf", "no model called"),
        ("a/b/c.safetensors", "no model file"),
        ("a/b/c-00001-of-00002.gguf", "one part of a model"),
    ],
)
def test_what_can_not_be_pulled(locations: Locations, what: str, words: str) -> None:
    with pytest.raises(ModelError, match=words) as caught:
        order_for(ModelShelf(locations), what)
    assert caught.value.todo


def test_names_and_endpoints_are_checked_before_anything_starts(
    locations: Locations, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = ModelShelf(locations)
    with pytest.raises(ModelError, match="already a model called"):
        order_for(shelf, WHAT, BUNDLED)
    with pytest.raises(ModelError, match="can't be a model's name"):
        order_for(shelf, WHAT, "../x")
    monkeypatch.setenv("HF_ENDPOINT", "hub.example")
    with pytest.raises(ModelError, match="HF_ENDPOINT is no address"):
        order_for(shelf, WHAT)


def test_the_switches_are_lifted_in_the_child_alone() -> None:
    code = (
        "import os, sys, pocket_agent.llm.hub, pocket_agent.llm.download;"
        "print([n for n in sys.modules if n.startswith(('huggingface', 'httpx'))],"
        "os.environ['HF_HUB_OFFLINE'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[] 1", done.stderr
    assert os.environ["HF_HUB_OFFLINE"] == "1"


def test_failures_of_the_connection_are_told_apart() -> None:
    import ssl

    class ConnectError(Exception): ...

    class ProxyError(Exception): ...

    unsafe = ConnectError()
    unsafe.__cause__ = ssl.SSLCertVerificationError(1, "bad")
    assert "certificate" in from_transport(unsafe, "h").what
    assert "proxy" in from_transport(ProxyError(), "h").what
    assert "lost" in from_transport(OSError(), "h").what
    assert "h refused to give a/b (400)" in from_status(400, "h", "a/b").what


def test_the_hub_module_names_what_it_was_asked_for() -> None:
    assert pulling.Reached(1, 4).share == 0.25
    assert pulling.Reached().share == 0.0
    assert REPO in WHAT
    assert FILE in WHAT
