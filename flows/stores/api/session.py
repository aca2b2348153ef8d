"""The HTTP session of an account: its credentials, and what must never be done with them."""

import requests
from requests.auth import HTTPBasicAuth

from flows.stores.api.access import AccountAccess
from flows.stores.api.deadline import Deadline, DeadlineAdapter
from flows.stores.certificates import own_certificates


def new_session(access: AccountAccess, deadline: Deadline) -> requests.Session:
    """Create a session that sends the account's credentials and ignores redirects. deadline: can cut its responses.

    Raises:
        ConfigError: The environment names a file of certificates that cannot be used.
    """
    session = _Session()
    for scheme in ("https://", "http://"):
        session.mount(scheme, DeadlineAdapter(deadline))
    # As bytes: requests would encode text as Latin-1, and raise for other characters.
    session.auth = HTTPBasicAuth(access.user.encode(), access.token.encode())
    # Plain http is only allowed for this machine, where proxies do not apply.
    session.trust_env = not access.base_url.startswith("http:")
    if session.trust_env and (certificates := own_certificates()) is not None:
        session.verify = str(certificates)
    session.headers.update({"Accept": "application/json", "User-Agent": "recspend"})
    return session


class _Session(requests.Session):
    """A session that ignores redirects: requests would parse their targets even if it is not allowed to follow them."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        return None
