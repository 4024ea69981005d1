"""The first files of a platform directory. What is there already is never touched."""

import datetime as dt
import os

from warden.domain.errors import Usage

_PLATFORM = """\
# What holds for every entry of catalog/.
kv_mount: platform

# Where people log in: the name of an OIDC or JWT mount, and its claims. Nobody yet; an example:
# logins:
#   company:
#     user_claim: sub
#     groups_claim: groups
#     redirect_uris: [http://localhost:8250/oidc/callback]

# The checkouts whose pages `warden catalog check` can look at, relative to this folder. An example:
# repos:
#   example-app: [../../example-app]
"""
_EXAMPLE = """\
# A lane: one credential on its whole way. Copy this file for each credential: its name is the id.
# As long as it is a draft, <placeholders> are allowed. Every key: docs/lane.md
lane: example-api-key
title: API key of a service, for example-app
status: draft
reviewed: {today}
needs: [example service api key] # in the words of those who will look for it
owners:
  custody: {{repo: platform-team, doc: README.md}} # keeps the value
  consumer: {{repo: example-app, doc: README.md}} # uses it
custody:
  path: platform/workloads/<tenant>/example-app/<secret>
  fields: [EXAMPLE_API_KEY]
readers:
  - workload: example-team/example-app # a Kubernetes service account, namespace/name
rotation: {{every: 90d, source: example service}}
"""
_POLICIES = """\
# Policies

`access/` may hold Cedar policies that decide on `warden access`, before anything is read. Without them warden's own
default holds: a declared reader of the lane may read it.
"""
_README = """\
# Our credentials

One file a credential in `catalog/`, what holds for all in `platform.yaml`. No secret value is ever written here.

    warden catalog check               # after every change, and in CI
    warden route find "what you need"  # who owns it, and how to get it
    warden plan LANE                   # what OpenBao would have to change
"""


def scaffold(directory: str, today: dt.date) -> tuple[list[str], list[str]]:
    """Make the files that are not there; answers those that were made, and those that were there and were kept.

    Raises `Usage` where the place cannot be written to.
    """
    files = {
        "README.md": _README,
        "platform.yaml": _PLATFORM,
        "catalog/example-api-key.yaml": _EXAMPLE.format(today=today),
        "policies/README.md": _POLICIES,
    }
    if _has_entries(directory):
        del files["catalog/example-api-key.yaml"]
    made: list[str] = []
    kept: list[str] = []
    for name, text in files.items():
        path = os.path.join(directory, name)
        (made if _create(path, text) else kept).append(path)
    return made, kept


def _has_entries(directory: str) -> bool:
    folder = os.path.join(directory, "catalog")
    return os.path.isdir(folder) and any(name.endswith(".yaml") for name in os.listdir(folder))


def _create(path: str, text: str) -> bool:
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        if os.path.isfile(path):
            return False
        raise _unwritable(path, "something that is no file is in the way") from None
    except OSError as fault:
        raise _unwritable(path, fault.strerror or "") from None
    return True


def _unwritable(path: str, why: str) -> Usage:
    return Usage(
        f"{path} cannot be made ({why}); nothing that was there has been changed.",
        system="platform",
        subject=path,
        hint="choose another place: warden init DIR",
    )
