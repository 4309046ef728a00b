"""What SMEs ask of their broker, answered on the broker's page of the SME: a changed profile, an erasure."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response

from broker.domain import access, accounts, erasure, proposals, wishes
from broker.domain.queries.own_data import exports
from broker.errors import ConflictError, InvalidError
from broker.models import City
from broker.web.deps import CurrentBroker, FormDep, RowId, SessionDep, SettingsDep
from broker.web.pages import plural, redirect, render

router = APIRouter(prefix="/smes")
ERASED = "Erased, with its mails and answers."
ERASED_BUT_EXPORTED = (
    "Erased, with its mails and answers. It still stands in the exported files you were shown: tell whoever has them."
)


@router.post("/{sme_id}/proposals/{proposal_id}/accept")
def accept(
    request: Request, session: SessionDep, account: CurrentBroker, sme_id: RowId, proposal_id: RowId, form: FormDep
) -> Response:
    """Take the ticked fields over into the profile."""
    sme, proposal = access.proposal(session, account, sme_id, proposal_id)
    fields, note = [str(name) for name in form.getlist("fields")], str(form.get("note", ""))
    version = str(form.get("version", ""))
    seen = int(version) if version.isdecimal() and len(version) < 10 else 0
    try:
        taken = proposals.accept(session, accounts.actor(account), sme, proposal, fields, seen, note)
    except (ConflictError, InvalidError) as error:
        session.rollback()
        return redirect(request, f"/smes/{sme_id}#proposal", str(error), "bad")
    message = f"{plural(len(taken), 'field')} taken over. {sme.name} reads that on its page."
    return redirect(request, f"/smes/{sme_id}", message)


@router.post("/{sme_id}/proposals/{proposal_id}/decline")
def decline(
    request: Request,
    session: SessionDep,
    account: CurrentBroker,
    sme_id: RowId,
    proposal_id: RowId,
    note: Annotated[str, Form(max_length=proposals.MAX_NOTE * 2)] = "",
) -> Response:
    """Change nothing; the SME reads the note."""
    sme, proposal = access.proposal(session, account, sme_id, proposal_id)
    try:
        proposals.decline(session, accounts.actor(account), proposal, note)
    except (ConflictError, InvalidError) as error:
        session.rollback()
        return redirect(request, f"/smes/{sme_id}#proposal", str(error), "bad")
    return redirect(request, f"/smes/{sme_id}", f"Declined. {sme.name} reads your note on its page.")


@router.get("/{sme_id}/erasure")
def erasure_page(request: Request, session: SessionDep, account: CurrentBroker, sme_id: RowId) -> Response:
    """What an erasure takes away, with the button that does it."""
    sme = access.sme(session, account, sme_id)
    city = session.get_one(City, sme.city_code)
    context = {"sme": sme, "city": city, "exports": exports(session, sme), "problem": ""}
    return render(request, "pages/sme_erasure.html", context)


@router.post("/{sme_id}/erasure")
def erase(
    request: Request,
    settings: SettingsDep,
    session: SessionDep,
    account: CurrentBroker,
    sme_id: RowId,
    name: Annotated[str, Form(max_length=300)] = "",
) -> Response:
    """Erase the SME for good, once its name was typed; mail files go as soon as that is committed."""
    sme = access.sme(session, account, sme_id)
    if " ".join(name.split()).casefold() != " ".join(sme.name.split()).casefold():
        city = session.get_one(City, sme.city_code)
        problem = "Type the name as it stands above, so that nobody is erased by a slip."
        context = {"sme": sme, "city": city, "exports": exports(session, sme), "problem": problem}
        return render(request, "pages/sme_erasure.html", context, status=422)
    erased = erasure.erase(session, accounts.actor(account), sme_id)
    session.commit()  # now: a file must not be gone while its row could still come back
    erasure.clear_files(settings, erased)
    return redirect(request, "/smes", ERASED_BUT_EXPORTED if erased.exports else ERASED)


@router.post("/{sme_id}/erasure/decline")
def keep(request: Request, session: SessionDep, account: CurrentBroker, sme_id: RowId) -> Response:
    """Close a request that the SME took back in person."""
    sme = access.sme(session, account, sme_id, lock=True)
    wishes.take_back_erasure(session, accounts.actor(account), sme)
    return redirect(request, f"/smes/{sme_id}", f"The request is closed. {sme.name} stays.")
