"""How the pages are built: `sphinx-build -W --keep-going -b html docs docs/_build/html`."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, get_args, get_origin

from docutils import nodes

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

import dollr_async  # noqa: E402 - from this checkout, installed or not
from dollr_async.following.watch import ChangeIterator  # noqa: E402 - the same
from dollr_async.resources.base import Resource  # noqa: E402 - the same
from dollr_async.resources.invoices import Invoices  # noqa: E402 - the same
from dollr_async.resources.orders import Orders  # noqa: E402 - the same

if TYPE_CHECKING:
    from sphinx.addnodes import pending_xref
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

project = PROJECT["name"]
author = PROJECT["authors"][0]["name"]
release = dollr_async.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton", "docs.narrow"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = project
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_show_copyright = False
html_show_sphinx = False
myst_enable_extensions = ["tasklist"]
myst_heading_anchors = 3
# What is printed is not copied, nor is the prompt of a shell.
copybutton_selector = ", ".join(
    f"div.highlight-{name} pre" for name in ("python", "py", "sh", "console", "ini", "yaml")
)
copybutton_prompt_text = "$ "

napoleon_custom_sections = [("Raises while iterating", "Raises")]
# The docstrings write `code` as Markdown does.
default_role = "code"
add_module_names = False
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88

nitpicky = True
# The client and the sandbox each have an `Outcome`, and annotations name it without its module.
suppress_warnings = ["ref.python"]
nitpick_ignore_regex = [
    # The types of other libraries, whose pages are not fetched during the build.
    (r"py:.*", r"(aiohttp|asyncio|collections|contextlib|datetime|decimal|os|typing|uuid)\..*|datetime|Decimal|UUID"),
    # Types of this library that users need not name.
    (
        r"py:class",
        (
            r"dollr_async\.(sandbox|testing)\.\w+\.(Settings|QuickPolicies|\w+Keywords|J)|Clock|Followable|RetryAfter|RowShape|"
            r"Outcomes|RedisClient|Pool|AbstractAsyncContextManager|[JT]"
        ),
    ),
    (r"py:class", r"App|AsyncConnection|AsyncConnectionPool|MeterProvider|TracerProvider"),
]

NOT_MADE_BY_USERS = (BaseException, Resource, ChangeIterator, dollr_async.MergedWatch, dollr_async.Payment)


class Options(Protocol):
    """The options of one entry of the reference."""

    undoc_members: bool


def public_name(app: Sphinx, env: BuildEnvironment, node: pending_xref, shown: nodes.Element) -> nodes.Element | None:
    """Link a name that is defined in an inner module to the entry under which users import it."""
    name = node["reftarget"].rpartition(".")[2]
    if node["refdomain"] != "py" or name not in dollr_async.__all__:
        return None
    target = f"dollr_async.{name}"
    return env.domains.python_domain.resolve_xref(env, node["refdoc"], app.builder, "obj", target, node, shown)


def shown_signature(
    _app: Sphinx, what: str, name: str, thing: type, options: Options, signature: str | None, returns: str | None
) -> tuple[str | None, str | None] | None:
    """Hide the arguments of what users do not make, and show invoices and orders with their own types."""
    if signature is None:
        return None
    if what in {"class", "exception"} and (options.undoc_members or issubclass(thing, NOT_MADE_BY_USERS)):
        return "", None
    return with_own_types(name, signature.replace("mappingproxy({})", "{}")), with_own_types(name, returns)


def with_own_types(name: str, text: str | None) -> str | None:
    """Replace the types that invoices and orders share by those of the group."""
    for group in (Invoices, Orders):
        if text and f".{group.__name__}." in name:
            (shared,) = vars(group)["__orig_bases__"]
            for variable, own in zip(get_origin(shared).__parameters__, get_args(shared), strict=True):
                text = text.replace(f"{variable.__module__}.{variable.__name__}", f"dollr_async.{own.__name__}")
    return text


def keep_colons(_app: Sphinx, what: str, _name: str, _thing: object, _options: object, lines: list[str]) -> None:
    """Stop napoleon from reading an attribute's words before a colon as its type, by a comment at the start."""
    if what in {"attribute", "data", "property"}:
        lines[:0] = ["..", ""]


def inline_figures(app: Sphinx, doctree: nodes.document, _name: str) -> None:
    """Put the figures inline into the page, so that they have its colours and their text can be selected."""
    if app.builder.format != "html":
        return
    for image in list(doctree.findall(nodes.image)):
        path = Path(app.srcdir) / image["uri"]
        if path.parent.name == "figures":
            image.replace_self(nodes.raw("", path.read_text(), format="html"))


def setup(app: Sphinx) -> None:
    """Connect the functions above to the events of Sphinx."""
    app.connect("doctree-resolved", inline_figures)
    app.connect("missing-reference", public_name)
    app.connect("autodoc-process-signature", shown_signature)
    app.connect("autodoc-process-docstring", keep_colons, priority=400)  # napoleon's own is 500
