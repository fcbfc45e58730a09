"""A page API becomes what dlt makes of it. Arguments: "iterate" or "parquet", the server's URL."""

from __future__ import annotations

import sys
from collections import deque

import dlt
from dlt.sources.rest_api import rest_api_source

what, url = sys.argv[1:]
paginator = {"type": "cursor", "cursor_path": "meta.next", "cursor_param": "cursor"}
source = rest_api_source(
    {
        "client": {"base_url": url, "paginator": paginator},
        "resources": [
            {"name": "reviews", "primary_key": "id", "endpoint": {"path": "reviews", "data_selector": "data"}}
        ],
    }
)
if what == "iterate":
    deque(source.resources["reviews"], maxlen=0)
else:
    pipeline = dlt.pipeline("bench", destination=dlt.destinations.filesystem("lake"), dataset_name="reviews")
    pipeline.run(source, loader_file_format="parquet")
