#!/bin/sh
# Install activity-core as the Containerfile's build stage does: container-install.sh PYTHON PROJECT
# Dependencies come at the versions and hashes of the lock file; activity-core and the secret-scan beside it are plain
# Python and are copied. Neither pip nor a build tool is left behind.
set -eu
python=$1 project=$2

"$python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$project/requirements.lock"
packages=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
cp -R "$project/src/activity_core" "$project/../secret-scan/src/secret_scan" "$packages/"
program=$(dirname "$python")/activity-core
printf '#!%s\nfrom activity_core.cli import run\n\nrun()\n' "$python" > "$program"
chmod 755 "$program"
"$python" -m pip uninstall --quiet --yes pip setuptools
