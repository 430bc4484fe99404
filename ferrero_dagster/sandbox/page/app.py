"""The page's addresses, and what keeps other web sites out of it.

It listens on loopback without a log-in, so it answers only to the names of this machine (a foreign name would be DNS
rebinding), takes a form only with the secret of this process in it, and lets no script run but its own.
"""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ferrero_dagster.config.site import Site
from ferrero_dagster.sandbox.agency import deliver, deliver_finals, replace_content
from ferrero_dagster.sandbox.box import BoxSettings, BoxStore
from ferrero_dagster.sandbox.box.errors import BoxError
from ferrero_dagster.sandbox.box.items import Item
from ferrero_dagster.sandbox.campaigns import add_campaign_for_fun
from ferrero_dagster.sandbox.faults import FaultBoard
from ferrero_dagster.sandbox.mailbox import Mailbox, ReceivedMail
from ferrero_dagster.sandbox.otmm import OtmmStore
from ferrero_dagster.sandbox.otmm.sample import STATUSES
from ferrero_dagster.sandbox.page import views
from ferrero_dagster.sandbox.page.switches import box_panel, http_panel, mail_panel
from ferrero_dagster.sandbox.webhooks import WebhookInbox

_OWN_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:;"
    " media-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline';"
    " img-src data:; base-uri 'none'; frame-ancestors 'self'"
)
_LATEST = 8
_MOST_ASSETS = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class Sandbox:
    """All that the page shows; `boards` by the name of the server that each stands before, such as `DAM` and `Box`."""

    otmm: OtmmStore
    box: BoxStore
    box_settings: BoxSettings
    mailbox: Mailbox
    webhooks: WebhookInbox
    boards: dict[str, FaultBoard]
    #: Where the media of what is added for fun are kept.
    media_dir: Path
    site: Site
    #: The tracking database, where the agency's finals find their tracking IDs.
    database_url: str

    @property
    def kept_ids(self) -> Collection[str]:
        """The Box folders that the site names."""
        return set(self.site.box.ids.values())

    def inbox_id(self, status: str = "") -> str:
        """The Box folder that takes the finals of campaigns in this status; the first one for any other."""
        finals = self.site.routes.finals
        route = next((route for route in finals if route.status_before == status), finals[0])
        return self.site.box.ids[route.inbox]


def create_page_app(sandbox: Sandbox) -> Starlette:
    """The page as an application; `/dam/…` and `/box/…` are where the links in mails and in Dagster lead."""
    page = _Page(sandbox)
    static = StaticFiles(directory=Path(__file__).with_name("static"))
    return Starlette(
        routes=[*page.routes(), Mount("/static", static)],
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"]),
            Middleware(_SafetyHeaders),
        ],
        exception_handlers={HTTPException: page.refusal, BoxError: page.refusal},
    )


