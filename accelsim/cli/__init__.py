"""The command line: `main` runs a command and turns every error into one line and a documented exit code."""

from __future__ import annotations

import sys

_INTERRUPTED = ("interrupted", "what was finished is kept; run again to go on")


def main(arguments: list[str] | None = None) -> None:
    """Run the command in `arguments` (default: the process's own) and exit with its code."""
    sys.exit(invoke(sys.argv[1:] if arguments is None else arguments))


def invoke(arguments: list[str]) -> int:
    """Run a command and return its exit code (see `accelsim.errors.EXIT_CODES`)."""
    from accelsim.cli.app import app
    from accelsim.errors import AccelsimError

    debug = "--debug" in arguments
    try:
        result = app([a for a in arguments if a != "--debug"], standalone_mode=False)
    except AccelsimError as error:
        return _fail(error, error.message, error.hint, error.exit_code, debug)
    except KeyboardInterrupt:
        return _fail(None, *_INTERRUPTED, 130, False)
    except BrokenPipeError:
        return 0
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _fail(error, f"{where}{error.strerror or error}", "", 8, debug)
    except Exception as error:
        if hasattr(error, "format_message"):
            return _fail(error, error.format_message(), "see accelsim --help", 2, debug)
        if type(error).__name__ == "Exit":
            code = int(getattr(error, "exit_code", 0))
            return _fail(None, *_INTERRUPTED, code, False) if code == 130 else code
        if type(error).__name__ == "Abort":
            return _fail(None, *_INTERRUPTED, 130, False)
        return _fail(
            error, f"internal error: {type(error).__name__}: {error}", "run again with --debug and report it", 1, debug
        )
    if result == 130:  # typer turns an interrupt into this result
        return _fail(None, *_INTERRUPTED, 130, False)
    return int(result or 0)


def _fail(error: BaseException | None, message: str, hint: str, code: int, debug: bool) -> int:
    if debug and error is not None:
        import traceback

        traceback.print_exception(error)
    print(f"accelsim: {message}" + (f"; {hint}" if hint else ""), file=sys.stderr)
    return code


if __name__ == "__main__":
    main()
