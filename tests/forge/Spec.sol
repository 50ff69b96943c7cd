// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ChunkProof, ISettlement, ModelTerms, Order, Quote, Status} from "contracts/interfaces/ISettlement.sol";
import {SilentToken, Token} from "contracts/mocks/Tokens.sol";
import {File, Files} from "./Files.sol";
import {VM} from "./Vm.sol";
import {World} from "./World.sol";

/// @notice One sale, as far as it was agreed off chain.
struct Sale {
    ModelTerms terms;
    Quote quote;
    Order order;
    bytes32 id;
    bytes32 key;
    File file;
}

/// @notice The steps that take an order as it was posted.
enum Step {
    RevealKey,
    RevealData,
    Dispute,
    Settle,
    Finalize,
    Refund
}

interface AnyToken {
    function mint(address to, uint256 amount) external;
    function approve(address spender, uint256 amount) external;
    function balanceOf(address account) external view returns (uint256);
}

/// @notice The vocabulary of the specification. Calls are encoded before they are made, so that what is expected of the
/// next call is expected of the contract's step and not of a view that was asked for its arguments.
abstract contract Spec is World {
    uint96 internal constant PRICE = 0.1 ether;
    uint96 internal constant BOND = 0.025 ether;
    uint96 internal constant MAX_BUDGET = type(uint96).max;
    /// @dev Most that EIP-7825 lets one transaction use.
    uint256 internal constant TRANSACTION_GAS = 2 ** 24;
    address internal constant NATIVE = address(0);
    address internal constant NOBODY = address(0);

    error NotRefused(bytes expected);
    error RefusedOtherwise(bytes expected, bytes actual);
    error NotEqual(uint256 actual, uint256 expected);
    error WordsNotEqual(bytes32 actual, bytes32 expected);

    function setUp() public virtual {
        setUpWorld();
    }

    // --- expectations ---

    function perform(address sender, uint256 value, bytes memory call_) internal returns (bytes memory answer) {
        bool success;
        VM.prank(sender);
        (success, answer) = address(settlement).call{value: value, gas: TRANSACTION_GAS}(call_);
        if (!success) {
            assembly ("memory-safe") {
                revert(add(answer, 0x20), mload(answer))
            }
        }
    }

    function perform(address sender, bytes memory call_) internal returns (bytes memory) {
        return perform(sender, 0, call_);
    }

    function refuses(address sender, uint256 value, bytes memory call_, bytes memory expected) internal {
        VM.prank(sender);
        (bool success, bytes memory answer) = address(settlement).call{value: value, gas: TRANSACTION_GAS}(call_);
        if (success) revert NotRefused(expected);
        if (keccak256(answer) != keccak256(expected)) revert RefusedOtherwise(expected, answer);
    }

    function refuses(address sender, bytes memory call_, bytes memory expected) internal {
        refuses(sender, 0, call_, expected);
    }

    /// @notice The next call emits what is emitted after this.
    function expectEvent() internal {
        VM.expectEmit(address(settlement));
    }

    function equal(uint256 actual, uint256 expected) internal pure {
        if (actual != expected) revert NotEqual(actual, expected);
    }

    function equal(bytes32 actual, bytes32 expected) internal pure {
        if (actual != expected) revert WordsNotEqual(actual, expected);
    }

    function equal(address actual, address expected) internal pure {
        equal(uint256(uint160(actual)), uint256(uint160(expected)));
    }

    function equal(Status actual, Status expected) internal pure {
        equal(uint256(actual), uint256(expected));
    }

    // --- errors that many steps share ---

    function zeroAmount() internal pure returns (bytes memory) {
        return abi.encodeWithSelector(ISettlement.ZeroAmount.selector);
    }

    function zeroAddress() internal pure returns (bytes memory) {
        return abi.encodeWithSelector(ISettlement.ZeroAddress.selector);
    }

    function notOwner(address actual) internal view returns (bytes memory) {
        return abi.encodeWithSelector(ISettlement.CallerNotOwner.selector, buyer, actual);
    }

    function modelUnknown(ModelTerms memory terms) internal view returns (bytes memory) {
        return abi.encodeWithSelector(ISettlement.ModelUnknown.selector, idOf(terms));
    }

    function statusMismatch(Sale memory sale, Status actual) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(ISettlement.StatusMismatch.selector, sale.id, actual);
    }

    function buyerSignatureInvalid() internal view returns (bytes memory) {
        return abi.encodeWithSelector(ISettlement.BuyerSignatureInvalid.selector, buyer);
    }

    function deadlinePassed(uint256 deadline) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(ISettlement.DeadlinePassed.selector, deadline);
    }

    function deadlineNotPassed(uint256 deadline) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(ISettlement.DeadlineNotPassed.selector, deadline);
    }

    // --- events that carry a whole step ---

    function expectPosted(Sale memory sale) internal {
        expectEvent();
        emit ISettlement.OrderPosted(
            sale.id,
            sale.order.modelId,
            sale.order.seller,
            sale.order.contentId,
            sale.order.price,
            sale.order.dataRoot,
            sale.order.keyHash
        );
    }

    function expectRevealed(Sale memory sale) internal {
        expectEvent();
        emit ISettlement.KeyRevealed(sale.id, sale.key);
    }

    function expectPaid(Sale memory sale) internal {
        expectEvent();
        emit ISettlement.OrderPaid(sale.id, sale.order.seller, uint256(sale.order.price) + sale.order.sellerBond);
    }

    function expectCredited(address token, address account, uint256 amount) internal {
        expectEvent();
        emit ISettlement.Credited(token, account, amount);
    }

    // --- money ---

    /// @notice The native coin, a token, and one that returns nothing; buyer, seller and stranger own some of each.
    function currencies() internal returns (address[3] memory) {
        return [NATIVE, give(address(new Token())), give(address(new SilentToken()))];
    }

    function give(address token) internal returns (address) {
        address[3] memory accounts = [buyer, seller, stranger];
        for (uint256 i = 0; i < accounts.length; i++) {
            AnyToken(token).mint(accounts[i], 1000 ether);
            VM.prank(accounts[i]);
            AnyToken(token).approve(address(settlement), type(uint256).max);
        }
        return token;
    }

    function held(address token, address account) internal view returns (uint256) {
        return token == NATIVE ? account.balance : AnyToken(token).balanceOf(account);
    }

    function valueOf(address token, uint256 amount) internal pure returns (uint256) {
        return token == NATIVE ? amount : 0;
    }

    function budgetOf(ModelTerms memory terms) internal view returns (uint256 budget) {
        (, budget,) = settlement.modelState(idOf(terms));
    }

    // --- models ---

    function idOf(ModelTerms memory terms) internal view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(settlement), terms));
    }

    function register(ModelTerms memory terms) internal {
        perform(terms.owner, abi.encodeCall(settlement.registerModel, (terms, oracle)));
    }

    function fund(ModelTerms memory terms, uint256 amount) internal {
        perform(buyer, valueOf(terms.token, amount), abi.encodeCall(settlement.fund, (terms, amount)));
    }

    function deposit(address token, uint256 amount) internal {
        perform(seller, valueOf(token, amount), abi.encodeCall(settlement.deposit, (token, amount)));
    }

    function bondOracle(ModelTerms memory terms, uint256 amount) internal {
        perform(buyer, valueOf(terms.token, amount), abi.encodeCall(settlement.bondOracle, (terms, oracle, amount)));
    }

    /// @notice A model with a budget of one ether.
    function opened(ModelTerms memory terms) internal returns (ModelTerms memory) {
        register(terms);
        fund(terms, 1 ether);
        return terms;
    }

    function opened() internal returns (ModelTerms memory) {
        return opened(termsWith(0, false));
    }

    function fillBudget(ModelTerms memory terms) internal {
        uint256 room = MAX_BUDGET - budgetOf(terms);
        VM.deal(buyer, room);
        fund(terms, room);
    }

    // --- the steps of a sale ---

    function agree(ModelTerms memory terms, bytes32 contentId, File memory file)
        internal
        view
        returns (Sale memory sale)
    {
        sale.terms = terms;
        sale.file = file;
        sale.key = "key";
        sale.quote = quoteFor(idOf(terms), contentId, file.root, PRICE);
        relock(sale);
    }

    function agree(ModelTerms memory terms, bytes32 contentId) internal view returns (Sale memory) {
        return agree(terms, contentId, Files.unopenable(100, CHUNK_SIZE));
    }

    function agree(ModelTerms memory terms) internal view returns (Sale memory) {
        return agree(terms, "content");
    }

    /// @notice Works the order out anew, after a change of terms, quote or key.
    function relock(Sale memory sale) internal pure {
        bytes32 keyHash = keyHashOf(sale.quote.modelId, sale.quote.contentId, sale.key);
        sale.order = orderFor(sale.terms, sale.quote, keyHash);
        sale.id = keccak256(abi.encode(sale.quote.modelId, sale.quote.contentId));
    }

    function quoteSignature(Sale memory sale, uint256 signer) internal view returns (bytes memory) {
        return signed(signer, settlement.quoteDigest(sale.quote));
    }

    function acceptance(Sale memory sale, uint256 signer) internal view returns (bytes memory) {
        bytes32 digest = settlement.quoteDigest(sale.quote);
        return signed(signer, settlement.acceptanceDigest(digest, sale.order.keyHash));
    }

    function receipt(Sale memory sale, uint256 signer) internal view returns (bytes memory) {
        return signed(signer, settlement.receiptDigest(digestOf(sale)));
    }

    function acknowledgement(Sale memory sale, uint256 signer) internal view returns (bytes memory) {
        return signed(signer, settlement.acknowledgementDigest(digestOf(sale)));
    }

    function digestOf(Sale memory sale) internal pure returns (bytes32) {
        return keccak256(abi.encode(sale.order));
    }

    function postCall(Sale memory sale, bytes memory oracleSignature, bytes memory sellerSignature)
        internal
        view
        returns (bytes memory)
    {
        return abi.encodeCall(
            settlement.post, (sale.terms, sale.quote, oracleSignature, sale.order.keyHash, sellerSignature)
        );
    }

    function postCall(Sale memory sale) internal view returns (bytes memory) {
        return postCall(sale, quoteSignature(sale, ORACLE_KEY), acceptance(sale, SELLER_KEY));
    }

    function revealCall(Sale memory sale, bytes memory receipt_) internal view returns (bytes memory) {
        return abi.encodeCall(settlement.revealKey, (sale.order, sale.key, receipt_));
    }

    function revealDataCall(Sale memory sale) internal view returns (bytes memory) {
        return abi.encodeCall(
            settlement.revealData,
            (sale.order, sale.file.chunkSize, Files.plaintextOf(sale.file), Files.sealedDigestsOf(sale.file))
        );
    }

    function disputeCall(Sale memory sale, ChunkProof memory proof) internal view returns (bytes memory) {
        return abi.encodeCall(settlement.dispute, (sale.order, sale.key, proof));
    }

    function disputeCall(Sale memory sale, uint256 index) internal view returns (bytes memory) {
        return disputeCall(sale, Files.proofOf(sale.file, index));
    }

    function stepCall(Step step, Sale memory sale) internal view returns (bytes memory) {
        if (step == Step.RevealKey) {
            return revealCall(sale, sale.order.requireReceipt ? receipt(sale, BUYER_KEY) : bytes(""));
        }
        if (step == Step.RevealData) return revealDataCall(sale);
        if (step == Step.Dispute) return disputeCall(sale, 0);
        if (step == Step.Settle) {
            return abi.encodeCall(settlement.settle, (sale.order, acknowledgement(sale, BUYER_KEY)));
        }
        if (step == Step.Finalize) return abi.encodeCall(settlement.finalize, (sale.order));
        return abi.encodeCall(settlement.refund, (sale.order));
    }

    // --- whole stretches of a sale ---

    function lock(Sale memory sale) internal returns (Sale memory) {
        if (sale.order.sellerBond > 0) deposit(sale.order.token, sale.order.sellerBond);
        perform(stranger, postCall(sale));
        return sale;
    }

    /// @notice A sale whose order was just posted, from a model opened for it.
    function locked(ModelTerms memory terms) internal returns (Sale memory) {
        return lock(agree(opened(terms)));
    }

    function locked() internal returns (Sale memory) {
        return locked(termsWith(0, false));
    }

    function reveal(Sale memory sale) internal returns (Sale memory) {
        perform(stranger, stepCall(Step.RevealKey, sale));
        return sale;
    }

    function revealed(ModelTerms memory terms) internal returns (Sale memory) {
        return reveal(locked(terms));
    }

    function revealed() internal returns (Sale memory) {
        return reveal(locked());
    }

    /// @notice Brings a locked order as far as `status`.
    function bringTo(Sale memory sale, Status status) internal {
        if (status == Status.Revealed || status == Status.Disputed) reveal(sale);
        if (status == Status.Disputed) perform(stranger, stepCall(Step.Dispute, sale));
        if (status == Status.Paid) perform(stranger, stepCall(Step.Settle, sale));
        if (status == Status.Refunded) {
            VM.warp(deadlineOf(sale) + 1);
            perform(stranger, stepCall(Step.Refund, sale));
        }
    }

    /// @notice Makes `step` possible for a locked order, as late as that takes.
    function makeReady(Sale memory sale, Step step) internal {
        if (step == Step.Dispute || step == Step.Finalize) reveal(sale);
        if (step == Step.Finalize || step == Step.Refund) VM.warp(deadlineOf(sale) + 1);
    }

    function deadlineOf(Sale memory sale) internal view returns (uint256 deadline) {
        (, deadline,) = settlement.orderState(sale.id);
    }

    function isIn(Sale memory sale, Status expected) internal view {
        equal(statusOf(sale.order), expected);
    }
}
