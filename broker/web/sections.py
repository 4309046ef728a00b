"""Editing a profile section by section: each its own page and form; statements are looked at as they are typed."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, Response
from sqlmodel import Session

from broker.db import now
from broker.domain import access, accounts, drafts, lifecycle, linting, merging, profiles, readiness, sections
from broker.domain.completeness import Section
from broker.domain.lifecycle import Step
from broker.domain.queries import places
from broker.domain.sections import Problem, Saved
from broker.errors import NotFoundError
from broker.models import Sme
from broker.web import brokers, profile_form
from broker.web.deps import CurrentBroker, FormDep, RowId, SessionDep
from broker.web.pages import redirect, render

router = APIRouter(prefix="/smes")


@router.get("/{sme_id}/edit")
def task_list(request: Request, session: SessionDep, account: CurrentBroker, sme_id: RowId) -> Response:
    """The sections are listed on the SME's own page."""
    return redirect(request, f"/smes/{access.sme(session, account, sme_id).id}")


@router.get("/{sme_id}/edit/{section}")
def section_page(
    request: Request,
    session: SessionDep,
    account: CurrentBroker,
    sme_id: RowId,
    section: Section,
    draft: Annotated[str, Query(max_length=1)] = "",
    seen: Annotated[str, Query(max_length=16)] = "",
) -> Response:
    """One section as a form; with `draft` the statements as they were last tried out."""
    sme = access.sme(session, account, sme_id)
    values = sections.read(session, sme, section)
    marks = merging.marks(values)
    kept = drafts.find(session, account, sme) if draft and section in profile_form.KINDS else None
    if kept is not None:
        values = {section.value: "\n".join(kept.offers if section is Section.OFFERS else kept.needs)}
        marks = {section.value: seen}
    return _form(request, session, sme, section, values, marks)


