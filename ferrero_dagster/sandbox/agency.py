"""Plays the agency: makes finals of the masters in Box and drops them into its folder there."""

import re
from pathlib import Path

import psycopg2

from ferrero_dagster.sandbox import neighbours
from ferrero_dagster.sandbox.box import BoxStore
from ferrero_dagster.sandbox.box.items import Item
from ferrero_dagster.sandbox.media import sample_file

#: A name as producers write them in a hurry: it is refused with an explanation.
HASTY_NAME = "1234567_RAF_DEU_de_SPRING_OLV_01_6S_16x9.mp4"

_MASTERS_WITHOUT_FINALS = """
SELECT m.tracking_id, COALESCE(m.asset_name, m.full_metadata ->> 'name') FROM master_assets m
WHERE m.campaign_id = %s AND m.status = 'active'
  AND NOT EXISTS (SELECT FROM derivative_assets d WHERE d.tracking_id = m.tracking_id AND d.status = 'active')
ORDER BY 2, m.tracking_id
"""


def deliver_finals(box: BoxStore, inbox_id: str, database_url: str, media_dir: Path, campaign_id: str) -> list[str]:
    """Drop one final for each of the campaign's masters that has none; returns their names.

    They have names of either order and a CreativeX score in the Box template; but where the table of scores is in the
    database, every other score is there instead.
    """
    names = final_names(database_url, campaign_id)
    by_table = neighbours.has_scores(database_url)
    for place, name in enumerate(names, start=1):
        score, url = 80 + place, f"https://creativex.example/score/{place}"
        is_in_table = by_table and place % 2 == 1
        if is_in_table:
            neighbours.add_score(database_url, _clean(name), str(score), url)
        template = None if is_in_table else {"creativexScore": score, "creativexUrl": url}
        box.put_file(inbox_id, name, sample_file(f"final {name}", media_dir), metadata=template)
    return names


def final_names(database_url: str, campaign_id: str) -> list[str]:
    """What the finals of the campaign's masters that have none will be called."""
    with psycopg2.connect(database_url) as connection, connection.cursor() as cursor:
        cursor.execute(_MASTERS_WITHOUT_FINALS, (campaign_id,))
        masters = cursor.fetchall()
    return [_final_name(tracking_id, name, place) for place, (tracking_id, name) in enumerate(masters, start=1)]


def deliver(box: BoxStore, inbox_id: str, media_dir: Path, name: str) -> None:
    """Drop a file of this name; its format follows from the name's ending."""
    box.put_file(inbox_id, name, sample_file(name, media_dir))


def replace_content(box: BoxStore, media_dir: Path, file: Item) -> None:
    """Upload other content of the same format over the file, other at each time."""
    box.put_file(str(file.parent_id), file.name, sample_file(f"after {file.version_id}, {file.name}", media_dir))


def _final_name(tracking_id: str, master_name: str, place: int) -> str:
    stem, _, extension = master_name.rpartition(".")
    subject = re.sub(r"[^A-Z0-9]+", "-", stem.upper()).strip("-")[:25].strip("-") or "MASTER"
    is_film = extension == "mp4"
    if place % 2:  # the order of 2025, in which stills have no duration
        kind = "OLV_6S" if is_film else "EHI"
        return f"1234567_RAF_{subject}_{kind}_16x9_DE_de_{tracking_id}.{extension}"
    kind, duration = ("OLV", "6S") if is_film else ("KV", "00S")
    return f"1234567_RAF_DE_de_{subject}_{kind}_{place:03}_{duration}_16x9_{tracking_id}.{extension}"


def _clean(name: str) -> str:
    """The name that a final gets in the DAM: without job number and tracking ID."""
    stem, _, extension = name.rpartition(".")
    return f"{'_'.join(stem.split('_')[1:-1])}.{extension}"
