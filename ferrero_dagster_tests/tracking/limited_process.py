"""A process that uploads to Box as fast as the shared limiter lets it: `python -m … '{"database_url": …}'`."""

import hashlib
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any

from box_sdk_gen import BaseUrls

from ferrero_dagster.clients.box import Box
from ferrero_dagster.clients.box_session import close_box_client, open_box_client, read_box_config
from ferrero_dagster.clients.http import HttpLimits
from ferrero_dagster.config.site import load_site
from ferrero_dagster.domain.allowance import Priority, Rate, ServiceLimits
from ferrero_dagster.domain.files import Digest
from ferrero_dagster.domain.ids import BoxId
from ferrero_dagster.limiters import OpenLimiters

_CONTENT = b"x"


def main(told: dict[str, Any]) -> None:
    """Upload `files` names that begin with `name`, `threads` at once."""
    urls = BaseUrls(base_url=told["url"], upload_url=f"{told['url']}/upload/api", oauth_2_url=f"{told['url']}/oauth2")
    rates = {kind: Rate(**rate) for kind, rate in told["rates"].items()}
    digest = Digest(size_bytes=1, sha1_hex=hashlib.sha1(_CONTENT).hexdigest(), md5_hex="")
    limits = ServiceLimits(service="Box", rates=rates)
    with closing(OpenLimiters(limits, told["database_url"], Priority.REST)) as turns:
        client = open_box_client(
            read_box_config(Path(told["config"])), base_urls=urls, limits=HttpLimits(), limiters=turns
        )
        box = Box(client, load_site().box)
        with ThreadPoolExecutor(told["threads"]) as pool:
            names = [f"{told['name']} {number}" for number in range(told["files"])]
            list(pool.map(lambda name: box.upload(BoxId("0"), name, BytesIO(_CONTENT), digest), names))
        close_box_client(client)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
