// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice The terms on which a model owner buys data, fixed at registration.
/// `modelId = keccak256(abi.encode(chainId, contract, terms))`.
/// @param owner the buyer: funds the model, receives refunds, bonds and unspent budget
/// @param token the currency of the model: an exact-transfer ERC-20, or address(0) for the native coin
/// @param functionHash SHA-256 of the artifact of the price function: a quote for the model is computed with it
/// @param deliveryKey X25519 public key of the buyer: the oracle delivers sealed files in age envelopes to it
/// @param maxPrice highest price of one quote, in base units of the token
/// @param sellerBond bond that a seller locks with each order, in base units; 0 for none
/// @param oracleBond least bond of the oracle for this model when an order is posted, in base units; 0 for none
/// @param revealWindow seconds in which the seller can reveal, from the block of the order
/// @param disputeWindow seconds in which the buyer can dispute, from the block of the key
/// @param requireReceipt whether `revealKey` needs the buyer's signed receipt of the sealed file
/// @param salt distinguishes registrations of equal terms by one owner
struct ModelTerms {
    address owner;
    address token;
    bytes32 functionHash;
    bytes32 deliveryKey;
    uint256 maxPrice;
    uint256 sellerBond;
    uint256 oracleBond;
    uint256 revealWindow;
    uint256 disputeWindow;
    bool requireReceipt;
    bytes32 salt;
}

/// @notice The price of one data set for one model, signed by the model's oracle (EIP-712).
/// @param modelId the model that the data was priced for
/// @param contentId the oracle's keyed digest of the canonical records: equal for equal records in any order, format or
/// salt
/// @param seller the account that is paid
/// @param dataRoot commitment to every chunk, in plaintext and sealed; `SealedData` defines it
/// @param price in base units of the model's token
/// @param expiry last second in which the quote can be posted, unix time
/// @param evaluation SHA-256 of the canonical JSON of the appraisal behind the price
struct Quote {
    bytes32 modelId;
    bytes32 contentId;
    address seller;
    bytes32 dataRoot;
    uint256 price;
    uint256 expiry;
    bytes32 evaluation;
}

/// @notice A sale: the fields of the terms and of the quote that its later calls need, and the key hash. The contract
/// stores only the low 208 bits of `keccak256(abi.encode(order))`; callers pass the order itself.
/// @param modelId the model, `ISettlement.modelIdOf(terms)`
/// @param contentId the data, from the quote
/// @param buyer the model's owner
/// @param seller the account that is paid
/// @param token the currency, from the terms
/// @param price what the seller is paid, in base units
/// @param sellerBond bond that the seller locked, in base units
/// @param disputeWindow seconds in which the buyer can dispute, from the block of the key
/// @param requireReceipt whether `revealKey` needs the buyer's signed receipt
/// @param dataRoot commitment to the data, from the quote
/// @param keyHash `keccak256(abi.encode("assay/key/v1", orderId, key))`, from the seller's acceptance
struct Order {
    bytes32 modelId;
    bytes32 contentId;
    address buyer;
    address seller;
    address token;
    uint256 price;
    uint256 sellerBond;
    uint256 disputeWindow;
    bool requireReceipt;
    bytes32 dataRoot;
    bytes32 keyHash;
}

/// @notice One sealed chunk with its Merkle proof.
/// @param totalBytes length of all sealed chunks together, in bytes
/// @param chunkSize length of every chunk but the last, in bytes: a power of two from 1,024 to 16,384
/// @param index position of the chunk, from 0
/// @param plainDigest SHA-256 of the chunk's plaintext (salt and data), as committed to
/// @param sealedChunk the chunk's ciphertext
/// @param path sibling hashes from the leaf to the root
struct ChunkProof {
    uint256 totalBytes;
    uint256 chunkSize;
    uint256 index;
    bytes32 plainDigest;
    bytes sealedChunk;
    bytes32[] path;
}

