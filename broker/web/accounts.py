"""The administrator's page of all accounts: invite, change, deactivate."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from sqlmodel import Session

from broker.domain import access, account_invitations, accounts, staff
from broker.domain.queries import accounts as queries
from broker.domain.queries import places
from broker.errors import ConflictError, InvalidError
from broker.models import Account, Role
from broker.web.deps import CurrentAdmin, PageNumber, RowId, SessionDep, SettingsDep
from broker.web.pages import redirect, render
from broker.web.problems import by_field

router = APIRouter(prefix="/accounts")
ROLES = {
    Role.BROKER: "Broker",
    Role.ORGANISER: "Organiser",
    Role.ADMIN: "Administrator",
}
EMPTY = {"email": "", "name": "", "role": "", "city": ""}


@router.get("")
def account_list(request: Request, session: SessionDep, _account: CurrentAdmin, page: PageNumber = 1) -> Response:
    """Every account, and the form to invite another."""
    return _list(request, session, EMPTY, page)


@router.post("")
def invite(
    request: Request,
    settings: SettingsDep,
    session: SessionDep,
    administrator: CurrentAdmin,
    email: Annotated[str, Form(max_length=500)] = "",
    name: Annotated[str, Form(max_length=500)] = "",
    role: Annotated[str, Form(max_length=20)] = "",
    city: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    """Make an account, and mail its owner a link to take it over."""
    filled = {"email": email.strip(), "name": name.strip(), "role": role, "city": city}
    actor = accounts.actor(administrator)
    try:
        row = account_invitations.invite(session, settings, actor, email, name, role_of(role), city or None)
    except (ConflictError, InvalidError) as error:
        return _list(request, session, filled, 1, by_field(error, ("email", "name", "role", "city")))
    return redirect(request, "/accounts", f"{row.name} is invited. The link in the mail works for seven days.")


@router.get("/{account_id}")
def account_page(request: Request, session: SessionDep, administrator: CurrentAdmin, account_id: RowId) -> Response:
    """One account: what may be changed of it."""
    return _page(request, session, administrator, access.account(session, administrator, account_id))


@router.post("/{account_id}")
def change(
    request: Request,
    session: SessionDep,
    administrator: CurrentAdmin,
    account_id: RowId,
    role: Annotated[str, Form(max_length=20)] = "",
    city: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    """Change role and city."""
    row = access.account(session, administrator, account_id, lock=True)
    try:
        staff.change(session, administrator, row, role_of(role), city or None)
    except InvalidError as error:
        return _page(request, session, administrator, row, by_field(error, ("role", "city")))
    return redirect(request, f"/accounts/{account_id}", "Saved. It is in force from their next page on.")


@router.post("/{account_id}/invite")
def resend(
    request: Request, settings: SettingsDep, session: SessionDep, administrator: CurrentAdmin, account_id: RowId
) -> Response:
    """Mail the invitation again."""
    row = access.account(session, administrator, account_id, lock=True)
    account_invitations.resend(session, settings, accounts.actor(administrator), row)
    return redirect(request, f"/accounts/{account_id}", "Another invitation is on its way; the older link has ended.")


@router.post("/{account_id}/deactivate")
def deactivate(request: Request, session: SessionDep, administrator: CurrentAdmin, account_id: RowId) -> Response:
    """Sign the account out everywhere, and let nobody sign in to it."""
    row = access.account(session, administrator, account_id, lock=True)
    staff.deactivate(session, administrator, row)
    return redirect(request, f"/accounts/{account_id}", f"{row.name} cannot sign in any more.", "note")


@router.post("/{account_id}/reactivate")
def reactivate(request: Request, session: SessionDep, administrator: CurrentAdmin, account_id: RowId) -> Response:
    """Let the account sign in again."""
    row = access.account(session, administrator, account_id, lock=True)
    staff.reactivate(session, administrator, row)
    return redirect(request, f"/accounts/{account_id}", f"{row.name} can sign in again.")


def role_of(text: str) -> Role:
    """The role a form names; InvalidError for none of ours."""
    try:
        return Role(text)
    except ValueError:
        raise InvalidError("role: choose what the account is for") from None


def _list(
    request: Request, session: Session, filled: dict[str, str], page: int, problems: dict[str, str] | None = None
) -> Response:
    context = _choices(session) | {
        "page": queries.account_page(session, page),
        "filled": filled,
        "problems": problems or {},
    }
    return render(request, "pages/accounts.html", context, status=422 if problems else 200)


def _page(
    request: Request, session: Session, administrator: Account, row: Account, problems: dict[str, str] | None = None
) -> Response:
    context = _choices(session) | {
        "row": queries.account_row(session, row),
        "is_own": row.id == administrator.id,
        "problems": problems or {},
    }
    return render(request, "pages/account_of.html", context, status=422 if problems else 200)


def _choices(session: Session) -> dict[str, Any]:
    return {
        "roles": ROLES,
        "role_options": [(role.value, words) for role, words in ROLES.items()],
        "city_options": [(city.code, city.name) for city in places.cities(session)],
    }
