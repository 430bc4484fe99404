"""The site configuration of the stand-ins, for the demo and the tests."""

from pathlib import Path

from ferrero_dagster.config.site import Site, load_site

SANDBOX_SITE = Path(__file__).with_name("site.yaml")


def sandbox_site(own: Path | None = None) -> Site:
    """The stand-ins' site, with what the file `own` replaces; raises as `load_site`."""
    return load_site(SANDBOX_SITE, own)
