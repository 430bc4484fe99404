"""Stand-in for the OpenText DAM: its REST API v6 as far as our client calls it (contract otmm.md 11, 12)."""

from ferrero_dagster.sandbox.otmm.app import OTDS_TOKEN_PATH, create_otmm_app
from ferrero_dagster.sandbox.otmm.domains import Dialect
from ferrero_dagster.sandbox.otmm.records import Item, Job
from ferrero_dagster.sandbox.otmm.settings import OtmmSettings
from ferrero_dagster.sandbox.otmm.store import OtmmStore

__all__ = ["OTDS_TOKEN_PATH", "Dialect", "Item", "Job", "OtmmSettings", "OtmmStore", "create_otmm_app"]
