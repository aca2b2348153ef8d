"""Exclude this machine from the proxies of the environment: they cannot reach a server on it."""

from collections.abc import Mapping

_THIS_MACHINE = ("127.0.0.1", "localhost")


def past_proxies(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that exclude this machine from all proxies, in both spellings.

    Hosts that the environment already excludes stay excluded; a star, which must be alone, excludes all. Some programs
    read one spelling and some the other.
    """
    given = [environment.get(name, "") for name in ("no_proxy", "NO_PROXY")]
    hosts = [host.strip() for text in given for host in text.split(",") if host.strip()]
    hosts = ["*"] if "*" in hosts else [*hosts, *_THIS_MACHINE]
    return dict.fromkeys(("no_proxy", "NO_PROXY"), ",".join(dict.fromkeys(hosts)))
