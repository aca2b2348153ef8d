"""The proxies of the environment, which know nothing of a server on this machine."""

import os

_THIS_MACHINE = ("127.0.0.1", "localhost")


def past_proxies() -> None:
    """Have nobody ask a proxy for this machine: neither this process nor those that it starts from now on.

    What the environment leaves out of its proxies already stays so; a star, which must stand alone, is everything. Both
    spellings are set, for some read the one and some the other.
    """
    given = [os.environ.get(name, "") for name in ("no_proxy", "NO_PROXY")]
    hosts = [host.strip() for text in given for host in text.split(",") if host.strip()]
    hosts = ["*"] if "*" in hosts else [*hosts, *_THIS_MACHINE]
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = ",".join(dict.fromkeys(hosts))
