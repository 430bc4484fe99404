"""Whatever people type as a list of mail addresses, the mail server gets bare ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferrero_dagster.domain.mail_addresses import MailAddress, read_addresses


@pytest.mark.fault(64)
@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("Zoë Müller <zoe@x.example>", [("Zoë Müller", "zoe@x.example")]),
        ('"Müller, Zoë" <zoe@x.example>,b@x', [("Müller, Zoë", "zoe@x.example"), ("", "b@x")]),
        ("J. Doe <j@x.example>", [("J. Doe", "j@x.example")]),
        ("Team: a@x, Bob <b@x>;, c@x", [("", "a@x"), ("Bob", "b@x"), ("", "c@x")]),
        ("a@x, A@X, Ann <a@x>", [("Ann", "a@x")]),
        ("zoë@x.example", [("", "zoë@x.example")]),
        ("zoe@Bücher.example", [("", "zoe@xn--bcher-kva.example")]),
        # What nobody sees comes along from where a list was copied.
        ("\ufeffa@x, \u3000b@x,\u200bc\u2060@x", [("", "a@x"), ("", "b@x"), ("", "c@x")]),
        ("post@straße.example", [("", "post@xn--strae-oqa.example")]),
    ],
)
def test_names_groups_and_domains_of_any_letters_are_read(text, read):
    assert [(address.name, address.bare) for address in read_addresses(text)] == read


@pytest.mark.fault(64)
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "''"),
        (",", "''"),
        ("a@x,,b@x", "''"),
        ("a@x; b@x", "'a@x; b@x'"),
        ("a@x b@x", "'a@x b@x'"),
        ("Müller, Zoë <zoe@x>", "'Müller'"),
        ("c@x, Zoë <zoe@x", "'Zoë <zoe@x'"),
        ("a@@x", "'a@@x'"),
        ("a@x\r\nBcc: b@x", r"'a@x\r\nBcc: b@x'"),
        ("a@-ü-.example", "'a@-ü-.example'"),
        ("nobody:;", "'nobody:;'"),
    ],
)
def test_what_is_no_address_is_refused_and_quoted(text, found):
    with pytest.raises(ValueError, match="expected mail addresses separated by commas") as refused:
        read_addresses(text)
    assert str(refused.value).endswith(f"found {found}")


_NAMES = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=60).map(
    lambda n: " ".join(n.split())
)


@given(st.lists(_NAMES, min_size=1, max_size=4))
def test_what_is_shown_is_read_as_the_same(names):
    addresses = tuple(MailAddress(f"p{number}@x.example", name) for number, name in enumerate(names))
    assert [a.bare for a in read_addresses(", ".join(map(str, addresses)))] == [a.bare for a in addresses]


@given(st.text(max_size=60) | st.text(',;:@<>"\\ ()[].ëab', max_size=30))
def test_any_text_is_read_or_refused_in_one_sentence(text):
    try:
        addresses = read_addresses(text)
    except ValueError as error:
        assert type(error) is ValueError  # noqa: PT017  # its kinds are mistakes of ours
    else:
        assert all(address.domain.isascii() and address.bare.isprintable() for address in addresses)
