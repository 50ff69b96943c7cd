"""``assay help`` and ``assay completion``: what a shell and its user need to know."""

import click

from assay.cli.group import did_you_mean
from assay.cli.terminal import emit, json_option
from assay.errors import UsageError

SHELLS = ("bash", "zsh", "fish")


@click.command("help")
@click.argument("command", nargs=-1)
@json_option
@click.pass_context
def help_(ctx: click.Context, command: tuple[str, ...], as_json: bool) -> None:
    """Show the help of a command, as --help does.

    \b
    Examples:
      assay help
      assay help model register
    """
    context = ctx.find_root()
    for name in command:
        group = context.command
        found = group.get_command(context, name) if isinstance(group, click.Group) else None
        if found is None:
            known = group.list_commands(context) if isinstance(group, click.Group) else []
            raise UsageError(
                f"expected a command, got {name!r}.{did_you_mean(name, known)}", hint="assay help lists the commands"
            )
        context = click.Context(found, info_name=name, parent=context)
    text = context.get_help()
    emit({"help": text}, text, as_json)


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@json_option
@click.pass_context
def completion(ctx: click.Context, shell: str, as_json: bool) -> None:
    """Print the script that completes commands, options and names in a shell.

    \b
    Examples:
      echo 'eval "$(assay completion bash)"' >> ~/.bashrc
      echo 'eval "$(assay completion zsh)"' >> ~/.zshrc
      assay completion fish > ~/.config/fish/completions/assay.fish
    """
    from click.shell_completion import get_completion_class

    program = "assay"
    found = get_completion_class(shell)
    assert found is not None
    script = found(ctx.find_root().command, {}, program, f"_{program.upper()}_COMPLETE").source()
    emit({"shell": shell, "script": script}, script, as_json)
