"""Every request of ours that may change something, and which test shows it sent twice: docs/REQUESTS.md.

`make faults` writes the page. The rows are the code's own (`clients/repeats.py`), the tests stand here.
"""

import ast
import itertools
import re
from pathlib import Path

import ferrero_dagster.clients
from ferrero_dagster.clients.repeats import REQUESTS, Request

CLIENTS = Path(ferrero_dagster.clients.__file__).parent
PAGE = Path(__file__).parent.parent / "docs" / "REQUESTS.md"

#: By system and what is asked.
TESTS = {
    ("DAM", "log-in"): (
        "test_a_log_in_is_tried_again_while_the_dam_is_out_of_order",
        "test_a_wrong_password_is_refused_at_the_first_try",
    ),
    ("DAM", "search"): ("test_a_safe_call_survives_faults_that_pass",),
    ("DAM", "status of a campaign"): (
        "test_a_status_is_sent_once_although_the_answer_was_lost",
        "test_a_person_who_chose_another_status_after_the_answer_was_lost_wins",
        "test_a_web_page_in_place_of_an_answer_does_not_have_a_change_sent_again",
    ),
    ("DAM", "metadata of a final"): (
        "test_fields_whose_change_was_not_answered_are_looked_at_and_not_sent_again",
        "test_fields_that_were_changed_although_the_dam_answered_an_error_are_not_sent_again",
        "test_what_a_person_set_after_our_change_was_not_answered_stays",
    ),
    ("DAM", "lock, unlock, check-out and its undoing"): (
        "test_of_a_lock_or_unlock_that_was_not_answered_nothing_is_left",
        "test_a_lock_that_a_person_took_after_our_unlock_was_not_answered_stays",
        "test_a_check_out_that_was_not_answered_or_that_a_dead_run_left_is_used",
        "test_what_a_person_checked_out_meanwhile_gets_no_new_version",
    ),
    ("DAM", "import of a final"): (
        "test_an_import_is_never_started_twice_by_itself_and_has_begun_unless_the_dam_says_no",
    ),
    ("DAM", "job of a new version"): ("test_each_step_of_a_new_version_is_sent_once",),
    ("DAM", "bytes of a new version"): ("test_each_step_of_a_new_version_is_sent_once",),
    ("DAM", "check-in of a new version"): (
        "test_each_step_of_a_new_version_is_sent_once",
        "test_a_check_out_is_undone_where_no_version_can_come_of_it",
    ),
    ("Box", "log-in"): ("test_a_log_in_that_failed_on_the_way_is_tried_again_under_a_new_signature",),
    ("Box", "folder of a campaign"): (
        "test_a_folder_whose_making_was_not_answered_is_found",
        "test_a_folder_that_was_made_although_box_answered_an_error_is_found",
        "test_a_folder_that_is_renamed_before_we_know_of_it_is_made_again_and_the_renamed_one_is_empty",
    ),
    ("Box", "upload of a master"): ("test_a_lost_or_cut_answer_leaves_exactly_one_file",),
    ("Box", "upload session"): ("test_a_lost_or_cut_answer_leaves_exactly_one_file",),
    ("Box", "part of an upload session"): ("test_a_lost_or_cut_answer_leaves_exactly_one_file",),
    ("Box", "commit of an upload session"): ("test_a_lost_or_cut_answer_leaves_exactly_one_file",),
    ("Box", "end of an upload session; deletion of a final that arrived"): (
        "test_a_deletion_whose_answer_was_lost_is_done_and_what_was_replaced_meanwhile_stays",
    ),
    ("Box", "file of a lost final, back from the trash"): (
        "test_a_restoring_that_was_not_answered_is_sent_once_and_seen_by_the_next_look",
    ),
    ("SMTP", "mail"): (
        "test_a_message_whose_acceptance_was_not_heard_comes_again_under_the_same_id",
        "test_a_mail_that_is_never_answered_leaves_thrice_at_most",
    ),
    ("Make.com", "webhook"): ("test_a_webhook_whose_answer_was_lost_is_posted_again_under_the_same_key",),
}