/// @notice State of the order of a (model, content) pair. No transition leads back to `None`: a pair has one order at
/// most.
/// @dev None -> Locked (`post`) -> Revealed (`revealKey`) -> Paid (`finalize`, `settle`) or Disputed (`dispute`);
/// Locked -> Paid (`revealData`, `settle`) or Refunded (`refund`).
enum Status {
    None,
    Locked,
    Revealed,
    Paid,
    Disputed,
    Refunded
}

/// @title Settlement of sales of data, priced by a surrogate of the buyer's model
/// @notice Holds the buyer's budget, locks the price of a sale, and pays the seller for the decryption key unless the
/// buyer proves that the key is wrong. Immutable, without owner, upgrade or pause.
/// @dev The order fixes every payee, so the sender of a transaction gains nothing by it. Anyone may relay every call,
/// except the calls of the model's owner, of a credited account and of an oracle for its own bond. A seller or buyer
/// who sends the transaction consents by that, and may leave its own signature empty. A deadline is the last second of
/// the action that it bounds; what follows it is possible from the next second on. Amounts are in base units of the
/// model's token, times in seconds of unix time.
interface ISettlement {
    /* EVENTS */

    /// @notice Emitted when a model is registered.
    /// @param modelId `modelIdOf(terms)`
    /// @param owner the buyer, `terms.owner`
    /// @param oracle the account whose quotes the model accepts
    /// @param terms the terms: later calls pass them as calldata
    event ModelRegistered(bytes32 indexed modelId, address indexed owner, address oracle, ModelTerms terms);

    /// @notice Emitted when a model's budget is funded. Refunds and bonds that go to the budget do not emit it.
    /// @param modelId the model
    /// @param from the account that paid
    /// @param amount what was added to the budget
    event ModelFunded(bytes32 indexed modelId, address indexed from, uint256 amount);

    /// @notice Emitted when the owner withdraws from the budget.
    /// @param modelId the model
    /// @param to the receiver
    /// @param amount what was taken from the budget
    event ModelWithdrawn(bytes32 indexed modelId, address indexed to, uint256 amount);

    /// @notice Emitted when the owner replaces or removes the model's oracle. address(0) stands for no oracle.
    /// @param modelId the model
    /// @param previousOracle the oracle whose quotes are void from now on; address(0) if the model was halted
    /// @param oracle the new oracle; address(0) if the model accepts no quotes
    event OracleChanged(bytes32 indexed modelId, address indexed previousOracle, address indexed oracle);

    /// @notice Emitted when an oracle's bond for a model grows.
    /// @param modelId the model
    /// @param oracle the oracle
    /// @param amount what was added to the bond
    event OracleBonded(bytes32 indexed modelId, address indexed oracle, uint256 amount);

    /// @notice Emitted when an oracle requests the exit of its bond.
    /// @param modelId the model
    /// @param oracle the oracle
    /// @param unlocksAt last second in which the bond is locked
    event OracleBondExitRequested(bytes32 indexed modelId, address indexed oracle, uint256 unlocksAt);

    /// @notice Emitted when an oracle is credited with its bond.
    /// @param modelId the model
    /// @param oracle the oracle
    /// @param amount the bond
    event OracleBondWithdrawn(bytes32 indexed modelId, address indexed oracle, uint256 amount);

    /// @notice Emitted when an oracle loses its bond for equivocation.
    /// @param modelId the model, whose budget receives the bond
    /// @param contentId the data that the oracle quoted in two ways
    /// @param oracle the oracle
    /// @param amount the bond
    event OracleSlashed(bytes32 indexed modelId, bytes32 indexed contentId, address indexed oracle, uint256 amount);

