"""``lampc``, and ``python -m lampc``."""

from lampc.interrupt import end_at_once


def main() -> None:
    """Run the command line, and exit with its status."""
    end_at_once()  # before all that is slow to import
    from lampc.cli import main as command_line

    command_line()


if __name__ == "__main__":
    main()
