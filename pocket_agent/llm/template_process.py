"""A model's own chat template, filled in a process of its own that may be ended at any time."""

import contextlib
import queue
import subprocess
import sys
import threading
from importlib.util import find_spec
from typing import Any

from pocket_agent.errors import ModelError
from pocket_agent.llm import wire
from pocket_agent.llm.child_process import apart
from pocket_agent.llm.protocol import Message
from pocket_agent.llm.template import ChatTemplate

SECONDS = 5
"""Of a processor, for one conversation; a template takes milliseconds."""
_PATIENCE_S = 120.0 if find_spec("resource") else 30.0
"""After this long by the clock it is ended even so. Only Windows needs that: elsewhere the system
counts the processor's time, and what is merely slow on a busy computer is left alone."""
_SLOW = "takes too long"
_TODO = "Choose another model: /models, or pocket-agent models use NAME."


class _EndedError(Exception):
    """The process ended, or was ended, before it answered."""


class TemplateProcess:
    """A `ChatTemplate` whose template can neither hang nor fill the process that uses it.

    Thread-safe. Where the model's own template is of no use, ChatML is filled right here.

    Args:
        source, bos, eos, control: see `ChatTemplate`.
        seconds: of a processor, for one conversation.
        patience: seconds by the clock.
    """

    def __init__(
        self,
        source: str,
        bos: str = "",
        eos: str = "",
        control: tuple[str, ...] = (),
        *,
        seconds: int = SECONDS,
        patience: float = _PATIENCE_S,
    ) -> None:
        self._plain = ChatTemplate("", bos, eos, control)
        self._hello: wire.Record = {"source": source, "bos": bos, "eos": eos, "control": control}
        self._hello["seconds"] = seconds
        self._patience = patience
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self.is_own = bool(source.strip()) and self._works()

    def render(self, messages: tuple[Message, ...], *, continue_last: bool = False) -> list[str]:
        """See `ChatTemplate.render`.

        Raises:
            ModelError: the template takes too long or too much.
        """
        if not self.is_own:
            return self._plain.render(messages, continue_last=continue_last)
        parts: list[str] = self._ask("continue" if continue_last else "render", messages)
        return parts

    def shares(self, messages: tuple[Message, ...]) -> list[list[str]]:
        """See `ChatTemplate.shares`.

        Raises:
            ModelError: the template takes too long or too much.
        """
        if not self.is_own:
            return self._plain.shares(messages)
        parts: list[list[str]] = self._ask("shares", messages)
        return parts

    def cut_raw(self, prompt: str) -> list[str]:
        """See `ChatTemplate.cut_raw`."""
        return self._plain.cut_raw(prompt)

    def close(self) -> None:
        """End the process. The next conversation would start another."""
        with self._lock:
            self._end()

    def _works(self) -> bool:
        with self._lock:
            try:
                return bool(self._start()["is_own"])
            except _EndedError:
                return False

    def _ask(self, what: str, messages: tuple[Message, ...]) -> Any:
        with self._lock:
            try:
                if self._process is None:
                    self._start()
                answer = self._call({"what": what, "messages": wire.pack_messages(messages)})
            except _EndedError:
                raise _refused(_SLOW) from None
        if fault := answer.get("fault"):
            raise _refused(fault)
        return answer["parts"]

    def _start(self) -> wire.Record:
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "pocket_agent.llm.template_child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                **apart(),
            )
        except OSError as error:
            why = error.strerror or error
            raise ModelError(f"The process for chat templates can't be started ({why})") from error
        self._lines = queue.SimpleQueue()
        reader = (self._process, self._lines)
        threading.Thread(target=_read, args=reader, name="template", daemon=True).start()
        return self._call(self._hello)

    def _call(self, record: wire.Record) -> wire.Record:
        """Raises _EndedError, with the process gone, where no answer comes in time."""
        try:
            if self._process is None or self._process.stdin is None:
                raise _EndedError
            self._process.stdin.write(wire.encode(record))
            self._process.stdin.flush()
            line = self._lines.get(timeout=self._patience)
        except (OSError, queue.Empty):
            line = b""
        if not line:
            self._end()
            raise _EndedError
        return wire.decode(line)

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            with contextlib.suppress(OSError):
                if process.stdin is not None:
                    process.stdin.close()
            process.wait()


def _read(process: "subprocess.Popen[bytes]", lines: "queue.SimpleQueue[bytes]") -> None:
    """Hand on the lines of a process, and an empty one when it has ended."""
    if process.stdout is not None:
        with process.stdout, contextlib.suppress(OSError, ValueError):
            for line in process.stdout:
                lines.put(line)
    lines.put(b"")


def _refused(why: str) -> ModelError:
    return ModelError(f"The model's chat template {why}", _TODO)
