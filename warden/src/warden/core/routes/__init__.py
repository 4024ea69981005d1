"""The route to a credential, and what the journal keeps of the last proof of it."""
