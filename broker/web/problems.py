"""What is wrong with a form, by field, so that its page can lead to each."""

from broker.errors import BrokerError


def by_field(error: BrokerError, fields: tuple[str, ...]) -> dict[str, str]:
    """{field: sentence}: our messages begin with the field's name; else it is the first one's."""
    name, _, words = str(error).partition(": ")
    if name not in fields:
        name, words = fields[0], str(error)
    return {name: words[:1].upper() + words[1:] + ("" if words.endswith(".") else ".")}
