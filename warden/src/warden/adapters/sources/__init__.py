"""Where new values come from: one file a source, and the loader of those that other packages bring."""
