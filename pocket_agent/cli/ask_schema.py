"""`ask --schema`: the schema that is named, and the answer that has to match it."""

from typing import TYPE_CHECKING, Any

from pocket_agent.cli.opening import as_path
from pocket_agent.errors import ModelError, UsageError

if TYPE_CHECKING:
    from pocket_agent.llm.json_schema import Schema

_TOLD = 2_000
"""Characters of a schema that the model is told of; the grammar holds a longer one alone."""


class Form:
    """What an answer has to look like.

    Args:
        named: a JSON Schema, or the name of a file that holds one.

    Raises:
        UsageError: there is no such file, or it can't be made into a grammar.
    """

    def __init__(self, named: str) -> None:
        from pocket_agent.llm.json_schema import read_schema
        from pocket_agent.llm.schema_grammar import grammar_for

        self._schema: Schema = read_schema(named if _is_json(named) else _read(named))
        self.grammar = grammar_for(self._schema)

    @property
    def wish(self) -> str:
        """What the model is told of it."""
        text = self._schema.text
        told = f", which matches this JSON Schema: {text}" if len(text) <= _TOLD else ""
        return f"Answer with JSON alone{told}"

    def value(self, reply: str, finish: str) -> Any:
        """The answer as a value.

        Raises:
            ModelError: it was cut short, or doesn't match.
        """
        from pocket_agent.llm.schema_check import read_answer

        if finish == "length":
            raise ModelError(
                "The answer was cut at its limit before the JSON was whole",
                "--max-tokens sets how long it may be; the context is a limit too.",
            )
        return read_answer(reply, self._schema)


def _is_json(text: str) -> bool:
    return text.lstrip().startswith("{") or text.strip() in ("true", "false")


def _read(name: str) -> str:
    from pocket_agent.llm.json_schema import MAX_BYTES

    try:
        with as_path(name).open("rb") as file:
            return file.read(MAX_BYTES + 1).decode()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise UsageError(
            f"The schema {name} can't be read ({why})", "Name a file, or write the JSON itself."
        ) from error
