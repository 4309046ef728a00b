"""How often something may be tried: counted in this process, and in the queue's Valkey for all processes together.

Both counts are always kept, and the stricter decides. So losing the queue locks nobody out, because what cannot be
asked is passed over, and opens no door, because this process goes on counting from where it is."""

import hashlib
import hmac
import logging
import time
from ipaddress import IPv6Address, ip_address

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.errors import ConfigurationError, StorageError
from limits.storage import MemoryStorage, storage_from_string
from limits.strategies import MovingWindowRateLimiter

from broker.config import Settings
from broker.domain import accounts
from broker.errors import BrokerError, InvalidError
from broker.queue import PATIENCE, PAUSE

log = logging.getLogger(__name__)
QUARTER = 15
"""Minutes."""


class TooManyTriesError(BrokerError):
    """More attempts than a person needs; `seconds` until another is allowed."""

    def __init__(self, seconds: int) -> None:
        minutes = -(-seconds // 60)
        wait = "a minute" if minutes <= 1 else f"{minutes} minutes"
        super().__init__(f"Too many tries. Wait {wait}, then try again.")
        self.seconds = seconds


class Limits:
    """The counters, and the limits there are: each has a name of its own, so that none counts for another."""

    SIGN_IN_ACCOUNT = RateLimitItemPerMinute(5, QUARTER, "sign-in account")
    SIGN_IN_ADDRESS = RateLimitItemPerMinute(50, QUARTER, "sign-in address")  # a whole workshop may sit behind one
    LINK_ACCOUNT = RateLimitItemPerMinute(3, QUARTER, "link account")
    LINK_ADDRESS = RateLimitItemPerMinute(20, QUARTER, "link address")
    PASSWORD_ACCOUNT = RateLimitItemPerMinute(3, QUARTER, "password account")
    PASSWORD_ADDRESS = RateLimitItemPerMinute(20, QUARTER, "password address")
    SME_ACCOUNT = RateLimitItemPerMinute(3, QUARTER, "sme account")
    SME_ADDRESS = RateLimitItemPerMinute(20, QUARTER, "sme address")

    API_TOKEN = RateLimitItemPerMinute(600, 1, "api token")
    API_ADDRESS = RateLimitItemPerMinute(60, 1, "api address")
    """Tries with a token that is none."""

    def __init__(self, settings: Settings) -> None:
        self._own = MovingWindowRateLimiter(MemoryStorage())
        self._shared = _shared(settings.queue_url) if settings.queue_url else None
        self._silent_until = 0.0
        self._key = settings.secret_key.encode()

    def hit(self, limit: RateLimitItem, who: str) -> None:
        """Count one try; TooManyTriesError when there were too many."""
        name = self._name(who)
        # Not `or`: what is refused by one is still to be counted by the other.
        refused = [limiter for limiter in self._limiters() if self._refuses(limiter, limit, name)]
        if refused:
            raise TooManyTriesError(max(self._wait(limiter, limit, name) for limiter in refused))

    def forget(self, limit: RateLimitItem, who: str) -> None:
        """Start counting anew, once it is clear that the right person is there."""
        for limiter in self._limiters():
            try:
                limiter.clear(limit, self._name(who))
            except StorageError as error:
                self._pause(error)

    def _limiters(self) -> list[MovingWindowRateLimiter]:
        shared = self._shared if time.monotonic() >= self._silent_until else None
        return [self._own, shared] if shared else [self._own]

    def _refuses(self, limiter: MovingWindowRateLimiter, limit: RateLimitItem, name: str) -> bool:
        try:
            return not limiter.hit(limit, name)
        except StorageError as error:
            self._pause(error)
            return False

    def _wait(self, limiter: MovingWindowRateLimiter, limit: RateLimitItem, name: str) -> int:
        try:
            return max(1, round(limiter.get_window_stats(limit, name).reset_time - time.time()))
        except StorageError as error:
            self._pause(error)
            return limit.get_expiry()

    def _pause(self, error: StorageError) -> None:
        """Nobody waits for a queue that does not answer: one short try, then none for some seconds."""
        self._silent_until = time.monotonic() + PAUSE
        log.warning(
            "queue not reached, tries are counted by this process alone: %s", type(error.storage_error).__name__
        )

    def _name(self, who: str) -> str:
        """Whose tries these are, as a hash with our key: the queue holds no addresses."""
        return hmac.new(self._key, b"limit:" + same(who).encode(errors="replace"), hashlib.sha256).hexdigest()


def same(who: str) -> str:
    """One text for all that mean the same: an account however its address is written, an IPv6 network of 64 bits.

    Who has one IPv6 address has 2**64 of them."""
    try:
        if "@" in who:
            return accounts.normal_address(who)
        address = ip_address(who)
    except (InvalidError, ValueError):
        return who.strip().lower()
    if not isinstance(address, IPv6Address):
        return str(address)
    return str(address.ipv4_mapped or f"{address.packed[:8].hex()}/64")


def _shared(queue_url: str) -> MovingWindowRateLimiter | None:
    """Counters in the queue's server; None, and this process counts alone, where its URL is of no kind known here."""
    # Celery's words for a socket, in those of the client.
    url = queue_url.replace("redis+socket://", "redis+unix://", 1).replace("virtual_host=", "db=", 1)
    impatient = {"socket_timeout": PATIENCE, "socket_connect_timeout": PATIENCE, "retry": None}
    try:
        storage = storage_from_string(url, wrap_exceptions=True, **impatient)  # type: ignore[arg-type]
    except (ConfigurationError, ValueError) as error:
        log.warning("tries are counted by this process alone, not in the queue: %s", type(error).__name__)
        return None
    return MovingWindowRateLimiter(storage)
