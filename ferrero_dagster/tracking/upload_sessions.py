"""`upload_sessions`: uploads of large files that have begun; the next run goes on with the parts that Box has."""

from dataclasses import asdict, dataclass

from ferrero_dagster.domain.files import KnownUpload
from ferrero_dagster.domain.ids import BoxId
from ferrero_dagster.tracking.database import Cursor


@dataclass(frozen=True, kw_only=True, slots=True)
class UploadKey:
    """What a session was opened for: only the very same upload may go on with it."""

    transfer_id: int
    source_version: str
    size_bytes: int
    #: As the DAM gives it, else empty.
    md5_hex: str
    folder_id: BoxId
    name: str


def known(cursor: Cursor, key: UploadKey) -> KnownUpload | None:
    """The latest session of this upload, which is in use from now on."""
    cursor.execute(
        """
        UPDATE upload_sessions SET used_at = now() WHERE id = (
            SELECT id FROM upload_sessions
            WHERE transfer_id = %(transfer_id)s AND source_version = %(source_version)s
              AND size_bytes = %(size_bytes)s AND md5_hex = %(md5_hex)s
              AND folder_id = %(folder_id)s AND name = %(name)s
            ORDER BY id DESC LIMIT 1)
        RETURNING session_id, part_bytes
        """,
        asdict(key),
    )
    return next((KnownUpload(**row) for row in cursor.fetchall()), None)


def remember(cursor: Cursor, key: UploadKey, upload: KnownUpload) -> None:
    """Write a session down; idempotent."""
    cursor.execute(
        """
        INSERT INTO upload_sessions
            (session_id, part_bytes, transfer_id, source_version, size_bytes, md5_hex, folder_id, name)
        VALUES (%(session_id)s, %(part_bytes)s, %(transfer_id)s, %(source_version)s, %(size_bytes)s, %(md5_hex)s,
            %(folder_id)s, %(name)s)
        ON CONFLICT (session_id) DO NOTHING
        """,
        asdict(key) | asdict(upload),
    )


def forget(cursor: Cursor, session_id: str) -> None:
    """It has ended; idempotent."""
    cursor.execute("DELETE FROM upload_sessions WHERE session_id = %s", (session_id,))


def abandoned(cursor: Cursor, *, hours: float, limit: int) -> list[str]:
    """Sessions that nobody goes on with: the file has moved or is given up, they are long unused, or replaced."""
    cursor.execute(
        """
        SELECT session_id FROM upload_sessions s LEFT JOIN transfers t ON t.id = s.transfer_id
        WHERE t.state IS DISTINCT FROM 'pending' OR s.used_at < now() - %s * interval '1 hour'
           OR EXISTS (SELECT FROM upload_sessions n WHERE n.transfer_id = s.transfer_id AND n.id > s.id)
        ORDER BY s.id LIMIT %s
        """,
        (hours, limit),
    )
    return [row["session_id"] for row in cursor.fetchall()]
