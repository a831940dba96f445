"""The first steps of the contract work on a fresh register as `/docs` fills them in: required parameters and bodies."""

from typing import Any

from app.main import create_app
from app.settings import Settings
from tests.register import Register

ROLE_OF = {"createTrial": "agency"}
STEPS = (
    *("createTrial", "getTrial", "screenParticipant", "lookUpParticipant", "pushConversations", "pushActivations"),
    *("putConversation", "getConversation", "getConversationHistory", "listConversations"),
    *("pushExemptions", "pushPresenceEvents", "listParticipants", "listAssignments", "getWeeks", "getParticipant"),
    *("getWeeklySummary", "getConditions", "getWorklist", "getActivityCurve", "getFlow"),
)
DOCUMENT = create_app(Settings()).openapi()


def _operation(operation_id: str) -> tuple[str, str, dict[str, Any]]:
    return next(
        (method, path, each)
        for path, item in DOCUMENT["paths"].items()
        for method, each in item.items()
        if each["operationId"] == operation_id
    )


def _body(operation: dict[str, Any]) -> Any:
    media = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if media is None:
        return None
    return media["example"] if "example" in media else next(iter(media["examples"].values()))["value"]


def test_the_first_steps_work_as_they_stand(register: Register) -> None:
    answers: dict[str, Any] = {}
    for step in STEPS:
        method, path, operation = _operation(step)
        filled = {each["name"]: each["example"] for each in operation.get("parameters", []) if each.get("required")}
        if "id" in filled:
            filled["id"] = answers["screenParticipant"]["participant_id"]
        query = {name: value for name, value in filled.items() if f"{{{name}}}" not in path}
        client = register.client(ROLE_OF.get(step, "case-system"))
        answer = client.request(method.upper(), path.format(**filled), params=query, json=_body(operation))
        assert answer.status_code in (200, 201, 207), (step, answer.text)
        answers[step] = answer.json()
    assert answers["screenParticipant"]["eligible"]
    assert answers["pushConversations"]["counts"] == {
        **dict.fromkeys(("updated", "unchanged", "stale", "rejected"), 0),
        "created": 2,
        "retracted": 1,
    }
    assert answers["pushActivations"]["counts"]["rejected"] == 0
    assert answers["putConversation"]["outcome"] == "unchanged"
    assert len(answers["getWeeks"]["items"]) > 50
    assert answers["getWeeklySummary"]["items"]
