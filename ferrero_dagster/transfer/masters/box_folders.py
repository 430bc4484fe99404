"""The folder in Box that a campaign's masters go to."""

from ferrero_dagster.config.routes import MastersRoute
from ferrero_dagster.domain.box_names import campaign_folder_name
from ferrero_dagster.domain.files import Campaign
from ferrero_dagster.domain.ids import BoxId
from ferrero_dagster.transfer.systems import Systems


def made_box_folder(systems: Systems, route: MastersRoute, campaign: Campaign) -> BoxId:
    """The id of the folder under the campaign's present name, made if need be; idempotent.

    Raises:
        FerreroError: as `Box.ensure_folder`.
    """
    root_id = systems.box_folders[route.box_root]
    name = campaign_folder_name(route.box_folder, campaign.number, campaign.name)
    folder_id = systems.box.ensure_folder(root_id, name)
    if route.box_subfolder:
        folder_id = systems.box.ensure_folder(folder_id, route.box_subfolder, configured=False)
    return folder_id