HEAD = """# Requests that change something, and what becomes of them when the answer is lost

An answer may be lost after the request was carried out; the request may be refused with 5xx or 429 although it was;
and meanwhile a person may change the same thing. So only what this table calls *repeated* is sent again by the HTTP
layer; before anything else is sent again, its caller looks. The rows are those of `ferrero_dagster/clients/repeats.py`,
by which the clients themselves go; a test compares them with what the clients call. A 401, and a 403 where
`dam.renew_on_403` says so, is an answer to the log-in, not to the request, which is then sent with a new one. We make
no other changes: no versions, metadata or webhooks in Box, no deletions in the DAM.

| request | sent again | by whom, why that is safe, and what cannot be excluded | tests |
|---|---|---|---|
"""


def page() -> str:
    """The whole of docs/REQUESTS.md."""
    return HEAD + "".join(map(_row, REQUESTS))


def _row(request: Request) -> str:
    tests = ", ".join(f"`{name}`" for name in TESTS[request.system, request.what])
    return f"| {request.system}: {request.what} (`{request.method}`) | {request.again} | {request.why} | {tests} |\n"


def called() -> set[tuple[str, str, str, bool]]:
    """System, method, address and whether with a digest, of every call in the clients that may change something.

    Addresses are as they are written there, their changing parts as `x`; of the SDK's calls they stand in `SDK`.
    """
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in sorted(CLIENTS.glob("*.py"))]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return {found for call in calls for found in (*_of_dam(call), *_of_box(call), *_of_others(call))}


#: What the SDK asks of Box for each of its calls that we make.
SDK = {
    "create_folder": ("POST", "/2.0/folders", False),
    "preflight_file_upload_check": ("OPTIONS", "/2.0/files/content", False),
    "create_file_upload_session": ("POST", "/2.0/files/upload_sessions", False),
    "upload_file_part_by_url": ("PUT", "/2.0/files/upload_sessions/x", True),
    "create_file_upload_session_commit_by_url": ("POST", "/2.0/files/upload_sessions/x/commit", True),
    "delete_file_upload_session_by_url": ("DELETE", "/2.0/files/upload_sessions/x", False),
    "delete_file_upload_session_by_id": ("DELETE", "/2.0/files/upload_sessions/x", False),
    "restore_file_from_trash": ("POST", "/2.0/files/1", False),
    "delete_file_by_id": ("DELETE", "/2.0/files/x", False),
}


def _of_dam(call: ast.Call) -> list[tuple[str, str, str, bool]]:
    """Calls of an `OtmmSession` or of our own methods around it: a method in capitals, then an address."""
    texts = [_text(argument) for argument in call.args]
    return [
        ("DAM", method, path, False)
        for method, path in itertools.pairwise(texts)
        if method in {"POST", "PUT", "PATCH", "DELETE"} and path.startswith(("/", "x/"))
    ]


def _of_box(call: ast.Call) -> list[tuple[str, str, str, bool]]:
    if isinstance(call.func, ast.Name) and call.func.id == "FetchOptions":
        path, method = _text(call.args[0]).removeprefix("x"), _text(call.args[1])
        return [] if method in {"GET", "OPTIONS"} else [("Box", method, path, False)]
    if not isinstance(call.func, ast.Attribute) or not re.search(r"client\.", ast.unparse(call.func)):
        return []
    name = call.func.attr
    is_reading = name.startswith(("get_", "with_")) or name in {"make_request", "retrieve_token"}
    return [] if is_reading else [("Box", *SDK[name])]


def _of_others(call: ast.Call) -> list[tuple[str, str, str, bool]]:
    func = ast.unparse(call.func)
    others = {
        "session.post": ("Make.com", "POST", "", False),
        "smtp.sendmail": ("SMTP", "DATA", "", False),
        "super().refresh_token": ("Box", "POST", "/oauth2/token", False),
    }
    if func == "session.post" and any(word.value for word in call.keywords if word.arg == "data"):
        return [("DAM", "POST", "/sessions/oauth2/token", False)]
    return [others[func]] if func in others else []


def _text(node: ast.expr) -> str:
    """A text as written, with `x` for its changing parts."""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values)
    return str(node.value) if isinstance(node, ast.Constant) else "/x" if isinstance(node, ast.Name) else ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
