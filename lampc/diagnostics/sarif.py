"""Diagnostics as SARIF 2.1.0, which code hosts and editors read: OASIS, Static Analysis Results Interchange Format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lampc.diagnostics.codes import TITLES, severity_of
from lampc.diagnostics.diagnostic import Diagnostic, Edit
from lampc.source import Span

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def sarif(found: Sequence[Diagnostic], version: str) -> dict[str, Any]:
    """A log of one run of lampc ``version``. Columns count code points from 1, offsets from 0."""
    codes = sorted({diagnostic.code for diagnostic in found})
    rules = [
        {
            "id": code,
            "shortDescription": {"text": TITLES[code]},
            "help": {"text": f"`lampc explain {code}` says what it means and how to mend it."},
            "defaultConfiguration": {"level": str(severity_of(code))},
        }
        for code in codes
    ]
    driver = {"name": "lampc", "version": version, "rules": rules}
    results = [_result(diagnostic, codes.index(diagnostic.code)) for diagnostic in found]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _result(found: Diagnostic, rule: int) -> dict[str, Any]:
    said = [found.message, *found.notes, *(f"help: {fix}" for fix in found.fixes)]
    result: dict[str, Any] = {
        "ruleId": found.code,
        "ruleIndex": rule,
        "level": str(found.severity),
        "message": {"text": "\n".join(said)},
        "locations": [_location(label.span) for label in found.labels[:1]],
    }
    if found.labels[1:]:
        result["relatedLocations"] = [
            {"id": number, **_location(label.span), "message": {"text": label.text or "this bears on it"}}
            for number, label in enumerate(found.labels[1:])
        ]
    if found.edits:
        result["fixes"] = [{"description": {"text": found.fixes[0]}, "artifactChanges": _changes(found.edits)}]
    return result


def _changes(edits: Sequence[Edit]) -> list[dict[str, Any]]:
    by_file: dict[str, list[dict[str, Any]]] = {}
    for edit in edits:
        replacement = {"deletedRegion": _region(edit.span), "insertedContent": {"text": edit.text}}
        by_file.setdefault(_uri(edit.span), []).append(replacement)
    return [{"artifactLocation": {"uri": uri}, "replacements": replacements} for uri, replacements in by_file.items()]


def _location(span: Span) -> dict[str, Any]:
    return {"physicalLocation": {"artifactLocation": {"uri": _uri(span)}, "region": _region(span)}}


def _uri(span: Span) -> str:
    """A file's address: as it was named, where that leads on from the folder in which lampc was called."""
    path = Path(span.source.name)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())


def _region(span: Span) -> dict[str, int]:
    (line, column), (end_line, end_column) = span.source.position(span.start), span.source.position(span.end)
    return {
        "startLine": line,
        "startColumn": column,
        "endLine": end_line,
        "endColumn": end_column,
        "charOffset": span.start,
        "charLength": span.end - span.start,
    }
