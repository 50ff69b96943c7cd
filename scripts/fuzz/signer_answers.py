"""Answers of a remote signer: what it makes of them is the account's signature, or a named error.

An input is the answers, one after the other, with ``http_answers.END`` between them.
"""

from eth_account import Account
from eth_account.messages import encode_defunct

from assay.errors import KeysError
from assay.protocol.statements import signer_of
from assay_oracle.keys import remote
from fuzz.http_answers import END, answering

ADDRESS = Account.from_key(b"\x01" * 32).address
_MESSAGE = encode_defunct(b"fuzzing")


def check(content: bytes) -> None:
    """Opens the account of the signer, and signs.

    Raises:
        Exception: A finding.
    """
    try:
        account = remote.RemoteAccount("http://127.0.0.1:9000", ADDRESS, transport=answering(content.split(END)))
        signed = account.sign_message(_MESSAGE)
    except KeysError:
        return
    assert signer_of(_MESSAGE, bytes(signed.signature)) == ADDRESS
