"""Every command of the chat, as data: slash commands, palette and help read this one table."""

import re
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Command:
    """A thing a person can ask the app to do.

    Args:
        name: what is typed after the slash.
        action: the action of the chat screen that does it.
        about: what it does, for the help and the palette.
        key: the action of `keys.DEFAULT_KEYS` whose key does the same; empty if there is none.
        argument: what may follow the name, in square brackets if it need not; empty if nothing may.
        words: other words for it, by which the palette finds it too.
    """

    name: str
    action: str
    about: str
    key: str = ""
    argument: str = ""
    words: str = ""

    @property
    def needs_argument(self) -> bool:
        """Whether it does nothing without what follows it."""
        return bool(self.argument) and not self.argument.startswith("[")

    @property
    def choices(self) -> tuple[str, ...]:
        """The few words that may follow, where only they may."""
        said = self.argument.strip("[]")
        return tuple(said.split("|")) if said.islower() else ()

    @property
    def usage(self) -> str:
        """The command as it is typed."""
        return f"/{self.name} {self.argument}".rstrip()


COMMANDS: tuple[Command, ...] = (
    Command("help", "help", "keys and commands", "help"),
    Command(
        "profile",
        "profile",
        "what is remembered about you: see, edit, delete, undo",
        "profile",
        words="memory memories facts",
    ),
    Command(
        "panel",
        "panel",
        "show or hide what is remembered, beside the chat",
        "panel",
        words="side sidebar facts memory",
    ),
    Command(
        "sessions", "sessions", "earlier conversations", "sessions", words="history chats archive"
    ),
    Command("context", "context", "the very prompt that the last reply was made from", "context"),
    Command(
        "sources", "sources", "what the last reply was made from: facts, past turns", "sources"
    ),
    Command("find", "find", "search in every conversation", "find", argument="[TEXT]"),
    Command("new", "new_session", "start a new conversation", "new", words="chat session begin"),
    Command(
        "title",
        "rename",
        "give this conversation a title",
        argument="TEXT",
        words="rename name session",
    ),
    Command("stop", "stop", "stop the reply and keep what is there", "stop", words="cancel end"),
    Command(
        "regenerate",
        "regenerate",
        "another reply to your last message",
        "regenerate",
        words="retry again",
    ),
    Command(
        "continue", "go_on", "go on with a reply that was stopped or cut", "continue", words="more"
    ),
    Command("edit", "edit", "say your last message anew, as a branch", "edit", words="change"),
    Command("branch", "version", "go on to the next version of a message or reply", "later"),
    Command("back", "take_back", "take the newest waiting message back", "back", words="queue"),
    Command(
        "attach",
        "attach",
        "let a text file go with your message",
        argument="FILE",
        words="upload add open",
    ),
    Command("editor", "editor", "write the message in your $EDITOR", "editor"),
    Command(
        "delete",
        "delete",
        "erase your last message and its replies, for good (asks)",
        words="remove",
    ),
    Command("undo", "undo", "take back the last thing that was remembered", "undo", words="revert"),
    Command("yes", "answer_yes", "say yes to the newest remembered line that asks"),
    Command("no", "answer_no", "say no to it: it is not asked again"),
    Command(
        "forget",
        "forget",
        "erase for good (asks) what holds these words; --about TOPIC, since DATE, everything",
        argument="TEXT",
        words="delete remove",
    ),
    Command(
        "copy",
        "copy",
        "copy the last reply, or only its next code block",
        argument="[code]",
        words="clipboard",
    ),
    Command(
        "models",
        "models",
        "the models: what fits, how fast it would be, pull one",
        argument="[pull NAME]",
        words="download llm",
    ),
    Command(
        "model",
        "use_model",
        "answer with another model from now on",
        argument="[NAME]",
        words="switch change llm",
    ),
    Command(
        "full",
        "when_full",
        "whether turns that leave the full context are summed up, or only left out",
        argument="drop|summarise",
        words="overflow summary when_full",
    ),
    Command("interview", "interview", "a few questions, so that answers fit you; pass over any"),
    Command("questions", "questions", "whether replies may end with one", argument="on|off"),
    Command("theme", "theme", "choose the colours", argument="[NAME]", words="colors dark light"),
    Command(
        "export",
        "export",
        "write the whole profile to a file: .md to read, .age encrypted",
        argument="FILE",
        words="save backup",
    ),
    Command(
        "import",
        "import",
        "take in a conversation that was exported as JSON",
        argument="FILE",
        words="load open",
    ),
    Command("lock", "lock", "lock an encrypted profile until its passphrase is typed"),
    Command("quit", "quit", "leave", "quit", words="exit close end"),
)

BY_NAME: dict[str, Command] = {command.name: command for command in COMMANDS}


@dataclass(frozen=True, slots=True)
class Call:
    """A slash command as it was typed; `command` is None if there is no such one."""

    name: str
    argument: str
    command: Command | None


def parse(text: str) -> Call | None:
    """The slash command that `text` is, or None if it is a message.

    Only a single line that starts with a slash and a plain word is one, so that a path such as
    /etc/hosts, or a leading space, makes a message.
    """
    if not text.startswith("/") or "\n" in text.strip():
        return None
    name, _, argument = text[1:].strip().partition(" ")
    if not name.isascii() or not name.isalpha():
        return None
    name = name.lower()
    return Call(name, argument.strip(), BY_NAME.get(name))


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the palette: a command, with one of its choices or without."""

    command: Command
    choice: str = ""

    @property
    def name(self) -> str:
        """The row's name, such as `Copy code`."""
        return f"{self.command.name} {self.choice}".rstrip().capitalize()

    @property
    def opens_field(self) -> bool:
        """Whether it only types the command, for the rest to be typed behind it."""
        return self.command.needs_argument and not self.choice

    def score(self, query: str) -> float:
        """How well it is what somebody looks for, in [0, 1]; 0 is not at all.

        Each word must begin one of its name, of its other words or of what it says about itself.
        """
        command, sought = self.command, query.casefold().split()
        name = self.name.casefold()
        if name.startswith(" ".join(sought)):
            return 1.0
        for worth, text in ((0.8, f"{name} {command.words}"), (0.6, command.about)):
            sought = [word for word in sought if not re.search(rf"\b{re.escape(word)}", text, re.I)]
            if not sought:
                return worth
        return 0.0


def entries() -> Iterator[Entry]:
    """All rows of the palette: every command, and each of the choices of those that have some."""
    for command in COMMANDS:
        yield Entry(command)
        yield from (Entry(command, choice) for choice in command.choices)


def complete(text: str) -> str:
    """The rest of the command that `text` begins, or an empty string."""
    if len(text) < 2 or not text.startswith("/"):
        return ""
    found = (command.name for command in COMMANDS if command.name.startswith(text[1:]))
    return next(found, "")[len(text) - 1 :]
