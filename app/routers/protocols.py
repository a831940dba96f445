"""The protocols: the rules' parameters with their sources (domain 6)."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, Field

from app.domain.protocol import Protocol
from app.protocols import protocols
from app.routers.common.services import json_response
from app.web.auth import authenticated
from app.web.problems import COMMON, Problem, problem_responses

router = APIRouter(tags=["protocols"], dependencies=[Depends(authenticated())])


class ProtocolView(BaseModel):
    """A protocol: parameters by name, each with its value and its source, and the rules of eligibility."""

    id: str = Field(examples=["prvij-2010-11"])
    title: str
    description: str = Field(description="The course in a sentence.")
    parameters: dict[str, Any] = Field(
        description="By name: the value, and where it comes from.",
        examples=[{"activation_due_week": {"value": 9, "source": "[F] Virksomhedsrettet aktivt tilbud; domain 4.4"}}],
    )
    eligibility: dict[str, Any] = Field(
        description="The rules of eligibility by the code of their failure, each with its source."
    )


class ProtocolList(BaseModel):
    """All protocols."""

    items: list[ProtocolView]
    next: str | None = Field(description="Always null: there are few.")


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
    """The rule books that trials can be created with. A protocol never changes once a trial uses it."""
    return json_response(request, {"items": [_view(each) for each in protocols().values()], "next": None})


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
    """One rule book: every parameter with its value and source, and the rules of eligibility."""
    if protocol_id not in protocols():
        raise Problem("not_found")
    return json_response(request, _view(protocols()[protocol_id]))
