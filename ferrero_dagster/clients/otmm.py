"""The OTMM calls that we make (contract otmm.md 11), in and out as our own values."""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain, islice, product
from typing import Any

from requests import Response

from ferrero_dagster.clients import http
from ferrero_dagster.clients import otmm_answers as answers
from ferrero_dagster.clients.answers import Item
from ferrero_dagster.clients.downloads import Download
from ferrero_dagster.clients.kept_answers import KeptAnswers
from ferrero_dagster.clients.otmm_answers import SYSTEM
from ferrero_dagster.clients.otmm_locks import Lockable, OtmmLocks
from ferrero_dagster.clients.otmm_session import OtmmSession
from ferrero_dagster.config.site import DamSite
from ferrero_dagster.domain.errors import (
    ConfigurationError,
    FerreroError,
    Incident,
    IntegrityError,
    LockedInDam,
    NotInDam,
    OutOfTime,
    PermanentError,
    SpoiledItem,
    StatusChanged,
)
from ferrero_dagster.domain.files import Campaign, DamAsset
from ferrero_dagster.domain.ids import DamId
from ferrero_dagster.domain.otmm.metadata import FieldNode, field_values, in_plain_form

_FULL = {"load_metadata": True, "load_asset_content_info": True, "load_security_policies": True}
_CONTENT = {"load_metadata": False, "load_asset_content_info": True}

#: In first pauses of the limits: when an unanswered change is looked for.
_PAUSES_IN_DOUBT = (0, 2, 6)
_DOMAINS_KEPT_S = 3600

_Read = Callable[[], Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True, slots=True)
class UnreadHit:
    """A hit of a search that cannot be read, and why; `id` and `name` as far as it shows them."""

    id: DamId | None
    name: str
    error: FerreroError


