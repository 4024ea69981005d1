"""OpenSSH: certificates, CAs of this machine, keys and where they are kept, KRLs, sshd, signatures of decisions."""
