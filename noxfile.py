"""The checks and tests of the project.

- `python3 -m nox`: what to run before a commit; about four minutes on two cores.
- `python3 -m nox -s touched`: style and tests of what has changed since the last commit.
- `python3 -m nox -t full`: the rest, as continuous integration runs it after the default; both take about 24 minutes.
- `python3 -m nox -t slow`: real processes, kills, chaos, mutation, benchmarks; run before the money rules change.
- `python3 -m nox -s lint`: one session; `python3 -m nox --list` names them all.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tomllib
from pathlib import Path

import nox

nox.options.default_venv_backend = "uv"
nox.options.error_on_missing_interpreters = False
nox.options.stop_on_first_error = False
nox.options.sessions = ["lint", "types", "imports", "tests"]

ROOT = Path(__file__).parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
# The tests run on what the machine has; no interpreter is downloaded.
os.environ["UV_PYTHON_DOWNLOADS"] = "never"


def classified() -> list[str]:
    """Return the Python versions of the classifiers."""
    prefix = "Programming Language :: Python :: 3."
    found = (name.removeprefix(prefix) for name in PROJECT["project"]["classifiers"] if name.startswith(prefix))
    return [f"3.{minor}" for minor in found]


def interpreter(version: str) -> str | None:
    """Return a working interpreter of a version: on the PATH, or among pyenv's; a shim that points nowhere is none."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [str(path) for path in sorted(pyenv.glob(f"{version}.*/bin/python"), reverse=True)]
    for candidate in [shutil.which(f"python{version}"), *found]:
        if candidate is None:
            continue
        try:
            subprocess.run([candidate, "--version"], check=True, capture_output=True, timeout=20)  # noqa: S603 - a Python
        except (OSError, subprocess.SubprocessError):
            continue
        return candidate
    return None


