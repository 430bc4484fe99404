"""Settings are refused with their name and what was expected, and secrets never show."""

import pytest

from ferrero_dagster.domain.errors import ConfigurationError
from ferrero_dagster.settings import load_settings
from ferrero_dagster.site import load_site


def settings(**values):
    return load_settings(_env_file=None, **values)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("dam_auth", "basic", "FERRERO_DAM_AUTH: expected 'oauth2', 'mtls' or 'oauth2+mtls'"),
        ("dam_url", "http://dam.example.com", "FERRERO_DAM_URL: expected an https:// address"),
        ("dam_url", "dam.example.com", "FERRERO_DAM_URL: expected an https:// address"),
        ("smtp_port", "many", "FERRERO_SMTP_PORT: expected a valid integer"),
        ("mail_to", "operations", "FERRERO_MAIL_TO: expected mail addresses separated by commas"),
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


def test_secrets_do_not_show_when_settings_are_printed() -> None:
    names = ("dam_password", "dam_client_secret", "smtp_password", "dam_pfx_password")
    addresses = {"database_url": "postgresql://u:hazelnut@h/d", "make_webhook_url": "https://hook.example/hazelnut"}
    shown = repr(settings(**dict.fromkeys(names, "hazelnut"), **addresses))
    assert "hazelnut" not in shown


def test_recipients_are_read_from_comma_separated_lists() -> None:
    lists = settings(mail_to="a@x.example, b@x.example", mail_errors_to="c@x.example").recipients
    assert lists == {"notifications": ("a@x.example", "b@x.example"), "errors": ("c@x.example",)}


def test_a_site_configuration_replaces_only_what_it_names(tmp_path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text("box:\n  folders:\n    agency_uploads: '7'\n")
    site, default = load_site(path), load_site()
    assert site.box.folders.agency_uploads == "7"
    assert site.box.folders.local_masters == default.box.folders.local_masters
    assert site.representation == default.representation


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("campaigns: [", "is not valid YAML at line"),
        ("- 1\n- 2\n", "expected settings by name, found list"),
        ("time_zone: Europe/Alba\n", "time_zone: expected a time zone such as Europe/Rome"),
        ("transfer:\n  threads: lots\n", "transfer.threads: expected a valid integer"),
        ("colour: brown\n", "colour: no such setting"),
        ("routes:\n  a9_to_a10: {}\n", "routes.a9_to_a10"),
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
