"""A running example API and a client that shows every byte of what it answers."""

import http.client
import json
from dataclasses import dataclass
from urllib.parse import urlencode

import pytest

from examples.marketplace.server import Marketplace


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


class Client:
    """One keep-alive connection that sends the key unless told otherwise."""

    def __init__(self, url, key="demo-key"):
        self.address = url.removeprefix("http://")
        self.key = key
        self.connection = http.client.HTTPConnection(self.address, timeout=10)

    def get(self, path, headers=None, **query):
        return self.send("GET", path, headers, **query)

    def send(self, method, path, headers=None, body=None, **query):
        headers = {"X-API-Key": self.key} if headers is None else headers
        target = f"{path}?{urlencode(query)}" if query else path
        self.connection.request(method, target, body=body, headers=headers)
        response = self.connection.getresponse()
        return Answer(response.status, response.headers, response.read())

    def walk(self, **query):
        """Return the pages of one walk through the reviews."""
        pages = [self.get("/v1/diaper_reviews", **query).json]
        while pages[-1]["meta"]["next_cursor"] is not None:
            query["cursor"] = pages[-1]["meta"]["next_cursor"]
            pages.append(self.get("/v1/diaper_reviews", **query).json)
        return pages

    def close(self):
        self.connection.close()


@pytest.fixture
def serve():
    """Start marketplaces; returns (api, client) pairs that are closed at the end."""
    opened = []

    def start(**options):
        api = Marketplace(**{"advance": "manual", **options}).__enter__()
        client = Client(api.url)
        opened.append((api, client))
        return api, client

    yield start
    for api, client in opened:
        client.close()
        api.close()


@pytest.fixture
def api_and_client(serve):
    return serve(reviews=1000)


@pytest.fixture
def api(api_and_client):
    return api_and_client[0]


@pytest.fixture
def client(api_and_client):
    return api_and_client[1]
