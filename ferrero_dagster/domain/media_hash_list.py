"""Lists of files with their hashes, to check copies with, as the tools of film production read them: ASC MHL 2.0."""

import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from ferrero_dagster.domain.lines import one_line

NAMESPACE = "urn:ASC:MHL:v2.0"


@dataclass(frozen=True, kw_only=True, slots=True)
class HashedFile:
    """A file where it was moved to; without a hash where the cron scripts moved it."""

    path: str
    size_bytes: int | None
    sha1_hex: str | None
    md5_hex: str | None
    moved_at: datetime
    tracking_id: str


def as_mhl(files: Iterable[HashedFile], *, made_at: datetime, host: str, version: str) -> bytes:
    """The files that have a hash, as one generation of an ASC MHL; paths are relative to the folder that holds them."""
    root = ET.Element("hashlist", version="2.0", xmlns=NAMESPACE)
    creator = ET.SubElement(root, "creatorinfo")
    ET.SubElement(creator, "creationdate").text = made_at.isoformat(timespec="seconds")
    ET.SubElement(creator, "hostname").text = host
    ET.SubElement(creator, "tool", version=version).text = "ferrero_dagster"
    ET.SubElement(ET.SubElement(root, "processinfo"), "process").text = "transfer"
    hashed = [file for file in files if file.sha1_hex]
    if hashed:
        hashes = ET.SubElement(root, "hashes")
        for file in hashed:
            _add(hashes, file)
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _add(hashes: ET.Element, file: HashedFile) -> None:
    entry = ET.SubElement(hashes, "hash")
    ET.SubElement(entry, "path", size=str(file.size_bytes or 0)).text = str(one_line(file.path))
    proven_at = file.moved_at.isoformat(timespec="seconds")
    for name, value in (("md5", file.md5_hex), ("sha1", file.sha1_hex)):
        if value:
            ET.SubElement(entry, name, action="original", hashdate=proven_at).text = value
