"""Brings CreativeX scores into the DAM that came after their final (SPEC 12): once, and over nobody's own value."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from ferrero_dagster.clients.otmm import Otmm
from ferrero_dagster.config.site import Site
from ferrero_dagster.domain.creativex import CreativeX, creativex_in
from ferrero_dagster.domain.errors import FerreroError, Incident, PermanentError
from ferrero_dagster.domain.filenames import AgencyName, parse_name
from ferrero_dagster.domain.files import DamAsset
from ferrero_dagster.domain.otmm.field_rows import FinalInputs
from ferrero_dagster.domain.otmm.metadata import FieldNode, differing_fields, field_values, fields
from ferrero_dagster.domain.otmm.representation import build_representation
from ferrero_dagster.messages import facts
from ferrero_dagster.tracking import campaigns, final_scores, masters, outbox
from ferrero_dagster.tracking.database import Cursor, Database
from ferrero_dagster.tracking.final_scores import LateScore

#: A final that somebody keeps locked is tried at so many looks.
_MAX_ATTEMPTS = 24


@dataclass(frozen=True, slots=True)
class LateScores:
    """Where late scores come from and go to."""

    dam: Otmm
    database: Database
    site: Site

    def bring(self, late: list[LateScore]) -> Iterator[str]:
        """Bring these, and yield a line for each; those that the DAM does not take now are tried again another time.

        Raises:
            Incident: the DAM or the database cannot be used; what was done until then is written down.
        """
        for one in late:
            try:
                line = self._bring(one)
            except Incident:
                raise
            except FerreroError as error:
                line = self._failed(one, error)
            yield f"{one.clean_name}: {line}"

    def _bring(self, late: LateScore) -> str:
        asset = self.dam.existing_asset(late.asset_id)
        if asset is None:
            return self._left(late, "The final is not in the DAM any more.")
        creativex = _read(late)
        if creativex.score is None and creativex.url is None:
            return self._left(
                late, " ".join(f"{note}." for note in creativex.notes) or "It has neither score nor link."
            )
        wanted = self._wanted(late, creativex)
        own, others = self._ours(late, wanted, asset)
        if others and not own:
            named = ", ".join(node["id"] for node in others)
            return self._left(late, f"The DAM does not show {named} as we sent it: what was set there since stays.")
        if own:
            asset = self.dam.set_fields(asset, own)
        unkept = [node for node in differing_fields(wanted, asset.raw) if node in own]
        return self._brought(late, creativex, own, unkept=unkept)

    def _wanted(self, late: LateScore, creativex: CreativeX) -> list[FieldNode]:
        """The fields of CreativeX as the final would be sent with them now."""
        name = parse_name(late.source_name, self.site.naming.rules)
        master = self.database.transact(masters.master, late.tracking_id)
        if not isinstance(name, AgencyName) or master is None:
            reason = "its name is none any more" if master else "its master is not active any more"
            raise PermanentError(f"The final's fields cannot be made: {reason}.", code="late score")
        inputs = FinalInputs(
            name=name,
            master_metadata=master.full_metadata(),
            master_dam_id=master.dam_id,
            today=datetime.now(self.site.zone).date(),
            creativex_scores=self.site.creativex.score_rows(creativex.shown_score),
            creativex_link=creativex.url,
        )
        rules = self.site.representation_rules
        body = build_representation(inputs, rules).body
        return [node for node in fields(body) if node["id"] in rules.creativex_field_ids]

    def _ours(
        self, late: LateScore, wanted: list[FieldNode], asset: DamAsset
    ) -> tuple[list[FieldNode], list[FieldNode]]:
        """Of the fields to be changed those that the DAM shows as we left them, and those that somebody else set."""
        sent = {node["id"] for node in late.sent if field_values(late.sent, node["id"])}
        set_since = {node["id"] for node in differing_fields(late.sent, asset.raw)}
        own: list[FieldNode] = []
        others: list[FieldNode] = []
        for node in differing_fields(wanted, asset.raw):
            is_ours = node["id"] not in set_since if node["id"] in sent else not field_values(asset.raw, node["id"])
            (own if is_ours else others).append(node)
        return own, others

    def _brought(self, late: LateScore, creativex: CreativeX, own: list[FieldNode], unkept: list[FieldNode]) -> str:
        changed = tuple(node["id"] for node in own if node not in unkept)
        remark = f"The DAM does not keep {', '.join(n['id'] for n in unkept)} as sent." if unkept else None
        now = [node for node in late.sent if node["id"] not in {other["id"] for other in own}] + own

        def work(cursor: Cursor) -> None:
            score = creativex.shown_score
            final_scores.bring(cursor, late, score=score, url=creativex.url, fields=now)
            if own:
                self._tell(cursor, late, changed_fields=changed, remark=remark)

        self.database.transact(work)
        return remark or f"score {creativex.shown_score or 'unchanged'} is in the DAM"

    def _left(self, late: LateScore, remark: str) -> str:
        def work(cursor: Cursor) -> None:
            final_scores.leave(cursor, late)
            self._tell(cursor, late, remark=remark)

        self.database.transact(work)
        return remark

    def _failed(self, late: LateScore, error: FerreroError) -> str:
        if not error.retry or late.attempts + 1 >= _MAX_ATTEMPTS:
            return self._left(late, str(error))
        self.database.transact(final_scores.count_late_attempt, late)
        return f"{error} It is tried again in an hour."

    def _tell(
        self,
        cursor: Cursor,
        late: LateScore,
        *,
        changed_fields: tuple[str, ...] = (),
        remark: str | None = None,
    ) -> None:
        [campaign] = campaigns.known(cursor, [late.campaign_id])
        creativex = _read(late)
        fact = facts.LateScore(
            campaign=facts.CampaignRef.model_validate(campaign),
            clean_name=late.clean_name,
            tracking_id=late.tracking_id,
            dam_asset_id=late.asset_id,
            creativex_score=creativex.shown_score,
            creativex_url=creativex.url,
            changed_fields=changed_fields,
            remark=remark,
        )
        key = f"mail:{fact.template}:{late.transfer_id}:{late.fingerprint}"
        outbox.add(cursor, fact, key, campaign_id=late.campaign_id)


def _read(late: LateScore) -> CreativeX:
    return creativex_in({"The score": late.score}, {"The link": late.url})
