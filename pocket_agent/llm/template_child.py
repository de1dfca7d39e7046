"""The process that fills a model's own chat template: a stranger's program on short commons.

The sandbox keeps a template from what is not its business, but not from looping for ever or from
asking for all the memory. Nor can Python be stopped from inside within one large multiplication.
So it runs here, where the system ends it. Lines of JSON on stdin and stdout: first the template,
answered by whether it is of use, then conversations, each answered by its prompt.
"""

import os
import sys
from pathlib import Path
from typing import Any, BinaryIO

from pocket_agent.llm import wire
from pocket_agent.llm.lifeline import die_with_parent, ignore_interrupts
from pocket_agent.llm.template import ChatTemplate, TooLongError
from pocket_agent.secrecy import close_to_others

_MEMORY = 2**29
"""Bytes of address space, beside what Python has taken by then."""
_MEMORY_PER_CHARACTER = 64
"""Further bytes for each character of a conversation: it is held several times."""
_SIZE = 2**20
"""Characters that a template may add to a conversation, however long that is."""
_TIMES = 4
"""How often it may repeat one."""


def answer(template: ChatTemplate, record: wire.Record) -> wire.Record:
    """What a conversation becomes: its `parts`, or under `fault` why there are none."""
    messages = wire.unpack_messages(record["messages"])
    characters = sum(len(message.text) for message in messages)
    limit_memory(_MEMORY + _MEMORY_PER_CHARACTER * characters)
    template.most = _SIZE + _TIMES * characters
    try:
        if record["what"] == "shares":
            return {"parts": template.shares(messages)}
        return {"parts": template.render(messages, continue_last=record["what"] == "continue")}
    except MemoryError:
        return {"fault": "takes too much memory"}
    except TooLongError:
        return {"fault": "writes a prompt without an end"}


def limit_memory(size: int) -> None:
    """Let this process take so many more bytes of memory, where the system sees to that."""
    resource = _resource()
    if resource and sys.platform == "linux":  # others take the limit and don't keep it
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + size, most))


def limit_time(seconds: int) -> None:
    """Have the system end this process after so much more of a processor's time."""
    resource = _resource()
    if resource:
        used = resource.getrusage(resource.RUSAGE_SELF)
        _, most = resource.getrlimit(resource.RLIMIT_CPU)
        spent = int(used.ru_utime + used.ru_stime) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (spent + seconds, most))


def _resource() -> Any:
    try:
        import resource
    except ImportError:  # Windows
        return None
    return resource


def serve(requests: BinaryIO, replies: BinaryIO) -> None:
    """Answer until the requests end."""

    def reply(record: wire.Record) -> None:
        replies.write(wire.encode(record))
        replies.flush()

    first = wire.decode(requests.readline())
    seconds = first.pop("seconds")
    limit_time(seconds)
    limit_memory(_MEMORY)
    template = ChatTemplate(**first | {"control": tuple(first["control"])})
    reply({"is_own": template.is_own})
    for line in requests:
        limit_time(seconds)
        reply(answer(template, wire.decode(line)))


def main() -> None:
    """Serve whoever started this, and end with them."""
    die_with_parent()
    ignore_interrupts()
    close_to_others()  # being ended for its time would leave a picture of its memory
    serve(os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb"))


if __name__ == "__main__":
    main()
