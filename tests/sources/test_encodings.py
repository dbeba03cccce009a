"""Texts in other encodings than UTF-8 are read as the spec says, and never by a guess."""

from __future__ import annotations

from pathlib import Path

import pytest

from netspec.compiler import analyze, require
from netspec.diagnostics.diagnostic import DataError, Source
from netspec.ir.network import Network
from netspec.recipe.encodings import CODECS, ENCODINGS, SPELLINGS
from netspec.sources.how_read import AS_IT_IS, HowRead
from netspec.sources.tables.table import read_table
from netspec.sources.texts.likely_encoding import likely_encoding
from netspec.sources.texts.reading import decoded


def parsed(text: str) -> Network:
    return require(analyze(Source("a.net", text)))[0]


WORDS = {
    "windows_1252": "name,city\nMüller,Köln\nRené,“Orléans”\n",
    "windows_1250": "Łódź,1\nKraków,2\nŻółć,3\n",
    "windows_1251": "город,цена\nМосква,5\nКиев,3\n",
    "koi8_r": "город,цена\nМосква,5\nКиев,3\n",
    "windows_1253": "πόλη,τιμή\nΑθήνα,3\n",
    "mac_roman": "café,Müller\n",
    "shift_jis": "名前,都市\n田中さん,とうきょう\nカタカナ,5\n",
    "euc_jp": "名前,都市\n田中さん,とうきょう\n",
    "gb18030": "姓名,城市\n张三,北京\n李四,上海\n",
    "big5": "姓名,城市\n張三,臺北\n李四,上海\n",
    "euc_kr": "이름,도시\n김철수,서울\n",
    "utf16": "name,city\nMüller,Köln\n",
}


@pytest.mark.parametrize("name", WORDS)
def test_what_a_text_is_likely_in_is_proposed(name: str) -> None:
    content = WORDS[name].encode(CODECS[name])
    found = likely_encoding(content)
    assert found is not None
    assert found[0] == name
    with pytest.raises(DataError) as error:
        decoded(content, "a.csv")
    assert error.value.fix.startswith(f"write `encoding {name}` in `data`")
    assert decoded(content, "a.csv", how=HowRead(encoding=name)) == WORDS[name]


@pytest.mark.parametrize("word", ["windows_1252", '"windows-1252"', '"Windows-1252"', "cp1252", "ansi"])
def test_an_encoding_has_several_names(word: str) -> None:
    net = parsed('data "a.csv" { target b; encoding ' + word + " }\ninput 2\nfc 1")
    assert net.data is not None
    assert net.data.encoding == "windows_1252"


def test_every_encoding_is_one_that_python_has() -> None:
    assert set(SPELLINGS.values()) <= set(ENCODINGS)
    assert not set(SPELLINGS) & set(ENCODINGS)
    for name in ENCODINGS:
        assert "a,b\n".encode(CODECS[name]).decode(CODECS[name]) == "a,b\n"


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("how", [AS_IT_IS, HowRead(encoding="utf16"), HowRead(encoding="windows_1252")])
def test_the_mark_of_utf_16_says_that_it_is(codec: str, how: HowRead, tmp_path: Path) -> None:
    # "Unicode text" as Excel saves it.
    mark = "" if codec == "utf-16" else "\ufeff"
    (tmp_path / "a.txt").write_bytes((mark + "name\tcity\r\nMüller\tKöln\r\n").encode(codec))
    found = read_table(tmp_path / "a.txt", "a.txt", how)
    assert found.cells == {"name": ["Müller"], "city": ["Köln"]}


@pytest.mark.parametrize(
    ("content", "encoding", "message", "fix"),
    [
        (b"\xff\xfea\0\0", "", "a.csv is no UTF-16: byte 0x00 in line 1", "it says that it is UTF-16; save it again"),
        (
            "Köln\n".encode(),
            "windows_1252",
            "a.csv is UTF-8, and the spec says `encoding windows_1252`",
            "leave `encoding` out",
        ),
        (
            "Köln\n".encode("latin-1"),
            "euc_kr",
            "a.csv is no euc_kr: byte 0xf6 in line 1",
            "write `encoding windows_1252` in `data`, which reads `Köln` there; "
            "without a spec --encoding windows_1252; or save it as UTF-8",
        ),
        (b"a\0b\n", "", "a.csv has bytes that no text has", "give a text in UTF-8"),
    ],
)
def test_what_is_in_another_encoding_is_one_error(content: bytes, encoding: str, message: str, fix: str) -> None:
    with pytest.raises(DataError) as error:
        decoded(content, "a.csv", how=HowRead(encoding=encoding))
    assert (error.value.message, error.value.fix) == (message, fix)


def test_a_file_to_answer_for_may_be_utf_8_or_as_the_data() -> None:
    how = HowRead(encoding="windows_1252", like=True)
    assert decoded("Köln".encode(), "a.csv", how=how) == decoded("Köln".encode("cp1252"), "a.csv", how=how) == "Köln"
    with pytest.raises(DataError) as error:
        decoded("Köln".encode("cp1252"), "a.csv", how=HowRead(like=True))
    assert error.value.fix == "save it as UTF-8; it seems to be windows_1252"
