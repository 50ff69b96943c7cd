// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ChunkProof, ISettlement, ModelTerms, Order, Quote, Status} from "contracts/interfaces/ISettlement.sol";
import {ReferenceChaCha20} from "./ReferenceChaCha20.sol";
import {VM} from "./Vm.sol";

/// @notice One settlement contract, one buyer, one oracle, one seller, and sealed data of one chunk, built without the
/// contract's own libraries.
abstract contract World {
    uint256 internal constant BUYER_KEY = 0xB0B;
    uint256 internal constant ORACLE_KEY = 0x0AC1E;
    uint256 internal constant SELLER_KEY = 0x5E11E5;
    uint32 internal constant REVEAL_WINDOW = 1 hours;
    uint32 internal constant DISPUTE_WINDOW = 2 hours;
    uint32 internal constant CHUNK_SIZE = 1024;
    uint256 internal constant START = 1_800_000_000;

    ISettlement internal settlement;
    address internal buyer = VM.addr(BUYER_KEY);
    address internal oracle = VM.addr(ORACLE_KEY);
    address internal seller = VM.addr(SELLER_KEY);
    address internal stranger = address(0x57A6E);

    /// @notice Data of one short chunk, sealed.
    struct Sealed {
        bytes32 key;
        bytes plain;
        bytes chunk;
        bytes32 root;
    }

    function setUpWorld() internal {
        VM.warp(START);
        settlement = ISettlement(create(artifact()));
        VM.deal(buyer, 1000 ether);
        VM.deal(seller, 1000 ether);
    }

    /// @notice Where to find the contract under test.
    function artifact() internal pure virtual returns (string memory) {
        return "Settlement.sol:Settlement";
    }

    /// @notice Puts a contract on chain by name, so that a test need not be compiled again when it changes.
    function create(string memory name) internal returns (address created) {
        bytes memory code = VM.getCode(name);
        assembly ("memory-safe") {
            created := create(0, add(code, 0x20), mload(code))
        }
        assert(created != address(0));
    }

    function termsWith(uint96 sellerBond, bool requireReceipt) internal view returns (ModelTerms memory) {
        return ModelTerms({
            owner: buyer,
            token: address(0),
            functionHash: keccak256("price function"),
            deliveryKey: keccak256("delivery key"),
            maxPrice: 10 ether,
            sellerBond: sellerBond,
            oracleBond: 0,
            revealWindow: REVEAL_WINDOW,
            disputeWindow: DISPUTE_WINDOW,
            requireReceipt: requireReceipt,
            salt: 0
        });
    }

    function open(ModelTerms memory terms, uint256 budget) internal returns (bytes32 modelId) {
        VM.prank(buyer);
        modelId = settlement.registerModel(terms, oracle);
        VM.prank(buyer);
        settlement.fund{value: budget}(terms, budget);
    }

    /// @notice Seals `data` (at most 1,008 bytes) under `key`, as `docs/protocol.md` says.
    function seal(bytes memory data, bytes32 key) internal pure returns (Sealed memory result) {
        result.key = key;
        result.plain = bytes.concat(bytes16(keccak256(abi.encode("salt", key))), data);
        result.chunk = ReferenceChaCha20.xor(key, 0, result.plain);
        bytes32 leaf = sha256(
            abi.encode(bytes32("assay/leaf/v1"), 0, result.plain.length, sha256(result.plain), sha256(result.chunk))
        );
        result.root = sha256(abi.encode(bytes32("assay/root/v1"), result.plain.length, CHUNK_SIZE, leaf));
    }

    function proofOf(Sealed memory data) internal pure returns (ChunkProof memory) {
        return ChunkProof({
            totalBytes: uint64(data.plain.length),
            chunkSize: CHUNK_SIZE,
            index: 0,
            plainDigest: sha256(data.plain),
            sealedChunk: data.chunk,
            path: new bytes32[](0)
        });
    }

    function quoteFor(bytes32 modelId, bytes32 contentId, bytes32 root, uint96 price)
        internal
        view
        returns (Quote memory)
    {
        return Quote({
            modelId: modelId,
            contentId: contentId,
            seller: seller,
            dataRoot: root,
            price: price,
            expiry: uint40(block.timestamp + 1 days),
            evaluation: keccak256("appraisal")
        });
    }

    function orderFor(ModelTerms memory terms, Quote memory quote, bytes32 keyHash)
        internal
        pure
        returns (Order memory)
    {
        return Order({
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
    }

    function keyHashOf(bytes32 modelId, bytes32 contentId, bytes32 key) internal pure returns (bytes32) {
        bytes32 orderId = keccak256(abi.encode(modelId, contentId));
        return keccak256(abi.encode(bytes32("assay/key/v1"), orderId, key));
    }

    function signed(uint256 privateKey, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = VM.sign(privateKey, digest);
        return abi.encodePacked(r, s, v);
    }

    function post(ModelTerms memory terms, Quote memory quote, bytes32 keyHash) internal returns (Order memory) {
        bytes32 digest = settlement.quoteDigest(quote);
        settlement.post(
            terms,
            quote,
            signed(ORACLE_KEY, digest),
            keyHash,
            signed(SELLER_KEY, settlement.acceptanceDigest(digest, keyHash))
        );
        return orderFor(terms, quote, keyHash);
    }

    function acknowledgement(Order memory order) internal view returns (bytes memory) {
        return signed(BUYER_KEY, settlement.acknowledgementDigest(keccak256(abi.encode(order))));
    }

    function statusOf(Order memory order) internal view returns (Status status) {
        (status,,) = settlement.orderState(keccak256(abi.encode(order.modelId, order.contentId)));
    }
}
