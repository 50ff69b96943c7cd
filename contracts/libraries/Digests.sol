// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";

import {ModelTerms, Order, Quote} from "../interfaces/ISettlement.sol";
import {KEY_TAG} from "./Constants.sol";

/// @title Digests of model terms, orders and keys, and EIP-712 struct hashes of every signed statement
/// @dev Every struct is static. Its layout in calldata and in memory is that of `abi.encode`, so it is hashed in place,
/// and `abi.encode(typehash, struct)` is EIP-712's `encodeData`. Dirty padding changes the digest: no model, signature
/// or order has that digest.
library Digests {
    bytes32 internal constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 internal constant NAME_HASH = keccak256("Assay");
    bytes32 internal constant VERSION_HASH = keccak256("1");
    bytes32 internal constant QUOTE_TYPEHASH = keccak256(
        "Quote(bytes32 modelId,bytes32 contentId,address seller,bytes32 dataRoot,uint256 price,uint256 expiry,bytes32 evaluation)"
    );
    bytes32 internal constant ACCEPTANCE_TYPEHASH = keccak256("Acceptance(bytes32 quoteDigest,bytes32 keyHash)");
    bytes32 internal constant RECEIPT_TYPEHASH = keccak256("Receipt(bytes32 orderDigest)");
    bytes32 internal constant ACKNOWLEDGEMENT_TYPEHASH = keccak256("Acknowledgement(bytes32 orderDigest)");

    /// @dev The EIP-712 domain separator. Computed in each call: a cached value would be wrong after a fork of the
    /// chain, and an immutable one would make the code differ from chain to chain.
    function hashDomain(uint256 chainId, address verifyingContract) internal pure returns (bytes32 digest) {
        (bytes32 typehash, bytes32 name, bytes32 version) = (DOMAIN_TYPEHASH, NAME_HASH, VERSION_HASH);
        assembly ("memory-safe") {
            let copy := mload(0x40)
            mstore(copy, typehash)
            mstore(add(copy, 0x20), name)
            mstore(add(copy, 0x40), version)
            mstore(add(copy, 0x60), chainId)
            mstore(add(copy, 0x80), verifyingContract)
            digest := keccak256(copy, 0xa0)
        }
    }

    /// @dev `keccak256(abi.encode(chainId, settlement, terms))`.
    function hashTerms(uint256 chainId, address settlement, ModelTerms calldata terms)
        internal
        pure
        returns (bytes32 digest)
    {
        assembly ("memory-safe") {
            let copy := mload(0x40)
            mstore(copy, chainId)
            mstore(add(copy, 0x20), settlement)
            calldatacopy(add(copy, 0x40), terms, 0x160)
            digest := keccak256(copy, 0x1a0)
        }
    }

    /// @dev The struct hash `keccak256(abi.encode(QUOTE_TYPEHASH, quote))`.
    function hashQuote(Quote calldata quote) internal pure returns (bytes32 digest) {
        bytes32 typehash = QUOTE_TYPEHASH;
        assembly ("memory-safe") {
            let copy := mload(0x40)
            mstore(copy, typehash)
            calldatacopy(add(copy, 0x20), quote, 0xe0)
            digest := keccak256(copy, 0x100)
        }
    }

    /// @dev `keccak256(abi.encode(quote.seller, quote.dataRoot, quote.price))`: the payee, the data and the price. Two
    /// quotes for one pair that differ here are equivocation. The three fields are adjacent.
    function hashOffer(Quote calldata quote) internal pure returns (bytes32 digest) {
        assembly ("memory-safe") {
            let copy := mload(0x40)
            calldatacopy(copy, add(quote, 0x40), 0x60)
            digest := keccak256(copy, 0x60)
        }
    }

    function hashAcceptance(bytes32 quoteDigest, bytes32 keyHash) internal pure returns (bytes32) {
        return hashWords(ACCEPTANCE_TYPEHASH, quoteDigest, keyHash);
    }

    function hashReceipt(bytes32 orderDigest) internal pure returns (bytes32) {
        return Hashes.efficientKeccak256(RECEIPT_TYPEHASH, orderDigest);
    }

    function hashAcknowledgement(bytes32 orderDigest) internal pure returns (bytes32) {
        return Hashes.efficientKeccak256(ACKNOWLEDGEMENT_TYPEHASH, orderDigest);
    }

    /// @dev `keccak256(abi.encode("assay/key/v1", orderId, key))`, which the seller commits to as `keyHash`.
    function hashKey(bytes32 orderId, bytes32 key) internal pure returns (bytes32) {
        return hashWords(KEY_TAG, orderId, key);
    }

    /// @dev `keccak256(abi.encode(order))`.
    function hashOrder(Order calldata order) internal pure returns (bytes32 digest) {
        assembly ("memory-safe") {
            let copy := mload(0x40)
            calldatacopy(copy, order, 0x160)
            digest := keccak256(copy, 0x160)
        }
    }

    /// @dev `keccak256(abi.encode(order))` of an order in memory.
    function hashOrderInMemory(Order memory order) internal pure returns (bytes32 digest) {
        assembly ("memory-safe") {
            digest := keccak256(order, 0x160)
        }
    }

    /// @dev `keccak256(abi.encode(a, b, c))`.
    function hashWords(bytes32 a, bytes32 b, bytes32 c) private pure returns (bytes32 digest) {
        assembly ("memory-safe") {
            let copy := mload(0x40)
            mstore(copy, a)
            mstore(add(copy, 0x20), b)
            mstore(add(copy, 0x40), c)
            digest := keccak256(copy, 0x60)
        }
    }
}
