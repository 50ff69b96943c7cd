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
        unchecked {
            // No bytes at all are the most by this.
            uint256 end = totalBytes - 1;
            bool permitted = chunkSize >= MIN_CHUNK_BYTES && chunkSize <= MAX_CHUNK_BYTES
                && chunkSize & (chunkSize - 1) == 0 && end < MAX_TOTAL_BYTES;
            // Where the last byte lies in its chunk: a power of two divides by masking.
            if (!permitted || end & (chunkSize - 1) < SALT_BYTES) {
                revert ISettlement.LayoutInvalid(totalBytes, chunkSize);
            }

            return end / chunkSize + 1;
        }
    }

    /// @dev Bytes of chunk `index`: `chunkSize`, but for a shorter last one.
    function lengthOfChunk(uint256 totalBytes, uint256 chunkSize, uint256 index) internal pure returns (uint256) {
        unchecked {
            uint256 rest = totalBytes - index * chunkSize;
            return rest < chunkSize ? rest : chunkSize;
        }
    }

    function hashLeaf(uint256 index, uint256 length, bytes32 plainDigest, bytes32 sealedDigest)
        internal
        view
        returns (bytes32)
    {
        return hashWords(LEAF_TAG, bytes32(index), bytes32(length), plainDigest, sealedDigest, 5);
    }

    function hashNode(bytes32 left, bytes32 right) internal view returns (bytes32) {
        return hashWords(NODE_TAG, left, right, 0, 0, 3);
    }

    function hashRoot(uint256 totalBytes, uint256 chunkSize, bytes32 top) internal view returns (bytes32) {
        return hashWords(ROOT_TAG, bytes32(totalBytes), bytes32(chunkSize), top, 0, 4);
    }

    /// @dev SHA-256 of the first `count` words.
    function hashWords(bytes32 a, bytes32 b, bytes32 c, bytes32 d, bytes32 e, uint256 count)
        private
        view
        returns (bytes32)
    {
        uint256 position;
        assembly ("memory-safe") {
            position := mload(0x40)
            mstore(position, a)
            mstore(add(position, 0x20), b)
            mstore(add(position, 0x40), c)
            mstore(add(position, 0x60), d)
            mstore(add(position, 0x80), e)
        }
        return hashAt(position, count * 32);
    }

    /// @dev `sha256(data)`
    function hashCalldata(bytes calldata data) internal view returns (bytes32) {
        uint256 offset;
        assembly ("memory-safe") {
            offset := data.offset
        }
        return hashCalldata(offset, data.length);
    }

    /// @dev SHA-256 of `length` bytes of calldata from `offset`.
    function hashCalldata(uint256 offset, uint256 length) private view returns (bytes32) {
        uint256 position;
        assembly ("memory-safe") {
            position := mload(0x40)
            calldatacopy(position, offset, length)
        }
        return hashAt(position, length);
    }

    /// @dev `sha256(data)`
    function hashBytes(bytes memory data) internal view returns (bytes32) {
        uint256 position;
        assembly ("memory-safe") {
            position := add(data, 0x20)
        }
        return hashAt(position, data.length);
    }

    /// @dev SHA-256 of `size` bytes of memory where they lie: Solidity's own `sha256` copies them first.
    function hashAt(uint256 position, uint256 size) private view returns (bytes32 digest) {
        assembly ("memory-safe") {
            if iszero(staticcall(gas(), 2, position, size, 0, 0x20)) { revert(0, 0) }
            digest := mload(0)
        }
    }

    /// @dev Top of the tree over `count` chunks from `first`, one at least, of a layout that `countChunks` permits. The left half is as
    /// large a power of two as leaves a right one: what layers make of them, where an odd last node rises unchanged.
    function topOf(
        bytes calldata plaintext,
        uint256 chunkSize,
        bytes32[] calldata sealedDigests,
        uint256 first,
        uint256 count
    ) internal view returns (bytes32) {
        unchecked {
            if (count == 1) {
                uint256 length = lengthOfChunk(plaintext.length, chunkSize, first);
                uint256 offset;
                assembly ("memory-safe") {
                    offset := add(plaintext.offset, mul(first, chunkSize))
                }
                return hashLeaf(first, length, hashCalldata(offset, length), sealedDigests[first]);
            }
            uint256 half = 1;
            while (half < count - half) half *= 2;
            bytes32 left = topOf(plaintext, chunkSize, sealedDigests, first, half);
            return hashNode(left, topOf(plaintext, chunkSize, sealedDigests, first + half, count - half));
        }
    }

    /// @dev Top of the tree of `count` leaves that has `leaf` at `index`. Where a node rises alone, the path skips a
    /// level; a path that is longer or shorter than the place requires is refused.
    function topFrom(bytes32 leaf, uint256 index, uint256 count, bytes32[] calldata path)
        internal
        view
        returns (bytes32 top)
    {
        top = leaf;
        uint256 used = 0;
        unchecked {
            for (uint256 width = count; width > 1; width = (width + 1) / 2) {
                bool isRight = index % 2 == 1;
                if (isRight || index + 1 < width) {
                    if (used == path.length) revert ISettlement.ProofLengthMismatch(used + 1, path.length);
                    bytes32 sibling = path[used++];
                    (bytes32 left, bytes32 right) = isRight ? (sibling, top) : (top, sibling);
                    top = hashNode(left, right);
                }
                index /= 2;
            }
        }
        if (used != path.length) revert ISettlement.ProofLengthMismatch(used, path.length);
    }
}
