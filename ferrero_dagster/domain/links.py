"""Where people look at things: addresses in the DAM, in Box and in Dagster, made where something is shown."""

from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

#: As `workspace.yaml` names it.
_CODE_LOCATION = "ferrero_dagster"

#: What a person may have to look at.
Thing = Literal["campaign", "asset", "box_file", "message", "system"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Links:
    """Makes addresses of ids; the DAM's patterns hold `{url}` and `{id}`. What has no id has no address.

    Ids are from outside: they are quoted, so that whatever they hold stays one part of the address.
    """

    dam_url: str
    asset_pattern: str
    folder_pattern: str
    box_url: str
    dagster_url: str

    def asset(self, asset_id: str | None) -> str | None:
        """An asset in the DAM."""
        return self.asset_pattern.format(url=self.dam_url, id=_quoted(asset_id)) if asset_id else None

    def folder(self, folder_id: str | None) -> str | None:
        """A folder, such as a campaign, in the DAM."""
        return self.folder_pattern.format(url=self.dam_url, id=_quoted(folder_id)) if folder_id else None

    def box_file(self, file_id: str | None) -> str | None:
        """A file in Box."""
        return f"{self.box_url}/file/{_quoted(file_id)}" if file_id else None

    def box_folder(self, folder_id: str | None) -> str | None:
        """A folder in Box."""
        return f"{self.box_url}/folder/{_quoted(folder_id)}" if folder_id else None

    def job(self, name: str | None) -> str | None:
        """The form of one of our jobs in Dagster."""
        return f"{self.dagster_url}/locations/{_CODE_LOCATION}/jobs/{_quoted(name)}/playground" if name else None

    def run(self, run_id: str | None) -> str | None:
        """A run in Dagster."""
        return f"{self.dagster_url}/runs/{_quoted(run_id)}" if run_id else None

    def thing(self, thing: Thing, thing_id: str) -> str | None:
        """The page of a thing: of a system that of Dagster, of a message none."""
        if thing == "system":
            return self.dagster_url
        pages = {"campaign": self.folder, "asset": self.asset, "box_file": self.box_file}
        return pages[thing](thing_id) if thing in pages else None


def _quoted(part: str) -> str:
    return quote(part, safe="", errors="replace")
