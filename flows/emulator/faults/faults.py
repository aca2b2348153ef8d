"""Ways in which an API misbehaves. Each one wraps what answers, so that they combine.

A fault is deterministic: when it strikes depends on the seed and on the order of the requests, never on the
machine's clock. All of them strike a client's requests for a page of recordings only, but for those of Usage Records
and of the list of accounts.
"""

from collections.abc import Mapping, Sequence
from random import Random

from flows.emulator.faults.ledger_faults import LEDGER_FAULTS
from flows.emulator.faults.page_faults import PAGE_FAULTS
from flows.emulator.faults.transport_faults import TRANSPORT_FAULTS
from flows.emulator.faults.walk_faults import WALK_FAULTS
from flows.emulator.http.messages import Answer, Source
from flows.emulator.http.striking import Fault
from flows.emulator.resources.account_page import ACCOUNT_FAULTS
from flows.emulator.resources.usage_page import USAGE_FAULTS

FAULTS: Mapping[str, Fault] = {
    **TRANSPORT_FAULTS,
    **WALK_FAULTS,
    **PAGE_FAULTS,
    **USAGE_FAULTS,
    **ACCOUNT_FAULTS,
    **LEDGER_FAULTS,
}
"""All faults by name; those of LEDGER_FAULTS need a living ledger."""


def with_faults(answer: Answer, source: Source, names: Sequence[str], seed: int) -> Answer:
    """Wrap an answer in faults, the first name outermost; what happens to the ledger happens before all others.

    Raises ValueError for a name not in FAULTS, and for one that needs a living ledger when the source has none.
    """
    for name in names:
        if name not in FAULTS:
            raise ValueError(f"There is no fault {name!r}. Choose from: {', '.join(sorted(FAULTS))}.")
    # Else a cursor could die after lost-cursor has looked at it.
    outermost = [name for name in names if name in LEDGER_FAULTS]
    for name in reversed([*outermost, *(name for name in names if name not in LEDGER_FAULTS)]):
        answer = FAULTS[name](answer, Random(f"{seed}/{name}"), source)  # noqa: S311 - mischief, not secrets
    return answer
