"""The workflows run the sessions that exist, on the Pythons of the metadata, and may do no more than they must."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

WORKFLOWS = {path.name: yaml.safe_load(path.read_text()) for path in (ROOT / ".github" / "workflows").glob("*.yml")}
TEXTS = {name: (ROOT / ".github" / "workflows" / name).read_text() for name in WORKFLOWS}
JOBS = {f"{name} {key}": job for name, workflow in WORKFLOWS.items() for key, job in workflow["jobs"].items()}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CLASSIFIED = [found[1] for name in PROJECT["classifiers"] if (found := re.fullmatch(r"Programming .* (3\.\d+)", name))]
"""The Python versions of the metadata."""

MORE_THAN_READING = {
    "release.yml publish": {"id-token": "write"},
    "release.yml announce": {"contents": "write"},
}
"""What a job may do beside reading the repository."""


def matrix(job: str) -> dict[str, list[Any]]:
    values: dict[str, list[Any]] = JOBS[job]["strategy"]["matrix"]
    return values


def commands(job: dict[str, Any]) -> str:
    return "\n".join(step.get("run", "") for step in job["steps"])


def test_the_two_workflows_are_there() -> None:
    assert set(WORKFLOWS) == {"ci.yml", "release.yml"}


def test_the_tests_run_on_each_python_that_the_metadata_names() -> None:
    assert CLASSIFIED == ["3.11", "3.12", "3.13"]
    assert matrix("ci.yml tests")["python"] == CLASSIFIED
    assert matrix("release.yml test")["python"] == CLASSIFIED
    assert set(matrix("ci.yml other-systems")["python"]) <= set(CLASSIFIED)


def test_only_a_python_that_the_metadata_does_not_name_may_fail() -> None:
    (job,) = [job for job in WORKFLOWS["ci.yml"]["jobs"].values() if "is-next" in str(job.get("continue-on-error"))]
    marked = {entry["python"] for entry in job["strategy"]["matrix"]["include"] if entry.get("is-next")}
    assert marked == {"3.14"}
    assert not marked & set(CLASSIFIED)


def test_every_session_of_the_noxfile_that_is_not_slow_runs_and_no_other() -> None:
    noxfile = (ROOT / "noxfile.py").read_text()
    sessions = re.findall(r"^@nox\.session\((.*)\)\ndef (\w+)\(", noxfile, flags=re.MULTILINE)
    usual = {name for options, name in sessions if '"slow"' not in options and name != "touched"}
    tests = matrix("ci.yml tests")
    run = {*matrix("ci.yml checks")["session"], *tests["session"], *(entry["session"] for entry in tests["include"])}
    assert run == usual
    named = {word for text in TEXTS.values() for word in re.findall(r"--session (\w+)", text)}
    assert named == {"package", "tests"}
    assert named < usual


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_a_workflow_may_do_nothing_by_itself(workflow: str) -> None:
    assert WORKFLOWS[workflow]["permissions"] == {}


@pytest.mark.parametrize("name", JOBS)
def test_a_job_may_do_what_it_needs_and_ends(name: str) -> None:
    job = JOBS[name]
    reading = {"contents": "read"} if "actions/checkout@" in str(job["steps"]) else {}
    assert job["permissions"] == MORE_THAN_READING.get(name, reading)
    assert job["timeout-minutes"] <= 45


@pytest.mark.parametrize("name", JOBS)
def test_every_action_is_named_by_its_commit_with_its_version(name: str) -> None:
    workflow = TEXTS[name.partition(" ")[0]]
    for step in JOBS[name]["steps"]:
        if "uses" in step:
            assert re.search(rf"uses: {re.escape(step['uses'])} # v\d+\.\d+\.\d+\n", workflow), step["uses"]
            assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", step["uses"])
        if "checkout" in step.get("uses", ""):
            assert step["with"]["persist-credentials"] is False


def test_one_action_has_one_version() -> None:
    used = {step["uses"] for job in JOBS.values() for step in job["steps"] if "uses" in step}
    assert len({action.partition("@")[0] for action in used}) == len(used)


@pytest.mark.parametrize("name", JOBS)
def test_no_expression_is_put_into_a_script(name: str) -> None:
    """What a branch or a tag is called would be run as a program."""
    assert "${{" not in commands(JOBS[name])


def test_only_the_jobs_that_need_servers_start_them() -> None:
    assert [name for name, job in JOBS.items() if "services" in job] == ["ci.yml tests"]


def test_what_is_published_is_what_was_built_once_and_tested() -> None:
    jobs = WORKFLOWS["release.yml"]["jobs"]
    assert [jobs[name].get("needs") for name in ("build", "test", "publish", "announce")] == [
        None,
        "build",
        "test",
        "publish",
    ]
    assert [name for name, job in jobs.items() if "python -m build" in commands(job)] == ["build"]
    assert "--session package" in commands(jobs["test"])
    assert commands(jobs["test"]).rstrip().endswith("-- dist")
    assert commands(jobs["publish"]) == "\n"
    (publish,) = [step for step in jobs["publish"]["steps"] if "gh-action-pypi-publish" in step["uses"]]
    assert publish["with"]["attestations"] is True
    assert "password" not in publish["with"]
    assert jobs["publish"]["environment"] == "pypi"


def test_a_release_begins_with_a_tag_alone() -> None:
    # YAML reads the key `on` as true.
    assert WORKFLOWS["release.yml"][True] == {"push": {"tags": ["v*"]}}
    assert not any("pull_request_target" in text for text in TEXTS.values())


def test_the_documentation_is_hosted_as_the_session_builds_it() -> None:
    settings = yaml.safe_load((ROOT / ".readthedocs.yaml").read_text())
    assert settings["sphinx"] == {"configuration": "docs/conf.py", "builder": "html", "fail_on_warning": True}
    assert settings["build"]["tools"]["python"] in CLASSIFIED
    (extras,) = re.findall(r"\.\[(.*?)\]", str(settings["build"]["jobs"]["install"]))
    assert f'extras: str = "{extras}"' in (ROOT / "noxfile.py").read_text()


@pytest.mark.parametrize(
    "path", sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")), ids=lambda path: path.name
)
def test_a_form_asks_what_can_be_answered(path: Path) -> None:
    form = yaml.safe_load(path.read_text())
    if path.name == "config.yml":
        assert form == {"blank_issues_enabled": False}
        return
    asked = [field for field in form["body"] if field["type"] != "markdown"]
    assert form["name"]
    assert form["description"]
    assert len({field["id"] for field in asked}) == len(asked) > 1
    assert all(field["attributes"]["label"] for field in asked)
    assert any(field.get("validations", {}).get("required") for field in asked)
