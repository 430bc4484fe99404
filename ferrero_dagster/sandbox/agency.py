"""Plays the agency: makes finals of the masters in Box and drops them into its folder there."""

import re
from pathlib import Path
from typing import Any

import psycopg2

from ferrero_dagster.sandbox.box import BoxStore
from ferrero_dagster.sandbox.media import sample_file

#: A name as producers write them in a hurry: it is refused with an explanation.
HASTY_NAME = "1234567_RAF_DEU_de_SPRING_OLV_01_6S_16x9.mp4"

_MASTERS_WITHOUT_FINALS = """
SELECT m.tracking_id, m.asset_name FROM master_assets m
WHERE m.campaign_id = %s AND m.status = 'active'
  AND NOT EXISTS (SELECT FROM derivative_assets d WHERE d.tracking_id = m.tracking_id AND d.status = 'active')
ORDER BY m.asset_name, m.tracking_id
"""


def deliver_finals(box: BoxStore, inbox_id: str, database_url: str, media_dir: Path, campaign_id: str) -> list[str]:
    """Drop one final for each of the campaign's masters that has none, with a CreativeX score; returns their names."""
    with psycopg2.connect(database_url) as connection, connection.cursor() as cursor:
        cursor.execute(_MASTERS_WITHOUT_FINALS, (campaign_id,))
        masters = cursor.fetchall()
    names = [_final_name(tracking_id, name, place) for place, (tracking_id, name) in enumerate(masters, start=1)]
    for place, name in enumerate(names, start=1):
        box.put_file(inbox_id, name, sample_file(f"final {name}", media_dir), metadata=_creativex(place))
    return names


def deliver(box: BoxStore, inbox_id: str, media_dir: Path, name: str) -> None:
    """Drop a file of this name; its format follows from the name's ending."""
    box.put_file(inbox_id, name, sample_file(name, media_dir))


def _final_name(tracking_id: str, master_name: str, place: int) -> str:
    stem, _, extension = master_name.rpartition(".")
    subject = re.sub(r"[^A-Z0-9]+", "-", stem.upper()).strip("-")[:25].strip("-") or "MASTER"
    kind, duration = ("OLV", "6S") if extension == "mp4" else ("KV", "00S")
    return f"1234567_RAF_DE_de_{subject}_{kind}_{place:03}_{duration}_16x9_{tracking_id}.{extension}"


def _creativex(place: int) -> dict[str, Any]:
    return {"creativexScore": 80 + place, "creativexUrl": f"https://creativex.example/score/{place}"}
