"""Every mail of the gallery: valid, complete in both media, legible in both schemes, safe, and intact as an e-mail."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timezone
from email import message_from_bytes, policy
from functools import cache
from typing import Any

import html5lib
from css_inline import CSSInliner
from hypothesis import given
from hypothesis import strategies as st

from ferrero_dagster.domain.mail_addresses import MailAddress
from ferrero_dagster.messages.enclosures import InlineImage
from ferrero_dagster.messages.facts import CampaignRef, Fact, NoAssetsWarning, fact_from_json
from ferrero_dagster.messages.rendering import RenderedMail, build_email, render
from ferrero_dagster.sandbox.gallery.mails import CONTEXT, NOON, RUN_ID, gallery, write_gallery
from ferrero_dagster_tests.fix_world import A1

ZOE, OPS = MailAddress("zoe@example.com", "Müller, Zoë"), MailAddress("ops@example.com")
DATE = re.compile(r"\d{4}-\d\d-\d\d(T|$)")
MAILS = {title: (fact, render(fact, CONTEXT)) for title, fact in gallery().items()}


def parse(html: str) -> Any:
    """The document as an ElementTree; raises at the first violation of the HTML standard."""
    return html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(html)


@cache
def parsed(title: str) -> Any:
    return parse(MAILS[title][1].html)


def plain(text: str) -> str:
    return " ".join(text.split())


def test_html_is_valid_and_below_80_kb():
    for title, (_, mail) in MAILS.items():
        assert parsed(title).tag == "html", title
        assert len(mail.html.encode()) < 80_000, title


def at_its_longest(value: Any) -> Any:
    """Make every text of a dumped fact as long as it may be, of characters that grow when escaped."""
    if isinstance(value, dict):
        return {
            key: inner if key in {"kind", "direction", "about"} else at_its_longest(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [at_its_longest(inner) for inner in value]
    if not isinstance(value, str) or DATE.match(value):
        return value
    return ("https://" if value.startswith("https://") else "") + "&" * 490


def test_the_longest_possible_texts_stay_below_80_kb():
    for title, (fact, _) in MAILS.items():
        if title.endswith(", emoji"):
            longest = fact_from_json(at_its_longest(fact.model_dump(mode="json")))
            assert len(render(longest, CONTEXT).html.encode()) < 80_000, title


def test_nothing_from_outside_becomes_markup_and_links_go_to_the_web_only():
    for title in MAILS:
        elements = list(parsed(title).iter())
        assert {"script", "iframe"}.isdisjoint(element.tag for element in elements), title
        assert all(e.get("src").startswith("cid:") and e.get("alt") for e in elements if e.tag == "img"), title
        assert not [key for element in elements for key in element.attrib if key.startswith("on")], title
        assert all(link.get("href").startswith("https://") for link in parsed(title).iter("a")), title


def test_an_id_from_outside_leads_nowhere_else_and_what_is_no_web_address_is_no_link():
    fact = no_assets("Test").model_copy(update={"campaign": CampaignRef(id='"><b>/../x', number=None, name="Test")})
    mail = render(fact, CONTEXT)
    assert "index.html#folder/%22%3E%3Cb%3E%2F..%2Fx" in mail.html
    assert "Open the DAM folder" in mail.html
    nowhere = replace(CONTEXT, links=replace(CONTEXT.links, dam_url=""))
    assert "Open the DAM folder" not in render(fact, nowhere).html + render(fact, nowhere).text


def test_language_and_title_are_told_to_those_who_listen():
    for title, (_, mail) in MAILS.items():
        assert parsed(title).get("lang") == "en", title
        assert plain(parsed(title).find("head/title").text) == plain(mail.subject), title


def test_every_table_of_data_has_headers_with_a_scope_and_every_other_says_that_it_is_layout():
    for title in MAILS:
        assert all(header.get("scope") in {"col", "row"} for header in parsed(title).iter("th")), title
        tables = [table for table in parsed(title).iter("table") if table.get("role") != "presentation"]
        assert all(table.find(".//th") is not None for table in tables), title


def shown_facts(value: Any) -> Iterator[str]:
    """The texts of a dumped fact that its mail must show; of long lists the first three rows."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in {"kind", "about", "id", "route", "moved_files"}:
                yield from shown_facts(inner)
    elif isinstance(value, list):
        for inner in value[:3]:
            yield from shown_facts(inner)
    elif isinstance(value, str) and not DATE.match(value):
        yield plain(value)


