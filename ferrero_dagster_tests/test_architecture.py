"""The house stands as the README draws it."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import ferrero_dagster
from ferrero_dagster.config.settings import Settings
from ferrero_dagster.config.site import load_site

PACKAGE = Path(ferrero_dagster.__file__).parent
PROJECT = PACKAGE.parent
README = (PROJECT / "README.md").read_text()

#: Whom each room may import, besides itself and the modules at the top.
MAY_IMPORT = {
    "domain": set(),
    "config": {"domain"},
    "clients": {"domain", "config"},
    "tracking": {"domain", "config"},
    "messages": {"domain", "config", "clients", "tracking"},
    "transfer": {"domain", "config", "clients", "tracking", "messages"},
    "operations": {"domain", "config", "clients", "tracking", "messages", "transfer"},
}


def imported(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    direct = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return direct | {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}


def modules(room: str) -> list[Path]:
    return [path for path in (PACKAGE / room).rglob("*.py") if "migrations" not in path.parts]


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_imports_go_one_way(room: str) -> None:
    rooms = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    used = {
        name.split(".")[1]
        for path in modules(room)
        for name in imported(path)
        if name.startswith("ferrero_dagster.") and name.split(".")[1] in rooms
    }
    assert used - {room} <= MAY_IMPORT[room]


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_rules_and_procedures_know_nothing_of_dagster(room: str) -> None:
    assert [path for path in modules(room) if any(name.split(".")[0] == "dagster" for name in imported(path))] == []


def test_dagster_reaches_the_outside_systems_by_its_resources_only() -> None:
    users = {path.name for path in modules("defs") if "ferrero_dagster.connections" in imported(path)}
    assert users == {"resources.py"}


def test_moving_files_needs_no_dagster_at_all() -> None:
    runs = "ferrero_dagster.transfer.masters.run, ferrero_dagster.transfer.finals.run"
    script = f"import sys, {runs}; print('dagster' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"


def test_what_dagster_keeps_to_itself_is_used_in_one_module() -> None:
    private = {
        path.stem for path in PACKAGE.rglob("*.py") if any(name.startswith("dagster._") for name in imported(path))
    }
    assert private == {"internals"}


@pytest.mark.parametrize("room", ["tracking", "transfer", "operations"])
def test_addresses_are_made_only_where_something_is_shown(room: str) -> None:
    assert [path for path in modules(room) if "ferrero_dagster.domain.links" in imported(path)] == []


def test_no_mail_names_a_status_that_is_a_column_of_a_route() -> None:
    named = re.compile(rf"\b({'|'.join(load_site().routes.statuses)})\b")
    written = [*(PACKAGE / "messages" / "templates").iterdir(), PACKAGE / "messages" / "facts.py"]
    assert [path for path in written if named.search(path.read_text())] == []


def test_no_code_asks_for_a_route_s_name_or_status() -> None:
    routes = load_site().routes
    names = {*routes.statuses, *(route.name for route in (*routes.masters, *routes.finals))}
    asking = {
        f"{path.relative_to(PACKAGE)}: {node.value}"
        for path in PACKAGE.rglob("*.py")
        if path.relative_to(PACKAGE).parts[0] not in {"config", "sandbox"}
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and node.value in names
    }
    assert asking == set()


def test_the_domain_asks_neither_clock_nor_network_nor_disk() -> None:
    refused = {
        "requests",
        "urllib3",
        "psycopg2",
        "sqlalchemy",
        "box_sdk_gen",
        "socket",
        "time",
        "os",
        "pathlib",
        "random",
    }
    used = {(path.name, name) for path in modules("domain") for name in imported(path) if name.split(".")[0] in refused}
    assert used == set()


def test_every_table_has_one_module_that_writes_it() -> None:
    migrations = "".join(path.read_text() for path in (PACKAGE / "tracking" / "migrations").rglob("*.py"))
    writers = {table: set[str]() for table in re.findall(r"CREATE TABLE (?:IF NOT EXISTS )?(\w+)", migrations)}
    assert "transfers" in writers
    writers["installations"].add("its migration, once")
    for path in PACKAGE.rglob("*.py"):
        module = path.relative_to(PACKAGE)
        if not {"migrations", "sandbox"} & set(module.parts):
            for table in re.findall(r"(?:INSERT INTO|UPDATE|DELETE FROM|TRUNCATE)\s+([a-z_]+)", path.read_text()):
                writers.setdefault(table, set()).add(str(module))
    assert {table: modules for table, modules in writers.items() if len(modules) != 1} == {}


def test_the_readme_names_every_variable_and_no_other() -> None:
    variables = {f"FERRERO_{name.upper()}" for name in Settings.model_fields}
    named = set(re.findall(r"FERRERO_[A-Z_]*[A-Z]", README))
    assert named == variables


def test_the_example_environment_names_every_variable_and_no_other() -> None:
    variables = {f"FERRERO_{name.upper()}" for name in Settings.model_fields} | {"DAGSTER_PG_URL"}
    assert set(re.findall(r"^([A-Z_]+)=", (PROJECT / ".env.example").read_text(), re.MULTILINE)) == variables


def test_the_readme_tells_of_every_route_as_it_is() -> None:
    routes = load_site().routes
    for route in routes.masters:
        box_folder = f"{route.box_folder}/{route.box_subfolder}".rstrip("/")
        row = f"| `{route.name}` | status {route.status_before}, {route.campaign_type} | `{route.source_folder}` "
        assert f"{row}| Box `{box_folder}` | {route.status_after}, mail" in README
    assert all(f"`{route.name}`" in README for route in routes.finals)


def test_tests_use_real_servers_instead_of_mocks() -> None:
    tests = PROJECT / "ferrero_dagster_tests"
    assert [path for path in tests.rglob("*.py") if any("mock" in name for name in imported(path))] == []


def test_no_registry_address_and_no_lock_file_with_addresses_is_kept() -> None:
    names = subprocess.run(["git", "ls-files"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout.split()
    assert {Path(name).name for name in names} & {
        "uv.lock",
        "poetry.lock",
        "Pipfile.lock",
        "package-lock.json",
    } == set()
    assert not re.search(r"https?://", (PROJECT / "requirements.lock").read_text())
