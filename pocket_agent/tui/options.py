"""What the command line may choose about the app. Plain data: importing it costs nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

DEFAULT_THEME = "pocket"


@dataclass(frozen=True, slots=True)
class TuiOptions:
    """How the app looks and behaves.

    Args:
        theme: name of a theme; an unknown one falls back to our own.
        ascii: draw no sign that is not ASCII.
        enter_sends: Enter sends and ctrl+j makes a new line; if not, the other way round.
        keys: keys that differ from the usual ones, by action (`keys.DEFAULT_KEYS`).
        panel: the panel of what is remembered stands beside the chat, where there is room.
        session: id of the session to open; None starts a new one.
        turn: id of a turn of it to show; empty for the last.
        resume: go on with the last session, if none is named.
        key: opens an encrypted profile; None for a plain one.
        lock_after_s: seconds without a key or the mouse after which an encrypted profile is locked
            again; 0 for never.
        model: name or path of the model; empty for the default.
        policy_model: the model that learns from turns; see `config.Settings`.
        chat_tokens: size of the chat context.
        gpu_layers: "auto" for as many as fit, "all", or a number.
        device: name of the device that takes them; empty for the usual ones.
        requantize: let a slow model file be copied once into a faster form.
        threads: decode threads; 0 chooses.
        ask: let a reply end with a question about the person.
        unsure: let the policy propose what its caution holds back.
        summarises: turns that leave the context are summed up, rather than only left out.
        seed: makes replies repeatable; None draws a new one each time.
        learn: whether anything is remembered from turns.
        incognito: nothing is written; what is known is still used.
        blank: nothing that is known is used either; incognito is set too.
        offers_encryption: offer to encrypt the profile, which is not there yet or is plain.
        encrypt_existing: called in a worker thread with the passphrase, to encrypt a profile that
            is there; None where it is made with it.
        introduces: it is the very first start: say what this is, ask for the profile's name and for
            the model, before that offer.
        welcomes: the profile is not there yet: offer a first conversation.
        new_profile: the profile was named by hand and is not there yet: say that it was made.
        decline_encryption: called in a worker thread when a person does not want that.
        save: called in a worker thread with the name and the value of a setting that a person
            chose; None where nothing is written.
    """

    theme: str = DEFAULT_THEME
    ascii: bool = False
    enter_sends: bool = True
    keys: Mapping[str, str] = field(default_factory=dict)
    panel: bool = False
    session: str | None = None
    turn: str = ""
    resume: bool = False
    key: str | None = None
    lock_after_s: float = 0.0
    model: str = ""
    chat_tokens: int = 4096
    gpu_layers: int | Literal["auto", "all"] = "auto"
    device: str = ""
    requantize: bool = True
    threads: int = 0
    ask: bool = False
    unsure: bool = False
    policy_model: str = ""
    summarises: bool = False
    seed: int | None = None
    learn: bool = True
    incognito: bool = False
    blank: bool = False
    offers_encryption: bool = False
    encrypt_existing: Callable[[str], None] | None = None
    introduces: bool = False
    welcomes: bool = False
    new_profile: bool = False
    decline_encryption: Callable[[], None] | None = None
    save: Callable[[str, str | bool], None] | None = None

    @property
    def mode(self) -> str:
        """What is unusual about how the profile is used; empty if nothing is."""
        return "blank" if self.blank else "incognito" if self.incognito else ""
