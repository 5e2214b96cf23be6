"""One case for each operation: the call, what it sends, the API's answer, and what the caller gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.resources.cases import documents, money, people, read_only
from tests.resources.cases.case import WireCase, Wired

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["CASES", "WireCase", "Wired"]

CASES: Sequence[WireCase] = (*people.CASES, *documents.CASES, *money.CASES, *read_only.CASES)
