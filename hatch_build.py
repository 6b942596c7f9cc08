"""What an index page shows: README.md with links and pictures that lead somewhere from there, and the project's addresses.

Both follow from where the repository is kept, which whoever publishes a wheel says by ``LAMPC_REPOSITORY=https://…``; a wheel
that is built without it has no addresses, and its page no relative links and no pictures.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?://)([^)#]*)(#[^)]*)?\)")


class IndexPage(MetadataHookInterface):
    """Sets ``readme`` and ``urls``."""

    def update(self, metadata: dict[str, Any]) -> None:
        repository = os.environ.get("LAMPC_REPOSITORY", "").rstrip("/")
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": page(text, repository)}
        metadata["urls"] = urls(repository) if repository else {}


def page(text: str, repository: str) -> str:
    """A README whose relative links lead into a repository; without one, links are their words and pictures are left out."""

    def absolute(found: re.Match[str]) -> str:
        picture, words, target, anchor = found.groups(default="")
        if repository:
            return f"{picture}[{words}]({repository}/{'raw' if picture else 'blob'}/HEAD/{target}{anchor})"
        return "" if picture else words

    return LINK.sub(absolute, text)


def urls(repository: str) -> dict[str, str]:
    """Where people look for a project's parts."""
    return {
        "Source": repository,
        "Documentation": f"{repository}/blob/HEAD/docs/tour.md",
        "Changelog": f"{repository}/blob/HEAD/docs/CHANGELOG.md",
        "Issues": f"{repository}/issues",
    }
