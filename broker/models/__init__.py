"""The tables, one noun a file. Importing this package registers them all."""

from broker.models.events import Event, PairRule, Registration
from broker.models.mail import Email, EmailStatus, Suppression
from broker.models.matches import (
    Answer,
    ExportLog,
    Interest,
    Introduction,
    Match,
    MatchRun,
    RunStatus,
    Shortlist,
    ShortlistEntry,
    ShortlistStatus,
)
from broker.models.people import Account, AuditEntry, LoginToken, Role, SignIn
from broker.models.places import City, Hub, Sector
from broker.models.profiles import (
    INACTIVE,
    Consent,
    Contact,
    Embedding,
    ImportFile,
    PastPartner,
    Purpose,
    Sme,
    SmeStatus,
    Statement,
    StatementKind,
)

__all__ = [
    "INACTIVE",
    "Account",
    "Answer",
    "AuditEntry",
    "City",
    "Consent",
    "Contact",
    "Email",
    "EmailStatus",
    "Embedding",
    "Event",
    "ExportLog",
    "Hub",
    "ImportFile",
    "Interest",
    "Introduction",
    "LoginToken",
    "Match",
    "MatchRun",
    "PairRule",
    "PastPartner",
    "Purpose",
    "Registration",
    "Role",
    "RunStatus",
    "Sector",
    "Shortlist",
    "ShortlistEntry",
    "ShortlistStatus",
    "SignIn",
    "Sme",
    "SmeStatus",
    "Statement",
    "StatementKind",
    "Suppression",
]
