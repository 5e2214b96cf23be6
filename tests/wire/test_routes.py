"""The route of a path: only words of the API are shown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dollr_async.wire import routes
from dollr_async.wire.routes import route_of

if TYPE_CHECKING:
    from tests.contract import Contract


def test_a_route_has_a_placeholder_for_what_names_something() -> None:
    assert route_of("invoices/310/items/77/remove") == "invoices/{id}/items/{id}/remove"
    assert route_of("status/collection/7bdf1a9c-8c70-4a7e-9d6e-2f5d2f1d2f11") == "status/collection/{id}"
    assert route_of("orders/retrieve/number/Amara%20Kamara") == "orders/retrieve/number/{id}"


def test_every_operation_of_the_contract_has_its_own_route(contract: Contract) -> None:
    paths = [path.removeprefix("/v1/") for _, path in contract.operations.values() if "/jwt/" not in path]
    filled = [re.sub(r"\{\w+\}", "231771234567", path) for path in paths]
    assert [route_of(path) for path in filled] == [re.sub(r"\{\w+\}", "{id}", path) for path in paths]
    used = {word for path in paths for word in path.split("/") if not word.startswith("{")}
    assert used == routes._WORDS
