"""Samples of every mail, realistic and extreme: to look at (`ferrero-dagster preview-mails`) and for the tests."""

import base64
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone
from html import escape
from pathlib import Path
from zoneinfo import ZoneInfo

from ferrero_dagster.config.routes import FinalsRoute, MastersRoute
from ferrero_dagster.config.site import load_site
from ferrero_dagster.domain.filenames import parse_name
from ferrero_dagster.domain.ids import BoxId, DamId, TrackingId
from ferrero_dagster.domain.links import Links
from ferrero_dagster.domain.mail_addresses import MailAddress
from ferrero_dagster.domain.triage import KnownMaster, KnownMasters, ListedFile, judge
from ferrero_dagster.messages.facts import (
    AssetComments,
    CampaignComplete,
    CampaignPartial,
    CampaignRef,
    Comment,
    Comments,
    DailyReport,
    Fact,
    FailedFile,
    FileUploaded,
    FinalsComplete,
    LateScore,
    MasterFinals,
    MovedFile,
    NoAssetsRetry,
    NoAssetsWarning,
    PermanentlyFailed,
    StuckCampaign,
    StuckDigest,
    UploadFailed,
    WorkflowError,
)
from ferrero_dagster.messages.rendering import MailContext, RenderedMail, build_email, render
from ferrero_dagster.sandbox.gallery.reports import report_of, report_samples
from ferrero_dagster.tracking import campaigns
from ferrero_dagster.transfer.finals.completion import OPERATION, advance_command
from ferrero_dagster.transfer.finals.mails import refusal

SITE = load_site()
LINKS = Links(
    dam_url="https://dam.example.com",
    asset_pattern=SITE.dam.asset_link,
    folder_pattern=SITE.dam.folder_link,
    box_url="https://app.box.com",
    dagster_url="https://dagster.example.com",
)
CONTEXT = MailContext(time_zone=ZoneInfo("Europe/Rome"), links=LINKS)
NOON = datetime(2026, 4, 28, 10, 3, tzinfo=timezone.utc)
RUN_ID = "0b5c9d6e-6c2f-4a53-9a6e-3f0a5f1c2d77"
_BOX_FOLDER, _BOX_FILE = "348304357505", "2035459900168"
_ASSET = "0008a50f4c3b2a19087f6e5d4c3b2a19087f6e5d"

FILE_NAMES = tuple(
    f"{number:02}_{film}_MAESTRO_SD.mp4" for number in range(1, 5) for film in ("RAFFAELLO", "NUTELLA", "KINDER")
)

#: Names that a layout, a header or a parser may stumble over; 255 characters is the longest that Box takes.
EXTREME_NAMES = {
    "long": "RAFFAELLO_" + "x" * 241 + ".mp4",
    "emoji": "Ostern 🐣👩‍👩‍👧‍👦 Überraschung ✨",
    "right_to_left": "حملة نوتيلا الربيعية \u202egpj.exe",
    "injection": "<script>alert('x')</script>\"><img src=x onerror=alert(1)> {{ 7*7 }}\r\nBcc: a@example.com",
    "quotes": "\"'&<>" * 51,
}


