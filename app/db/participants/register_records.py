"""Records of registers: the one definition of whom somebody but the jobcentre ever told of (domain 3.4).

A register is a client that may not write participants: see ``SourceTable.is_register``. Its records count in every
version, sent by CPR number or by participant id, retracted or not.
"""

from datetime import UTC, datetime

from app.db.core.kinds import TABLES
from app.db.core.statements import compose

LATEST = datetime.max.replace(tzinfo=UTC)
"""A ``:moment`` after every record."""
_OF_KIND = """
    select participant_id from {table}
    where jobcentre_code = :jobcentre and trial_id = :trial and participant_id is not null and registered_at <= :moment
      and (sent_number is not null or client_id in (
          select client_id from source where jobcentre_code = :jobcentre and trial_id = :trial
          group by client_id having bool_and(is_register)))
"""
OUTCOMES_OF_REGISTERS = compose(_OF_KIND, table=TABLES["outcomes"].name)
"""Selects whom a register ever sent an outcome of, by ``:jobcentre``, ``:trial`` and ``:moment``."""
TOLD_BY_REGISTERS = " union ".join(compose(_OF_KIND, table=table.name) for table in TABLES.values())
"""Selects whom a register ever sent any record of, likewise."""
