"""Which login is meant: the mount, the role, the callback and the port."""

import pytest

from warden.core.errors import UsageError
from warden.core.inventory.inventory import Actor, NamedActor, PersonIdentity
from warden.core.lanes.lane import LoginMount, PeopleReader, RoleName
from warden.core.login.choice import (
    CallbackDeclared,
    NoPeople,
    PersonLogin,
    SeveralLogins,
    Wanted,
    WhichMount,
    choose,
    opened,
)
from warden.core.openbao.api import Identity
from warden.core.remedies import EditFile, OneOf, warden

CORP = {"corp": LoginMount()}
DEVS = PeopleReader(people="devs", login="corp", role="devs-read")
LEADS = PeopleReader(people="leads", login="corp", role="leads-read")
AWAY = PeopleReader(people="devs", login="away", role="devs-away")


def who(mount: str, role: str) -> Identity:
    return Identity(display_name="d", path=f"auth/{mount}/oidc/callback", role=role, entity="", policies=(), ttl=9)


def actor(*identities) -> NamedActor:
    return NamedActor(name="adm-ada", declared=Actor(identities=identities))


def test_a_lane_says_where_and_as_what(lane_of):
    lane = lane_of("first", readers=(DEVS,))
    expected = PersonLogin(mount="corp", role="devs-read", subject="first", owner="platform-team")
    assert choose(lane, Wanted(), CORP) == expected
    assert choose(lane, Wanted(mount="corp"), {}) == expected


def test_an_actor_says_where_and_as_what():
    person = PersonIdentity(person="ada", login="corp")
    ask = choose(actor(person), Wanted(headless=True), CORP)
    assert ask == PersonLogin(mount="corp", role="ssh-adm-ada", headless=True, subject="adm-ada")


def test_without_either_it_is_the_only_mount_and_its_default_role():
    assert choose(None, Wanted(), CORP) == PersonLogin(mount="corp")
    assert choose(None, Wanted(mount="other", role="r"), CORP) == PersonLogin(mount="other", role="r")


@pytest.mark.parametrize("logins", [{}, {"a": LoginMount(), "b": LoginMount()}])
def test_a_mount_is_not_guessed(logins):
    with pytest.raises(UsageError) as refusal:
        choose(None, Wanted(), logins)
    assert refusal.value.problem == WhichMount(tuple(logins))
    ways = tuple(warden("login", each) for each in logins or ("MOUNT",))
    assert refusal.value.remedy == (OneOf(ways),)


def test_of_several_roles_none_is_guessed(lane_of):
    lane = lane_of("first", readers=(DEVS, LEADS, AWAY))
    with pytest.raises(UsageError) as refusal:
        choose(lane, Wanted(mount="corp"), CORP)
    roles = (RoleName("corp", "devs-read"), RoleName("corp", "leads-read"))
    assert refusal.value.problem == SeveralLogins("first", roles)
    ways = tuple(warden("login", "corp", role=each.name) for each in roles)
    assert refusal.value.remedy == (OneOf(ways),)
    assert choose(lane, Wanted(mount="away"), CORP).role == "devs-away"


def test_a_lane_of_workloads_has_nobody_who_logs_in(lane_of):
    with pytest.raises(UsageError) as refusal:
        choose(lane_of("first"), Wanted(mount="corp"), CORP)
    assert refusal.value.problem == NoPeople("first", "corp")
    assert refusal.value.remedy == (warden("route show", "first"),)


@pytest.mark.parametrize(
    ("uris", "port"),
    [
        ((), 8250),
        (("https://bao.example/ui/vault/auth/corp/oidc/callback", "http://localhost:9250/oidc/callback"), 9250),
        (("http://localhost:x/oidc/callback",), 8250),
        (("http://localhost:9250/oidc/callback/more",), 8250),
    ],
)
def test_the_browser_comes_back_to_the_declared_port(uris, port):
    logins = {"corp": LoginMount(redirect_uris=uris)}
    assert choose(None, Wanted(), logins).port == port
    assert choose(None, Wanted(port=99), logins).port == 99


def test_the_callback_is_the_declared_one_and_device_does_not_contradict_it():
    device = {"corp": LoginMount(callback="device")}
    assert choose(None, Wanted(), device).callback == "device"
    assert choose(None, Wanted(device=True), device).callback == "device"
    assert choose(None, Wanted(mount="unknown", device=True), device).callback == "device"
    with pytest.raises(UsageError) as refusal:
        choose(None, Wanted(device=True), CORP)
    assert refusal.value.problem == CallbackDeclared("corp", "client")
    edit = EditFile(file="platform.yaml", field="logins.corp.callback", value="device")
    assert refusal.value.remedy == (edit, warden("apply", "LANE"))


def test_what_a_login_is_for_is_what_its_very_role_is_declared_for(lane_of):
    lanes = [lane_of("b", readers=(DEVS,)), lane_of("a", readers=(LEADS, DEVS)), lane_of("c", readers=(AWAY,))]
    assert opened(who("corp", "devs-read"), lanes) == ("a", "b")
    assert opened(who("away", "devs-read"), lanes) == ()
    assert opened(who("corp", "ssh-adm-ada"), [actor(PersonIdentity(person="ada", login="corp"))]) == ("adm-ada",)
