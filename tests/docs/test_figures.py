"""The figures of docs/design.md: drawn from the code, and true of what a client does."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from docs.figures import chain, costs, crash, drawing, execution, fleet, packages, trying_again
from docs.figures.transitions import transitions
from dollr_async.flows.attempt import Action, CheckResult, SendResult
from tests.support.collections import ITEM, collect
from tests.support.documents import a_document
from tests.support.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from docs.figures.chain import Route
    from dollr_async import DollrClient
    from dollr_async.sandbox import Sandbox

FIGURES = {
    "packages": packages.figure,
    "chain": chain.figure,
    "execution": execution.figure,
    "fleet": fleet.figure,
    "crash": crash.figure,
    "costs": costs.figure,
    "trying_again": trying_again.figure,
}
SVG = "{http://www.w3.org/2000/svg}"


def elements(name: str) -> ET.Element:
    return ET.parse(ROOT / "docs" / "figures" / f"{name}.svg").getroot()  # noqa: S314 - our own files


@pytest.mark.parametrize(("name", "figure"), FIGURES.items(), ids=FIGURES)
def test_a_figure_is_what_the_code_draws(name: str, figure: Callable[[], str]) -> None:
    assert (ROOT / "docs" / "figures" / f"{name}.svg").read_text() == figure(), f"run python3 -m docs.figures {name}"


def test_a_page_shows_every_figure() -> None:
    docs = ROOT / "docs"
    pages = [docs / "design.md", docs / "guides" / "fleet.md", docs / "guides" / "journal.md", docs / "benchmarks.md"]
    pages += [docs / "guides" / "trying_again.md"]
    text = "\n".join(page.read_text() for page in pages)
    shown = re.findall(r"^!\[[^\]]{20,}\]\((?:\.\./)?figures/(\w+)\.svg\)$", text, re.MULTILINE)
    assert shown == list(FIGURES)
    assert {path.stem for path in (ROOT / "docs" / "figures").glob("*.svg")} == set(FIGURES)


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_has_words_for_a_screen_reader(name: str) -> None:
    figure = elements(name)
    words = {
        element.get("id"): element.text or "" for element in figure if element.tag in {f"{SVG}title", f"{SVG}desc"}
    }
    assert figure.get("role") == "img"
    assert words[figure.get("aria-labelledby")]
    assert len(words[figure.get("aria-describedby")]) > 200


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_has_the_colours_of_its_page(name: str) -> None:
    """Alone, it follows the system's theme; every rule is kept from other elements of a page that it is a part of."""
    figure = elements(name)
    style = figure.findtext(f"{SVG}style") or ""
    assert "@media (prefers-color-scheme: dark)" in style
    assert "fill: currentColor" in style
    selectors = re.findall(r"^(?:@media[^{]*\{ )?([^{@]+) \{", style, flags=re.MULTILINE)
    parts = [part.strip() for selector in selectors for part in selector.split(",")]
    assert parts
    assert all(part.startswith(f"#{figure.get('id')}") for part in parts)
    assert not [element for element in figure.iter() if element.get("fill") or element.get("style")]


@pytest.mark.parametrize("name", FIGURES)
def test_no_text_of_a_figure_leaves_it(name: str) -> None:
    texts = list(elements(name).iter(f"{SVG}text"))
    assert len(texts) > 10
    for text in texts:
        words, styles, x = "".join(text.itertext()), text.get("class", "").split(), float(text.get("x", ""))
        size = drawing.NORMAL if {"name", "title"} & set(styles) else drawing.SMALL
        width = drawing.text_width(words, size, is_mono="name" in styles)
        left = x - width if "end" in styles else x - width / 2 if "middle" in styles else x
        assert 0 <= left <= left + width <= drawing.WIDTH, words


# The packages


def test_the_arrows_between_packages_lead_down_and_say_no_less_than_the_imports() -> None:
    order, imports = packages.layers(), packages.imports()
    arrows = packages.arrows(imports)
    assert all(order.index(name) < order.index(used) for name in arrows for used in arrows[name])
    assert {name: packages.below(name, arrows) for name in order} == {
        name: packages.below(name, imports) for name in order
    }


def test_no_arrow_between_packages_follows_from_others() -> None:
    arrows = packages.arrows(packages.imports())
    pairs = [(name, used) for name in arrows for used in arrows[name]]
    assert pairs
    for name, used in pairs:
        without = {other: set(direct) - ({used} if other == name else set()) for other, direct in arrows.items()}
        assert used not in packages.below(name, without)


def test_the_sandbox_and_the_client_stand_apart() -> None:
    arrows = packages.arrows(packages.imports())
    assert arrows["sandbox"] == set()
    assert "sandbox" not in packages.below("client", arrows)


def test_an_import_for_types_alone_or_inside_a_function_is_an_import_too(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from dollr_async.wire.codec import Body\n"
        "def late():\n    import dollr_async.base.errors\n    from dollr_async import journal, Execution\n"
        "import asyncio\n"
    )
    assert set(packages.imported(module)) == {"wire", "base", "journal"}


