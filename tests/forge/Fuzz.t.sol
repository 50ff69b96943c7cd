// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ChunkProof, ISettlement, ModelTerms, Order, Quote, Status} from "contracts/interfaces/ISettlement.sol";
import {VM} from "./Vm.sol";
import {World} from "./World.sol";

/// @notice Properties of single steps, over all inputs. What every run shares is done once, in `setUp`: sealing by the
/// reference cipher above all.
contract FuzzTest is World {
    ModelTerms internal terms;
    bytes32 internal modelId;
    Order internal locked;
    Order internal revealed;
    Sealed internal unopenable;
    Quote internal quote;
    bytes32 internal keyHash;
    bytes internal oracleSignature;
    bytes internal sellerSignature;

    function setUp() public {
        setUpWorld();
        terms = termsWith(0.1 ether, false);
        modelId = open(terms, 100 ether);
        VM.prank(seller);
        settlement.deposit{value: 10 ether}(address(0), 10 ether);
        (locked,) = sell("record", "key", "key", 1 ether);
        (revealed, unopenable) = sell(lengthen("seed", 300), "key", "wrong key", 1 ether);
        settlement.revealKey(revealed, "wrong key", "");
        quote = quoteFor(modelId, "content", unopenable.root, 1 ether);
        keyHash = keyHashOf(modelId, "content", "key");
        bytes32 digest = settlement.quoteDigest(quote);
        oracleSignature = signed(ORACLE_KEY, digest);
        sellerSignature = signed(SELLER_KEY, settlement.acceptanceDigest(digest, keyHash));
    }

    function sell(bytes memory data, bytes32 key, bytes32 lockedKey, uint96 price)
        internal
        returns (Order memory order, Sealed memory sealed_)
    {
        bytes32 contentId = keccak256(abi.encode("content", data));
        sealed_ = seal(data, key);
        order = post(terms, quoteFor(modelId, contentId, sealed_.root, price), keyHashOf(modelId, contentId, lockedKey));
    }

    function priced(uint96 price) internal pure returns (uint96) {
        return 1 + price % 10 ether;
    }

    function lengthen(bytes32 seed, uint256 length) internal pure returns (bytes memory data) {
        data = new bytes(length);
        for (uint256 i = 0; i < length; i++) {
            data[i] = bytes1(uint8(uint256(keccak256(abi.encode(seed, i / 32)))) ^ uint8(i));
        }
    }

    function testFuzz_HonestSellerIsPaidInFull(bytes32 seed, uint256 length, bytes32 key, uint96 price) external {
        price = priced(price);
        (Order memory order, Sealed memory data) = sell(lengthen(seed, 1 + length % 150), key, key, price);
        settlement.revealKey(order, key, "");
        ChunkProof memory proof = proofOf(data);

        VM.expectRevert(abi.encodeWithSelector(ISettlement.ChunkMatches.selector, 0));
        settlement.dispute(order, key, proof);

        VM.warp(START + DISPUTE_WINDOW + 1);
        uint256 before = seller.balance;
        settlement.finalize(order);
        assert(seller.balance == before + price + terms.sellerBond);
        assert(statusOf(order) == Status.Paid);
    }

    function testFuzz_AKeyThatDoesNotOpenTheDataCostsTheSeller(
        bytes32 seed,
        uint256 length,
        bytes32 key,
        bytes32 lockedKey,
        uint96 price
    ) external {
        VM.assume(key != lockedKey);
        price = priced(price);
        (Order memory order, Sealed memory data) = sell(lengthen(seed, 1 + length % 150), key, lockedKey, price);
        settlement.revealKey(order, lockedKey, "");
        (, uint256 before,) = settlement.modelState(modelId);

        settlement.dispute(order, lockedKey, proofOf(data));

        (, uint256 budget,) = settlement.modelState(modelId);
        assert(budget == before + price + terms.sellerBond);
        assert(statusOf(order) == Status.Disputed);
    }

    function testFuzz_OnlyTheLockedKeyIsAccepted(bytes32 other) external {
        VM.assume(other != "key");
        VM.expectPartialRevert(ISettlement.KeyMismatch.selector);
        settlement.revealKey(locked, other, "");
    }

    function testFuzz_RevealAndRefundShareNoSecond(uint256 elapsed) external {
        elapsed %= 3 * uint256(REVEAL_WINDOW);
        VM.warp(START + elapsed);
        bool isRevealed = attempt(abi.encodeCall(settlement.revealKey, (locked, "key", "")));
        bool isRefunded = attempt(abi.encodeCall(settlement.refund, (locked)));
        assert(isRevealed == (elapsed <= REVEAL_WINDOW));
        assert(isRefunded == (elapsed > REVEAL_WINDOW));
    }

    function testFuzz_DisputeAndFinalizeShareNoSecond(uint256 elapsed) external {
        elapsed %= 3 * uint256(DISPUTE_WINDOW);
        VM.warp(START + elapsed);
        bool isDisputed = attempt(abi.encodeCall(settlement.dispute, (revealed, "wrong key", proofOf(unopenable))));
        bool isFinalized = attempt(abi.encodeCall(settlement.finalize, (revealed)));
        assert(isDisputed == (elapsed <= DISPUTE_WINDOW));
        assert(isFinalized == (elapsed > DISPUTE_WINDOW));
    }

    function testFuzz_AnAlteredOrderIsRefused(uint256 word, uint256 bit) external {
        bytes memory call_ = abi.encodeCall(settlement.refund, (locked));
        VM.warp(START + REVEAL_WINDOW + 1);
        uint256 position = 4 + 32 * (word % 11) + (bit % 256) / 8;
        call_[position] ^= bytes1(uint8(1 << (bit % 8)));
        assert(!attempt(call_));
        assert(statusOf(locked) == Status.Locked);
    }

    function testFuzz_AnAlteredChunkProofIsRefused(uint256 position, uint8 bit) external {
        ChunkProof memory proof = proofOf(unopenable);
        proof.sealedChunk[position % proof.sealedChunk.length] ^= bytes1(uint8(1) << (bit % 8));
        VM.expectPartialRevert(ISettlement.CommitmentMismatch.selector);
        settlement.dispute(revealed, "wrong key", proof);
    }

    function testFuzz_AnAlteredSignatureLocksNothing(uint256 position, uint8 bit, bool ofOracle) external {
        (bytes memory ofQuote, bytes memory ofAcceptance) = (oracleSignature, sellerSignature);
        (ofOracle ? ofQuote : ofAcceptance)[position % 65] ^= bytes1(uint8(1) << (bit % 8));
        assert(!attempt(abi.encodeCall(settlement.post, (terms, quote, ofQuote, keyHash, ofAcceptance))));
    }

    function testFuzz_AnAlteredQuoteLocksNothing(uint256 word, uint256 bit) external {
        bytes memory call_ = abi.encodeCall(settlement.post, (terms, quote, oracleSignature, keyHash, sellerSignature));
        uint256 position = 4 + 32 * (11 + word % 7) + (bit % 256) / 8;
        call_[position] ^= bytes1(uint8(1 << (bit % 8)));
        assert(!attempt(call_));
    }

    function test_UnalteredItIsLocked() external {
        assert(attempt(abi.encodeCall(settlement.post, (terms, quote, oracleSignature, keyHash, sellerSignature))));
    }

    function attempt(bytes memory call_) internal returns (bool success) {
        (success,) = address(settlement).call(call_);
    }
}
