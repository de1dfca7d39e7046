"""Makes every use of the network fail, and notes it, in each Python that starts with it.

`doctor --offline` puts a copy of this file on PYTHONPATH as `sitecustomize`, which Python imports
before anything else. So it imports nothing of ours. POCKET_AGENT_SOCKET_LOG names the file for the
notes; beside it, in FILE.seen, stands the number of each process that is watched.
POCKET_AGENT_SWITCHES names variables that must be set before a library is imported that heeds them.
"""

import os
import sys

_LOG = os.environ.get("POCKET_AGENT_SOCKET_LOG", os.devnull)
_SWITCHES = os.environ.get("POCKET_AGENT_SWITCHES", "").split()
_HEEDS = {"huggingface_hub", "transformers", "sentence_transformers", "datasets", "llama_cpp"}
_CALLS = {
    *("socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg"),
    *("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo"),
}
_AF_UNIX = 1
_WINDOWS = sys.platform == "win32"


def _note(line: str, suffix: str = "") -> None:
    with open(_LOG + suffix, "a", encoding="utf-8") as log:  # noqa: PTH123  import nothing
        log.write(line + "\n")


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if event == "import":
        if arguments[0] in _HEEDS and any(os.environ.get(name) != "1" for name in _SWITCHES):
            _note(f"{_program()}: {arguments[0]} was imported before it was told to stay offline")
    elif event in _CALLS or (event == "socket.__new__" and not _is_local(arguments[1])):
        if _WINDOWS and "127.0.0.1" in str(arguments):  # its socket pairs, which asyncio needs
            return
        _note(f"{_program()}: {event} {arguments[1:]!r}")
        raise OSError(f"the network is switched off for this check ({event})")


def _is_local(family: object) -> bool:
    """Whether sockets of a family stay on this computer: pairs of them are how asyncio wakes up."""
    return _WINDOWS or family == _AF_UNIX  # a number, or an enum of numbers


def _program() -> str:
    return " ".join(" ".join(sys.orig_argv[1:4]).split())


sys.addaudithook(_watch)
if os.devnull != _LOG:
    _note(str(os.getpid()), ".seen")
