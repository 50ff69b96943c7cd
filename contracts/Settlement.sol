// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";

import {ChunkProof, ISettlement, ModelTerms, Order, Quote, Status} from "./interfaces/ISettlement.sol";
import {ChaCha20} from "./libraries/ChaCha20.sol";
import {BOND_EXIT_DELAY, HALTED, MAX_BATCH, MAX_WINDOW, MIN_WINDOW} from "./libraries/Constants.sol";
import {Digests} from "./libraries/Digests.sol";
import {OrderState, OrderStateLibrary} from "./libraries/OrderState.sol";
import {Payments} from "./libraries/Payments.sol";
import {SealedData} from "./libraries/SealedData.sol";
import {Signatures} from "./libraries/Signatures.sol";

/// @title The settlement contract: storage, entry points in the order of a sale, and their checks
/// @dev A model and an order take one storage slot each: callers pass terms and orders as calldata, and the contract
/// checks them against their digests. There is no reentrancy lock. Every function first makes the calls that change
/// nothing here (static calls, and a token's permit), then writes and emits, and moves money last.
contract Settlement is ISettlement {
    /// @dev `oracle` is zero for an unknown model and `HALTED` while a model accepts no quotes.
    struct Model {
        address oracle;
        uint96 budget;
    }

    /// @dev A struct of one field: a storage pointer to it serves to read and to write.
    struct Credit {
        uint256 amount;
    }

    /// @dev An oracle's bond for a model, and whether the model's owner replaced it. `unlocksAt` is zero unless an exit
    /// is requested.
    struct Standing {
        uint96 bond;
        uint40 unlocksAt;
        bool revoked;
    }

    mapping(bytes32 modelId => Model) private models;
    mapping(bytes32 orderId => OrderState) private orders;
    mapping(address token => mapping(address account => Credit)) private credits;
    /// @dev Keyed and written through `_standingOf`, where slither does not see the writing.
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
        Model storage model = _registeredModel(modelId);

        model.budget = _addWithin96Bits(model.budget, amount);

        emit ModelFunded(modelId, msg.sender, amount);

        Payments.pull(terms.token, amount);
    }

    /// @inheritdoc ISettlement
    function fundWithPermit(ModelTerms calldata terms, uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
    {
        address token = terms.token;
        bytes memory permit =
            abi.encodeCall(IERC20Permit.permit, (msg.sender, address(this), amount, deadline, v, r, s));
        // The permit fails if a front-runner used it first; the allowance that `fund` needs is then there all the same.
        assembly ("memory-safe") {
            pop(call(gas(), token, 0, add(permit, 0x20), mload(permit), 0, 0))
        }

        fund(terms, amount);
    }

    /// @inheritdoc ISettlement
    function withdraw(ModelTerms calldata terms, uint256 amount, address to) external {
        _checkOwner(terms);
        bytes32 modelId = modelIdOf(terms);
        _decreaseBudget(_registeredModel(modelId), amount);

        emit ModelWithdrawn(modelId, to, amount);

        Payments.send(terms.token, to, amount);
    }

    /// @inheritdoc ISettlement
    function setOracle(ModelTerms calldata terms, address oracle) external {
        _checkOwner(terms);
        bytes32 modelId = modelIdOf(terms);
        Model storage model = _registeredModel(modelId);
        address previous = model.oracle;
        address next = oracle == address(0) ? HALTED : oracle;
        if (next == previous) revert OracleUnchanged(oracle);
        if (_standingOf(modelId, next).revoked) revert OracleRevoked(oracle);

        if (previous != HALTED) _standingOf(modelId, previous).revoked = true;
        model.oracle = next;

        emit OracleChanged(modelId, _oracleOrZero(previous), _oracleOrZero(next));
    }

    /* BONDS AND CREDIT */

    /// @inheritdoc ISettlement
    function deposit(address token, uint256 amount) external payable {
        _credit(token, msg.sender, amount);

        Payments.pull(token, amount);
    }

    /// @inheritdoc ISettlement
    function withdrawCredit(address token, uint256 amount, address to) external {
        _debit(token, msg.sender, amount);

        emit CreditWithdrawn(token, msg.sender, to, amount);

        Payments.send(token, to, amount);
    }

    /// @inheritdoc ISettlement
    function bondOracle(ModelTerms calldata terms, address oracle, uint256 amount) external payable {
        _checkOracle(oracle);
        bytes32 modelId = modelIdOf(terms);
        _registeredModel(modelId);
        Standing storage standing = _standingOf(modelId, oracle);

        standing.bond = _addWithin96Bits(_activeBond(standing), amount);

        emit OracleBonded(modelId, oracle, amount);

        Payments.pull(terms.token, amount);
    }

    /// @inheritdoc ISettlement
    function requestOracleBondExit(bytes32 modelId) external {
        Standing storage standing = _standingOf(modelId, msg.sender);
        _checkHasBond(_activeBond(standing));
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
        uint256 bond = _clearBond(standing);
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
        if (contentId != quotes[1].contentId || Digests.hashOffer(quotes[0]) == Digests.hashOffer(quotes[1])) {
            revert NotEquivocation();
        }
        for (uint256 i = 0; i < 2; i++) {
            _checkQuote(quotes[i], modelId, oracle, signatures[i]);
        }

        uint256 bond = _clearBond(_standingOf(modelId, oracle));
        _returnToBudget(modelId, terms.owner, terms.token, bond);

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
        OrderState state = orders[orderId];
        if (!state.hasStatus(Status.None)) revert PairUsed(orderId, state.statusOf());
        Model storage model = _registeredModel(modelId);
        address oracle = model.oracle;
        if (oracle == HALTED) revert ModelHalted(modelId);
        if (terms.oracleBond > 0) {
            uint256 bond = _activeBond(_standingOf(modelId, oracle));
            if (bond < terms.oracleBond) revert OracleBondTooSmall(terms.oracleBond, bond);
        }
        bytes32 digest = _checkQuote(quote, modelId, oracle, oracleSignature);
        if (!_isSenderOrSigner(quote.seller, acceptanceDigest(digest, keyHash), sellerSignature)) {
            revert AcceptanceSignatureInvalid(quote.seller);
        }

        _lockOrder(orderId, terms, quote, keyHash);
        _decreaseBudget(model, quote.price);
        if (terms.sellerBond > 0) _debit(terms.token, quote.seller, terms.sellerBond);
    }

    /// @inheritdoc ISettlement
    function revealKey(Order calldata order, bytes32 key, bytes calldata receipt) public {
        (bytes32 orderId, bytes32 digest, OrderState state) = _loadOrder(order);
        _checkStatus(orderId, state, Status.Locked);
        _checkDeadlineNotPassed(state);
        _checkKey(orderId, order, key);
        if (order.requireReceipt) _checkBuyerConsents(order.buyer, receiptDigest(digest), receipt);

        unchecked {
            orders[orderId] = OrderStateLibrary.pack(Status.Revealed, block.timestamp + order.disputeWindow, digest);
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
        (bytes32 orderId, bytes32 digest, OrderState state) = _loadOrder(order);
        _checkStatus(orderId, state, Status.Locked);
        _checkDeadlineNotPassed(state);
        uint256 count = SealedData.countChunks(plaintext.length, chunkSize);
        if (sealedDigests.length != count) revert LengthMismatch(count, sealedDigests.length);
        bytes32 treeHash = SealedData.treeHash(plaintext, chunkSize, sealedDigests, 0, count);
        _checkRoot(order, plaintext.length, chunkSize, treeHash);

        emit DataRevealed(orderId);

        _paySeller(orderId, digest, order);
    }

    /// @inheritdoc ISettlement
    function dispute(Order calldata order, bytes32 key, ChunkProof calldata proof) external {
        (bytes32 orderId, bytes32 digest, OrderState state) = _loadOrder(order);
        _checkStatus(orderId, state, Status.Revealed);
        _checkDeadlineNotPassed(state);
        _checkKey(orderId, order, key);
        bytes calldata sealedChunk = proof.sealedChunk;
        _checkChunkIsCommitted(order, proof, sealedChunk);
        _checkKeyFailsToOpen(key, proof, sealedChunk);

        orders[orderId] = OrderStateLibrary.pack(Status.Disputed, 0, digest);
        _returnToBudget(order.modelId, order.buyer, order.token, _lockedAmount(order));

        emit OrderDisputed(orderId, proof.index);
    }

    /// @inheritdoc ISettlement
    function settle(Order calldata order, bytes calldata acknowledgement) external {
        (bytes32 orderId, bytes32 digest, OrderState state) = _loadOrder(order);
        if (!state.hasStatus(Status.Revealed)) _checkStatus(orderId, state, Status.Locked);
        _checkBuyerConsents(order.buyer, acknowledgementDigest(digest), acknowledgement);

        _paySeller(orderId, digest, order);
    }

    /// @inheritdoc ISettlement
    function finalize(Order calldata order) public {
        (bytes32 orderId, bytes32 digest, OrderState state) = _loadOrder(order);
        _checkStatus(orderId, state, Status.Revealed);
        _checkDeadlinePassed(state);

        _paySeller(orderId, digest, order);
    }

    /// @inheritdoc ISettlement
    function refund(Order calldata order) external {
        (bytes32 orderId, bytes32 digest, OrderState state) = _loadOrder(order);
        _checkStatus(orderId, state, Status.Locked);
        _checkDeadlinePassed(state);

        orders[orderId] = OrderStateLibrary.pack(Status.Refunded, 0, digest);
        uint256 amount = _lockedAmount(order);
        if (order.requireReceipt) {
            amount = order.price;
            if (order.sellerBond > 0) _credit(order.token, order.seller, order.sellerBond);
        }
        _returnToBudget(order.modelId, order.buyer, order.token, amount);

        emit OrderRefunded(orderId);
    }

    /// @inheritdoc ISettlement
    function batch(bytes[] calldata calls) external {
        if (calls.length > MAX_BATCH) revert BatchTooLarge(calls.length, MAX_BATCH);

        for (uint256 i = 0; i < calls.length; i++) {
            bytes calldata data = calls[i];
            bool success;
            // A delegatecall to this contract keeps the sender. `batch` is not payable: no two calls count the same
            // value.
            assembly ("memory-safe") {
                let copy := mload(0x40)
                calldatacopy(copy, data.offset, data.length)
                success := delegatecall(gas(), address(), copy, data.length, 0, 0)
            }
            if (success || _failedAsAlreadyDone()) continue;
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
        return Digests.hashTerms(block.chainid, address(this), terms);
    }

    /// @inheritdoc ISettlement
    function orderIdOf(bytes32 modelId, bytes32 contentId) public pure returns (bytes32) {
        return Hashes.efficientKeccak256(modelId, contentId);
    }

    /// @inheritdoc ISettlement
    function quoteDigest(Quote calldata quote) public view returns (bytes32) {
        return _hashTypedData(Digests.hashQuote(quote));
    }

    /// @inheritdoc ISettlement
    function acceptanceDigest(bytes32 quoteDigest_, bytes32 keyHash) public view returns (bytes32) {
        return _hashTypedData(Digests.hashAcceptance(quoteDigest_, keyHash));
    }

    /// @inheritdoc ISettlement
    function receiptDigest(bytes32 orderDigest) public view returns (bytes32) {
        return _hashTypedData(Digests.hashReceipt(orderDigest));
    }

    /// @inheritdoc ISettlement
    function acknowledgementDigest(bytes32 orderDigest) public view returns (bytes32) {
        return _hashTypedData(Digests.hashAcknowledgement(orderDigest));
    }

    /// @inheritdoc ISettlement
    function domainSeparator() public view returns (bytes32) {
        return Digests.hashDomain(block.chainid, address(this));
    }

    /// @inheritdoc ISettlement
    function modelState(bytes32 modelId) external view returns (address oracle, uint256 budget, bool registered) {
        Model storage model = models[modelId];
        oracle = model.oracle;
        return (_oracleOrZero(oracle), model.budget, oracle != address(0));
    }

    /// @inheritdoc ISettlement
    function orderState(bytes32 orderId) external view returns (Status status, uint256 deadline, uint256 digest) {
        OrderState state = orders[orderId];
        return (state.statusOf(), state.deadlineOf(), state.storedDigest());
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

    /// @dev Accepts or refuses a quote: the one place that decides what counts as evidence for a price. An oracle that
    /// sends the transaction needs a signature too, so that every posted quote can prove equivocation.
    function _checkQuote(Quote calldata quote, bytes32 modelId, address oracle, bytes calldata signature)
        private
        view
        returns (bytes32 digest)
    {
        if (quote.modelId != modelId) revert ModelMismatch(modelId, quote.modelId);
        digest = quoteDigest(quote);
        if (!Signatures.isSigned(oracle, digest, signature)) revert QuoteSignatureInvalid(oracle);
    }

    function _checkBuyerConsents(address buyer, bytes32 digest, bytes calldata signature) private view {
        if (!_isSenderOrSigner(buyer, digest, signature)) revert BuyerSignatureInvalid(buyer);
    }

    /// @dev Sending the transaction is consent.
    function _isSenderOrSigner(address account, bytes32 digest, bytes calldata signature) private view returns (bool) {
        return msg.sender == account || Signatures.isSigned(account, digest, signature);
    }

    function _hashTypedData(bytes32 structHash) private view returns (bytes32) {
        return MessageHashUtils.toTypedDataHash(domainSeparator(), structHash);
    }

    /* ORDERS */

    function _lockOrder(bytes32 orderId, ModelTerms calldata terms, Quote calldata quote, bytes32 keyHash) private {
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
            orders[orderId] = OrderStateLibrary.pack(
                Status.Locked, block.timestamp + terms.revealWindow, Digests.hashOrderInMemory(order)
            );
        }

        emit OrderPosted(orderId, quote.modelId, quote.seller, quote.contentId, quote.price, quote.dataRoot, keyHash);
    }

    /// @dev The state of `order`; reverts unless exactly this order was posted.
    function _loadOrder(Order calldata order) private view returns (bytes32 orderId, bytes32 digest, OrderState state) {
        orderId = orderIdOf(order.modelId, order.contentId);
        digest = Digests.hashOrder(order);
        state = orders[orderId];
        if (!state.matches(digest)) revert OrderMismatch(orderId);
    }

    /// @dev Closes an order and pays price and bond to the seller, who is credited if the payment fails: no seller can
    /// stop a batch or its own order.
    function _paySeller(bytes32 orderId, bytes32 digest, Order calldata order) private {
        uint256 amount = _lockedAmount(order);

        orders[orderId] = OrderStateLibrary.pack(Status.Paid, 0, digest);

        emit OrderPaid(orderId, order.seller, amount);

        if (!Payments.push(order.token, order.seller, amount)) _credit(order.token, order.seller, amount);
    }

    /// @dev Whether the call that just returned reverted with `PairUsed`, or with `StatusMismatch` of an order that is
    /// revealed or closed: another transaction did the same, or more, before.
    function _failedAsAlreadyDone() private pure returns (bool) {
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

    function _checkStatus(bytes32 orderId, OrderState state, Status expected) private pure {
        if (!state.hasStatus(expected)) revert StatusMismatch(orderId, state.statusOf());
    }

    function _checkDeadlineNotPassed(OrderState state) private view {
        if (block.timestamp > state.deadlineOf()) revert DeadlinePassed(state.deadlineOf());
    }

    function _checkDeadlinePassed(OrderState state) private view {
        if (block.timestamp <= state.deadlineOf()) revert DeadlineNotPassed(state.deadlineOf());
    }

    function _checkKey(bytes32 orderId, Order calldata order, bytes32 key) private pure {
        if (Digests.hashKey(orderId, key) != order.keyHash) revert KeyMismatch(orderId);
    }

    /// @dev Price and seller bond of a posted order. Each fits 96 bits, so the sum does not overflow.
    function _lockedAmount(Order calldata order) private pure returns (uint256) {
        unchecked {
            return order.price + order.sellerBond;
        }
    }

    /* COMMITMENTS */

    function _checkRoot(Order calldata order, uint256 totalBytes, uint256 chunkSize, bytes32 treeHash) private view {
        bytes32 root = SealedData.hashRoot(totalBytes, chunkSize, treeHash);
        if (root != order.dataRoot) revert CommitmentMismatch(order.dataRoot, root);
    }

    /// @dev Checks that the order's data root commits to the chunk, its index and its plaintext digest.
    function _checkChunkIsCommitted(Order calldata order, ChunkProof calldata proof, bytes calldata sealedChunk)
        private
        view
    {
        uint256 count = SealedData.countChunks(proof.totalBytes, proof.chunkSize);
        if (proof.index >= count) revert ChunkIndexOutOfBounds(proof.index, count);
        uint256 length = SealedData.lengthOfChunk(proof.totalBytes, proof.chunkSize, proof.index);
        if (sealedChunk.length != length) revert ChunkLengthMismatch(length, sealedChunk.length);

        bytes32 leaf = SealedData.hashLeaf(proof.index, length, proof.plainDigest, SealedData.hashCalldata(sealedChunk));
        _checkRoot(
            order, proof.totalBytes, proof.chunkSize, SealedData.treeHashFromProof(leaf, proof.index, count, proof.path)
        );
    }

    /// @dev Checks that `key` does not open the chunk to its committed plaintext.
    function _checkKeyFailsToOpen(bytes32 key, ChunkProof calldata proof, bytes calldata sealedChunk) private view {
        uint256 firstBlock;
        unchecked {
            firstBlock = proof.index * proof.chunkSize / 64;
        }
        bytes memory opened = ChaCha20.applyKeyStream(key, firstBlock, sealedChunk);
        if (SealedData.hashBytes(opened) == proof.plainDigest) revert ChunkMatches(proof.index);
    }

    /* MODELS AND ORACLES */

    function _checkOwner(ModelTerms calldata terms) private view {
        if (msg.sender != terms.owner) revert CallerNotOwner(terms.owner, msg.sender);
    }

    function _checkOracle(address oracle) private pure {
        if (oracle == address(0) || oracle == HALTED) revert ZeroAddress();
    }

    function _checkWindow(uint256 window) private pure {
        if (window < MIN_WINDOW || window > MAX_WINDOW) revert WindowOutOfBounds(window, MIN_WINDOW, MAX_WINDOW);
    }

    function _registeredModel(bytes32 modelId) private view returns (Model storage model) {
        model = models[modelId];
        if (model.oracle == address(0)) revert ModelUnknown(modelId);
    }

    function _oracleOrZero(address oracle) private pure returns (address) {
        return oracle == HALTED ? address(0) : oracle;
    }

    function _standingOf(bytes32 modelId, address oracle) private view returns (Standing storage) {
        return standings[Hashes.efficientKeccak256(modelId, bytes32(uint256(uint160(oracle))))];
    }

    /// @dev The bond; reverts while the oracle's exit is under way.
    function _activeBond(Standing storage standing) private view returns (uint256) {
        if (standing.unlocksAt != 0) revert OracleBondExiting(standing.unlocksAt);
        return standing.bond;
    }

    function _checkHasBond(uint256 bond) private pure {
        if (bond == 0) revert OracleBondTooSmall(1, 0);
    }

    /// @dev Sets the bond to zero and returns what it was; reverts if it was zero.
    function _clearBond(Standing storage standing) private returns (uint256 bond) {
        bond = standing.bond;
        _checkHasBond(bond);
        (standing.bond, standing.unlocksAt) = (0, 0);
    }

    /* BUDGETS AND CREDIT */

    /// @dev `stored + amount`; reverts if the sum exceeds 96 bits.
    function _addWithin96Bits(uint256 stored, uint256 amount) private pure returns (uint96) {
        unchecked {
            if (amount > type(uint96).max - stored) revert AmountTooLarge(amount, type(uint96).max - stored);
            return uint96(stored + amount);
        }
    }

    function _decreaseBudget(Model storage model, uint256 amount) private {
        uint256 budget = model.budget;
        if (amount > budget) revert BudgetTooSmall(amount, budget);
        unchecked {
            model.budget = uint96(budget - amount);
        }
    }

    /// @dev Returns money to the buyer. If the budget would exceed 96 bits, the owner is credited instead: a full
    /// budget must not keep an order from closing.
    function _returnToBudget(bytes32 modelId, address owner, address token, uint256 amount) private {
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
}
