"""A village's post opens its link on a phone: what it reads and presses in a real browser arrives."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from servicemap import confirmations, db, divisions
from servicemap.access import SEED
from servicemap.config import Settings
from tests import browser
from tests.api.test_server import serving
from tests.factories import NORTH_GATE, a_place, a_tree


@pytest.fixture
def phone(tmp_path: Path) -> Iterator[Chrome]:
    with browser.phone(tmp_path / "profile") as driver:
        if driver is None:
            pytest.skip(browser.ABSENT)
        yield driver


@pytest.fixture
def link(registry: str) -> Iterator[str]:
    """The address of a link for two places of a village, one of which has a hostile name."""
    a_tree()
    a_place("北门家长学校", phone="0763-3360000", hours="周一至周五 9:00-17:00")
    a_place("<img src=x onerror=\"document.title='bad'\">家长学校")
    today = Settings().today(datetime.now(UTC))
    issued = confirmations.issue(SEED, divisions.get(NORTH_GATE), label=None, expires_on=None, today=today)
    with serving(registry) as (_, port):
        yield f"http://127.0.0.1:{port}{issued.path}"


def press(phone: Chrome, words: str) -> None:
    button = f"//button[contains(., '{words}') and not(ancestor::*[@hidden])]"
    phone.find_element(By.XPATH, button).click()


def answered(phone: Chrome, number: int) -> None:
    WebDriverWait(phone, 20).until(lambda page: len(page.find_elements(By.CSS_SELECTOR, ".done")) == number)


def test_one_place_is_right_and_the_other_is_not(phone, link):
    phone.get(link)
    WebDriverWait(phone, 20).until(lambda page: len(page.find_elements(By.CSS_SELECTOR, ".card")) == 2)
    seen = phone.find_element(By.TAG_NAME, "main").text
    wide = phone.execute_script("return document.documentElement.scrollWidth")

    press(phone, "都对，仍在开放")
    answered(phone, 1)
    press(phone, "有不对的")
    phone.find_element(By.CSS_SELECTOR, ".card:not(.done) textarea").send_keys("周末也开")
    press(phone, "发给镇（街道）")
    answered(phone, 2)

    assert "周一至周五 9:00-17:00" in seen
    assert "<img src=x" in seen
    assert (wide, phone.title) == (360, "确认服务点")
    assert phone.find_element(By.CSS_SELECTOR, ".lead").text == "全部答好了，谢谢！可以关掉这一页。"
    assert db.query("SELECT wrong FROM confirmation_answer ORDER BY facility_id") == [(None,), ("周末也开",)]
    assert phone.get_log("browser") == []


def test_a_link_without_its_secret_says_what_to_do(phone, link):
    phone.get(link.partition("#")[0])

    assert phone.find_element(By.TAG_NAME, "h1").text == "打不开"
    assert "重新点开" in phone.find_element(By.CSS_SELECTOR, ".lead").text
