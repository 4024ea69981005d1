# What ssh waits for at every login, in place of Python's start: see `warden ssh config`.
#
#     sh ready.sh STAMP CERTIFICATE COMMAND [ARGUMENT...]
#
# STAMP has the second at which CERTIFICATE is to be renewed. Where that is to come, and the key is beside the
# certificate or in the agent, there is nothing to do. Otherwise this becomes the command.
stamp=$1 certificate=$2
shift 2
if [ -f "$certificate" ] && [ "$(date +%s)" -lt "$(cat "$stamp")" ]; then
  [ -f "${certificate%-cert.pub}" ] || ssh-add -qT "$certificate"
else
  false
fi 2>/dev/null || exec "$@"