class _Page:
    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._secret = secrets.token_urlsafe()
        self._statuses = tuple(sorted({*sandbox.site.routes.statuses, *STATUSES}))
        tokens = {"DAM": sandbox.otmm.expire_tokens}
        panels = {name: http_panel(name, board, tokens.get(name)) for name, board in sandbox.boards.items()}
        if board := sandbox.boards.get("Box"):
            panels["Box"] = box_panel(board, sandbox.box.expire_tokens, sandbox.box_settings)
        mail = mail_panel(sandbox.mailbox)
        self._panels = {**panels, mail.name: mail}
        loader = PackageLoader("ferrero_dagster.sandbox.page")
        self._templates = Environment(
            loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        self._templates.filters["moment"] = views.moment

    def routes(self) -> list[Route]:
        return [
            Route("/", self.overview),
            Route("/mails", self.mails),
            Route("/mails/{number:int}", self.mail),
            Route("/mails/{number:int}/html", self.mail_html),
            Route("/webhooks", self.webhooks),
            Route("/dam/folder/{id}", self.dam_item),
            Route("/dam/asset/{id}", self.dam_item),
            Route("/dam/asset/{id}/content", self.dam_content),
            Route("/box/folder/{id}", self.box_folder),
            Route("/box/file/{id}", self.box_file),
            Route("/box/file/{id}/content", self.box_content),
            Route("/campaigns", self.add_campaign, methods=["POST"]),
            Route("/campaigns/{id}/status", self.set_status, methods=["POST"]),
            Route("/campaigns/{id}/finals", self.deliver_finals, methods=["POST"]),
            Route("/agency", self.deliver, methods=["POST"]),
            Route("/box/file/{id}/change", self.change_box_file, methods=["POST"]),
            Route("/box/folder/{id}/change", self.delete_box_folder, methods=["POST"]),
            Route("/trouble", self.press, methods=["POST"]),
        ]

    # --- looking

    def overview(self, _request: Request) -> Response:
        mails, webhooks = self._mails(), self._sandbox.webhooks.received()[::-1]
        return self._show(
            "overview.html",
            campaigns=views.campaigns(self._sandbox.otmm),
            statuses=self._statuses,
            folders=views.box_tree(self._sandbox.box, self._sandbox.kept_ids),
            mails=mails[:_LATEST],
            mail_count=len(mails),
            webhooks=webhooks[:_LATEST],
            webhook_count=len(webhooks),
            panels=self._panels.values(),
            example_name=self._sandbox.site.naming.rules.example_name,
        )

    def mails(self, _request: Request) -> Response:
        return self._show("mails.html", mails=self._mails())

    def mail(self, request: Request) -> Response:
        mail = self._mail(request)
        return self._show("mail.html", mail=mail, attachments=views.attachment_names(mail))

    def mail_html(self, request: Request) -> Response:
        html = views.mail_html(self._mail(request))
        return HTMLResponse(html, headers={"Content-Security-Policy": _MAIL_POLICY})

    def webhooks(self, _request: Request) -> Response:
        return self._show("webhooks.html", webhooks=self._sandbox.webhooks.received()[::-1])

    def dam_item(self, request: Request) -> Response:
        return self._show("item.html", item=views.dam_item(self._sandbox.otmm, request.path_params["id"]))

    def dam_content(self, request: Request) -> Response:
        item = views.dam_item(self._sandbox.otmm, request.path_params["id"])
        return _content(item, self._sandbox.otmm.content(request.path_params["id"]))

    def box_folder(self, request: Request) -> Response:
        return self._show("item.html", item=self._box_item(request, "folder"))

    def box_file(self, request: Request) -> Response:
        return self._show("item.html", item=self._box_item(request, "file"))

    def box_content(self, request: Request) -> Response:
        item = self._box_item(request, "file")
        return _content(item, self._sandbox.box.content(request.path_params["id"]))

    def refusal(self, _request: Request, error: Exception) -> Response:
        if isinstance(error, HTTPException):
            return self._show("refusal.html", error.status_code, message=error.detail)
        assert isinstance(error, BoxError)
        return self._show("refusal.html", error.status, message=str(error))

    # --- doing

    async def add_campaign(self, request: Request) -> Response:
        form = await self._form(request)
        count = str(form.get("assets", ""))
        if not count.isdecimal() or not 1 <= int(count) <= _MOST_ASSETS:
            raise HTTPException(400, f"A campaign takes 1 to {_MOST_ASSETS} assets.")
        await run_in_threadpool(
            add_campaign_for_fun,
            self._sandbox.otmm,
            self._sandbox.media_dir,
            self._sandbox.site.routes.masters[0],
            asset_count=int(count),
        )
        return _back()

    async def set_status(self, request: Request) -> Response:
        form = await self._form(request)
        status = form.get("status")
        if status not in self._statuses:
            raise HTTPException(400, f"A status is one of {', '.join(self._statuses)}.")
        self._sandbox.otmm.set_status(request.path_params["id"], str(status))
        return _back()

    async def deliver_finals(self, request: Request) -> Response:
        await self._form(request)
        sandbox, campaign_id = self._sandbox, request.path_params["id"]
        inbox_id = sandbox.inbox_id(sandbox.otmm.status(campaign_id))
        names = await run_in_threadpool(
            deliver_finals, sandbox.box, inbox_id, sandbox.database_url, sandbox.media_dir, campaign_id
        )
        if not names:
            raise HTTPException(409, "No master of this campaign in Box is without a final.")
        return _back()

    async def deliver(self, request: Request) -> Response:
        form = await self._form(request)
        name, sandbox = str(form.get("name", "")), self._sandbox
        await run_in_threadpool(deliver, sandbox.box, sandbox.inbox_id(), sandbox.media_dir, name)
        return _back()

    async def change_box_file(self, request: Request) -> Response:
        item, button = await self._pressed(request, "file")
        if button == views.REPLACE:
            await run_in_threadpool(replace_content, self._sandbox.box, self._sandbox.media_dir, item)
        else:
            self._sandbox.box.delete(item.id)
        return _back()

    async def delete_box_folder(self, request: Request) -> Response:
        item, _ = await self._pressed(request, "folder")
        self._sandbox.box.delete_folder(item.id, recursive=True)
        return _back()

    async def _pressed(self, request: Request, kind: Literal["file", "folder"]) -> tuple[Item, str]:
        """What a button of Box was pressed for, and its label."""
        form = await self._form(request)
        item = self._sandbox.box.item(request.path_params["id"], kind)
        if form.get("button") not in views.box_buttons(self._sandbox.kept_ids, item):
            raise HTTPException(400, "Files can be deleted and replaced, folders deleted unless the site names them.")
        return item, str(form.get("button"))

    async def press(self, request: Request) -> Response:
        form = await self._form(request)
        panel = self._panels.get(str(form.get("server")))
        button = panel.buttons.get(str(form.get("button"))) if panel else None
        if button is None:
            raise HTTPException(404, "There is no such button.")
        button()
        return _back()

    # ---

    def _box_item(self, request: Request, kind: Literal["file", "folder"]) -> views.ItemPage:
        return views.box_item(self._sandbox.box, self._sandbox.kept_ids, request.path_params["id"], kind)

    def _show(self, template: str, status: int = 200, **shown: Any) -> Response:
        return HTMLResponse(self._templates.get_template(template).render(secret=self._secret, **shown), status)

    def _mails(self) -> list[ReceivedMail]:
        return self._sandbox.mailbox.messages()[::-1]

    def _mail(self, request: Request) -> ReceivedMail:
        for mail in self._mails():
            if mail.number == request.path_params["number"]:
                return mail
        raise HTTPException(404, "There is no such mail.")

    async def _form(self, request: Request) -> FormData:
        form = await request.form(max_files=0)
        if not secrets.compare_digest(str(form.get("secret")).encode(), self._secret.encode()):
            raise HTTPException(403, "This form is from before a restart; go back, load the page again and repeat.")
        return form


class _SafetyHeaders:
    """Sets what a response has not set itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", _OWN_POLICY)
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "no-referrer"
                headers["Cache-Control"] = "no-store"
            await send(message)

        await self._app(scope, receive, send_safely)


def _content(item: views.ItemPage, path: Path) -> Response:
    return FileResponse(
        path,
        media_type=item.media_type if item.opens else "application/octet-stream",
        filename=item.name,
        content_disposition_type="inline" if item.opens else "attachment",
        headers={"Content-Security-Policy": "frame-ancestors 'none'"},
    )


def _back() -> Response:
    return RedirectResponse("/", 303)