    /// @notice Emitted when an order is posted and its price locked. With the model's terms, these are all fields of
    /// the order.
    /// @param orderId `orderIdOf(modelId, contentId)`
    /// @param modelId the model
    /// @param seller the account that will be paid
    /// @param contentId the data
    /// @param price what the seller will be paid
    /// @param dataRoot commitment to the data
    /// @param keyHash commitment to the key
    event OrderPosted(
        bytes32 indexed orderId,
        bytes32 indexed modelId,
        address indexed seller,
        bytes32 contentId,
        uint256 price,
        bytes32 dataRoot,
        bytes32 keyHash
    );

    /// @notice Emitted when the key of an order is revealed: the dispute window begins.
    /// @param orderId the order
    /// @param key the ChaCha20 key of the sealed file
    event KeyRevealed(bytes32 indexed orderId, bytes32 key);

    /// @notice Emitted when the plaintext of an order is revealed: the transaction's calldata holds it.
    /// @param orderId the order
    event DataRevealed(bytes32 indexed orderId);

    /// @notice Emitted when the seller is paid. A `Credited` follows if the payment itself failed.
    /// @param orderId the order
    /// @param seller the seller
    /// @param amount price and seller bond
    event OrderPaid(bytes32 indexed orderId, address indexed seller, uint256 amount);

    /// @notice Emitted when a dispute proves the key wrong: price and seller bond go to the model's budget.
    /// @param orderId the order
    /// @param index the chunk that the key does not open
    event OrderDisputed(bytes32 indexed orderId, uint256 index);

    /// @notice Emitted when an unrevealed order is refunded to the model's budget.
    /// @param orderId the order
    event OrderRefunded(bytes32 indexed orderId);

    /// @notice Emitted when an account's credit grows: a deposit, a withdrawn oracle bond, the seller bond of a refund,
    /// a failed payment to a seller, or a refund that the budget cannot hold.
    /// @param token the currency
    /// @param account the account, which can `withdrawCredit`
    /// @param amount what was added
    event Credited(address indexed token, address indexed account, uint256 amount);

    /// @notice Emitted when an account withdraws credit.
    /// @param token the currency
    /// @param account the account
    /// @param to the receiver
    /// @param amount what was paid
    event CreditWithdrawn(address indexed token, address indexed account, address indexed to, uint256 amount);

    /* ERRORS */

    /// @notice Thrown when a model with exactly these terms is registered already.
    /// @param modelId the model
    error ModelExists(bytes32 modelId);

    /// @notice Thrown when no model with these terms is registered with this contract on this chain.
    /// @param modelId the id that the terms hash to
    error ModelUnknown(bytes32 modelId);

    /// @notice Thrown when the quote names another model than the terms hash to.
    /// @param expected the id that the terms hash to
    /// @param actual the id in the quote
    error ModelMismatch(bytes32 expected, bytes32 actual);

    /// @notice Thrown when the model has no oracle: its owner removed the last one and named no other.
    /// @param modelId the model
    error ModelHalted(bytes32 modelId);

    /// @notice Thrown when the sender is not the model's owner.
    /// @param expected the owner
    /// @param actual the sender
    error CallerNotOwner(address expected, address actual);

    /// @notice Thrown when the reveal window or the dispute window is shorter than 1 hour or longer than 30 days.
    /// @param window the window, in seconds
    /// @param minimum the shortest window, in seconds
    /// @param maximum the longest window, in seconds
    error WindowOutOfBounds(uint256 window, uint256 minimum, uint256 maximum);

    /// @notice Thrown when the amount is zero.
    error ZeroAmount();

    /// @notice Thrown when the receiver is address(0), or the oracle is address(0) or address(1).
    error ZeroAddress();

    /// @notice Thrown when the native coin sent is not the amount, or native coin is sent with an amount of an ERC-20
    /// token.
    /// @param expected the native coin that the call requires: 0 for an ERC-20 token
    /// @param actual the native coin sent
    error ValueMismatch(uint256 expected, uint256 actual);

    /// @notice Thrown when there is no contract at the token's address.
    /// @param token the address
    error TokenNotContract(address token);

