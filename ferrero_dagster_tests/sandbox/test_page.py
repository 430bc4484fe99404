"""The page shows the sandbox, lets people change it, and lets no other web site do so."""

import itertools
import re
from contextlib import closing
from dataclasses import replace
from email.message import EmailMessage

import html5lib
import pytest
import requests

from ferrero_dagster.sandbox.box import BoxSettings, BoxStore
from ferrero_dagster.sandbox.faults import Fault, FaultBoard
from ferrero_dagster.sandbox.mailbox import Mailbox
from ferrero_dagster.sandbox.otmm import OtmmStore
from ferrero_dagster.sandbox.otmm.store import PUBLIC_FOLDERS
from ferrero_dagster.sandbox.page import Sandbox, create_page_app
from ferrero_dagster.sandbox.serving import Server
from ferrero_dagster.sandbox.site import sandbox_site
from ferrero_dagster.sandbox.webhooks import WebhookInbox
from ferrero_dagster_tests.fix_world import AGENCY_FOLDER
from ferrero_dagster_tests.tracking.cron_database import run_sql

EVIL = "<script>alert('x')</script>"
MAIL = f"Subject: {EVIL}\r\nContent-Type: text/html\r\n\r\n<html><head></head><body>{EVIL}</body></html>"


@pytest.fixture
def sandbox(tmp_path):
    with closing(OtmmStore(tmp_path / "otmm")) as otmm, closing(BoxStore(tmp_path / "box")) as box:
        yield Sandbox(
            otmm=otmm,
            box=box,
            box_settings=BoxSettings(),
            mailbox=Mailbox(tmp_path / "mails"),
            webhooks=WebhookInbox(tmp_path / "webhooks"),
            boards={name: FaultBoard() for name in ("DAM", "Box", "Make.com")},
            media_dir=tmp_path / "media",
            site=sandbox_site(),
            database_url="",
        )


@pytest.fixture
def url(sandbox):
    with Server(create_page_app(sandbox)) as server:
        yield server.url


def add_campaign(sandbox, name="Test", status="A1"):
    return sandbox.otmm.add_campaign(name=name, number="C000000001", status=status, type="Local Adaptation")


def get(address, **request):
    return requests.get(address, timeout=30, **request)


def submit(url, path, **fields):
    secret = re.search(r'name="secret" value="([^"]+)"', get(url).text)[1]  # type: ignore[index]
    return requests.post(url + path, data={"secret": secret, **fields}, timeout=30, allow_redirects=False)


def filled(sandbox):
    """The addresses of pages that show hostile names everywhere."""
    campaign = add_campaign(sandbox, EVIL)
    asset = sandbox.otmm.add_asset(sandbox.otmm.folder(campaign, "01 Master Assets"), f"{EVIL}.html", b"<html>")
    folder = sandbox.box.add_folder(name="A <b>bold</b> name".replace("/", ""))
    file = sandbox.box.put_file(folder, "x<b>.svg", b"<svg/>", {"creativexUrl": EVIL})
    sandbox.mailbox.keep(MAIL.encode(), ["ann@example.com"])
    sandbox.webhooks.keep({"name": EVIL}, {"x-evil": EVIL})
    items = [f"/dam/folder/{campaign}", f"/dam/asset/{asset}", f"/box/folder/{folder}", f"/box/file/{file}"]
    return ["/", *items, "/mails", "/mails/1", "/webhooks"]


def test_every_page_is_valid_html_in_which_nothing_from_outside_is_markup(url, sandbox):
    for path in filled(sandbox):
        answer = get(url + path)
        assert answer.status_code == 200, path
        html5lib.HTMLParser(strict=True).parse(answer.text)
        assert "<script>" not in answer.text
        assert "<b>bold" not in answer.text


def test_every_page_says_which_scripts_may_run(url, sandbox):
    for path in [*filled(sandbox), "/nowhere", "/dam/folder/unknown"]:
        headers = get(url + path).headers
        assert "script-src 'self'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_the_html_of_a_mail_can_do_nothing_but_open_links_elsewhere(url, sandbox):
    filled(sandbox)
    answer = get(f"{url}/mails/1/html")
    assert '<base target="_blank">' in answer.text
    assert answer.headers["Content-Security-Policy"].startswith("sandbox allow-popups")
    assert "script" not in answer.headers["Content-Security-Policy"]
    assert 'sandbox="allow-popups' in get(f"{url}/mails/1").text


def test_pictures_inside_a_mail_are_shown_and_its_attachments_named(url, sandbox):
    mail = EmailMessage()
    mail.set_content("text")
    mail.add_alternative('<html><head></head><body><img src="cid:a"><img src="cid:b"></body></html>', subtype="html")
    list(mail.iter_parts())[1].add_related(b"PNG", "image", "png", cid="<a>")
    list(mail.iter_parts())[1].add_related(b"<svg/>", "image", "svg+xml", cid="<b>")
    mail.add_attachment(b"1", "text", "csv", filename="campaigns.csv")
    sandbox.mailbox.keep(mail.as_bytes(), ["ann@example.com"])
    html = get(f"{url}/mails/1/html").text
    assert '<img src="data:image/png;base64,UE5H"><img src="cid:b">' in html
    assert "campaigns.csv" in get(f"{url}/mails/1").text


