"""Who somebody is to the office: roles and scopes. No names, no chat ids, no scores."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

CONSENT_VERSION = 1


class Role(StrEnum):
    """What an official may do; each is granted for one department or for the whole office."""

    INTAKE = "intake"
    DISPATCHER = "dispatcher"
    HANDLER = "handler"
    HEAD = "head"
    SUPERVISOR = "supervisor"
    CUSTODIAN = "custodian"
    EDITOR = "editor"
    APPROVER = "approver"
    PARTNER = "partner"
    ADMINISTRATOR = "administrator"


CASE_ROLES = frozenset((Role.INTAKE, Role.DISPATCHER, Role.HANDLER, Role.HEAD, Role.SUPERVISOR))


@dataclass(frozen=True, slots=True)
class Grant:
    """A role, for one department or (None) for the whole office."""

    role: Role
    department: str | None = None


@dataclass(frozen=True, slots=True)
class StandingGrant:
    """A role in force, as it is listed: whose, and since when."""

    id: int
    person: int
    role: Role
    department: str | None
    since: datetime


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody at one of their addresses. `id` says nothing about who it is."""

    id: int
    address: int
    channel: str
    language: str | None = None
    consent: int = 0
    grants: frozenset[Grant] = frozenset()

    @property
    def roles(self) -> frozenset[Role]:
        return frozenset(grant.role for grant in self.grants)

    @property
    def is_official(self) -> bool:
        return bool(self.grants)

    @property
    def works_on_cases(self) -> bool:
        return any(grant.role in CASE_ROLES for grant in self.grants)

    @property
    def has_consented(self) -> bool:
        return self.consent >= CONSENT_VERSION

    def may(self, role: Role, department: str | None) -> bool:
        """Whether a grant of this role covers the department."""
        return Grant(role) in self.grants or (department is not None and Grant(role, department) in self.grants)

    @property
    def sees_whole_office(self) -> bool:
        """May read every case that is not sealed."""
        return any(grant.department is None and grant.role in CASE_ROLES for grant in self.grants)

    @property
    def supervises(self) -> bool:
        """May read sealed cases."""
        return Grant(Role.SUPERVISOR) in self.grants

    @property
    def departments(self) -> frozenset[str]:
        """The departments whose cases this person may read."""
        return frozenset(grant.department for grant in self.grants if grant.department and grant.role in CASE_ROLES)