class Otmm:
    """One OTMM as this project uses it; safe to share between threads."""

    def __init__(self, session: OtmmSession, site: DamSite, words: Iterable[str] = ()) -> None:
        """`words` are the statuses and types as routes name them, by their ids or by the texts that people see."""
        self._words = set(words)
        self._session = session
        self._site = site
        self._locks = OtmmLocks(session, site.lock_owner)

    # --- campaigns -----------------------------------------------------------------------------------------------

    def search_campaigns(
        self,
        *,
        status: str,
        campaign_type: str,
        on_unread: Callable[[UnreadHit], None] = lambda _: None,
        on_found: Callable[[Campaign], None] = lambda _: None,
    ) -> list[Campaign]:
        """Campaign folders with exactly this status and type, in the DAM's order (by name).

        The search itself matches by *contains* and its index lags, so what it finds is checked on the folder's own
        fields; read the folder again before you act on it. `on_unread` hears of each hit that cannot be read, and
        `on_found` of each campaign at once, also where the search does not come to its end.
        """
        found = self._exactly(status, campaign_type, (status, campaign_type), on_unread, on_found)
        if not found:
            written = product(self.written_as(status), self.written_as(campaign_type))
            others = [
                self._exactly(status, campaign_type, values, on_unread, on_found) for values in islice(written, 1, None)
            ]
            found = {id_: campaign for more in others for id_, campaign in more.items()}
        return list(found.values())

    def _exactly(
        self,
        status: str,
        campaign_type: str,
        values: tuple[str, str],
        on_unread: Callable[[UnreadHit], None],
        on_found: Callable[[Campaign], None],
    ) -> dict[DamId, Campaign]:
        """What a search for these values finds that has exactly the status and type, by id or by text."""
        fields = (self._site.status_field, self._site.type_field)
        found: dict[DamId, Campaign] = {}
        for one in self._found(list(zip(fields, values, strict=True)), on_unread, words={status, campaign_type}):
            if (one.status, one.type) == (status, campaign_type):
                found[one.id] = one
                on_found(one)
        return found

    def campaigns_of(self, campaign_type: str, *, limit: int) -> list[Campaign]:
        """So many campaign folders with exactly this type, whatever their status, which may be empty."""
        for value in self.written_as(campaign_type):
            found = self._found([(self._site.type_field, value)], words={campaign_type})
            if campaigns := list(islice((c for c in found if c.type == campaign_type), limit)):
                return campaigns
        return []

    def is_searchable(self, field_id: str) -> bool:
        """Whether the search knows such a field; of those that are not indexed it does not."""
        condition = json.dumps(_conditions([(field_id, "a")], self._site.search_operator))
        form = {**self._search_form(), "search_condition_list": condition, "after": "0", "limit": "1"}
        what = f"Searching by {field_id}"
        try:
            answers.search_page(self._session.call("POST", "/search/text", what, data=form), what)
        except PermanentError:
            return False
        return True

    def values_there(self, *, limit: int) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
        """Ids and texts of statuses, and those of types, of the folders among so many hits of a search for anything."""
        form = {**self._search_form(), "sort": "desc_ARTESIA.FIELD.DATE_IMPORTED"}
        hits = [hit for hit in islice(self._search(form, lambda _: None), limit) if answers.is_folder(hit)]
        fields = (self._site.status_field, self._site.type_field)
        statuses, types = ({answers.forms_or_none(hit, field) for hit in hits} - {("", "")} for field in fields)
        return statuses, types

    def _search_form(self) -> dict[str, Any]:
        form: dict[str, Any] = {
            "keyword_query": "*",
            "search_config_id": str(self._site.search_config_id),
            "load_type": "metadata",
            "level_of_detail": "slim",
            "sort": "asc_NAME",
        }
        if self._site.campaign_root_folder:
            form |= {"folder_filter": self._site.campaign_root_folder, "folder_filter_type": "all"}
        return form

    def _found(
        self,
        conditions: list[tuple[str, str]],
        on_unread: Callable[[UnreadHit], None] = lambda _: None,
        *,
        words: set[str],
    ) -> Iterator[Campaign]:
        searched = json.dumps(_conditions(conditions, self._site.search_operator))
        form = {**self._search_form(), "search_condition_list": searched}
        incidents = 0
        for hit in self._search(form, on_unread):
            try:
                if answers.is_folder(hit) and answers.is_alive(hit):
                    yield self._hit(hit, words)
            except NotInDam:
                continue  # gone since the index saw it
            except OutOfTime:
                raise
            except FerreroError as error:
                incidents += isinstance(error, Incident)
                if incidents > 1:  # not this folder alone
                    raise
                on_unread(UnreadHit(id=answers.id_of(hit), name=hit.label, error=error))

    def _hit(self, hit: Item, words: set[str]) -> Campaign:
        folder = hit if answers.has_metadata(hit) else self._folder(answers.id_of(hit))
        return answers.campaign(folder, self._site, self._words | words)

    def _search(self, form: dict[str, Any], on_unread: Callable[[UnreadHit], None]) -> Iterator[Item]:
        """The hits of all pages, each once; those without an id, which nobody could read, are told only."""
        what = "Searching for campaigns"
        seen: set[DamId] = set()
        after = 0
        while True:
            page = {**form, "after": str(after), "limit": str(self._site.search_page_size)}
            body = self._session.call("POST", "/search/text", what, data=page)
            hits, spoiled, total = answers.search_page(body, what)
            for error in spoiled:
                on_unread(UnreadHit(id=None, name="", error=error))
            new = [hit for hit in hits if _is_new(hit, seen, on_unread)]
            yield from new
            after += len(hits) + len(spoiled)
            if not new or (total is not None and after >= total):
                return

    def campaign(self, campaign_id: DamId) -> Campaign:
        """The campaign as its folder says now.

        Raises:
            NotInDam: there is no such folder, or it was deleted.
        """
        return answers.campaign(self._folder(campaign_id), self._site, self._words)

    def campaign_fields(self, campaign_id: DamId) -> dict[str, Any]:
        """The campaign's folder with all its metadata, as the DAM sent it; raises as `campaign`."""
        return dict(self._folder(campaign_id).fields)

    def _folder(self, folder_id: DamId) -> Item:
        what = f"Reading DAM folder {folder_id}"
        body = self._session.call("GET", f"/folders/{folder_id}", what, params=_load(_FULL))
        folder = answers.folder(body, what)
        if not answers.is_alive(folder):
            happened = "was deleted" if answers.is_deleted(folder) else "has expired"
            raise NotInDam(f"{what}: it {happened} in the DAM.", code="not found in the DAM")
        return folder

    def set_status(self, campaign_id: DamId, status: str, *, expected: str) -> bool:
        """Change the campaign's status from `expected`, sent once, and read it back (contract otmm.md 7).

        Nothing is changed where the status is already `status`. Where the answer is lost, what is read back decides.
        Returns whether it could be read back: with its new status the DAM may not show the campaign to us any more.

        Raises:
            StatusChanged: the folder has another status than `expected`; a person's choice wins.
            LockedInDam: a person is editing the folder.
            IntegrityError: the DAM accepted the change but does not show it.
            FerreroError: the change was not answered, and the DAM does not show it.
        """
        words, path = {status, expected}, f"/{self._site.lock_path}/{campaign_id}"
        with self._locked(path, "the campaign", lambda: self._folder(campaign_id).fields):
            folder = self._folder(campaign_id)
            found = answers.campaign(folder, self._site, words).status
            if found == status:
                return True
            if found != expected:
                raise StatusChanged(found)
            doubt = self._patch_status(campaign_id, status, self._domain_id(folder, status, expected))
        try:
            found = self._read_back(campaign_id, status, words, is_doubtful=doubt is not None)
        except NotInDam:
            return False
        if found == status:
            return True
        if doubt is None:
            shown = found or "none"
            raise IntegrityError(f"The DAM accepted status {status} but shows {shown}.", code="status not applied")
        raise doubt if found == expected else StatusChanged(found)

    def _read_back(self, campaign_id: DamId, status: str, words: set[str], *, is_doubtful: bool) -> str:
        found = ""
        for pauses in _PAUSES_IN_DOUBT if is_doubtful else (0,):
            time.sleep(pauses * self._session.limits.first_pause_s)
            found = answers.campaign(self._folder(campaign_id), self._site, words).status
            if found == status:
                break
        return found

    def _patch_status(self, campaign_id: DamId, status: str, value: str) -> FerreroError | None:
        """Send the change, once; the error that leaves open whether it was made."""
        plain = {"type": "string", "value": value}
        held = (
            {"type": "com.artesia.metadata.DomainValue", "field_value": plain} if self._site.domained_patch else plain
        )
        field = {
            "id": self._site.status_field, "type": "com.artesia.metadata.MetadataField", "value": {"value": held},
        }  # fmt: skip
        body = {"edited_folder": {"data": {"metadata": [field]}}}
        what = f"Setting status {status}"
        try:
            self._session.send("PATCH", f"/folders/{campaign_id}", what, json=body, params=self._lock_strategy).close()
        except (NotInDam, LockedInDam) as error:
            if isinstance(error, LockedInDam):
                raise
        except FerreroError as error:
            if error.retry:
                return error
            raise
        return None  # also saved and out of our sight, perhaps: what can be read back tells

    def _domain_id(self, folder: Item, status: str, expected: str) -> str:
        """What to write for a status: its id in the domain, where the status that is there was known by its text."""
        value_id, text = answers.forms(folder, self._site.status_field)
        if value_id == expected:
            return status
        # A value that somebody has just added to the pick list is in none that was looked up before.
        for kept_s in (_DOMAINS_KEPT_S, 0):
            own = [domain for domain in self._domains(kept_s) if domain.get(value_id) == text]
            if ids := [found for domain in own for found, shown in domain.items() if shown == status]:
                return ids[0]
        return status

    def _domains(self, kept_s: float = _DOMAINS_KEPT_S) -> list[dict[str, str]]:
        """The DAM's pick lists, texts by id, looked up so long ago at most; none where it does not tell them."""
        looked_up_at, known = self._session.learned.get("domains", (None, []))
        if looked_up_at is None or time.monotonic() - looked_up_at > kept_s:
            what = "Looking up the DAM's pick lists"
            try:
                known = answers.domains(http.json_of(SYSTEM, what, self._session.send("GET", "/lookupdomains", what)))
            except OutOfTime:
                raise
            except FerreroError as error:
                if error.retry:
                    return []
            self._session.learned["domains"] = (time.monotonic(), known)
        return list(known)

    def written_as(self, word: str) -> list[str]:
        """A status or type as routes name it, and the ids that have this text in one of the DAM's pick lists."""
        ids = [found for domain in self._domains() for found, text in domain.items() if text == word]
        return list(dict.fromkeys([word, *ids]))

    @property
    def _is_optimistic(self) -> bool:
        return self._site.status_change == "optimistic"

    @property
    def _lock_strategy(self) -> dict[str, str]:
        return {"lock_strategy": "optimistic"} if self._is_optimistic else {}

    @contextmanager
    def _locked(self, path: str, name: str, read: _Read) -> Iterator[None]:
        if self._is_optimistic:
            yield
            return
        with self._locks.held(Lockable(path=path, name=name, read=read)):
            yield

    # --- folders and assets --------------------------------------------------------------------------------------

    def child_folders(self, folder_id: DamId) -> list[tuple[DamId, str]]:
        """Id and name of the folders directly inside."""
        what = f"Listing the folders of DAM folder {folder_id}"
        params = {"load_type": "system", "limit": "0"}
        body = self._session.call("GET", f"/folders/{folder_id}/folders", what, params=params)
        found = answers.folders(body, what)
        return [(answers.id_of(folder), folder.text("name")) for folder in found if answers.is_alive(folder)]

    def list_assets(self, folder_id: DamId) -> list[DamAsset]:
        """The assets in the folder, expired ones too, and in folders inside it where the site says so; no metadata.

        Ordered by name within a folder. A failed read is an error, never an empty list.
        """
        assets: dict[DamId, DamAsset] = {}
        for item in self._children(folder_id):
            if not answers.is_folder(item):
                assets.setdefault(answers.id_of(item), answers.asset(item))
            elif self._site.include_subfolders and answers.is_alive(item):
                inner = self.list_assets(answers.id_of(item))
                assets |= {asset.id: asset for asset in inner if asset.id not in assets}
        return list(assets.values())

    def names_directly_in(self, folder_id: DamId) -> list[tuple[DamId, str]]:
        """Id and name of the assets directly in the folder, without those that have expired."""
        items = [item for item in self._children(folder_id) if not answers.is_folder(item) and answers.is_alive(item)]
        return [(answers.id_of(item), answers.name_of(item)) for item in items]

    def has_assets(self, folder_id: DamId) -> bool:
        """Whether `list_assets` would find any asset with content that has not expired.

        Raises:
            SpoiledItem: one of those that it looked at cannot be read.
        """
        for page in self._pages(folder_id):
            alive = [item for item in page if answers.is_alive(item)]
            assets = [answers.asset(item) for item in alive if not answers.is_folder(item)]
            if any(asset.size_bytes is not None for asset in assets):
                return True
            folders = filter(answers.is_folder, alive if self._site.include_subfolders else ())
            if any(self.has_assets(answers.id_of(folder)) for folder in folders):
                return True
        return False

    def _children(self, folder_id: DamId) -> Iterator[Item]:
        return chain.from_iterable(self._pages(folder_id))

    def _pages(self, folder_id: DamId) -> Iterator[list[Item]]:
        """What lies directly in the folder and was not deleted, each once."""
        what = f"Listing DAM folder {folder_id}"
        limit, after = self._site.listing_page_size, 0
        exclude = {"asset_filter_request_param": {"asset_filter_request": {"exclude_deleted_assets": True}}}
        seen: set[DamId] = set()
        while True:
            params = {
                "load_type": "system", "sort": "asc_NAME", "after": str(after), "limit": str(limit),
                "asset_filter_request": json.dumps(exclude),
            }  # fmt: skip
            body = self._session.call("GET", f"/folders/{folder_id}/children", what, params=params)
            items = answers.children(body, what)
            new = {id_: item for item in items if (id_ := answers.id_of(item)) not in seen}
            # There is no total, and a server may give fewer than we ask for: only a page without news is the last.
            if not new:
                return
            yield [item for item in new.values() if not answers.is_deleted(item)]
            seen.update(new)
            after += len(items)

    def load_assets(
        self, asset_ids: Iterable[DamId], *, on_unread: Callable[[DamId, FerreroError], None] | None = None
    ) -> list[DamAsset]:
        """These assets with their full metadata, in one request (at most 100; 200 KB each).

        With `on_unread` one that cannot be read does not keep the others out: they are asked for one by one.

        Raises:
            FerreroError: one cannot be read, and nobody is to hear of it; or two in a row as the DAM is out.
        """
        return self._load_each(list(asset_ids), on_unread, metadata=True)

    def contents_of(
        self, asset_ids: Iterable[DamId], *, on_unread: Callable[[DamId, FerreroError], None]
    ) -> list[DamAsset]:
        """Those of these assets that are in the DAM and not deleted, with size and checksum, without metadata.

        In one request (at most 100); else as `load_assets`.
        """
        unread: dict[DamId, FerreroError] = {}
        found = self._load_each(list(asset_ids), unread.__setitem__, metadata=False)
        for asset_id, error in unread.items():
            if not isinstance(error, NotInDam):
                on_unread(asset_id, error)
        return found

    def _load_each(
        self, ids: list[DamId], on_unread: Callable[[DamId, FerreroError], None] | None, *, metadata: bool
    ) -> list[DamAsset]:
        """All in one request; if that fails, each by itself. Where the DAM is out for two in a row, it is not they."""
        try:
            return self._load(ids, metadata=metadata)
        except FerreroError as error:
            if on_unread is None:
                raise
            if len(ids) == 1:
                on_unread(ids[0], error)
                return []
        found: list[DamAsset] = []
        was_out = False
        for id_ in ids:
            try:
                found += self._load([id_], metadata=metadata)
                was_out = False
            except FerreroError as error:
                is_out = isinstance(error, Incident)
                if is_out and was_out:
                    raise
                was_out = is_out
                on_unread(id_, error)
        return found

    def _load(self, asset_ids: list[DamId], *, metadata: bool) -> list[DamAsset]:
        context = {
            "selection_context_param": {
                "selection_context": {
                    "type": "com.artesia.asset.selection.AssetIdsSelectionContext",
                    "asset_ids": asset_ids,
                    "include_descendants": "NONE",
                    "child_type": "ASSETS",
                }
            }
        }
        what = f"Reading {'the metadata of ' if metadata else ''}assets"
        params = {**_load(_FULL if metadata else _CONTENT), "selection_context": json.dumps(context)}
        found = answers.assets(self._session.call("GET", "/assets", what, params=params), what)
        if metadata:
            return [answers.full_asset(item) for item in found]
        return [answers.asset(item) for item in found if not answers.is_deleted(item)]

    def existing_asset(self, asset_id: DamId) -> DamAsset | None:
        """The asset with its full metadata; None where it was deleted."""
        try:
            asset = next(iter(self.load_assets([asset_id])), None)
        except NotInDam:
            return None
        is_there = asset and not answers.is_deleted(Item(SYSTEM, "Looking for an asset", asset.raw or {}))
        return asset if is_there else None

    def set_fields(self, asset: DamAsset, fields: Sequence[FieldNode]) -> DamAsset:
        """Write these metadata fields of an asset under the DAM's lock; it may show others then (contract otmm.md 7.2).

        They are sent again only while the asset shows them as in `asset`: after a lost answer they may be ours already,
        or a person's.

        Raises:
            LockedInDam: a person is editing the asset.
            PermanentError: the DAM refuses one of the fields.
        """
        sent = [field if self._site.domained_patch else in_plain_form(field) for field in fields]
        what, body = f"Correcting the metadata of {asset.name}", {"edited_asset": {"data": {"metadata": sent}}}
        ids = {field["id"] for field in fields}

        def is_done() -> bool:
            now = self._shown(asset.id)
            return any(field_values(asset.raw, id_) != field_values(now.raw, id_) for id_ in ids)

        with self._locked(f"/assets/{asset.id}", asset.name, lambda: self._shown(asset.id).raw or {}):
            self._session.tell_unless(
                is_done, "PATCH", f"/assets/{asset.id}", what, json=body, params=self._lock_strategy
            )
        return self._shown(asset.id)

    def unlock_ours(self, asset: DamAsset) -> None:
        """Take back a lock that the asset shows as ours, left by a run that died or could not unlock it."""
        item = Lockable(path=f"/assets/{asset.id}", name=asset.name, read=lambda: asset.raw or {})
        if not self._is_optimistic and self._locks.holds(item):
            self._locks.give_back(replace(item, read=lambda: self._shown(asset.id).raw or {}))

    def _shown(self, asset_id: DamId) -> DamAsset:
        for asset in self.load_assets([asset_id]):
            return asset
        raise NotInDam(f"The DAM does not show the asset {asset_id} any more.", code="not found in the DAM")

    def content(self, asset: DamAsset, on_bytes: Callable[[int], None] = lambda _: None) -> Download:
        """The asset's content, which is proven by the DAM's size and, where it gives one, checksum."""
        what, path = f"Downloading {asset.name}", f"/assets/{asset.id}/contents"

        def ask(headers: Mapping[str, str]) -> Response:
            return self._session.open(path, what, headers=headers, params={"disposition": "attachment"})

        has_md5 = bool(asset.md5_hex) and self._site.verify_checksum
        return Download(
            system=SYSTEM,
            what=what,
            open=ask,
            size_bytes=asset.size_bytes,
            has_checksum=(lambda digest: digest.md5_hex == asset.md5_hex) if has_md5 else None,
            limits=self._session.limits,
            on_bytes=on_bytes,
        )

    @property
    def tempo(self) -> http.Tempo:
        """How quickly the DAM answered so far."""
        return self._session.tempo

    def kept(self, name: str) -> KeptAnswers:
        """As `OtmmSession.kept`."""
        return self._session.kept(name)

    @property
    def clock_skew_s(self) -> float | None:
        """How far the DAM's clock is ahead of ours, by its last answer; None where that did not say."""
        return self._session.clock_skew_s

    def check(self) -> None:
        """Log in and ask for the root folders.

        Raises:
            FerreroError: the DAM cannot be used.
        """
        answer = self._session.call("GET", "/folders/rootfolders", "Reading the DAM's root folders")
        if "folders_resource" not in answer:
            raise ConfigurationError(
                f"{self._session.url} answers, but not as OTMM does: correct FERRERO_DAM_URL or FERRERO_DAM_API_PATH.",
                system=SYSTEM,
            )


def _conditions(wanted: list[tuple[str, str]], operator: str) -> dict[str, Any]:
    conditions = [
        {
            "type": "com.artesia.search.SearchScalarCondition", "metadata_field_id": field_id,
            "relational_operator_id": operator, "value": value, "left_paren": "(", "right_paren": ")",
        }
        for field_id, value in wanted
    ]  # fmt: skip
    for condition in conditions[1:]:
        condition["relational_operator"] = "and"
    return {"search_condition_list": {"search_condition": conditions}}


def _is_new(hit: Item, seen: set[DamId], on_unread: Callable[[UnreadHit], None]) -> bool:
    try:
        hit_id = answers.id_of(hit)
    except SpoiledItem as error:
        on_unread(UnreadHit(id=None, name=hit.label, error=error))
        return False
    is_new = hit_id not in seen
    seen.add(hit_id)
    return is_new


def _load(what_to_load: dict[str, bool]) -> dict[str, str]:
    request = json.dumps({"data_load_request": what_to_load})
    return {"load_type": "custom", "level_of_detail": "slim", "data_load_request": request}
