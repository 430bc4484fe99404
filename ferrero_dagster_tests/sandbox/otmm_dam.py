"""The DAM stand-in behind its server, and a signed-in client of it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
from requests_toolbelt import MultipartEncoder

from ferrero_dagster.sandbox.otmm import OtmmSettings, OtmmStore, create_otmm_app
from ferrero_dagster.sandbox.serving import Server

LOGIN = {
    "grant_type": "password",
    "username": "ferrero",
    "password": "nutella",
    "client_id": "ferrero-dagster",
    "client_secret": "kinder",
}


class Dam:
    """A signed-in client that knows nothing but addresses."""

    def __init__(self, url: str, store: OtmmStore, settings: OtmmSettings):
        self.url, self.store, self.settings = f"{url}/otmmapi/v6", store, settings
        self.session = requests.Session()
        self.session.trust_env = False
        self.sign_in()

    def fresh(self) -> "Dam":
        """The same server, empty and with its first settings."""
        self.store.clear()
        vars(self.settings).update(vars(OtmmSettings()))
        self.sign_in()
        return self

    def sign_in(self):
        answer = self.session.post(f"{self.url}/sessions/oauth2/token", data=LOGIN)
        token = answer.json()["token_info"]["oauth_token"]["accessToken"]
        self.session.headers["Authorization"] = f"Bearer {token}"

    def call(self, method, path, **request):
        return self.session.request(method, self.url + path, **request)

    def get(self, path, **params):
        answer = self.call("GET", path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def search(self, *conditions, **params):
        sent = {"search_condition_list": {"search_condition": list(conditions)}}
        form = {"keyword_query": "*", "search_condition_list": json.dumps(sent), **params}
        return self.call("POST", "/search/text", data=form).json()["search_result_resource"]

    def ids(self, *conditions, **params):
        return self.search(*conditions, **params)["search_result"]["asset_id_list"]

    def refusal(self, method, path, **request):
        answer = self.call(method, path, **request)
        body = answer.json()["exception_body"]
        assert set(body) == {"http_response_code", "error_code", "debug_message", "message"}
        assert body["http_response_code"] == answer.status_code
        return answer.status_code

    def state(self, path, action):
        return self.call("PUT", f"{path}/state", data={"action": action}).status_code

    def import_file(self, folder_id, name, content, *fields, **parts):
        manifest = {"upload_manifest": {"master_files": [{"file": {"file_name": name, "file_type": "video/mp4"}}]}}
        representation = {
            "metadata_model_id": "ECOMMERCE",
            "security_policy_list": [{"id": 1594}],
            "metadata": {"metadata_element_list": list(fields)},
        }
        sent = {
            "parent_folder_id": folder_id,
            "manifest": (None, json.dumps(manifest), "application/json; charset=utf-8"),
            "asset_representation": json.dumps({"asset_resource": {"asset": representation}}),
            "files": (name, content, "video/mp4"),
            **parts,
        }
        encoder = MultipartEncoder({key: value for key, value in sent.items() if value is not None})
        return self.call("POST", "/assets", data=encoder, headers={"Content-Type": encoder.content_type})


@contextmanager
def signed_in_dam(state_dir: Path) -> Iterator[Dam]:
    """A DAM on loopback that keeps its state in this directory."""
    store, settings = OtmmStore(state_dir), OtmmSettings()
    with Server(create_otmm_app(store, settings)) as server:
        dam = Dam(server.url, store, settings)
        yield dam
        dam.session.close()
    store.close()


def sample_campaign(dam: Dam) -> str:
    """The campaign of the specification, ready to be moved."""
    return dam.store.add_campaign(
        name="Local adaptation test 2", number="C000000078", status="A1", type="Local Adaptation"
    )
