"""Turns an OpenAPI document's servers and security schemes into a base URL, and into the option "auth"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_rest_api.errors import ConfigError
from tap_rest_api.origin import resolve
from tap_rest_api.probe.address import to_variable
from tap_rest_api.spec.operations import PATH_PARAMETER
from tap_rest_api.spec.reading import is_url
from tap_rest_api.template import escape

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tap_rest_api.probe.notes import Notes

_GENERAL = frozenset({"API", "REST", "OPENAPI", "SWAGGER", "V1", "V2", "V3", "THE", "HTTP", "SERVICE"})


def find_base_url(document: Mapping[str, Any], place: str, given: str | None, notes: Notes) -> str:
    """Return the API's address: as it is given, else the first one that the document names.

    Raises:
        ConfigError: The document names none that is whole, and was read from a file.
    """
    servers = list(_servers(document)) or ["/"]
    url = given or servers[0]
    if is_url(place):
        url = resolve(place, url)
    if not is_url(url):
        path = url if url.startswith("/") and url != "/" else "/v1"
        fix = f"say where the API is: --server https://api.example.com{path}, or give the document's URL."
        raise ConfigError("the document does not say where the API is", where=f"{place} #/servers", fix=fix)
    if given is None:
        _note_server(document, servers, notes)
    return (escape(url) if given is None else url).rstrip("/")


def _note_server(document: Mapping[str, Any], servers: Sequence[str], notes: Notes) -> None:
    """Tell what of the first server is only the document's guess, and which others there are."""
    first: Mapping[str, Any] = next(iter(document.get("servers") or ()), {})
    for name in PATH_PARAMETER.findall(str(first.get("url", ""))):
        about = first.get("variables", {}).get(name)
        default = about.get("default") if isinstance(about, dict) else None
        why = (
            f'its "{name}" is "{default}" unless you say otherwise' if default else f'nobody says what its "{name}" is'
        )
        notes.doubt("server", f"{servers[0]}: {why}", "name the whole address with --server.")
    if len(servers) > 1:
        notes.doubt("server", f"there are others: {', '.join(servers[1:])}", "name another one with --server.")


def _servers(document: Mapping[str, Any]) -> Iterator[str]:
    if "swagger" in document:
        schemes = document.get("schemes") or ["https"]
        scheme = "https" if "https" in schemes else schemes[0]
        path = document.get("basePath", "/")
        yield f"{scheme}://{document['host']}{path}" if document.get("host") else path
    for server in document.get("servers") or ():
        yield _fill_in(server["url"], server.get("variables", {}))


def _fill_in(url: str, variables: Mapping[str, Any]) -> str:
    """Put the variables' defaults in; one without stays as it is, to be seen."""
    defaults = {name: about.get("default") for name, about in variables.items() if isinstance(about, dict)}
    return PATH_PARAMETER.sub(lambda match: str(defaults.get(match[1]) or match[0]), url)


def to_short_name(document: Mapping[str, Any]) -> str:
    """Return what the API may be called: its title without what all titles say."""
    words = to_variable(str((document.get("info") or {}).get("title", ""))).split("_")
    return "_".join([word for word in words if word not in _GENERAL][:2]).lower() or "api"


def find_auth(
    document: Mapping[str, Any], asked: Sequence[Sequence[Mapping[str, Any]] | None], notes: Notes
) -> dict[str, Any]:
    """Return the option for the security scheme that is asked for first; empty where none is.

    Args:
        document: The document, which may ask for all operations.
        asked: What each operation asks for instead; None where it says nothing of that.
        notes: What else is asked for goes there.
    """
    schemes = document.get("securityDefinitions") or (document.get("components") or {}).get("securitySchemes") or {}
    general = document.get("security")
    needs = [need for own in asked for need in ((general or ()) if own is None else own)]
    if not needs and general is None and all(own is None for own in asked):
        needs = [{name: []} for name in schemes]  # nobody says which, or that there is none
    wanted = list(dict.fromkeys(name for need in needs for name in need))
    prefix = to_short_name(document).upper()
    for name in wanted:
        option = _to_auth(schemes.get(name, {}), prefix)
        if option:
            notes.found("credentials", f'"{name}", of type {option["type"]}, as the document says')
            _note_others(name, needs, schemes, notes)
            return option
    if wanted:
        why = f'the document asks for "{wanted[0]}", which is not understood'
        notes.doubt("credentials", why, 'set "auth", as docs/tap.md shows.')
    return {}


def _note_others(name: str, needs: Sequence[Mapping[str, Any]], schemes: Mapping[str, Any], notes: Notes) -> None:
    """Tell which schemes belong to the one that was taken, and which are another way."""
    beside = {other for need in needs if name in need for other in need} - {name}
    if beside:
        why = f'"{name}" is asked for together with {_quoted(beside)}'
        notes.doubt("credentials", why, 'put them into "headers" or "params" of "defaults", as ${env.…}.')
    if others := [other for other in schemes if other != name and other not in beside]:
        notes.doubt("credentials", f"there are other ways: {_quoted(others)}", 'set "auth" to the one that you have.')


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _to_auth(scheme: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    kind, form = scheme.get("type"), str(scheme.get("scheme", "")).lower()
    if kind == "basic" or (kind == "http" and form in ("basic", "digest")):
        user, password = f"${{env.{prefix}_USER}}", f"${{env.{prefix}_PASSWORD}}"
        return {"type": form or "basic", "username": user, "password": password}
    if kind == "apiKey" and scheme.get("in") in ("header", "query", "cookie"):
        token = f"${{env.{prefix}_API_KEY}}"
        name = escape(str(scheme.get("name", "X-API-Key")))
        return {"type": "api_key", "in": scheme["in"], "name": name, "token": token}
    if kind == "oauth2" and (url := _token_url(scheme)):
        client, secret = f"${{env.{prefix}_CLIENT_ID}}", f"${{env.{prefix}_CLIENT_SECRET}}"
        option = {"type": "oauth2", "grant": "client_credentials", "token_url": url}
        return {**option, "client_id": client, "client_secret": secret}
    if kind in ("oauth2", "openIdConnect") or (kind == "http" and form == "bearer"):
        return {"type": "bearer", "token": f"${{env.{prefix}_TOKEN}}"}
    return {}


def _token_url(scheme: Mapping[str, Any]) -> str | None:
    """Return where a client gets a token of its own; None where only a person can."""
    if scheme.get("flow") == "application":
        url = scheme.get("tokenUrl")
    else:
        flows = scheme.get("flows")
        flow = flows.get("clientCredentials") if isinstance(flows, dict) else None
        url = flow.get("tokenUrl") if isinstance(flow, dict) else None
    return escape(url) if isinstance(url, str) and is_url(url) else None
