"""One of each value of a sale."""

from assay.protocol.structs import ModelTerms, Order, Quote

A = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
WORD = b"\x01" * 32
TERMS = ModelTerms(
    owner=A, function_hash=WORD, delivery_key=WORD, max_price=10**18, reveal_window=3600, dispute_window=3600
)
QUOTE = Quote(
    model_id=WORD, content_id=WORD, seller=A, data_root=WORD, price=2**96 - 1, expiry=2**40 - 1, evaluation=WORD
)
ORDER = Order(
    model_id=WORD,
    content_id=WORD,
    buyer=A,
    seller=A,
    token=A,
    price=1,
    seller_bond=0,
    dispute_window=3600,
    require_receipt=True,
    data_root=WORD,
    key_hash=WORD,
)
