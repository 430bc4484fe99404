"""A file in Box's trash, as Box sent it, and its way back (contract box.md 5).

The SDK's own objects of the trash give up a file for one of the many values that they demand.
"""

from typing import Any

import requests
from box_sdk_gen import BoxAPIError, BoxClient, FetchOptions, RestoreFileFromTrashParent

from ferrero_dagster.clients.box_session import box_errors
from ferrero_dagster.domain.ids import BoxId

#: How Box answers of what is not in the trash, or in that of another account.
_NOT_OURS = frozenset({requests.codes.forbidden, requests.codes.not_found})


def trashed_file(client: BoxClient, file_id: BoxId, what: str) -> dict[str, Any] | None:
    """The file in the trash; None where it is not there, or we may not see it."""
    url = f"{client.network_session.base_urls.base_url}/2.0/files/{file_id}/trash"
    with box_errors(what):
        try:
            answer = client.make_request(FetchOptions(url, "GET"))
        except BoxAPIError as error:
            if error.response_info.status_code not in _NOT_OURS:
                raise
            return None
    return answer.data if isinstance(answer.data, dict) else {}


def refused_to_restore(client: BoxClient, file_id: BoxId, *, folder_id: BoxId) -> int | None:
    """Take the file out of the trash, to a folder if its own is gone; the status with which Box refuses, if it does.

    Raises:
        UnexpectedAnswer: Box took the request, and the SDK cannot read what became of it.
    """
    parent = RestoreFileFromTrashParent(id=folder_id)
    with box_errors(f"Restoring Box file {file_id}"):
        try:
            client.trashed_files.restore_file_from_trash(file_id, parent=parent)
        except BoxAPIError as error:
            status = int(error.response_info.status_code)
            if status not in {*_NOT_OURS, requests.codes.conflict}:
                raise
            return status
    return None
