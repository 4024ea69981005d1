"""The lane model, the catalog, its rules, search and routes."""
