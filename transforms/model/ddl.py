"""Text of SQL statements: tables and literals."""

from transforms.model.models import Twin


def create_table(name: str, twin: Twin) -> str:
    """Return the statement that creates the table of a twin."""
    columns = ", ".join(f'"{column}" {described.type}' for column, described in twin.columns.items())
    return f"create table {name} ({columns})"


def quoted(text: str) -> str:
    """Return a text as a SQL literal."""
    return "'" + text.replace("'", "''") + "'"
