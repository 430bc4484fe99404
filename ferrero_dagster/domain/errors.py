"""Every error of the project in one tree; the class answers: whom does it stop, does trying again help, who must act?

FerreroError
├── Incident                    a whole system cannot be used: stops everything, counts against no campaign and no file
│   ├── SystemUnavailable       nobody: it is out or asks us to wait, and comes back by itself
│   ├── AccessRefused           the administrator: credentials, rights
│   │   └── AccountFull         the administrator: there is no room left
│   └── ConfigurationError      the administrator: settings, files, ids, addresses
├── OutOfTime                   nobody: the time of a look is over, the next one goes on from there
├── TransientError              trying again helps, nobody must act
│   ├── IntegrityError          the operator, in the end: bytes or values differ from what was promised
│   ├── OwnTrouble              the operator, in the end: a system fails one file and answers everything else
│   ├── Doubtful                nobody: the file or the system, others will tell; nothing is counted
│   ├── NotReady                nobody: a system is still preparing one file
│   ├── BoxFolderGone           nobody: the next attempt makes the campaign's folder anew
│   ├── LockedInDam             the campaign manager, who is editing it in the DAM
│   ├── ImportFailed            the DAM's import job made nothing
│   ├── ImportInDoubt           nobody: an import whose answer we lost may still be at work
│   ├── EndedTurn               ends one campaign's or file's turn, told once per cause
│   │   ├── Unforeseen          the operator, who tells us: a fault of ours
│   │   └── RefusedByDatabase   the administrator: a rule of the database's owner, or its encoding, refuses a row
│   └── UnexpectedAnswer        the operator, if it lasts: a system's answer is not of the form that we know
│       └── SpoiledItem         the operator: one thing in an answer that is otherwise as it must be
└── PermanentError              trying the same again does not help
    ├── CampaignError           the campaign manager: the campaign in the DAM is not as it must be (three strikes)
    ├── StatusChanged           nobody: a person's choice of another status wins
    ├── FileRefused             whoever made the file: it cannot be moved as it is
    ├── NotInDam                the operator: the DAM does not know an id, or does not show it to us
    ├── ForbiddenInBox          the operator: Box refuses us one file, such as a locked one
    ├── ChangedMeanwhile        nobody: it is not as we saw it; the next look sees it afresh
    │   └── GoneFromBox         nobody: the file is not in Box any more
    ├── NameTaken               nobody: Box holds something of a file's name, which is looked at
    ├── PackedAnswer            nobody: a download is labelled as packed and goes over the disk
    └── OperationRefused        the operator: what was asked for cannot be meant so
"""

from typing import Any, ClassVar, Literal

from ferrero_dagster.domain.files import Digest

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


