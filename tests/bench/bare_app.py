"""The yardstick of HTTP: an endpoint that validates the same body with pydantic and answers a receipt."""

from __future__ import annotations

import sys

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from domain.incident_commands import ReportIncident

app = FastAPI()


class Receipt(BaseModel):
    position: int
    subject: str
    version: int


@app.post("/v1/incidents", status_code=201)
async def report(command: ReportIncident) -> Receipt:
    return Receipt(position=1, subject=f"incident/{command.service}", version=1)


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=False, log_level="error")
