"""One call from the checked request to the answer: retries, fallbacks, and the budgets around each attempt."""
