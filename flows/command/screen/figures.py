"""Show statements and explanations of figures on the screen."""

from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from flows.command.screen.tables import table
from flows.stores.folder.statements import Sealed, statement_table
from transforms.report.text import to_text_frame

_STYLES = {"true": "", "false": "bold red"}
"""How a recording looks by whether it is verified. If its page was dropped, that cannot be said."""

if TYPE_CHECKING:
    from flows.emulator import Source
    from flows.report.explain import Explanation


def statement_lines(sealed: Sealed, folder: Path) -> list[Table | Text]:
    """Describe a statement: its rows, what was missing, its folder and its digest."""
    statement = sealed.statement
    shown = statement_table(sealed)
    missing = [Text(f"Missing: {statement.missing.words}.", "yellow")] if statement.missing.words else []
    return [
        table(shown.drop_columns("account_sid"), f"Statement of {statement.month}"),
        *missing,
        Text(f"Closed at {statement.closed_at.isoformat()}   {folder}   sha256 {sealed.sha256}"),
    ]


def explanation_lines(found: "Explanation", rows: int) -> list[Table | Text]:
    """Describe a figure: the sums of its recordings, the first recordings with their pages, and the result."""
    key = " ".join(found.key)
    lines: list[Table | Text] = [
        table(found.figures, f"{found.mart} {key}"),
        table(found.sums, "Its recordings add up to"),
    ]
    for row in to_text_frame(found.recordings.slice(0, rows)).to_dict("records"):
        lines.append(
            Text(
                f"{row['recording_sid']}  {row['created_at']}  {row['price_raw'] or 'no price'} {row['currency']}\n"
                f"    {row['raw_page']}, position {row['position'] or '?'}, sha256 {row['page_sha256'] or '?'}",
                _STYLES.get(row["is_verified"], "yellow"),
            )
        )
    is_verified = found.recordings["is_verified"].to_pylist()
    verified, lost = is_verified.count(True), is_verified.count(None)
    verdict = f"{verified:,} of {len(is_verified):,} recordings were verified in {found.pages:,} raw pages."
    if lost:
        verdict += f" {lost:,} cannot be, because their pages were dropped."
    more = f" --format csv prints all {len(is_verified):,}." if len(is_verified) > rows else ""
    return [
        *lines,
        Text(verdict + more, "bold red" if False in is_verified else "yellow" if lost else "green"),
    ]


def how_to_use(base_url: str, source: "Source") -> list[Text]:
    """Return the commands that run recspend against a running emulator."""
    lines = [
        Text(
            f"Recordings API on {base_url}; stop it with Ctrl-C. In another terminal, run one of its accounts:"
        )
    ]
    for account in source.accounts:
        lines.append(
            Text(
                f"RECSPEND_BASE_URL={base_url} RECSPEND_ACCOUNT_SID={account.account_sid} "
                f"RECSPEND_ACCOUNT_NAME={account.name} RECSPEND_API_TOKEN={account.api_token} recspend run"
            )
        )
    return lines
