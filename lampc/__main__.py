"""``python -m lampc``."""

from lampc.cli import main

main()
