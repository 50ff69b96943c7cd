"""The house's rules about who may import whom, kept by walking the imports of every module."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parent.parent
CLIENT = ROOT / "client" / "assay"
PRICING = ROOT / "oracle" / "assay_pricing"
ORACLE = ROOT / "oracle" / "assay_oracle"
BENCH = ROOT / "oracle" / "assay_bench"

HEAVY = {"torch", "numpy", "pandas", "pyarrow", "sklearn", "scipy", "matplotlib", "safetensors", "onnxruntime"}
DISK = {"open", "mkstemp", "NamedTemporaryFile", "TemporaryFile"}


def modules(*folders: Path) -> list[Path]:
    return sorted(path for folder in folders for path in folder.rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """Dotted names imported anywhere in a module, at any depth of nesting."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""


def roots(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)}


def call_nodes(path: Path) -> list[ast.Call]:
    return [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]


def calls(path: Path) -> Iterator[str]:
    """Names called in a module, as written: ``time.time``, ``open``, ``datetime.now``."""
    return (ast.unparse(node.func) for node in call_nodes(path))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_the_walk_finds_the_packages() -> None:
    assert len(modules(CLIENT)) >= 10
    assert len(modules(ORACLE)) >= 10


@pytest.mark.parametrize("path", modules(CLIENT), ids=name_of)
def test_client_imports_neither_oracle_nor_heavy_libraries_nor_ape(path: Path) -> None:
    assert roots(path).isdisjoint(HEAVY | {"assay_pricing", "assay_oracle", "assay_bench", "ape", "solcx"})


@pytest.mark.parametrize("path", modules(PRICING, ORACLE, BENCH), ids=name_of)
def test_oracle_does_not_import_ape(path: Path) -> None:
    assert roots(path).isdisjoint({"ape", "solcx"})


@pytest.mark.parametrize("path", modules(CLIENT), ids=name_of)
def test_web3_is_imported_by_chain_alone_and_httpx_by_oracle_api_alone(path: Path) -> None:
    if path.parent.name != "chain":
        assert "web3" not in roots(path)
    if path.name != "oracle_api.py":
        assert "httpx" not in roots(path)


@pytest.mark.parametrize("path", modules(CLIENT / "protocol", PRICING), ids=name_of)
def test_protocol_and_pricing_do_no_network_and_read_no_clock_or_environment(path: Path) -> None:
    assert roots(path).isdisjoint({"web3", "httpx", "requests", "socket", "time", "datetime", "sqlite3", "sqlalchemy"})
    assert not {call for call in calls(path) if call.startswith(("os.environ", "os.getenv"))}


@pytest.mark.parametrize("path", modules(CLIENT, PRICING, ORACLE, BENCH), ids=name_of)
def test_only_settings_reads_the_environment(path: Path) -> None:
    if path.name == "settings.py":
        return
    source = path.read_text()
    assert "os.environ" not in source
    assert "os.getenv" not in source


@pytest.mark.parametrize("path", modules(CLIENT / "protocol"), ids=name_of)
def test_protocol_touches_no_disk(path: Path) -> None:
    assert roots(path).isdisjoint({"pathlib", "tempfile", "shutil"})
    assert not DISK & set(calls(path))


@pytest.mark.parametrize("path", modules(PRICING, ORACLE, BENCH), ids=name_of)
def test_no_pickle_reaches_the_oracle(path: Path) -> None:
    assert roots(path).isdisjoint({"pickle", "joblib", "dill", "cloudpickle"})
    loads = [ast.unparse(node) for node in call_nodes(path) if ast.unparse(node.func) == "torch.load"]
    assert not loads or path.is_relative_to(BENCH), "published weights are the benchmark's business alone"
    assert all("weights_only=True" in load for load in loads), "tensors, and no other object"


@pytest.mark.parametrize("path", modules(PRICING, ORACLE, BENCH), ids=name_of)
def test_only_signing_holds_the_signing_key(path: Path) -> None:
    if path.name not in {"signer.py", "main.py"}:
        assert not {call for call in calls(path) if call.endswith((".sign_message", ".decrypt_keystore"))}