    /// @notice Thrown when a transfer delivers another amount than was sent: the token takes a fee or rebases.
    /// @param token the token
    /// @param expected the amount sent
    /// @param received the amount by which the contract's balance grew
    error TokenNotExact(address token, uint256 expected, uint256 received);

    /// @notice Thrown when an amount, or the sum that it is added to, exceeds 96 bits.
    /// @param amount the amount
    /// @param maximum the largest amount that fits
    error AmountTooLarge(uint256 amount, uint256 maximum);

    /// @notice Thrown when the model's unspent budget is smaller than the amount.
    /// @param required the amount
    /// @param available the unspent budget
    error BudgetTooSmall(uint256 required, uint256 available);

    /// @notice Thrown when the account's credit is smaller than the amount; seller bonds are taken from the seller's
    /// credit.
    /// @param required the amount
    /// @param available the credit
    error CreditTooSmall(uint256 required, uint256 available);

    /// @notice Thrown when the receiver or the token refuses a payment whose receiver the sender chose.
    /// @param token the currency
    /// @param to the receiver
    /// @param amount the amount
    error TransferFailed(address token, address to, uint256 amount);

    /// @notice Thrown when less gas is left than a payment to the seller may need: the sender must not be able to make
    /// the payment fail.
    /// @param required the gas that must be left
    /// @param available the gas that is left
    error GasTooLow(uint256 required, uint256 available);

    /// @notice Thrown when the account is the model's oracle already, or the model to be halted is halted.
    /// @param oracle the account that was passed
    error OracleUnchanged(address oracle);

    /// @notice Thrown when the account was the model's oracle before and was replaced, which is final.
    /// @param oracle the account
    error OracleRevoked(address oracle);

    /// @notice Thrown when the oracle's bond for the model is smaller than the terms require, or zero where there must
    /// be a bond.
    /// @param required the least bond
    /// @param available the oracle's bond
    error OracleBondTooSmall(uint256 required, uint256 available);

    /// @notice Thrown when the bond's exit was not requested, or its delay of 7 days has not passed.
    /// @param unlocksAt last second in which the bond is locked; 0 if no exit was requested
    error OracleBondLocked(uint256 unlocksAt);

    /// @notice Thrown when the oracle has requested the exit of its bond, which therefore no longer counts.
    /// @param unlocksAt last second in which the bond is locked
    error OracleBondExiting(uint256 unlocksAt);

    /// @notice Thrown when the two quotes are for different data, or agree in price, seller and commitment.
    error NotEquivocation();

    /// @notice Thrown when the quote has expired.
    /// @param expiry last second in which the quote could be posted
    error QuoteExpired(uint256 expiry);

    /// @notice Thrown when the signature of the quote is not the oracle's.
    /// @param oracle the oracle: the model's current one, or the one accused of equivocation
    error QuoteSignatureInvalid(address oracle);

    /// @notice Thrown when the acceptance of this quote with this key hash is neither signed nor sent by the quote's
    /// seller.
    /// @param seller the quote's seller
    error AcceptanceSignatureInvalid(address seller);

    /// @notice Thrown when the receipt or the acknowledgement of this order is neither signed nor sent by its buyer.
    /// @param buyer the order's buyer
    error BuyerSignatureInvalid(address buyer);

    /// @notice Thrown when the price is zero or above the model's highest price.
    /// @param price the quote's price
    /// @param maximum the highest price, `terms.maxPrice`
    error PriceOutOfBounds(uint256 price, uint256 maximum);

    /// @notice Thrown when the (model, content) pair has an order already: a pair has one order at most, for ever.
    /// @param orderId the order
    /// @param status its status
    error PairUsed(bytes32 orderId, Status status);

    /// @notice Thrown when the order passed is not the order that was posted for this pair, or none was posted.
    /// @param orderId the id that the order's model and content hash to
    error OrderMismatch(bytes32 orderId);

    /// @notice Thrown when the order is not in a status from which the call is possible.
    /// @param orderId the order
    /// @param actual its status
    error StatusMismatch(bytes32 orderId, Status actual);

