"""A report as text for people: Markdown, a terminal; and the one module that prints."""
