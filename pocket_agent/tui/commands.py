"""Every command of the chat, as data: slash commands, palette and help read this one table."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Command:
    """A thing a person can ask the app to do.

    Args:
        name: what is typed after the slash.
        action: the action of the chat screen that does it.
        about: what it does, for the help and the palette.
        key: the action of `keys.DEFAULT_KEYS` whose key does the same; empty if there is none.
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
    Command("help", "help", "keys and commands", "help"),
    Command(
        "profile", "profile", "what is remembered about you: see, edit, delete, undo", "profile"
    ),
    Command("panel", "panel", "show or hide what is remembered, beside the chat", "panel"),
    Command("sessions", "sessions", "earlier conversations", "sessions"),
    Command("context", "context", "the very prompt that the last reply was made from", "context"),
    Command(
        "sources", "sources", "what the last reply was made from: facts, past turns", "sources"
    ),
    Command("find", "find", "search in every conversation", "find", argument="[TEXT]"),
    Command("new", "new_session", "start a new conversation", "new"),
    Command("title", "rename", "give this conversation a title", argument="TEXT"),
    Command("stop", "stop", "stop the reply and keep what is there", "stop"),
    Command("regenerate", "regenerate", "another reply to your last message", "regenerate"),
    Command("continue", "go_on", "go on with a reply that was stopped or cut", "continue"),
    Command("edit", "edit", "say your last message anew, as a branch", "edit"),
    Command("branch", "version", "go on to the next version of a message or reply", "later"),
    Command("back", "take_back", "take the newest waiting message back", "back"),
    Command("attach", "attach", "let a text file go with your message", argument="FILE"),
    Command("editor", "editor", "write the message in your $EDITOR", "editor"),
    Command("delete", "delete", "erase your last message and its replies, for good (asks)"),
    Command("undo", "undo", "take back the last thing that was remembered", "undo"),
    Command("yes", "answer_yes", "say yes to the newest remembered line that asks"),
    Command("no", "answer_no", "say no to it: it is not asked again"),
    Command("forget", "forget", "erase all that holds a text, for good (asks)", argument="TEXT"),
    Command("copy", "copy", "copy the last reply, or only its next code block", argument="[code]"),
    Command("models", "models", "the models: what fits, how fast it would be, pull one"),
    Command("model", "use_model", "answer with another model from now on", argument="[NAME]"),
    Command("interview", "interview", "a few questions, so that answers fit you; pass over any"),
    Command("questions", "questions", "whether replies may end with one", argument="on|off"),
    Command("theme", "theme", "choose the colours", argument="[NAME]"),
    Command("lock", "lock", "lock an encrypted profile until its passphrase is typed"),
    Command("quit", "quit", "leave", "quit"),
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
