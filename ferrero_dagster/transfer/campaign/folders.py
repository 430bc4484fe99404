"""The folders of a campaign in the DAM, found by their names (SPEC 3)."""

from dataclasses import dataclass

from ferrero_dagster.clients.otmm import Otmm
from ferrero_dagster.config.routes import MastersRoute
from ferrero_dagster.domain.box_names import same_folder_name
from ferrero_dagster.domain.errors import CampaignError
from ferrero_dagster.domain.ids import DamId

#: Of the folders that are there, so many are named.
_MAX_NAMES, _MAX_NAME_LENGTH = 5, 60


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
        raise CampaignError(_not_found(route, children), code="source folder not found")
    if len(source) > 1:
        raise CampaignError(
            f"{len(source)} folders are named {route.source_folder}; keep one.", code="source folder ambiguous"
        )
    return CampaignFolders(source=source[0], finals=finals[0] if finals else campaign_id)


def _not_found(route: MastersRoute, children: list[tuple[DamId, str]]) -> str:
    """The route's sentence, with the folders that are there."""
    if not children:
        return route.folder_error
    names = [f"“{name[:_MAX_NAME_LENGTH]}”" for _, name in children]
    more = f" and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else ""
    return f"{route.folder_error}; folders there: {', '.join(names[:_MAX_NAMES])}{more}"


def folders_named(children: list[tuple[DamId, str]], wanted: str) -> list[DamId]:
    """The ids of the folders that are called so, of ids and names."""
    return [folder_id for folder_id, name in children if same_folder_name(name, wanted)]
