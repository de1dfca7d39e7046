"""Libraries are told to stay offline before any of them is imported, whatever was set before."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pocket_agent import NO_NETWORK
from pocket_agent.cli.offline import can_be_apart, guard
from pocket_agent.cli.offline_chat import counters

WAYS_IN = (
    "import pocket_agent",
    "import pocket_agent.memory.embed_child",
    "import pocket_agent.llm.child",
    "import pocket_agent.llm.template_child",
    "import pocket_agent.cli",
    "import pocket_agent.tui",
    "import pocket_agent.training",
    "import pocket_agent.training.sft",
)


def python(code: str, folder: Path) -> tuple[subprocess.CompletedProcess[str], str]:
    """Run code in a fresh Python that is watched; returns what the guard noted, too."""
    log = folder / "sockets.log"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env={**os.environ, **guard(folder / "guard", log)},
        capture_output=True,
        text=True,
        timeout=280,
    )
    return done, log.read_text("utf-8") if log.exists() else ""


@pytest.mark.parametrize("way_in", WAYS_IN[:6])
def test_every_way_in_sets_the_switches_first(tmp_path: Path, way_in: str) -> None:
    show = f"import os; print([os.environ[name] for name in {list(NO_NETWORK)}])"
    done, noted = python(f"{way_in}\n{show}", tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{['1'] * len(NO_NETWORK)}\n"
    assert noted == ""


@pytest.mark.slow
def test_so_do_those_that_import_the_libraries_at_once(tmp_path: Path) -> None:
    done, noted = python("\n".join((*WAYS_IN[6:], "import huggingface_hub")), tmp_path)
    assert done.returncode == 0, done.stderr
    assert noted == ""


def test_the_guard_notes_a_library_that_was_not_told(tmp_path: Path) -> None:
    code = "import contextlib\nwith contextlib.suppress(ImportError):\n    import huggingface_hub\n"
    _, noted = python(code, tmp_path)
    assert "huggingface_hub was imported before it was told to stay offline" in noted


@pytest.mark.parametrize(
    "use",
    [
        "socket.socket()",
        "socket.socket(socket.AF_INET6)",
        "socket.getaddrinfo('localhost', 9)",
        "socket.gethostbyname('localhost')",
        "socket.socket(socket.AF_UNIX).connect('/none')",
        "threading.Thread(target=socket.getaddrinfo, args=('localhost', 9)).start()",
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="its socket pairs use the loopback")
def test_the_guard_refuses_and_notes_every_use_of_the_network(tmp_path: Path, use: str) -> None:
    code = f"import contextlib, socket, threading\nwith contextlib.suppress(OSError):\n    {use}\n"
    done, noted = python(code, tmp_path)
    assert done.returncode == 0, done.stderr
    assert noted.count("\n") == 1
    assert "socket." in noted


@pytest.mark.skipif(sys.platform == "win32", reason="its socket pairs use the loopback")
def test_the_guard_leaves_alone_what_stays_here(tmp_path: Path) -> None:
    done, noted = python("import asyncio\nasyncio.run(asyncio.sleep(0))\n", tmp_path)
    assert (done.returncode, noted) == (0, "")


def test_the_system_counts_what_the_guard_can_not_see() -> None:
    """Native code may connect without Python: the counters of a namespace of its own tell."""
    if not can_be_apart():
        pytest.skip("this system allows no network namespace")
    code = (
        "import contextlib, json, socket\n"
        "from pocket_agent.cli.offline_chat import counters\n"
        "before = counters()\n"
        "for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):\n"
        "    with socket.socket(type=kind) as made, contextlib.suppress(OSError):\n"
        "        made.connect(('192.0.2.1', 9))\n"
        "print(json.dumps([sum(before.values()), sum(counters().values())]))\n"
    )
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    root = str(Path(__file__).parents[1])
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--net", "--", sys.executable, "-c", code],
        env={**clean, "PYTHONPATH": root},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.strip() == "[0, 2]", done.stdout + done.stderr
    assert counters().keys() >= {"Tcp ActiveOpens", "Ip OutNoRoutes"}
