"""A tag is released only as the version that it names, and built files are compared byte by byte."""

from __future__ import annotations

import io
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.project import built_files, release

if TYPE_CHECKING:
    from pathlib import Path

HERE = "https://code.example/shop/dollr"
CHANGELOG = """# Changelog

## [0.2.0] - 2026-12-01

### Added

- A thing.

## [0.1.0] - 2026-11-01

- The first.
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that may be released."""
    (tmp_path / "pyproject.toml").write_text(
        f'[project.urls]\nRepository = "{HERE}"\n[tool.hatch.version]\npath = "version.py"\n'
    )
    (tmp_path / "version.py").write_text('"""The version."""\n\nVERSION = "0.2.0"\n')
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    return tmp_path


def test_a_tag_that_is_the_version_may_be_released(project: Path) -> None:
    assert release.problems("v0.2.0", HERE, project) == []
    assert release.section(project) == ("2026-12-01", "### Added\n\n- A thing.")


@pytest.mark.parametrize(("tag", "repository"), [("v0.3.0", HERE), ("0.2.0", HERE), ("v0.2.0", f"{HERE}-fork")])
def test_another_tag_or_repository_may_not(project: Path, tag: str, repository: str) -> None:
    (problem,) = release.problems(tag, repository, project)
    assert "must be" in problem


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (CHANGELOG.replace("2026-12-01", "unreleased"), "no date but 'unreleased'"),
        (CHANGELOG.replace("[0.2.0]", "[0.2.1]"), "is not 0.2.0"),
        (CHANGELOG.replace("### Added\n\n- A thing.\n\n", ""), "has no text"),
    ],
    ids=["no date", "another version", "no text"],
)
def test_a_changelog_that_is_not_ready_stops_the_release(project: Path, wrong: str, words: str) -> None:
    (project / "CHANGELOG.md").write_text(wrong)
    (problem,) = release.problems("v0.2.0", HERE, project)
    assert words in problem


def test_the_project_itself_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert release.main(["notes"]) == 0
    assert capsys.readouterr().out.startswith("The changes and fixes below")
    assert release.main(["check", "v99", HERE]) == 1
    assert f"the tag must be v{release.package_version()}" in capsys.readouterr().err
    assert release.main([]) == 2


def built(directory: Path, *, wheel: bytes = b"code", sdist: bytes = b"code") -> Path:
    directory.mkdir()
    with zipfile.ZipFile(directory / "dollr_async-0.1.0-py3-none-any.whl", "w") as archive:
        for name, content in {"dollr_async/a.py": wheel, "dollr_async-0.1.0.dist-info/METADATA": b"about"}.items():
            archive.writestr(zipfile.ZipInfo(name, (2020, 2, 2, 0, 0, 0)), content)
    path = directory / "dollr_async-0.1.0.tar.gz"
    with tarfile.open(path, "w") as tar:
        for name, content in {"dollr_async/a.py": sdist, "tests/test_a.py": b"test"}.items():
            member = tarfile.TarInfo(f"dollr_async-0.1.0/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return directory


def test_the_same_bytes_are_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = built(tmp_path / "first"), built(tmp_path / "second")
    assert built_files.main([str(first), str(second), str(tmp_path / "unpacked")]) == 0
    assert capsys.readouterr().out == ""
    unpacked = [path for path in (tmp_path / "unpacked").rglob("*") if path.is_file()]
    assert unpacked == [tmp_path / "unpacked" / "tests" / "test_a.py"]


def test_another_build_and_another_wheel_are_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = built(tmp_path / "first"), built(tmp_path / "second", wheel=b"other", sdist=b"code")
    assert built_files.main([str(first), str(second)]) == 1
    assert capsys.readouterr().out == "built twice with different bytes: dollr_async-0.1.0-py3-none-any.whl\n"
    assert built_files.problems(second, second) == ["different in the wheel: dollr_async/a.py"]
