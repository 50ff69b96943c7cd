"""Amounts for people: no digit is invented, nothing seems more than it is, and no token passes for another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.amounts import ETHER, MAX_AMOUNT, Token, WrittenAmount, amount_text, exact_amount, short_amount
from assay.errors import UsageError

pytestmark = pytest.mark.unit

ADDRESS = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
USDC = Token.erc20(ADDRESS, "USDC", 6)
SILENT = Token.erc20(ADDRESS, None, None)


@pytest.mark.parametrize(
    ("amount", "token", "text"),
    [
        (258304000000000000, ETHER, "0.2583 ETH (258304000000000000 wei)"),
        (0, ETHER, "0 ETH"),
        (1, ETHER, "0.000000000000000001 ETH (1 wei)"),
        (10**18, ETHER, "1 ETH (1000000000000000000 wei)"),
        (10**18 - 1, ETHER, "0.9999 ETH (999999999999999999 wei)"),
        (274617925492 * 10**12, ETHER, "274617 ETH (274617925492000000000000 wei)"),
        (1_234_567, USDC, "1.234 USDC (1234567 base units of token 0x7099...79C8)"),
        (1_234_567, SILENT, "1234567 base units of token 0x7099...79C8"),
        (0, SILENT, "0 base units of token 0x7099...79C8"),
        (25, Token.erc20(ADDRESS, "PTS", 0), "25 PTS (25 base units of token 0x7099...79C8)"),
    ],
)
def test_amount_in_units_and_base_units(amount: int, token: Token, text: str) -> None:
    assert amount_text(amount, token) == text


def test_exact_amount_has_every_digit() -> None:
    assert exact_amount(258304000000000001) == "0.258304000000000001 ETH"
    assert exact_amount(MAX_AMOUNT) == "79228162514.264337593543950335 ETH"


@pytest.mark.parametrize(
    "symbol", ["ETH", "eth", "WEI", "", "E\u0422H", "a\x1b[2J", "USD\u202eC", "LONGERTHAN11", "U C"]
)
def test_symbol_that_could_mislead_gives_way_to_the_address(symbol: str) -> None:
    assert amount_text(10**6, Token.erc20(ADDRESS, symbol, 6)).startswith("1 0x7099...79C8 (1000000 base units")


@pytest.mark.parametrize("decimals", [-1, 37, 255, 2**255])
def test_decimals_that_cannot_be_leave_base_units(decimals: int) -> None:
    assert Token.erc20(ADDRESS, "USDC", decimals).decimals is None


@pytest.mark.parametrize(
    ("text", "token", "amount"),
    [
        ("1000", ETHER, 1000),
        ("1000", USDC, 1000),
        ("12.5 USDC", USDC, 12_500_000),
        ("0.000001usdc", USDC, 1),
        ("0.5eth", ETHER, 5 * 10**17),
        ("20 gwei", ETHER, 20 * 10**9),
        ("7 wei", ETHER, 7),
    ],
)
def test_written_amount(text: str, token: Token, amount: int) -> None:
    assert WrittenAmount.parse(text).base_units(token) == amount


@pytest.mark.parametrize(
    ("text", "token", "said"),
    [
        ("1ether", USDC, "a unit of USDC (usdc)"),
        ("1 USDC", ETHER, "a unit of ETH (wei, gwei, ether, eth)"),
        ("1 USDC", SILENT, "none: the token states no decimals"),
        ("0.0000001 USDC", USDC, "not a whole number"),
        ("1.5", ETHER, "not a whole number"),
        ("99999999999999eth", ETHER, "expected at most"),
        ("-1", ETHER, "expected base units"),
        ("1,5 eth", ETHER, "expected base units"),
        ("\u0661 eth", ETHER, "expected base units"),
        ("1 \u0435th", ETHER, "expected base units"),
    ],
)
def test_amount_that_could_be_meant_otherwise_is_refused(text: str, token: Token, said: str) -> None:
    with pytest.raises(UsageError, match=said.replace("(", r"\(").replace(")", r"\)")):
        WrittenAmount.parse(text).base_units(token)


@given(st.integers(0, MAX_AMOUNT), st.integers(0, 36))
def test_exact_amount_reads_back_and_short_amount_is_never_more(amount: int, decimals: int) -> None:
    token = Token.erc20(ADDRESS, "TKN", decimals)
    assert WrittenAmount.parse(exact_amount(amount, token)).base_units(token) == amount
    short = WrittenAmount.parse(short_amount(amount, token)).base_units(token)
    assert short <= amount <= short + amount // 1000 + 1


def test_token_by_a_persons_word_is_shown_in_its_unit_without_an_address() -> None:
    token = Token.offline("USDC", 6)
    assert token is not None
    assert amount_text(12_500_000, token) == "12.5 USDC (12500000 base units)"


@pytest.mark.parametrize(("symbol", "decimals"), [("ETH", 18), ("", 6), ("USDC", None), ("USDC", 99), ("a b", 6)])
def test_word_on_a_token_that_nothing_can_be_shown_by(symbol: str, decimals: int | None) -> None:
    assert Token.offline(symbol, decimals) is None
