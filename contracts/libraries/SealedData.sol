// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ISettlement} from "../interfaces/ISettlement.sol";
import {MAX_CHUNK_BYTES, MAX_TOTAL_BYTES, MIN_CHUNK_BYTES, SALT_BYTES} from "./Constants.sol";

/// @title The commitment to sealed data: one SHA-256 Merkle tree over every chunk, in plaintext and sealed
/// @dev Leaves, nodes and the root have different tags (domain separation). A leaf binds its index and length, the root
/// binds the layout. A node cannot pass as a leaf, one chunk as another, or a truncated file as the whole.
library SealedData {
    bytes32 internal constant LEAF_TAG = "assay/leaf/v1";
    bytes32 internal constant NODE_TAG = "assay/node/v1";
    bytes32 internal constant ROOT_TAG = "assay/root/v1";

    /// @dev Number of chunks; reverts if the layout is not permitted. Every chunk holds its salt and at least one byte
    /// of data.
    function countChunks(uint256 totalBytes, uint256 chunkSize) internal pure returns (uint256) {
        unchecked {
            // Of 0 bytes this is the largest number, which the bound below refuses.
            uint256 end = totalBytes - 1;
            bool permitted = chunkSize >= MIN_CHUNK_BYTES && chunkSize <= MAX_CHUNK_BYTES
                && chunkSize & (chunkSize - 1) == 0 && end < MAX_TOTAL_BYTES;
            // `end & (chunkSize - 1)` is the last byte's offset in its chunk: a mask is the remainder by a power of
            // two.
            if (!permitted || end & (chunkSize - 1) < SALT_BYTES) {
                revert ISettlement.LayoutInvalid(totalBytes, chunkSize);
            }

            return end / chunkSize + 1;
        }
    }

    /// @dev Length in bytes of chunk `index`: `chunkSize`, except for a shorter last chunk.
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

    function hashRoot(uint256 totalBytes, uint256 chunkSize, bytes32 treeHash_) internal view returns (bytes32) {
        return hashWords(ROOT_TAG, bytes32(totalBytes), bytes32(chunkSize), treeHash_, 0, 4);
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

    /// @dev SHA-256 of `size` bytes of memory in place: Solidity's `sha256` copies them first.
    function hashAt(uint256 position, uint256 size) private view returns (bytes32 digest) {
        assembly ("memory-safe") {
            if iszero(staticcall(gas(), 2, position, size, 0, 0x20)) { revert(0, 0) }
            digest := mload(0)
        }
    }

    /// @dev Merkle tree hash of `count >= 1` chunks from chunk `first`, in a layout that `countChunks` permits. As in
    /// RFC 6962, the left subtree holds the largest power of two of chunks that is less than `count`.
    function treeHash(
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
            bytes32 left = treeHash(plaintext, chunkSize, sealedDigests, first, half);
            return hashNode(left, treeHash(plaintext, chunkSize, sealedDigests, first + half, count - half));
        }
    }

    /// @dev Merkle tree hash of `count` leaves with `leaf` at `index`, from the audit path of RFC 6962: a level where
    /// the node has no sibling has no entry in `path`. Reverts if the path has another length than index and count
    /// require.
    function treeHashFromProof(bytes32 leaf, uint256 index, uint256 count, bytes32[] calldata path)
        internal
        view
        returns (bytes32 node)
    {
        node = leaf;
        uint256 used = 0;
        unchecked {
            for (uint256 width = count; width > 1; width = (width + 1) / 2) {
                bool isRight = index % 2 == 1;
                if (isRight || index + 1 < width) {
                    if (used == path.length) revert ISettlement.ProofLengthMismatch(used + 1, path.length);
                    bytes32 sibling = path[used++];
                    (bytes32 left, bytes32 right) = isRight ? (sibling, node) : (node, sibling);
                    node = hashNode(left, right);
                }
                index /= 2;
            }
        }
        if (used != path.length) revert ISettlement.ProofLengthMismatch(used, path.length);
    }
}
