"""Answers of an oracle to a client: what is made of them is a value of the protocol, or a named error.

An input is the name of a call on a line of its own, and the answers, with ``http_answers.END`` between them.
"""

import io
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from eth_account import Account

from assay.envelope import new_identity, unwrap_key
from assay.errors import OracleMisbehaved
from assay.oracle.api import OracleClient
from assay.oracle.session import Party
from assay.protocol.messages import AcceptanceRequest, BlindRequest, BlindValues, OfferRequest
from assay.protocol.seal import DEFAULT_CHUNK_SIZE
from assay.protocol.statements import Domain, digest, signer_of
from assay.protocol.types import ModelId, OfferId, OrderId
from assay.sale.blind import seller_of, sums_of
from assay.sale.offered.example_file import example_csv, type_text
from assay.sale.offered.precheck import check_file, chunk_size_for
from assay.sale.trust import check_model
from fuzz.http_answers import END, answering, ends

URL = "http://127.0.0.1:8550"
ACCOUNT = Account.from_key(b"\x01" * 32)
DOMAIN = Domain(chain_id=31337, contract="0x" + 39 * "0" + "1")
IDENTITY = new_identity()
ZEROS = bytes(32)


def _info(client: OracleClient) -> None:
    info = client.info()
    for signature in (info.recipient_signature, *info.further_signatures):
        signer_of(DOMAIN.recipient(info.recipient), signature)


def _model(client: OracleClient) -> None:
    """What commands make of a model: an example, the check of a file, terms of a blind quote."""
    model = client.model(ModelId(ZEROS))
    for feature in model.schema_.features:
        type_text(feature)
    chunk_size_for(model)
    if model.blind is not None:
        seller_of(model.blind, OfferId(ZEROS))
    example = example_csv(model.schema_)
    with suppress(OracleMisbehaved):
        check_model(model.terms, model)
    if model.sums is not None:
        with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
            file.write(example)
            file.flush()
            sums_of(Path(file.name), model)


def _check(client: OracleClient) -> None:
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        file.write(b"a,b\n1,2\n")
        file.flush()
        check_file(Path(file.name), client.info(), client.model(ModelId(ZEROS)), DEFAULT_CHUNK_SIZE)


def _offer(client: OracleClient) -> None:
    state = client.offer(OfferId(ZEROS), wait=5)
    if state.quote:
        signer_of(DOMAIN.quote(state.quote), state.oracle_signature or b"")


def _upload(client: OracleClient) -> None:
    source = io.BytesIO(bytes(range(256)))
    state = client.upload(OfferId(ZEROS), source)
    assert state.upload_bytes == 256


def _order(client: OracleClient) -> None:
    record = client.order(OrderId(ZEROS))
    if record.key_envelope is not None:
        unwrap_key(IDENTITY, record.key_envelope)


def _download(client: OracleClient) -> None:
    with tempfile.TemporaryDirectory() as folder:
        client.download(OrderId(ZEROS), Path(folder) / "file", within=5)


def _statement(client: OracleClient) -> None:
    client.put_receipt(OrderId(ZEROS), bytes(65))


def _open_offer(client: OracleClient) -> None:
    client.open_offer(OfferRequest(**_SIGNED, upload_bytes=256, sealed_key=""))


def _blind(client: OracleClient) -> None:
    opened = client.open_blind(BlindRequest(**_SIGNED, records=1))
    seller_of(opened.terms, OfferId(ZEROS))
    client.blind_sums(OfferId(ZEROS), b"")
    answer = client.blind_price(OfferId(ZEROS), BlindValues(sums=ZEROS, products=ZEROS, values=b""))
    digest(DOMAIN.blind_quote(answer.quote))


def _accept(client: OracleClient) -> None:
    client.accept(OfferId(ZEROS), AcceptanceRequest(key_hash=ZEROS, signature=b""))
    client.quote_until(OfferId(ZEROS), 7)


_SIGNED = {"model_id": ZEROS, "seller": ACCOUNT.address, "data_root": ZEROS, "nonce": ZEROS, "signature": b""}
CALLS: dict[bytes, Callable[[OracleClient], None]] = {
    call.__name__[1:].encode(): call
    for call in (
        *(_info, _model, _check, _offer, _upload, _order, _download, _statement, _open_offer, _blind, _accept),
    )
}


_PUBLIC = (_info, _model, _check)


def _not_waiting(timeout: float | None = None) -> bool:
    return timeout is None


def check(content: bytes) -> None:
    """Makes the call of an input.

    Raises:
        Exception: A finding.
    """
    name, _, rest = content.partition(b"\n")
    call = CALLS.get(name.removeprefix(b"login "))
    if call is None:
        return
    client = OracleClient(URL, attempts=2, transport=answering(rest.split(END)))
    client._requests.wait = _not_waiting
    if call not in _PUBLIC:
        client = client.as_party(Party.by_key(ACCOUNT, DOMAIN))
        session = client._requests._session
        assert session is not None
        session._token = None if name.startswith(b"login ") else "a token"
    ends(lambda: call(client))
