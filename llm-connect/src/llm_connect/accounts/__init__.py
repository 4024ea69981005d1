"""What is written down around a call: budgets, the ledger and the audit record."""
