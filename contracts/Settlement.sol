// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";

import {ChunkProof, ISettlement, ModelTerms, Order, Quote, Status} from "./interfaces/ISettlement.sol";
import {ChaCha20} from "./libraries/ChaCha20.sol";
import {
    BOND_EXIT_DELAY,
    HALTED,
    MAX_BATCH,
    MAX_WINDOW,
    MIN_WINDOW,
    NATIVE_TOKEN,
    PUSH_GAS,
    PUSH_RESERVE
} from "./libraries/Constants.sol";
import {QuoteHash} from "./libraries/QuoteHash.sol";
import {SealedData} from "./libraries/SealedData.sol";

/// @title Settlement
/// @dev Terms and orders come back as calldata and are checked against their digests, so that a model and an order take
/// one storage slot each. Nothing guards against reentrancy but the order of things: what a function writes and emits
/// comes after the calls that only ask (static ones, and a permit) and before those that move money.
contract Settlement is ISettlement {
    using SafeERC20 for IERC20;

    /// @dev `oracle` is zero for an unknown model and `HALTED` while a model accepts no quotes.
    struct Model {
        address oracle;
        uint96 budget;
    }

    /// @dev In a struct, so that one pointer serves to read and to write.
    struct Credit {
        uint256 amount;
    }

    /// @dev What an oracle staked for a model, and whether it was replaced. `unlocksAt` is zero while no exit was requested.
    struct Standing {
        uint96 bond;
        uint40 unlocksAt;
        bool revoked;
    }

    mapping(bytes32 modelId => Model) private models;
    /// @dev `status << 248 | deadline << 208 | low 208 bits of the order digest`.
    mapping(bytes32 orderId => uint256) private orders;
    mapping(address token => mapping(address account => Credit)) private credits;
    /// @dev By `_standingOf`, through whose result they are written.
    // slither-disable-next-line uninitialized-state
    mapping(bytes32 id => Standing) private standings;

    /* MODELS */

    /// @inheritdoc ISettlement
    function registerModel(ModelTerms calldata terms, address oracle) external returns (bytes32 modelId) {
        _checkOwner(terms);
        _checkOracle(oracle);
        _checkWindow(terms.revealWindow);
        _checkWindow(terms.disputeWindow);
        if (terms.sellerBond > type(uint96).max) revert AmountTooLarge(terms.sellerBond, type(uint96).max);

        modelId = modelIdOf(terms);
        Model storage model = models[modelId];
        if (model.oracle != address(0)) revert ModelExists(modelId);

        model.oracle = oracle;

        emit ModelRegistered(modelId, terms.owner, oracle, terms);
    }

    /// @inheritdoc ISettlement
    function fund(ModelTerms calldata terms, uint256 amount) public payable {
        bytes32 modelId = modelIdOf(terms);
        Model storage model = _knownModel(modelId);

        model.budget = _increased(model.budget, amount);

        emit ModelFunded(modelId, msg.sender, amount);

        _pull(terms.token, amount);
    }

    /// @inheritdoc ISettlement
    function fundWithPermit(ModelTerms calldata terms, uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
    {
        address token = terms.token;
        bytes memory permit =
            abi.encodeCall(IERC20Permit.permit, (msg.sender, address(this), amount, deadline, v, r, s));
        // A permit that a front-runner has used already is refused here, but has left the allowance that `fund` needs.
        assembly ("memory-safe") {
            pop(call(gas(), token, 0, add(permit, 0x20), mload(permit), 0, 0))
        }

        fund(terms, amount);
    }

    /// @inheritdoc ISettlement
    function withdraw(ModelTerms calldata terms, uint256 amount, address to) external {
        _checkOwner(terms);
        bytes32 modelId = modelIdOf(terms);
        _spend(_knownModel(modelId), amount);

        emit ModelWithdrawn(modelId, to, amount);

        _transfer(terms.token, to, amount);
    }

    /// @inheritdoc ISettlement
    function setOracle(ModelTerms calldata terms, address oracle) external {
        _checkOwner(terms);
        bytes32 modelId = modelIdOf(terms);
        Model storage model = _knownModel(modelId);
        address previous = model.oracle;
        address next = oracle == address(0) ? HALTED : oracle;
        if (next == previous) revert OracleUnchanged(oracle);
        if (_standingOf(modelId, next).revoked) revert OracleRevoked(oracle);

        if (previous != HALTED) _standingOf(modelId, previous).revoked = true;
        model.oracle = next;

        emit OracleChanged(modelId, _shown(previous), _shown(next));
    }

    /* BONDS AND CREDIT */

    /// @inheritdoc ISettlement
    function deposit(address token, uint256 amount) external payable {
        _credit(token, msg.sender, amount);

        _pull(token, amount);
    }

    /// @inheritdoc ISettlement
    function withdrawCredit(address token, uint256 amount, address to) external {
        _debit(token, msg.sender, amount);

        emit CreditWithdrawn(token, msg.sender, to, amount);

        _transfer(token, to, amount);
    }

    /// @inheritdoc ISettlement
    function bondOracle(ModelTerms calldata terms, address oracle, uint256 amount) external payable {
        _checkOracle(oracle);
        bytes32 modelId = modelIdOf(terms);
        _knownModel(modelId);
        Standing storage standing = _standingOf(modelId, oracle);

        standing.bond = _increased(_staying(standing), amount);

        emit OracleBonded(modelId, oracle, amount);

        _pull(terms.token, amount);
    }

    /// @inheritdoc ISettlement
    function requestOracleBondExit(bytes32 modelId) external {
        Standing storage standing = _standingOf(modelId, msg.sender);
        _checkStaked(_staying(standing));
        uint256 unlocksAt;
        unchecked {
            unlocksAt = block.timestamp + BOND_EXIT_DELAY;
        }

        standing.unlocksAt = uint40(unlocksAt);

        emit OracleBondExitRequested(modelId, msg.sender, unlocksAt);
    }

    /// @inheritdoc ISettlement
    function withdrawOracleBond(ModelTerms calldata terms) external {
        bytes32 modelId = modelIdOf(terms);
        Standing storage standing = _standingOf(modelId, msg.sender);
        uint256 unlocksAt = standing.unlocksAt;
        uint256 bond = _takeBond(standing);
        if (unlocksAt == 0 || block.timestamp <= unlocksAt) revert OracleBondLocked(unlocksAt);
        _credit(terms.token, msg.sender, bond);

        emit OracleBondWithdrawn(modelId, msg.sender, bond);
    }

    /// @inheritdoc ISettlement
    function reportEquivocation(
        ModelTerms calldata terms,
        address oracle,
        Quote[2] calldata quotes,
        bytes[2] calldata signatures
    ) external {
        bytes32 modelId = modelIdOf(terms);
        bytes32 contentId = quotes[0].contentId;
        if (contentId != quotes[1].contentId || QuoteHash.hashOffer(quotes[0]) == QuoteHash.hashOffer(quotes[1])) {
            revert NotEquivocation();
        }
        for (uint256 i = 0; i < 2; i++) {
            _checkQuote(quotes[i], modelId, oracle, signatures[i]);
        }

        uint256 bond = _takeBond(_standingOf(modelId, oracle));
        _toBudget(modelId, terms.owner, terms.token, bond);

        emit OracleSlashed(modelId, contentId, oracle, bond);
    }

    /* SALE */

    /// @inheritdoc ISettlement
    function post(
        ModelTerms calldata terms,
        Quote calldata quote,
        bytes calldata oracleSignature,
        bytes32 keyHash,
        bytes calldata sellerSignature
    ) external returns (bytes32 orderId) {
        bytes32 modelId = modelIdOf(terms);
        if (block.timestamp > quote.expiry) revert QuoteExpired(quote.expiry);
        if (quote.price == 0 || quote.price > terms.maxPrice) revert PriceOutOfBounds(quote.price, terms.maxPrice);
        orderId = orderIdOf(modelId, quote.contentId);
        uint256 state = orders[orderId];
        if (state != 0) revert PairUsed(orderId, _statusOf(state));
        Model storage model = _knownModel(modelId);
        address oracle = model.oracle;
        if (oracle == HALTED) revert ModelHalted(modelId);
        if (terms.oracleBond > 0) {
            uint256 bond = _staying(_standingOf(modelId, oracle));
            if (bond < terms.oracleBond) revert OracleBondTooSmall(terms.oracleBond, bond);
        }
        bytes32 digest = _checkQuote(quote, modelId, oracle, oracleSignature);
        if (!_consents(quote.seller, acceptanceDigest(digest, keyHash), sellerSignature)) {
            revert AcceptanceSignatureInvalid(quote.seller);
        }

        _lock(orderId, terms, quote, keyHash);
        _spend(model, quote.price);
        if (terms.sellerBond > 0) _debit(terms.token, quote.seller, terms.sellerBond);
    }

    /// @inheritdoc ISettlement
    function revealKey(Order calldata order, bytes32 key, bytes calldata receipt) public {
        (bytes32 orderId, bytes32 digest, uint256 state) = _read(order);
        _checkStatus(orderId, state, Status.Locked);
        _checkInTime(state);
        _checkKey(orderId, order, key);
        if (order.requireReceipt) _checkBuyer(order.buyer, receiptDigest(digest), receipt);

        unchecked {
            orders[orderId] = _pack(Status.Revealed, block.timestamp + order.disputeWindow, digest);
        }

        emit KeyRevealed(orderId, key);
    }

    /// @inheritdoc ISettlement
    function revealData(
        Order calldata order,
        uint256 chunkSize,
        bytes calldata plaintext,
        bytes32[] calldata sealedDigests
    ) external {
        (bytes32 orderId, bytes32 digest, uint256 state) = _read(order);
        _checkStatus(orderId, state, Status.Locked);
        _checkInTime(state);
        uint256 count = SealedData.countChunks(plaintext.length, chunkSize);
        if (sealedDigests.length != count) revert LengthMismatch(count, sealedDigests.length);
        bytes32 top = SealedData.topOf(plaintext, chunkSize, sealedDigests, 0, count);
        _checkRoot(order, plaintext.length, chunkSize, top);

        emit DataRevealed(orderId);

        _pay(orderId, digest, order);
    }

    /// @inheritdoc ISettlement
    function dispute(Order calldata order, bytes32 key, ChunkProof calldata proof) external {
        (bytes32 orderId, bytes32 digest, uint256 state) = _read(order);
        _checkStatus(orderId, state, Status.Revealed);
        _checkInTime(state);
        _checkKey(orderId, order, key);
        bytes calldata sealedChunk = proof.sealedChunk;
        _checkChunk(order, proof, sealedChunk);
        _checkMismatch(key, proof, sealedChunk);

        orders[orderId] = _pack(Status.Disputed, 0, digest);
        _toBudget(order.modelId, order.buyer, order.token, _stake(order));

        emit OrderDisputed(orderId, proof.index);
    }

    /// @inheritdoc ISettlement
    function settle(Order calldata order, bytes calldata acknowledgement) external {
        (bytes32 orderId, bytes32 digest, uint256 state) = _read(order);
        if (!_is(state, Status.Revealed)) _checkStatus(orderId, state, Status.Locked);
        _checkBuyer(order.buyer, acknowledgementDigest(digest), acknowledgement);

        _pay(orderId, digest, order);
    }

    /// @inheritdoc ISettlement
    function finalize(Order calldata order) public {
        (bytes32 orderId, bytes32 digest, uint256 state) = _read(order);
        _checkStatus(orderId, state, Status.Revealed);
        _checkTimedOut(state);

        _pay(orderId, digest, order);
    }

    /// @inheritdoc ISettlement
    function refund(Order calldata order) external {
        (bytes32 orderId, bytes32 digest, uint256 state) = _read(order);
        _checkStatus(orderId, state, Status.Locked);
        _checkTimedOut(state);

        orders[orderId] = _pack(Status.Refunded, 0, digest);
        uint256 amount = _stake(order);
        if (order.requireReceipt) {
            amount = order.price;
            if (order.sellerBond > 0) _credit(order.token, order.seller, order.sellerBond);
        }
        _toBudget(order.modelId, order.buyer, order.token, amount);

        emit OrderRefunded(orderId);
    }

    /// @inheritdoc ISettlement
    function batch(bytes[] calldata calls) external {
        if (calls.length > MAX_BATCH) revert BatchTooLarge(calls.length, MAX_BATCH);

        for (uint256 i = 0; i < calls.length; i++) {
            bytes calldata step = calls[i];
            bool success;
            // To this very code, with the sender kept; no value comes along that two calls could both count.
            assembly ("memory-safe") {
                let copy := mload(0x40)
                calldatacopy(copy, step.offset, step.length)
                success := delegatecall(gas(), address(), copy, step.length, 0, 0)
            }
            if (success || _isPast()) continue;
            assembly ("memory-safe") {
                let reason := mload(0x40)
                returndatacopy(reason, 0, returndatasize())
                revert(reason, returndatasize())
            }
        }
    }

    /* VIEWS */

    /// @inheritdoc ISettlement
    function modelIdOf(ModelTerms calldata terms) public view returns (bytes32) {
        return QuoteHash.hashTerms(block.chainid, address(this), terms);
    }

    /// @inheritdoc ISettlement
    function orderIdOf(bytes32 modelId, bytes32 contentId) public pure returns (bytes32) {
        return Hashes.efficientKeccak256(modelId, contentId);
    }

    /// @inheritdoc ISettlement
    function quoteDigest(Quote calldata quote) public view returns (bytes32) {
        return _typedDigest(QuoteHash.hashQuote(quote));
    }

    /// @inheritdoc ISettlement
    function acceptanceDigest(bytes32 quoteDigest_, bytes32 keyHash) public view returns (bytes32) {
        return _typedDigest(QuoteHash.hashAcceptance(quoteDigest_, keyHash));
    }

    /// @inheritdoc ISettlement
    function receiptDigest(bytes32 orderDigest) public view returns (bytes32) {
        return _typedDigest(QuoteHash.hashReceipt(orderDigest));
    }

    /// @inheritdoc ISettlement
    function acknowledgementDigest(bytes32 orderDigest) public view returns (bytes32) {
        return _typedDigest(QuoteHash.hashAcknowledgement(orderDigest));
    }

    /// @inheritdoc ISettlement
    function domainSeparator() public view returns (bytes32) {
        return QuoteHash.hashDomain(block.chainid, address(this));
    }

    /// @inheritdoc ISettlement
    function modelState(bytes32 modelId) external view returns (address oracle, uint256 budget, bool registered) {
        Model storage model = models[modelId];
        oracle = model.oracle;
        return (_shown(oracle), model.budget, oracle != address(0));
    }

    /// @inheritdoc ISettlement
    function orderState(bytes32 orderId) external view returns (Status status, uint256 deadline, uint256 digest) {
        uint256 state = orders[orderId];
        return (_statusOf(state), _deadlineOf(state), uint208(state));
    }

    /// @inheritdoc ISettlement
    function creditOf(address token, address account) external view returns (uint256) {
        return credits[token][account].amount;
    }

    /// @inheritdoc ISettlement
    function oracleState(bytes32 modelId, address oracle)
        external
        view
        returns (uint256 bond, uint256 unlocksAt, bool revoked)
    {
        Standing storage standing = _standingOf(modelId, oracle);
        return (standing.bond, standing.unlocksAt, standing.revoked);
    }

    /* EVIDENCE */

    /// @dev Accepts or refuses a quote: the one place that decides what counts as evidence for a price. A signature
    /// always, even of an oracle that sends the transaction: what was posted must serve to prove equivocation.
    function _checkQuote(Quote calldata quote, bytes32 modelId, address oracle, bytes calldata signature)
        private
        view
        returns (bytes32 digest)
    {
        if (quote.modelId != modelId) revert ModelMismatch(modelId, quote.modelId);
        digest = quoteDigest(quote);
        if (!_signed(oracle, digest, signature)) revert QuoteSignatureInvalid(oracle);
    }

    function _checkBuyer(address buyer, bytes32 digest, bytes calldata signature) private view {
        if (!_consents(buyer, digest, signature)) revert BuyerSignatureInvalid(buyer);
    }

    /// @dev Whoever sends the transaction has consented by it.
    function _consents(address account, bytes32 digest, bytes calldata signature) private view returns (bool) {
        return msg.sender == account || _signed(account, digest, signature);
    }

    /// @dev ECDSA first: accounts with code may still have a key (EIP-7702). Malleable (high-s) signatures are refused.
    function _signed(address signer, bytes32 digest, bytes calldata signature) private view returns (bool valid) {
        if (signature.length == 65 && signer != address(0)) {
            bytes32 r;
            bytes32 s;
            uint8 v;
            assembly ("memory-safe") {
                r := calldataload(signature.offset)
                s := calldataload(add(signature.offset, 0x20))
                v := byte(0, calldataload(add(signature.offset, 0x40)))
            }
            // The other values only say more about a problem.
            // slither-disable-next-line unused-return
            (address recovered,,) = ECDSA.tryRecover(digest, v, r, s);
            if (recovered == signer) return true;
        }
        bytes memory question = abi.encodeCall(IERC1271.isValidSignature, (digest, signature));
        bytes32 yes = IERC1271.isValidSignature.selector;
        // One word of the answer, however long it is. Only accounts with code are asked: a precompile burns all gas.
        assembly ("memory-safe") {
            if extcodesize(signer) {
                valid := staticcall(gas(), signer, add(question, 0x20), mload(question), 0, 0x20)
                valid := and(valid, and(gt(returndatasize(), 0x1f), eq(mload(0), yes)))
            }
        }
    }

    function _typedDigest(bytes32 structHash) private view returns (bytes32) {
        return MessageHashUtils.toTypedDataHash(domainSeparator(), structHash);
    }

    /* ORDERS */

    function _lock(bytes32 orderId, ModelTerms calldata terms, Quote calldata quote, bytes32 keyHash) private {
        Order memory order = Order({
            modelId: quote.modelId,
            contentId: quote.contentId,
            buyer: terms.owner,
            seller: quote.seller,
            token: terms.token,
            price: quote.price,
            sellerBond: terms.sellerBond,
            disputeWindow: terms.disputeWindow,
            requireReceipt: terms.requireReceipt,
            dataRoot: quote.dataRoot,
            keyHash: keyHash
        });

        unchecked {
            orders[orderId] = _pack(Status.Locked, block.timestamp + terms.revealWindow, QuoteHash.hashNewOrder(order));
        }

        emit OrderPosted(orderId, quote.modelId, quote.seller, quote.contentId, quote.price, quote.dataRoot, keyHash);
    }

    /// @dev Finds the state of `order` and checks that it is the one that was posted.
    function _read(Order calldata order) private view returns (bytes32 orderId, bytes32 digest, uint256 state) {
        orderId = orderIdOf(order.modelId, order.contentId);
        digest = QuoteHash.hashOrder(order);
        state = orders[orderId];
        if (uint208(state) != uint208(uint256(digest))) revert OrderMismatch(orderId);
    }

    function _pack(Status status, uint256 deadline, bytes32 digest) private pure returns (uint256) {
        return (uint256(status) << 248) | (deadline << 208) | uint208(uint256(digest));
    }

    function _statusOf(uint256 state) private pure returns (Status status) {
        assembly ("memory-safe") {
            status := shr(248, state)
        }
    }

    function _is(uint256 state, Status status) private pure returns (bool) {
        return state >> 248 == uint256(status);
    }

    /// @dev Whether the call that just came back was refused because its step, or a later one, was taken before.
    function _isPast() private pure returns (bool) {
        uint256 selector;
        uint256 status;
        assembly ("memory-safe") {
            if eq(returndatasize(), 68) {
                let reason := mload(0x40)
                returndatacopy(reason, 0, 68)
                selector := shr(224, mload(reason))
                status := mload(add(reason, 0x24))
            }
        }
        return selector == uint32(PairUsed.selector)
            || (selector == uint32(StatusMismatch.selector) && status > uint256(Status.Locked));
    }

    function _deadlineOf(uint256 state) private pure returns (uint256) {
        return uint40(state >> 208);
    }

    function _checkStatus(bytes32 orderId, uint256 state, Status expected) private pure {
        if (!_is(state, expected)) revert StatusMismatch(orderId, _statusOf(state));
    }

    function _checkInTime(uint256 state) private view {
        if (block.timestamp > _deadlineOf(state)) revert DeadlinePassed(_deadlineOf(state));
    }

    function _checkTimedOut(uint256 state) private view {
        if (block.timestamp <= _deadlineOf(state)) revert DeadlineNotPassed(_deadlineOf(state));
    }

    function _checkKey(bytes32 orderId, Order calldata order, bytes32 key) private pure {
        if (QuoteHash.hashKey(orderId, key) != order.keyHash) revert KeyMismatch(orderId);
    }

    /// @dev Price and bond of an order that was posted: each fits 96 bits.
    function _stake(Order calldata order) private pure returns (uint256) {
        unchecked {
            return order.price + order.sellerBond;
        }
    }

    /* COMMITMENTS */

    function _checkRoot(Order calldata order, uint256 totalBytes, uint256 chunkSize, bytes32 top) private view {
        bytes32 root = SealedData.hashRoot(totalBytes, chunkSize, top);
        if (root != order.dataRoot) revert CommitmentMismatch(order.dataRoot, root);
    }

    /// @dev Checks that the chunk, its committed plaintext digest and its place are those of the order's data.
    function _checkChunk(Order calldata order, ChunkProof calldata proof, bytes calldata sealedChunk) private view {
        uint256 count = SealedData.countChunks(proof.totalBytes, proof.chunkSize);
        if (proof.index >= count) revert ChunkIndexOutOfBounds(proof.index, count);
        uint256 length = SealedData.lengthOfChunk(proof.totalBytes, proof.chunkSize, proof.index);
        if (sealedChunk.length != length) revert ChunkLengthMismatch(length, sealedChunk.length);

        bytes32 leaf = SealedData.hashLeaf(proof.index, length, proof.plainDigest, SealedData.hashCalldata(sealedChunk));
        _checkRoot(order, proof.totalBytes, proof.chunkSize, SealedData.topFrom(leaf, proof.index, count, proof.path));
    }

    /// @dev Checks that `key` does not open the chunk to its committed plaintext.
    function _checkMismatch(bytes32 key, ChunkProof calldata proof, bytes calldata sealedChunk) private view {
        uint256 firstBlock;
        unchecked {
            firstBlock = proof.index * proof.chunkSize / 64;
        }
        bytes memory opened = ChaCha20.applyKeyStream(key, firstBlock, sealedChunk);
        if (SealedData.hashBytes(opened) == proof.plainDigest) revert ChunkMatches(proof.index);
    }

    /* MODELS AND BONDS */

    function _standingOf(bytes32 modelId, address oracle) private view returns (Standing storage) {
        return standings[Hashes.efficientKeccak256(modelId, bytes32(uint256(uint160(oracle))))];
    }

    function _checkOwner(ModelTerms calldata terms) private view {
        if (msg.sender != terms.owner) revert CallerNotOwner(terms.owner, msg.sender);
    }

    function _checkOracle(address oracle) private pure {
        if (oracle == address(0) || oracle == HALTED) revert ZeroAddress();
    }

    function _knownModel(bytes32 modelId) private view returns (Model storage model) {
        model = models[modelId];
        if (model.oracle == address(0)) revert ModelUnknown(modelId);
    }

    function _spend(Model storage model, uint256 amount) private {
        uint256 budget = model.budget;
        if (amount > budget) revert BudgetTooSmall(amount, budget);
        unchecked {
            model.budget = uint96(budget - amount);
        }
    }

    function _checkWindow(uint256 window) private pure {
        if (window < MIN_WINDOW || window > MAX_WINDOW) revert WindowOutOfBounds(window, MIN_WINDOW, MAX_WINDOW);
    }

    /// @dev The bond of an oracle that did not ask to leave.
    function _staying(Standing storage standing) private view returns (uint256) {
        if (standing.unlocksAt != 0) revert OracleBondExiting(standing.unlocksAt);
        return standing.bond;
    }

    function _checkStaked(uint256 bond) private pure {
        if (bond == 0) revert OracleBondTooSmall(1, 0);
    }

    /// @dev A bond that is not empty, which leaves the contract's books here.
    function _takeBond(Standing storage standing) private returns (uint256 bond) {
        bond = standing.bond;
        _checkStaked(bond);
        (standing.bond, standing.unlocksAt) = (0, 0);
    }

    function _shown(address oracle) private pure returns (address) {
        return oracle == HALTED ? address(0) : oracle;
    }

    /* MONEY */

    /// @dev `held` and `amount` together, which must fit a storage slot's 96 bits.
    function _increased(uint256 held, uint256 amount) private pure returns (uint96) {
        unchecked {
            if (amount > type(uint96).max - held) revert AmountTooLarge(amount, type(uint96).max - held);
            return uint96(held + amount);
        }
    }

    /// @dev Returns money to the buyer. A budget that is full must not keep an order from closing: the owner is
    /// credited then.
    function _toBudget(bytes32 modelId, address owner, address token, uint256 amount) private {
        Model storage model = models[modelId];
        uint256 budget;
        unchecked {
            budget = model.budget + amount;
        }
        if (budget <= type(uint96).max) model.budget = uint96(budget);
        else _credit(token, owner, amount);
    }

    function _credit(address token, address account, uint256 amount) private {
        credits[token][account].amount += amount;

        emit Credited(token, account, amount);
    }

    function _debit(address token, address account, uint256 amount) private {
        Credit storage credit = credits[token][account];
        uint256 available = credit.amount;
        if (amount > available) revert CreditTooSmall(amount, available);

        unchecked {
            credit.amount = available - amount;
        }
    }

    /// @dev Takes exactly `amount` from the caller. A token that delivers another amount is refused.
    function _pull(address token, uint256 amount) private {
        if (amount == 0) revert ZeroAmount();
        if (token == NATIVE_TOKEN) {
            if (msg.value != amount) revert ValueMismatch(amount, msg.value);
            return;
        }
        if (msg.value != 0) revert ValueMismatch(0, msg.value);
        if (token.code.length == 0) revert TokenNotContract(token);

        uint256 before = _held(token);
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        uint256 held = _held(token);
        uint256 received = held > before ? held - before : 0;
        if (received != amount) revert TokenNotExact(token, amount, received);
    }

    function _held(address token) private view returns (uint256) {
        return IERC20(token).balanceOf(address(this));
    }

    /// @dev Pays `amount` to `to`, who the caller chose, with all the gas there is; or reverts.
    function _transfer(address token, address to, uint256 amount) private {
        if (amount == 0) revert ZeroAmount();
        if (to == address(0)) revert ZeroAddress();
        if (!_send(token, to, amount, gasleft())) revert TransferFailed(token, to, amount);
    }

    /// @dev Closes an order and pays price and bond to the seller: pushed, else credited. A payee that reverts, burns gas,
    /// returns a bomb or is refused by the token blocks nobody.
    function _pay(bytes32 orderId, bytes32 digest, Order calldata order) private {
        uint256 amount = _stake(order);

        orders[orderId] = _pack(Status.Paid, 0, digest);

        emit OrderPaid(orderId, order.seller, amount);

        // With less gas whoever sends the transaction could choose, or a gas estimate find, that the payment fails.
        if (gasleft() < PUSH_RESERVE) revert GasTooLow(PUSH_RESERVE, gasleft());
        if (!_send(order.token, order.seller, amount, PUSH_GAS)) _credit(order.token, order.seller, amount);
    }

    /// @dev Whether `amount` was paid with at most `gasLimit`. One word of what comes back is looked at, as SafeERC20
    /// does: nothing, or true.
    function _send(address token, address to, uint256 amount, uint256 gasLimit) private returns (bool success) {
        if (token == NATIVE_TOKEN) {
            assembly ("memory-safe") {
                success := call(gasLimit, to, amount, 0, 0, 0, 0)
            }
        } else {
            bytes memory data = abi.encodeCall(IERC20.transfer, (to, amount));
            assembly ("memory-safe") {
                success := call(gasLimit, token, 0, add(data, 0x20), mload(data), 0, 0x20)
                let answered := and(gt(returndatasize(), 0x1f), eq(mload(0), 1))
                let silent := and(iszero(returndatasize()), gt(extcodesize(token), 0))
                success := and(success, or(answered, silent))
            }
        }
    }
}
