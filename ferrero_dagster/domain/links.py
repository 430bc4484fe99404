"""Where people look at things: addresses in the DAM, in Box and in Dagster."""

from dataclasses import dataclass

#: As `workspace.yaml` names it.
_CODE_LOCATION = "ferrero_dagster"


@dataclass(frozen=True, kw_only=True, slots=True)
class Links:
    """Makes addresses for mails and for Dagster's pages; the DAM's patterns hold `{url}` and `{id}`."""

    dam_url: str
    asset_pattern: str
    folder_pattern: str
    box_url: str
    dagster_url: str

    def asset(self, asset_id: str) -> str:
        """An asset in the DAM."""
        return self.asset_pattern.format(url=self.dam_url, id=asset_id)

    def folder(self, folder_id: str) -> str:
        """A folder, such as a campaign, in the DAM."""
        return self.folder_pattern.format(url=self.dam_url, id=folder_id)

    def box_file(self, file_id: str) -> str:
        """A file in Box."""
        return f"{self.box_url}/file/{file_id}"

    def box_folder(self, folder_id: str) -> str:
        """A folder in Box."""
        return f"{self.box_url}/folder/{folder_id}"

    def job(self, name: str) -> str:
        """The form of one of our jobs in Dagster."""
        return f"{self.dagster_url}/locations/{_CODE_LOCATION}/jobs/{name}/playground"

    def run(self, run_id: str) -> str:
        """A run in Dagster."""
        return f"{self.dagster_url}/runs/{run_id}"
