"""Settings are refused with their name and what was expected, and secrets never show."""

import pytest

from ferrero_dagster.config.settings import load_settings
from ferrero_dagster.config.site import load_site
from ferrero_dagster.connections import Connections
from ferrero_dagster.domain.errors import ConfigurationError


def settings(**values):
    return load_settings(_env_file=None, **values)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("dam_auth", "basic", "FERRERO_DAM_AUTH: expected 'oauth2', 'mtls' or 'oauth2+mtls'"),
        ("dam_url", "http://dam.example.com", "FERRERO_DAM_URL: expected an https:// address"),
        ("dam_url", "dam.example.com", "FERRERO_DAM_URL: expected an https:// address"),
        ("dam_token_url", "otds.example.com/token", "FERRERO_DAM_TOKEN_URL: expected an https:// address"),
        ("dam_grant", "code", "FERRERO_DAM_GRANT: expected 'password' or 'client_credentials'"),
        ("dam_api_path", "https://dam.example.com", "FERRERO_DAM_API_PATH: expected a path such as /otmmapi, without"),
        ("smtp_port", "many", "FERRERO_SMTP_PORT: expected a valid integer"),
        ("box_as_users", "17, maria", "FERRERO_BOX_AS_USERS: expected ids of Box users such as 12345678"),
        ("mail_to", "operations", "FERRERO_MAIL_TO: expected mail addresses separated by commas, such as"),
        ("mail_to", "a@x.example,", "found ''"),
        ("mail_errors_to", "a@x.example, Müller, Zoë <zoe@agency.example>", "found 'Müller'"),
        ("mail_from", "a@x.example, b@x.example", "FERRERO_MAIL_FROM: expected one mail address"),
        ("campaign_poll_seconds", "0", "FERRERO_CAMPAIGN_POLL_SECONDS: expected greater than or equal to 1"),
    ],
)
def test_a_wrong_value_is_refused_with_its_name_and_what_was_expected(name, value, sentence) -> None:
    with pytest.raises(ConfigurationError) as refused:
        settings(**{name: value})
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_wrong_webhook_address_is_refused_without_being_shown() -> None:
    with pytest.raises(ConfigurationError) as refused:
        settings(make_webhook_url="ftp://hook.example/secret-part")
    assert "FERRERO_MAKE_WEBHOOK_URL" in str(refused.value)
    assert "secret-part" not in str(refused.value)


def test_what_a_part_cannot_do_without_is_named_all_at_once() -> None:
    with pytest.raises(ConfigurationError, match="FERRERO_SMTP_HOST, FERRERO_MAIL_FROM"):
        settings().require("smtp_host", "mail_from")


@pytest.mark.parametrize("path", ["/otmmapi", "/otmmapi/", "/otmmapi/v6", "/otmmapi/v6/"])
def test_the_path_of_the_api_may_be_written_with_its_version(path) -> None:
    assert settings(dam_api_path=path).dam_api_path == "/otmmapi"
    assert settings(dam_api_path="/").dam_api_path == ""


@pytest.mark.parametrize(
    ("values", "missing"),
    [
        ({}, "FERRERO_DAM_CLIENT_ID, FERRERO_DAM_CLIENT_SECRET"),
        ({"dam_grant": "password"}, "FERRERO_DAM_USERNAME, FERRERO_DAM_PASSWORD, FERRERO_DAM_CLIENT_ID"),
        ({"dam_username": "us"}, "FERRERO_DAM_PASSWORD, FERRERO_DAM_CLIENT_ID"),
        ({"dam_username": "us", "dam_grant": "client_credentials"}, "environment: FERRERO_DAM_CLIENT_ID"),
    ],
)
def test_a_user_is_asked_for_where_the_grant_needs_one(values, missing) -> None:
    connections = Connections(settings(dam_url="https://dam.example.com", **values), load_site())
    with pytest.raises(ConfigurationError, match=missing), connections.dam():
        pass


