"""Which files are finished media, by the ending of their names (`naming.extensions`)."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property

from ferrero_dagster.domain.name_slips import slips, tidied, without_copy_marks


@dataclass(frozen=True, kw_only=True)
class Extensions:
    """Endings without dot, in small letters; a name may have them in any."""

    #: By kind of file, such as `film`.
    kinds: Mapping[str, tuple[str, ...]]
    #: Kinds by asset type, where a type takes only some.
    kinds_of_types: Mapping[str, tuple[str, ...]]
    #: Of files that a program is still writing.
    unfinished: tuple[str, ...]

    @cached_property
    def all(self) -> frozenset[str]:
        """Every ending that some asset type takes."""
        return frozenset(extension for extensions in self.kinds.values() for extension in extensions)

    def takes(self, extension: str, asset_type: str) -> bool:
        """Whether finals of this type may have this ending."""
        return extension.lower() in self._of(asset_type)

    def is_unfinished(self, name: str) -> bool:
        """Whether a program is still writing the file, by its name."""
        return "." in name and name.rpartition(".")[2].strip().lower() in self.unfinished

    def expected(self, asset_type: str) -> str:
        """What is legal for this type, in words."""
        kinds = self.kinds_of_types.get(asset_type, tuple(self.kinds))
        endings = f" ({', '.join(sorted(self._of(asset_type)))})" if asset_type in self.kinds_of_types else ""
        named = f"{', '.join(kinds[:-1])} or {kinds[-1]}" if len(kinds) > 1 else "".join(kinds)
        return f"that of a finished {named} file{endings}, as naming.extensions lists them"

    def nearest(self, found: str, asset_type: str) -> str | None:
        """The ending that was probably meant."""
        plain = _plain(found)
        if self.takes(plain, asset_type):
            return plain
        near = get_close_matches(plain.lower(), self._of(asset_type), n=2, cutoff=0.7)
        return near[0] if len(near) == 1 else None

    def certain(self, found: str, asset_type: str) -> str | None:
        """The ending that was meant beyond doubt."""
        plain = _plain(found)
        if self.takes(plain, asset_type):
            return plain
        known = self._of(asset_type) | {extension.upper() for extension in self._of(asset_type)}
        near = {*slips(plain)} & known
        return near.pop() if len(near) == 1 else None

    def _of(self, asset_type: str) -> frozenset[str]:
        kinds = self.kinds_of_types.get(asset_type)
        return self.all if kinds is None else frozenset(e for kind in kinds for e in self.kinds[kind])


def _plain(found: str) -> str:
    """`mp4 (1)` and `mp4.mp4` mean `mp4`."""
    parts = [without_copy_marks(tidied(part).strip())[0].strip() for part in found.split(".")]
    return parts[-1] if len({part.lower() for part in parts}) == 1 else found
