"""Write docs/api.md, one line for each operation, from the methods themselves: `python3 docs/generate_api.py`."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NoReturn, get_args

from dollr_async.resources.base import Resource
from dollr_async.resources.groups import Groups
from dollr_async.wire.tokens import TOKEN_PATH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAGE = Path(__file__).with_name("api.md")
# `_list` is a GET too; these are the ways that resources/base.py has.
_VERBS = {"_get": "GET", "_list": "GET", "_post": "POST", "_put": "PUT", "_delete": "DELETE"}
# Reads any of the other status operations by its kind; it is no operation of its own.
_NOT_OPERATIONS = {"status.of"}
_TOP = """# The operations

This table has every operation of the API, with the method of `DollrClient` that calls it. For example, the row
`parties.retrieve` is `await dollr.parties.retrieve(party_id)`.

- Pass the ids of a route as positional arguments.
- Pass what is sent as one object, such as `NewParty(...)`, or as keywords. `?` marks a keyword that has a default.

| method | route | sends | returns |
|---|---|---|---|
"""


class Row(NamedTuple):
    """One operation: the method's name as in `parties.create`, its route, what it sends and returns."""

    name: str
    method: str
    route: str
    sends: str
    returns: str


def rows() -> list[Row]:
    """Return a row for each operation; the token's belongs to the client itself."""
    found = [Row("the client itself", "POST", f"/v1/{TOKEN_PATH}", "client id and secret", "token")]
    for name, group in vars(Groups(_NoCaller())).items():
        if isinstance(group, Resource):
            found += [_row(f"{name}.{method}", type(group), call) for method, call in _public(type(group))]
    return [row for row in found if row.name.strip("`") not in _NOT_OPERATIONS]


def page() -> str:
    """Return the whole page."""
    return _TOP + "".join(
        f"| {row.name} | `{row.method} {row.route}` | {row.sends or '-'} | `{row.returns}` |\n" for row in rows()
    )


class _NoCaller:
    async def call(self, *_: object, **__: object) -> NoReturn:
        raise NotImplementedError


def _public(group: type[Resource]) -> Iterator[tuple[str, Callable[..., object]]]:
    for cls in reversed(group.__mro__):
        for name, call in vars(cls).items():
            if inspect.iscoroutinefunction(call) and not name.startswith("_"):
                yield name, call


def _row(name: str, group: type[Resource], call: Callable[..., object]) -> Row:
    method, route = _route(call, getattr(group, "plural", ""))
    signature = inspect.signature(call)
    returns = _named(str(signature.return_annotation), group).replace(" | ", " or ")
    return Row(f"`{name}`", method, route, _sends(signature, route, group), returns)


def _route(call: Callable[..., object], plural: str) -> tuple[str, str]:
    tree = ast.parse(textwrap.dedent(inspect.getsource(call)))
    paths = {
        node.targets[0].id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            verb, arguments = _VERBS.get(node.func.attr), node.args
            if node.func.attr == "call":
                verb, arguments = ast.literal_eval(node.args[0]), node.args[1:]
            if verb:
                path = arguments[0]
                return verb, "/v1/" + _written(paths[path.id] if isinstance(path, ast.Name) else path, plural)
    message = f"{call.__qualname__} makes no call"
    raise LookupError(message)


def _written(path: ast.expr, plural: str) -> str:
    code = ast.unparse(path)
    text = code[2:-1] if code.startswith("f") else code[1:-1]
    return re.sub(r"\{segment\((\w+)\)\}", r"{\1}", text.replace("{self.plural}", plural))


def _sends(signature: inspect.Signature, route: str, group: type[Resource]) -> str:
    said = []
    for name, parameter in list(signature.parameters.items())[1:]:
        if parameter.kind is parameter.KEYWORD_ONLY and name != "retry":
            said.append(f"`{name}=`" if parameter.default is parameter.empty else f"`{name}=?`")
        elif parameter.kind is not parameter.KEYWORD_ONLY and f"{{{name}}}" not in route:
            kind = _named(str(parameter.annotation), group)
            said.append(f"`{name}`" if "|" in kind else f"`{kind}`")
    return ", ".join(said)


def _named(annotation: str, group: type[Resource]) -> str:
    # Invoices and orders share their methods and say their own shapes as type arguments.
    for base in getattr(group, "__orig_bases__", ()):
        for variable, shape in zip(base.__origin__.__parameters__, get_args(base), strict=True):
            annotation = re.sub(rf"\b{variable.__name__}\b", shape.__name__, annotation)
    return annotation


if __name__ == "__main__":
    PAGE.write_text(page())
