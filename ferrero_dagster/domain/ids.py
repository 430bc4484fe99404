"""Ids that look alike and mean different things: the type checker lets none be taken for another.

An id gets its type where it comes in, from an answer, a row or a person's input, and keeps it from there on.
"""

from typing import NewType

#: A folder of the DAM, such as a campaign, or one content version of an asset.
DamId = NewType("DamId", str)
#: A file or folder in Box.
BoxId = NewType("BoxId", str)
#: Six characters that tie a file in Box and a final to their master.
TrackingId = NewType("TrackingId", str)