class Incident(FerreroError):
    """Stops everything and is no campaign's and no file's fault.

    `system` is the word operators read (`DAM`, `Box`, `PostgreSQL`, `SMTP`, `Make.com`, `temporary directory`;
    `configuration` for a wrong setting that is about no single system; one folder, as `Box folder agency_uploads`).
    """

    actor: ClassVar[Actor] = "administrator"

    def __init__(self, system: str, message: str, *, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.system = system


class SystemUnavailable(Incident):
    """A whole system is out or asks us to wait, for `retry_after_s` if it said so."""

    retry: ClassVar[bool] = True
    actor: ClassVar[Actor] = "nobody"

    def __init__(self, system: str, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(system, message, code=f"{system} unavailable")
        self.retry_after_s = retry_after_s


class AccessRefused(Incident):
    """A system refused our credentials or rights."""

    def __init__(self, system: str, message: str) -> None:
        super().__init__(system, message, code=f"{system} access refused")


class AccountFull(AccessRefused):
    """Our account has no room for anybody's file."""


class ConfigurationError(Incident):
    """A setting, file, id or address is wrong."""

    def __init__(self, message: str, *, system: str = "configuration") -> None:
        super().__init__(system, message)


class OutOfTime(FerreroError):
    """The time that a look has was over before a `system` had answered; counts against nothing and nobody."""

    retry: ClassVar[bool] = True
    actor: ClassVar[Actor] = "nobody"

    def __init__(self, system: str, message: str) -> None:
        super().__init__(message, code="out of time")
        self.system = system


class TransientError(FerreroError):
    """Trying again helps, for this campaign or file."""

    retry: ClassVar[bool] = True
    actor: ClassVar[Actor] = "nobody"


class IntegrityError(TransientError):
    """What arrived is not what was promised: size, hash or a value read back."""

    actor: ClassVar[Actor] = "operator"


class OwnTrouble(TransientError):
    """A `system` fails one file, although it answers otherwise; the attempt is counted already, where it was judged."""

    actor: ClassVar[Actor] = "operator"

    def __init__(self, system: str, reason: str) -> None:
        name = "The DAM" if system == "DAM" else system
        super().__init__(
            f"{reason} {name} answers otherwise: this is the file's own trouble.", code=f"{system} fails this file"
        )


class Doubtful(TransientError):
    """A system fails several files, although it answers otherwise; `incident` is what it is if no other file moves."""

    def __init__(self, incident: Incident) -> None:
        super().__init__(str(incident), code=incident.code)
        self.incident = incident


class NotReady(TransientError):
    """A system is still preparing one file and asks us to come back after `retry_after_s`, if it said so."""

    def __init__(self, message: str, *, code: str, retry_after_s: float | None) -> None:
        super().__init__(message, code=code)
        self.retry_after_s = retry_after_s


class BoxFolderGone(TransientError):
    """A campaign's folder is no longer in Box, perhaps in the trash."""


class LockedInDam(TransientError):
    """Somebody else holds the object locked."""

    actor: ClassVar[Actor] = "campaign manager"


class ImportFailed(TransientError):
    """A job made nothing; one that is not `over` may still make something after our time limit."""

    def __init__(self, message: str, *, code: str, over: bool) -> None:
        super().__init__(message, code=code)
        self.over = over


class ImportInDoubt(TransientError):
    """An import whose answer we lost may still be at work: nothing is sent and nothing counted until that is over."""


class EndedTurn(TransientError):
    """Ends the turn of one campaign, file or step, and the rest goes on; the same cause has the same `reference`.

    The `trace` belongs in the log. `is_told` is set by whoever has mailed it.
    """

    actor: ClassVar[Actor] = "operator"

    def __init__(self, message: str, *, code: str, reference: str, trace: str) -> None:
        super().__init__(message, code=code)
        self.reference = reference
        self.trace = trace
        self.is_told = False


class Unforeseen(EndedTurn):
    """An error that nobody foresaw, of this `kind` at this `place`; `domain.unforeseen` makes it."""

    def __init__(self, kind: str, place: str, *, reference: str, trace: str) -> None:
        message = f"An error that nobody foresaw ({kind} in {place}); the log has its trace {reference}."
        super().__init__(message, code=f"unforeseen {reference}", reference=reference, trace=trace)


class RefusedByDatabase(EndedTurn):
    """A row of ours that the tracking database does not take as it is made; `tracking.refusals` makes it."""

    actor: ClassVar[Actor] = "administrator"

    def __init__(self, message: str, *, reference: str) -> None:
        super().__init__(message, code=f"refused {reference}", reference=reference, trace=message)


class UnexpectedAnswer(TransientError):
    """A `system` answered in a form that we do not know, as a proxy's page or a server in trouble does."""

    actor: ClassVar[Actor] = "operator"

    def __init__(self, system: str, message: str) -> None:
        super().__init__(message, code=f"{system} unexpected answer")


class SpoiledItem(UnexpectedAnswer):
    """One asset, folder or file in an answer that is otherwise as it must be; waiting seldom mends it."""


class PermanentError(FerreroError):
    """Trying the same again does not help."""


class CampaignError(PermanentError):
    """The campaign in the DAM is not as it must be; counted, and after three strikes given up (SPEC 3.7)."""

    actor: ClassVar[Actor] = "campaign manager"


class StatusChanged(PermanentError):
    """The campaign's status is no longer what it was when we began; `found` is what it is now."""

    actor: ClassVar[Actor] = "nobody"

    def __init__(self, found: str) -> None:
        super().__init__(f"The campaign's status was changed to {found or 'nothing'} meanwhile.", code="status changed")
        self.found = found


class FileRefused(PermanentError):
    """One file cannot be moved as it is; the others go on."""

    actor: ClassVar[Actor] = "agency producer"


class NotInDam(PermanentError):
    """The DAM does not know the id, or does not show it to us."""


class ForbiddenInBox(PermanentError):
    """Box refuses us one file, as one that somebody has locked; others may be fine."""


class ChangedMeanwhile(PermanentError):
    """What we act on is no longer as we saw it; nothing is counted, the next look sees it afresh."""

    actor: ClassVar[Actor] = "nobody"


class GoneFromBox(ChangedMeanwhile):
    """The file is no longer in Box."""


class NameTaken(PermanentError):
    """Box holds something of a file's name, as `told` says, which is Box's answer; ours has this `digest`."""

    actor: ClassVar[Actor] = "nobody"

    def __init__(self, told: Any, digest: Digest) -> None:
        super().__init__("Box holds something of that name.", code="name conflict")
        self.told, self.digest = told, digest


class PackedAnswer(PermanentError):
    """A download is labelled as packed: whether it is shows when all has arrived, so it needs a place to rest."""

    actor: ClassVar[Actor] = "nobody"


class OperationRefused(PermanentError):
    """What was asked for cannot be meant so; nothing was changed."""
