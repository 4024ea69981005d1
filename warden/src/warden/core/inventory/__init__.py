"""What is declared of SSH: the actors that may have certificates, the hosts that take them, and who signs."""
