"""SSH keys as the caller's own signature: ssh-keygen(1), ssh-agent(1) and the file of allowed signers."""
