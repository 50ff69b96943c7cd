// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ChunkProof, ISettlement, ModelTerms, Order, Quote, Status} from "contracts/interfaces/ISettlement.sol";
import {VM} from "./Vm.sol";
import {World} from "./World.sol";

/// @notice Properties of single steps, over all inputs.
contract FuzzTest is World {
    ModelTerms internal terms;
    bytes32 internal modelId;

    function setUp() public {
        setUpWorld();
        terms = termsWith(0.1 ether, false);
        modelId = open(terms, 100 ether);
        VM.prank(seller);
        settlement.deposit{value: 10 ether}(address(0), 10 ether);
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

        VM.warp(block.timestamp + DISPUTE_WINDOW + 1);
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

    function testFuzz_OnlyTheLockedKeyIsAccepted(bytes32 key, bytes32 other) external {
        VM.assume(key != other);
        (Order memory order,) = sell("record", key, key, 1 ether);
        VM.expectPartialRevert(ISettlement.KeyMismatch.selector);
        settlement.revealKey(order, other, "");
    }

    function testFuzz_RevealAndRefundShareNoSecond(uint256 elapsed) external {
        elapsed %= 3 * uint256(REVEAL_WINDOW);
        (Order memory order,) = sell("record", "key", "key", 1 ether);
        VM.warp(block.timestamp + elapsed);
        bool revealed = attempt(abi.encodeCall(settlement.revealKey, (order, "key", "")));
        bool refunded = attempt(abi.encodeCall(settlement.refund, (order)));
        assert(revealed == (elapsed <= REVEAL_WINDOW));
        assert(refunded == (elapsed > REVEAL_WINDOW));
    }

    function testFuzz_DisputeAndFinalizeShareNoSecond(uint256 elapsed) external {
        elapsed %= 3 * uint256(DISPUTE_WINDOW);
        (Order memory order, Sealed memory data) = sell("record", "key", "wrong key", 1 ether);
        settlement.revealKey(order, "wrong key", "");
        VM.warp(block.timestamp + elapsed);
        bool disputed = attempt(abi.encodeCall(settlement.dispute, (order, "wrong key", proofOf(data))));
        bool finalized = attempt(abi.encodeCall(settlement.finalize, (order)));
        assert(disputed == (elapsed <= DISPUTE_WINDOW));
        assert(finalized == (elapsed > DISPUTE_WINDOW));
    }

    function testFuzz_AnAlteredOrderIsRefused(uint256 word, uint256 bit) external {
        (Order memory order,) = sell("record", "key", "key", 1 ether);
        bytes memory call_ = abi.encodeCall(settlement.refund, (order));
        VM.warp(block.timestamp + REVEAL_WINDOW + 1);
        uint256 position = 4 + 32 * (word % 11) + (bit % 256) / 8;
        call_[position] ^= bytes1(uint8(1 << (bit % 8)));
        assert(!attempt(call_));
        assert(statusOf(order) == Status.Locked);
    }

    function testFuzz_AnAlteredChunkProofIsRefused(uint256 position, uint8 bit) external {
        (Order memory order, Sealed memory data) = sell(lengthen("seed", 300), "key", "wrong key", 1 ether);
        settlement.revealKey(order, "wrong key", "");
        ChunkProof memory proof = proofOf(data);
        proof.sealedChunk[position % proof.sealedChunk.length] ^= bytes1(uint8(1) << (bit % 8));
        VM.expectPartialRevert(ISettlement.CommitmentMismatch.selector);
        settlement.dispute(order, "wrong key", proof);
    }

    function testFuzz_AnAlteredSignatureLocksNothing(uint256 position, uint8 bit, bool ofOracle) external {
        Sealed memory data = seal("record", "key");
        Quote memory quote = quoteFor(modelId, "content", data.root, 1 ether);
        bytes32 keyHash = keyHashOf(modelId, "content", "key");
        bytes32 digest = settlement.quoteDigest(quote);
        bytes memory oracleSignature = signed(ORACLE_KEY, digest);
        bytes memory sellerSignature = signed(SELLER_KEY, settlement.acceptanceDigest(digest, keyHash));
        bytes memory altered = ofOracle ? oracleSignature : sellerSignature;
        altered[position % 65] ^= bytes1(uint8(1) << (bit % 8));
        assert(!attempt(abi.encodeCall(settlement.post, (terms, quote, oracleSignature, keyHash, sellerSignature))));
    }

    function testFuzz_AnAlteredQuoteLocksNothing(uint256 word, uint256 bit) external {
        Sealed memory data = seal("record", "key");
        Quote memory quote = quoteFor(modelId, "content", data.root, 1 ether);
        bytes32 keyHash = keyHashOf(modelId, "content", "key");
        bytes32 digest = settlement.quoteDigest(quote);
        bytes memory call_ = abi.encodeCall(
            settlement.post,
            (
                terms,
                quote,
                signed(ORACLE_KEY, digest),
                keyHash,
                signed(SELLER_KEY, settlement.acceptanceDigest(digest, keyHash))
            )
        );
        uint256 position = 4 + 32 * (11 + word % 7) + (bit % 256) / 8;
        call_[position] ^= bytes1(uint8(1 << (bit % 8)));
        assert(!attempt(call_));
    }

    function attempt(bytes memory call_) internal returns (bool success) {
        (success,) = address(settlement).call(call_);
    }
}
