"""One page of a Box folder, as Box sent it (contract box.md 7)."""

from typing import Any

import requests
from box_sdk_gen import BoxAPIError, BoxClient, FetchOptions

from ferrero_dagster.clients.box_session import box_errors
from ferrero_dagster.domain.ids import BoxId

_PAGE_SIZE = 1000
_FIELDS = "id,type,name,size,sha1,etag"


def folder_page(
    client: BoxClient, folder_id: BoxId, what: str, *, marker: str, template: str = ""
) -> dict[str, Any] | None:
    """Up to a thousand entries in one call, with the values of a metadata template where one is named.

    None where Box shows us no such folder outside the trash. The SDK's own listing gives up all entries for one that is
    spoiled.
    """
    fields = f"{_FIELDS},metadata.enterprise.{template}" if template else _FIELDS
    params = {"fields": fields, "usemarker": "true", "limit": str(_PAGE_SIZE)}
    url = f"{client.network_session.base_urls.base_url}/2.0/folders/{folder_id}/items"
    with box_errors(what):
        try:
            answer = client.make_request(
                FetchOptions(url, "GET", params={**params, **({"marker": marker} if marker else {})})
            )
        except BoxAPIError as error:
            if error.response_info.status_code != requests.codes.not_found:
                raise
            return None
    return answer.data if isinstance(answer.data, dict) else {}