@router.post("/{sme_id}/edit/{section}")
def save(
    request: Request,
    session: SessionDep,
    account: CurrentBroker,
    sme_id: RowId,
    section: Section,
    form: FormDep,
    do: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """Save the section, or only rearrange its statements; where somebody else changed a field too, show both."""
    sme = access.sme(session, account, sme_id, lock=not do)
    typed, seen = profile_form.typed(form, section), profile_form.seen(form, section)
    if do and section in profile_form.KINDS:
        rows = profile_form.rearranged(profile_form.texts(form), do)
        return _form(request, session, sme, section, typed, seen, rows=rows, did=do)
    choices = profile_form.choices(form, section)
    saved = sections.save(session, accounts.actor(account), sme, section, typed, seen, choices)
    if saved.conflicts:
        return _conflict(request, session, sme, section, saved, typed)
    if saved.problems:
        return _form(request, session, sme, section, typed, seen, saved.problems)
    if "renew" in form:
        return _renewed(request, session, accounts.actor(account), sme)
    return _saved(request, sme_id, section, saved)


def _renewed(request: Request, session: Session, actor: str, sme: Sme) -> Response:
    """Saved, and said to be true as a whole; of two who do so at once the second finds it done."""
    session.refresh(sme)
    if lifecycle.is_due(sme, now(session)):
        lifecycle.move(session, actor, sme, Step.RENEW)
    return redirect(request, f"/smes/{sme.id}", f"Saved. {brokers.where_it_stands(sme, Step.RENEW)}")


def _saved(request: Request, sme_id: int, section: Section, saved: Saved) -> Response:
    """To the task list; to the form again where a statement just saved is vague, for its notes stand there."""
    told = "Saved." if saved.changed else "Nothing to save: it is the same."
    if saved.changed and section in profile_form.KINDS:
        texts = saved.values[section].split("\n")
        vague = sum(bool(findings) for findings in linting.lint_all(texts, profile_form.KINDS[section]))
        if vague:
            are = "one statement" if vague == 1 else f"{vague} statements"
            return redirect(
                request, f"/smes/{sme_id}/edit/{section}", f"Saved. Below {are} could be clearer, if you like.", "note"
            )
    return redirect(request, f"/smes/{sme_id}", f"{profile_form.TITLES[section].name}: {told[0].lower()}{told[1:]}")


@router.post("/{sme_id}/edit/{section}/draft")
def look(
    request: Request, session: SessionDep, account: CurrentBroker, sme_id: RowId, section: Section, form: FormDep
) -> Response:
    """Statements as they are typed: notes on each at once, and who would see the SME as soon as a worker has looked."""
    sme = access.sme(session, account, sme_id)
    if section not in profile_form.KINDS:
        raise NotFoundError(access.GONE)
    texts = profile_form.texts(form)
    drafts.ask(session, account, sme, profile_form.KINDS[section], [text for text in texts if text])
    if "hx-request" not in request.headers:
        mark = profile_form.seen(form, section).get(section, "")[:16]
        return redirect(request, f"/smes/{sme_id}/seen?section={section}&seen={mark}")
    context = {
        "sme": sme,
        "section": section,
        "view": drafts.view(session, account, sme),
        "findings": linting.lint_all(texts, profile_form.KINDS[section]),
    }
    return render(request, "partials/looked.html", context)


@router.get("/{sme_id}/seen")
def seen(
    request: Request,
    session: SessionDep,
    account: CurrentBroker,
    sme_id: RowId,
    section: Section = Section.OFFERS,
    seen: Annotated[str, Query(max_length=16)] = "",
) -> Response:
    """Who would see the SME: the fragment that asks for itself until it is known, or a page that renews itself."""
    sme = access.sme(session, account, sme_id)
    context = {"sme": sme, "view": drafts.view(session, account, sme), "section": section, "seen": seen}
    is_fragment = "hx-request" in request.headers
    return render(request, "partials/seen.html" if is_fragment else "pages/seen.html", context)


def _form(
    request: Request,
    session: Session,
    sme: Sme,
    section: Section,
    values: dict[str, str],
    marks: dict[str, str],
    problems: Sequence[Problem] = (),
    rows: list[str] | None = None,
    did: str = "",
) -> Response:
    context = _context(sme, section) | {
        "values": values,
        "marks": marks,
        "messages": profile_form.messages(problems),
        "errors": profile_form.errors(problems),
    }
    if section in profile_form.KINDS:
        rows = rows if rows is not None else values[section].split("\n")
        context |= {"rows": rows, "did": did, "noun": profile_form.NOUNS[section]}
        context["findings"] = linting.lint_all(rows, profile_form.KINDS[section])
    context |= _choices(session, sme, section) | {"is_due": lifecycle.is_due(sme, now(session))}
    return render(request, "pages/section.html", context, status=422 if problems else 200)


def _choices(session: Session, sme: Sme, section: Section) -> dict[str, Any]:
    """The lists a section chooses from."""
    if section is Section.FIRM:
        return {"hubs": places.hubs(session, sme.city_code)}
    if section is Section.SECTOR:
        return {"sectors": places.sectors(session)}
    if section is Section.READINESS:
        check = readiness.last(session, sme)
        outlook = readiness.outlook(check.answers) if check else None
        return {"questions": readiness.QUESTIONS, "levels": readiness.LEVELS, "check": check, "outlook": outlook}
    return {}


def _context(sme: Sme, section: Section) -> dict[str, Any]:
    return {
        "sme": sme,
        "section": section,
        "title": profile_form.TITLES[section],
        "labels": profile_form.LABELS,
        "fields": sections.FIELDS[section],
    }


def _conflict(
    request: Request, session: Session, sme: Sme, section: Section, saved: Saved, typed: dict[str, str]
) -> Response:
    """Both versions side by side. The form carries all that was typed, so nothing is lost."""
    stored = sections.read(session, sme, section)
    context = _context(sme, section) | {
        "differences": profile_form.differences(saved.conflicts),
        "hidden": profile_form.hidden(saved, typed),
        "marks": merging.marks(stored),
        "saved_by": profiles.last_writer(session, sme, {conflict.field for conflict in saved.conflicts}),
    }
    return render(request, "pages/conflict.html", context, status=409)
