"""What an export is answered with, for the API's description: each format's content type, and an example of it."""

from __future__ import annotations

from typing import Final

import orjson

from api.exporting import Format
from api.http.shapes import Content, Schema, as_json

EXPORTED: Final[dict[Format, str]] = {
    "ocel-json": "application/json",
    "ocel-sqlite": "application/vnd.sqlite3",
    "xes": "application/xml",
    "cloudevents": "application/jsonl",
    "csv": "text/csv",
}
"""What each export is, by its format."""
_OCEL: Final = {
    "eventTypes": [{"name": "itsm.incident.reported", "attributes": []}],
    "objectTypes": [{"name": "incident", "attributes": [{"name": "status", "type": "string"}]}],
    "events": [
        {
            "id": "entry/317",
            "type": "itsm.incident.reported",
            "time": "2026-03-02T09:30:00.000000Z",
            "attributes": [],
            "relationships": [{"objectId": "incident/INC0010001", "qualifier": "subject"}],
        }
    ],
    "objects": [
        {
            "id": "incident/INC0010001",
            "type": "incident",
            "attributes": [
                {"name": "status", "time": "1970-01-01T00:00:00.000000Z", "value": "new"}
            ],
            "relationships": [],
        }
    ],
}
_XES: Final = """<?xml version="1.0" encoding="UTF-8"?>
<log xes.version="1849-2016" xes.features="" xmlns="http://www.xes-standard.org/">
<trace>
<string key="concept:name" value="incident/INC0010001"/><string key="family" value="incident"/>
<event><string key="concept:name" value="itsm.incident.reported"/>\
<date key="time:timestamp" value="2026-03-02T09:30:00.000000Z"/></event>
</trace>
</log>
"""
_CSV: Final = "position,time,subject,type,data.status\r\n317,2026-03-02T09:30:00.000000Z,incident/INC0010001,itsm.incident.reported.v1,new\r\n"
_TEXT: Final[Schema] = {"type": "string"}


def exports(entry: Schema) -> Content:
    """`entry`: one as it is stored."""
    return {
        **as_json(_OCEL),
        EXPORTED["ocel-sqlite"]: {"schema": {**_TEXT, "format": "binary"}},
        EXPORTED["xes"]: {"schema": _TEXT, "example": _XES},
        EXPORTED["cloudevents"]: {"schema": _TEXT, "example": f"{orjson.dumps(entry).decode()}\n"},
        EXPORTED["csv"]: {"schema": _TEXT, "example": _CSV},
    }