def test_content_is_given_byte_by_byte_and_opened_only_where_it_is_safe(url, sandbox):
    folder = sandbox.otmm.folder(add_campaign(sandbox), "01 Master Assets")
    for name, how in (("a.png", "inline"), ("a.html", "attachment"), ("a.svg", "attachment")):
        asset = sandbox.otmm.add_asset(folder, name, b"bytes")
        file = sandbox.box.put_file("0", name, b"bytes")
        for path in (f"/dam/asset/{asset}/content", f"/box/file/{file}/content"):
            answer = get(url + path)
            assert (answer.content, answer.headers["Content-Disposition"]) == (b"bytes", f'{how}; filename="{name}"')


def test_what_does_not_exist_is_said_in_a_sentence(url):
    for path in ("/dam/folder/x", "/dam/asset/x/content", "/box/file/x", "/box/folder/1", "/mails/7"):
        answer = get(url + path)
        assert (answer.status_code, "Not possible" in answer.text) == (404, True)


def test_a_foreign_host_name_is_refused(url):
    assert get(url, headers={"Host": "evil.example"}).status_code == 400
    assert get(url.replace("127.0.0.1", "localhost")).status_code == 200


def test_a_form_without_the_secret_of_this_process_changes_nothing(url, sandbox):
    campaign = f"/campaigns/{add_campaign(sandbox)}"
    folder = sandbox.box.add_folder(name="Campaign")
    file = sandbox.box.put_file(folder, "a.png", b"bytes")
    in_box = (f"/box/file/{file}/change", f"/box/folder/{folder}/change")
    paths = ("/campaigns", "/trouble", "/agency", f"{campaign}/status", f"{campaign}/finals", *in_box)
    for path, secret in itertools.product(paths, ("", "wrong", "ü")):
        button = "Delete in Box" if path in in_box else "Down for 60 s"
        fields = {
            "secret": secret,
            "assets": "1",
            "status": "A2",
            "server": "DAM",
            "button": button,
            "name": "a",
        }
        assert requests.post(url + path, data=fields, timeout=30).status_code == 403
    assert [sandbox.otmm.status(item.id) for item in sandbox.otmm.children(PUBLIC_FOLDERS)] == ["A1"]
    assert sandbox.boards["DAM"].armed == []
    assert sandbox.box.content(file).read_bytes() == b"bytes"


def test_a_manager_sets_the_status_of_a_campaign(url, sandbox):
    campaign = add_campaign(sandbox)
    assert submit(url, f"/campaigns/{campaign}/status", status="A5").status_code == 303
    assert sandbox.otmm.status(campaign) == "A5"
    assert submit(url, f"/campaigns/{campaign}/status", status="Z9").status_code == 400
    assert sandbox.otmm.status(campaign) == "A5"


def test_a_campaign_is_added_with_as_many_assets_as_wanted(url, sandbox):
    assert submit(url, "/campaigns", assets="2").status_code == 303
    (campaign,) = sandbox.otmm.children(PUBLIC_FOLDERS)
    assert len(sandbox.otmm.assets(sandbox.otmm.folder(campaign.id, "01 Master Assets"))) == 2
    for wrong in ("0", "51", "-1", "many"):
        assert submit(url, "/campaigns", assets=wrong).status_code == 400


def test_the_agency_drops_a_file_of_any_name_that_box_takes(url, sandbox):
    sandbox.box.add_folder(name="Agency uploads", folder_id=AGENCY_FOLDER)
    assert submit(url, "/agency", name="Kinder <spring>.mp4").status_code == 303
    assert submit(url, "/agency", name="a/b.mp4").status_code == 400
    assert [item.name for item in sandbox.box.items(AGENCY_FOLDER)] == ["Kinder <spring>.mp4"]


def test_the_agency_delivers_a_final_for_each_master_once(sandbox, database_url):
    sandbox.box.add_folder(name="Agency uploads", folder_id=AGENCY_FOLDER)
    campaign = add_campaign(sandbox, status="A2")
    run_sql(
        database_url,
        "INSERT INTO master_assets (tracking_id, asset_name, campaign_id)"
        f" VALUES ('ABC123', 'Hero film.mp4', '{campaign}'), ('DEF456', 'Poster.pdf', '{campaign}')",
    )
    with Server(create_page_app(replace(sandbox, database_url=database_url))) as server:
        assert f'action="/campaigns/{campaign}/finals"' in get(server.url).text
        assert submit(server.url, f"/campaigns/{campaign}/finals").status_code == 303
        names = sorted(item.name[-10:] for item in sandbox.box.items(AGENCY_FOLDER))
        assert names == ["ABC123.mp4", "DEF456.pdf"]
        run_sql(database_url, "INSERT INTO derivative_assets (tracking_id) VALUES ('ABC123'), ('DEF456')")
        assert submit(server.url, f"/campaigns/{campaign}/finals").status_code == 409


