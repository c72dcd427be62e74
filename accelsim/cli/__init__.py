"""The command line: `main` runs a command and turns every error into one line and a documented exit code."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from accelsim.cli.modes import Options

INTERRUPTED, TERMINATED = 130, 143


def main(arguments: list[str] | None = None) -> None:
    """Run the command in `arguments` (default: the process's own) and exit with its code."""
    code = 0
    try:
        from accelsim.cli.signals import at_the_end, catching, ended, terminated

        if arguments is None:
            at_the_end()
        with catching(ended if arguments is None else None):
            try:
                code = _flushed(invoke(sys.argv[1:] if arguments is None else arguments))
            except KeyboardInterrupt:  # before the command began, or after it
                message, code = ("ended by SIGTERM", TERMINATED) if terminated() else ("interrupted", INTERRUPTED)
                _told(None, message, "", code)
    except KeyboardInterrupt:
        code = _told(None, "interrupted", "", INTERRUPTED)
    except OSError as error:  # no room for temporary files
        code = _told(None, *_of_system(error), 8)
    sys.exit(_flushed(code))


def invoke(arguments: list[str]) -> int:
    """Run a command and return its exit code (see `accelsim.errors.EXIT_CODES`)."""
    from accelsim.cli.app import app
    from accelsim.cli.modes import parse, speaking

    options = parse(arguments)
    if not options.json and not options.quiet and not options.all_rows:
        with speaking(options) as line:
            return _code(app, line, options)[0]
    from accelsim.report import terminal

    told = terminal.begin("json" if options.json else "quiet" if options.quiet else "tables", options.all_rows)
    try:
        with speaking(options) as line:
            if told.mode != "json":
                return _code(app, line, options)[0]
            from accelsim.cli.answer import Collected

            with Collected(options, app) as collected:
                code, error = _code(app, collected.arguments, options)
            with contextlib.suppress(BrokenPipeError):
                print(collected.answer(code, error), flush=True)
            return code
    finally:
        terminal.end()


def _code(app: Any, arguments: list[str], options: Options) -> tuple[int, dict[str, str] | None]:
    """Run the application; return its exit code and the error that was told on standard error, if any."""
    from accelsim.errors import AccelsimError, shortened

    try:
        result = app(arguments, standalone_mode=False)
    except AccelsimError as error:
        return _fail(error, error.message, error.hint, error.exit_code, options)
    except KeyboardInterrupt:
        result = INTERRUPTED
    except BrokenPipeError:
        return 0, None
    except OSError as error:
        return _fail(error, *_of_system(error), 8, options)
    except MemoryError as error:
        what = f"not enough memory ({shortened(str(error), 200)})" if str(error) else "not enough memory"
        return _fail(error, what, "take fewer samples, a smaller batch, smaller layers", 5, options)
    except Exception as error:
        if hasattr(error, "format_message"):
            return _fail(error, error.format_message(), "see accelsim --help", 2, options)
        if type(error).__name__ == "Exit":
            result = int(getattr(error, "exit_code", 0))
        elif type(error).__name__ == "Abort":
            result = INTERRUPTED
        else:
            message = f"internal error: {type(error).__name__}: {error}"
            return _fail(error, message, "run again with --debug and report it", 1, options)
    if result == INTERRUPTED:  # typer turns an interrupt into this result
        return _stopped(options)
    return int(result or 0), None


def _stopped(options: Options) -> tuple[int, dict[str, str]]:
    from accelsim.cli.modes import interrupted
    from accelsim.cli.signals import terminated

    if terminated():
        return _fail(None, *interrupted(options, "ended by SIGTERM"), TERMINATED, options)
    return _fail(None, *interrupted(options), INTERRUPTED, options)


def _fail(
    error: BaseException | None, message: str, hint: str, code: int, options: Options
) -> tuple[int, dict[str, str]]:
    _told(error if options.debug else None, message, hint, code)
    return code, {"message": message, "hint": hint}


def _told(error: BaseException | None, message: str, hint: str, code: int) -> int:
    if error is not None:
        import traceback

        traceback.print_exception(error)
    from accelsim.errors import printable

    with contextlib.suppress(OSError):
        print(printable(f"accelsim: {message}" + (f"; {hint}" if hint else "")), file=sys.stderr)
    return code


def _of_system(error: OSError) -> tuple[str, str]:
    """Return message and hint of an error that no other part of accelsim has put into words."""
    from accelsim.files.guard import FULL

    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}", "free some space" if error.errno in FULL else ""


def _flushed(code: int) -> int:
    """Write what standard output still holds; a reader that has gone is no error, a full disk is one."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        if not isinstance(error, BrokenPipeError) and not code:
            code = _told(None, f"standard output: {error.strerror}", _of_system(error)[1], 8)
        with contextlib.suppress(OSError):  # or it would be tried again at the end, with a traceback
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


if __name__ == "__main__":
    main()
