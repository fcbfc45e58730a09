"""The Singer tap: any paginated REST API, described by one JSON file, becomes messages on stdout."""
