"""Quotes what reviewers wrote about a campaign and its files, where its route names the fields (SPEC 12)."""

from collections.abc import Iterator, Sequence
from itertools import islice

from ferrero_dagster.config.routes import MastersRoute
from ferrero_dagster.domain.errors import FerreroError, Incident
from ferrero_dagster.domain.files import DamAsset
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.domain.otmm.comments import comment_in, has_field
from ferrero_dagster.messages.facts import AssetComments, Comment, Comments, MovedFile
from ferrero_dagster.transfer.systems import Systems

#: No mail server takes more; what is cut can be read in the DAM.
_MAX_TEXT_LENGTH = 100_000
_MAX_ALL_LENGTH = 1_000_000
_CUT = "… (cut here: read the rest in the DAM)"


def read_comments(
    systems: Systems, route: MastersRoute, campaign_id: DamId, files: Sequence[MovedFile]
) -> Comments | None:
    """What the route's fields say now of the campaign and of these files; None where the route names none.

    Must be read before the status is set: the DAM may not show us the campaign after that. What cannot be read of one
    campaign holds nothing up, and is told.

    Raises:
        Incident: the DAM cannot be used.
    """
    if not route.comment_fields:
        return None
    try:
        ordered = sorted(files, key=lambda file: (file.name, file.tracking_id))
        raw = {asset.id: asset.raw for asset in _assets(systems, ordered)}
        campaign = systems.dam.campaign_fields(campaign_id)
    except Incident:
        raise
    except FerreroError as error:
        return Comments(fields=route.comment_fields, unread=str(error))
    shown = [campaign, *raw.values()]
    room = _Room()
    return Comments(
        fields=route.comment_fields,
        campaign=room.comments(campaign, route.comment_fields),
        assets=tuple(
            AssetComments(name=file.name, dam_asset_id=file.dam_asset_id, comments=comments)
            for file in ordered
            if (comments := room.comments(raw.get(DamId(file.dam_asset_id or "")), route.comment_fields))
        ),
        unknown=tuple(id_ for id_ in route.comment_fields if not any(has_field(tree, id_) for tree in shown)),
    )


class _Room:
    """Cuts texts that would make a mail too large for any server."""

    def __init__(self) -> None:
        self._left = _MAX_ALL_LENGTH

    def comments(self, tree: object, field_ids: Sequence[str]) -> tuple[Comment, ...]:
        """What the fields say, those that say nothing left out."""
        found = ((id_, comment_in(tree, id_)) for id_ in field_ids)
        return tuple(Comment(field=id_, text=self._fitted(text)) for id_, text in found if text)

    def _fitted(self, text: str) -> str:
        length = min(_MAX_TEXT_LENGTH, self._left)
        self._left -= min(length, len(text))
        return text if len(text) <= length else text[:length] + _CUT


def _assets(systems: Systems, files: Sequence[MovedFile]) -> Iterator[DamAsset]:
    ids = (DamId(file.dam_asset_id) for file in files if file.dam_asset_id)
    while batch := list(islice(ids, systems.site.dam.metadata_batch_size)):
        yield from systems.dam.load_assets(batch)
