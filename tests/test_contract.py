"""The contract notices: adapters and bots with one fault each do not pass it, and one without a far side is told so."""

import asyncio
import inspect
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.adapter import Adapter
from tests.contract import test_abilities as abilities
from tests.contract import test_declared as declared
from tests.contract import test_hostile as hostile
from tests.contract import test_leaks as leaks
from tests.contract import test_receiving as receiving
from tests.contract import test_sending as sending
from tests.contract.subject import Subject
from tests.plugins import courier, courier_peer, faulty

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.feature("DEV-02")

Test = Callable[..., Any]
NOTICED: list[tuple[type[Adapter], Test]] = [
    (faulty.AcknowledgesFirst, receiving.test_a_call_is_answered_once_its_event_is_on_disk),
    (faulty.LosesWhatCannotBeStored, receiving.test_what_cannot_be_stored_is_503_and_taken_when_it_comes_again),
    (faulty.CallsAnOutageOurs, receiving.test_what_cannot_be_stored_is_503_and_taken_when_it_comes_again),
    (faulty.TrustsEverybody, receiving.test_a_forged_call_is_401_and_leaves_no_trace),
    (faulty.TrustsEverybody, hostile.test_any_call_gets_a_plain_answer),
    (faulty.TrustsWhoeverIsNear, receiving.test_a_forged_call_is_401_and_leaves_no_trace),
    (faulty.LooksAtTheBeginning, receiving.test_a_forged_call_is_401_and_leaves_no_trace),
    (faulty.ForgetsTheBody, receiving.test_a_forged_call_is_401_and_leaves_no_trace),
    (faulty.ParsesFirst, receiving.test_a_forged_call_is_401_and_leaves_no_trace),
    (faulty.ComparesText, receiving.test_a_forged_call_is_401_and_leaves_no_trace),
    (faulty.ComparesText, hostile.test_strangers_get_a_plain_answer_and_nothing_is_taken_in),
    (faulty.BelievesItsPlatform, hostile.test_those_who_have_the_secret_get_a_plain_answer_too),
    (faulty.MakesUpIds, receiving.test_a_repeated_call_has_the_same_ids_and_the_same_answer),
    (faulty.TakesWordsForIds, receiving.test_a_repeated_call_has_the_same_ids_and_the_same_answer),
    (faulty.ForgetsItsAccount, receiving.test_pushed_events_name_channel_account_and_address),
    (faulty.AnswersItself, receiving.test_our_own_words_are_let_go_or_known_as_ours),
    (faulty.DropsButtons, abilities.test_what_is_not_declared_is_refused_or_put_in_words),
    (faulty.NamesItsKey, leaks.test_no_secret_shows_when_sending_fails),
    (faulty.LogsItsKey, leaks.test_no_secret_shows_when_sending_fails),
    (faulty.ClaimsMore, sending.test_the_declared_length_is_what_the_platform_takes),
    (faulty.ClaimsEditing, abilities.test_what_is_not_declared_has_no_code),
    (faulty.ClaimsVoice, abilities.test_every_ability_that_is_declared_has_its_proof),
    (faulty.SpeaksItsOwnTongue, declared.test_the_dialect_is_known),
    (faulty.HasGroupsNowhere, declared.test_every_place_has_a_scope_that_it_may_have),
    (faulty.WritesSizesAsText, declared.test_limits_are_whole_and_sane),
    (faulty.ShowsItsKey, declared.test_secrets_are_of_a_secret_type_and_hidden),
    (faulty.ExplainsNothing, declared.test_options_are_named_and_explained),
    (faulty.LeavesTasksBehind, receiving.test_running_ends_when_it_is_cancelled_and_leaves_nothing_behind),
]
FAULTS: list[tuple[type[Adapter], str]] = [
    (faulty.TriesAgain, "throttled"),
    (faulty.TriesAgain, "accepted_then_cut"),
    (faulty.TakesSilenceForANo, "accepted_then_silent"),
    (faulty.TakesSilenceForANo, "reset"),
    (faulty.ForgetsTheWait, "throttled"),
    (faulty.LetsErrorsSlip, "broken"),
    (faulty.GivesUpOnTrouble, "broken"),
    (faulty.GivesUpOnTrouble, "garbage"),
]


def fails(test: Test, adapter: type[Adapter], *more: Any) -> bool:
    """Whether a test of the contract fails over an adapter of the courier's."""
    subject = Subject("tests.plugins.courier", adapter, courier_peer.Peer)
    try:
        if inspect.iscoroutinefunction(test):
            asyncio.run(test(subject, *more))
        else:
            test(subject, *more)
    except (Exception, pytest.fail.Exception):
        return True
    return False


@pytest.mark.filterwarnings("ignore")  # the faulty leave behind what they leave behind
@pytest.mark.parametrize(("adapter", "test"), NOTICED, ids=lambda one: one.__name__)
def test_a_fault_is_noticed(adapter: type[Adapter], test: Test) -> None:
    assert fails(test, adapter)
    assert not fails(test, courier.Adapter)


@pytest.mark.parametrize(("adapter", "fault"), FAULTS, ids=str)
def test_a_fault_in_sending_is_noticed(adapter: type[Adapter], fault: str) -> None:
    assert fails(sending.test_each_fault_is_told_in_the_words_of_the_core, adapter, fault)
    assert not fails(sending.test_each_fault_is_told_in_the_words_of_the_core, courier.Adapter, fault)


def contract(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=100)


def test_who_brings_no_far_side_is_told_what_to_write() -> None:
    run = contract("--adapter", "tests.plugins.pager", "--bot", "tests.plugins.pager")
    wanted = "tests.plugins.pager has no far side for the contract (tests/plugins/pager_peer.py): write a class"
    assert run.returncode == 1
    for base in ("peer.Peer", "backend.Backend"):
        assert f"{wanted} {base.partition('.')[2]} there, a subclass of tests.contract.{base}" in run.stdout
    assert "2 failed" in run.stdout


@pytest.mark.feature("DEV-01")
def test_an_adapter_of_another_package_passes_and_nothing_else_is_run() -> None:
    run = contract("--adapter", "tests.plugins.courier:tests.plugins.courier_peer", "--collect-only")
    assert run.returncode == 0, run.stdout
    tests = [line for line in run.stdout.splitlines() if "::" in line]
    assert tests
    assert all(line.startswith("tests/contract/") for line in tests)
    assert not [line for line in tests if "telegram" in line or "echo" in line]
