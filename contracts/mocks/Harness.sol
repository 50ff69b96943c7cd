// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Quote, Status} from "../interfaces/ISettlement.sol";
import {ChaCha20} from "../libraries/ChaCha20.sol";
import {Digests} from "../libraries/Digests.sol";
import {OrderState, OrderStateLibrary} from "../libraries/OrderState.sol";
import {Payments} from "../libraries/Payments.sol";
import {SealedData} from "../libraries/SealedData.sol";
import {Signatures} from "../libraries/Signatures.sol";

/// @notice Makes the libraries' functions callable by tests.
contract Harness {
    receive() external payable {}

    function applyKeyStream(bytes32 key, uint256 counter, bytes calldata data) external pure returns (bytes memory) {
        return ChaCha20.applyKeyStream(key, counter, data);
    }

    function hashQuote(Quote calldata quote) external pure returns (bytes32) {
        return Digests.hashQuote(quote);
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

    function hashRoot(uint256 totalBytes, uint256 chunkSize, bytes32 treeHash_) external view returns (bytes32) {
        return SealedData.hashRoot(totalBytes, chunkSize, treeHash_);
    }

    function treeHash(bytes calldata plaintext, uint256 chunkSize, bytes32[] calldata sealedDigests)
        external
        view
        returns (bytes32)
    {
        return SealedData.treeHash(plaintext, chunkSize, sealedDigests, 0, sealedDigests.length);
    }

    function treeHashFromProof(bytes32 leaf, uint256 index, uint256 count, bytes32[] calldata path)
        external
        view
        returns (bytes32)
    {
        return SealedData.treeHashFromProof(leaf, index, count, path);
    }

    function packOrderState(Status status, uint256 deadline, bytes32 digest) external pure returns (OrderState) {
        return OrderStateLibrary.pack(status, deadline, digest);
    }

    function unpackOrderState(OrderState state)
        external
        pure
        returns (Status status, uint256 deadline, uint256 digest)
    {
        return (state.statusOf(), state.deadlineOf(), state.storedDigest());
    }

    function hasStatus(OrderState state, Status status) external pure returns (bool) {
        return state.hasStatus(status);
    }

    function matches(OrderState state, bytes32 digest) external pure returns (bool) {
        return state.matches(digest);
    }

    function isSigned(address signer, bytes32 digest, bytes calldata signature) external view returns (bool) {
        return Signatures.isSigned(signer, digest, signature);
    }

    function pull(address token, uint256 amount) external payable {
        Payments.pull(token, amount);
    }

    function send(address token, address to, uint256 amount) external {
        Payments.send(token, to, amount);
    }

    function push(address token, address to, uint256 amount) external returns (bool) {
        return Payments.push(token, to, amount);
    }
}
