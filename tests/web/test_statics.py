"""What a page is made of is lean: far sites load it over thin lines."""

from __future__ import annotations

import gzip
import os
import re
import subprocess
from pathlib import Path

import pytest

from coordinator import catalogue
from coordinator.web import statics
from tests.support.server import ROOT
from tests.web.rig import Rig
from tests.web.test_pages import page_data, text_of

FILES = statics.StaticFiles(catalogue.web_folder() / "static")


def test_comments_and_indents_stay_here_and_lines_keep_their_numbers() -> None:
    source = '/**\n * What it is.\n */\n// aside\nfunction a() {\n  return "// /* words */"; // kept\n}\n'
    assert statics.lean(source) == '\n\n\n\nfunction a() {\nreturn "// /* words */"; // kept\n}\n'


def test_types_beside_code_stay_here() -> None:
    assert statics.lean('const a = /** @type {HTMLElement} */ (b("c"));') == 'const a = (b("c"));'


def test_code_between_two_comments_stays() -> None:
    source = "/** @type {A} */ (a).b();\nc();\nd(); /* e */\n"
    assert "c();" in statics.lean(source)


@pytest.mark.slow
def test_what_goes_out_is_still_a_script(tmp_path: Path) -> None:
    path = os.pathsep.join((str(ROOT / ".venv/bin"), os.environ["PATH"]))  # Node may be a Python package
    for source in sorted((catalogue.web_folder() / "static/js").glob("*.js")):
        packed = tmp_path / f"{source.stem}.mjs"
        packed.write_text(statics.lean(source.read_text("utf-8")), "utf-8")
        done = subprocess.run(
            ["node", "--check", str(packed)], env={"PATH": path}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{source.name}: {done.stderr}"


def test_text_over_several_lines_is_left_alone() -> None:
    source = "const a = `one\n  // two`;\n  b();\n"
    assert statics.lean(source) == source


async def test_styles_go_out_as_one_in_their_order(rig: Rig) -> None:
    operator = await rig.site("xa-ban-thi")
    address = re.search(r'href="(/static/[^"]*/css/([a-z+-]+)\.css)"', await text_of(operator, "/site"))
    assert address is not None and "+" in address[2]
    parts = [await text_of(operator, f"/static/css/{name}.css") for name in address[2].split("+")]

    assert await text_of(operator, address[1]) == "".join(parts)
    assert (await operator.get("/static/css/base+tokens.css")).status == 404, "not each order is kept"


async def test_a_script_gets_the_sentences_that_it_and_its_modules_use(rig: Rig) -> None:
    operator = await rig.site("xa-ban-thi")
    address = page_data(await text_of(operator, "/site"))["catalogue"]
    answer = await operator.get(address)
    words = await answer.json()

    used = FILES.sentences("js/site.js")
    everything = catalogue.load("vi").messages
    assert used and {key for key in words if not key.startswith("error:")} == used & set(everything)
    assert {key for key in everything if key.startswith("error:")} < set(words)
    assert "immutable" in answer.headers["Cache-Control"]
    assert (await operator.get("/static/catalogue.vi.json?of=nothing")).status == 404


async def test_all_that_the_operators_page_needs_before_its_button_works_is_small(rig: Rig) -> None:
    """On 64 kbit/s these are some twelve seconds."""
    operator = await rig.site("xa-ban-thi")
    operator.session._auto_decompress = False
    page = await operator.get("/site", headers={"Accept-Encoding": "gzip"})
    packed = await page.read()
    text = gzip.decompress(packed).decode()
    needed = [*re.findall(r'(?:href|src)="(/static/[^"]*)"', text), page_data(text)["catalogue"]]
    sizes = [len(packed)]
    for address in dict.fromkeys(needed):
        answer = await operator.get(address, headers={"Accept-Encoding": "gzip"})
        sizes.append(len(await answer.read()) + sum(len(k) + len(v) + 4 for k, v in answer.headers.items()))

    assert page.headers["Content-Encoding"] == "gzip"
    assert sum(sizes) < 95_000, sizes
    assert not [address for address in needed if "livekit-client" in address]
