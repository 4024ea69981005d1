"""The lane model, the catalog, its rules, and routes."""
