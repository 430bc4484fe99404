"""Whether the DAM has the fields that a route's mail quotes (SPEC 12, `comment_fields`)."""

from collections.abc import Iterator
from itertools import islice

from ferrero_dagster.clients.otmm import Otmm
from ferrero_dagster.config.routes import MastersRoute
from ferrero_dagster.domain.errors import ConfigurationError, FerreroError, Incident
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.domain.otmm.comments import has_field

#: What is looked into for a field that the search does not know: its index need not have all of them.
_MAX_CAMPAIGNS, _MAX_ASSETS = 3, 20


def comment_fields(dam: Otmm, route: MastersRoute) -> str:
    """That the search knows the route's fields, or a campaign or asset has them.

    Raises:
        ConfigurationError: with those that neither has; a campaign is needed to say so.
    """
    unsearched = [field_id for field_id in route.comment_fields if not dam.is_searchable(field_id)]
    campaigns = dam.campaigns_of(route.campaign_type, limit=_MAX_CAMPAIGNS) if unsearched else []
    trees = [tree for campaign in campaigns for tree in _trees(dam, campaign.id)]
    unknown = ", ".join(id_ for id_ in unsearched if not any(has_field(tree, id_) for tree in trees))
    if unknown and trees:
        raise ConfigurationError(
            f"The DAM's search does not know {unknown}, nor has any campaign of type {route.campaign_type} that was "
            f"looked at, or an asset of it, such a field: correct routes.{route.name}.comment_fields, or the mail "
            "quotes nothing."
        )
    if unknown:
        return f"the DAM's search does not know {unknown}, and there is no campaign of this type to look at"
    return f"the DAM knows {', '.join(route.comment_fields)}"


def _trees(dam: Otmm, campaign_id: DamId) -> Iterator[object]:
    """The metadata of a campaign and of some of its assets, as far as they can be read."""
    try:
        yield dam.campaign_fields(campaign_id)
        folders = dam.child_folders(campaign_id)
        ids = [asset_id for folder_id, _ in folders for asset_id, _ in dam.names_directly_in(folder_id)]
        yield from (asset.raw for asset in dam.load_assets(islice(ids, _MAX_ASSETS), on_unread=lambda *_: None))
    except Incident:
        raise
    except FerreroError:
        return  # this campaign's trouble, which its run will tell
