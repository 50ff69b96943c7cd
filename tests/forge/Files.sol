// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ChunkProof} from "contracts/interfaces/ISettlement.sol";

/// @notice Data in chunks, plain and sealed, under one commitment.
struct File {
    uint64 totalBytes;
    uint32 chunkSize;
    bytes[] plain;
    bytes[] chunks;
    bytes32[] leaves;
    bytes32 root;
}

/// @notice Commitments as `docs/protocol.md` says, without the contract's own libraries and the other way round: a tree
/// is built up layer by layer where the contract splits it (the largest power of two to the left), and a path found by
/// splitting where the contract climbs layer by layer.
library Files {
    bytes32 internal constant LEAF_TAG = "assay/leaf/v1";
    bytes32 internal constant NODE_TAG = "assay/node/v1";
    bytes32 internal constant ROOT_TAG = "assay/root/v1";

    function commit(bytes[] memory plain, bytes[] memory chunks, uint32 chunkSize)
        internal
        pure
        returns (File memory file)
    {
        file.chunkSize = chunkSize;
        (file.plain, file.chunks) = (plain, chunks);
        file.leaves = new bytes32[](plain.length);
        for (uint256 i = 0; i < plain.length; i++) {
            file.totalBytes += uint64(plain[i].length);
            file.leaves[i] = sha256(abi.encode(LEAF_TAG, i, plain[i].length, sha256(plain[i]), sha256(chunks[i])));
        }
        file.root = rootOf(file.totalBytes, chunkSize, treeHash(file.leaves));
    }

    /// @notice A file of `totalBytes` whose ciphertext is not made from its plaintext by any key.
    function unopenable(uint256 totalBytes, uint32 chunkSize) internal pure returns (File memory) {
        uint256 count = (totalBytes + chunkSize - 1) / chunkSize;
        (bytes[] memory plain, bytes[] memory chunks) = (new bytes[](count), new bytes[](count));
        for (uint256 i = 0; i < count; i++) {
            uint256 length = i + 1 < count ? chunkSize : totalBytes - i * chunkSize;
            (plain[i], chunks[i]) = (new bytes(length), new bytes(length));
            (plain[i][0], chunks[i][0]) = (bytes1(uint8(i)), bytes1(uint8(i + 1)));
        }
        return commit(plain, chunks, chunkSize);
    }

    function rootOf(uint256 totalBytes, uint256 chunkSize, bytes32 top) internal pure returns (bytes32) {
        return sha256(abi.encode(ROOT_TAG, totalBytes, chunkSize, top));
    }

    function treeHash(bytes32[] memory leaves) internal pure returns (bytes32) {
        bytes32[] memory layer = leaves;
        while (layer.length > 1) layer = layerAbove(layer);
        return layer[0];
    }

    function layerAbove(bytes32[] memory layer) private pure returns (bytes32[] memory above) {
        above = new bytes32[]((layer.length + 1) / 2);
        for (uint256 i = 0; i < above.length; i++) {
            bool alone = 2 * i + 1 == layer.length;
            above[i] = alone ? layer[2 * i] : sha256(abi.encode(NODE_TAG, layer[2 * i], layer[2 * i + 1]));
        }
    }

    /// @notice Top of the tree over the leaves from `low` to before `high`.
    function treeHash(bytes32[] memory leaves, uint256 low, uint256 high) private pure returns (bytes32) {
        if (high - low == 1) return leaves[low];
        uint256 middle = low + split(high - low);
        return sha256(abi.encode(NODE_TAG, treeHash(leaves, low, middle), treeHash(leaves, middle, high)));
    }

    /// @notice Siblings of leaf `index`, from the leaf upwards.
    function pathOf(bytes32[] memory leaves, uint256 index) internal pure returns (bytes32[] memory) {
        return pathOf(leaves, index, 0, leaves.length, 0);
    }

    function pathOf(bytes32[] memory leaves, uint256 index, uint256 low, uint256 high, uint256 above)
        private
        pure
        returns (bytes32[] memory path)
    {
        if (high - low == 1) return new bytes32[](above);
        uint256 middle = low + split(high - low);
        bool isLeft = index < middle;
        path = isLeft ? pathOf(leaves, index, low, middle, above + 1) : pathOf(leaves, index, middle, high, above + 1);
        path[path.length - 1 - above] = isLeft ? treeHash(leaves, middle, high) : treeHash(leaves, low, middle);
    }

    function split(uint256 count) private pure returns (uint256 left) {
        left = 1;
        while (2 * left < count) left *= 2;
    }

    function proofOf(File memory file, uint256 index) internal pure returns (ChunkProof memory) {
        return ChunkProof({
            totalBytes: file.totalBytes,
            chunkSize: file.chunkSize,
            index: uint32(index),
            plainDigest: sha256(file.plain[index]),
            sealedChunk: file.chunks[index],
            path: pathOf(file.leaves, index)
        });
    }

    function plaintextOf(File memory file) internal pure returns (bytes memory plaintext) {
        for (uint256 i = 0; i < file.plain.length; i++) {
            plaintext = bytes.concat(plaintext, file.plain[i]);
        }
    }

    function sealedDigestsOf(File memory file) internal pure returns (bytes32[] memory digests) {
        digests = new bytes32[](file.chunks.length);
        for (uint256 i = 0; i < digests.length; i++) {
            digests[i] = sha256(file.chunks[i]);
        }
    }
}
