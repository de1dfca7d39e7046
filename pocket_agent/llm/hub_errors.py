"""What can go wrong between here and the hub, each as one line that says what to do.

The HTTP library is the one that huggingface-hub brings along, and that changed its name between
versions: its errors are told apart by the names of their classes, which did not change.
"""

import socket
import ssl
from collections.abc import Iterator
from typing import Any

from pocket_agent.errors import ModelError

_ELSEWHERE = "or get the file elsewhere and: pocket-agent models add FILE"
_OFFLINE = f"Is this computer online? Try again, {_ELSEWHERE}"
_LATER = "Try again later: what is there already stays."


def from_status(code: int, host: str, what: str, wait: str = "", why: str = "") -> ModelError:
    """The failure that an HTTP status tells.

    Args:
        code: the status. host: who answered. what: the repository and the file.
        wait: the header Retry-After. why: the header X-Error-Code.
    """
    if why == "GatedRepo" or code == 403:
        return ModelError(
            f"{host} gives {what} only to those who have accepted its licence ({code})",
            f"Accept it on the model's page and set HF_TOKEN, {_ELSEWHERE}",
        )
    if code == 404 and why == "EntryNotFound":
        return ModelError(
            f"There is no such file on {host}: {what} (404)", "See the list on the model's page."
        )
    if code in (401, 404):  # the hub says 401 of what isn't there, to whoever is not signed in
        return ModelError(
            f"{host} knows no {what}, or keeps it private ({code})",
            "Check the spelling: OWNER/REPO/FILE.gguf. A private one needs HF_TOKEN.",
        )
    if code == 429:
        patience = f"Try again in {wait} s." if wait.isdigit() else _LATER
        return ModelError(f"{host} has had too many requests from this address (429)", patience)
    if code >= 500:
        return ModelError(f"{host} has a fault of its own ({code})", _LATER)
    return ModelError(f"{host} refused to give {what} ({code})", f"Try again later, {_ELSEWHERE}")


def from_transport(error: BaseException, host: str) -> ModelError:
    """The failure that an exception of the HTTP library tells."""
    causes = list(_causes(error))
    kinds = {kind.__name__ for cause in causes for kind in type(cause).__mro__}
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return ModelError(f"The address of {host} can't be found", _OFFLINE)
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return ModelError(
            f"The connection to {host} is not safe: its certificate can't be checked",
            "Check this computer's clock, and what stands between it and the network.",
        )
    if "ProxyError" in kinds:
        return ModelError(f"The proxy let nothing through to {host}", "Check HTTPS_PROXY.")
    if "ConnectError" in kinds or "ConnectTimeout" in kinds:
        return ModelError(f"{host} can't be reached", _OFFLINE)
    if "TimeoutException" in kinds:
        return ModelError(f"{host} does not answer", _LATER)
    return ModelError(f"The connection to {host} was lost", "Run the same again to go on.")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    pending: list[Any] = [error]
    while pending:
        one = pending.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        pending += [one.__cause__, one.__context__]
