"""The Singer target: messages on stdin become validated Parquet in the landing zone of a data lake."""
