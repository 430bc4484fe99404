"""Campaigns, files and messages in the states that operators deal with."""

from ferrero_dagster.domain.files import Campaign
from ferrero_dagster.messages.facts import WorkflowError
from ferrero_dagster.tracking import campaigns, outbox, rounds

NO_FOLDER = "Assets folder not found (tried Master Assets)"


def campaign(digit="a", number="C000000078", name="Local adaptation test 2", status="A1"):
    return Campaign(id=digit * 40, number=number, name=name, status=status, type="Local Adaptation")


def seen(database, *found):
    for each in found:
        database.transact(campaigns.note_seen, each)


def failed(database, which, *, strikes=3, prefix="a1", route="a1_to_a2", limit=3):
    """The campaign after so many genuine errors."""

    def work(cursor):
        campaigns.note_seen(cursor, which)
        current = rounds.open_round(cursor, route, which.id)
        for _ in range(strikes):
            campaigns.count_poll(cursor, prefix, which.id, error=NO_FOLDER)
            rounds.count_failed_run(cursor, current.id)
        if strikes >= limit:
            campaigns.mark_permanently_failed(cursor, prefix, which.id)

    database.transact(work)


def waiting(database, which, polls):
    """The campaign after so many looks into an empty folder."""

    def work(cursor):
        campaigns.note_seen(cursor, which)
        for _ in range(polls):
            campaigns.count_poll(cursor, "a1", which.id)

    database.transact(work)


def set_aside_file(database, tracking_id, *, route="a2_to_a3", campaign_id="a" * 40, name=None):
    def work(cursor):
        cursor.execute(
            "INSERT INTO transfers (route, campaign_id, source_id, source_version, source_name, tracking_id, state,"
            " attempts, last_error, set_aside_at) VALUES (%s, %s, %s, '1', %s, %s, 'set_aside', 5, 'no room', now())",
            (route, campaign_id, tracking_id, name or f"film_{tracking_id}.mp4", tracking_id),
        )

    database.transact(work)


def master(database, tracking_id, *, campaign_id="a" * 40, name=None, status="active"):
    """A master of a campaign, as a route left it."""
    database.transact(
        lambda cursor: cursor.execute(
            "INSERT INTO master_assets (tracking_id, campaign_id, asset_name, status) VALUES (%s, %s, %s, %s)",
            (tracking_id, campaign_id, name, status),
        )
    )


def message(database, key, *, state="set_aside"):
    """The number of a message in that state, delivered to one and refused by another."""

    def work(cursor):
        outbox.add(cursor, WorkflowError(headline="h", explanation="e", what_to_do="w"), key)
        cursor.execute(
            "UPDATE notifications SET state = %s, attempts = 12, delivered_to = '{a@x}', refused_by = '{b@x}'"
            " WHERE dedupe_key = %s RETURNING id",
            (state, key),
        )
        return cursor.fetchall()[0]["id"]

    return database.transact(work)


def rows(database, query, *parameters):
    def work(cursor):
        cursor.execute(query, parameters)
        return [dict(row) for row in cursor.fetchall()]

    return database.transact(work)


def patience(database, which, prefix="a1"):
    return database.transact(campaigns.patience, prefix, [which.id])[which.id]
