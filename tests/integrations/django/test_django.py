"""Django's own test classes over the integration, each run in a process of its own with its own settings."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.integrations.django.projects import project
from tests.support.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

DATABASES = ("sqlite", "postgresql")


@pytest.mark.full(reason="it makes two databases and runs three suites on each")
@pytest.mark.parametrize("database", DATABASES)
def test_the_journal_passes_all_three_contract_suites(tmp_path: Path, database: str) -> None:
    project(tmp_path, database).test("case_contracts")


@pytest.mark.full(reason="some hundred requests to views, in a database that it makes")
@pytest.mark.parametrize("database", DATABASES)
def test_views_collect(tmp_path: Path, database: str) -> None:
    # The other cases close their connections after each request.
    project(tmp_path, database, SHOP_CONN_MAX_AGE="600").test("case_views")


@pytest.mark.full(reason="as above")
@pytest.mark.parametrize("database", DATABASES)
def test_the_order_and_the_mark_commit_together(tmp_path: Path, database: str) -> None:
    project(tmp_path, database).test("case_worker")


@pytest.mark.full(reason="as above")
@pytest.mark.parametrize("database", DATABASES)
def test_the_admin_reads_filters_and_checks(tmp_path: Path, database: str) -> None:
    project(tmp_path, database).test("case_admin")


def test_procrastinate_defers_and_delivers_in_the_transactions_of_a_project(tmp_path: Path) -> None:
    project(tmp_path, "postgresql", SHOP_QUEUE="1").test("case_procrastinate")


@pytest.mark.full(reason="as above")
@pytest.mark.parametrize("database", DATABASES)
def test_the_journal_keeps_times_in_a_project_without_timezones(tmp_path: Path, database: str) -> None:
    project(tmp_path, database, SHOP_USE_TZ="0").test("case_contracts")


def test_the_journal_passes_the_contract_suites_in_sqlite(tmp_path: Path) -> None:
    project(tmp_path, "sqlite").test("case_contracts")


def test_a_deployment_is_warned_of_sqlite(tmp_path: Path) -> None:
    ran = project(tmp_path, "sqlite").manage("check", "--deploy")
    assert "dollr.W001" in ran.stderr
    assert "dollr.E" not in ran.stderr


def test_the_example_is_ready_for_a_deployment_but_for_its_secrets_and_https(tmp_path: Path) -> None:
    place = tmp_path / "shop"
    shutil.copytree(ROOT / "examples" / "django_shop", place, ignore=shutil.ignore_patterns("*.sqlite3*"))
    command = [sys.executable, "-X", "dev", "-W", "error", "manage.py", "check", "--deploy"]
    ran = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False, timeout=100)
    assert ran.returncode == 0, ran.stderr
    assert set(re.findall(r"dollr\.\w+", ran.stderr)) == {"dollr.W001"}
    command[-2:] = ["makemigrations", "--check"]
    assert subprocess.run(command, cwd=place, capture_output=True, check=False, timeout=100).returncode == 0


def test_its_names_can_be_imported_before_django_has_read_its_settings() -> None:
    program = (
        "import sys\n"
        "import dollr_async.integrations.django\n"
        "assert 'django' not in sys.modules\n"
        "from dollr_async.integrations.django import dollr, payment_settled, run\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)


def test_without_django_the_error_says_what_to_install() -> None:
    program = (
        "import sys\n"
        "sys.modules['django'] = None\n"
        "from dollr_async import ConfigurationError\n"
        "try:\n"
        "    from dollr_async.integrations.django import dollr\n"
        "except ConfigurationError as error:\n"
        "    assert \"pip install 'dollr-async[django]'\" in str(error)\n"
        "else:\n"
        "    raise AssertionError\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_example_passes_its_own_tests(tmp_path: Path) -> None:
    place = tmp_path / "shop"
    shutil.copytree(ROOT / "examples" / "django_shop", place, ignore=shutil.ignore_patterns("*.sqlite3*"))
    command = [sys.executable, "-X", "dev", "-W", "error", "manage.py", "test", "--noinput"]
    ran = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False, timeout=100)
    assert ran.returncode == 0, ran.stdout + ran.stderr