def test_secrets_do_not_show_when_settings_are_printed() -> None:
    names = ("dam_password", "dam_client_secret", "smtp_password", "dam_pfx_password")
    addresses = {"database_url": "postgresql://u:hazelnut@h/d", "make_webhook_url": "https://hook.example/hazelnut"}
    shown = repr(settings(**dict.fromkeys(names, "hazelnut"), **addresses))
    assert "hazelnut" not in shown


@pytest.mark.fault(70)
def test_an_environment_file_that_an_editor_began_with_a_byte_order_mark_is_read(tmp_path) -> None:
    (tmp_path / "env").write_text("FERRERO_SMTP_HOST=smtp.example\n", encoding="utf-8-sig")
    assert load_settings(_env_file=tmp_path / "env").smtp_host == "smtp.example"


def test_recipients_are_read_from_comma_separated_lists() -> None:
    lists = settings(mail_to="a@x.example, b@x.example", mail_errors_to="c@x.example, A@x.example").recipients
    assert {audience: tuple(map(str, addresses)) for audience, addresses in lists.items()} == {
        "notifications": ("a@x.example", "b@x.example"),
        "errors": ("c@x.example", "A@x.example"),
        "everybody": ("c@x.example", "a@x.example", "b@x.example"),
    }


def test_an_address_may_have_a_name_in_any_letters() -> None:
    assert settings(mail_from='"Büro, Köln" <a@x.example>').mail_from == '"Büro, Köln" <a@x.example>'
    [address] = settings(mail_to="Jürgen <j@x.example>").recipients["notifications"]
    assert (address.name, address.bare) == ("Jürgen", "j@x.example")


OVERRIDES = "representation:\n  asset_type_overrides:"
EOL = load_site().representation.asset_type_overrides["EOL"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{OVERRIDES} {{EOL: {{}}}}", {"EOL": {}, "LTD": EOL}),
        (f"{OVERRIDES} {{EOL: {{X.Y: 7}}, OLV: {{X.Y: a}}}}", {"EOL": {"X.Y": 7}, "LTD": EOL, "OLV": {"X.Y": "a"}}),
        (f"{OVERRIDES} {{}}", {}),
        ("representation: {}", {"EOL": EOL, "LTD": EOL}),
        ("naming: {asset_types: [OLV]}", {"EOL": EOL, "LTD": EOL}),
    ],
)
def test_what_a_site_says_of_an_asset_type_replaces_what_is_shipped_for_it(tmp_path, text, expected) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(text)
    assert load_site(path).representation.asset_type_overrides == expected


