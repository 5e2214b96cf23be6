"""How `python -m tests.proof.mutation` counts, and whether the figures of its page add up."""

from __future__ import annotations

import re
import tomllib
from fnmatch import fnmatch

from tests.proof.mutation import ENOUGH, read_results
from tests.support.paths import ROOT

_CHANGED = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mutmut"]["only_mutate"]

_RESULTS = """
    dollr_async.tokens.x_life_of__mutmut_1: killed
    dollr_async.tokens.xǁTokenǁage__mutmut_2: timeout
    dollr_async.tokens.xǁTokenǁage__mutmut_3: survived
    dollr_async.journal.rows.x__plain__mutmut_1: no tests
    dollr_async.journal.rows.x__plain__mutmut_2: not checked
    dollr_async.journal.rows.x__plain__mutmut_3: suspicious
"""


def test_a_change_that_no_test_reaches_is_missed_and_one_without_a_result_is_not_noticed() -> None:
    modules = read_results(_RESULTS.splitlines())
    assert list(modules) == ["journal.rows", "tokens", "all"]
    assert modules["all"].missed == [
        "dollr_async.tokens.xǁTokenǁage__mutmut_3",
        "dollr_async.journal.rows.x__plain__mutmut_1",
    ]
    assert (len(modules["all"].noticed), len(modules["all"].without_result)) == (2, 2)
    assert modules["tokens"].line("tokens").split() == ["tokens", "2", "of", "3", "noticed", "66.7", "%"]
    assert modules["journal.rows"].share == 0.0


def test_the_pages_figures_add_up_and_are_enough() -> None:
    page = (ROOT / "docs" / "mutation.md").read_text()
    rows = re.findall(r"^\| (.+?) \| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \|$", page, flags=re.MULTILINE)
    figures = {name: tuple(int(figure.replace(",", "")) for figure in shown) for name, *shown in rows}
    for name, (made, noticed, survivors) in figures.items():
        assert made == noticed + survivors, name
    made, noticed, survivors = figures.pop("all")
    assert (made, noticed, survivors) == tuple(map(sum, zip(*figures.values(), strict=True)))
    assert 100 * noticed / made >= ENOUGH
    assert f"{100 * noticed / made:.1f} %" in page
    groups = [int(number) for number in re.findall(r"^\| [^|]+ \| [^|]+ \| (\d+) \|$", page, flags=re.MULTILINE)]
    assert sum(groups) == survivors, "every survivor is in a group"
    for name in figures:
        module = f"dollr_async/{name.strip('`').replace('.', '/')}.py"
        assert (ROOT / module).is_file(), name
        assert any(fnmatch(module, pattern) for pattern in _CHANGED), f"the session does not change {name}"
