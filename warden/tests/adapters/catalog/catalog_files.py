"""A platform directory to write files into."""

import textwrap
from pathlib import Path

LANE = """\
lane: {id}
title: A key
status: active
reviewed: 2026-07-02
needs: [a key]
owners:
  custody: {{repo: platform, doc: docs/a.md}}
  consumer: {{repo: app, doc: docs/b.md}}
custody:
  path: platform/workloads/team/app/{id}
  fields: [APP_KEY]
readers:
  - workload: team/{id}
"""


class Directory:
    def __init__(self, root: Path) -> None:
        self.root = root / "platform"
        (self.root / "catalog").mkdir(parents=True)
        (self.root / "platform.yaml").write_text("kv_mount: platform\nlogins: {netkingdom: {}}\n")

    def __str__(self) -> str:
        return str(self.root)

    def file(self, name: str) -> Path:
        return self.root / "catalog" / name

    def lane(self, entry_id: str = "one", *, old: str = "", new: str = "", more: str = "") -> Path:
        text = LANE.format(id=entry_id)
        assert old in text, old
        return self.write(f"{entry_id}.yaml", (text.replace(old, new, 1) if old else text) + textwrap.dedent(more))

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.file(name)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path