def test_every_fact_is_in_the_html_and_in_the_text():
    for title, (fact, mail) in MAILS.items():
        body = parsed(title).find("body")
        html = plain(" ".join([*body.itertext(), *(link.get("href") for link in body.iter("a"))]))
        for shown in shown_facts(fact.model_dump(mode="json")):
            assert shown in html, title
            assert shown in plain(mail.text), title


def test_verdict_comes_first_and_the_zone_of_times_is_named():
    for title, (fact, mail) in MAILS.items():
        verdict = plain("".join(parsed(title).find(".//h1").itertext()))
        assert plain(mail.text.splitlines()[0]).endswith(verdict), title
        assert f"as {fact.template}. Times are in Europe/Rome." in mail.text, title
    assert "next attempt starts at about 28 April 2026, 12:13 CEST" in MAILS["a1_to_a2_partial"][1].text


def test_long_tables_are_cut_and_link_to_the_run():
    _, mail = MAILS["a1_to_a2_complete, emoji"]
    assert f"… and 173 more, see the Dagster run: {CONTEXT.links.run(RUN_ID)}" in mail.text
    assert "… and 173 more" in mail.html


def test_subjects_are_those_of_the_specification():
    name = "Local adaptation test 2"
    wanted = {
        "a1_to_a2_no_assets_warning": f"⚠️ Campaign in A1 with no assets yet - {name}",
        "b1_to_b2_no_assets_warning": f"⚠️ Campaign in B1 with no assets yet - {name}",
        "a1_to_a2_no_assets_retry": f"⚠️ No Assets Found (Attempt 2/3) - Campaign {name}",
        "a1_to_a2_permanently_failed": f"PERMANENTLY FAILED - Campaign {name} (No Assets After 3 Attempts)",
    }
    assert {title: MAILS[title][1].subject for title in wanted} == wanted


def luminance(colour: str) -> float:
    channels = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def colours(element: Any, text: str = "", ground: str = "") -> Iterator[tuple[str, str]]:
    """Text and background colour of every element below, as inherited and set by inlined styles."""
    style = dict(re.findall(r"([\w-]+):\s*(#\w{6})", element.get("style", "")))
    text, ground = style.get("color", text), style.get("background-color", ground)
    yield text, ground
    for child in element:
        yield from colours(child, text, ground)


def in_dark_mode(html: str) -> str:
    """Apply the rules that a mail client in dark mode would apply."""
    (rules,) = re.findall(r"prefers-color-scheme: dark\)\s*\{(.*)\}\s*</style>", html, re.DOTALL)
    return CSSInliner(extra_css=rules).inline(html)


def test_text_is_legible_in_light_and_in_dark_mode():
    dark_pairs = set()
    for title, (_, mail) in MAILS.items():
        light = set(colours(parsed(title).find("body")))
        dark = set(colours(parse(in_dark_mode(mail.html)).find("body")))
        dark_pairs |= dark - light
        assert all(contrast(*pair) >= 4.5 for pair in light | dark), title
    assert ("#e6edf3", "#0d1117") in dark_pairs


def as_email(mail: RenderedMail, recipients=(ZOE, OPS)) -> Any:
    message = build_email(
        mail,
        sender=MailAddress("dagster@example.com", "Ferrero Dägster"),
        recipients=recipients,
        message_id="<1@dagster.example.com>",
        list_id="<ferrero.example.com>",
        date=NOON,
    )
    wire = message.as_bytes()
    assert wire.isascii()
    assert max(map(len, wire.splitlines())) <= 998
    return message_from_bytes(wire, policy=policy.default)


def test_every_mail_arrives_as_it_was_written():
    for title, (_, mail) in MAILS.items():
        received = as_email(mail)
        kind = "mixed" if mail.attachments else "alternative"
        assert received.get_content_type() == f"multipart/{kind}", title
        assert received["Subject"] == mail.subject, title
        for kind, written in (("plain", mail.text), ("html", mail.html)):
            assert received.get_body((kind,)).get_content().splitlines() == written.splitlines(), title


def test_headers_say_that_a_machine_wrote():
    received = as_email(MAILS["workflow_error"][1])
    assert received["Auto-Submitted"] == "auto-generated"
    assert received["Message-ID"] == "<1@dagster.example.com>"
    assert received["List-Id"] == "<ferrero.example.com>"
    assert received["Date"].datetime == NOON
    assert [str(address) for address in received["To"].addresses] == [str(ZOE), "ops@example.com"]


def test_an_address_without_an_ascii_form_is_shown_and_hinders_no_mail_server():
    received = as_email(MAILS["workflow_error"][1], [ZOE, MailAddress("zoë@example.com", "Zoë")])
    assert [address.addr_spec for address in received["To"].addresses] == ["zoe@example.com"]
    assert [group.display_name for group in received["To"].groups] == [None, "Zoë zoë@example.com"]


