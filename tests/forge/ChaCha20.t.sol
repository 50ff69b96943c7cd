// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Harness} from "contracts/mocks/Harness.sol";
import {ReferenceChaCha20} from "./ReferenceChaCha20.sol";
import {World} from "./World.sol";

/// @notice The Yul ChaCha20 against the RFC's test vectors, and against the RFC's text in plain Solidity.
contract ChaCha20Test is World {
    Harness internal harness;

    function setUp() public {
        harness = Harness(payable(create("Harness.sol:Harness")));
    }

    function agree(bytes32 key, uint32 counter, bytes memory data) internal view {
        bytes memory before = bytes.concat(data);
        bytes memory stream = harness.applyKeyStream(key, counter, data);
        assert(stream.length == data.length);
        assert(keccak256(stream) == keccak256(ReferenceChaCha20.xor(key, counter, before)));
    }

    /// @notice RFC 8439, appendix A.1, vectors 1 to 3, whose nonce is zero.
    function test_TheRfcsVectors() external view {
        bytes32 one = bytes32(uint256(1));
        assert(
            keccak256(harness.applyKeyStream(0, 0, new bytes(64)))
                == keccak256(
                    hex"76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586"
                )
        );
        assert(
            keccak256(harness.applyKeyStream(0, 1, new bytes(64)))
                == keccak256(
                    hex"9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f"
                )
        );
        assert(
            keccak256(harness.applyKeyStream(one, 1, new bytes(64)))
                == keccak256(
                    hex"3aeb5224ecf849929b9d828db1ced4dd832025e8018b8160b82284f3c949aa5a8eca00bbb4a73bdad192b5c42f73f2fd4e273644c8b36125a64addeb006c13a0"
                )
        );
    }

    function test_DataOfEveryLengthAroundABlock() external view {
        uint8[12] memory lengths = [0, 1, 31, 32, 63, 64, 65, 96, 127, 128, 129, 200];
        for (uint256 i = 0; i < lengths.length; i++) {
            bytes memory data = new bytes(lengths[i]);
            if (lengths[i] > 0) data[lengths[i] - 1] = 0xa5;
            agree("key", 7, data);
        }
    }

    function test_TheLastBlocksOfTheCounter() external view {
        agree("key", type(uint32).max, new bytes(64));
        agree("key", type(uint32).max - 1, new bytes(128));
    }

    function testFuzz_KeyStreamIsTheRfcs(bytes32 key, uint32 counter, bytes32 seed, uint256 length) external view {
        bytes memory data = new bytes(length % 200);
        for (uint256 i = 0; i < data.length; i++) {
            data[i] = keccak256(abi.encode(seed, i))[0];
        }
        agree(key, counter, data);
    }
}
