"""The stand-in hub as a fixture, for the tests of several folders."""

from collections.abc import Iterator

import pytest
from stand_in_hub import StandInHub

REPO = "someone/Tiny-GGUF"
FILE = "tiny-q8_0.gguf"
WHAT = f"{REPO}/{FILE}"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandInHub]:
    """A hub that HF_ENDPOINT names, and the only thing that may be connected to."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    made = StandInHub()
    monkeypatch.setenv("HF_ENDPOINT", made.endpoint)
    monkeypatch.setenv("POCKET_AGENT_TEST_HUBS", " ".join(made.addresses))
    yield made
    made.stop()
