"""A page API becomes Singer messages by the Meltano SDK, as its own template has it. Argument: the stream's URL."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from singer_sdk import RESTStream, Tap

URL, SCHEMA = sys.argv.pop(1), json.loads(Path(sys.argv.pop(1)).read_text("utf-8"))


class Reviews(RESTStream):
    """The stream."""

    name, path, primary_keys, schema = "reviews", "", ("id",), SCHEMA
    records_jsonpath, next_page_token_jsonpath = "$.data[*]", "$.meta.next"
    url_base = URL

    def get_url_params(self, context, next_page_token):  # noqa: ANN001, ANN201, ARG002, D102 - the SDK's
        return {"cursor": next_page_token or 1}


class ReviewsTap(Tap):
    """The tap."""

    name = "tap-reviews"

    def discover_streams(self):  # noqa: ANN201, D102 - the SDK's
        return [Reviews(self)]


ReviewsTap.cli([])
