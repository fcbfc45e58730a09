"""What is Spark's own: a session, its reading of a lake's files, and its dialect of SQL."""
