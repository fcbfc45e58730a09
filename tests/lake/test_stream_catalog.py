from __future__ import annotations

import pytest

from lake.errors import UsageError
from lake.stream_catalog import is_selected, select_streams, selected_names


def entry(name: str, *, legacy: bool | None = None, **root: object) -> dict[str, object]:
    fields = {"breadcrumb": ["properties", "id"], "metadata": {"inclusion": "automatic"}}
    metadata = [fields, {"breadcrumb": [], "metadata": root}]
    return {"tap_stream_id": name, "metadata": metadata, **({} if legacy is None else {"selected": legacy})}


@pytest.mark.parametrize(
    ("stream", "selected"),
    [
        pytest.param(entry("a"), False, id="nothing is said"),
        pytest.param(entry("a", selected=True), True, id="selected"),
        pytest.param(entry("a", selected=False, **{"selected-by-default": True}), False, id="deselected"),
        pytest.param(entry("a", **{"selected-by-default": True}), True, id="by default"),
        pytest.param(entry("a", inclusion="automatic"), True, id="automatic"),
        pytest.param(entry("a", legacy=True), True, id="the old key"),
        pytest.param({"tap_stream_id": "a"}, False, id="no metadata"),
    ],
)
def test_whether_a_stream_is_selected(stream, selected):
    assert is_selected(stream) is selected


def test_selecting_streams_deselects_the_others_and_keeps_their_fields():
    catalog = {"streams": [entry("a", selected=True), entry("b", legacy=True), {"stream": "c"}], "more": 1}
    chosen = select_streams(catalog, ["b", "c"])
    assert selected_names(chosen) == ["b", "c"]
    assert chosen["more"] == 1
    assert chosen["streams"][1]["metadata"][1]["breadcrumb"] == ["properties", "id"]


def test_an_unknown_stream_like_no_other_gets_the_list_of_all():
    with pytest.raises(UsageError, match="there is no stream 'zzz'; the streams are: a, b"):
        select_streams({"streams": [entry("a"), entry("b")]}, ["zzz"])
