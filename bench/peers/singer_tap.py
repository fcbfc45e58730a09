"""A page API becomes Singer messages by requests and singer-python, as many taps do it. Arguments: URL, schema."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import requests
import singer

url, schema = sys.argv[1], json.loads(Path(sys.argv[2]).read_text("utf-8"))
singer.write_schema("reviews", schema, ["id"])
session, cursor = requests.Session(), 1
while cursor:
    page = session.get(url, params={"cursor": cursor}, timeout=60).json()
    extracted_at = singer.utils.now()
    for record in page["data"]:
        singer.write_record("reviews", record, time_extracted=extracted_at)
    cursor = page["meta"]["next"]
    singer.write_state({"bookmarks": {"reviews": {"page": cursor}}})
