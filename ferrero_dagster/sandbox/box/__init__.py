"""A Box on loopback that the official SDK cannot tell from the real one, on the calls that this project makes."""

from ferrero_dagster.sandbox.box.app import create_box_app
from ferrero_dagster.sandbox.box.login import write_box_config
from ferrero_dagster.sandbox.box.settings import BoxSettings
from ferrero_dagster.sandbox.box.store import BoxStore

__all__ = ["BoxSettings", "BoxStore", "create_box_app", "write_box_config"]
