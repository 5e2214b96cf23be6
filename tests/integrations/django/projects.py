"""A project of Django in a database of its own, whose commands run in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import attrs

from tests.support.paths import ROOT
from tests.support.postgres import require_postgres

SETTINGS = "tests.integrations.django.project.settings"


@attrs.frozen
class Project:
    """The project in one database, in one directory."""

    directory: Path
    environment: dict[str, str]

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the project; a warning is an error."""
        command = [sys.executable, "-X", "dev", "-W", "error", "-m", "django", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False, timeout=280
        )

    def test(self, case: str) -> None:
        """Run the tests of one module; nothing may be left open, and nothing is printed beside them."""
        ran = self.manage("test", "--noinput", f"tests.integrations.django.project.{case}")
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert "Exception ignored" not in ran.stderr, ran.stderr
        assert "Unclosed" not in ran.stderr, ran.stderr


def without_settings() -> dict[str, str]:
    """Return this process's environment without what leads to a Dollr or to a project of Django."""
    ours = ("DOLLR_", "DJANGO_", "PYTEST_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def project(directory: Path, database: str, **variables: str) -> Project:
    """Return the project with a database of its own."""
    if database == "postgresql":
        require_postgres()
    own = {
        "DJANGO_SETTINGS_MODULE": SETTINGS,
        "SHOP_DATABASE": database,
        "SHOP_DIRECTORY": str(directory),
        "SHOP_NAME": f"dollr_test_{uuid4().hex[:12]}",
        **variables,
    }
    return Project(directory, without_settings() | own)
