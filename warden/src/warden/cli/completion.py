"""``warden completion``: the script that teaches a shell warden's words."""

import click
from click.shell_completion import get_completion_class

from warden.present import terminal

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print a script that completes commands, options, lanes, fields, actors, hosts and clusters.

    \b
    Examples:
      source <(warden completion bash)    # in ~/.bashrc; in ~/.zshrc with zsh
      warden completion fish | source         # in ~/.config/fish/config.fish

    With zsh the line comes after compinit.
    """
    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 - click has these three
    script = kind(ctx.find_root().command, {}, "warden", "_WARDEN_COMPLETE")
    terminal.text(script.source_template % script.source_vars())
