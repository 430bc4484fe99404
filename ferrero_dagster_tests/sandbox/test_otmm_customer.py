"""The customer's dialect of the DAM stand-in: log-in, status, domains (contract customer.md 1)."""

import pytest

from ferrero_dagster.sandbox.otmm import OTDS_TOKEN_PATH
from ferrero_dagster_tests.sandbox.otmm_dam import Dam
from ferrero_dagster_tests.sandbox.test_otmm_editing import STATUS, patch
from ferrero_dagster_tests.sandbox.test_otmm_search import TYPE, condition

CLIENT = {"client_id": "ferrero-dagster", "client_secret": "kinder"}
OPTIMISTIC = {"lock_strategy": "optimistic"}


@pytest.fixture
def dam(dam: Dam) -> Dam:
    dam.settings.dialect = "customer"
    return dam


def otds(dam, **form):
    url = dam.url.removesuffix("/otmmapi/v6")
    return dam.session.post(f"{url}{OTDS_TOKEN_PATH}", data=form, headers={"Authorization": ""})


def test_otds_gives_a_token_for_client_credentials_alone(dam):
    answer = otds(dam, grant_type="client_credentials", **CLIENT).json()
    assert set(answer) == {"access_token", "token_type", "expires_in"}
    assert dam.store.token_user(answer["access_token"]) == "ferrero-dagster"
    refused = otds(dam, grant_type="password", username="ferrero", password="nutella", **CLIENT)
    assert (refused.status_code, refused.json()["error"]) == (400, "unsupported_grant_type")
    stranger = otds(dam, grant_type="client_credentials", client_id="nobody")
    assert (stranger.status_code, stranger.json()["error"]) == (401, "invalid_client")
    assert dam.call("POST", "/sessions/oauth2/token", data=CLIENT).status_code == 404


@pytest.mark.parametrize("kind", ["folders", "assets"])
def test_nothing_can_be_locked_and_a_change_is_optimistic(dam, campaign, kind):
    path, root = f"/{kind}/{campaign}", "edited_folder" if kind == "folders" else "edited_asset"
    assert dam.state(path, "lock") == dam.state(path, "unlock") == 405
    body = patch(STATUS, "SCALING_2A", root)
    assert dam.refusal("PATCH", path, json=body) == 409
    assert dam.call("PATCH", path, params=OPTIMISTIC, json=body).status_code == 200
    assert dam.store.status(campaign) == "A2"
    dam.store.lock(campaign, user="someone")
    assert dam.refusal("PATCH", path, params=OPTIMISTIC, json=body) == 409


def test_ids_of_status_type_and_state_are_unlike_their_texts(dam, campaign, masters):
    dam.store.add_asset(masters, "film.mp4")
    shown = {}
    for item_id in (campaign, dam.store.assets(masters)[0].id):
        params = {"load_type": "metadata", "metadata_to_return": f"{STATUS},{TYPE},FERRERO.FIELD.STATE"}
        metadata = dam.get(f"/assets/{item_id}", **params)["asset_resource"]["asset"]["metadata"]
        for element in metadata["metadata_element_list"]:
            inner = element["value"]["value"]
            shown[inner["field_value"]["value"]] = inner["display_value"]
    assert shown == {"SCALING_1A": "A1", "LOCAL_ADAPTATION": "Local Adaptation", "GLOBAL": "Global"}


def test_the_search_takes_ids_and_a_patch_takes_nothing_else(dam, campaign):
    assert dam.ids(condition(STATUS, "SCALING_1A"), condition(TYPE, "LOCAL_ADAPTATION")) == [campaign]
    assert dam.ids(condition(STATUS, "A1")) == dam.ids(condition(TYPE, "Local Adaptation")) == []
    path = f"/folders/{campaign}"
    assert dam.refusal("PATCH", path, params=OPTIMISTIC, json=patch(STATUS, "A2")) == 400


def test_the_domains_tell_ids_and_texts(dam, campaign):
    domains = {
        domain["domainId"]: {v["field_value"]["value"]: v["display_value"] for v in domain["domainValues"]}
        for domain in dam.get("/lookupdomains")["lookup_domains_resource"]["lookup_domains"]
    }
    assert domains["FERRERO.DOMAIN.GLOBAL.LOCAL"] == {"GLOBAL": "Global", "LOCAL": "Local"}
    assert domains["CONTENT.SCALING.DOMAIN.STATUS"]["SCALING_5A"] == "A5"
    dam.settings.dialect = "seeds"
    domain = dam.get("/lookupdomains/CONTENT.SCALING.DOMAIN.STATUS")["lookup_domain_resource"]["lookup_domain"]
    assert {v["field_value"]["value"]: v["display_value"] for v in domain["domainValues"]}["A1"] == "A1 - Masters ready"
    assert dam.refusal("GET", "/lookupdomains/NOBODYS") == 404
