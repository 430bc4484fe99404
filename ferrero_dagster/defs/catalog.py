"""What Dagster's catalog says of every asset: who owns it, which version of the code makes it, where that is kept."""

from collections.abc import Iterable, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import dagster as dg

from ferrero_dagster.config.site import DagsterSite
from ferrero_dagster.defs.internals import without_warnings

_VERSION = version("ferrero_dagster")
#: What every job says beside its description.
JOB_METADATA = {"version": _VERSION}
#: Tags of a job that Dagster takes from its queue before the campaigns that wait there.
AHEAD_OF_CAMPAIGNS = {"dagster/priority": "1"}
Asset = dg.AssetsDefinition | dg.AssetSpec

#: The configuration of a job with nothing to fill in; without one the launchpad opens with all that the resources show.
NO_FORM: dict[str, Any] = {"ops": {}}


def catalogued(assets: Iterable[Asset], site: DagsterSite) -> Sequence[Asset]:
    """The assets with owners and version, and with links to their code where the site says where it is kept."""
    described = dg.map_asset_specs(partial(_described, owners=site.owners), assets)
    return described if site.repository_url is None else _linked(described, site.repository_url, site)


@without_warnings()
def _linked(assets: Sequence[Asset], url: str, site: DagsterSite) -> Sequence[Any]:
    here = dg.AnchorBasedFilePathMapping(
        local_file_anchor=Path(__file__), file_anchor_path_in_repository="ferrero_dagster/defs/catalog.py"
    )
    return dg.link_code_references_to_git(
        dg.with_source_code_references(assets),
        git_url=url,
        git_branch=site.repository_branch,
        platform=site.repository_platform,
        file_path_mapping=here,
    )


def _described(spec: dg.AssetSpec, owners: Sequence[str]) -> dg.AssetSpec:
    return spec.replace_attributes(owners=owners, code_version=_VERSION)
