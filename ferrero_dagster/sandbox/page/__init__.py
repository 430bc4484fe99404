"""One web page to look at the sandbox: campaigns, Box, mails and webhooks, and buttons that make trouble."""

from ferrero_dagster.sandbox.page.app import Sandbox, create_page_app

__all__ = ["Sandbox", "create_page_app"]
