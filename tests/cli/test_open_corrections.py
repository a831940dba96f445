"""`rettevej doctor` names, as no fault, what nobody has decided of corrected numbers (domain 3.4)."""

import asyncio

from app.cli.operations import load_notices
from tests.database import register_faults, tamper
from tests.register import Register, new_cpr
from tests.routers.participants.correction_place import Place


def test_requests_that_wait_long(fresh_register: Register) -> None:
    place = Place(fresh_register, fresh_register.new_trial(), fresh_register.case_system("849"))
    (anna, _), (bo, _) = place.screened(), place.screened()
    old, new = (place.request(each, new_cpr()).json()["correction_id"] for each in (anna, bo))
    url = fresh_register.database_url
    assert asyncio.run(load_notices(url)) == []
    for correction, days in ((old, 15), (new, 13)):
        moment = f"requested_at = requested_at - interval '{days} days'"
        tamper(url, f"update cpr_correction set {moment} where correction_id = '{correction}'")
    (notice,) = asyncio.run(load_notices(url))
    assert notice.startswith(f"trial {place.trial}: the request {old} for a corrected number in 849 has waited for 15")
    assert register_faults(fresh_register) == []
    place.decide(old, "refused", "not_plausible")
    assert asyncio.run(load_notices(url)) == []
