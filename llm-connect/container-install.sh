#!/bin/sh
# Puts llm-connect into an environment, as the Containerfile's build stage does: container-install.sh PYTHON PROJECT
# What it depends on by the versions and hashes of its lock file; itself as it is, since it is nothing but Python. No pip
# and no build tool is left in there.
set -eu
python=$1 project=$2

"$python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$project/requirements.lock"
cp -R "$project/src/llm_connect" "$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/"
program=$(dirname "$python")/llm-connect
printf '#!%s\nfrom llm_connect.cli import run\n\nrun()\n' "$python" > "$program"
chmod 755 "$program"
"$python" -m pip uninstall --quiet --yes pip setuptools
