"""The rules of the house: who may import whom, who touches the disk, and how large a file and a folder may be.

Packages depend on each other in one direction: contracts <- client <- pricing <- oracle <- bench.
"""

import ast
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parent.parent
CLIENT = ROOT / "client" / "assay"
PRICING = ROOT / "oracle" / "assay_pricing"
ORACLE = ROOT / "oracle" / "assay_oracle"
BENCH = ROOT / "oracle" / "assay_bench"

HEAVY = {
    "torch",
    "numpy",
    "pandas",
    "pyarrow",
    "sklearn",
    "scipy",
    "matplotlib",
    "safetensors",
    "onnxruntime",
    "PIL",
    "seal",
}
DISK = {"open", "mkstemp", "NamedTemporaryFile", "TemporaryFile"}


def modules(*folders: Path) -> list[Path]:
    return sorted(path for folder in folders for path in folder.rglob("*.py"))


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Every node of a module's syntax tree."""
    return tuple(ast.walk(ast.parse(path.read_text())))


def imports(path: Path) -> Iterator[str]:
    """Dotted names imported anywhere in a module, at any depth of nesting."""
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""


def roots(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)}


def call_nodes(path: Path) -> list[ast.Call]:
    return [node for node in nodes(path) if isinstance(node, ast.Call)]


def calls(path: Path) -> Iterator[str]:
    """Names called in a module, as written: ``time.time``, ``open``, ``datetime.now``."""
    return (ast.unparse(node.func) for node in call_nodes(path))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def holds_for(paths: list[Path]) -> Callable[[Callable[[Path], None]], Callable[[], None]]:
    """Makes one test of a rule that is stated of one path: it lists every path that breaks the rule."""

    def of_all(rule: Callable[[Path], None]) -> Callable[[], None]:
        def test() -> None:
            broken = []
            for path in paths:
                try:
                    rule(path)
                except AssertionError as error:
                    broken.append(f"{name_of(path)}: {error}")
            assert paths, "expected at least one path"
            assert not broken, "\n".join(broken)

        test.__name__, test.__doc__ = rule.__name__, rule.__doc__
        return test

    return of_all


def test_the_walk_finds_the_packages() -> None:
    assert len(modules(CLIENT)) >= 10
    assert len(modules(ORACLE)) >= 10


def imports_of(path: Path, *packages: str) -> list[str]:
    """Imports of a module that lie in one of ``packages``, dotted names."""
    return [name for name in imports(path) if any(name == p or name.startswith(p + ".") for p in packages)]


# --- packages ---------------------------------------------------------------------------------------------------------


READER = CLIENT / "sale" / "offered" / "reader.py"
"""Reads the values of a file, where numpy and pyarrow are installed, by the code of the oracle."""
BLIND = CLIENT / "sale" / "blind.py"
"""Encrypts sums, where numpy and SEAL are installed, by the code that the oracle decrypts shares of."""


@holds_for(modules(CLIENT))
def test_client_imports_neither_oracle_nor_heavy_libraries_nor_ape(path: Path) -> None:
    allowed = {"assay_pricing"} if path in (READER, BLIND) else set()
    assert roots(path).isdisjoint(HEAVY | ({"assay_pricing", "assay_oracle", "assay_bench", "ape", "solcx"} - allowed))


@pytest.mark.parametrize(
    ("path", "rooms"),
    [
        (READER, ("assay_pricing.records.",)),
        (BLIND, tuple(f"assay_pricing.{room}." for room in ("blind", "records", "sums"))),
    ],
)
def test_the_client_imports_few_rooms_of_pricing_in_two_places_and_when_they_are_needed(
    path: Path, rooms: tuple[str, ...]
) -> None:
    found = imports_of(path, "assay_pricing")
    assert found
    assert all(name.startswith(rooms) for name in found)
    first = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert not [node for node in first if "assay_pricing" in ast.unparse(node)]


@holds_for(modules(PRICING, ORACLE, BENCH))
def test_oracle_does_not_import_ape(path: Path) -> None:
    assert roots(path).isdisjoint({"ape", "solcx"})


@holds_for(modules(PRICING))
def test_pricing_imports_the_clients_protocol_and_errors_and_nothing_above_itself(path: Path) -> None:
    """Its folders are also written as every file of the house is: whole or not at all, by ``assay.files``."""
    assert roots(path).isdisjoint({"assay_oracle", "assay_bench"})
    allowed = {"assay.errors"} | ({"assay.files"} if path.name in ("artifact.py", "folder.py") else set())
    assert not [n for n in imports_of(path, "assay") if not n.startswith("assay.protocol") and n not in allowed]


@holds_for(modules(CLIENT, PRICING, ORACLE))
def test_product_does_not_import_the_bench(path: Path) -> None:
    assert "assay_bench" not in roots(path)


@holds_for(modules(CLIENT, PRICING, ORACLE, BENCH))
def test_packages_import_neither_tests_nor_scripts(path: Path) -> None:
    assert roots(path).isdisjoint({"tests", "scripts"})


@holds_for(modules(CLIENT, PRICING, ORACLE, BENCH))
def test_web3_is_imported_by_chain_alone_and_httpx_where_its_exchanges_are_bounded(path: Path) -> None:
    if not path.is_relative_to(CLIENT / "chain"):
        assert "web3" not in roots(path)
    if path.name != "bounded_http.py" and path.is_relative_to(CLIENT):
        assert roots(path).isdisjoint({"httpx", "requests"})


