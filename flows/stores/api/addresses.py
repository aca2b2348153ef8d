"""The addresses of the lists and recordings of one account."""

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import quote, urlencode

from flows.stores.api.access import AccountAccess
from transforms.ingest.usage import usage_parameters
from transforms.values.windows import Window

PAGE_SIZE = 1000
"""The largest page both vendors allow (documented: 1 to 1000)."""

_ROOTS = {"signalwire": "/api/laml/2010-04-01", "twilio": "/2010-04-01"}

# Documented for Twilio, for its list and for a single recording: without it, deleted recordings are left out, and they
# were paid for. Not documented for SignalWire.
_WITH_DELETED: Mapping[str, Mapping[str, str]] = {
    "signalwire": MappingProxyType({}),
    "twilio": MappingProxyType({"IncludeSoftDeleted": "true"}),
}


class Addresses:
    """Where the API has what belongs to an account.

    lists_deleted: whether it also has recordings that were deleted, for as long as it keeps them. accounts: the list of
    the account of the credentials and its subaccounts.
    """

    def __init__(self, access: AccountAccess) -> None:
        accounts = f"{access.base_url.rstrip('/')}{_ROOTS[access.provider]}/Accounts"
        self._account = f"{accounts}/{access.account_sid}"
        self._with_deleted = _WITH_DELETED[access.provider]
        self.lists_deleted = bool(self._with_deleted)
        self.accounts = f"{accounts}.json?{urlencode({'PageSize': PAGE_SIZE})}"

    def recordings(self, parameters: Mapping[str, str], page_size: int) -> str:
        """Return the address of the recordings that the parameters select, newest first."""
        whole = {**parameters, **self._with_deleted, "PageSize": page_size}
        return f"{self._account}/Recordings.json?{urlencode(whole)}"

    def recording(self, sid: str) -> str:
        """Return the address of a single recording. Without `.json` it would be the audio (documented, SignalWire)."""
        query = f"?{urlencode(self._with_deleted)}" if self._with_deleted else ""
        return f"{self._account}/Recordings/{quote(sid, safe='')}.json{query}"

    def usage(self, window: Window) -> str:
        """Return the address of the Usage Records of these days (UTC). Only Twilio has them."""
        parameters = {**usage_parameters(window), "PageSize": PAGE_SIZE}
        return f"{self._account}/Usage/Records/Daily.json?{urlencode(parameters)}"
