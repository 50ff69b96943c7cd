// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice What a model owner offers, fixed at registration. `modelId = keccak256(abi.encode(chainId, contract, terms))`.
/// @param owner the buyer: funds the model, receives refunds, bonds and unspent budget
/// @param token the currency of the model: an exact-transfer ERC-20, or address(0) for the native coin
/// @param functionHash SHA-256 of the price function's artifact, so that a quote names the function that made it
/// @param deliveryKey X25519 public key that sealed files are enveloped to
/// @param maxPrice highest price of one quote, in base units of the token
/// @param sellerBond bond a seller locks with each order, in base units; 0 for none
/// @param oracleBond bond the oracle must hold for this model while it quotes, in base units; 0 for none
/// @param revealWindow seconds the seller has to reveal after the order is posted
/// @param disputeWindow seconds the buyer has to dispute after the key is revealed
/// @param requireReceipt whether revealing a key needs the buyer's signed receipt of the sealed file
/// @param salt lets one owner register the same offer more than once
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

/// @notice The oracle's signed statement of what one data set is worth to one model.
/// @param modelId the model that was priced for
/// @param contentId the oracle's keyed digest of the canonical records: equal for the same records however they are
/// salted, ordered or formatted
/// @param seller who is paid
/// @param dataRoot commitment to every chunk in plaintext and in sealed form, see `SealedData`
/// @param price in base units of the model's token
/// @param expiry last second at which the quote can be posted, unix time
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

/// @notice Everything a later step of a sale needs: of the terms, of the quote, and the key hash. Only its truncated
/// digest is stored; it is handed back as calldata.
/// @param keyHash `keccak256(abi.encode("assay/key/v1", orderId, key))`
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

/// @notice One sealed chunk and its place in the commitment.
/// @param totalBytes length of all sealed chunks together
/// @param chunkSize length of every chunk but the last: a power of two from 1,024 to 16,384
/// @param index position of the chunk, from 0
/// @param plainDigest committed SHA-256 of the chunk's plaintext (salt and data)
/// @param sealedChunk the chunk's ciphertext
/// @param path siblings from the leaf upwards
struct ChunkProof {
    uint256 totalBytes;
    uint256 chunkSize;
    uint256 index;
    bytes32 plainDigest;
    bytes sealedChunk;
    bytes32[] path;
}

/// @notice Life of a (model, content) pair. No path leads back to `None`: a pair is evaluated and sold at most once.
enum Status {
    None,
    Locked,
    Revealed,
    Paid,
    Disputed,
    Refunded
}

/// @title Settlement of data sales that were priced by a surrogate of the buyer's model
/// @notice Immutable, without owner or upgrade. Whoever sends a transaction gains nothing by it: payees are fixed by
/// the order, so every call but those of the model's owner, of a credited account and of an oracle that takes its bond out may be
/// relayed by anyone. A seller or buyer who sends the transaction consents by that, and its own signature may be empty.
/// @dev A deadline's last second still allows the action it bounds; the time-out opens one second later.
interface ISettlement {
    /* EVENTS */

    event ModelRegistered(bytes32 indexed modelId, address indexed owner, address oracle, ModelTerms terms);
    event ModelFunded(bytes32 indexed modelId, address indexed from, uint256 amount);
    event ModelWithdrawn(bytes32 indexed modelId, address indexed to, uint256 amount);
    /// @dev `oracle` is address(0) while the model accepts no quotes
    event OracleChanged(bytes32 indexed modelId, address indexed previousOracle, address indexed oracle);
    event OracleBonded(bytes32 indexed modelId, address indexed oracle, uint256 amount);
    event OracleBondExitRequested(bytes32 indexed modelId, address indexed oracle, uint256 unlocksAt);
    event OracleBondWithdrawn(bytes32 indexed modelId, address indexed oracle, uint256 amount);
    event OracleSlashed(bytes32 indexed modelId, bytes32 indexed contentId, address indexed oracle, uint256 amount);
    /// @dev with the model's terms, all of the order
    event OrderPosted(
        bytes32 indexed orderId,
        bytes32 indexed modelId,
        address indexed seller,
        bytes32 contentId,
        uint256 price,
        bytes32 dataRoot,
        bytes32 keyHash
    );
    event KeyRevealed(bytes32 indexed orderId, bytes32 key);
    event DataRevealed(bytes32 indexed orderId);
    event OrderPaid(bytes32 indexed orderId, address indexed seller, uint256 amount);
    event OrderDisputed(bytes32 indexed orderId, uint256 index);
    event OrderRefunded(bytes32 indexed orderId);
    event Credited(address indexed token, address indexed account, uint256 amount);
    event CreditWithdrawn(address indexed token, address indexed account, address indexed to, uint256 amount);

