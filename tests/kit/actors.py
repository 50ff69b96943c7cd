"""Who takes part in a sale: their accounts and identities, and the contract that they sign for."""

from eth_account import Account
from eth_account.signers.local import LocalAccount

from assay import envelope
from assay.protocol.statements import Domain

CONTRACT = "0x" + 39 * "0" + "1"
DOMAIN = Domain(chain_id=31337, contract=CONTRACT)

oracle_account: LocalAccount = Account.from_key(b"\x01" * 32)
buyer_account: LocalAccount = Account.from_key(b"\x02" * 32)
seller_account: LocalAccount = Account.from_key(b"\x03" * 32)
rival_account: LocalAccount = Account.from_key(b"\x04" * 32)
patient_account: LocalAccount = Account.from_key(b"\x05" * 32)
PASSWORD = "integration"
ORACLE_IDENTITY = envelope.new_identity()
BUYER_IDENTITY = envelope.new_identity()
