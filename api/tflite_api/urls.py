"""Addresses that somebody else wrote: what urllib makes an exception of, which may quote a password, is None here."""

from urllib.parse import SplitResult, urljoin, urlsplit


def split(url: str) -> SplitResult | None:
    """Return the parts of an address, whose port is a number or absent; None where it is none."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


def join(base: str, reference: str) -> str | None:
    """Return the address that a reference in a document or an answer means; None where it is none."""
    try:
        joined = urljoin(base, reference)
    except ValueError:
        return None
    return joined if split(joined) is not None else None
