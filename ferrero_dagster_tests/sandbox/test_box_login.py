"""Login with a signed assertion, as the SDK does it and as it must not work."""

import json
import stat
import time
from typing import Any

import jwt
import pytest
import requests
from box_sdk_gen import BoxAPIError, BoxJWTAuth, JWTConfig
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from ferrero_dagster.sandbox.box import write_box_config
from ferrero_dagster_tests.sandbox.box_sdk import sdk, sdk_box

TOKEN_PATH = "/oauth2/token"


def login_with(box, change):
    config = json.loads((box.store.state_dir / "Box-config.json").read_text())
    change(config)
    auth = BoxJWTAuth(JWTConfig.from_config_json_string(json.dumps(config)))
    with requests.Session() as session, pytest.raises(BoxAPIError) as caught:
        sdk(box.url, auth, session).users.get_user_me()
    return caught.value.response_info.body


def test_the_sdk_logs_in_with_the_written_configuration(box):
    box.store.expire_tokens()
    assert box.client.users.get_user_me().type == "user"
    assert [seen.status for seen in box.board.requests(path=TOKEN_PATH)] == [200]


def test_the_configuration_is_the_same_every_time_and_private(box, tmp_path):
    write_box_config(box.store, tmp_path / "once.json")
    write_box_config(box.store, tmp_path / "again.json")
    assert (tmp_path / "again.json").read_text() == (tmp_path / "once.json").read_text()
    assert stat.S_IMODE((tmp_path / "again.json").stat().st_mode) == 0o600


def test_an_expired_token_is_answered_401_with_an_empty_body_and_the_sdk_logs_in_again(box):
    token = box.auth.retrieve_token(network_session=box.client.network_session).access_token
    box.store.expire_tokens()
    answer = requests.get(f"{box.url}/2.0/users/me", headers={"Authorization": f"Bearer {token}"}, timeout=30)
    assert (answer.status_code, answer.content) == (401, b"")
    assert "invalid_token" in answer.headers["WWW-Authenticate"]
    box.client.users.get_user_me()
    assert len(box.board.requests(path=TOKEN_PATH)) == 1


def test_a_token_lives_as_long_as_the_settings_say(box):
    box.store.expire_tokens()
    box.settings.token_lifetime_s = 0
    with pytest.raises(BoxAPIError) as caught:
        box.client.users.get_user_me()
    assert caught.value.response_info.status_code == 401


@pytest.mark.parametrize("name", ["clientID", "clientSecret"])
def test_another_app_is_refused(box, name):
    body = login_with(box, lambda config: config["boxAppSettings"].update({name: "another"}))
    assert body["error"] == "invalid_grant"
    assert body["error_description"] == "The client credentials are invalid"


def test_another_enterprise_is_refused(box):
    assert "subject" in login_with(box, lambda config: config.update(enterpriseID="999"))["error_description"].lower()


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"exp": 1}, "expired"),
        ({"exp": 2**40}, "60 seconds"),
        ({"aud": "https://elsewhere"}, "Audience"),
        ({"jti": None}, "jti"),
    ],
)
def test_a_wrong_assertion_is_refused_with_its_reason(box, claims, reason):
    answer = signed(box, claims)
    assert answer.status_code == 400
    assert reason in answer.json()["error_description"]


def test_an_assertion_is_good_for_one_log_in(box):
    assert [signed(box, {"jti": "once"}).status_code for _ in range(2)] == [200, 400]


def signed(box, claims):
    """The answer to a log-in with the right assertion but for these claims."""
    config = json.loads((box.store.state_dir / "Box-config.json").read_text())
    app = config["boxAppSettings"]
    right = {
        "iss": app["clientID"],
        "sub": config["enterpriseID"],
        "jti": "1",
        "exp": int(time.time()) + 30,
        "aud": "https://api.box.com/oauth2/token",
    }
    key: Any = load_pem_private_key(app["appAuth"]["privateKey"].encode(), app["appAuth"]["passphrase"].encode())
    given = {name: value for name, value in {**right, **claims}.items() if value is not None}
    form = {
        "client_id": app["clientID"],
        "client_secret": app["clientSecret"],
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "assertion": jwt.encode(given, key, "RS256"),
    }
    return requests.post(box.url + TOKEN_PATH, data=form, timeout=30)


def test_an_assertion_signed_by_another_key_is_refused(box, tmp_path):
    with sdk_box(tmp_path / "other" / "box") as other:
        foreign = json.loads((other.store.state_dir / "Box-config.json").read_text())["boxAppSettings"]["appAuth"]
    body = login_with(box, lambda config: config["boxAppSettings"].update(appAuth=foreign))
    assert "Signature" in body["error_description"]
