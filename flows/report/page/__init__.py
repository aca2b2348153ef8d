"""The report page: one HTML file with its figures, charts and the chart library, which makes no requests.

Vega-Lite draws the charts, from the bundle in vl-convert. The page's own script writes the specifications, not Altair,
because they depend on the filters.
"""

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from importlib.resources import files

import pyarrow as pa
import vl_convert

from transforms.report.page import payload

_COMMENT = "<!-- built from {} -->\n"
# In this order: what runs immediately needs the scripts before it.
_SCRIPTS = ("amounts", "choice", "tables", "charts", "spend", "outlook", "upkeep", "cards", "page")


def page(tables: Mapping[str, pa.Table], before: bytes | None = None) -> bytes:
    """Return the page as HTML. tables: as for `transforms.report.page.payload`.

    before: the existing page. It is returned if nothing changed, which saves two seconds.
    """
    parts = {
        "/* page.css */": _asset("page.css"),
        "/* payload */": payload(tables),
        "/* page.js */": "\n".join(_asset(f"{name}.js") for name in _SCRIPTS),
    }
    html = _asset("page.html")
    content = "\0".join([version("vl-convert-python"), html, *parts.values()])
    comment = _COMMENT.format(hashlib.sha256(content.encode()).hexdigest())
    if before is not None and before.startswith(comment.encode(), html.index("\n") + 1):
        return before
    for mark, part in {**parts, "/* charts */": _charts()}.items():
        head, _, tail = html.partition(mark)
        html = head + part + tail
    doctype, _, rest = html.partition("\n")
    return f"{doctype}\n{comment}{rest}".encode()


def _asset(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")


@cache
def _charts() -> str:
    """Bundle Vega-Lite and its dependencies as one script that defines `vegaEmbed`. Takes two seconds."""
    bundle: str = vl_convert.javascript_bundle(snippet="window.vegaEmbed = vegaEmbed;")
    # A closing tag in a string of the library would end the script.
    return bundle.replace("</script", "<\\/script")
