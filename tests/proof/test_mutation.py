"""How `python -m tests.proof.mutation` counts, and whether the figures of its page add up."""

from __future__ import annotations

import re

from tests.proof.mutation import ENOUGH, read_results
from tests.support.paths import ROOT

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
    rows = re.findall(r"^\| (.+?) \| ([\d,]+) \| ([\d,]+) \| ([\d.]+) % \|$", page, flags=re.MULTILINE)
    figures = {name: (int(made.replace(",", "")), int(noticed.replace(",", ""))) for name, made, noticed, _ in rows}
    for name, *_, shown in rows:
        made, noticed = figures[name]
        assert f"{100 * noticed / made:.1f}" == shown, name
    made, noticed = figures.pop("all")
    assert (made, noticed) == tuple(map(sum, zip(*figures.values(), strict=True)))
    assert 100 * noticed / made >= ENOUGH
    groups = [int(number) for number in re.findall(r"^\| .+ \| (\d+) \|$", page, flags=re.MULTILINE)]
    assert sum(groups) == made - noticed, "every change that was missed is in a group"
