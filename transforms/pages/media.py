"""Where the audio of a recording is stored, from the address of its media file.

SignalWire sends no `media_url`: its audio is under the recording's own uri (documented). Twilio sends one; for a
recording in the customer's own bucket it is the full address there, and Twilio then stores no audio and charges no
storage for it (documented at twilio.com/docs/voice/api/recording). So another host than the API's means external. The
address itself may be secret or personal, and is not kept.
"""

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from transforms.values.distinct import map_distinct

VENDOR, EXTERNAL = "vendor", "external"

# Twilio's regions, and a proxy in front of the API, have other hosts than the address in a record.
_VENDOR_DOMAINS = ("twilio.com", "signalwire.com")
_ADDRESS = r"^\s*(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*)://(?:[^/?#@]*@)?(?P<host>\[[^\]/?#]*\]|[^/?#:@\s]+)"
_PATH = r"^\s*/[^/\s]"


def media_locations(media_urls: pa.Array, api_hosts: pa.Array) -> pa.Array:
    """Say where each address (string) is: vendor, external, or null when it is missing or not an address.

    Args:
        media_urls: The addresses; one that is only a path is on the API's host.
        api_hosts: The host that each record's page came from (string), in lower case; empty when it is not known.
    """
    if media_urls.null_count == len(media_urls):
        return pa.nulls(len(media_urls), pa.string())
    parts = pc.extract_regex(media_urls, _ADDRESS)
    hosts = pc.utf8_lower(pc.struct_field(parts, "host"))
    is_vendor = pc.or_(pc.equal(hosts, api_hosts), map_distinct(hosts, _in(_VENDOR_DOMAINS), pa.bool_()))
    is_path = pc.fill_null(pc.match_substring_regex(media_urls, _PATH), False)
    located = pc.if_else(is_vendor, VENDOR, EXTERNAL)  # null without a host
    return pc.if_else(is_path, pa.scalar(VENDOR), located)


def _in(domains: tuple[str, ...]) -> Callable[[str], bool]:
    return lambda host: any(host == domain or host.endswith(f".{domain}") for domain in domains)
