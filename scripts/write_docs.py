"""Writes the parts of the documents that repeat what the code says.

python scripts/write_docs.py           write them
python scripts/write_docs.py errors    write those of ``docs/errors.md`` alone
python scripts/write_docs.py --check   end with status 1 if one of them is out of date

A generated part stands between the lines ``<!-- generated: NAME -->`` and ``<!-- end -->`` of its page. To add one, put
the two lines into a page, write a function that returns the text, and name both in ``PARTS``.
"""

import ast
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType

import click

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
CODE = ("contracts", "client/assay", "oracle/assay_pricing", "oracle/assay_oracle", "oracle/assay_bench")


# --- docs/cli.md ------------------------------------------------------------------------------------------------------


def commands() -> str:
    """The help of every command of ``assay`` and ``assay-oracle``."""
    from assay.cli.main import main as assay
    from assay_oracle.cli.main import main as assay_oracle

    pages = []
    for name, group in (("assay", assay), ("assay-oracle", assay_oracle)):
        for path, command in _walk(group, (name,)):
            title = " ".join(path)
            context = click.Context(
                command, info_name=title, max_content_width=100, terminal_width=100, **group.context_settings
            )
            help_text = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
            pages.append(f"{'##' if len(path) == 1 else '###'} {title}\n\n```text\n{help_text}\n```\n")
    return "\n".join(pages)


def exit_codes() -> str:
    """The exit codes of all commands."""
    from assay.errors import ExitCode

    return _table(("code", "meaning"), [(str(int(code)), code.meaning) for code in ExitCode])