@holds_for(modules(ROOT / "tests", ROOT / "scripts"))
def test_no_module_imports_tests_of_another(path: Path) -> None:
    """What tests share is in ``tests/kit`` or in a module without tests; scripts share nothing with them."""
    assert not [name for name in imports(path) if name.split(".")[-1].startswith("test_")]
    if path.is_relative_to(ROOT / "scripts"):
        assert "tests" not in roots(path)


# --- rooms of the oracle ----------------------------------------------------------------------------------------------


@holds_for(modules(ORACLE / "services"))
def test_services_know_neither_http_nor_sql_nor_torch_nor_the_rooms_around_them(path: Path) -> None:
    assert roots(path).isdisjoint(HEAVY | {"fastapi", "starlette", "uvicorn", "sqlite3", "sqlalchemy", "psycopg"})
    rooms = ("appraisers", "storage", "keys", "server", "owner", "cli", "ledger.journal", "ledger.database")
    assert not imports_of(path, *(f"assay_oracle.{room}" for room in rooms))


@holds_for(modules(ORACLE / "services", ORACLE / "server"))
def test_services_and_server_reach_pricing_through_appraisers(path: Path) -> None:
    assert "assay_pricing" not in roots(path)
    assert not imports_of(path, "assay_oracle.appraisers")


@holds_for(modules(ORACLE))
def test_database_is_known_to_the_ledger_alone(path: Path) -> None:
    if not path.is_relative_to(ORACLE / "ledger"):
        assert roots(path).isdisjoint({"sqlite3", "sqlalchemy", "alembic", "psycopg"})


@holds_for(modules(ORACLE))
def test_disk_of_the_oracle_is_touched_by_few_rooms(path: Path) -> None:
    """The ledger and the storage hold its files; settings, keys, commands and the owner's tools name others."""
    rooms = [ORACLE / room for room in ("ledger", "storage", "keys", "cli", "owner", "settings.py")]
    if not any(path.is_relative_to(room) for room in rooms):
        assert roots(path).isdisjoint({"pathlib", "tempfile", "shutil"})
        assert not DISK & set(calls(path))


@holds_for(modules(ORACLE))
def test_fastapi_is_known_to_the_server_alone(path: Path) -> None:
    if not path.is_relative_to(ORACLE / "server"):
        assert roots(path).isdisjoint({"fastapi", "starlette", "uvicorn"})


# --- purity -----------------------------------------------------------------------------------------------------------


@holds_for(modules(CLIENT / "protocol", PRICING))
def test_protocol_and_pricing_do_no_network_and_read_no_clock_or_environment(path: Path) -> None:
    assert roots(path).isdisjoint({"web3", "httpx", "requests", "socket", "time", "datetime", "sqlite3", "sqlalchemy"})
    assert not {call for call in calls(path) if call.startswith(("os.environ", "os.getenv"))}


@holds_for(modules(CLIENT, PRICING, ORACLE, BENCH))
def test_only_settings_reads_the_environment(path: Path) -> None:
    if path.name == "settings.py":
        return
    source = path.read_text()
    assert "os.environ" not in source
    assert "os.getenv" not in source


@holds_for(modules(CLIENT / "protocol"))
def test_protocol_touches_no_disk(path: Path) -> None:
    assert roots(path).isdisjoint({"pathlib", "tempfile", "shutil"})
    assert not DISK & set(calls(path))


@holds_for(modules(PRICING, ORACLE, BENCH))
def test_no_pickle_reaches_the_oracle(path: Path) -> None:
    assert roots(path).isdisjoint({"pickle", "joblib", "dill", "cloudpickle"})
    loads = [ast.unparse(node) for node in call_nodes(path) if ast.unparse(node.func) == "torch.load"]
    assert not loads or path.is_relative_to(BENCH), "published weights are the benchmark's business alone"
    assert all("weights_only=True" in load for load in loads), "tensors, and no other object"


@holds_for(modules(PRICING, ORACLE, BENCH))
def test_only_signing_holds_the_signing_key(path: Path) -> None:
    if path.name not in {"signer.py", "main.py"}:
        assert not {call for call in calls(path) if call.endswith((".sign_message", ".decrypt_keystore"))}


# --- size -------------------------------------------------------------------------------------------------------------

MOST_LINES = 400
MOST_FILES = 15


def lines_of(path: Path) -> int:
    """Lines of a file; of Solidity without whole-line comments, which explain an interface at length."""
    lines = path.read_text().splitlines()
    return len([line for line in lines if path.suffix != ".sol" or not line.lstrip().startswith("//")])


def sources() -> list[Path]:
    contracts = [path for path in (ROOT / "contracts").rglob("*.sol") if path.name != "Settlement.sol"]
    return modules(CLIENT, PRICING, ORACLE, BENCH, ROOT / "scripts") + sorted(contracts)


@holds_for([*sources(), *modules(ROOT / "tests")])
def test_no_file_is_too_long(path: Path) -> None:
    assert lines_of(path) <= MOST_LINES


@holds_for(sorted({path.parent for path in sources()}))
def test_no_folder_is_too_full(folder: Path) -> None:
    assert len([path for path in folder.iterdir() if path.suffix in (".py", ".sol", ".sh")]) <= MOST_FILES
