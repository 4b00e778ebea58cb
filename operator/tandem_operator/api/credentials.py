"""Which texts give a secret away: a user or a key in an address, and what looks like a password or a key wherever it stands.

Patterns are in the dialect that Python's `re` and the API server's RE2 share, so that both refuse the same.
"""

import re
from typing import Final

IN_ADDRESS: Final = "(?i)//[^/?#]*@|^[^/?#]*:[^/?#]*@|[?&#][^=&]*(token|secret|password|signature|credential|api[-_]?key)[^=&]*=|[?&#]key="
"""In an address that we follow ourselves: any user before the host, and any key in the query."""

PASSWORD: Final = r"://[^/?#@:\s]*:[^/?#@\s]+@|[?&]X-Amz-(Signature|Credential)="  # noqa: S105 - a pattern
"""In an address that is only handed on, as in an argument: there a user without a password is none of our business."""

KEY: Final = r"\b(A[KS]IA[0-9A-Z]{16}\b|gh\w_\w{36}|hf_\w{30}|sk-(\w+-)*\w{20})|-----BEGIN .*PRIVATE KEY"
"""What keys look like wherever they stand: those of Amazon, GitHub, Hugging Face, OpenAI and whoever took after it, and private ones.

It is short, since the API server reckons by its length and asks it of each of 256 arguments.
"""

OPTION: Final = r"^--?api[-_]key(=|$)"
"""The option of a command line that a key follows upon, whatever it looks like."""

SECRET_VARIABLES: Final = "(.*_)?(PASSWORD|SECRET|(API|SECRET|PRIVATE|SECRET_ACCESS)_KEY|(ACCESS|API|AUTH|SESSION|HF|HUB|GITHUB)_TOKEN)"  # noqa: S105 - names, no secrets
"""Environment variables that hold nothing but a secret, whatever it looks like."""

KEEP_IN_SECRET: Final = "holds a password or key that anybody may read here: keep it in a Secret and name that"  # noqa: S105 - a sentence
"""What to do about one that was found in a run."""

TAKE_OUT: Final = "holds a user name, password or key: take it out and give credentials by environment or Secret"
"""The same, of an address."""


def holds_secret(text: str) -> bool:
    """Whether an address carries a user, a password or a signature, which nobody may print."""
    return re.search(IN_ADDRESS, text) is not None


def gives_away(text: str) -> bool:
    """Whether a text of any kind holds what looks like a password or a key."""
    return holds_password(text) or holds_key(text)


def holds_password(text: str) -> bool:
    """Whether there is an address with a password or a signature in it."""
    return re.search(PASSWORD, text, re.ASCII) is not None


def holds_key(text: str) -> bool:
    """Whether there is what looks like a key."""
    return re.search(KEY, text, re.ASCII) is not None


def takes_key(word: str) -> bool:
    """Whether a word of a command line is the option that a key follows upon."""
    return re.search(OPTION, word) is not None
