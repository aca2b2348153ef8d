"""The report page: one HTML file that holds its figures, its charts and their library, and asks nobody for anything."""

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import pyarrow as pa
import vl_convert

from flows.stores.files import write_whole
from transforms.page import payload

_MADE_OF = "<!-- made of {} -->\n"


def write_page(path: Path, tables: Mapping[str, pa.Table]) -> bool:
    """Write the page, unless the one that is there shows the same; whether it was written.

    tables: as `transforms.page.payload` wants them.
    """
    parts = {
        "/* page.css */": _asset("page.css"),
        "/* payload */": payload(tables),
        "/* page.js */": _asset("page.js"),
    }
    html = _asset("page.html")
    whole = "\0".join([version("vl-convert-python"), html, *parts.values()])
    made_of = _MADE_OF.format(hashlib.sha256(whole.encode()).hexdigest())
    if path.exists() and path.read_text("utf-8").startswith(made_of, _after_doctype(html)):
        return False
    for mark, part in {**parts, "/* charts */": _charts()}.items():
        before, _, after = html.partition(mark)
        html = before + part + after
    place = _after_doctype(html)
    write_whole(path, (html[:place] + made_of + html[place:]).encode())
    return True


def _after_doctype(html: str) -> int:
    return html.index("\n") + 1


def _asset(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")


@cache
def _charts() -> str:
    """Vega-Lite with what it needs, as one script that defines `vegaEmbed`. It takes two seconds to put together."""
    bundle: str = vl_convert.javascript_bundle(snippet="window.vegaEmbed = vegaEmbed;")
    # A closing tag within the library's texts would end the script.
    return bundle.replace("</script", "<\\/script")
