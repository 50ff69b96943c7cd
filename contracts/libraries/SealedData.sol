// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ISettlement} from "../interfaces/ISettlement.sol";
import {MAX_CHUNK_BYTES, MAX_TOTAL_BYTES, MIN_CHUNK_BYTES, SALT_BYTES} from "./Constants.sol";

/// @title The commitment to sealed data: one ordered SHA-256 tree over every chunk, plain and sealed
/// @dev Leaves, nodes and the root carry tags of their own; a leaf binds its index and length, the root binds the
/// layout. So no node passes for a leaf, no chunk for another, and no shortened file for the whole.
library SealedData {
    bytes32 internal constant LEAF_TAG = "assay/leaf/v1";
    bytes32 internal constant NODE_TAG = "assay/node/v1";
    bytes32 internal constant ROOT_TAG = "assay/root/v1";

    /// @dev Number of chunks of a permitted layout. Every chunk holds its salt and a byte of data at least.
    function countChunks(uint256 totalBytes, uint256 chunkSize) internal pure returns (uint256) {
        bool permitted = chunkSize >= MIN_CHUNK_BYTES && chunkSize <= MAX_CHUNK_BYTES
            && chunkSize & (chunkSize - 1) == 0 && totalBytes > SALT_BYTES && totalBytes <= MAX_TOTAL_BYTES;
        uint256 rest = permitted ? totalBytes % chunkSize : SALT_BYTES;
        if (rest > 0 && rest <= SALT_BYTES) revert ISettlement.LayoutInvalid(totalBytes, chunkSize);

        return (totalBytes + chunkSize - 1) / chunkSize;
    }

    /// @dev Bytes of chunk `index`: `chunkSize`, but for a shorter last one.
    function lengthOfChunk(uint256 totalBytes, uint256 chunkSize, uint256 index) internal pure returns (uint256) {
        uint256 rest = totalBytes - index * chunkSize;
        return rest < chunkSize ? rest : chunkSize;
    }

    function hashLeaf(uint256 index, uint256 length, bytes32 plainDigest, bytes32 sealedDigest)
        internal
        pure
        returns (bytes32)
    {
        return sha256(abi.encode(LEAF_TAG, index, length, plainDigest, sealedDigest));
    }

    function hashNode(bytes32 left, bytes32 right) internal pure returns (bytes32) {
        return sha256(abi.encode(NODE_TAG, left, right));
    }

    function hashRoot(uint256 totalBytes, uint256 chunkSize, bytes32 top) internal pure returns (bytes32) {
        return sha256(abi.encode(ROOT_TAG, totalBytes, chunkSize, top));
    }

    /// @dev Top of the tree over `layer`, which is overwritten. An odd last node rises unchanged.
    function topOf(bytes32[] memory layer) internal pure returns (bytes32) {
        uint256 width = layer.length;
        while (width > 1) {
            for (uint256 i = 0; i < width / 2; i++) {
                layer[i] = hashNode(layer[2 * i], layer[2 * i + 1]);
            }
            if (width % 2 == 1) layer[width / 2] = layer[width - 1];
            width = (width + 1) / 2;
        }
        return layer[0];
    }

    /// @dev Top of the tree of `count` leaves that has `leaf` at `index`. Where a node rises alone, the path skips a
    /// level; a path that is longer or shorter than the place requires is refused.
    function topFrom(bytes32 leaf, uint256 index, uint256 count, bytes32[] calldata path)
        internal
        pure
        returns (bytes32 top)
    {
        top = leaf;
        uint256 used = 0;
        for (uint256 width = count; width > 1; width = (width + 1) / 2) {
            bool isRight = index % 2 == 1;
            if (isRight || index + 1 < width) {
                if (used == path.length) revert ISettlement.ProofLengthMismatch(used + 1, path.length);
                top = isRight ? hashNode(path[used], top) : hashNode(top, path[used]);
                used++;
            }
            index /= 2;
        }
        if (used != path.length) revert ISettlement.ProofLengthMismatch(used, path.length);
    }
}
