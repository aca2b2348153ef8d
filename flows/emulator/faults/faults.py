"""All faults by name. Each one wraps the function that answers a request, so that faults can be combined.

Faults are deterministic: the seed and the order of the requests decide when one occurs, never the machine's clock.
They affect only a client's requests for recordings (a page, or a single one), except those of Usage Records and of
the account list.
"""

from collections.abc import Mapping, Sequence
from random import Random

from flows.emulator.faults.hostile_faults import HOSTILE_FAULTS
from flows.emulator.faults.late_changes import LEDGER_FAULTS
from flows.emulator.faults.page_faults import PAGE_FAULTS
from flows.emulator.faults.pagination_faults import PAGINATION_FAULTS
from flows.emulator.faults.transport_faults import TRANSPORT_FAULTS
from flows.emulator.http.fault_timing import Fault
from flows.emulator.http.messages import Answer, Source
from flows.emulator.resources.account_page import ACCOUNT_FAULTS
from flows.emulator.resources.usage_page import USAGE_FAULTS

FAULTS: Mapping[str, Fault] = {
    **TRANSPORT_FAULTS,
    **PAGINATION_FAULTS,
    **PAGE_FAULTS,
    **HOSTILE_FAULTS,
    **USAGE_FAULTS,
    **ACCOUNT_FAULTS,
    **LEDGER_FAULTS,
}
"""All faults by name. Those in LEDGER_FAULTS need a living ledger."""


def with_faults(answer: Answer, source: Source, names: Sequence[str], seed: int) -> Answer:
    """Wrap an answer in faults, the first name outermost. Faults that change the ledger come before all others.

    Raises:
        ValueError: a name is not in FAULTS, or it needs a living ledger and the source has none.
    """
    for name in names:
        if name not in FAULTS:
            raise ValueError(f"{name!r} is not a fault. Choose from: {', '.join(sorted(FAULTS))}.")
    # Otherwise a deletion could invalidate a cursor after lost-cursor has checked it.
    outermost = [name for name in names if name in LEDGER_FAULTS]
    for name in reversed([*outermost, *(name for name in names if name not in LEDGER_FAULTS)]):
        answer = FAULTS[name](answer, Random(f"{seed}/{name}"), source)  # noqa: S311 - test faults, not secrets
    return answer