def _walk(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            yield from _walk(child, (*path, name))


# --- docs/architecture.md ---------------------------------------------------------------------------------------------


def tree() -> str:
    """Every folder and module of the product with the first sentence of its own documentation."""
    lines: list[str] = []
    for name in CODE:
        lines += [*_folder(ROOT / name, name + "/", 0), ""]
    return "```text\n" + "\n".join(lines).rstrip() + "\n```\n"


def _folder(folder: Path, shown: str, depth: int) -> Iterator[str]:
    yield _row(shown, _first_sentence(folder / "__init__.py"), depth)
    files = sorted(path for path in folder.iterdir() if path.suffix in (".py", ".sol") and path.name != "__init__.py")
    for path in files:
        if path.name != "__main__.py":
            yield _row(path.name, _first_sentence(path), depth + 1)
    for path in sorted(path for path in folder.iterdir() if path.is_dir()):
        if any(path.rglob("*.py")) or any(path.rglob("*.sol")):
            yield from _folder(path, path.name + "/", depth + 1)


def _row(name: str, sentence: str, depth: int) -> str:
    return f"{'  ' * depth + name:<30} {sentence}".rstrip()


def _first_sentence(path: Path) -> str:
    """The first sentence of a module's docstring, or of a Solidity file's ``@title``, if none of its ``@notice``."""
    if not path.exists():
        return ""
    text = path.read_text()
    if path.suffix == ".sol":
        comment = r"/// @{} (.*(?:\n\s*/// (?!@).*)*)"
        comments = [*re.findall(comment.format("title"), text), *re.findall(comment.format("notice"), text)]
        found = re.sub(r"\s*\n\s*/// ?", " ", comments[0]) if comments else ""
    else:
        found = " ".join((ast.get_docstring(ast.parse(text)) or "").split("\n\n")[0].split())
    return re.split(r"(?<=[a-z0-9)`])\.(?:\s|$)", found)[0].replace("``", "")


# --- docs/errors.md ---------------------------------------------------------------------------------------------------

SAFE_ERC20 = "The token refused the transfer: too little balance or allowance, or it answered with false"
"""Cause of the one error that is not declared in ``ISettlement.sol`` but in OpenZeppelin's ``SafeERC20``."""


def contract_errors() -> str:
    """Every error of the contract: cause from ``@notice Thrown when`` in its interface, remedy from ``REMEDIES``."""
    from assay.chain.remedies import REMEDIES

    source = (ROOT / "contracts" / "interfaces" / "ISettlement.sol").read_text()
    declared = re.findall(r"((?: +///.*\n)+) +error (\w+)\((.*)\);", source)
    causes = {f"{name}({_names(parameters)})": _thrown_when(comment) for comment, name, parameters in declared}
    causes["SafeERC20FailedOperation(token)"] = SAFE_ERC20
    rows = [(f"`{error}`", cause, REMEDIES[error.split("(")[0]]) for error, cause in sorted(causes.items())]
    return _table(("error", "cause", "remedy"), rows)


def _names(parameters: str) -> str:
    """``address token, uint256 amount`` without its types."""
    return ", ".join(parameter.split()[-1] for parameter in parameters.split(",") if parameter)


def _thrown_when(comment: str) -> str:
    """The ``@notice`` of a NatSpec comment, as a sentence of its own."""
    text = " ".join(line.strip().removeprefix("///").strip() for line in comment.strip().splitlines())
    notice = text.split(" @param")[0].removeprefix("@notice Thrown when ").removesuffix(".")
    return notice[0].upper() + notice[1:]


def client_errors() -> str:
    """The errors of ``assay.errors``."""
    from assay import errors

    return _errors(errors)


def pricing_errors() -> str:
    """The errors of ``assay_pricing.errors``."""
    from assay_pricing import errors

    return _errors(errors)


def oracle_errors() -> str:
    """The errors of ``assay_oracle.errors``."""
    from assay_oracle import errors

    return _errors(errors, anchored=True)


def benchmark_errors() -> str:
    """The errors of ``assay_bench.errors``."""
    from assay_bench import errors

    return _errors(errors)


def _errors(module: ModuleType, *, anchored: bool = False) -> str:
    """One row for each error class of a module that has a code of its own and is not a mere base.

    ``anchored`` rows are those that the ``type`` of a problem leads to.
    """
    from assay.errors import AssayError

    classes = [kind for kind in vars(module).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    kinds = [kind for kind in classes if kind.__module__ == module.__name__]
    rows = []
    for kind in kinds:
        cause, _, remedy = (inspect.getdoc(kind) or "").partition("Remedy:")
        caused = any("code" in vars(base) for base in kind.__mro__ if base is not AssayError)
        if cause.startswith(("Base of", "Root of")) or caused:
            continue
        code = re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()
        status = str(getattr(kind, "status", ""))
        anchor = f'<a id="{code}"></a>' if anchored else ""
        rows.append((f"{anchor}`{code}`", status, _cell(cause), _cell(remedy) or "as the hint says"))
    if any(status for _, status, *_ in rows):
        return _table(("code", "status", "cause", "remedy"), rows)
    return _table(("code", "cause", "remedy"), [(code, cause, remedy) for code, _, cause, remedy in rows])


# --- docs/pricing-methods.md ------------------------------------------------------------------------------------------


def methods() -> str:
    """Every pricing method: its value from the docstring, its use from ``when_to_use``, and its settings."""
    from assay_pricing import methods

    rows = []
    for name in sorted(methods.names(), key=lambda name: (name != methods.DEFAULT, name)):
        method = methods.method(name)
        value = (inspect.getdoc(method) or "").partition("\n\n")[0]
        settings = ", ".join(f"`{key}={default}`" for key, default in method.settings.items())
        reads = "labels" if method.label_only else "probabilities"
        title = f"`{name}` (default)" if name == methods.DEFAULT else f"`{name}`"
        rows.append((title, _cell(value), _cell(method.when_to_use), reads, settings))
    return _table(("method", "value", "use it for", "reads", "settings"), rows)


def _cell(text: str) -> str:
    """Text of a docstring as a cell: on one line, code in single backticks, without a final full stop."""
    return " ".join(text.split()).replace("``", "`").removesuffix(".")


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(cells)} |" for cells in (head, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]]) + "\n"


PARTS: dict[str, tuple[str, Callable[[], str]]] = {
    "commands": ("cli.md", commands),
    "exit codes": ("cli.md", exit_codes),
    "tree": ("architecture.md", tree),
    "contract errors": ("errors.md", contract_errors),
    "client errors": ("errors.md", client_errors),
    "oracle errors": ("errors.md", oracle_errors),
    "pricing errors": ("errors.md", pricing_errors),
    "methods": ("pricing-methods.md", methods),
    "benchmark errors": ("errors.md", benchmark_errors),
}
"""By the name between the markers: the page, and the function that writes the part."""


def written(page: str) -> str:
    """The text of ``page`` with its generated parts as they must be."""
    text = (DOCS / page).read_text()
    for name, (owner, write) in PARTS.items():
        if owner == page:
            before, start, rest = text.partition(f"<!-- generated: {name} -->\n")
            _, end, after = rest.partition("<!-- end -->")
            assert end, f"expected a part {name!r} in docs/{page}, found none"
            text = before + start + write() + end + after
    return text


def main(arguments: list[str]) -> int:
    """Writes or checks the pages that are named, or every page."""
    pages = {page.removesuffix(".md"): page for page, _ in PARTS.values()}
    named = [argument for argument in arguments if argument != "--check"] or sorted(pages)
    status = 0
    for page in (pages[name] for name in named):
        text = written(page)
        if text == (DOCS / page).read_text():
            continue
        if "--check" in arguments:
            print(f"docs/{page} is out of date: python scripts/write_docs.py", file=sys.stderr)
            status = 1
        else:
            (DOCS / page).write_text(text)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
