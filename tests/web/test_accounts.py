"""The administrator's pages of accounts."""

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient
from sqlmodel import col, select

from broker.db import Database
from broker.models import Account, AuditEntry, Role
from tests import factories
from tests.web.test_account import newest_link
from tests.web.world import PASSWORD, World

Browse = Callable[..., TestClient]
BO = {"email": "Bo@city.example", "name": "Bo Rossi", "role": "broker", "city": "rome"}


def account(database: Database, email: str) -> Account:
    with database.read() as session:
        return session.exec(select(Account).where(Account.email == email)).one()


def test_somebody_is_invited_and_takes_the_account_over(browse: Browse, database: Database) -> None:
    assert browse("admin").post("/accounts", data=BO).headers["location"] == "/accounts"
    link = newest_link(database, "account_invitation")
    guest = browse()

    assert {guest.get(link).status_code for _ in range(3)} == {200}
    assert "As a broker of Rome" in guest.get(link).text
    for fields, wrong in (({"name": "Bo", "password": "short"}, "password"), ({"name": " "}, "name")):
        refused = guest.post(link, data=fields)
        assert (refused.status_code, f'href="#f-{wrong}"' in refused.text) == (422, True)
    assert guest.post(link, data={"name": "Bo R.", "password": PASSWORD}).headers["location"] == "/"
    assert guest.get("/").headers["location"] == "/city"
    assert "Bo R." in guest.get("/smes").text
    assert guest.post(link, data={"name": "Bo", "password": PASSWORD}).status_code == 404


def test_an_invitation_can_be_taken_up_without_a_password(browse: Browse, database: Database) -> None:
    browse("admin").post("/accounts", data=BO | {"role": "organiser"})
    guest = browse()
    guest.post(newest_link(database, "account_invitation"), data={"name": "Bo", "how": "links"})

    assert guest.get("/events").status_code == 200
    assert account(database, "bo@city.example").password_hash is None
    assert account(database, "bo@city.example").city_code is None


@pytest.mark.parametrize(
    ("change", "field", "told"),
    [
        ({"email": "nobody"}, "email", "is not an e-mail address"),
        ({"email": "broker@network.example"}, "email", "There is an account for broker@network.example already."),
        ({"name": ""}, "name", "Expected 1 to 120 characters."),
        ({"role": "king"}, "role", "Choose what the account is for."),
        ({"city": ""}, "city", "A broker works for one of the network"),
    ],
)
def test_a_wrong_invitation_is_told_by_field_and_keeps_what_was_typed(
    browse: Browse, database: Database, change: dict[str, str], field: str, told: str
) -> None:
    answer = browse("admin").post("/accounts", data=BO | change)

    assert answer.status_code == 422
    assert f'href="#f-{field}"' in answer.text
    assert f'aria-describedby="e-{field}"' in answer.text
    assert answer.text.count(told) == 2
    assert (BO | change)["name"] in answer.text
    with database.read() as session:
        assert session.exec(select(Account).where(Account.name == BO["name"])).all() == []


def test_the_list_tells_role_city_state_and_last_sign_in(browse: Browse, world: World, database: Database) -> None:
    admin = browse("admin")
    admin.post("/accounts", data=BO)
    page = admin.get("/accounts").text

    rows = {row.split("</a>")[0].rpartition(">")[2]: row for row in page.split("<tr>")[2:]}
    assert "Invited" in rows["Bo Rossi"]
    assert "Rome" in rows["Bo Rossi"]
    assert "link until" in rows["Bo Rossi"]
    assert "Active" in rows["Admin"]
    assert "last sign-in" in rows["Admin"]
    assert "Never signed in" in rows["Organiser"]


def test_an_invitation_is_sent_again_until_it_was_used(browse: Browse, database: Database) -> None:
    admin = browse("admin")
    admin.post("/accounts", data=BO)
    page = f"/accounts/{account(database, 'bo@city.example').id}"
    first = newest_link(database, "account_invitation")

    assert "Send the invitation again" in admin.get(page).text
    assert admin.post(f"{page}/invite").headers["location"] == page
    second = newest_link(database, "account_invitation")
    assert (browse().get(first).status_code, browse().get(second).status_code) == (404, 200)
    browse().post(second, data={"name": "Bo", "password": PASSWORD})
    assert "Send the invitation again" not in admin.get(page).text
    assert admin.post(f"{page}/invite").status_code == 409


def test_who_is_deactivated_is_out_with_the_next_click(browse: Browse, world: World, database: Database) -> None:
    admin, broker = browse("admin"), browse("broker")
    page = f"/accounts/{world.accounts['broker'].id}"
    fields = {"email": world.accounts["broker"].email, "password": PASSWORD}

    admin.post(f"{page}/deactivate")
    assert broker.get("/smes").status_code == 303
    assert browse().post("/sign-in", data=fields).status_code == 422
    assert "Deactivated" in admin.get(page).text
    admin.post(f"{page}/reactivate")
    assert browse().post("/sign-in", data=fields).status_code == 303


def test_role_and_city_change_what_a_signed_in_browser_sees(browse: Browse, world: World) -> None:
    admin, broker = browse("admin"), browse("broker")
    page = f"/accounts/{world.accounts['broker'].id}"
    spielwerk, medilab = (f"/smes/{world.smes[name].id}" for name in ("Spielwerk", "Medilab Plzeň"))

    assert (broker.get(spielwerk).status_code, broker.get(medilab).status_code) == (200, 404)
    assert admin.post(page, data={"role": "broker", "city": "pilsen"}).status_code == 303
    assert (broker.get(spielwerk).status_code, broker.get(medilab).status_code) == (404, 200)
    admin.post(page, data={"role": "organiser"})
    assert (broker.get(medilab).status_code, broker.get("/events").status_code) == (404, 200)


def test_an_administrator_cannot_lock_everybody_out(browse: Browse, world: World) -> None:
    admin = browse("admin")
    own = f"/accounts/{world.accounts['admin'].id}"

    assert admin.post(f"{own}/deactivate").status_code == 409
    assert admin.post(own, data={"role": "broker", "city": "rome"}).status_code == 409
    assert admin.get("/accounts").status_code == 200


def test_the_record_names_who_did_it_and_no_address(browse: Browse, world: World, database: Database) -> None:
    browse("admin").post("/accounts", data=BO)

    with database.read() as session:
        entry = session.exec(select(AuditEntry).order_by(col(AuditEntry.id).desc())).first()
        told = [f"{row.actor} {row.subject} {row.detail}" for row in session.exec(select(AuditEntry))]
    assert entry is not None
    assert (entry.action, entry.actor) == ("account.invite", f"Admin (account {world.accounts['admin'].id})")
    assert not any("@" in text for text in told)


def test_a_long_list_comes_in_pages_of_a_few_statements(
    browse: Browse, database: Database, queries_of: Callable[..., int]
) -> None:
    with database.write() as session:
        for number in range(60):
            factories.make_account(session, Role.ORGANISER, name=f"Person {number:02}")
    admin = browse("admin")

    assert "Page 1 of 2" in admin.get("/accounts").text
    assert "Person 59" in admin.get("/accounts", params={"page": 2}).text
    assert queries_of(lambda: admin.get("/accounts")) <= 2 + 4  # clock and account; count, clock, rows, cities