    /* ERRORS */

    error ModelExists(bytes32 modelId);
    error ModelUnknown(bytes32 modelId);
    error ModelMismatch(bytes32 expected, bytes32 actual);
    error ModelHalted(bytes32 modelId);
    error CallerNotOwner(address expected, address actual);
    error WindowOutOfBounds(uint256 window, uint256 minimum, uint256 maximum);
    error ZeroAmount();
    error ZeroAddress();
    error ValueMismatch(uint256 expected, uint256 actual);
    error TokenNotContract(address token);
    error TokenNotExact(address token, uint256 expected, uint256 received);
    error AmountTooLarge(uint256 amount, uint256 maximum);
    error BudgetTooSmall(uint256 required, uint256 available);
    error CreditTooSmall(uint256 required, uint256 available);
    error TransferFailed(address token, address to, uint256 amount);
    error GasTooLow(uint256 required, uint256 available);
    error OracleUnchanged(address oracle);
    error OracleRevoked(address oracle);
    error OracleBondTooSmall(uint256 required, uint256 available);
    /// @dev `unlocksAt` is 0 where no exit was requested
    error OracleBondLocked(uint256 unlocksAt);
    error OracleBondExiting(uint256 unlocksAt);
    error NotEquivocation();
    error QuoteExpired(uint256 expiry);
    error QuoteSignatureInvalid(address oracle);
    error AcceptanceSignatureInvalid(address seller);
    error BuyerSignatureInvalid(address buyer);
    error PriceOutOfBounds(uint256 price, uint256 maximum);
    error PairUsed(bytes32 orderId, Status status);
    error OrderMismatch(bytes32 orderId);
    error StatusMismatch(bytes32 orderId, Status actual);
    error DeadlinePassed(uint256 deadline);
    error DeadlineNotPassed(uint256 deadline);
    error KeyMismatch(bytes32 orderId);
    error LayoutInvalid(uint256 totalBytes, uint256 chunkSize);
    error ChunkIndexOutOfBounds(uint256 index, uint256 count);
    error ChunkLengthMismatch(uint256 expected, uint256 actual);
    error ProofLengthMismatch(uint256 expected, uint256 actual);
    error CommitmentMismatch(bytes32 expected, bytes32 actual);
    error ChunkMatches(uint256 index);
    error BatchTooLarge(uint256 length, uint256 maximum);
    error LengthMismatch(uint256 expected, uint256 actual);

    /* MODELS */

