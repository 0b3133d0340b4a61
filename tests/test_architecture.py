"""The walls of the house: who may import whom, how long a file may be, what may never be written."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core import discover_sql

ROOT = Path(__file__).parent.parent
ROOMS = ("core", "warehouse", "ingest", "models", "notify", "recommender", "dashboard", "kifayat", "demo")
MAX_LINES = 400

#: Never part of the repository, looked past when there is no git to ask.
_OUTSIDE = {"node_modules", "__pycache__", "storage", "dist", "build"}


def tracked_files() -> list[Path]:
    """The files of the repository: git's answer, or in an unpacked archive all but caches."""
    git = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        listed = subprocess.run(git, capture_output=True, check=True).stdout.decode().split("\0")
        files = [ROOT / name for name in listed if name]
    except (OSError, subprocess.CalledProcessError):
        files = [
            path
            for path in ROOT.rglob("*")
            if not any(part in _OUTSIDE or part[0] == "." for part in path.relative_to(ROOT).parts[:-1])
        ]
    return sorted(path for path in files if path.is_file())


def room_files(*suffixes: str) -> list[Path]:
    """The files of our rooms with one of the suffixes."""
    return [path for path in tracked_files() if path.suffix in suffixes and path.relative_to(ROOT).parts[0] in ROOMS]


def shown(path: Path) -> str:
    """The path from the root."""
    return path.relative_to(ROOT).as_posix()


def syntax_of(path: Path) -> ast.Module:
    """The parsed file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=shown(path))


def test_a_room_imports_only_the_rooms_below_it():
    command = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command as run; run()",
        "--no-cache",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Contracts: 6 kept, 0 broken" in done.stdout


def test_every_room_is_a_package():
    missing = [room for room in ROOMS if not (ROOT / room / "__init__.py").is_file()]
    assert missing == []


def test_the_rooms_are_what_the_wheel_holds():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    packages = re.search(r"wheel\]\npackages = \[(.*?)\]", text, re.DOTALL)
    assert packages
    assert set(re.findall(r'"(\w+)"', packages[1])) == set(ROOMS)


def test_no_file_of_a_room_is_longer_than_400_lines():
    counts = {shown(path): len(path.read_text(encoding="utf-8").splitlines()) for path in room_files(".py", ".sql")}
    assert {name: count for name, count in counts.items() if count > MAX_LINES} == {}


def test_no_module_is_a_drawer_for_everything():
    drawers = {"util", "utils", "common", "helper", "helpers", "misc"}
    found = [
        shown(path)
        for path in tracked_files()
        if path.suffix == ".py" and drawers & {path.stem, *path.relative_to(ROOT).parts[:-1]}
    ]
    assert found == []


def test_every_module_of_a_room_says_what_it_is_for():
    bare = [shown(path) for path in room_files(".py") if not ast.get_docstring(syntax_of(path))]
    assert bare == []


def test_no_package_index_and_no_path_of_a_machine_is_in_a_tracked_file():
    # Written in two parts, so that this file does not hold what it forbids.
    words = ["py" + "pi.org", "python" + "hosted", "--index" + "-url", "find" + "-links", "trusted" + "-host"]
    words += ["npm" + "js.org", "deb." + "debian.org", "/opt" + "/wheels"]
    allowed = {"CONTRIBUTING.md": {"--no-emit" + "-index-url"}}
    pattern = re.compile("|".join(map(re.escape, words)) + r"|(?<![\w.:/])/(?:work|root|home)/\w", re.IGNORECASE)
    found = []
    for path in tracked_files():
        data = path.read_bytes()
        if b"\0" in data:
            continue
        text = data.decode("utf-8", errors="replace")
        for option in allowed.get(shown(path), ()):
            text = text.replace(option, "")
        found += [f"{shown(path)}: {match[0]}" for match in pattern.finditer(text)]
    assert found == []


def test_tests_are_no_package_because_a_dependency_owns_that_name():
    assert [shown(path) for path in (ROOT / "tests").rglob("__init__.py")] == []


def test_tests_do_not_patch_our_own_internals():
    rooms = "|".join(ROOMS)
    pattern = re.compile(rf"(?:\bpatch|patch\.object|monkeypatch\.setattr)\(\s*[\"']?(?:{rooms})\b[.\"']")
    found = [
        f"{shown(path)}: {match[0]}"
        for path in (ROOT / "tests").rglob("*.py")
        for match in pattern.finditer(path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_only_the_clock_asks_the_system_for_the_time():
    pattern = re.compile(r"\b(?:datetime\.(?:now|utcnow|today)|date\.today|time\.time)\(")
    found = [
        f"{shown(path)}: {match[0]}"
        for path in room_files(".py")
        if shown(path) != "core/clock.py"
        for match in pattern.finditer(path.read_text(encoding="utf-8"))
    ]
    assert found == []


# Values in SQL ---------------------------------------------------------------------------------------------

_SQL = re.compile(r"\b(SELECT\b.*\bFROM|INSERT INTO|UPDATE\b.*\bSET|DELETE FROM|WHERE|VALUES|COPY|ATTACH)\b", re.DOTALL)
_BEFORE_A_VALUE = re.compile(r"(?:[=<>]|\b(?:LIKE|ILIKE|IN|BETWEEN|VALUES|LIMIT|OFFSET))\s*\(?\s*$", re.IGNORECASE)
#: Helpers of the warehouse that quote an identifier, a path or a file list; and "?, ?" made by the code.
_QUOTING = {"quote", "literal", "path_list"}
_MARKS = {"marks", "placeholders"}


def _is_quoted(value: ast.expr) -> bool:
    if isinstance(value, ast.Call):
        name = value.func.attr if isinstance(value.func, ast.Attribute) else getattr(value.func, "id", "")
        return name in _QUOTING
    return isinstance(value, ast.Name) and (value.id.isupper() or value.id in _MARKS)


def values_in_sql(tree: ast.Module) -> Iterator[int]:
    """Lines on which a formatted value stands where SQL takes a value: in quotes or after a comparison."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            text = "".join(part.value for part in node.values if isinstance(part, ast.Constant))
            if not _SQL.search(text):
                continue
            before = ""
            for part in node.values:
                if isinstance(part, ast.Constant):
                    before += part.value
                    continue
                assert isinstance(part, ast.FormattedValue)
                inside_quotes = before.count("'") % 2 == 1
                if inside_quotes or (_BEFORE_A_VALUE.search(before) and not _is_quoted(part.value)):
                    yield part.lineno
                before += "?"
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
            left = node.left.value if isinstance(node.left, ast.Constant) else None
            if isinstance(left, str) and _SQL.search(left):
                yield node.lineno


