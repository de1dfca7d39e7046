"""From messages to the prompt a model was trained on: the GGUF's own Jinja template."""

import json
import re
from dataclasses import replace
from datetime import datetime
from typing import Any, NoReturn

from jinja2 import Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from pocket_agent.llm.protocol import Message, Role

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""What models without a template are spoken to in."""

CHATML_END = "<|im_end|>"
_CHATML_MARKS = ("<|im_start|>", CHATML_END)

_OPEN, _CLOSE, _END = "\ufdd0", "\ufdd1", "\ufdd2"
"""Non-characters, which Unicode keeps for inside use: fences in a rendered prompt."""
_RESERVED = str.maketrans(dict.fromkeys((_OPEN, _CLOSE, _END), "\ufffd"))
_FENCED = re.compile(f"{_OPEN}(\\d+){_CLOSE}")


class TooLongError(Exception):
    """A template writes more than it may."""


class ChatTemplate:
    """Renders conversations.

    Args:
        source: the Jinja template of the model; empty or broken falls back to ChatML.
        bos: spelling of the begin token, for templates that write it.
        eos: spelling of the end token.
        control: spellings that must reach the model as plain text when a message contains them.

    Attributes:
        is_own: the model's own template is used.
        most: how many characters it may write.
    """

    most = 2**24

    def __init__(
        self, source: str, bos: str = "", eos: str = "", control: tuple[str, ...] = ()
    ) -> None:
        self._names = {"bos_token": bos, "eos_token": eos}
        self._fallback = _environment().from_string(CHATML)
        self._template = _compile(source) or self._fallback
        self._control = _any_of(control)
        self._not_chatml = _any_of(tuple(c for c in control if c not in _CHATML_MARKS))
        self.is_own = self._template is not self._fallback and self._works()

    def render(self, messages: tuple[Message, ...], *, continue_last: bool = False) -> list[str]:
        """The prompt, cut so that it can be tokenised safely.

        Args:
            continue_last: end inside the last message instead of opening an answer.

        Returns:
            Strings to join; those at odd places are control spellings out of a message's
            text, which must be read as plain text.

        Raises:
            TooLongError: the template writes more than it may.
            MemoryError: it asks for more than there is.
        """
        quoted: list[str] = []
        safe = tuple(replace(m, text=self._quote(m.text, quoted, self._control)) for m in messages)
        if continue_last and safe and safe[-1].role is Role.ASSISTANT:
            # The open answer is what stands in the cache when the answer is continued.
            prompt = self._prompt(safe[:-1]) + safe[-1].text
        else:
            prompt = self._prompt(safe)
        return _split(prompt, quoted)

    def shares(self, messages: tuple[Message, ...]) -> list[list[str]]:
        """The prompt cut at the ends of the messages' texts: one part a message.

        A part holds what opens a message, its text, and what closes the one before; the last
        holds the rest too. Joined they are `render(messages)`.
        """
        quoted: list[str] = []
        fenced = tuple(
            replace(m, text=_fence(self._quote(m.text, quoted, self._control))) for m in messages
        )
        prompt = self._prompt(fenced)
        parts = prompt.split(_END)
        if len(parts) != len(messages) + 1:  # the template shows a message twice, or never
            whole = _split(prompt.replace(_END, ""), quoted)
            return [*([[""]] * (len(messages) - 1)), whole]
        parts[-2:] = ["".join(parts[-2:])]
        return [_split(part, quoted) for part in parts]

    def cut_raw(self, prompt: str) -> list[str]:
        """A prompt in ChatML that is rendered already, cut like that of `render`.

        Its own marks are read as control tokens, and no others: whoever wrote it keeps text from
        outside from spelling those two.
        """
        quoted: list[str] = []
        return _split(self._quote(prompt, quoted, self._not_chatml), quoted)

    def _quote(self, text: str, quoted: list[str], control: re.Pattern[str] | None) -> str:
        """Swap control spellings (and our own fences) in a message for numbered fences."""

        def swap(match: re.Match[str]) -> str:
            quoted.append(match[0])
            return f"{_OPEN}{len(quoted) - 1}{_CLOSE}"

        text = text.translate(_RESERVED)
        return control.sub(swap, text) if control else text

    def _prompt(self, messages: tuple[Message, ...]) -> str:
        """Render; a template that refuses the order of roles gets a simpler order."""
        for attempt in (messages, _folded(messages)):
            try:
                return self._fill(self._template, attempt)
            except (MemoryError, TooLongError):
                raise
            except Exception:  # noqa: S112 - whatever a stranger's template raises
                continue
        return self._fill(self._fallback, messages)

    def _fill(self, template: Template, messages: tuple[Message, ...]) -> str:
        turns = [{"role": m.role.value, "content": m.text} for m in messages]
        written, size = [], 0
        for piece in template.generate(
            messages=turns, add_generation_prompt=True, tools=None, documents=None, **self._names
        ):
            written.append(piece)
            if (size := size + len(piece)) > self.most and template is not self._fallback:
                raise TooLongError
        return "".join(written)

    def _works(self) -> bool:
        """Does the template show what it is given?"""
        probe = (Message(Role.USER, "probe-one"), Message(Role.ASSISTANT, "probe-two"))
        try:
            shown = self._fill(self._template, (*probe, Message(Role.USER, "probe-three")))
        except Exception:
            shown = ""
        works = all(word in shown for word in ("probe-one", "probe-two", "probe-three"))
        if not works:
            self._template = self._fallback
        return works


def _any_of(spellings: tuple[str, ...]) -> re.Pattern[str] | None:
    longest_first = sorted(filter(None, spellings), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first))) if longest_first else None


def _environment() -> ImmutableSandboxedEnvironment:
    env = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    env.globals["raise_exception"] = _refuse
    env.globals["strftime_now"] = lambda form: datetime.now().astimezone().strftime(form)
    env.filters["tojson"] = lambda value, **options: json.dumps(
        value, ensure_ascii=False, indent=options.get("indent")
    )
    return env


def _compile(source: str) -> Template | None:
    # Marks what training may learn from; means nothing here.
    source = re.sub(r"\{%(-?)\s*generation\s*(-?)%\}", r"{%\1 if true \2%}", source)
    source = re.sub(r"\{%(-?)\s*endgeneration\s*(-?)%\}", r"{%\1 endif \2%}", source)
    try:
        return _environment().from_string(source) if source.strip() else None
    except (TemplateError, RecursionError):
        return None


def _refuse(message: str) -> NoReturn:
    raise TemplateError(message)


def _folded(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """The same words for templates without a system role or that want roles to alternate."""
    plain = [replace(m, role=Role.USER) if m.role is Role.SYSTEM else m for m in messages]
    folded: list[Message] = []
    for message in plain:
        if folded and folded[-1].role is message.role:
            folded[-1] = replace(message, text=f"{folded[-1].text}\n\n{message.text}")
        else:
            folded.append(message)
    return tuple(folded)


def _fence(text: str) -> str:
    """Mark the end of the words, before white space that a template may trim."""
    words = text.rstrip()
    return words + _END + text[len(words) :]


def _split(prompt: str, quoted: list[str]) -> list[str]:
    parts: list[Any] = _FENCED.split(prompt)
    return [quoted[int(part)] if i % 2 else part for i, part in enumerate(parts)]
