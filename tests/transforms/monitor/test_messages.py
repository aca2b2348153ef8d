"""Which findings are sent to a channel, and when again."""

import json

import pytest

from transforms.errors import ConfigError
from transforms.monitor.findings import (
    KINDS,
    Finding,
    Kind,
    account_key,
    failed_accounts,
    failed_checks,
    failed_run,
)
from transforms.monitor.messages import TEST, Message, Seen, messages


def finding(kind: Kind = "budget.exceeded", subject: str = "a") -> Finding:
    return Finding(kind, subject, f"sentence of {subject}", {"subject": subject})


class Listener:
    """A channel that gets the messages of successive runs."""

    def __init__(self, *wanted: Kind) -> None:
        self.wanted = wanted or KINDS
        self.notified: set[str] = set()

    def hears(self, *found: Finding, seen: Seen | None = None, answers: bool = True) -> list[str]:
        seen = seen or Seen(KINDS)
        self.notified = seen.still_notified(self.notified, found)
        new = messages(found, self.notified, self.wanted)
        if answers:
            self.notified |= {each.key for message in new for each in message.findings}
        return [each.key for message in new for each in message.findings]


A, B = finding(subject="a"), finding(subject="b")


def test_finding_is_sent_once_and_again_when_it_returns() -> None:
    listener = Listener()
    assert listener.hears(A) == [A.key]
    assert listener.hears(A) == []
    assert listener.hears(A, B) == [B.key]
    assert listener.hears(B) == []
    assert listener.hears(A, B) == [A.key]
    assert listener.hears() == []
    assert listener.notified == set()


def test_finding_in_other_words_is_not_sent_again() -> None:
    listener = Listener()
    listener.hears(A)
    assert listener.hears(Finding(A.kind, A.subject, "other figures", {})) == []


def test_undelivered_message_is_tried_again() -> None:
    listener = Listener()
    assert listener.hears(A, answers=False) == [A.key]
    assert listener.hears(A) == [A.key]
    assert listener.hears(A) == []


def test_only_requested_kinds_are_sent() -> None:
    listener = Listener("holes.found")
    assert listener.hears(A, finding("holes.found")) == ["holes.found a"]


def test_unchecked_finding_is_neither_cleared_nor_sent_again() -> None:
    listener, hole = Listener(), finding("holes.found")
    listener.hears(A, hole)
    assert listener.hears(seen=Seen({"holes.found"})) == []
    assert listener.notified == {A.key}
    assert listener.hears(A, hole) == [hole.key]
    failed = failed_accounts({"sales": "It answers 401.", "support": "It answers 401."})
    listener.hears(*failed)
    assert listener.hears(seen=Seen({"holes.found"}, {account_key("support")})) == []
    assert listener.hears(*failed) == [account_key("support")]


def test_messages_are_one_per_kind_most_important_first() -> None:
    found = [finding("bill.differs"), A, finding("run.failed"), B]
    made = messages(found, (), KINDS)
    assert [message.event for message in made] == [
        "recspend.run.failed",
        "recspend.budget.exceeded",
        "recspend.bill.differs",
    ]
    assert made[1].findings == [A, B]
    for kind in KINDS:
        (message,) = messages([finding(kind)], (), KINDS)
        assert message.text.splitlines()[1] == "sentence of a"
        assert message.title
        assert message.to_do.endswith(".")


def test_message_lists_some_findings_and_counts_all_as_sent() -> None:
    listener = Listener()
    found = [finding(subject=f"{n:02}") for n in range(47)]
    (message,) = messages(found, (), KINDS)
    lines = message.text.splitlines()
    assert lines[0] == "recspend: A budget is exceeded"
    assert lines[1:11] == [f"sentence of {n:02}" for n in range(10)]
    assert lines[11:-1] == ["… and 37 more."]
    assert (len(message.as_object()["findings"]), message.as_object()["more"]) == (10, 37)
    assert len(listener.hears(*found)) == 47
    assert listener.hears(*found) == []


def test_message_is_json_and_a_line_for_each_finding() -> None:
    odd = Finding("budget.exceeded", "x", "name\nwith\tblanks \x1b[2J", {"cost": "1.500000000", "note": None})
    (message,) = messages([odd], (), KINDS)
    assert message.text.splitlines()[1] == r"name with blanks \u001b[2J"
    assert json.loads(json.dumps(message.as_object())) == {
        "event": "recspend.budget.exceeded",
        "title": "A budget is exceeded",
        "to_do": message.to_do,
        "findings": [
            {
                "key": "budget.exceeded x",
                "sentence": "name with blanks \\u001b[2J",
                "facts": {"cost": "1.500000000", "note": None},
            }
        ],
        "more": 0,
    }
    assert isinstance(TEST, Message)
    assert "test" in TEST.text


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ConfigError("RECSPEND_API_TOKEN is not set. Set it."), "RECSPEND_API_TOKEN is not set. Set it."),
        (OSError(28, "No space left on device", "data/x"), "data/x: No space left on device."),
        (OSError("PTsecret"), "OSError."),
        (ValueError("PTsecret"), "An unexpected error occurred (ValueError)."),
    ],
)
def test_failed_run_says_why_but_shows_no_unexpected_text(error: Exception, reason: str) -> None:
    found = failed_run(error)
    assert (found.key, found.sentence) == ("run.failed run", f"The run ended early. {reason}")


def test_failed_checks_say_which_and_how_many_rows() -> None:
    (found,) = failed_checks([("keys_are_unique", "A row twice counts twice.", 3)])
    assert found.key == "checks.failed keys_are_unique"
    assert found.sentence == "The check keys_are_unique found 3 rows. A row twice counts twice."
