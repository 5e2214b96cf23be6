"""`dollr completion`: the script with which a shell completes the command's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from dollr_async.cli.output import Output

if TYPE_CHECKING:
    from collections.abc import Callable

    from cyclopts import App

Shell = Literal["bash", "zsh", "fish"]


def completion_of(app: App) -> Callable[[Shell], int]:
    """Return the command that prints the completion of an app's commands."""

    def completion(shell: Shell, /) -> int:
        """Print the script with which a shell completes this command.

        bash: `dollr completion bash > ~/.local/share/bash-completion/completions/dollr`; zsh:
        `dollr completion zsh > _cyclopts_dollr`, in a directory of your fpath; fish:
        `dollr completion fish > ~/.config/fish/completions/dollr.fish`.

        Args:
            shell: bash, zsh or fish.
        """
        Output(json=False).say(app.generate_completion(shell=shell).rstrip("\n"))
        return 0

    return completion