NAMES = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=200).map(
    lambda n: " ".join(n.split())
)


@given(st.lists(NAMES, min_size=1, max_size=3))
def test_names_of_any_letters_never_add_or_lose_a_recipient(names):
    recipients = [MailAddress(f"p{number}@example.com", name) for number, name in enumerate(names)]
    received = as_email(MAILS["workflow_error"][1], recipients)
    assert [address.addr_spec for address in received["To"].addresses] == [address.bare for address in recipients]


def test_the_list_id_of_a_long_domain_stays_in_one_piece():
    domain = ".".join(["a-quite-long-label-of-a-domain"] * 6) + ".example"
    message = build_email(
        MAILS["workflow_error"][1],
        sender=MailAddress(f"us@{domain}"),
        recipients=[ZOE],
        message_id=f"<1@{domain}>",
        list_id=f"<ferrero.{domain}>",
        date=NOON,
    )
    lines = message.as_bytes().splitlines()
    assert f"List-Id: <ferrero.{domain}>".encode() in lines
    assert f"Message-ID: <1@{domain}>".encode() in lines


def no_assets(name: str, waiting_since: datetime | None = None) -> Fact:
    campaign = CampaignRef(id="ea0dbf", number=None, name=name)
    return NoAssetsWarning(
        route=A1, campaign=campaign, polls=20, source_folder="01 Master Assets", waiting_since=waiting_since
    )


@given(st.text(st.characters(), max_size=600) | st.text("aä 🐣?=_", max_size=90))
def test_any_name_keeps_the_headers_and_the_html_intact(name):
    mail = render(no_assets(name), CONTEXT)
    received = as_email(mail)
    assert received["Subject"] == mail.subject
    assert len(mail.subject) <= 200
    assert len(received.keys()) == 9
    parse(mail.html)


def test_times_follow_the_clock_of_the_site():
    winter = no_assets("x", waiting_since=datetime(2026, 1, 5, 23, 30, tzinfo=timezone.utc))
    assert "Waiting since: 6 January 2026, 00:30 CET" in render(winter, CONTEXT).text


def test_pictures_travel_with_the_html():
    mail = RenderedMail(
        subject="s",
        html='<img src="cid:trend">',
        text="t",
        inline_images=(InlineImage(content_id="trend", title="Trend", alt="1", png=b"P"),),
    )
    (_, related) = as_email(mail).iter_parts()
    assert [part.get_content_type() for part in related.iter_parts()] == ["text/html", "image/png"]
    assert list(related.iter_parts())[1]["Content-ID"] == "<trend>"


def test_the_gallery_is_written_as_files_with_an_index(tmp_path):
    write_gallery(tmp_path)
    links = [link.get("href") for link in parse((tmp_path / "index.html").read_text(encoding="utf-8")).iter("a")]
    assert len(links) == 3 * len(MAILS)
    assert all((tmp_path / link).is_file() for link in links)
    report = (tmp_path / next(link for link in links if link.endswith("_daily_report.html"))).read_text(
        encoding="utf-8"
    )
    assert report.count('src="data:image/png;base64,') == 3
    assert "cid:" not in report
    eml = message_from_bytes((tmp_path / links[-1]).read_bytes(), policy=policy.default)
    assert [part.get_content_type() for part in eml.iter_attachments()] == ["text/csv", "text/csv"]


def test_a_final_whose_metadata_the_dam_did_not_keep_is_told_with_what_to_do():
    for medium in ("text", "html"):
        mail = plain(getattr(MAILS["a2_to_a3_file_uploaded, not kept"][1], medium))
        assert "The DAM does not show 2 of its metadata fields as we sent them; please correct them there." in mail
        assert "MAIN_LANGUAGES" in mail
        assert "You need not do anything" not in mail
        assert "You need not do anything" in plain(getattr(MAILS["a2_to_a3_file_uploaded"][1], medium))


def test_a_refused_file_is_told_with_what_is_wrong_and_the_right_name_before_all_else():
    lead, rest = MAILS["a2_to_a3_upload_failed"][1].text.split("THE RIGHT NAME")
    assert "asset type “olv” → “OLV”; country “de” → “DE”." in lead
    assert rest.strip().startswith("6666_RAF_Local adaptation test 2_OLV_6S_16x9_DE_de_pOiJ9s.mp4")
    assert "THE RIGHT NAME" not in MAILS["a2_to_a3_upload_failed, empty"][1].text