def gallery() -> dict[str, Fact]:
    """Every template once with realistic data (named as the template) and once with each kind of extreme data."""
    samples = {fact.template: fact for fact in _facts("Local adaptation test 2", FILE_NAMES)}
    for masters_route in SITE.routes.masters:
        samples |= _commented(masters_route)
    for route in SITE.routes.finals:
        uploaded, aside = _uploaded(route, _campaign("Test"), ["A note."]), _set_aside(route, FILE_NAMES[0])
        hostile = {"creativex_url": "javascript:alert('x')"}
        unkept = {"unkept_fields": ("FERRERO.FIELD.CREATIVEX LINK", "MAIN_LANGUAGES")}
        samples[f"{aside.template}, set aside"] = aside
        samples |= _completions(route, _campaign("Local adaptation test 2"))
        samples[f"{uploaded.template}, hostile link"] = uploaded.model_copy(update=hostile)
        for trait in ("creativex_is_old", "is_unscored"):
            samples[f"{uploaded.template}, {trait}"] = uploaded.model_copy(update={trait: True})
        gone = {"changed_fields": (), "remark": "The final is not in the DAM any more."}
        samples["late_score, left"] = _late_score(_campaign("Test")).model_copy(update=gone)
        samples[f"{uploaded.template}, not kept"] = uploaded.model_copy(update=unkept)
    samples |= {f"daily_report, {trait}": DailyReport(report=report) for trait, report in report_samples().items()}
    for trait, name in EXTREME_NAMES.items():
        samples |= {f"{fact.template}, {trait}": fact for fact in _facts(name, [name] * 200)}
    samples |= {f"{fact.template}, empty": fact for fact in _facts("", [])}
    return samples