    /// @notice Thrown when the window for this call has closed.
    /// @param deadline the window's last second
    error DeadlinePassed(uint256 deadline);

    /// @notice Thrown when the other party's window is still open.
    /// @param deadline the window's last second
    error DeadlineNotPassed(uint256 deadline);

    /// @notice Thrown when the key does not hash to the order's key hash, which the seller's acceptance fixed.
    /// @param orderId the order
    error KeyMismatch(bytes32 orderId);

    /// @notice Thrown when no sealed data has this length and chunk size.
    /// @param totalBytes length of all chunks together
    /// @param chunkSize length of every chunk but the last
    error LayoutInvalid(uint256 totalBytes, uint256 chunkSize);

    /// @notice Thrown when the data has no chunk of this index.
    /// @param index the index
    /// @param count the number of chunks
    error ChunkIndexOutOfBounds(uint256 index, uint256 count);

    /// @notice Thrown when the chunk does not have the length that the layout gives it.
    /// @param expected the length by the layout, in bytes
    /// @param actual the length of the chunk passed, in bytes
    error ChunkLengthMismatch(uint256 expected, uint256 actual);

    /// @notice Thrown when the Merkle proof does not have the length that index and count of the chunk require.
    /// @param expected the length required
    /// @param actual the length passed
    error ProofLengthMismatch(uint256 expected, uint256 actual);

    /// @notice Thrown when chunk and Merkle proof, or the plaintext, do not hash to the order's data root.
    /// @param expected the order's data root
    /// @param actual the root that was computed
    error CommitmentMismatch(bytes32 expected, bytes32 actual);

    /// @notice Thrown when the key opens the disputed chunk to its committed plaintext: the seller was honest.
    /// @param index the chunk
    error ChunkMatches(uint256 index);

    /// @notice Thrown when a batch has more than 64 calls.
    /// @param length the number of calls
    /// @param maximum the most calls of one batch
    error BatchTooLarge(uint256 length, uint256 maximum);

    /// @notice Thrown when the number of sealed digests is not the number of chunks.
    /// @param expected the number of chunks
    /// @param actual the number of sealed digests
    error LengthMismatch(uint256 expected, uint256 actual);

    /* MODELS */

    /// @notice Registers a model on `terms`, with `oracle` as the account whose quotes it accepts. Only `terms.owner`.
    /// @dev The contract assumes the following and cannot check it. Where an assumption does not hold, a party can lose
    /// money or data; `docs/security.md` names the party.
    ///
    /// The token
    /// - moves exactly the amount that it is asked to move: no fee on transfer, no rebasing. `fund`, `deposit` and
    ///   `bondOracle` refuse a transfer that is not exact; a fee or a rebase introduced later is the risk of the models
    ///   that use the token;
    /// - returns true or nothing from `transfer` and `transferFrom`, and reports its balances truly;
    /// - does not stop transfers of this contract. A seller whom it refuses is credited and can withdraw to another
    ///   account.
    ///
    /// A smart wallet (ERC-1271) as buyer, seller or oracle
    /// - binds what it signs to its own address, as Safe and ERC-7739 do. If it does not, a signature is valid for
    ///   every wallet of the same signers;
    /// - answers alike whenever it is asked about the same digest. A wallet that withdraws a signature can escape
    ///   `reportEquivocation`, and a wallet that withdraws a receipt makes `revealKey` revert while the key is public;
    /// - does not consume all gas when it is asked.
    ///
    /// The oracle
    /// - sees the seller's plaintext and key, and reveals them to nobody. The buyer names the oracle: the seller must
    ///   trust it;
    /// - quotes a fair price, which `maxPrice` and the budget bound;
    /// - quotes equal records once. An oracle that replaces another knows nothing of its quotes, unless it is given the
    ///   previous oracle's secret and ledger;
    /// - hands the sealed file to the buyer, unless `terms.requireReceipt` makes the seller wait for the buyer's
    ///   receipt.
    /// @param terms the terms; windows from 1 hour to 30 days, seller bond of at most 96 bits
    /// @param oracle the first oracle: neither address(0) nor address(1)
    /// @return modelId `modelIdOf(terms)`
    function registerModel(ModelTerms calldata terms, address oracle) external returns (bytes32 modelId);

