"""RECORD lines → Arrow batches, many lines at a time."""
