"""The broker's desk: the profile of an SME, and editing it."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request, Response
from sqlmodel import Session

from broker.domain import access, accounts, disclosure, profiles
from broker.domain.profiles import ProfileData
from broker.domain.queries import places, requests, smes
from broker.domain.queries.rings import Firm
from broker.errors import ConflictError, InvalidError
from broker.models import Account, City, Sector
from broker.web import profile_form, sme_profile
from broker.web.deps import CurrentBroker, FormDep, RowId, SessionDep
from broker.web.pages import redirect, render

router = APIRouter(prefix="/smes")


@router.get("/new")
def new_form(request: Request, session: SessionDep, account: CurrentBroker) -> Response:
    """An empty profile to fill."""
    fields = profile_form.empty(access.cities(account) or "")
    return _form(request, session, account, profile_form.context(fields, sme=None, ticked=frozenset()))


@router.post("/new")
def create(request: Request, session: SessionDep, account: CurrentBroker, form: FormDep) -> Response:
    """Write a new profile."""
    city = access.cities(account) or str(form.get("city_code", ""))
    fields = profile_form.from_form(form, city)
    ticked = profile_form.ticked_purposes(form)
    try:
        if session.get(City, city) is None:
            raise InvalidError("City: choose the city the SME sits in")
        sme = profiles.create(session, accounts.actor(account), _profile(session, fields, None))
    except (InvalidError, ConflictError) as error:
        session.rollback()
        context = profile_form.context(fields, sme=None, ticked=ticked, problem=str(error))
        return _form(request, session, account, context, status=422)
    profile_form.save_consents(session, accounts.actor(account), sme, frozenset(), ticked)
    return redirect(request, f"/smes/{sme.id}", f"{sme.name} is in.")


@router.get("/{sme_id}")
def sme_page(request: Request, session: SessionDep, account: CurrentBroker, sme_id: RowId) -> Response:
    """One SME: its profile, what is to be completed, its shortlists and introductions."""
    sme = access.sme(session, account, sme_id)
    context = {
        "view": smes.sme_view(session, sme, disclosure.to_city(session, access.cities(account))),
        "readiness": dict(profile_form.READINESS),
        "requests": requests.of_sme(session, sme),
        "in_words": sme_profile.in_words,
        "labels": sme_profile.THEIRS,
        "ring_link": own_page(account),
    }
    return render(request, "pages/sme.html", context)


def own_page(account: Account) -> Callable[[Firm], str | None]:
    """Where to read an SME's profile, if it is one of the broker's city."""
    city = access.cities(account)
    return lambda sme: f"/smes/{sme.id}" if city in (None, sme.city_code) else None


@router.get("/{sme_id}/edit")
def edit_form(request: Request, session: SessionDep, account: CurrentBroker, sme_id: RowId) -> Response:
    """The profile as a form."""
    sme = access.sme(session, account, sme_id)
    ticked = profile_form.standing(smes.consents(session, sme))
    fields = profile_form.to_fields(profiles.read(session, sme))
    return _form(request, session, account, profile_form.context(fields, sme=sme, ticked=ticked))


@router.post("/{sme_id}/edit")
def save(request: Request, session: SessionDep, account: CurrentBroker, sme_id: RowId, form: FormDep) -> Response:
    """Save the profile, unless somebody else saved it since the form was opened: then show both versions."""
    sme = access.sme(session, account, sme_id, lock=True)
    before = profiles.read(session, sme)
    fields = profile_form.from_form(form, sme.city_code)
    ticked, stored = profile_form.ticked_purposes(form), profile_form.standing(smes.consents(session, sme))
    context = profile_form.context(fields, sme=sme, ticked=ticked)
    if str(form.get("version", "")) != str(sme.version):
        differing = profile_form.differences(fields, profile_form.to_fields(before))
        context["conflict"] = differing + profile_form.consent_differences(ticked, stored)
        context["ticked"] = stored
        return _form(request, session, account, context, status=409)
    try:
        changed = profiles.update(session, accounts.actor(account), sme, _profile(session, fields, before))
    except (InvalidError, ConflictError) as error:
        return _form(request, session, account, context | {"problem": str(error)}, status=422)
    changed |= profile_form.save_consents(session, accounts.actor(account), sme, stored, ticked)
    return redirect(request, f"/smes/{sme_id}", "Saved." if changed else "Nothing to save: the profile is the same.")


def _profile(session: Session, fields: dict[str, str], before: ProfileData | None) -> ProfileData:
    data = profile_form.to_profile(fields, before)
    if data.sector_code is not None and session.get(Sector, data.sector_code) is None:
        raise InvalidError(f"Sector: {data.sector_code!r} is none of our sectors")
    return data


def _form(request: Request, session: Session, account: Account, context: dict[str, Any], status: int = 200) -> Response:
    city = context["fields"]["city_code"]
    context |= {
        "sectors": places.sectors(session),
        "hubs": places.hubs(session, city) if city else [],
        "cities": places.cities(session),
        "may_choose_city": access.cities(account) is None and context["sme"] is None,
        "consents": profile_form.CONSENTS,
    }
    return render(request, "pages/sme_edit.html", context, status=status)
