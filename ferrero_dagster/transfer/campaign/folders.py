"""The folders of a campaign in the DAM, found by their names (SPEC 3)."""

from dataclasses import dataclass

from ferrero_dagster.clients.otmm import Otmm
from ferrero_dagster.config.routes import MastersRoute
from ferrero_dagster.domain.box_names import same_folder_name
from ferrero_dagster.domain.errors import CampaignError
from ferrero_dagster.domain.ids import DamId


@dataclass(frozen=True, kw_only=True, slots=True)
class CampaignFolders:
    """Ids of the folder that masters are taken from and of the one that their finals go to."""

    source: DamId
    finals: DamId


def find_folders(dam: Otmm, route: MastersRoute, campaign_id: DamId) -> CampaignFolders:
    """The campaign's folders; finals go to the campaign folder itself where it has no folder for them yet.

    Raises:
        CampaignError: there is no source folder, or there are several.
    """
    children = dam.child_folders(campaign_id)
    source, finals = (folders_named(children, name) for name in (route.source_folder, route.upload_folder))
    if not source:
        raise CampaignError(route.folder_error, code="source folder not found")
    if len(source) > 1:
        raise CampaignError(
            f"{len(source)} folders are named {route.source_folder}; keep one.", code="source folder ambiguous"
        )
    return CampaignFolders(source=source[0], finals=finals[0] if finals else campaign_id)


def folders_named(children: list[tuple[DamId, str]], wanted: str) -> list[DamId]:
    """The ids of the folders that are called so, of ids and names."""
    return [folder_id for folder_id, name in children if same_folder_name(name, wanted)]
