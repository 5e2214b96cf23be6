"""Check the installed package: every name that docs/reference.md describes, and every data file, is in it.

    python -I tests/project/installed_wheel.py

It prints what it found. It exits with 1 when a name is missing, or when it imported the checkout instead of an
installed package. It needs nothing but the package, so it runs where the wheel was installed with the core alone.
"""

from __future__ import annotations

import importlib
import re
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).parents[2]

PUBLIC_MODULES = (
    "dollr_async",
    "dollr_async.blocking",
    "dollr_async.fleet",
    "dollr_async.integrations.django",
    "dollr_async.integrations.opentelemetry",
    "dollr_async.integrations.procrastinate",
    "dollr_async.journal",
    "dollr_async.observing",
    "dollr_async.resources.checkouts",
    "dollr_async.resources.counterparties",
    "dollr_async.resources.executions",
    "dollr_async.resources.fees",
    "dollr_async.resources.invoices",
    "dollr_async.resources.links",
    "dollr_async.resources.merchants",
    "dollr_async.resources.orders",
    "dollr_async.resources.parties",
    "dollr_async.resources.payment_accounts",
    "dollr_async.resources.predictions",
    "dollr_async.resources.realtime_keys",
    "dollr_async.resources.sessions",
    "dollr_async.resources.status",
    "dollr_async.sandbox",
    "dollr_async.sandbox.faults",
    "dollr_async.sandbox.outcomes",
    "dollr_async.sandbox.passcodes",
    "dollr_async.testing",
    "dollr_async.testing.quick",
)
"""The modules that users may import from. A name in any other module may move without notice."""


DATA_FILES = (
    "checking/openapi.yaml",
    "py.typed",
    "sandbox/pages/control/openapi.json",
    "sandbox/pages/static/page.css",
    "sandbox/pages/static/page.js",
)
"""Files of the package that are no modules, and that it does not work without."""


def missing_files(package: Path) -> list[str]:
    """Return the data files that the package lacks."""
    return [name for name in DATA_FILES if not (package / name).is_file()]


def described_names() -> dict[str, set[str]]:
    """Return the names that the reference describes, by the module that it names for them."""
    names: dict[str, set[str]] = {}
    reference = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    for module, name in re.findall(r"^\.\. auto\w+:: ([\w.]+)\.(\w+)$", reference, flags=re.MULTILINE):
        names.setdefault(module, set()).add(name)
    return names


def missing_names(module: str, described: set[str]) -> list[str]:
    """Return the names that cannot be imported from a module: those of its `__all__`, and those that are described."""
    try:
        found = importlib.import_module(module)
    except ImportError:
        return [module]
    except Exception as error:  # noqa: BLE001 - it is raised again
        _must_name_an_extra(error)
        return []
    wanted = described | set(getattr(found, "__all__", ()))
    return [f"{module}.{name}" for name in sorted(wanted) if not _is_there(found, name)]


def _is_there(module: ModuleType, name: str) -> bool:
    try:
        getattr(module, name)
    except AttributeError:
        return False
    except Exception as error:  # noqa: BLE001 - it is raised again
        _must_name_an_extra(error)
    return True


def _must_name_an_extra(error: Exception) -> None:
    """Raise the error again, unless it says which extra to install."""
    if "pip install 'dollr-async[" not in str(error):
        raise error


def main() -> int:
    """Print what was found, and return the exit code."""
    described = described_names()
    missing = [name for module in PUBLIC_MODULES for name in missing_names(module, described.get(module, set()))]
    package = Path(importlib.import_module("dollr_async").__file__ or "").parent
    missing += missing_files(package)
    count = sum(map(len, described.values()))
    lines = [f"dollr-async {version('dollr-async')} in {package}"]
    lines += [f"{len(PUBLIC_MODULES)} public modules, {count} names in docs/reference.md, {len(missing)} missing"]
    lines += [f"missing: {name}" for name in missing]
    is_checkout = package == ROOT / "dollr_async"
    if is_checkout:
        lines += ["this is the checkout: install the wheel, and run this program with python -I"]
    print("\n".join(lines))  # noqa: T201 - the result
    return 1 if missing or is_checkout else 0


if __name__ == "__main__":
    sys.exit(main())
