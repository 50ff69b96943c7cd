"""The commands that need neither chain nor oracle, in a folder of their own."""

from pathlib import Path

from click.testing import CliRunner, Result

from assay.cli.main import main


def run(*arguments: object) -> Result:
    """Runs ``assay`` with these arguments; an error that is not one of the command's fails the test."""
    result = CliRunner(mix_stderr=False).invoke(main, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def names(folder: Path) -> set[str]:
    """Names of the files in a folder."""
    return {path.name for path in folder.iterdir()}
