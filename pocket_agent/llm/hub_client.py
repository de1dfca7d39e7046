"""The hub over HTTP: what a file is, and its bytes from a place on. Runs in `hub_child` alone."""

import importlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

from pocket_agent import __version__
from pocket_agent.errors import ModelError
from pocket_agent.llm.hub_errors import from_status, from_transport

_MOST_HOPS = 5
_ELSEWHERE = "Get the file elsewhere, then: pocket-agent models add FILE"
_RANGE = re.compile(r"bytes (\d+)-\d+/(?:\d+|\*)")


class LostError(Exception):
    """The connection broke; more may come of another try. `refusal` is for who gives up."""

    def __init__(self, refusal: ModelError) -> None:
        super().__init__(refusal.what)
        self.refusal = refusal


class LinkExpiredError(LostError):
    """The address where the bytes lie holds no longer; the hub knows a new one."""


@dataclass(frozen=True, slots=True)
class Remote:
    """What the hub says of a file.

    Args:
        location: where its bytes lie. size: how many there are. sha256: empty if it isn't told.
    """

    location: str
    size: int
    sha256: str


class Stream:
    """The bytes of a file as they come.

    Args:
        start: the place in the file that the first of them has. host: who sends them.
    """

    def __init__(self, response: Any, start: int, host: str, errors: type[Exception]) -> None:
        self.start, self.host = start, host
        self._response, self._errors = response, errors

    def chunks(self) -> Iterator[bytes]:
        """Piece after piece.

        Raises:
            LostError: the connection broke.
        """
        try:
            yield from self._response.iter_raw()
        except self._errors as error:
            raise LostError(from_transport(error, self.host)) from error


class Hub:
    """A hub that speaks the protocol of Hugging Face's.

    Only it is asked, and whoever it names as the keeper of the file. The person's token, if there
    is one in HF_TOKEN, goes to the hub alone.

    Args:
        endpoint: its address. what: the file, for messages. patience_s: seconds without an answer.
    """

    def __init__(self, endpoint: str, what: str, patience_s: float) -> None:
        import huggingface_hub

        self._library = huggingface_hub
        self._endpoint, self._what, self._patience = endpoint, what, patience_s
        self._token = os.environ.get("HF_TOKEN") or None
        huggingface_hub.close_session()  # one of our own: what it may ask is of this hub
        self._client = huggingface_hub.get_session()
        self._allowed = {_origin(endpoint)}
        self._client.event_hooks["request"].append(self._only_allowed)
        # Which library it is depends on the version of huggingface-hub.
        http = importlib.import_module(type(self._client).__module__.partition(".")[0])
        self._errors: type[Exception] = http.TransportError

    @property
    def host(self) -> str:
        return urlsplit(self._endpoint).hostname or self._endpoint

    def look_up(self, repo: str, file: str) -> Remote:
        """Ask what a file is.

        Raises:
            ModelError: it isn't there, may not be had, or the hub can't be asked.
        """
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError

        try:
            url = self._library.hf_hub_url(repo, file, endpoint=self._endpoint)
            known = self._library.get_hf_file_metadata(
                url,
                token=self._token or False,
                timeout=self._patience,
                library_name="pocket-agent",
                library_version=__version__,
                endpoint=self._endpoint,
            )
        except HFValidationError as error:
            raise ModelError(
                f"{repo!r} is no repository's name", "Give OWNER/REPO/FILE."
            ) from error
        except HfHubHTTPError as error:
            raise self._refusal(error.response) from error
        except self._errors as error:
            raise from_transport(error, self.host) from error
        location = urljoin(url, known.location)
        return Remote(location, known.size or 0, (known.etag or "").lower())

    @contextmanager
    def stream(self, location: str, start: int) -> Iterator[Stream]:
        """The bytes from a place on; a server may still begin at 0.

        Raises:
            LinkExpiredError: the hub must be asked for the place again.
            LostError: nothing came, or too little.
            ModelError: whoever keeps the bytes refuses to give them.
        """
        try:
            response = self._follow(location, start)
        except self._errors as error:
            raise LostError(from_transport(error, self.host)) from error
        try:
            yield Stream(response, self._begins(response), response.url.host, self._errors)
        finally:
            response.close()

    def _follow(self, location: str, start: int) -> Any:
        """The answer at the end of the redirects, its body not read yet."""
        for _ in range(_MOST_HOPS):
            self._allow(location)
            request = self._client.build_request(
                "GET", location, headers=self._headers(location, start), timeout=self._patience
            )
            response = self._client.send(request, stream=True, follow_redirects=False)
            if not response.has_redirect_location:
                return response
            location = urljoin(location, response.headers["Location"])
            response.close()
        raise ModelError(f"{self.host} sends from place to place for {self._what}", _ELSEWHERE)

    def _headers(self, location: str, start: int) -> dict[str, str]:
        headers = {"User-Agent": f"pocket-agent/{__version__}", "Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
        if self._token and _origin(location) == _origin(self._endpoint):
            headers["Authorization"] = f"Bearer {self._token}"
        return headers

    def _begins(self, response: Any) -> int:
        """The place in the file at which an answer begins."""
        code = response.status_code
        if code == 206:
            found = _RANGE.match(response.headers.get("Content-Range", ""))
            return int(found[1]) if found else -1
        if code == 200:
            return 0
        refusal = self._refusal(response)
        if code in (401, 403, 410):
            raise LinkExpiredError(refusal)
        if code >= 500 or code == 408:
            raise LostError(refusal)
        raise refusal

    def _refusal(self, response: Any) -> ModelError:
        headers = response.headers
        return from_status(
            response.status_code,
            response.url.host,
            self._what,
            headers.get("Retry-After", ""),
            headers.get("X-Error-Code", ""),
        )

    def _allow(self, location: str) -> None:
        """Let whoever the hub names be asked, if nobody on the way can read or change it."""
        scheme = urlsplit(location).scheme
        if scheme != "https" and scheme != urlsplit(self._endpoint).scheme:
            raise ModelError(f"{self.host} sends to an unsafe address for {self._what}", _ELSEWHERE)
        self._allowed.add(_origin(location))

    def _only_allowed(self, request: Any) -> None:
        if _origin(str(request.url)) not in self._allowed:
            where = request.url.host
            raise ModelError(f"{self.host} sends to {where}, which was not asked for", _ELSEWHERE)


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return parts.scheme, (parts.hostname or "").lower(), port
