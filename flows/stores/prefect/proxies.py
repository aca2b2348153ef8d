"""The proxies of the environment, which know nothing of a server on this machine."""

from collections.abc import Mapping

_THIS_MACHINE = ("127.0.0.1", "localhost")


def past_proxies(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that keep everybody from asking a proxy for this machine, in both spellings.

    What the environment leaves out of its proxies already stays so; a star, which must be alone, is everything. Some
    programs read the one spelling and some the other.
    """
    given = [environment.get(name, "") for name in ("no_proxy", "NO_PROXY")]
    hosts = [host.strip() for text in given for host in text.split(",") if host.strip()]
    hosts = ["*"] if "*" in hosts else [*hosts, *_THIS_MACHINE]
    return dict.fromkeys(("no_proxy", "NO_PROXY"), ",".join(dict.fromkeys(hosts)))
