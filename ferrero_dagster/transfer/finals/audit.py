"""A campaign's finals as the rows say against their folders in the DAM, both ways; nothing is changed."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from ferrero_dagster.domain import audit
from ferrero_dagster.domain.audit import Finding, Looked, strangers_in_dam
from ferrero_dagster.domain.errors import FerreroError, Incident, NotInDam
from ferrero_dagster.domain.files import DamAsset
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.tracking import audited
from ferrero_dagster.tracking.audited import FinalsInDam
from ferrero_dagster.tracking.finals import CountedFinal
from ferrero_dagster.transfer.finals.presence import LostFinal, compared, lost_by_id, lost_by_name
from ferrero_dagster.transfer.pace import Pace
from ferrero_dagster.transfer.systems import Systems

_KINDS = {"missing": audit.MISSING_IN_DAM, "changed": audit.CHANGED_IN_DAM}


@dataclass(frozen=True, kw_only=True, slots=True)
class FinalsAudit:
    """Looks at one campaign after the other."""

    systems: Systems
    pace: Pace
    log: Callable[[str], None]

    def look(self, campaign_id: DamId) -> Looked:
        """The pages of the folders that its finals went to, and one call for each batch of those that lie elsewhere.

        Raises:
            Incident: the DAM cannot be asked.
        """
        try:
            return self._look(campaign_id)
        except Incident:
            raise
        except FerreroError as error:
            self.log(f"The finals of campaign {campaign_id} could not be looked at in the DAM: {error}")
            return Looked(is_whole=False)

    def _look(self, campaign_id: DamId) -> Looked:
        finals = self.systems.database.transact(audited.finals_in_dam, campaign_id)
        listed = self._listed(finals)
        ids = {id_ for asset in listed for id_ in (asset.id, asset.original_id)}
        routes = self.systems.site.routes
        known = self.systems.database.transact(audited.known_in_dam, routes, campaign_id, listed=ids)
        if known is None:
            self.log(f"Finals of campaign {campaign_id} are being moved just now; the next audit looks at them.")
            return Looked(is_whole=False)
        lost = list(self._lost(known.finals, listed))
        for one in lost:
            if one.what == "unseen":
                self.log(f"{one.final.name}: {one.problem}")
        findings = [_finding(one, known.route, campaign_id) for one in lost if one.what != "unseen"]
        strangers = self._strangers(listed, known, campaign_id)
        return Looked(findings=(*findings, *strangers), is_whole=len(findings) == len(lost))

    def _listed(self, finals: Collection[CountedFinal]) -> list[DamAsset]:
        """What lies in the folders of finals; of one that is gone nothing."""
        listed: list[DamAsset] = []
        for folder_id in sorted({final.folder_id for final in finals if final.folder_id}):
            # A page, and the empty one that ends the listing.
            self.pace.take(2)
            try:
                assets = self.systems.dam.list_assets(folder_id)
            except NotInDam:
                continue
            self.pace.note(len(assets) // self.systems.site.dam.listing_page_size)
            listed += assets
        return listed

    def _lost(self, finals: Collection[CountedFinal], listed: Collection[DamAsset]) -> Iterator[LostFinal]:
        site = self.systems.site.dam
        by_id = {asset.id: asset for asset in listed}
        elsewhere: list[CountedFinal] = []
        for final in finals:
            asset = by_id.get(final.asset_id) if final.asset_id else None
            if asset is None or asset.size_bytes is None or (final.md5_hex and not asset.md5_hex):
                elsewhere.append(final)
            elif lost := compared(final, asset, verify_checksum=site.verify_checksum):
                yield lost
        batch = site.metadata_batch_size
        asked = [final for final in elsewhere if final.asset_id]
        for start in range(0, len(asked), batch):
            self.pace.take()
            yield from lost_by_id(
                self.systems.dam, asked[start : start + batch], batch=batch, verify_checksum=site.verify_checksum
            )
        names = {asset.name.casefold() for asset in listed}
        yield from lost_by_name([final for final in elsewhere if not final.asset_id], names)

    def _strangers(self, listed: list[DamAsset], known: FinalsInDam, campaign_id: DamId) -> Iterator[Finding]:
        names = [final.name for final in known.finals if not final.asset_id]
        tells_unknown = self.systems.site.audit.unknown_finals and not known.is_source
        for kind, asset, detail in strangers_in_dam(listed, known.known, names, tells_unknown=tells_unknown):
            yield Finding(
                kind=kind.name, about=f"asset {asset.id}", name=asset.name, detail=detail,
                route=known.route, campaign_id=campaign_id, thing="asset", thing_id=asset.id,
            )  # fmt: skip


def _finding(lost: LostFinal, route: str, campaign_id: DamId) -> Finding:
    final = lost.final
    return Finding(
        kind=_KINDS[lost.what].name,
        about=f"final {final.tracking_id} {final.name}",
        name=final.name,
        detail=lost.problem[0].upper() + lost.problem[1:],
        route=route,
        campaign_id=campaign_id,
        tracking_id=final.tracking_id,
        thing="asset" if final.asset_id else "campaign",
        thing_id=final.asset_id or campaign_id,
    )
