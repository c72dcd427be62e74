"""The command line: `main` runs a command and turns every error into one line and a documented exit code."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from accelsim.cli.modes import Options


def main(arguments: list[str] | None = None) -> None:
    """Run the command in `arguments` (default: the process's own) and exit with its code."""
    sys.exit(invoke(sys.argv[1:] if arguments is None else arguments))


def invoke(arguments: list[str]) -> int:
    """Run a command and return its exit code (see `accelsim.errors.EXIT_CODES`)."""
    from accelsim.cli.app import app
    from accelsim.cli.modes import Collected, parse, speaking

    options = parse(arguments)
    if not options.json and not options.quiet:
        with speaking(options) as line:
            return _code(app, line, options)[0]
    from accelsim.report import terminal

    told = terminal.begin("json" if options.json else "quiet")
    try:
        with speaking(options) as line:
            if told.mode == "quiet":
                return _code(app, line, options)[0]
            with Collected(options, app) as collected:
                code, error = _code(app, collected.arguments, options)
            with contextlib.suppress(BrokenPipeError):
                print(collected.answer(code, error), flush=True)
            return code
    finally:
        terminal.end()


def _code(app: Any, arguments: list[str], options: Options) -> tuple[int, dict[str, str] | None]:
    """Run the application; return its exit code and the error that was told on standard error, if any."""
    from accelsim.cli.modes import interrupted
    from accelsim.errors import AccelsimError

    try:
        result = app(arguments, standalone_mode=False)
    except AccelsimError as error:
        return _fail(error, error.message, error.hint, error.exit_code, options)
    except KeyboardInterrupt:
        result = 130
    except BrokenPipeError:
        return 0, None
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _fail(error, f"{where}{error.strerror or error}", "", 8, options)
    except Exception as error:
        if hasattr(error, "format_message"):
            return _fail(error, error.format_message(), "see accelsim --help", 2, options)
        if type(error).__name__ == "Exit":
            result = int(getattr(error, "exit_code", 0))
        elif type(error).__name__ == "Abort":
            result = 130
        else:
            message = f"internal error: {type(error).__name__}: {error}"
            return _fail(error, message, "run again with --debug and report it", 1, options)
    if result == 130:  # typer turns an interrupt into this result
        return _fail(None, *interrupted(options), 130, options)
    return int(result or 0), None


def _fail(
    error: BaseException | None, message: str, hint: str, code: int, options: Options
) -> tuple[int, dict[str, str]]:
    if options.debug and error is not None and code != 130:
        import traceback

        traceback.print_exception(error)
    print(f"accelsim: {message}" + (f"; {hint}" if hint else ""), file=sys.stderr)
    return code, {"message": message, "hint": hint}


if __name__ == "__main__":
    main()
