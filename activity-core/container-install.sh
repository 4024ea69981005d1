#!/bin/sh
# Puts activity-core into an environment, as the Containerfile's build stage does: container-install.sh PYTHON PROJECT
# Its dependencies at the versions and hashes of its lock file; of itself the Python alone. Neither pip nor a build tool
# stays in there.
set -eu
python=$1 project=$2

"$python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$project/requirements.lock"
cp -R "$project/src/activity_core" "$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/"
program=$(dirname "$python")/activity-core
printf '#!%s\nfrom activity_core.cli import run\n\nrun()\n' "$python" > "$program"
chmod 755 "$program"
"$python" -m pip uninstall --quiet --yes pip setuptools
