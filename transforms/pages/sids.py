"""Identifiers in one spelling, so that the same recording, account or call is never counted twice.

A sid is a UUID (SignalWire), which is equal whatever its case (RFC 9562, section 4), or two letters and 32 hexadecimal
digits (Twilio: RE…, AC…, CA…). Pages were seen to write both in upper and in lower case. Any other text is kept as it
is, because it is not known whether its case matters.
"""

import re

import pyarrow as pa
import pyarrow.compute as pc

_UUID = r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"
_PREFIXED = r"^[a-zA-Z]{2}[0-9a-fA-F]{32}$"
_PREFIXED_LENGTH = 34


def same_spelling(sid: str) -> str:
    """Write a sid in its one spelling: a UUID in lower case, RE0f… with capitals in front and lower-case digits."""
    if re.fullmatch(_UUID, sid):
        return sid.lower()
    return sid[:2].upper() + sid[2:].lower() if re.fullmatch(_PREFIXED, sid) else sid


def is_known_form(sid: str) -> bool:
    """Check whether a sid is of a form that the vendors document, so that it can be part of an address."""
    return re.fullmatch(_UUID, sid) is not None or re.fullmatch(_PREFIXED, sid) is not None


def same_spellings(sids: pa.Array) -> pa.Array:
    """Write a column of sids (string) in their one spelling; null stays null."""
    lower = pc.ascii_lower(sids)  # in what has no spelling of its own, other letters do not matter
    if lower.equals(sids) and not pc.any(pc.equal(pc.binary_length(sids), _PREFIXED_LENGTH)).as_py():
        return sids  # as SignalWire sends them
    prefixed = pc.binary_join_element_wise(
        pc.ascii_upper(pc.utf8_slice_codeunits(sids, 0, 2)), pc.utf8_slice_codeunits(lower, 2), ""
    )
    if prefixed.equals(sids):  # as Twilio sends them
        return sids
    is_uuid, is_prefixed = (pc.match_substring_regex(sids, pattern) for pattern in (_UUID, _PREFIXED))
    return pc.if_else(is_uuid, lower, pc.if_else(is_prefixed, prefixed, sids))
