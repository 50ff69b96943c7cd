// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Quote} from "../interfaces/ISettlement.sol";
import {ChaCha20} from "../libraries/ChaCha20.sol";
import {QuoteHash} from "../libraries/QuoteHash.sol";
import {SealedData} from "../libraries/SealedData.sol";

/// @notice Makes the libraries' functions callable by tests.
contract Harness {
    function applyKeyStream(bytes32 key, uint256 counter, bytes calldata data) external pure returns (bytes memory) {
        return ChaCha20.applyKeyStream(key, counter, data);
    }

    function hashQuote(Quote calldata quote) external pure returns (bytes32) {
        return QuoteHash.hashQuote(quote);
    }

    function countChunks(uint256 totalBytes, uint256 chunkSize) external pure returns (uint256) {
        return SealedData.countChunks(totalBytes, chunkSize);
    }

    function hashLeaf(uint256 index, uint256 length, bytes32 plainDigest, bytes32 sealedDigest)
        external
        view
        returns (bytes32)
    {
        return SealedData.hashLeaf(index, length, plainDigest, sealedDigest);
    }

    function hashRoot(uint256 totalBytes, uint256 chunkSize, bytes32 top) external view returns (bytes32) {
        return SealedData.hashRoot(totalBytes, chunkSize, top);
    }

    function topOf(bytes calldata plaintext, uint256 chunkSize, bytes32[] calldata sealedDigests)
        external
        view
        returns (bytes32)
    {
        return SealedData.topOf(plaintext, chunkSize, sealedDigests, 0, sealedDigests.length);
    }

    function topFrom(bytes32 leaf, uint256 index, uint256 count, bytes32[] calldata path)
        external
        view
        returns (bytes32)
    {
        return SealedData.topFrom(leaf, index, count, path);
    }
}