def test_the_agency_deletes_a_file_in_box(url, sandbox):
    folder = sandbox.box.add_folder(name="Campaign")
    file, other = (sandbox.box.put_file(folder, name, b"bytes") for name in ("<i>.png", "b.png"))
    path = f"/box/file/{file}/change"
    for page in ("/", f"/box/folder/{folder}", f"/box/file/{file}"):
        assert f'action="{path}"' in get(url + page).text
    assert get(url + path).status_code == 405
    assert submit(url, path, button="Delete in Box").status_code == 303
    assert [item.id for item in sandbox.box.items(folder)] == [other]
    assert submit(url, path, button="Delete in Box").status_code == 404


def test_the_agency_replaces_a_files_content_in_box_each_time_by_another(url, sandbox):
    folder = sandbox.box.add_folder(name="Campaign")
    file = sandbox.box.put_file(folder, "a.png", b"bytes")
    contents = {sandbox.box.content(file).read_bytes()}
    for _ in range(2):
        assert submit(url, f"/box/file/{file}/change", button="Replace in Box").status_code == 303
        contents.add(sandbox.box.content(file).read_bytes())
    assert len(contents) == 3
    assert [(item.id, item.name) for item in sandbox.box.items(folder)] == [(file, "a.png")]


def test_the_agency_deletes_a_campaigns_folder_in_box_with_all_in_it(url, sandbox):
    root = sandbox.box.add_folder(name="Masters", folder_id=next(iter(sandbox.kept_ids)))
    folder = sandbox.box.add_folder(name="Campaign", parent_id=root)
    sandbox.box.put_file(sandbox.box.add_folder(name="Inside", parent_id=folder), "a.png", b"bytes")
    for kept in (root, "0"):
        assert f'action="/box/folder/{kept}/change"' not in get(url).text + get(f"{url}/box/folder/{kept}").text
        assert submit(url, f"/box/folder/{kept}/change", button="Delete in Box").status_code == 400
    assert submit(url, f"/box/folder/{folder}/change", button="Replace in Box").status_code == 400
    assert submit(url, f"/box/folder/{folder}/change", button="Delete in Box").status_code == 303
    assert [item.id for item in sandbox.box.items("0")] == [root]
    assert sandbox.box.items(root) == []


def test_a_server_is_down_until_it_is_cleared(url, sandbox):
    board = sandbox.boards["Box"]
    assert submit(url, "/trouble", server="Box", button="Down for 60 s").status_code == 303
    assert [board.strike("GET", "/x").status for _ in range(3)] == [503, 503, 503]
    board.add(Fault())
    assert "answers 503" in get(url).text
    assert "1 other fault<" in get(url).text
    submit(url, "/trouble", server="Box", button="Clear")
    assert board.strike("GET", "/x") is None


def test_a_fault_of_the_page_ends_by_itself(url, sandbox):
    submit(url, "/trouble", server="DAM", button="Slow for 60 s")
    (fault,) = sandbox.boards["DAM"].armed
    fault.ends_s -= 60
    assert sandbox.boards["DAM"].strike("GET", "/x") is None
    assert "slower" not in get(url).text


def test_the_mail_server_hangs_up_until_it_is_cleared(url, sandbox):
    submit(url, "/trouble", server="Mail server", button="Down for 60 s")
    assert sandbox.mailbox.switches.down_until_s > 0
    assert "hangs up" in get(url).text
    submit(url, "/trouble", server="Mail server", button="Clear")
    assert sandbox.mailbox.switches.down_until_s == 0


def test_tokens_expire_at_the_press_of_a_button(url, sandbox):
    token = sandbox.otmm.issue_token("ferrero", 60)
    submit(url, "/trouble", server="DAM", button="Expire tokens")
    assert sandbox.otmm.token_user(token) is None
    assert submit(url, "/trouble", server="Make.com", button="Expire tokens").status_code == 404


def test_the_limits_of_box_are_switched_on_and_off(url, sandbox):
    submit(url, "/trouble", server="Box", button="Limits on or off")
    assert (sandbox.box_settings.uploads_per_minute, sandbox.box_settings.calls_per_minute) == (240, 1000)
    assert "takes 240 uploads and 1,000 calls a minute" in get(url).text
    submit(url, "/trouble", server="Box", button="Limits on or off")
    assert (sandbox.box_settings.uploads_per_minute, sandbox.box_settings.calls_per_minute) == (0, 0)


def test_a_large_folder_is_shortened_on_the_overview_and_whole_on_its_page(url, sandbox):
    folder = sandbox.box.add_folder(name="Agency uploads")
    sandbox.box.add_many_files(folder, [f"file {n:02}.mp4" for n in range(30)])
    assert "18 more" in get(url).text
    assert get(f"{url}/box/folder/{folder}").text.count('href="/box/file/') == 30