# The chain

OPERATIONS = {
    "create_party": "party",
    "create_counterparty": "counterparty",
    "create_invoice": "document",
    "add_invoice_item": "items",
    "publish_invoice": "publish",
    "create_checkout_source": "checkout",
    "get_payment_source_status": "document",
    "predict_mmo_provider_info": "operator",
    "create_payment_account": "payment account",
    "predict_payment_source_amount_and_fee": "quote",
    "create_checkout_session": "session",
    "collect": "execution",
}
QUOTED = {"payer_currency": "LRD"}
EACH_ROUTE = pytest.mark.parametrize("route", chain.ROUTES, ids=lambda route: route.name)


async def terms_of(route: Route, dollr: DollrClient, **more: object) -> dict[str, Any]:
    """Return what collects on a route; by then the client has a token."""
    await dollr.invoices.list()
    if route.name == "Existing document":
        return {"items": None, "source": await a_document(dollr), **more}
    return {"direct": route.name == "Direct", **more}


async def seconds_of(sandbox: Sandbox, dollr: DollrClient, terms: dict[str, Any]) -> dict[str, float]:
    """Return how many seconds after a collection's first request each of its operations was first called."""
    sandbox.requests.clear()
    await collect(dollr, **terms)
    first = sandbox.requests[0].second
    seconds: dict[str, float] = {}
    for request in sandbox.requests:
        seconds.setdefault(str(request.operation), round(request.second - first, 3))
    return seconds


@EACH_ROUTE
async def test_each_step_begins_in_the_round_trip_that_is_drawn(
    sandbox: Sandbox, dollr: DollrClient, route: Route
) -> None:
    terms = await terms_of(route, dollr, **QUOTED)
    sandbox.set_latency(1.0)
    began = await seconds_of(sandbox, dollr, terms)
    assert {OPERATIONS[operation]: second + 1 for operation, second in began.items()} == route.columns()


@EACH_ROUTE
async def test_each_step_waits_for_the_steps_that_are_drawn_before_it_and_no_other(
    sandbox: Sandbox, dollr: DollrClient, route: Route
) -> None:
    sandbox.set_latency(1.0)
    usual = await seconds_of(sandbox, dollr, await terms_of(route, dollr, **QUOTED))
    waiting = {}
    for operation in usual:
        terms = await terms_of(route, dollr, **QUOTED)
        sandbox.set_latency(20.0, operation)
        slow = await seconds_of(sandbox, dollr, terms)
        sandbox.set_latency(1.0, operation)
        waiting[OPERATIONS[operation]] = {OPERATIONS[other] for other in usual if slow[other] > usual[other]}
    after = {step.name: set(step.after) for step in route.steps}
    assert waiting == {name: {other for other in after if name in packages.below(other, after)} for name in after}


@EACH_ROUTE
async def test_a_charge_in_the_same_currency_makes_the_steps_that_are_not_dashed(
    sandbox: Sandbox, dollr: DollrClient, route: Route
) -> None:
    terms = await terms_of(route, dollr)
    made = {OPERATIONS[operation] for operation in await seconds_of(sandbox, dollr, terms)}
    assert made == {step.name for step in route.steps if not step.is_optional}


@pytest.mark.parametrize(
    ("route", "more"), [(chain.ROUTES[0], 1), (chain.ROUTES[1], 0)], ids=["Document first", "Direct"]
)
async def test_a_further_item_costs_the_round_trips_that_are_written(
    sandbox: Sandbox, dollr: DollrClient, route: Route, more: int
) -> None:
    sandbox.set_latency(1.0)
    terms = await terms_of(route, dollr, items=[ITEM] * 3)
    began = await seconds_of(sandbox, dollr, terms)
    assert began["collect"] + 1 == route.columns()["execution"] + 2 * more


# The execution


def test_every_action_and_every_result_is_drawn() -> None:
    edges = transitions()
    assert {edge.result for edge in edges} >= {result.value for result in (*SendResult, *CheckResult)}
    assert {action for edge in edges for action in (edge.source, edge.target)} == set(Action)
    drawn = {"".join(text.itertext()) for text in elements("execution").iter(f"{SVG}text")}
    assert Action.SEND.value in drawn


def test_a_result_leads_to_one_action_or_is_drawn_as_one_that_depends() -> None:
    edges = transitions()
    assert len(set(edges)) == len(edges)
    for edge in edges:
        alike = [other for other in edges if (other.source, other.result) == (edge.source, edge.result)]
        assert edge.is_always == (len(alike) == 1)
    always = {(edge.result, edge.target) for edge in edges if edge.is_always}
    assert {("landed", Action.ADOPT), ("ambiguous", Action.CHECK), ("found", Action.ADOPT)} <= always


def test_doubt_never_ends_in_a_resend_without_a_status_check() -> None:
    """Only what surely did not arrive leads from a send to a send (docs/design.md, rule 2)."""
    again = {edge.result for edge in transitions() if (edge.source, edge.target) == (Action.SEND, Action.SEND)}
    assert again == {"not arrived", "limited"}
