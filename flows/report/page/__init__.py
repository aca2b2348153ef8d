"""The report page: one HTML file that holds its figures, its charts and their library, and asks nobody for anything.

Vega-Lite draws the charts, from the bundle that vl-convert carries. The specifications are written in the page's own
script and not by Altair, because they depend on what the reader chooses there.
"""

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from importlib.resources import files

import pyarrow as pa
import vl_convert

from transforms.report.page import payload

_MADE_OF = "<!-- made of {} -->\n"
# In this order, for what is used at once must stand before.
_SCRIPTS = ("amounts", "choice", "tables", "charts", "spend", "outlook", "upkeep", "cards", "page")


def page(tables: Mapping[str, pa.Table], before: bytes | None = None) -> bytes:
    """Return the page as HTML. tables: as `transforms.report.page.payload` wants them.

    before: the page that is there. When it shows the same it is what comes back, which saves two seconds.
    """
    parts = {
        "/* page.css */": _asset("page.css"),
        "/* payload */": payload(tables),
        "/* page.js */": "\n".join(_asset(f"{name}.js") for name in _SCRIPTS),
    }
    html = _asset("page.html")
    whole = "\0".join([version("vl-convert-python"), html, *parts.values()])
    made_of = _MADE_OF.format(hashlib.sha256(whole.encode()).hexdigest())
    if before is not None and before.startswith(made_of.encode(), html.index("\n") + 1):
        return before
    for mark, part in {**parts, "/* charts */": _charts()}.items():
        head, _, tail = html.partition(mark)
        html = head + part + tail
    doctype, _, rest = html.partition("\n")
    return f"{doctype}\n{made_of}{rest}".encode()


def _asset(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")


@cache
def _charts() -> str:
    """Vega-Lite with what it needs, as one script that defines `vegaEmbed`. It takes two seconds to put together."""
    bundle: str = vl_convert.javascript_bundle(snippet="window.vegaEmbed = vegaEmbed;")
    # A closing tag within the library's texts would end the script.
    return bundle.replace("</script", "<\\/script")
