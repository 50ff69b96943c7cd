// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {ChunkProof, ISettlement, ModelTerms, Order, Quote, Status} from "./interfaces/ISettlement.sol";
import {ChaCha20} from "./libraries/ChaCha20.sol";
import {
    BOND_EXIT_DELAY,
    HALTED,
    KEY_TAG,
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
/// one storage slot each. Nothing guards against reentrancy but the order of things: every function checks, computes,
/// writes, emits, and only then calls out.
contract Settlement is ISettlement {
    using SafeERC20 for IERC20;

    /// @dev `oracle` is zero for an unknown model and `HALTED` while a model accepts no quotes.
    struct Model {
        address oracle;
        uint96 budget;
    }

    /// @dev `unlocksAt` is zero while no exit was requested.
    struct OracleBond {
        uint96 amount;
        uint40 unlocksAt;
    }

    mapping(bytes32 modelId => Model) private models;
    /// @dev `status << 248 | deadline << 208 | low 208 bits of the order digest`.
    mapping(bytes32 orderId => uint256) private orders;
    mapping(address token => mapping(address account => uint256)) private credits;
    mapping(bytes32 modelId => mapping(address oracle => OracleBond)) private oracleBonds;
    mapping(bytes32 modelId => mapping(address oracle => bool)) private revoked;

    /* MODELS */

    /// @inheritdoc ISettlement
    function registerModel(ModelTerms calldata terms, address oracle) external returns (bytes32 modelId) {
        if (msg.sender != terms.owner) revert CallerNotOwner(terms.owner, msg.sender);
        if (oracle == address(0) || oracle == HALTED) revert ZeroAddress();
        _checkWindow(terms.revealWindow);
        _checkWindow(terms.disputeWindow);

        modelId = modelIdOf(terms);
        if (models[modelId].oracle != address(0)) revert ModelExists(modelId);

        models[modelId].oracle = oracle;

        emit ModelRegistered(modelId, terms.owner, oracle, terms);
    }

    /// @inheritdoc ISettlement
    function fund(ModelTerms calldata terms, uint256 amount) public payable {
        if (amount == 0) revert ZeroAmount();

        bytes32 modelId = modelIdOf(terms);
        Model memory model = _knownModel(modelId);
        uint256 room = type(uint96).max - model.budget;
        if (amount > room) revert AmountTooLarge(amount, room);

        models[modelId].budget = model.budget + uint96(amount);

        emit ModelFunded(modelId, msg.sender, amount);

        _pull(terms.token, amount);
    }

    /// @inheritdoc ISettlement
    function fundWithPermit(ModelTerms calldata terms, uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
    {
        // A permit that a front-runner has used already is refused here, but has left the allowance that `fund` needs.
        if (terms.token.code.length > 0) {
            try IERC20Permit(terms.token).permit(msg.sender, address(this), amount, deadline, v, r, s) {} catch {}
        }

        fund(terms, amount);
    }

    /// @inheritdoc ISettlement
    function withdraw(ModelTerms calldata terms, uint256 amount, address to) external {
        if (msg.sender != terms.owner) revert CallerNotOwner(terms.owner, msg.sender);
        if (amount == 0) revert ZeroAmount();
        if (to == address(0)) revert ZeroAddress();

        bytes32 modelId = modelIdOf(terms);
        uint256 budget = _knownModel(modelId).budget;
        if (amount > budget) revert BudgetTooSmall(amount, budget);

        models[modelId].budget = uint96(budget - amount);

        emit ModelWithdrawn(modelId, to, amount);

        _transfer(terms.token, to, amount);
    }

    /// @inheritdoc ISettlement
    function setOracle(ModelTerms calldata terms, address oracle) external {
        if (msg.sender != terms.owner) revert CallerNotOwner(terms.owner, msg.sender);

        bytes32 modelId = modelIdOf(terms);
        address previous = _knownModel(modelId).oracle;
        address next = oracle == address(0) ? HALTED : oracle;
        if (next == previous) revert OracleUnchanged(oracle);
        if (revoked[modelId][next]) revert OracleRevoked(oracle);

        if (previous != HALTED) revoked[modelId][previous] = true;
        models[modelId].oracle = next;

        emit OracleChanged(modelId, _shown(previous), _shown(next));
    }

    /* BONDS AND CREDIT */

    /// @inheritdoc ISettlement
    function deposit(address token, uint256 amount) external payable {
        if (amount == 0) revert ZeroAmount();

        _credit(token, msg.sender, amount);

        _pull(token, amount);
    }

    /// @inheritdoc ISettlement
    function withdrawCredit(address token, uint256 amount, address to) external {
        if (amount == 0) revert ZeroAmount();
        if (to == address(0)) revert ZeroAddress();

        _debit(token, msg.sender, amount);

        emit CreditWithdrawn(token, msg.sender, to, amount);

        _transfer(token, to, amount);
    }

    /// @inheritdoc ISettlement
    function bondOracle(ModelTerms calldata terms, address oracle, uint256 amount) external payable {
        if (amount == 0) revert ZeroAmount();

        bytes32 modelId = modelIdOf(terms);
        _knownModel(modelId);
        OracleBond storage bond = oracleBonds[modelId][oracle];
        if (bond.unlocksAt != 0) revert OracleBondExiting(bond.unlocksAt);
        uint256 room = type(uint96).max - bond.amount;
        if (amount > room) revert AmountTooLarge(amount, room);

        bond.amount += uint96(amount);

        emit OracleBonded(modelId, oracle, amount);

        _pull(terms.token, amount);
    }

    /// @inheritdoc ISettlement
    function requestOracleBondExit(bytes32 modelId) external {
        OracleBond storage bond = oracleBonds[modelId][msg.sender];
        if (bond.amount == 0) revert OracleBondTooSmall(1, 0);
        if (bond.unlocksAt != 0) revert OracleBondExiting(bond.unlocksAt);

        uint256 unlocksAt = block.timestamp + BOND_EXIT_DELAY;

        bond.unlocksAt = uint40(unlocksAt);

        emit OracleBondExitRequested(modelId, msg.sender, unlocksAt);
    }

    /// @inheritdoc ISettlement
    function withdrawOracleBond(ModelTerms calldata terms) external {
        bytes32 modelId = modelIdOf(terms);
        OracleBond memory bond = oracleBonds[modelId][msg.sender];
        if (bond.amount == 0) revert OracleBondTooSmall(1, 0);
        if (bond.unlocksAt == 0 || block.timestamp <= bond.unlocksAt) revert OracleBondLocked(bond.unlocksAt);

        delete oracleBonds[modelId][msg.sender];
        _credit(terms.token, msg.sender, bond.amount);

        emit OracleBondWithdrawn(modelId, msg.sender, bond.amount);
    }

    /// @inheritdoc ISettlement
    function reportEquivocation(
        ModelTerms calldata terms,
        address oracle,
        Quote calldata first,
        bytes calldata firstSignature,
        Quote calldata second,
        bytes calldata secondSignature
    ) external {
        bytes32 modelId = modelIdOf(terms);
        if (first.modelId != modelId) revert ModelMismatch(modelId, first.modelId);
        if (second.modelId != modelId) revert ModelMismatch(modelId, second.modelId);
        if (
            first.contentId != second.contentId
                || (first.price == second.price && first.seller == second.seller && first.dataRoot == second.dataRoot)
        ) revert NotEquivocation();
        uint256 bond = oracleBonds[modelId][oracle].amount;
        if (bond == 0) revert OracleBondTooSmall(1, 0);
        _checkQuote(oracle, quoteDigest(first), firstSignature);
        _checkQuote(oracle, quoteDigest(second), secondSignature);

        delete oracleBonds[modelId][oracle];
        _toBudget(modelId, terms.owner, terms.token, bond);

        emit OracleSlashed(modelId, first.contentId, oracle, bond);
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
        if (quote.modelId != modelId) revert ModelMismatch(modelId, quote.modelId);
        if (block.timestamp > quote.expiry) revert QuoteExpired(quote.expiry);
        if (quote.price == 0 || quote.price > terms.maxPrice) revert PriceOutOfBounds(quote.price, terms.maxPrice);
        orderId = orderIdOf(modelId, quote.contentId);
        if (orders[orderId] != 0) revert PairUsed(orderId, _statusOf(orders[orderId]));
        Model memory model = _knownModel(modelId);
        if (model.oracle == HALTED) revert ModelHalted(modelId);
        if (quote.price > model.budget) revert BudgetTooSmall(quote.price, model.budget);
        if (terms.oracleBond > 0) _checkOracleBond(modelId, model.oracle, terms.oracleBond);
        bytes32 digest = quoteDigest(quote);
        _checkQuote(model.oracle, digest, oracleSignature);
        if (!_consents(quote.seller, acceptanceDigest(digest, keyHash), sellerSignature)) {
            revert AcceptanceSignatureInvalid(quote.seller);
        }

        Order memory order = Order({
            modelId: modelId,
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
        uint256 deadline = block.timestamp + terms.revealWindow;

        orders[orderId] = _pack(Status.Locked, deadline, QuoteHash.hashNewOrder(order));
        models[modelId].budget = model.budget - quote.price;
        if (terms.sellerBond > 0) _debit(terms.token, quote.seller, terms.sellerBond);

        emit OrderPosted(
            orderId, modelId, quote.seller, quote.contentId, quote.price, quote.dataRoot, keyHash, deadline
        );
    }

    /// @inheritdoc ISettlement
    function revealKey(Order calldata order, bytes32 key, bytes calldata receipt) public {
        (bytes32 orderId, bytes32 digest, uint256 state) = _read(order);
        _checkStatus(orderId, state, Status.Locked);
        _checkInTime(state);
        _checkKey(orderId, order, key);
        if (order.requireReceipt && !_consents(order.buyer, receiptDigest(digest), receipt)) {
            revert BuyerSignatureInvalid(order.buyer);
        }

        uint256 deadline = block.timestamp + order.disputeWindow;

        orders[orderId] = _pack(Status.Revealed, deadline, digest);

        emit KeyRevealed(orderId, key, deadline);
    }

    /// @inheritdoc ISettlement
    function revealKeys(Order[] calldata orders_, bytes32[] calldata keys, bytes[] calldata receipts) external {
        _checkBatch(orders_.length);
        if (keys.length != orders_.length) revert LengthMismatch(orders_.length, keys.length);
        if (receipts.length != orders_.length) revert LengthMismatch(orders_.length, receipts.length);

        for (uint256 i = 0; i < orders_.length; i++) {
            if (_isBefore(orders_[i], Status.Revealed)) revealKey(orders_[i], keys[i], receipts[i]);
        }
    }

    /// @inheritdoc ISettlement
    function revealData(
        Order calldata order,
        uint32 chunkSize,
        bytes calldata plaintext,
        bytes32[] calldata sealedDigests
    ) external {
        (bytes32 orderId, bytes32 digest, uint256 state) = _read(order);
        _checkStatus(orderId, state, Status.Locked);
        _checkInTime(state);
        uint256 count = SealedData.countChunks(plaintext.length, chunkSize);
        if (sealedDigests.length != count) revert LengthMismatch(count, sealedDigests.length);
        _checkRoot(order, plaintext.length, chunkSize, SealedData.topOf(_leavesOf(chunkSize, plaintext, sealedDigests)));

        orders[orderId] = _pack(Status.Paid, 0, digest);

        emit DataRevealed(orderId);

        _paySeller(orderId, order);
    }

    /// @inheritdoc ISettlement
    function dispute(Order calldata order, bytes32 key, ChunkProof calldata proof) external {
        (bytes32 orderId, bytes32 digest, uint256 state) = _read(order);
        _checkStatus(orderId, state, Status.Revealed);
        _checkInTime(state);
        _checkKey(orderId, order, key);
        _checkChunk(order, proof);
        uint256 firstBlock = uint256(proof.index) * proof.chunkSize / 64;
        if (sha256(ChaCha20.applyKeyStream(key, firstBlock, proof.sealedChunk)) == proof.plainDigest) {
            revert ChunkMatches(proof.index);
        }

        orders[orderId] = _pack(Status.Disputed, 0, digest);
        _toBudget(order.modelId, order.buyer, order.token, uint256(order.price) + order.sellerBond);

        emit OrderDisputed(orderId, proof.index);
    }

    /// @inheritdoc ISettlement
    function settle(Order calldata order, bytes calldata acknowledgement) external {
        (bytes32 orderId, bytes32 digest, uint256 state) = _read(order);
        if (_statusOf(state) != Status.Revealed) _checkStatus(orderId, state, Status.Locked);
        if (!_consents(order.buyer, acknowledgementDigest(digest), acknowledgement)) {
            revert BuyerSignatureInvalid(order.buyer);
        }

        orders[orderId] = _pack(Status.Paid, 0, digest);

        _paySeller(orderId, order);
    }

    /// @inheritdoc ISettlement
    function finalize(Order calldata order) public {
        (bytes32 orderId, bytes32 digest, uint256 state) = _read(order);
        _checkStatus(orderId, state, Status.Revealed);
        _checkTimedOut(state);

        orders[orderId] = _pack(Status.Paid, 0, digest);

        _paySeller(orderId, order);
    }

    /// @inheritdoc ISettlement
    function finalizeBatch(Order[] calldata orders_) external {
        _checkBatch(orders_.length);

        for (uint256 i = 0; i < orders_.length; i++) {
            if (_isBefore(orders_[i], Status.Paid)) finalize(orders_[i]);
        }
    }

    /// @inheritdoc ISettlement
    function refund(Order calldata order) external {
        (bytes32 orderId, bytes32 digest, uint256 state) = _read(order);
        _checkStatus(orderId, state, Status.Locked);
        _checkTimedOut(state);

        orders[orderId] = _pack(Status.Refunded, 0, digest);
        if (order.requireReceipt) {
            _toBudget(order.modelId, order.buyer, order.token, order.price);
            if (order.sellerBond > 0) _credit(order.token, order.seller, order.sellerBond);
        } else {
            _toBudget(order.modelId, order.buyer, order.token, uint256(order.price) + order.sellerBond);
        }

        emit OrderRefunded(orderId);
    }

    /* VIEWS */

    /// @inheritdoc ISettlement
    function modelIdOf(ModelTerms calldata terms) public view returns (bytes32) {
        return QuoteHash.hashTerms(block.chainid, address(this), terms);
    }

    /// @inheritdoc ISettlement
    function orderIdOf(bytes32 modelId, bytes32 contentId) public pure returns (bytes32) {
        return keccak256(abi.encode(modelId, contentId));
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
        Model memory model = models[modelId];
        return (_shown(model.oracle), model.budget, model.oracle != address(0));
    }

    /// @inheritdoc ISettlement
    function orderState(bytes32 orderId) external view returns (Status status, uint256 deadline, uint256 digest) {
        uint256 state = orders[orderId];
        return (_statusOf(state), _deadlineOf(state), uint208(state));
    }

    /// @inheritdoc ISettlement
    function creditOf(address token, address account) external view returns (uint256) {
        return credits[token][account];
    }

    /// @inheritdoc ISettlement
    function oracleBondOf(bytes32 modelId, address oracle) external view returns (uint256 amount, uint256 unlocksAt) {
        OracleBond memory bond = oracleBonds[modelId][oracle];
        return (bond.amount, bond.unlocksAt);
    }

    /// @inheritdoc ISettlement
    function isOracleRevoked(bytes32 modelId, address oracle) external view returns (bool) {
        return revoked[modelId][oracle];
    }

    /* EVIDENCE */

    /// @dev Accepts or refuses a quote: the one place that decides what counts as evidence for a price. A signature
    /// always, even of an oracle that sends the transaction: what was posted must serve to prove equivocation.
    function _checkQuote(address oracle, bytes32 digest, bytes calldata signature) private view {
        if (!_signed(oracle, digest, signature)) revert QuoteSignatureInvalid(oracle);
    }

    /// @dev Whoever sends the transaction has consented by it.
    function _consents(address account, bytes32 digest, bytes calldata signature) private view returns (bool) {
        return msg.sender == account || _signed(account, digest, signature);
    }

    /// @dev ECDSA first: accounts with code may still have a key (EIP-7702), and those without need no look at their
    /// code. Malleable (high-s) signatures are refused.
    function _signed(address signer, bytes32 digest, bytes calldata signature) private view returns (bool) {
        // The third value only says more about the problem.
        // slither-disable-next-line unused-return
        (address recovered, ECDSA.RecoverError problem,) = ECDSA.tryRecover(digest, signature);
        if (problem == ECDSA.RecoverError.NoError && recovered == signer) return true;
        return signer.code.length > 0 && SignatureChecker.isValidERC1271SignatureNow(signer, digest, signature);
    }

    function _typedDigest(bytes32 structHash) private view returns (bytes32) {
        return MessageHashUtils.toTypedDataHash(domainSeparator(), structHash);
    }

    /* ORDERS */

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

    function _statusOf(uint256 state) private pure returns (Status) {
        return Status(state >> 248);
    }

    function _deadlineOf(uint256 state) private pure returns (uint256) {
        return uint40(state >> 208);
    }

    function _checkStatus(bytes32 orderId, uint256 state, Status expected) private pure {
        if (_statusOf(state) != expected) revert StatusMismatch(orderId, _statusOf(state));
    }

    /// @dev Whether the order has yet to reach `status`. A batch passes over the others, or else anybody could make it
    /// revert by doing a part of it first.
    function _isBefore(Order calldata order, Status status) private view returns (bool) {
        return _statusOf(orders[orderIdOf(order.modelId, order.contentId)]) < status;
    }

    function _checkInTime(uint256 state) private view {
        if (block.timestamp > _deadlineOf(state)) revert DeadlinePassed(_deadlineOf(state));
    }

    function _checkTimedOut(uint256 state) private view {
        if (block.timestamp <= _deadlineOf(state)) revert DeadlineNotPassed(_deadlineOf(state));
    }

    function _checkKey(bytes32 orderId, Order calldata order, bytes32 key) private pure {
        if (keccak256(abi.encode(KEY_TAG, orderId, key)) != order.keyHash) revert KeyMismatch(orderId);
    }

    function _checkBatch(uint256 length) private pure {
        if (length > MAX_BATCH) revert BatchTooLarge(length, MAX_BATCH);
    }

    /* COMMITMENTS */

    function _checkRoot(Order calldata order, uint256 totalBytes, uint256 chunkSize, bytes32 top) private pure {
        bytes32 root = SealedData.hashRoot(totalBytes, chunkSize, top);
        if (root != order.dataRoot) revert CommitmentMismatch(order.dataRoot, root);
    }

    /// @dev Checks that the chunk, its committed plaintext digest and its place are those of the order's data.
    function _checkChunk(Order calldata order, ChunkProof calldata proof) private pure {
        uint256 count = SealedData.countChunks(proof.totalBytes, proof.chunkSize);
        if (proof.index >= count) revert ChunkIndexOutOfBounds(proof.index, count);
        uint256 length = SealedData.lengthOfChunk(proof.totalBytes, proof.chunkSize, proof.index);
        if (proof.sealedChunk.length != length) revert ChunkLengthMismatch(length, proof.sealedChunk.length);

        bytes32 leaf = SealedData.hashLeaf(proof.index, length, proof.plainDigest, sha256(proof.sealedChunk));
        _checkRoot(order, proof.totalBytes, proof.chunkSize, SealedData.topFrom(leaf, proof.index, count, proof.path));
    }

    function _leavesOf(uint256 chunkSize, bytes calldata plaintext, bytes32[] calldata sealedDigests)
        private
        pure
        returns (bytes32[] memory leaves)
    {
        leaves = new bytes32[](sealedDigests.length);
        for (uint256 i = 0; i < leaves.length; i++) {
            uint256 length = SealedData.lengthOfChunk(plaintext.length, chunkSize, i);
            bytes calldata chunk = plaintext[i * chunkSize:i * chunkSize + length];
            leaves[i] = SealedData.hashLeaf(i, length, sha256(chunk), sealedDigests[i]);
        }
    }

    /* MODELS AND BONDS */

    function _knownModel(bytes32 modelId) private view returns (Model memory model) {
        model = models[modelId];
        if (model.oracle == address(0)) revert ModelUnknown(modelId);
    }

    function _checkWindow(uint256 window) private pure {
        if (window < MIN_WINDOW || window > MAX_WINDOW) revert WindowOutOfBounds(window, MIN_WINDOW, MAX_WINDOW);
    }

    function _checkOracleBond(bytes32 modelId, address oracle, uint256 required) private view {
        OracleBond memory bond = oracleBonds[modelId][oracle];
        if (bond.unlocksAt != 0) revert OracleBondExiting(bond.unlocksAt);
        if (bond.amount < required) revert OracleBondTooSmall(required, bond.amount);
    }

    function _shown(address oracle) private pure returns (address) {
        return oracle == HALTED ? address(0) : oracle;
    }

    /* MONEY */

    /// @dev Returns money to the buyer. A budget that is full must not keep an order from closing: the owner is
    /// credited then.
    function _toBudget(bytes32 modelId, address owner, address token, uint256 amount) private {
        uint256 budget = models[modelId].budget + amount;
        if (budget <= type(uint96).max) models[modelId].budget = uint96(budget);
        else _credit(token, owner, amount);
    }

    function _credit(address token, address account, uint256 amount) private {
        credits[token][account] += amount;

        emit Credited(token, account, amount);
    }

    function _debit(address token, address account, uint256 amount) private {
        uint256 credit = credits[token][account];
        if (amount > credit) revert CreditTooSmall(amount, credit);

        credits[token][account] = credit - amount;
    }

    /// @dev Takes exactly `amount` from the caller. A token that delivers another amount is refused.
    function _pull(address token, uint256 amount) private {
        if (token == NATIVE_TOKEN) {
            if (msg.value != amount) revert ValueMismatch(amount, msg.value);
            return;
        }
        if (msg.value != 0) revert ValueMismatch(0, msg.value);
        if (token.code.length == 0) revert TokenNotContract(token);

        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        uint256 held = IERC20(token).balanceOf(address(this));
        if (held != before + amount) revert TokenNotExact(token, amount, held > before ? held - before : 0);
    }

    /// @dev Pays `amount` to `to`, who the caller chose, with all the gas there is; or reverts.
    function _transfer(address token, address to, uint256 amount) private {
        bool success;
        // Both callers took `amount` off what the sender owns.
        // slither-disable-next-line arbitrary-send-eth
        if (token == NATIVE_TOKEN) (success,) = to.call{value: amount}("");
        else success = IERC20(token).trySafeTransfer(to, amount);
        if (!success) revert TransferFailed(token, to, amount);
    }

    /// @dev Pays price and bond to the seller: pushed, else credited. A payee that reverts, burns gas, returns a bomb
    /// or is refused by the token blocks nobody.
    function _paySeller(bytes32 orderId, Order calldata order) private {
        uint256 amount = uint256(order.price) + order.sellerBond;

        emit OrderPaid(orderId, order.seller, amount);

        if (!_push(order.token, order.seller, amount)) _credit(order.token, order.seller, amount);
    }

    /// @dev Tries to pay with `PUSH_GAS`, copying one word of what comes back. Refuses to try with less gas, or else
    /// whoever sends the transaction could choose, or a gas estimate find, that the payment fails.
    function _push(address token, address to, uint256 amount) private returns (bool success) {
        if (gasleft() < PUSH_RESERVE) revert GasTooLow(PUSH_RESERVE, gasleft());

        if (token == NATIVE_TOKEN) {
            assembly ("memory-safe") {
                success := call(PUSH_GAS, to, amount, 0, 0, 0, 0)
            }
        } else {
            bytes memory data = abi.encodeCall(IERC20.transfer, (to, amount));
            assembly ("memory-safe") {
                success := call(PUSH_GAS, token, 0, add(data, 0x20), mload(data), 0, 0x20)
                let answered := and(gt(returndatasize(), 0x1f), eq(mload(0), 1))
                let silent := and(iszero(returndatasize()), gt(extcodesize(token), 0))
                success := and(success, or(answered, silent))
            }
        }
    }
}