def test_a_site_configuration_replaces_only_what_it_names(tmp_path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text("box:\n  folders:\n    agency_uploads: '7'\n")
    site, default = load_site(path), load_site()
    assert site.box.ids == {"agency_uploads": "7"}
    assert site.box.part_threads == default.box.part_threads
    assert site.representation == default.representation


def test_a_site_configuration_counts_as_it_is_now_and_is_parsed_where_it_has_changed(tmp_path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text("time_zone: Europe/Rome\n")
    site = load_site(path)
    assert load_site(path) is site
    path.write_text("time_zone: Asia/Tokyo\n")
    assert load_site(path).time_zone == "Asia/Tokyo"


def test_an_id_of_digits_needs_no_quotation_marks(tmp_path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text("box: {folders: {agency_uploads: 348526703108}}\ndam_import: {template_id: 1125}\n")
    site = load_site(path)
    assert (site.box.ids["agency_uploads"], site.dam_import.template_id) == ("348526703108", "1125")


def test_users_of_box_are_named_once_each() -> None:
    assert settings(box_as_users=" 17,18 , 17").box_users == ("17", "18")
    assert settings().box_users == ()


def test_a_box_folder_has_no_id_before_somebody_sets_one():
    with pytest.raises(ConfigurationError, match=r"No id is set for the Box folder local_masters: set box\.folders\.l"):
        load_site().box.ids["local_masters"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("campaigns: [", "is not valid YAML at line"),
        ("dam:\n  status_field: 2026-02-30\n", "is not valid YAML at line 2, column 17"),
        ("report:\n  cut_off: !!timestamp soon\n", "is not valid YAML at line 2, column 12"),
        ("agency: {settle_looks: !!int two}", "is not valid YAML at line 1, column 24"),
        ("agency: {advance_when_complete: !!bool perhaps}", "is not valid YAML at line 1, column 33"),
        (f"dam: {{search_config_id: {'9' * 5000}}}", "is not valid YAML at line 1, column 25"),
        ("[" * 20_000, "is not valid YAML"),
        ("campaigns: {retry_pauses_minutes: [.inf]}", "retry_pauses_minutes.0: expected less than or equal to 525600"),
        ("campaigns: {release_failed_after_days: 1.0e+300}", "release_failed_after_days: expected less than or equal"),
        ("dam_import: {job_timeout_s: .inf}", "dam_import.job_timeout_s: expected less than or equal to 604800"),
        ("creativex: {late_days: 1.0e+9}", "creativex.late_days: expected less than or equal to 36500"),
        ("box: {folders: {local_masters: true}}", "box.folders.local_masters: expected a valid string"),
        ("- 1\n- 2\n", "expected settings by name, found list"),
        ("time_zone: Europe/Alba\n", "time_zone: expected a time zone such as Europe/Rome"),
        ("transfer:\n  threads: lots\n", "transfer.threads: expected a valid integer"),
        ("colour: brown\n", "colour: no such setting"),
        ("naming: {colours: [brown]}", "naming.colours: no such setting; site.yaml in the package lists all of them."),
        ("naming: {brands: RAF}", "naming.brands: expected a valid tuple"),
        ("naming: [OLV]", "naming: expected a valid dictionary or instance of NamingSite."),
        ("routes:\n  a9_to_a10: {}\n", "routes.a9_to_a10"),
        ("routes: {a1_to_a2: {status_after: ''}}", "a1_to_a2.status_after: expected a text that is not empty"),
        ("routes: {a1_to_a2: {source_folder: ' '}}", "a1_to_a2.source_folder: expected a text that is not empty"),
        ("routes: {a1_to_a2: {status_after: A1}}", "a1_to_a2: expected another status_after than status_before, both"),
        *(
            (
                f"routes: {{a1_to_a2: {{box_folder: '{pattern}'}}}}",
                "box_folder: expected a text with {number} or {name}",
            )
            for pattern in ("{num}-{name}", "x", "", "{name", "{}", "{name.x}")
        ),
        ("dam: {status_field: ''}", "dam.status_field: expected a text that is not empty"),
        (
            "dam: {folder_link: '{url!r:>{id}}'}",
            "dam.folder_link: expected a text with {url} or {id} and no other braces",
        ),
        ("dam: {asset_link: '{urll}/x'}", "dam.asset_link: expected a text with {url} or {id} and no other braces"),
        ("box: {folders: {local_masters: ''}}", "box.folders.local_masters: expected a text that is not empty"),
        (
            "campaigns: {max_days_in_status: {Z9: 2}}",
            "max_days_in_status: Z9: expected statuses of a route (A1, A2, A3",
        ),
        (f"{OVERRIDES} {{EOL: {{X.Y: yes}}}}", "X.Y: expected text or a number, found true; in quotes it is text."),
        (f"{OVERRIDES} {{EOL: {{' X.Y': ''}}}}", "found ' X.Y'."),
        (f"{OVERRIDES} {{Video: {{X.Y: ''}}}}", "asset_type_overrides: Video: expected one of OLV, "),
    ],
)
def test_a_wrong_site_configuration_is_refused_in_one_sentence(tmp_path, text, sentence) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as refused:
        load_site(path)
    assert sentence in str(refused.value)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_missing_site_configuration_is_refused_in_one_sentence(tmp_path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read: No such file or directory"):
        load_site(tmp_path / "nothing.yaml")
