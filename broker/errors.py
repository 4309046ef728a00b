"""What can go wrong in the domain, as facts; the edges (web, command line) say how it is told."""


class BrokerError(Exception):
    """A failure a person can be told about in one sentence."""


class NotFoundError(BrokerError):
    """The row does not exist, or the asker may not know that it does."""


class NotAllowedError(BrokerError):
    """The asker may see this, but may not do that."""


class ConflictError(BrokerError):
    """Somebody or something else changed it first, or it is in the wrong state for this."""


class InvalidError(BrokerError):
    """What was given cannot be used; the message says what was expected."""
