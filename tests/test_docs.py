"""Documents are code: what they show is run, what they list is complete."""

import hashlib
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from scripts.localnet import BIN, CEILING, free_port

from assay.cli.main import main as assay
from assay.protocol.seal import seal
from assay_oracle.cli.main import main as assay_oracle
from tests.kit.commands import leaves
from tests.vectors import vectors

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text()
PYTHON = (ROOT / "docs" / "python.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
PROTOCOL = (ROOT / "docs" / "protocol.md").read_text()
ERRORS = (ROOT / "docs" / "errors.md").read_text()
ABI = json.loads((ROOT / "client" / "assay" / "abi" / "Settlement.json").read_text())["abi"]
OPENED = "until [ $(ls bought/*.npz | wc -l) -eq 3 ]; do sleep 0.2; done"
"""The oracle hands a key over after the payment, with which the data owner's code ends."""
MODELS = (
    "import json, sys, urllib.request; "
    'sys.exit(not json.load(urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/v1/info"))["models"])'
)
"""Ends with 0 once the oracle at a port prices for a model."""
COMMANDS = {"assay": assay, "assay-oracle": assay_oracle}


def shown_commands(text: str = README) -> list[str]:
    """Every line after a ``$`` in the console blocks of a text, continuation lines joined."""
    blocks = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    return [line[2:] for block in blocks for line in block.replace("\\\n", " ").splitlines() if line.startswith("$ ")]


ALL_LEAVES = [leaf for name, group in COMMANDS.items() for leaf in leaves(group, (name,))]


def python_blocks(text: str) -> str:
    """All Python of a page, as one program."""
    return "\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL))


@pytest.mark.integration
def test_the_tutorial_works_as_written_and_then_the_python_of_the_pages(tmp_path: Path) -> None:
    """Every command of the tutorial in one shell, then the code of ``python.md`` and of the README, on other ports."""
    lines = [line for line in shown_commands(TUTORIAL) if not line.startswith(("make", "source"))]
    assert len(shown_commands(TUTORIAL)) == 11
    chain, shop = free_port(), tmp_path / "shop"
    oracle = chain + 5

    def moved(text: str) -> str:
        return text.replace(":8545", f":{chain}").replace(":8550", f":{oracle}")

    model = 'import os\nmodel_id = bytes.fromhex(os.environ["MODEL"].removeprefix("0x"))\n'
    (tmp_path / "readme.py").write_text(moved(model + python_blocks(README)))
    (tmp_path / "page.py").write_text(moved(python_blocks(PYTHON)))
    named = f"{sys.executable} -c \"import json; print(json.load(open('buyer/names.json'))['models']['late'])\""
    code = [f"export MODEL=$({named})", f"{sys.executable} ../page.py", f"{sys.executable} ../readme.py"]
    code.append("until [ $(ls bought/*.csv | wc -l) = 3 ]; do sleep 0.2; done")
    script = "\n".join(["set -euo pipefail", f"cd {ROOT}", *lines, *code])
    script = script.replace("quickstart.py shop", f"quickstart.py {shop} {chain}").replace("cd shop", f"cd {shop}")
    # A person waits until the oracle prints its URL; a shell does not.
    script = re.sub(r"(assay-oracle serve .* &)", rf"\1\nwait_for {oracle} $!", script)
    script = re.sub(r"^(assay-oracle models add .*)$", rf"\1\nwait_for_models {oracle}", script, flags=re.MULTILINE)
    prelude = (
        f"trap 'kill $(jobs -p) $(cat {shop}/chain.pid) 2>/dev/null' EXIT\n"
        "wait_for() { until (echo > /dev/tcp/127.0.0.1/$1) 2>/dev/null; do kill -0 $2; sleep 0.2; done; }\n"
        f"wait_for_models() {{ until {BIN}/python -c '{MODELS}' $1; do sleep 0.2; done; }}\n"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")}
    environment["PATH"] = f"{ROOT / '.build' / 'bin'}:{BIN}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", prelude + script], capture_output=True, text=True, env=environment, timeout=CEILING
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^paid\t0\.[0-9]+ ETH \([0-9]+ wei\)$", done.stdout, re.MULTILINE), done.stdout + done.stderr
    line = r"^0x[0-9a-f]{64}\tpaid\t[^\t]+\tbought/[0-9a-f]{64}-[0-9a-f]{40}\.csv"
    assert re.search(line, done.stdout, re.MULTILINE), done.stdout
    for folder, names in (("purchases", ("new", "more")), ("bought", ("new", "more", "few"))):
        offered = {(shop / f"{name}.csv").read_bytes() for name in names}
        assert {path.read_bytes() for path in (shop / folder).glob("*.csv")} == offered
    assert "node_unreachable" in done.stdout


@pytest.mark.unit
@pytest.mark.parametrize(("words", "code"), [(["--help"], 0), (["--prot", "9545"], 1)])
def test_the_quickstart_makes_no_folder_of_an_option(words: list[str], code: int, tmp_path: Path) -> None:
    """A folder called ``--help`` is no answer, and hard to remove."""
    command = [sys.executable, str(ROOT / "scripts" / "quickstart.py"), *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=CEILING)
    assert (done.returncode, list(tmp_path.iterdir())) == (code, []), done.stderr
    assert "python scripts/quickstart.py" in done.stdout + done.stderr


@pytest.mark.unit
@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda path: path.name)
def test_every_link_of_the_documents_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.unit
def test_the_index_names_every_document() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    for path in (ROOT / "docs").glob("*.md"):
        assert path.name == "README.md" or f"({path.name})" in index, f"docs/README.md does not name {path.name}"


