"""The command line: one verb a file. Exit status: 0 fine, 1 the program or its data is wrong, 2 wrong usage or a fault
in lampc, 128 + a signal's number interrupted. docs/output.md says it verb by verb.
"""

from __future__ import annotations

import errno
import gc
import io
import os
import sys
import warnings
from importlib import import_module

import click
from click.shell_completion import CompletionItem

from lampc import __version__
from lampc.cli.say import say, say_no_more, tell
from lampc.cli.verb import Context, Formatter, write_exits
from lampc.diagnostics import LampError
from lampc.interrupt import end_at_once
from lampc.terminal import rewrites

VERBS = {
    "new": "Write a program and its data, to begin with.",
    "examples": "List the programs that come with lampc.",
    "check": "Find all mistakes of programs, without running them.",
    "data": "Show what data there is.",
    "train": "Train the network as the file says.",
    "runs": "List the runs that are kept.",
    "eval": "Measure a trained network.",
    "predict": "Predict with a trained network.",
    "sample": "Write more of a text by a trained network.",
    "plot": "Draw a run's curves and its report.",
    "compare": "Show where two runs differ.",
    "sweep": "Train with many settings, and compare.",
    "export": "Write a trained network for others: PyTorch, ONNX, C.",
    "import": "Write a model of ONNX or torch.export as a program.",
    "graph": "Draw the network.",
    "ops": "List the operations that a program compiles to.",
    "explain": "Say what a diagnostic's code means, and how to mend it.",
}
"""What there is, in the order in which one comes upon it, and what it does."""


class _Verbs(click.Group):
    """Imports a verb's file only when it is called."""

    context_class = Context

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args[:1] == ["help"]:  # as other programs have it
            args = [*args[1:2], "--help"]
        return super().parse_args(ctx, ["--version"] if args == ["version"] else args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in VERBS:
            return None
        own = "import_" if name == "import" else name  # a word of Python's
        gc.disable()  # what modules make stays, and would be looked at again and again
        try:
            command = getattr(import_module(f"lampc.cli.{own}"), own)
        finally:
            gc.freeze()
            gc.enable()
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl(VERBS.items())  # without a look at their files

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        assert isinstance(formatter, Formatter)
        with formatter.section("To begin with"):
            formatter.write_sentences("`lampc new` writes a program, `lampc train disc` runs one that comes with lampc, and "
                                      "`lampc VERB --help` has examples of each verb.")  # fmt: skip
        write_exits(formatter)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        verbs = [CompletionItem(name, help=text) for name, text in VERBS.items() if name.startswith(incomplete)]
        return [*verbs, *click.Command.shell_complete(self, ctx, incomplete)]

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        from lampc.diagnostics.suggest import nearest
        from lampc.examples import names

        if args and not args[0].startswith("-") and args[0] not in VERBS:
            program = args[0].endswith(".lamp") or args[0] in names()
            near = f"train {args[0]}" if program else nearest(args[0], VERBS)
            hint = f" Did you mean `lampc {near}`?" if near else ""
            raise click.UsageError(f"There is no verb `{args[0]}`.{hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=_Verbs, subcommand_metavar="VERB …", context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="lampc")
def cli() -> None:
    """Checks, lists, draws and trains the neural networks that .lamp files describe."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line, and exit with its status."""
    end_at_once()
    _open_what_is_closed()
    if any(option.startswith("error") for option in sys.warnoptions):  # a warning is said, and ends nothing
        warnings.simplefilter("default")
    status = run(arguments)
    gc.freeze()  # what is left goes with the process: to look for circles in it again takes as long as to print the help
    sys.exit(status)


def _open_what_is_closed() -> None:
    """Give a standard stream that the caller has closed to nobody, lest a file that is opened gets its number."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        name = ("stdin", "stdout", "stderr")[number]
        setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8"))  # noqa: SIM115 - as long as the process
    os.close(number)


def run(arguments: list[str] | None = None) -> int:
    """Run the command line; its exit status. No traceback reaches the user, whatever happens."""
    try:
        _greet(sys.argv[1:] if arguments is None else arguments)
        result = cli.main(arguments, prog_name="lampc", standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except LampError as error:
        from lampc.cli.report import print_diagnostics

        print_diagnostics(error.diagnostics)
        return 1
    except click.exceptions.NoArgsIsHelpError as error:
        say(error.format_message())
        return 2
    except click.ClickException as error:
        if isinstance(error, click.NoSuchOption):
            error = _as_setting(error, sys.argv[1:] if arguments is None else arguments)
        said = io.StringIO()
        error.show(said)
        tell(said.getvalue().rstrip("\n"), err=True)
        return 2
    except click.exceptions.Exit as exit:
        return exit.exit_code
    except SystemExit:  # click's answer to a closed pipe
        return 0
    except (click.Abort, KeyboardInterrupt):
        say("interrupted", err=True)
        return 130
    except BrokenPipeError:
        # The reader has gone, as with `| head`; there is nobody to tell.
        say_no_more()
        return 0
    except OSError as error:
        return _refused(error) or _fault(error)
    except ImportError as error:
        if (error.name or "").startswith("lampc"):
            return _fault(error)
        say(f"error[E508]: a package that lampc needs cannot be imported: {error}", err=True)
        say("  = help: install lampc again: pip install --force-reinstall lampc", err=True)
        return 1
    except Exception as error:
        return _fault(error)


_NOTHING_AT_FIRST = {"--json", "-q", "--quiet", "-h", "--help"}


def _greet(arguments: list[str]) -> None:
    """Show on a terminal that a training is being prepared: importing what it needs may take a second."""
    if arguments[:1] == ["train"] and rewrites(sys.stderr) and not _NOTHING_AT_FIRST.intersection(arguments):
        from lampc.cli.progress import progress

        progress().stage("starting …")


def _as_setting(error: click.NoSuchOption, arguments: list[str]) -> click.UsageError:
    """The error, or where the option is the program's, `--epochs 5`, how it is given."""
    from lampc.syntax.elsewhere import at_home

    ours = at_home(error.option_name.lstrip("-").replace("-", "_"))
    takes = error.ctx is not None and any(param.name == "settings" for param in error.ctx.command.params)
    if ours is None or not takes:
        return error
    words = " ".join(arguments).partition(error.option_name)[2].lstrip("= ").split()
    value = words[0] if words and not words[0].startswith("-") else "…"
    return click.UsageError(f"`{ours}` is the program's: `--set {ours}={value}`.", error.ctx)


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def _refused(error: OSError) -> int | None:
    """What the system refuses of things that have no name, the output and the folder that one is in; None if it is neither."""
    if error.filename is not None or error.errno not in (*_FULL, errno.ENOENT):
        return None
    if error.errno == errno.ENOENT:
        say("error[E003]: the folder that lampc was called in is gone", err=True)
    else:
        say_no_more()
        say(f"error[E003]: the output cannot be written: {error.strerror}", err=True)
    return 1


def _fault(error: Exception) -> int:
    """Report what should never happen."""
    if os.environ.get("LAMPC_TRACEBACK"):
        import traceback

        traceback.print_exc()
    what = f"{type(error).__name__}: {error}".splitlines()[0][:300]
    say(f"error[E900]: a fault in lampc: {what}", err=True)
    say("  = help: please report it with the program; LAMPC_TRACEBACK=1 shows where it is", err=True)
    return 2
