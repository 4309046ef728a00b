"""What is wrong with a form, by field and in plain words, so that its page can lead to each."""

import re

from broker.errors import BrokerError

_PLAIN = (
    (re.compile(r"Field required|String should have at least 1 character"), "this cannot be empty"),
    (re.compile(r"String should have at least (\d+) characters"), r"at least \1 characters"),
    (re.compile(r"String should have at most (\d+) characters?"), r"at most \1 characters"),
    (re.compile(r"List should have at most (\d+) items.*"), r"at most \1 of them"),
)


def plain(words: str) -> str:
    """What was expected, where the library that checks lengths said it."""
    words = words.removeprefix("Value error, ")
    return next((found.expand(said) for form, said in _PLAIN if (found := form.fullmatch(words))), words)


def by_field(error: BrokerError, fields: tuple[str, ...]) -> dict[str, str]:
    """{field: sentence}: our messages begin with the field's name; else it is the first one's."""
    name, _, words = str(error).partition(": ")
    if name not in fields:
        name, words = fields[0], str(error)
    words = plain(words)
    return {name: words[:1].upper() + words[1:] + ("" if words.endswith(".") else ".")}
