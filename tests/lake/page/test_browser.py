"""The page in a real browser: searched, walked, read in the dark and on a phone; nothing runs but its own script."""

from __future__ import annotations

import re

import pytest

from lake.page.names import page_path, to_href
from tests.lake.page.conftest import HOSTILE

pytestmark = pytest.mark.timeout(300)  # a browser starts slowly on a loaded machine

REVIEWS = "datasets/landing.shop.reviews.html"


class Window:
    """A page in the browser, with what it asked for and what it complained of."""

    def __init__(self, browser, **options) -> None:
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        self.page.on("request", lambda request: self.requests.append(request.url))


@pytest.fixture
def window(browser, site):
    """Open windows on the site; at their end nobody has complained, and nothing was asked from elsewhere."""
    opened = []

    def show(href="index.html", **options):
        new = Window(browser, **options)
        opened.append(new)
        new.page.goto(f"{site.as_uri()}/{href}")
        return new.page

    yield show
    for each in opened:
        each.context.close()
        assert each.complaints == []
        assert all(url.startswith(site.as_uri()) for url in each.requests), each.requests


def test_the_search_finds_datasets_and_columns_and_enter_opens_the_first(window):
    page = window()
    page.keyboard.press("/")
    page.keyboard.type("BRAND")
    assert page.locator("#results a strong").all_inner_texts() == ["reviews"]
    assert "columns: brand" in page.inner_text("#results")
    assert page.inner_text("#found") == "1 dataset found"
    assert not page.is_visible("#everything")
    page.keyboard.press("Enter")
    page.wait_for_url("**/landing.shop.reviews.html")
    assert page.inner_text("h1") == "reviews"


def test_a_search_from_a_dataset_s_page_ends_on_the_first_one(window):
    page = window(REVIEWS)
    page.fill("input[type=search]", "nowhere")
    page.keyboard.press("Enter")
    page.wait_for_url("**/index.html?q=nowhere")
    assert page.inner_text("#found") == "0 datasets found"
    page.fill("input[type=search]", "GROSSE")  # as one types it who has no ß and no ö
    assert page.inner_text("#results a strong").endswith("größe ☃")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.matches('#results a')")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Escape")
    assert page.is_visible("#everything")


def test_each_dataset_is_one_link_away_and_leads_back(window):
    page = window()
    links = page.evaluate("[...document.querySelectorAll('.datasets tbody a')].map(e => e.getAttribute('href'))")
    assert set(links) == {to_href(page_path(f"landing.shop.{name}")) for name in ("reviews", *HOSTILE.values())}
    page.get_by_role("link", name="reviews", exact=True).click()
    assert page.inner_text("h1") == "reviews"
    page.get_by_role("navigation", name="Breadcrumb").get_by_role("link", name="Our lake").click()
    assert page.inner_text("h1") == "Our lake"


def test_a_dataset_s_page_has_its_charts_and_figures(window):
    page = window(REVIEWS)
    assert page.locator(".runs rect.landed").count() == 6
    assert page.locator(".runs rect.rejected").count() == 2
    assert page.locator(".columns .spread svg[role=img] rect").count() >= 40  # price and at, in 20 bars each
    assert page.locator(".columns .values li").count() == 3 + 5  # brands and ratings
    assert page.locator(".graph .here").count() == 1
    assert page.locator(".sample tbody tr").count() == 5
    page.get_by_text("The numbers").click()
    assert page.locator("details tbody tr").count() == 6
    assert page.evaluate(
        "[...document.querySelectorAll('.runs rect')].every(r => r.getBoundingClientRect().height > 0)"
    )


def test_ages_are_told_from_the_reader_s_clock(window):
    assert re.search(r"\d|last|ago", window().locator("td.when small").first.inner_text())


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_name_is_inert(window, name):
    page = window(to_href(page_path(f"landing.shop.{name}")))
    assert page.inner_text("h1") == name.replace("\u202e", "\\u202e")  # a letter that turns text is shown
    assert page.locator("script").count() == page.locator("img").count() == 1
    assert page.title() != "owned"


def test_nothing_runs_or_loads_but_what_the_site_brought(browser, site):
    window = Window(browser)
    window.page.goto((site / "index.html").as_uri())
    refused: list[str | None] = []
    window.page.on("requestfailed", lambda request: refused.append(request.failure))
    window.page.evaluate(
        """() => {
          const script = document.createElement('script');
          try { script.textContent = "document.title = 'owned'"; document.body.append(script); } catch (error) {}
          try { document.body.innerHTML += '<img src=x onerror="document.title=1">'; } catch (error) {}
          const image = new Image(); image.src = 'https://elsewhere.example/pixel.png'; document.body.append(image);
          const styled = document.createElement('p'); styled.id = 'styled'; styled.setAttribute('style', 'color: red');
          document.body.append(styled);
        }"""
    )
    assert window.page.title() == "Our lake"
    assert window.page.evaluate("getComputedStyle(document.getElementById('styled')).color") != "rgb(255, 0, 0)"
    assert refused == ["csp"]
    assert len(window.complaints) >= 3  # the policy says what it refused
    window.context.close()


@pytest.mark.parametrize("width", [320, 768, 900])
def test_no_page_scrolls_sideways(window, site, width):
    page = window(viewport={"width": width, "height": 800})
    for path in ("index.html", REVIEWS, page_path(f"landing.shop.{HOSTILE['long']}")):
        page.goto(f"{site.as_uri()}/{to_href(path)}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_the_dark_is_dark_and_text_stands_out_in_both(window):
    backgrounds = {}
    for scheme in ("light", "dark"):
        page = window(REVIEWS, color_scheme=scheme)
        backgrounds[scheme] = luminance(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        for selector in ("h1", ".soft", "td", ".toc a", "th", ".columns .type", ".ends span", ".alert", ".key", "code"):
            text, behind = page.evaluate(COLOURS, selector)
            assert contrast(text, behind) >= 4.5, (scheme, selector)  # WCAG 2.2, 1.4.3
    assert backgrounds["dark"] < 0.05
    assert backgrounds["light"] > 0.8


def test_it_can_be_walked_with_the_keyboard_and_heard(window):
    page = window(REVIEWS)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator("main").count() == page.locator("h1").count() == 1
    assert page.evaluate("document.documentElement.lang") == "en"
    unnamed = "e => !(e.getAttribute('aria-label') || e.getAttribute('aria-labelledby'))"
    assert (
        page.evaluate(f"[...document.querySelectorAll('section, [role=region], [role=img]')].filter({unnamed}).length")
        == 0
    )
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))
    targets = page.evaluate("[...document.querySelectorAll('.toc a')].map(e => e.getAttribute('href').slice(1))")
    assert set(targets) <= set(ids)


def test_printed_it_is_whole(window):
    page = window(REVIEWS)
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details[open]").count() == 1
    assert not page.is_visible(".search")


COLOURS = """(selector) => {
  const element = document.querySelector(selector);
  let behind = element;
  while (behind && getComputedStyle(behind).backgroundColor === 'rgba(0, 0, 0, 0)') behind = behind.parentElement;
  return [getComputedStyle(element).color, getComputedStyle(behind).backgroundColor];
}"""


def luminance(colour: str) -> float:
    """Return the relative luminance of an opaque colour (WCAG 2.2)."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)