INTERPRETERS = {version: path for version in classified() if (path := interpreter(version))}
FOUND = list(INTERPRETERS)
OLDEST, NEWEST = (FOUND[0], FOUND[-1]) if FOUND else (None, None)
BETWEEN = FOUND[len(FOUND) // 2] if FOUND else None
os.environ["PATH"] = os.pathsep.join([*(str(Path(path).parent) for path in INTERPRETERS.values()), os.environ["PATH"]])


# What is about this checkout, and not about the package, runs in the default. The command starts many processes.
NOT_ABOUT_THE_PACKAGE = [f"--ignore=tests/{name}" for name in ("benchmarks", "cli", "docs", "project", "proof")]


def install(
    session: nox.Session,
    *groups: str,
    package: str = ".",
    extras: str = "check,cli,django,otel,postgres,procrastinate,redis",
    resolution: str = "highest",
) -> None:
    """Install the package as its users get it (a wheel), with some of the dependency groups."""
    wanted = [requirement for group in groups for requirement in PROJECT["dependency-groups"][group]]
    session.install(f"{package}[{extras}]", *wanted, f"--resolution={resolution}")


@nox.session(python=OLDEST)
def lint(session: nox.Session) -> None:
    """Style and formatting, and the safety of the workflows."""
    session.install(*PROJECT["dependency-groups"]["lint"])
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("zizmor", "--offline", "--quiet", "--persona=auditor", ".github")


@nox.session(python=OLDEST)
def types(session: nox.Session) -> None:
    """Types, by two checkers."""
    install(session, "types", "tests", "examples")
    session.run("mypy", "dollr_async", "pytest_dollr.py", "tests", "examples", "benchmarks", "noxfile.py")
    # Else it looks into a `.venv` beside this file, where somebody may have installed nox alone.
    session.run("basedpyright", "--pythonpath", f"{session.bin}/python")


@nox.session(python=OLDEST)
def imports(session: nox.Session) -> None:
    """Which package may import which."""
    install(session, "lint")
    session.run("lint-imports", "--no-cache")


@nox.session(python=OLDEST)
def tests(session: nox.Session) -> None:
    """The tests, against the installed package; those that are marked `full` run in `tests_rest`."""
    install(session, "tests")
    session.run("pytest", "-n", "auto", "-m", "not full", *session.posargs)


@nox.session(python=OLDEST, default=False)
def touched(session: nox.Session) -> None:
    """Style and tests of what has changed since the last commit."""
    install(session, "tests", "lint")
    listed = ("git", "ls-files", "--modified", "--others", "--exclude-standard", "--", "*.py", "*.md")
    names = session.run_install(*listed, external=True, silent=True) or ""
    changed = [path for path in map(Path, str(names).split()) if path.exists()]
    python = [str(path) for path in changed if path.suffix == ".py"]
    if python:
        session.run("ruff", "check", *python)
        session.run("ruff", "format", "--check", *python)
    if changed:
        session.run("pytest", "-n", "auto", *sorted({str(tests_of(path)) for path in changed}), *session.posargs)


def tests_of(path: Path) -> Path:
    """Return the tests that a file belongs to: `tests/wire` for `dollr_async/wire/retry.py`, itself for a test."""
    if path.parts[0] == "tests":
        return path if path.name.startswith("test_") else path.parent
    if path.parts[0] == "dollr_async" and (tests := Path("tests", path.parts[1])).exists():
        return tests
    here = {"examples": Path("tests/docs"), "docs": Path("tests/docs"), "benchmarks": Path("tests/benchmarks")}
    return here.get(path.parts[0], Path("tests/project"))


@nox.session(python=OLDEST, default=False, tags=["slow"])
def tests_rest(session: nox.Session) -> None:
    """The tests that are marked `full`, since they take long."""
    install(session, "tests")
    session.run("pytest", "-n", "auto", "-m", "full", *session.posargs)


@nox.session(python=NEWEST, default=False, tags=["slow"])
def coverage(session: nox.Session) -> None:
    """The tests on the newest Python, with branch coverage."""
    install(session, "tests")
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", "-n", "auto", "-m", "not full", *session.posargs)
    session.run("coverage", "combine", "--quiet")
    session.run("coverage", "report", "--fail-under=96")


@nox.session(python=BETWEEN, default=False, tags=["full"])
def tests_lowest(session: nox.Session) -> None:
    """The tests, against the oldest dependencies that are allowed, on a Python between the oldest and the newest."""
    install(session, "tests", resolution="lowest-direct")
    # The examples are for the newest frameworks. The sandbox's own tests are left out too: all others use it.
    without = [*NOT_ABOUT_THE_PACKAGE, "--ignore=tests/embedding", "--ignore=tests/sandbox"]
    session.run("pytest", "-n", "auto", "-m", "not full", *without, *session.posargs)


@nox.session(python=OLDEST, default=False, tags=["full"])
def examples(session: nox.Session) -> None:
    """The example shops and bots, with the frameworks that they are for."""
    # Not in `tests_lowest`: an example shows how a framework is used today, so older versions are not promised.
    install(session, "tests", "examples")
    session.run("pytest", "-n", "auto", "tests/embedding", *session.posargs)


@nox.session(python=OLDEST, default=False, tags=["full"])
def package(session: nox.Session) -> None:
    """The package as it is published: built twice, tried, tested; `-- dist` takes files there, with more tests."""
    session.install("build", "twine")
    out, again, alone = (Path(session.create_tmp()).resolve() / name for name in ("built", "again", "tests"))
    for directory, seed in ((out, "1"), (again, "2")):
        shutil.rmtree(directory, ignore_errors=True)
        build = ("python", "-m", "build", "--installer=uv", "--outdir", str(directory))
        # Nothing of this machine may show: neither its order of sets nor its time zone.
        session.run(*build, silent=True, env={"PYTHONHASHSEED": seed, "TZ": f"UTC-{seed}"})
    shutil.rmtree(alone, ignore_errors=True)
    given = Path(session.posargs[0]).resolve() if session.posargs else out
    session.run("python", "tests/project/built_files.py", str(given), str(again), str(alone))
    wheel, sdist = (str(next(given.glob(pattern))) for pattern in ("*.whl", "*.tar.gz"))
    session.run("twine", "check", "--strict", wheel, sdist)
    session.run("uv", "pip", "install", "--force-reinstall", wheel)
    # With the core alone: no extra, no test dependency.
    session.run("python", "-I", str(ROOT / "tests" / "project" / "installed_wheel.py"))
    # The one line with which somebody tries the package, in an environment that uv makes for it.
    session.run("uv", "tool", "run", "--isolated", "--from", f"{wheel}[cli]", "dollr", "demo", silent=True)
    # A user's program sees the types of the installed package, and nothing of this checkout.
    session.install(*PROJECT["dependency-groups"]["types"])
    shutil.copy(ROOT / "tests" / "typing" / "user_program.py", out)
    with session.chdir(out):
        session.run("mypy", "--strict", "--config-file=", "user_program.py")
    # The tests of the source distribution, on the wheel that was built from it: the package itself is not beside them.
    install(session, "tests", package=wheel)
    with session.chdir(alone):
        some = ("tests/client", "tests/typing")
        session.run("pytest", "-n", "auto", "-m", "not full", *(NOT_ABOUT_THE_PACKAGE if session.posargs else some))


@nox.session(python=OLDEST, default=False, tags=["full"])
def fuzz(session: nox.Session) -> None:
    """Look for requests on which the sandbox leaves the contract, or its JSON controls leave their own description."""
    install(session, "tests", "fuzz")
    session.run("python", "-m", "tests.contract.fuzz", "--max-examples", "40", *session.posargs)
    session.run("python", "-m", "tests.sandbox.pages.fuzz", "--max-examples", "40", *session.posargs)


@nox.session(python=OLDEST, default=False, tags=["full"])
def browser(session: nox.Session) -> None:
    """The sandbox's pages and these docs in the Chromium of this machine; without one the tests are skipped."""
    install(session, "tests", "browser", "docs")
    session.run("pytest", "-n", "2", "tests/browser", *session.posargs)


@nox.session(python=OLDEST, default=False, tags=["full"])
def docs(session: nox.Session) -> None:
    """The documentation; a warning is an error."""
    install(session, "docs")
    session.run("sphinx-build", "-W", "--keep-going", "-b", "html", "docs", "docs/_build/html")


@nox.session(python=OLDEST, default=False, tags=["slow"])
def bench(session: nox.Session) -> None:
    """Measure what the library costs beside what its users would write by hand; half an hour on a quiet machine."""
    install(session, "bench")
    postgres = os.environ.get("DOLLR_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/test")
    page = ("--page", "docs/benchmarks_last.inc", "--postgres", postgres)
    session.run("python", "-m", "benchmarks", *(session.posargs or page))


@nox.session(python=OLDEST, default=False, tags=["full"])
def instructions(session: nox.Session) -> None:
    """Count the instructions of a call, a collection and a check beside the floor's; they must stay below limits."""
    install(session, "bench")
    session.run("python", "-m", "benchmarks.instructions")


@nox.session(python=OLDEST, default=False, tags=["slow"])
def capacity(session: nox.Session) -> None:
    """Simulate what following payments costs in polls, and how late it tells; some minutes on one core."""
    install(session, "bench")
    files = ("--page", "docs/capacity_last.inc", "--plots", "docs")
    session.run("python", "-m", "benchmarks.capacity", *(session.posargs or files))


@nox.session(python=OLDEST, default=False, tags=["slow"])
def kill(session: nox.Session) -> None:
    """Kill a collection at every one of its steps, on every route; a few minutes."""
    install(session, "tests")
    session.run("python", "-m", "tests.proof.kill", *session.posargs)
    django = "tests/integrations/django/test_killed_workers.py"
    session.run("pytest", django, env={"DOLLR_PROOF_EVERY": "1"})


@nox.session(python=OLDEST, default=False, tags=["slow"])
def outcomes(session: nox.Session) -> None:
    """Kill workers on outcomes with status checks open, and count what is delivered; some minutes."""
    install(session, "tests")
    session.run("python", "-m", "tests.proof.outcomes", *session.posargs)


@nox.session(python=OLDEST, default=False, tags=["slow"])
def queues(session: nox.Session) -> None:
    """Kill workers of Procrastinate and Celery with jobs under way, and count what is delivered; some minutes."""
    install(session, "tests")
    session.run("python", "-m", "tests.proof.queues", *session.posargs)


@nox.session(python=OLDEST, default=False, tags=["slow"])
def chaos(session: nox.Session) -> None:
    """Collect 5,000 payments while everything fails at random, and hold the ledger against what callers were told."""
    install(session, "tests")
    session.run("python", "-m", "tests.proof.chaos", *session.posargs)
    session.run("pytest", "tests/proof/test_any_script_of_faults.py", env={"DOLLR_PROOF_EXAMPLES": "1000"})


@nox.session(python=OLDEST, default=False, tags=["slow"])
def mutation(session: nox.Session) -> None:
    """Change the modules that move money in every small way, and count what the tests notice; it takes hours."""
    # Not the package: the tests have to find the changed modules, and no others.
    groups = PROJECT["dependency-groups"]
    project = PROJECT["project"]
    extras = [
        requirement
        for extra in ("check", "cli", "django", "otel", "postgres", "procrastinate", "redis")
        for requirement in project["optional-dependencies"][extra]
    ]
    session.install(*project["dependencies"], *extras, *groups["tests"])
    session.install(*groups["mutation"])
    session.run("python", "-m", "tests.proof.mutation", *session.posargs)