    /// @notice Registers `terms` under `modelIdOf(terms)`; only `terms.owner`. `oracle` may sign quotes for it.
    function registerModel(ModelTerms calldata terms, address oracle) external returns (bytes32 modelId);
    /// @notice Adds `amount` to the model's budget. Native: send exactly `amount`. ERC-20: pulled from the caller.
    function fund(ModelTerms calldata terms, uint256 amount) external payable;
    /// @notice `fund` with an ERC-2612 permit of the caller; a permit already used by a front-runner does no harm.
    function fundWithPermit(ModelTerms calldata terms, uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external;
    /// @notice Takes `amount` of the unspent budget out, to `to`; only the model's owner.
    function withdraw(ModelTerms calldata terms, uint256 amount, address to) external;
    /// @notice Replaces the oracle; only the model's owner. Quotes of the previous oracle stop working at once and for
    /// good: a replaced oracle can never come back for this model. address(0) halts the model, as does address(1), which
    /// stands for it.
    function setOracle(ModelTerms calldata terms, address oracle) external;

    /* BONDS AND CREDIT */

    /// @notice Adds to the caller's credit in `token`, from which seller bonds are taken.
    function deposit(address token, uint256 amount) external payable;
    /// @notice Pays `amount` of the caller's credit to `to`.
    function withdrawCredit(address token, uint256 amount, address to) external;
    /// @notice Adds to the bond of `oracle` for this model; anyone may pay.
    function bondOracle(ModelTerms calldata terms, address oracle, uint256 amount) external payable;
    /// @notice Starts the exit of the caller's bond: from now on it does not count, and unlocks after seven days (`BOND_EXIT_DELAY`).
    function requestOracleBondExit(bytes32 modelId) external;
    /// @notice Credits the caller with its unlocked bond.
    function withdrawOracleBond(ModelTerms calldata terms) external;
    /// @notice Proves that `oracle` signed two quotes for one pair that differ in price, seller or commitment; its bond
    /// goes to the model's budget.
    function reportEquivocation(
        ModelTerms calldata terms,
        address oracle,
        Quote[2] calldata quotes,
        bytes[2] calldata signatures
    ) external;

    /* SALE */

    /// @notice Locks the payment for a quote of the model's oracle that its seller accepted, and uses the pair up.
    /// @param oracleSignature over the quote's EIP-712 digest
    /// @param sellerSignature of `quote.seller`, over `Acceptance(quoteDigest, keyHash)`
    function post(
        ModelTerms calldata terms,
        Quote calldata quote,
        bytes calldata oracleSignature,
        bytes32 keyHash,
        bytes calldata sellerSignature
    ) external returns (bytes32 orderId);
    /// @notice Reveals the key of a locked order; starts the dispute window.
    /// @param receipt the buyer's signature over `Receipt(orderDigest)`; empty unless the order requires it
    function revealKey(Order calldata order, bytes32 key, bytes calldata receipt) external;
    /// @notice Reveals the data itself, checked against the commitment on chain, and pays the seller at once.
    /// @dev Warning: calldata is public for ever. For small data that may be.
    /// @param plaintext all chunks in plaintext, salts included
    /// @param sealedDigests SHA-256 of every sealed chunk, in order
    function revealData(
        Order calldata order,
        uint256 chunkSize,
        bytes calldata plaintext,
        bytes32[] calldata sealedDigests
    ) external;
    /// @notice Proves that the revealed key does not open one committed chunk to its committed plaintext; the payment
    /// and the seller's bond go to the model's budget.
    function dispute(Order calldata order, bytes32 key, ChunkProof calldata proof) external;
    /// @notice Pays the seller with the buyer's consent, whether or not the key went on chain.
    /// @param acknowledgement the buyer's signature over `Acknowledgement(orderDigest)`
    function settle(Order calldata order, bytes calldata acknowledgement) external;
    /// @notice Pays the seller of a revealed order once the dispute window has passed.
    function finalize(Order calldata order) external;
    /// @notice Returns the payment to the model's budget once the reveal window has passed in silence. The seller's bond
    /// goes with it, unless the order requires a receipt (then the silence may be the buyer's).
    function refund(Order calldata order) external;
    /// @notice Up to `MAX_BATCH` calls of this contract in one transaction, on behalf of its sender, without value.
    /// Passes over steps of orders that another transaction took first (`StatusMismatch` of an order that is past them,
    /// `PairUsed`, be it by another quote), so that nobody can stop a batch by taking one of them; anything else reverts
    /// the whole with its own error. What was done shows in the events.
    /// @param calls ABI-encoded, selector first
    function batch(bytes[] calldata calls) external;

    /* VIEWS */

    function modelIdOf(ModelTerms calldata terms) external view returns (bytes32);
    function orderIdOf(bytes32 modelId, bytes32 contentId) external pure returns (bytes32);
    function quoteDigest(Quote calldata quote) external view returns (bytes32);
    function acceptanceDigest(bytes32 quoteDigest_, bytes32 keyHash) external view returns (bytes32);
    function receiptDigest(bytes32 orderDigest) external view returns (bytes32);
    function acknowledgementDigest(bytes32 orderDigest) external view returns (bytes32);
    function domainSeparator() external view returns (bytes32);
    function modelState(bytes32 modelId) external view returns (address oracle, uint256 budget, bool registered);
    function orderState(bytes32 orderId) external view returns (Status status, uint256 deadline, uint256 digest);
    function creditOf(address token, address account) external view returns (uint256);
    /// @return bond what `oracle` holds for the model, in base units
    /// @return unlocksAt last second in which it cannot be taken out, unix time; 0 while no exit was requested
    /// @return revoked whether the oracle was replaced, for good
    function oracleState(bytes32 modelId, address oracle)
        external
        view
        returns (uint256 bond, uint256 unlocksAt, bool revoked);
}
