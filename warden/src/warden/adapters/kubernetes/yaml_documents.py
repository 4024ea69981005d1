"""Manifests as the YAML that kubectl and GitOps tools read."""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml


def dump(manifests: Sequence[Mapping[str, Any]]) -> str:
    """One document each, keys in the order they were written, nothing of Python's own types."""
    return yaml.safe_dump_all(
        [_builtins(each) for each in manifests], sort_keys=False, explicit_start=True, width=100, allow_unicode=True
    )


def _builtins(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _builtins(item) for key, item in value.items()}
    return [_builtins(item) for item in value] if isinstance(value, list | tuple) else value
