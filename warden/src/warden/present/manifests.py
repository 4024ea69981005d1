"""Manifests as a document for kubectl and GitOps tools."""

from collections.abc import Sequence
from typing import Any

from warden.core.clusters.manifests import Manifest
from warden.core.remedies import RunWarden
from warden.present import terminal
from warden.present.commands import command


def show_manifests(documents: str, made_by: RunWarden) -> None:
    """YAML documents under a comment that says where they come from."""
    terminal.line(f"# {command(made_by)}: derived; change the lane's file, not this")
    for line in documents.splitlines():
        terminal.line(line)


def list_json(manifests: Sequence[Manifest]) -> dict[str, Any]:
    """A ``v1`` List."""
    return {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
