"""Writes the parts of the documents that repeat what the code says.

python scripts/write_docs.py           write them
python scripts/write_docs.py --check   end with status 1 if one of them is out of date

A generated part stands between the lines ``<!-- generated: NAME -->`` and ``<!-- end -->`` of its page. To add one, put
the two lines into a page, write a function that returns the text, and name both in ``PARTS``.
"""

import ast
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

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
            context = click.Context(command, info_name=title, max_content_width=100, terminal_width=100)
            help_text = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
            pages.append(f"{'##' if len(path) == 1 else '###'} {title}\n\n```text\n{help_text}\n```\n")
    return "\n".join(pages)


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
    """The first sentence of a module's docstring, or of a Solidity file's first ``@title`` or ``@notice``."""
    if not path.exists():
        return ""
    text = path.read_text()
    if path.suffix == ".sol":
        comments = re.findall(r"/// ?@(?:title|notice) (.*(?:\n\s*/// (?!@).*)*)|\* ?@(?:title|notice) (.*)", text)
        found = re.sub(r"\s*\n\s*/// ?", " ", "".join(comments[0])) if comments else ""
    else:
        found = " ".join((ast.get_docstring(ast.parse(text)) or "").split("\n\n")[0].split())
    return re.split(r"(?<=[a-z0-9)`])\.(?:\s|$)", found)[0].replace("``", "")


PARTS: dict[str, tuple[str, Callable[[], str]]] = {
    "commands": ("cli.md", commands),
    "tree": ("architecture.md", tree),
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
    """Writes or checks every page."""
    status = 0
    for page in sorted({page for page, _ in PARTS.values()}):
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
