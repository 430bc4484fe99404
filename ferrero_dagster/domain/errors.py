"""Every error of the project in one tree; the class answers two questions: does trying again help, who must act?

FerreroError
├── TransientError          trying again helps, nobody must act
│   ├── SystemUnavailable   DAM, Box, database or mail server is out or asks us to wait; counts against nothing
│   └── IntegrityError      bytes or values differ from what was promised; again a few times, then a person
└── PermanentError          trying again does not help before somebody acts
    ├── ConfigurationError  the administrator: settings, files, ids, addresses
    ├── AccessRefused       the administrator: credentials, rights
    ├── CampaignError       the campaign manager: the campaign in the DAM is not as it must be (three strikes)
    └── FileRefused         whoever made the file: it cannot be moved as it is
"""

from typing import ClassVar, Literal

Actor = Literal["nobody", "operator", "administrator", "campaign manager", "agency producer"]


class FerreroError(Exception):
    """Base of all our errors; the message is one sentence for a person, free of secrets.

    `code` names the kind of failure in few stable words: outcomes are compared by it ("the same assets failed for the
    same reasons"), so it never holds numbers that differ between attempts.
    """

    retry: ClassVar[bool] = False
    actor: ClassVar[Actor] = "operator"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code or type(self).__name__


class TransientError(FerreroError):
    """Trying again helps."""

    retry: ClassVar[bool] = True
    actor: ClassVar[Actor] = "nobody"


class SystemUnavailable(TransientError):
    """A whole system is out or asks us to wait; neither a campaign's nor a file's fault.

    `system` is the word operators read (`DAM`, `Box`, `PostgreSQL`, `SMTP`, `Make.com`); `retry_after_s` is how long
    the system itself asked us to wait, if it did.
    """

    def __init__(self, system: str, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message, code=f"{system} unavailable")
        self.system = system
        self.retry_after_s = retry_after_s


class IntegrityError(TransientError):
    """What arrived is not what was promised: size, hash or a value read back."""

    actor: ClassVar[Actor] = "operator"


class PermanentError(FerreroError):
    """Trying again does not help before somebody acts."""


class ConfigurationError(PermanentError):
    """A setting, file, id or address is wrong; the administrator acts."""

    actor: ClassVar[Actor] = "administrator"


class AccessRefused(PermanentError):
    """A system refused our credentials or rights; the administrator acts. Counts against no campaign and no file."""

    actor: ClassVar[Actor] = "administrator"

    def __init__(self, system: str, message: str) -> None:
        super().__init__(message, code=f"{system} access refused")
        self.system = system


class CampaignError(PermanentError):
    """The campaign in the DAM is not as it must be; counted, and after three strikes given up (SPEC 3.7)."""

    actor: ClassVar[Actor] = "campaign manager"


class FileRefused(PermanentError):
    """One file cannot be moved as it is; the others go on."""

    actor: ClassVar[Actor] = "agency producer"
