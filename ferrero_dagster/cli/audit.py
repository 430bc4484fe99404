"""The command `audit`: what differs between tables, Box and DAM."""

import sys
from functools import partial

import click

from ferrero_dagster.cli.tables import as_json_option, print_json, print_table, say


@click.command()
@click.option("--campaign", help="Only this campaign: a number, an exact name, an id, or its partition in Dagster.")
@as_json_option
def audit(*, campaign: str | None, as_json: bool) -> None:
    """Compare what the tables say with what Box and the DAM show; exits 1 while there are findings.

    Nothing is repaired. Like the nightly job it keeps to the calls and the time that the site configuration allows;
    what it did not come to is looked at by the next start.

    \b
    Examples:
      ferrero-dagster audit
      ferrero-dagster audit --campaign C000000078
      ferrero-dagster audit --json | jq '.findings[] | select(.finding == "missing in Box") | .tracking_id'
    """
    from ferrero_dagster.connections import Connections
    from ferrero_dagster.operations.audit import Audit, campaign_called
    from ferrero_dagster.operations.audit_findings import finding_row

    with Connections.from_environment().systems() as systems:
        only = None if campaign is None else systems.database.transact(campaign_called, campaign)
        outcome = Audit(systems=systems, log=partial(click.echo, err=True), campaign_id=only).run()
    if as_json:
        print_json(outcome.as_json())
    else:
        print_table("Findings", [finding_row(one) for one in outcome.found], nothing="Nothing differs.")
        say(str(outcome))
    sys.exit(bool(outcome.counts.open))
