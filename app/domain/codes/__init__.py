"""Codes of the API and their meanings in English, for the contract, the glossary, the reports and the page."""

from app.domain.codes.code_list import CodeList
from app.domain.codes.enumerations import ENUMERATIONS
from app.domain.codes.open_lists import CODES

__all__ = ["CODES", "ENUMERATIONS", "CodeList"]