    /// @notice Adds `amount` to the model's budget. In the native coin: send exactly `amount`. In an ERC-20 token: it
    /// is transferred from the sender, who must have approved it.
    /// @dev Warning: only the model's owner can withdraw the budget, also what another account paid in.
    /// @param terms the model's terms
    /// @param amount what to add
    function fund(ModelTerms calldata terms, uint256 amount) external payable;

    /// @notice `fund` with an ERC-2612 permit of the sender.
    /// @dev A permit that is invalid, or was used before, is ignored: the transfer needs the allowance and no more.
    /// @param terms the model's terms
    /// @param amount what to add, and the permit's value
    /// @param deadline last second of the permit
    /// @param v recovery id of the permit's signature
    /// @param r first half of the permit's signature
    /// @param s second half of the permit's signature
    function fundWithPermit(ModelTerms calldata terms, uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external;

    /// @notice Pays `amount` of the unspent budget to `to`. Only the model's owner.
    /// @dev Warning (sellers): the owner can withdraw between quote and `post`. The seller then keeps its data, and the
    /// one evaluation of its records is used.
    /// @param terms the model's terms
    /// @param amount what to withdraw
    /// @param to the receiver
    function withdraw(ModelTerms calldata terms, uint256 amount, address to) external;

    /// @notice Replaces the model's oracle. Only the model's owner. Quotes of the previous oracle are void at once.
    /// @dev Warning: final. A replaced oracle never returns to this model. Orders that are posted are not affected.
    /// @param terms the model's terms
    /// @param oracle the new oracle; address(0), or address(1), which stands for it, halts the model
    function setOracle(ModelTerms calldata terms, address oracle) external;

    /* BONDS AND CREDIT */

    /// @notice Adds `amount` to the sender's credit, from which `post` takes seller bonds. Paid as in `fund`.
    /// @param token the currency: an exact-transfer ERC-20 token, or address(0) for the native coin
    /// @param amount what to add
    function deposit(address token, uint256 amount) external payable;

    /// @notice Pays `amount` of the sender's credit to `to`.
    /// @param token the currency
    /// @param amount what to withdraw
    /// @param to the receiver
    function withdrawCredit(address token, uint256 amount, address to) external;

    /// @notice Adds `amount` to the bond of `oracle` for a model; anyone may pay. Paid as in `fund`.
    /// @dev Warning: the bond belongs to `oracle` from now on. A bond for a wrong address is lost to the payer.
    /// @param terms the model's terms
    /// @param oracle the oracle, whether or not it is the model's; neither address(0) nor address(1)
    /// @param amount what to add
    function bondOracle(ModelTerms calldata terms, address oracle, uint256 amount) external payable;

    /// @notice Starts the exit of the sender's bond: it unlocks after 7 days, in which equivocation can still be
    /// reported.
    /// @dev Warning: from now on the bond does not count. If the terms require a bond, no quote of the sender can be
    /// posted until it withdraws the bond and pays a new one.
    /// @param modelId the model
    function requestOracleBondExit(bytes32 modelId) external;

    /// @notice Credits the sender with its bond, once it is unlocked.
    /// @param terms the model's terms
    function withdrawOracleBond(ModelTerms calldata terms) external;

    /// @notice Proves that `oracle` signed two quotes for the same data and model that differ in price, seller or
    /// commitment: its bond goes to the model's budget.
    /// @dev Warning (oracles): two such signatures cost the bond, also for quotes that expired or were never posted.
    /// @param terms the model's terms
    /// @param oracle the accused
    /// @param quotes the two quotes
    /// @param signatures the oracle's signatures of their EIP-712 digests, in the same order
    function reportEquivocation(
        ModelTerms calldata terms,
        address oracle,
        Quote[2] calldata quotes,
        bytes[2] calldata signatures
    ) external;

    /* SALE */

    /// @notice Posts an order: locks the price from the model's budget and the seller bond from the seller's credit.
    /// @dev Warning (sellers): the pair has no other order, ever. An order that is not revealed in time is refunded,
    /// and the seller bond with it unless the terms require a receipt.
    /// @param terms the model's terms
    /// @param quote the quote of the model's current oracle
    /// @param oracleSignature the oracle's signature of `quoteDigest(quote)`
    /// @param keyHash `keccak256(abi.encode("assay/key/v1", orderId, key))`
    /// @param sellerSignature the signature by `quote.seller` of `acceptanceDigest(quoteDigest(quote), keyHash)`; may
    /// be empty if the seller sends the transaction
    /// @return orderId `orderIdOf(modelIdOf(terms), quote.contentId)`
    function post(
        ModelTerms calldata terms,
        Quote calldata quote,
        bytes calldata oracleSignature,
        bytes32 keyHash,
        bytes calldata sellerSignature
    ) external returns (bytes32 orderId);

    /// @notice Reveals the key of a locked order and starts the dispute window.
    /// @dev Warning (sellers): a key is public as soon as the transaction is sent. If it is mined after the deadline,
    /// or reverts, the buyer has the key and the order can be refunded: reveal well before the deadline, on a final
    /// order.
    /// @param order the order
    /// @param key the ChaCha20 key of the sealed file
    /// @param receipt the buyer's signature of `receiptDigest(orderDigest)`; ignored unless the order requires it, and
    /// may be empty if the buyer sends the transaction
    function revealKey(Order calldata order, bytes32 key, bytes calldata receipt) external;

    /// @notice Reveals the data of a locked order, checks it against the order's data root, and pays the seller at
    /// once.
    /// @dev Warning (sellers): calldata is public for ever; meant for small data that may be public.
    /// @param order the order
    /// @param chunkSize length of every chunk but the last, in bytes
    /// @param plaintext all chunks in plaintext, salts included
    /// @param sealedDigests SHA-256 of every sealed chunk, in order
    function revealData(
        Order calldata order,
        uint256 chunkSize,
        bytes calldata plaintext,
        bytes32[] calldata sealedDigests
    ) external;

    /// @notice Proves that the revealed key does not open one committed chunk to its committed plaintext: price and
    /// seller bond go to the model's budget.
    /// @dev Warning (buyers): possible within the dispute window alone.
    /// @param order the order
    /// @param key the revealed key
    /// @param proof the chunk that the key does not open
    function dispute(Order calldata order, bytes32 key, ChunkProof calldata proof) external;

    /// @notice Pays the seller of a locked or revealed order with the buyer's consent.
    /// @dev Warning (buyers): final. Sign an acknowledgement only on the word of an oracle that you trust to hold the
    /// key and to hand it over once this order is paid, or after the key has opened the file.
    /// @param order the order
    /// @param acknowledgement the buyer's signature of `acknowledgementDigest(orderDigest)`; may be empty if the buyer
    /// sends the transaction
    function settle(Order calldata order, bytes calldata acknowledgement) external;

    /// @notice Pays the seller of a revealed order after the dispute window.
    /// @param order the order
    function finalize(Order calldata order) external;

    /// @notice Returns the price of a locked order to the model's budget after the reveal window. The seller bond goes
    /// to the budget too, unless the order requires a receipt, which the buyer may have withheld: then the seller is
    /// credited.
    /// @dev Warning (sellers): anyone can refund from the first second after the reveal window.
    /// @param order the order
    function refund(Order calldata order) external;

    /// @notice Makes up to 64 calls of this contract in one transaction, with the same sender and without value.
    /// @dev Skips a call that reverts with `PairUsed`, or with `StatusMismatch` of an order that is revealed or closed:
    /// another transaction did the same, or more, before. So nobody can stop a batch by doing one of its calls first.
    /// Any other revert reverts the batch with the same error. The events say which calls were made.
    /// Warning (sellers): keys in a batch that reverts are public. A reveal that needs a wallet's receipt, or that is
    /// near its deadline, belongs in a transaction of its own.
    /// @param calls ABI-encoded calls, selector first
    function batch(bytes[] calldata calls) external;

    /* VIEWS */

    /// @notice The id of a model, whether or not it is registered.
    /// @param terms the model's terms
    /// @return `keccak256(abi.encode(chainId, address(this), terms))`
    function modelIdOf(ModelTerms calldata terms) external view returns (bytes32);

    /// @notice The id of the order of a (model, content) pair, whether or not it is posted.
    /// @param modelId the model
    /// @param contentId the data
    /// @return `keccak256(abi.encode(modelId, contentId))`
    function orderIdOf(bytes32 modelId, bytes32 contentId) external pure returns (bytes32);

    /// @notice What an oracle signs: the EIP-712 digest of a quote.
    /// @param quote the quote
    /// @return the digest of `Quote(...)`, with the fields of `Quote` in order
    function quoteDigest(Quote calldata quote) external view returns (bytes32);

    /// @notice What a seller signs: the EIP-712 digest of the acceptance of a quote.
    /// @param quoteDigest_ `quoteDigest(quote)`
    /// @param keyHash the key hash that the order will have
    /// @return the digest of `Acceptance(bytes32 quoteDigest,bytes32 keyHash)`
    function acceptanceDigest(bytes32 quoteDigest_, bytes32 keyHash) external view returns (bytes32);

    /// @notice What a buyer signs who has received the sealed file: the EIP-712 digest of the receipt of an order.
    /// @param orderDigest `keccak256(abi.encode(order))`
    /// @return the digest of `Receipt(bytes32 orderDigest)`
    function receiptDigest(bytes32 orderDigest) external view returns (bytes32);

    /// @notice What a buyer signs to pay: the EIP-712 digest of the acknowledgement of an order.
    /// @param orderDigest `keccak256(abi.encode(order))`
    /// @return the digest of `Acknowledgement(bytes32 orderDigest)`
    function acknowledgementDigest(bytes32 orderDigest) external view returns (bytes32);

    /// @notice The EIP-712 domain separator: name "Assay", version "1", this chain and this contract.
    /// @return the separator, computed for the current chain id
    function domainSeparator() external view returns (bytes32);

    /// @notice The state of a model.
    /// @param modelId the model
    /// @return oracle the account whose quotes it accepts; address(0) if it accepts none
    /// @return budget unspent money, locked prices left out
    /// @return registered whether it is registered
    function modelState(bytes32 modelId) external view returns (address oracle, uint256 budget, bool registered);

    /// @notice The state of an order.
    /// @param orderId the order
    /// @return status `None` if it is not posted
    /// @return deadline last second of the reveal window (`Locked`) or of the dispute window (`Revealed`); 0 otherwise
    /// @return digest low 208 bits of `keccak256(abi.encode(order))`; 0 if it is not posted
    function orderState(bytes32 orderId) external view returns (Status status, uint256 deadline, uint256 digest);

    /// @notice The credit of an account.
    /// @param token the currency
    /// @param account the account
    /// @return what it can withdraw, or lock as seller bonds
    function creditOf(address token, address account) external view returns (uint256);

    /// @notice The bond and standing of an oracle for a model.
    /// @param modelId the model
    /// @param oracle the oracle
    /// @return bond its bond
    /// @return unlocksAt last second in which the bond is locked; 0 if no exit was requested
    /// @return revoked whether it was replaced as the model's oracle, which is final
    function oracleState(bytes32 modelId, address oracle)
        external
        view
        returns (uint256 bond, uint256 unlocksAt, bool revoked);
}
