"""Protocols: parameters and eligibility rules, each with its source (domain 6)."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, Field

from app.domain.protocol import Protocol
from app.protocols import protocols
from app.routers.common.services import json_response
from app.web.auth import authenticated
from app.web.problems import COMMON, Problem, problem_responses
from app.web.routes import CheckedRoute

router = APIRouter(route_class=CheckedRoute, tags=["protocols"], dependencies=[Depends(authenticated())])


class ProtocolView(BaseModel):
    """Protocol: parameters and eligibility rules, each with its source."""

    id: str = Field(examples=["prvij-2010-11"])
    title: str
    description: str = Field(description="The course in one sentence.")
    parameters: dict[str, Any] = Field(
        description="Value and source of each parameter, by name.",
        examples=[{"activation_due_week": {"value": 9, "source": "[F] Virksomhedsrettet aktivt tilbud; domain 4.4"}}],
    )
    eligibility: dict[str, Any] = Field(description="Eligibility rules with their sources, by failure code.")


class ProtocolList(BaseModel):
    """List of protocols."""

    items: list[ProtocolView]
    next: str | None = Field(description="Always null: the list has one page.")


def _view(protocol: Protocol) -> dict[str, Any]:
    return {"description": "", "eligibility": {}, **protocol.document}


@router.get(
    "/v1/protocols",
    operation_id="listProtocols",
    summary="All protocols",
    response_model=ProtocolList,
    responses=problem_responses(*COMMON),
)
async def list_protocols(request: Request) -> Response:
    """Returns the protocols that trials can be created with. A protocol never changes once a trial uses it."""
    return json_response(request, {"items": [_view(protocol) for protocol in protocols().values()], "next": None})


@router.get(
    "/v1/protocols/{id}",
    operation_id="getProtocol",
    summary="One protocol",
    response_model=ProtocolView,
    responses=problem_responses(*COMMON, "not_found"),
)
async def get_protocol(
    request: Request,
    protocol_id: Annotated[
        str,
        Path(alias="id", pattern=r"^[a-z0-9-]{1,60}$", description="Id of the protocol.", examples=["prvij-2010-11"]),
    ],
) -> Response:
    """Returns every parameter and eligibility rule of a protocol, each with its source."""
    if protocol_id not in protocols():
        raise Problem("not_found")
    return json_response(request, _view(protocols()[protocol_id]))