@pytest.mark.unit
def test_generated_parts_of_the_documents_are_up_to_date() -> None:
    """The tree of ``architecture.md`` and the commands of ``cli.md`` are those of the code."""
    done = subprocess.run(
        [sys.executable, "scripts/write_docs.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.unit
@pytest.mark.parametrize("line", [line for line in shown_commands() if line.startswith("make ")])
def test_every_make_target_in_the_readme_exists(line: str) -> None:
    assert re.search(rf"^{line.split()[1]}:", MAKEFILE, re.MULTILINE), line


@pytest.mark.unit
@pytest.mark.parametrize(
    ("path", "command"), ALL_LEAVES, ids=lambda value: " ".join(value) if isinstance(value, tuple) else ""
)
def test_every_command_has_help_with_an_example_and_json(path: tuple[str, ...], command: click.Command) -> None:
    # click keeps the help option of a command as its first context names it.
    context = click.Context(command, info_name=" ".join(path), help_option_names=["-h", "--help"])
    text = command.get_help(context)
    assert re.search(r"\bexamples?\b", text, re.IGNORECASE), f"{path}: no example in --help"
    assert "--json" in {flag for parameter in command.params for flag in parameter.opts}, path


@pytest.mark.integration
@pytest.mark.parametrize("name", COMMANDS)
def test_the_installed_commands_start(name: str) -> None:
    done = subprocess.run([Path(sys.executable).parent / name, "--help"], capture_output=True, text=True, check=True)
    assert "Usage" in done.stdout


@pytest.mark.unit
def test_every_contract_error_is_explained() -> None:
    names = {entry["name"] for entry in ABI if entry["type"] == "error"}
    missing = sorted(name for name in names if f"`{name}" not in ERRORS)
    assert not missing, f"docs/errors.md does not explain {missing}"


@pytest.mark.unit
def test_the_protocols_example_of_a_quote_is_a_vector() -> None:
    vector = vectors("quotes")[1]
    shown = [*vector["quote"].values(), *(vector[name] for name in ("contract", "quoteDigest", "keyHash"))]
    for value in (*shown, vector["acceptanceDigest"]):
        assert str(value) in PROTOCOL


@pytest.mark.unit
def test_the_protocols_example_of_sealed_data_is_what_sealing_gives() -> None:
    salts, sealed = iter([bytes(16), b"\x01" * 16]), io.BytesIO()
    data = io.BytesIO(b"a" * 1008 + b"bc")
    index = seal(data, sealed, bytes(range(32)), chunk_size=1024, salts=lambda _: next(salts))
    assert f"{len(sealed.getvalue()):,} bytes" in PROTOCOL
    assert f"0x{index.data_root.hex()}" in PROTOCOL
    assert sealed.getvalue()[-18:].hex() in PROTOCOL
    for i in range(2):
        assert hashlib.sha256(sealed.getvalue()[192 + 1024 * i :][:1024]).hexdigest() in PROTOCOL


@pytest.mark.unit
def test_readme_names_every_folder_of_the_house() -> None:
    for folder in (
        "contracts/",
        "client/assay/",
        "oracle/assay_pricing/",
        "oracle/assay_oracle/",
        "oracle/assay_bench/",
        "tests/",
        "scripts/",
        "docs/",
    ):
        assert f"`{folder}`" in README