def write_gallery(folder: Path) -> None:
    """Write every sample as .html, .txt and .eml, and an index.html of them all; existing files are replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, (title, fact) in enumerate(gallery().items()):
        mail = render(fact, CONTEXT)
        stem = f"{number:03}_{fact.template}"
        message = build_email(
            mail,
            sender=MailAddress("dagster@example.com", "Ferrero Dagster"),
            recipients=[MailAddress(f"{fact.audience}@example.com")],
            message_id=f"<{stem}@dagster.example.com>",
            list_id="<ferrero.dagster.example.com>",
            date=NOON,
        )
        (folder / f"{stem}.html").write_text(_with_pictures(mail), encoding="utf-8")
        (folder / f"{stem}.txt").write_text(f"{mail.subject}\n\n{mail.text}", encoding="utf-8")
        (folder / f"{stem}.eml").write_bytes(message.as_bytes())
        links = " ".join(f'<a href="{stem}.{ending}">{ending}</a>' for ending in ("html", "txt", "eml"))
        rows.append(f"<tr><td>{escape(title)}</td><td>{escape(mail.subject)}</td><td>{links}</td></tr>")
    page = '<!DOCTYPE html><meta charset="utf-8"><title>Mails</title><table>' + "\n".join(rows) + "</table>"
    (folder / "index.html").write_text(page, encoding="utf-8")


def _with_pictures(mail: RenderedMail) -> str:
    """The HTML as a browser can show it, which knows no Content-IDs."""
    html = mail.html
    for image in mail.inline_images:
        picture = base64.b64encode(image.png).decode()
        html = html.replace(f"cid:{image.content_id}", f"data:image/png;base64,{picture}")
    return html


def _facts(campaign_name: str, file_names: Sequence[str]) -> Iterator[Fact]:
    campaign = _campaign(campaign_name)
    files = [_moved(name, number) for number, name in enumerate(file_names)]
    for route in SITE.routes:
        if isinstance(route, MastersRoute):
            yield from _masters_facts(route, campaign, files)
        else:
            yield from _finals_facts(route, campaign, files)
    yield WorkflowError(
        headline=f"The status of {campaign.shown_name} could not be set to A2",
        explanation="All files are in Box, but the DAM refused the new status: the folder is locked by jsmith.",
        what_to_do="Ask jsmith to unlock the campaign folder in the DAM; the next attempt then sets the status.",
        details=[
            ("Campaign", campaign.shown_name),
            ("Locked by", "jsmith"),
            *((name, name) for name in file_names[12:]),
        ],
        run_id=RUN_ID,
    )
    yield StuckDigest(campaigns=[_stuck(campaign, number) for number in range(len(file_names) // 3)])
    yield DailyReport(report=report_of(campaign_name, len(file_names)), run_id=RUN_ID)


def _masters_facts(route: MastersRoute, campaign: CampaignRef, files: list[MovedFile]) -> Iterator[Fact]:
    folder, reason = route.source_folder, route.folder_error
    failed = [FailedFile(name=file.name, reason=_reason(file)) for file in files[::4]]
    yield CampaignComplete(route=route, campaign=campaign, files=files, box_folder_id=_BOX_FOLDER, run_id=RUN_ID)
    yield CampaignPartial(
        route=route,
        campaign=campaign,
        moved=[file for number, file in enumerate(files) if number % 4],
        failed=failed,
        box_folder_id=_BOX_FOLDER,
        run_id=RUN_ID,
        next_attempt_at=NOON + timedelta(minutes=10),
    )
    yield NoAssetsWarning(
        route=route, campaign=campaign, polls=20, source_folder=folder, waiting_since=NOON - timedelta(hours=1)
    )
    yield NoAssetsRetry(
        route=route, campaign=campaign, attempt=2, max_attempts=3, reason=reason, next_attempt_at=NOON, run_id=RUN_ID
    )
    yield PermanentlyFailed(
        route=route,
        campaign=campaign,
        attempts=3,
        reason=reason,
        reset_command=f"ferrero-dagster reset-retries {campaign.id} --yes",
        reset_sql=campaigns.reset_sql(route.column_prefix, DamId(campaign.id)),
        run_id=RUN_ID,
    )


def _commented(route: MastersRoute) -> dict[str, Fact]:
    """A finished campaign with what reviewers wrote, and one about which they wrote nothing."""
    files = [_moved(name, number) for number, name in enumerate(FILE_NAMES)]
    told = CampaignComplete(
        route=route, campaign=_campaign("Kinder spring review"), files=files, box_folder_id=_BOX_FOLDER, run_id=RUN_ID
    )
    legal, brand = "FERRERO.FIELD.LEGAL COMMENT", "FERRERO.FIELD.BRAND COMMENT"
    text = "The claim is not cleared:\n\n- replace “die beste” with “die liebste”\n- <b>keep</b> pack & logo"
    asset = AssetComments(name=files[0].name, dam_asset_id=_ASSET, comments=[Comment(field=legal, text=text)])
    campaign = [Comment(field=brand, text="All end cards need the new logo.")]
    found = Comments(fields=(legal, brand), campaign=campaign, assets=[asset])
    return {
        f"{told.template}, comments": told.model_copy(update={"comments": found}),
        f"{told.template}, no comments": told.model_copy(
            update={"comments": Comments(fields=(legal, brand), unknown=(brand,))}
        ),
    }


def _finals_facts(route: FinalsRoute, campaign: CampaignRef, files: list[MovedFile]) -> Iterator[Fact]:
    notes = [f"{file.name}: MARKETING_TAG was missing and is now “Tag”." for file in files[::12]]
    yield _uploaded(route, campaign, notes)
    yield _late_score(campaign)
    yield _refused(route, campaign)
    masters = [_master_finals(file.name, number % 4) for number, file in enumerate(files)]
    yield FinalsComplete(
        route=route, campaign=campaign, files=files, masters=[m for m in masters if m.finals], run_id=RUN_ID
    )


def _completions(route: FinalsRoute, campaign: CampaignRef) -> dict[str, Fact]:
    """A campaign that people may advance, and one that a person did before all was there."""
    masters = [_master_finals(name, number) for number, name in enumerate(FILE_NAMES[:4])]
    files = [_moved(name, number) for number, name in enumerate(FILE_NAMES)]
    told = FinalsComplete(route=route, campaign=campaign, files=files, masters=masters[1:], run_id=RUN_ID)
    waits = {"is_advanced": False, "advance_job": OPERATION, "advance_command": advance_command(DamId(campaign.id))}
    by_hand = {"advanced_by": "Maria Rossi", "masters": tuple(masters)}
    return {
        f"{told.template}, waits to be advanced": told.model_copy(update=waits),
        f"{told.template}, advanced incomplete": told.model_copy(update=by_hand),
    }


def _master_finals(name: str, number: int) -> MasterFinals:
    markets = ("AT de", "DE de", "FR fr", "IT it")[:number]
    return MasterFinals(tracking_id=f"AB{number:04}", name=name, finals=len(markets), markets=markets)


def _campaign(name: str) -> CampaignRef:
    campaign_id = "ea0dbf4c3b2a19087f6e5d4c3b2a19087f6e5d4c"
    return CampaignRef(id=campaign_id, number="C000000078" if name else None, name=name)


def _moved(name: str, number: int) -> MovedFile:
    stem, dot, extension = name.rpartition(".")
    return MovedFile(
        name=name,
        stored_name=f"{stem}_AB{number:04}{dot}{extension}",
        tracking_id=f"AB{number:04}",
        size_bytes=48_231_907 * (number + 1),
        dam_asset_id=f"{_ASSET[:-4]}{number:04x}",
        box_file_id=f"{1_800_000_000_000 + number}",
    )


def _reason(file: MovedFile) -> str:
    return f"The DAM sent 1,048,576 of {file.size_bytes:,} bytes of {file.name}; tried 3 times."


def _uploaded(route: FinalsRoute, campaign: CampaignRef, notes: Sequence[str]) -> FileUploaded:
    clean_stem = f"RAF_{campaign.name.replace(' ', '-')}_OLV_001_6S_16x9_DE_de"
    return FileUploaded(
        route=route,
        campaign=campaign,
        original_name=f"1234567_{clean_stem}_ABC123.mp4",
        clean_name=f"{clean_stem}.mp4",
        tracking_id="ABC123",
        dam_asset_id=_ASSET,
        size_bytes=48_231_907,
        creativex_score="90" if notes else None,
        creativex_url="https://www.creativex.com/scores/48231907" if notes else None,
        new_version=not notes,
        notes=notes,
        run_id=RUN_ID,
    )


def _late_score(campaign: CampaignRef) -> LateScore:
    return LateScore(
        campaign=campaign,
        clean_name=f"RAF_DE_de_{campaign.name.replace(' ', '-')}_OLV_001_6S_16x9.mp4",
        tracking_id="ABC123",
        dam_asset_id=_ASSET,
        creativex_score="87",
        creativex_url="https://www.creativex.com/scores/48231907",
        changed_fields=("FERRERO.TAB.FIELD.CREATIVEX", "FERRERO.FIELD.CREATIVEX LINK"),
    )


def _refused(route: FinalsRoute, campaign: CampaignRef) -> UploadFailed:
    name = f"6666_RAF_{campaign.name}_olv_6S_16x9_de_de_pOiJ9s.mp4"
    file = ListedFile(id=BoxId(_BOX_FILE), etag="0", name=name, size_bytes=48_231_907, sha1_hex="")
    tracking_id = TrackingId("pOiJ9s")
    master = KnownMaster(tracking_id=tracking_id, campaign_id=DamId(campaign.id), status="active")
    parsed_name = parse_name(name, SITE.naming.rules)
    return refusal(
        route, judge(file, parsed_name, KnownMasters({tracking_id: master}), looks=1, settle_looks=1), campaign
    )


def _set_aside(route: FinalsRoute, name: str) -> UploadFailed:
    return UploadFailed(
        route=route,
        file_name=name,
        box_file_id=_BOX_FILE,
        tracking_id="ABC123",
        reason="The DAM's import job ended with “unsupported colour profile”.",
        set_aside=True,
        attempts=5,
        run_id=RUN_ID,
    )


def _stuck(campaign: CampaignRef, number: int) -> StuckCampaign:
    given_up = number % 2 == 1
    return StuckCampaign(
        campaign=campaign,
        status="A1",
        since=NOON - timedelta(days=9 * number + 9),
        attempts=3 if given_up else 4320 * (number + 1),
        permanently_failed=given_up,
        reason="Assets folder not found (tried Master Assets)" if given_up else None,
    )
