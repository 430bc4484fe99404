"""Mail addresses as people type them: the mail server gets the bare address, the name is for headers (RFC 5322)."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from email.errors import MessageDefect, NonASCIILocalPartDefect
from email.headerregistry import Address
from email.policy import default as modern_policy
from email.utils import quote
from typing import Any

import idna

_COMMAS_OUTSIDE_QUOTES = re.compile(r',(?=(?:[^"]*"[^"]*")*[^"]*$)')
_DOMAIN = re.compile(r"[A-Za-z0-9._-]+|\[[!-Z^-~]+\]")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_MAX_NAME_LENGTH = 200


@dataclass(frozen=True, slots=True)
class MailAddress:
    """`bare` is what the mail server gets; only before the @ may it hold other letters than ASCII (RFC 6531)."""

    bare: str
    name: str = ""

    def __str__(self) -> str:
        return f'"{quote(self.name)}" <{self.bare}>' if self.name else self.bare

    @property
    def domain(self) -> str:
        """What stands behind the @, in ASCII."""
        return self.bare.rpartition("@")[2]


def read_addresses(text: str) -> tuple[MailAddress, ...]:
    """The addresses in a comma-separated list; names, comments and groups as in a mail's header, each address once.

    Raises:
        ValueError: the list is empty, or something in it is no address; the sentence quotes it.
    """
    addresses, entries = _parsed(text), [entry.strip() for entry in _COMMAS_OUTSIDE_QUOTES.split(text)]
    if addresses is None or "" in entries:
        found = next((entry for entry in entries if not _parsed(entry)), text)
        raise ValueError(
            "expected mail addresses separated by commas, such as ann@agency.example or "
            f'"Müller, Zoë" <zoe@agency.example>, found {found!r}'
        )
    return once_each(addresses)


def once_each(addresses: Iterable[MailAddress]) -> tuple[MailAddress, ...]:
    """The addresses, but of those that differ in case only the last, in the first one's place."""
    return tuple({address.bare.casefold(): address for address in addresses}.values())


def _parsed(text: str) -> list[MailAddress] | None:
    """What the list holds; None where it holds anything else."""
    if _UNPRINTABLE.search(text):
        return None
    try:
        header: Any = modern_policy.header_factory("To", text)
    except Exception:  # noqa: BLE001  # Python's parser trips over some texts, such as `0@`, in ways of its own
        return None
    read = [_read(address) for address in header.addresses]
    addresses = [address for address in read if address]
    is_right = addresses and len(addresses) == len(read) and all(map(_is_harmless, header.defects))
    return addresses if is_right else None


def _is_harmless(defect: MessageDefect) -> bool:
    """`zoë@…` is for the mail server to judge; `J. Doe <…>` is what everybody writes."""
    return isinstance(defect, NonASCIILocalPartDefect) or "period in 'phrase'" in str(defect)


def _read(address: Address) -> MailAddress | None:
    local, _, domain = _visible(address.addr_spec).rpartition("@")
    try:
        wire_domain = domain if domain.isascii() else idna.encode(domain, uts46=True).decode()
    except UnicodeError:
        return None
    is_right = local and _DOMAIN.fullmatch(wire_domain) and len(address.display_name) <= _MAX_NAME_LENGTH
    return MailAddress(f"{local}@{wire_domain}", address.display_name) if is_right else None


def _visible(address: str) -> str:
    """An address without what comes along from where it was copied: a byte order mark, blanks that are none."""
    return "".join(char for char in address if char.isascii() or unicodedata.category(char) not in {"Cf", "Zs"})
