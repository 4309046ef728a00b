"""What a single field of a profile may hold; every check raises ValueError with what was expected."""

import re
from urllib.parse import urlsplit

from email_validator import EmailNotValidError, EmailSyntaxError, validate_email

UNWANTED = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
HOST = re.compile(r"(?:[\w-]+\.)+[^\W\d_]{2,}$")
PHONE = re.compile(r"[+\d(][\d ()/.+–-]{4,36}(?: ?(?:ext\.?|x|-) ?\d{1,5})?$")
READINESS = re.compile(r"(?:level |stufe )?([1-5])(?:[.,]0+)?(?: ?/ ?5)?", re.IGNORECASE)


def checked_text(text: str) -> str:
    """`text` without carriage returns; control characters and halves of characters are refused."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if UNWANTED.search(text):
        raise ValueError("text without control characters")
    return text


def checked_email(text: str) -> str:
    """An address in its usual spelling, or nothing. Whether its server exists is not asked."""
    text = text.strip().removeprefix("mailto:")
    if not text:
        return ""
    try:
        address = ascii_address(text)
    except EmailNotValidError as error:
        if not text.rpartition("@")[0].isascii():
            raise ValueError(
                "an e-mail address without ä, é, ř and the like before the @: mail cannot reach it"
            ) from error
        raise ValueError("one e-mail address such as name@firm.eu") from error
    if len(address) > 254:
        raise ValueError("an e-mail address of at most 254 characters")
    return address


def ascii_address(text: str) -> str:
    """The address as every mail server takes it, a domain such as müller.de in its ASCII (IDNA) form.

    EmailNotValidError where it is none, or where the part before the @ is not ASCII: few servers take that."""
    cut = text[:1_000]  # still far too long to be one, but quickly looked through
    checked = validate_email(cut, check_deliverability=False, allow_smtputf8=False)
    if "=?" in checked.normalized:
        raise EmailSyntaxError("It looks like an encoded word, and no mail can be written to it.")
    return checked.ascii_email or checked.normalized


def checked_website(text: str) -> str:
    """An http(s) address, or nothing; 'www.firm.eu' is understood."""
    text = text.strip()
    if not text:
        return ""
    address = text if re.match(r"[a-z][a-z0-9+.-]*:", text, re.IGNORECASE) else f"https://{text}"
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host, parts = "", urlsplit("")
    clean = not re.search(r"[\s<>\"'\\^`{|}]", address) and not UNWANTED.search(address)
    if parts.scheme.lower() not in {"http", "https"} or not HOST.match(host) or parts.username is not None or not clean:
        raise ValueError("a web address such as https://firm.eu")
    return address


def web_address(text: str) -> str | None:
    """The address if it is one a link may lead to (http or https); anything else is only text."""
    address = text.strip()
    if address and "://" not in address and ":" not in address.split("/")[0]:
        address = f"https://{address}"
    return address if address.lower().startswith(("http://", "https://")) else None


def checked_phone(text: str) -> str:
    """A telephone number as people write it, or nothing."""
    text = " ".join(text.split())
    if text and not PHONE.match(text):
        raise ValueError("a telephone number such as +49 30 123456")
    return text


def checked_readiness(text: str) -> int | None:
    """The whole number in '3', '3.0', '3/5' or 'Level 3'; nothing for nothing."""
    match = READINESS.fullmatch(text.strip())
    if text.strip() and match is None:
        raise ValueError("a whole number from 1 (curious) to 5 (already exporting)")
    return int(match[1]) if match else None
