"""Every command of the chat, as data: slash commands, palette and help read this one table."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Command:
    """A thing a person can ask the app to do.

    Args:
        name: what is typed after the slash.
        action: the action of the chat screen that does it.
        about: what it does, for the help and the palette.
        key: the key that does the same, as shown; empty if there is none.
        argument: what may follow the name; empty if nothing may.
    """

    name: str
    action: str
    about: str
    key: str = ""
    argument: str = ""

    @property
    def usage(self) -> str:
        """The command as it is typed."""
        return f"/{self.name} {self.argument}".rstrip()


COMMANDS: tuple[Command, ...] = (
    Command("help", "help", "keys and commands", "F1"),
    Command("profile", "profile", "what is remembered about you: see, edit, delete, undo", "F2"),
    Command("sessions", "sessions", "earlier conversations", "F3"),
    Command("context", "context", "the very prompt that the last reply was made from", "F4"),
    Command("sources", "sources", "what the last reply was made from: facts, past turns", "F5"),
    Command("find", "find", "search in every conversation", "F6", argument="[TEXT]"),
    Command("new", "new_session", "start a new conversation", "ctrl+n"),
    Command("title", "rename", "give this conversation a title", argument="TEXT"),
    Command("stop", "stop", "stop the reply and keep what is there", "Escape"),
    Command("undo", "undo", "take back the last thing that was remembered", "ctrl+u"),
    Command("yes", "answer_yes", "say yes to the newest remembered line that asks"),
    Command("no", "answer_no", "say no to it: it is not asked again"),
    Command("forget", "forget", "erase all that holds a text, for good (asks)", argument="TEXT"),
    Command("copy", "copy", "copy the last reply, or only its last code block", argument="[code]"),
    Command("models", "models", "the models: what fits, how fast it would be, pull one"),
    Command("model", "use_model", "answer with another model from now on", argument="[NAME]"),
    Command("theme", "theme", "choose the colours", argument="[NAME]"),
    Command("lock", "lock", "lock an encrypted profile until its passphrase is typed"),
    Command("quit", "quit", "leave", "ctrl+q"),
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


def complete(text: str) -> str:
    """The rest of the command that `text` begins, or an empty string."""
    if len(text) < 2 or not text.startswith("/"):
        return ""
    found = (command.name for command in COMMANDS if command.name.startswith(text[1:]))
    return next(found, "")[len(text) - 1 :]