def test_values_never_enter_sql_by_formatting():
    found = [f"{shown(path)}:{line}" for path in room_files(".py") for line in values_in_sql(syntax_of(path))]
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "f\"SELECT a FROM t WHERE b = '{value}'\"",
        'f"SELECT a FROM t WHERE b = {value}"',
        'f"SELECT a FROM {quote(t)} WHERE b IN ({values})"',
        'f"SELECT a FROM t LIMIT {count}"',
        "\"SELECT a FROM t WHERE b = '%s'\" % value",
    ],
)
def test_the_search_for_values_in_sql_finds_them(line):
    assert list(values_in_sql(ast.parse(line)))


@pytest.mark.parametrize(
    "line",
    [
        'f"SELECT {columns} FROM {quote(table)} WHERE b = ?"',
        'f"SELECT a FROM read_parquet({path_list(files)}) WHERE b = $b"',
        "f\"SELECT 'it''s' AS a, {quote(b)} FROM t\"",
        'f"{name} = {value}"',
    ],
)
def test_the_search_for_values_in_sql_lets_identifiers_pass(line):
    assert not list(values_in_sql(ast.parse(line)))


# Files that describe themselves ----------------------------------------------------------------------------


@pytest.mark.parametrize("folder", ["ingest/sources", "warehouse/sql/marts", "warehouse/sql/audits"])
def test_every_sql_file_has_a_header_that_parses(folder):
    files = discover_sql(ROOT / folder)  # raises with file and reason
    assert files, f"{folder} holds no .sql file"
    untitled = [
        name for name, file in files.items() if not (file.header.get("title") or file.header.get("description"))
    ]
    assert untitled == []
